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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpectedMetrics {
    /// How many rows there are.
    pub rows: usize,
    /// The mean of −ln(probability of what happens).
    pub log_loss: Expected,
    /// The share of rows whose most probable class happens.
    pub accuracy: Expected,
    /// The mean squared distance between the probabilities and what happens, summed over the classes.
    pub brier: Expected,
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
    })
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
    }
}
