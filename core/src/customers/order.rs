//! The order of a customer's rows: by time, then by the values of the other columns.
//!
//! Events come unsorted, from files and from browsers. Sums of `f64` depend on the order in which they run, so every
//! customer's rows are brought into one order that depends on the rows alone; then the same rows give the same bits
//! wherever they come from. It also lets a window be found by bisection.

use core::cmp::Ordering;

/// Sorts each customer's rows (those between two neighbouring offsets) by the time column, where there is one, then by
/// all columns in turn. Missing values come last.
pub(super) fn order_rows(columns: &mut [Vec<f64>], offsets: &[usize], time: Option<usize>) {
    let mut permutation = Vec::new();
    let mut sorted = Vec::new();
    for customer in offsets.windows(2) {
        let &[start, end] = customer else { continue };
        // Most tables are written in the order of time.
        let times = time.and_then(|time| columns.get(time)?.get(start..end)).unwrap_or_default();
        if end - start < 2 || (!times.is_empty() && times.is_sorted_by(|a, b| a < b)) {
            continue;
        }
        permutation.clear();
        permutation.extend(start..end);
        permutation.sort_unstable_by(|&a, &b| {
            time.into_iter()
                .chain(0..columns.len())
                .filter_map(|column| columns.get(column))
                .map(|values| compare(values.get(a), values.get(b)))
                .find(|ordering| ordering.is_ne())
                .unwrap_or(Ordering::Equal)
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

/// By value, missing ones last. Rows that compare as equal are equal in every bit that a feature can see.
fn compare(a: Option<&f64>, b: Option<&f64>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else { return Ordering::Equal };
    a.is_nan().cmp(&b.is_nan()).then_with(|| if a.is_nan() { Ordering::Equal } else { a.total_cmp(b) })
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
}
