//! Multinomial logistic regression over standardised bin ranks and the bins of categories.
//!
//! A number enters as the rank of its bin, standardised over the training rows: heavy tails do no harm, and
//! the bins are those of the forests. A missing value enters as the mean. A category, whose order is
//! meaningless, has a weight for each of its bins, including the missing one.

use serde::{Deserialize, Serialize};

use super::bins::{Bins, MAX_FEATURES, MISSING_BIN};
use super::contributions::Contributions;
use super::softmax::softmax;
use crate::decode::bounded::{at_most, list};

/// The limit of scores: models that could exceed it are refused. It is far below the range of `f32`, so
/// neither a score nor a difference of scores overflows.
pub(super) const MAX_SCORE: f64 = 1e30;

/// A linear model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// The mean rank of each feature's bin in training.
    #[serde(deserialize_with = "list")]
    pub(crate) means: Vec<f32>,
    /// 1 / the standard deviation of the rank; 0 for a constant feature.
    #[serde(deserialize_with = "list")]
    pub(crate) inverse_deviations: Vec<f32>,
    /// Class by class, one weight per feature.
    #[serde(deserialize_with = "list")]
    pub(crate) weights: Vec<f32>,
    /// The weights of categories, in feature order.
    #[serde(deserialize_with = "at_most::<MAX_FEATURES, _, _>")]
    pub(crate) categories: Vec<CategoryWeights>,
    /// One per class.
    #[serde(deserialize_with = "list")]
    pub(crate) intercepts: Vec<f32>,
}

/// What the bins of a category add to the scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CategoryWeights {
    /// The feature.
    pub(crate) feature: u16,
    /// Bin by bin, starting with the missing bin, one weight per class.
    #[serde(deserialize_with = "list")]
    pub(crate) weights: Vec<f32>,
}

impl Linear {
    /// The number of classes.
    pub fn class_count(&self) -> usize {
        self.intercepts.len()
    }

    /// The standardised rank of a bin; 0 for the missing bin.
    pub fn standardise(&self, feature: usize, bin: u8) -> f32 {
        match (bin, self.means.get(feature), self.inverse_deviations.get(feature)) {
            (MISSING_BIN, _, _) | (_, None, _) | (_, _, None) => 0.0,
            (bin, Some(mean), Some(inverse)) => (f32::from(bin) - mean) * inverse,
        }
    }

    /// The probabilities for one row of bins: the softmax of the class scores.
    pub fn predict(&self, bins: &[u8], probabilities: &mut [f32]) {
        let classes = self.weights.chunks_exact(self.means.len().max(1));
        for ((score, weights), intercept) in probabilities.iter_mut().zip(classes).zip(&self.intercepts) {
            let terms = bins.iter().zip(weights).enumerate();
            *score = terms.fold(*intercept, |sum, (feature, (bin, weight))| {
                sum + weight * self.standardise(feature, *bin)
            });
        }
        let class_count = self.intercepts.len();
        for category in &self.categories {
            let bin = bins.get(usize::from(category.feature)).copied().unwrap_or(MISSING_BIN);
            let weights = category.weights.iter().skip(usize::from(bin) * class_count);
            probabilities.iter_mut().zip(weights).for_each(|(score, weight)| *score += weight);
        }
        softmax(probabilities);
    }

    /// The contributions of the features to the scores of some classes, from the bins of a row and of a
    /// reference row. A score is a sum of terms of one feature each, so a feature contributes the difference
    /// of its terms. Classes that the model does not have are left out; `None` if the bins do not fit the
    /// model.
    pub(super) fn contributions(
        &self,
        row: &[u8],
        reference: &[u8],
        classes: &[usize],
    ) -> Option<Contributions> {
        let intercept = |class: &usize| Some((*class, f64::from(*self.intercepts.get(*class)?)));
        let (classes, base): (Vec<usize>, Vec<f64>) = classes.iter().filter_map(intercept).unzip();
        let mut contributions = Contributions { outputs: base.clone(), classes, base, values: Vec::new() };
        for (feature, (row, reference)) in row.iter().zip(reference).enumerate() {
            let place = self.categories.binary_search_by_key(&feature, |category| category.feature.into());
            let category = place.ok().and_then(|place| self.categories.get(place));
            let places = contributions.base.iter_mut().zip(&mut contributions.outputs);
            for (class, (base, output)) in contributions.classes.iter().zip(places) {
                let before = self.term(feature, category, *reference, *class)?;
                let now = self.term(feature, category, *row, *class)?;
                *base += before;
                *output += now;
                contributions.values.push(now - before);
            }
        }
        Some(contributions)
    }

    /// The term that a feature in this bin adds to the score of a class.
    fn term(&self, feature: usize, category: Option<&CategoryWeights>, bin: u8, class: usize) -> Option<f64> {
        let weight = self.weights.get(class * self.means.len() + feature)?;
        let of_bin = match category {
            Some(category) => *category.weights.get(usize::from(bin) * self.class_count() + class)?,
            None => 0.0,
        };
        Some(f64::from(*weight) * f64::from(self.standardise(feature, bin)) + f64::from(of_bin))
    }

    pub(super) fn check(&self, bins: &Bins) -> Result<(), String> {
        let features = bins.feature_count();
        let shapes = features > 0
            && self.means.len() == features
            && self.inverse_deviations.len() == features
            && self.weights.len() == features * self.intercepts.len()
            && self.categories.is_sorted_by(|a, b| a.feature < b.feature)
            && self.categories.iter().all(|category| {
                let feature = usize::from(category.feature);
                feature < features && category.weights.len() == bins.count(feature) * self.intercepts.len()
            });
        match shapes && self.greatest_score(bins) <= MAX_SCORE {
            true => Ok(()),
            false => Err("the linear model's numbers are not finite or do not fit the features".into()),
        }
    }

    /// All its numbers.
    #[cfg(feature = "train")]
    pub(crate) fn numbers(&self) -> impl Iterator<Item = f32> {
        let lists = [&self.means, &self.inverse_deviations, &self.weights, &self.intercepts];
        lists.into_iter().chain(self.categories.iter().map(|category| &category.weights)).flatten().copied()
    }

    /// An upper bound of the absolute values of all scores and standardised ranks; NaN or infinite if one may
    /// not be finite.
    fn greatest_score(&self, bins: &Bins) -> f64 {
        let features = || self.means.iter().zip(&self.inverse_deviations).enumerate();
        // Of all bins, the first or the last is furthest from the mean.
        let greatest_ranks: Vec<f64> = features()
            .map(|(feature, (mean, inverse))| {
                let from_mean = |bin: f64| ((bin - f64::from(*mean)) * f64::from(*inverse)).abs();
                from_mean(1.0) + from_mean((bins.count(feature) - 1) as f64)
            })
            .collect();
        let of_class = |(weights, intercept): (&[f32], &f32)| {
            let terms =
                weights.iter().zip(&greatest_ranks).map(|(weight, rank)| f64::from(*weight).abs() * rank);
            terms.sum::<f64>() + f64::from(*intercept).abs()
        };
        let classes = self.weights.chunks_exact(self.means.len().max(1)).zip(&self.intercepts);
        let of_bins = self.categories.iter().flat_map(|category| &category.weights);
        // A sum keeps a NaN, a maximum would lose it.
        classes.map(of_class).sum::<f64>()
            + greatest_ranks.iter().sum::<f64>()
            + of_bins.map(|weight| f64::from(*weight).abs()).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two features of three bins each, three classes.
    fn bins() -> Bins {
        Bins::new(vec![vec![0.0, 1.0]; 2]).unwrap()
    }

    fn model() -> Linear {
        Linear {
            means: vec![2.0, 1.5],
            inverse_deviations: vec![0.5, 2.0],
            weights: vec![0.0, 0.0, 1.0, -0.5, 0.25, 2.0],
            categories: Vec::new(),
            intercepts: vec![0.5, -1.0, 0.0],
        }
    }

    #[test]
    fn probabilities_are_the_softmax_of_the_scores() {
        for (bins, scores) in [
            ([1, 3], [0.5, -1.0 - 0.5 - 0.5 * 3.0, 0.25 * -0.5 + 2.0 * 3.0]),
            ([3, 1], [0.5, -1.0 + 0.5 + 0.5, 0.25 * 0.5 - 2.0]),
            // A missing value enters as the mean.
            ([MISSING_BIN, 1], [0.5, -1.0 + 0.5, -2.0]),
            ([MISSING_BIN, MISSING_BIN], [0.5, -1.0, 0.0]),
        ] {
            let mut probabilities = [0.0; 3];
            model().predict(&bins, &mut probabilities);
            let total: f64 = scores.iter().map(|score: &f64| score.exp()).sum();
            for (probability, score) in probabilities.iter().zip(scores) {
                assert!((f64::from(*probability) - score.exp() / total).abs() < 1e-6, "{bins:?}");
            }
        }
    }

    #[test]
    fn a_category_has_weights_for_each_bin_and_for_none() {
        let weights = vec![0.5, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.25, 0.25, 0.0];
        let model = Linear { categories: vec![CategoryWeights { feature: 1, weights }], ..model() };
        let model = Linear { inverse_deviations: vec![0.5, 0.0], ..model };
        assert_eq!(model.check(&bins()), Ok(()));
        for (bin, added) in [(MISSING_BIN, [0.5, 0.0, 0.0]), (1, [0.0, 1.0, 0.0]), (3, [0.25, 0.25, 0.0])] {
            let mut probabilities = [0.0; 3];
            model.predict(&[3, bin], &mut probabilities);
            let scores = [0.5 + added[0], -1.0 + 0.5 + added[1], 0.125 + added[2]];
            let total: f64 = scores.iter().map(|score: &f64| score.exp()).sum();
            for (probability, score) in probabilities.iter().zip(scores) {
                assert!((f64::from(*probability) - score.exp() / total).abs() < 1e-6, "bin {bin}");
            }
        }
    }

    #[test]
    fn scores_far_apart_are_no_overflow() {
        let mut scores = [1e30, -1e30, 1e30];
        softmax(&mut scores);
        assert_eq!(scores, [0.5, 0.0, 0.5]);
    }

    #[test]
    fn numbers_that_could_overflow_are_refused() {
        type Spoil = fn(&mut Linear);
        fn with(model: &mut Linear, features: &[u16], count: usize, weight: f32) {
            let category =
                |feature: &u16| CategoryWeights { feature: *feature, weights: vec![weight; count] };
            model.categories = features.iter().map(category).collect();
        }
        let cases: [Spoil; 16] = [
            |m| m.weights[2] = f32::NAN,
            |m| m.weights[2] = f32::INFINITY,
            |m| m.intercepts[1] = f32::NEG_INFINITY,
            |m| m.means[0] = f32::NAN,
            |m| m.inverse_deviations[1] = f32::NAN,
            // Finite, but the score is not.
            |m| m.weights[5] = f32::MAX,
            |m| m.means[0] = 1e32,
            // Here the rank is not finite, though its weights are 0.
            |m| (m.means[0], m.inverse_deviations[0], m.weights[2], m.weights[4]) = (f32::MAX, 2.0, 0.0, 0.0),
            |m| m.means.truncate(1),
            |m| m.weights.truncate(5),
            |m| with(m, &[0], 11, 0.0),
            |m| with(m, &[2], 12, 0.0),
            |m| with(m, &[0, 0], 12, 0.0),
            |m| with(m, &[1, 0], 12, 0.0),
            |m| with(m, &[0], 12, f32::NAN),
            |m| with(m, &[0, 1], 12, 1e30),
        ];
        let mut sound = model();
        with(&mut sound, &[0, 1], 12, 1e28);
        assert_eq!((model().check(&bins()), sound.check(&bins())), (Ok(()), Ok(())));
        for (number, spoil) in cases.into_iter().enumerate() {
            let mut model = model();
            spoil(&mut model);
            assert!(model.check(&bins()).is_err(), "case {number}");
        }
    }
}
