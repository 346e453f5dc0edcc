//! The order of a customer's rows: by time, then by the values of the other columns.
//!
//! Events come unsorted, from files and from browsers, and a sum of `f64` depends on the order of its terms.
//! So each customer's rows are sorted in an order that depends on the rows alone: the same rows give the same
//! bits wherever they come from. It also allows finding a window by bisection.

use core::cmp::Ordering;

use super::is_unknown;

/// Sorts each customer's rows (those between two neighbouring offsets) by the time column, if there is one,
/// then by all columns in turn. Missing values and unknown words sort last; which of the two a row has
/// decides only between otherwise equal rows, so no sum depends on it.
pub(super) fn order_rows(columns: &mut [Vec<f64>], offsets: &[usize], time: Option<usize>) {
    let mut permutation = Vec::new();
    let mut sorted = Vec::new();
    for customer in offsets.windows(2) {
        let &[start, end] = customer else { continue };
        // Most tables are already written in order of time.
        let times = time.and_then(|time| columns.get(time)?.get(start..end)).unwrap_or_default();
        if end - start < 2 || (!times.is_empty() && times.is_sorted_by(|a, b| a < b)) {
            continue;
        }
        permutation.clear();
        permutation.extend(start..end);
        permutation.sort_unstable_by(|&a, &b| {
            let by = |compare: fn(f64, f64) -> Ordering| {
                time.into_iter()
                    .chain(0..columns.len())
                    .filter_map(|column| columns.get(column))
                    .filter_map(|values| Some(compare(*values.get(a)?, *values.get(b)?)))
                    .find(|ordering| ordering.is_ne())
                    .unwrap_or(Ordering::Equal)
            };
            by(by_value).then_with(|| by(|a, b| is_unknown(b).cmp(&is_unknown(a))))
        });
        if permutation.is_sorted() {
            continue;
        }
        for values in columns.iter_mut() {
            sorted.clear();
            sorted.extend(permutation.iter().filter_map(|&row| values.get(row).copied()));
            if let Some(rows) = values.get_mut(start..end).filter(|rows| rows.len() == sorted.len()) {
                rows.copy_from_slice(&sorted);
            }
        }
    }
}

/// By value; NaN sorts last.
fn by_value(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then_with(|| if a.is_nan() { Ordering::Equal } else { a.total_cmp(&b) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_ordered_by_time_then_by_value_within_each_customer() {
        let nan = f64::NAN;
        let mut columns = vec![
            vec![7.0, 1.0, 2.0, nan, 5.0, 4.0],
            vec![30.0, 20.0, 20.0, 20.0, nan, 10.0],
            vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
        ];
        order_rows(&mut columns, &[0, 4, 4, 6], Some(1));
        assert_eq!(columns[2], [1.0, 2.0, 3.0, 0.0, 5.0, 4.0]);
        order_rows(&mut columns, &[0, 6], None);
        assert_eq!(columns[2], [1.0, 2.0, 5.0, 4.0, 0.0, 3.0]);
        assert!(columns[0][5].is_nan() && columns[1][3].is_nan());
    }

    #[test]
    fn an_unknown_word_has_its_place_before_a_missing_one() {
        use super::super::UNKNOWN;
        let nan = f64::NAN;
        for mut columns in [
            vec![vec![1.0, 1.0, 1.0], vec![nan, UNKNOWN, nan], vec![2.0, 2.0, 1.0]],
            vec![vec![1.0, 1.0, 1.0], vec![nan, nan, UNKNOWN], vec![1.0, 2.0, 2.0]],
        ] {
            order_rows(&mut columns, &[0, 3], Some(0));
            assert_eq!(columns[2], [1.0, 2.0, 2.0], "values come before what is not known of them");
            assert_eq!([0, 1, 2].map(|row| is_unknown(columns[1][row])), [false, true, false]);
        }
    }
}
