//! How much a single feature predicts: one that alone predicts who will take a product was probably recorded
//! after the fact.

/// For each class, the area under the ROC curve of a feature's values (as in [`crate::metrics::roc_auc`], but
/// for all classes in one pass over the sorted rows), and the number of rows of the class. The area is NaN if
/// no row or every row is of the class.
///
/// `values` and `labels` belong to the same rows. Rows for which `excluded(row, class)` holds are left out of
/// that class's comparison: customers who already hold the product can't take it, and would hide a leak.
/// Missing values rank below all others.
pub fn areas_by_class(
    values: &[f32],
    labels: &[usize],
    class_count: usize,
    excluded: impl Fn(usize, usize) -> bool,
) -> Vec<(f64, usize)> {
    let mut order: Vec<(f32, usize, usize)> = values
        .iter()
        .zip(labels)
        .enumerate()
        .map(|(row, (value, label))| (if value.is_nan() { f32::NEG_INFINITY } else { *value }, row, *label))
        .collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut tallies = vec![Tally::default(); class_count];
    for tied in order.chunk_by(|a, b| a.0 == b.0) {
        for (class, tally) in tallies.iter_mut().enumerate() {
            let (mut positives, mut negatives) = (0.0, 0.0);
            for (_, row, label) in tied {
                if *label == class {
                    positives += 1.0;
                } else if !excluded(*row, class) {
                    negatives += 1.0;
                }
            }
            tally.wins += positives * (tally.negatives + negatives / 2.0);
            tally.positives += positives;
            tally.negatives += negatives;
        }
    }
    tallies
        .iter()
        .map(|tally| (tally.wins / (tally.positives * tally.negatives), tally.positives as usize))
        .collect()
}

#[derive(Clone, Default)]
struct Tally {
    wins: f64,
    positives: f64,
    negatives: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::roc_auc;

    #[test]
    fn a_leak_is_found_behind_those_who_hold_the_product_already() {
        // The leak is 1 for everyone who ever takes the product; half of them already hold it.
        let held = |row: usize| row % 10 == 1;
        let labels: Vec<usize> = (0..1000).map(|row| usize::from(row % 10 == 0)).collect();
        let leak: Vec<f32> = (0..1000).map(|row| f32::from(u8::from(row % 10 < 2))).collect();
        let noise: Vec<f32> = (0..1000).map(|row| ((row * 7919) % 1000) as f32).collect();
        let area = |values: &[f32], excluded: &dyn Fn(usize, usize) -> bool| {
            areas_by_class(values, &labels, 2, excluded)[1]
        };
        assert_eq!(area(&leak, &|row, _| held(row)), (1.0, 100));
        assert!(area(&leak, &|_, _| false).0 < 0.97);
        assert!(area(&noise, &|row, _| held(row)).0 < 0.6);
    }

    #[test]
    fn areas_agree_with_the_metric() {
        let labels: Vec<usize> = (0..300).map(|row| (row * 31) % 4).collect();
        let rows: Vec<f32> =
            (0..300).map(|row| if row % 11 == 0 { f32::NAN } else { ((row * row) % 17) as f32 }).collect();
        for (class, (area, support)) in
            areas_by_class(&rows, &labels, 4, |_, _| false).into_iter().enumerate()
        {
            let scored: Vec<(f32, bool)> = rows
                .iter()
                .zip(&labels)
                .map(|(value, label)| {
                    (if value.is_nan() { f32::NEG_INFINITY } else { *value }, *label == class)
                })
                .collect();
            assert!((area - roc_auc(&scored).unwrap()).abs() < 1e-12);
            assert_eq!(support, labels.iter().filter(|label| **label == class).count());
        }
    }
}
