//! The values of a feature in some rows.

/// The known values of a feature, sorted, and the number of missing ones.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    values: Vec<f64>,
    missing: usize,
}

impl Sample {
    /// Creates a sample from values in any order; missing ones are NaN.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut missing = 0;
        let is_known = |value: &f64| {
            missing += usize::from(value.is_nan());
            !value.is_nan()
        };
        let mut values: Vec<f64> = values.into_iter().filter(is_known).collect();
        values.sort_unstable_by(f64::total_cmp);
        Self { values, missing }
    }

    /// The known values, in ascending order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The number of known values.
    pub fn known(&self) -> usize {
        self.values.len()
    }

    /// The number of missing values.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// The population standard deviation of the known values; 0 if there are none.
    pub fn standard_deviation(&self) -> f64 {
        let count = self.values.len().max(1) as f64;
        let mean = self.values.iter().sum::<f64>() / count;
        let squares: f64 = self.values.iter().map(|value| (value - mean) * (value - mean)).sum();
        (squares / count).sqrt()
    }
}
