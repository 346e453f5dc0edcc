//! How good a model is where nobody knows the labels yet: what its own probabilities say, which are right on average where
//! they are calibrated ("confidence-based performance estimation"). What changes in how features and labels belong
//! together, they can't know.

/// A metric as it is to be expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Its mean over all labels that the rows could have.
    pub value: f64,
    /// The standard deviation around it, since the rows are as many as they are.
    pub standard_error: f64,
}

/// What is to be expected of some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedMetrics {
    /// How many rows there are.
    pub rows: usize,
    /// The mean of −ln(probability of what happens).
    pub log_loss: Expected,
    /// The share of rows whose most probable class happens.
    pub accuracy: Expected,
    /// The mean squared distance between the probabilities and what happens, summed over the classes.
    pub brier: Expected,
    /// For each class, the area under the ROC curve of its probability; `None` where it is not to be expected that the class both
    /// happens and does not happen.
    pub roc_auc: Vec<Option<Expected>>,
}

/// Sums over rows whose labels do not depend on each other.
#[derive(Default)]
struct Sums {
    mean: f64,
    variance: f64,
}

/// What is to be expected of rows of calibrated probabilities that stand one after the other, one value a class. `None` of no
/// rows.
pub fn expected_metrics(probabilities: &[f32], class_count: usize) -> Option<ExpectedMetrics> {
    let rows = probabilities.chunks_exact(class_count.max(1));
    let count = Some(rows.len()).filter(|count| *count > 0)?;
    let (mut log_loss, mut accuracy, mut brier) = (Sums::default(), Sums::default(), Sums::default());
    for row in rows {
        let squares: f64 = row.iter().map(|p| f64::from(*p) * f64::from(*p)).sum();
        let greatest = row.iter().copied().fold(0.0, f32::max);
        let first_greatest = row.iter().position(|p| *p == greatest);
        log_loss.add(row, |_, p| if p > 0.0 { -libm::log(p) } else { 0.0 });
        accuracy.add(row, |class, _| f64::from(u8::from(Some(class) == first_greatest)));
        brier.add(row, |_, p| squares - 2.0 * p + 1.0);
    }
    Some(ExpectedMetrics {
        rows: count,
        log_loss: log_loss.expected(count),
        accuracy: accuracy.expected(count),
        brier: brier.expected(count),
        roc_auc: (0..class_count).map(|class| area(probabilities, class_count, class)).collect(),
    })
}

/// The area under the ROC curve of a class against the rest: the share of the pairs of a row where it happens and one where it does
/// not in which the first has the greater probability (half of it where they are equal). Expected pairs of the right order over
/// expected pairs; how far it varies, to first order, follows from what each label changes (the delta method).
fn area(probabilities: &[f32], class_count: usize, class: usize) -> Option<Expected> {
    let of_class = probabilities.iter().skip(class).step_by(class_count.max(1));
    let mut sorted: Vec<f64> = of_class.map(|p| f64::from(*p)).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let happening: f64 = sorted.iter().sum();
    if happening < 1.0 || count - happening < 1.0 {
        return None;
    }
    let of_equals = |p: f64, equals: usize| (p * equals as f64, (1.0 - p) * equals as f64);
    // With each row's own pair taken out: a row is never both.
    let own: f64 = sorted.iter().map(|p| p * (1.0 - p)).sum();
    let pairs = happening * (count - happening) - own;
    let (mut below, mut in_order) = ((0.0, 0.0), 0.0);
    let mut changes = Vec::with_capacity(sorted.len());
    for equals in sorted.chunk_by(|a, b| a == b) {
        let p = equals.first().copied().unwrap_or_default();
        let here = of_equals(p, equals.len());
        // Where this one happens, it is in order with those below that do not …
        let gained = below.1 + (here.1 - (1.0 - p)) / 2.0;
        // … and where it does not, those above that do are in order with it.
        let lost = (happening - below.0 - here.0) + (here.0 - p) / 2.0;
        in_order += p * gained * equals.len() as f64;
        changes.push((p, equals.len() as f64, gained - lost));
        below = (below.0 + here.0, below.1 + here.1);
    }
    let value = in_order / pairs;
    let variance: f64 = changes
        .iter()
        .map(|(p, equals, change)| {
            let pairs_change = count - 1.0 - 2.0 * (happening - p);
            let change = (change - value * pairs_change) / pairs;
            equals * p * (1.0 - p) * change * change
        })
        .sum();
    Some(Expected { value, standard_error: variance.sqrt() })
}

impl Sums {
    /// A row, whose metric is `of` the class that happens and its probability.
    fn add(&mut self, row: &[f32], of: impl Fn(usize, f64) -> f64) {
        let (mut mean, mut square) = (0.0, 0.0);
        for (class, p) in row.iter().enumerate() {
            let p = f64::from(*p);
            let value = of(class, p);
            mean += p * value;
            square += p * value * value;
        }
        self.mean += mean;
        self.variance += (square - mean * mean).max(0.0);
    }

    fn expected(&self, count: usize) -> Expected {
        let count = count as f64;
        Expected { value: self.mean / count, standard_error: self.variance.sqrt() / count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_by_hand() {
        let found = expected_metrics(&[0.5, 0.5, 1.0, 0.0], 2).unwrap();
        let half_of_ln_2 = core::f64::consts::LN_2 / 2.0;
        assert!((found.log_loss.value - half_of_ln_2).abs() < 1e-12);
        // Whatever happens in the first row, its loss is ln 2; the second is certain.
        assert!(found.log_loss.standard_error < 1e-9);
        assert!((found.accuracy.value - 0.75).abs() < 1e-12);
        assert!((found.accuracy.standard_error - 0.25).abs() < 1e-12);
        assert!((found.brier.value - 0.25).abs() < 1e-12 && found.brier.standard_error < 1e-9);
        assert_eq!(expected_metrics(&[], 2), None);
        // Neither class is sure to happen and not to happen at least once.
        assert_eq!(found.roc_auc, [None, None]);
    }

    /// Every label that the rows could have, by brute force.
    #[test]
    fn an_area_is_that_of_all_labels() {
        let p = [0.9f32, 0.7, 0.7, 0.5, 0.2];
        let rows: Vec<f32> = p.iter().flat_map(|p| [1.0 - p, *p]).collect();
        let found = expected_metrics(&rows, 2).unwrap().roc_auc[1].unwrap();
        let (mut in_order, mut pairs) = (0.0, 0.0);
        for labels in 0u32..1 << p.len() {
            let happens = |row: usize| labels >> row & 1 == 1;
            let chance: f64 = (0..p.len())
                .map(|row| f64::from(p[row]))
                .enumerate()
                .map(|(row, p)| if happens(row) { p } else { 1.0 - p })
                .product();
            for (a, b) in (0..p.len()).flat_map(|a| (0..p.len()).map(move |b| (a, b))) {
                if happens(a) && !happens(b) {
                    pairs += chance;
                    in_order += chance
                        * if p[a] > p[b] {
                            1.0
                        } else if p[a] == p[b] {
                            0.5
                        } else {
                            0.0
                        };
                }
            }
        }
        assert!((found.value - in_order / pairs).abs() < 1e-7, "{found:?} {}", in_order / pairs);
    }
}
