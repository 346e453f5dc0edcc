//! The values that a feature can change to: the nearest value of each bin that the model distinguishes.

use crate::bundle::Bundle;
use crate::features::{Aggregate, Expression, FeatureDefinition, FeatureType, HoldingAggregate, Transform};
use crate::model::forest::BinSet;

/// A change of one feature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) feature: usize,
    /// The distance: the number of bins moved, divided by the number of the feature's bins.
    pub(super) size: f64,
    pub(super) value: f32,
}

/// All steps of the mutable features, the smallest first.
pub(super) fn steps(bundle: &Bundle, row: &[f32], mutable: &[u16]) -> Vec<Step> {
    let apart = bundle.model.told_apart(bundle.bins.feature_count());
    let mut features: Vec<usize> = mutable.iter().map(|feature| usize::from(*feature)).collect();
    features.sort_unstable();
    features.dedup();
    let mut steps = Vec::new();
    for feature in features {
        let (Some(definition), Some(value), Some(apart)) =
            (bundle.features.get(feature), row.get(feature), apart.get(feature))
        else {
            continue;
        };
        let changes = FeatureChanges { bundle, feature, definition, from: *value, apart };
        changes.push_steps(&mut steps);
    }
    // Stable: equally small steps stay in the order of features, then of bins.
    steps.sort_by(|a, b| a.size.total_cmp(&b.size));
    steps
}

/// The possible changes of one feature.
struct FeatureChanges<'b> {
    bundle: &'b Bundle,
    feature: usize,
    definition: &'b FeatureDefinition,
    from: f32,
    /// The bins that the model distinguishes from the bin before them.
    apart: &'b BinSet,
}

impl FeatureChanges<'_> {
    /// Steps from the customer's bin to both sides. A missing value starts from the reference's bin.
    fn push_steps(&self, steps: &mut Vec<Step>) {
        let bins = &self.bundle.bins;
        let reference = self.bundle.reference.get(self.feature).copied().filter(|value| !value.is_nan());
        let is_missing = self.from.is_nan();
        let anchor = if is_missing { reference.unwrap_or_default() } else { self.from };
        let (start, last) = (bins.bin(self.feature, anchor), (bins.count(self.feature) - 1) as u8);
        let (mut downwards, mut upwards) = (Vec::new(), Vec::new());
        // The next steps are measured from the last value that there was a step to.
        let mut is_new = false;
        for bin in (1..start).rev() {
            is_new |= self.apart.contains(bin + 1);
            is_new &= !self.push(&mut downwards, anchor, start, bin, is_new);
        }
        is_new = is_missing;
        is_new &= !self.push(&mut upwards, anchor, start, start, is_new);
        for bin in start..last {
            is_new |= self.apart.contains(bin + 1);
            is_new &= !self.push(&mut upwards, anchor, start, bin + 1, is_new);
        }
        steps.extend(downwards.into_iter().rev());
        steps.extend(upwards);
    }

    /// Adds a step to a bin if the bin is distinguished and holds a possible value; returns whether it did.
    fn push(&self, steps: &mut Vec<Step>, anchor: f32, start: u8, bin: u8, is_new: bool) -> bool {
        let Some(value) = is_new.then(|| self.value(anchor, start, bin)).flatten() else { return false };
        let bins = self.bundle.bins.count(self.feature) - 1;
        let is_category = self.definition.feature_type(&self.bundle.schema) == FeatureType::Category;
        let size = match self.from.is_nan() || is_category {
            true => 1.0,
            false => f64::from(start.abs_diff(bin)) / bins as f64,
        };
        steps.push(Step { feature: self.feature, size, value });
        true
    }

    /// Among the values that the feature can have, the value of a bin that is nearest to the anchor, which
    /// lies in the bin `start`.
    fn value(&self, anchor: f32, start: u8, bin: u8) -> Option<f32> {
        let edges = self.bundle.bins.edges(self.feature);
        let edge = |number: u8| edges.get(usize::from(number)).copied();
        let is_sound = |value: &f32| {
            value.is_finite()
                && self.bundle.bins.bin(self.feature, *value) == bin
                && self.definition.can_be(self.bundle, *value)
        };
        if let Some(words) = self.definition.words(&self.bundle.schema) {
            // Withheld words can't be named to a customer.
            let words = (0..words.len()).map(|word| word as f32).filter(is_sound);
            return words.min_by(|a, b| (a - anchor).abs().total_cmp(&(b - anchor).abs()));
        }
        let grain = self.definition.grain(self.bundle);
        let rounded = |value: f32, round: fn(f64) -> f64| (round(f64::from(value) * grain) / grain) as f32;
        let candidates = if bin > start {
            // Above the bin's lower edge: the edge belongs to the bin before.
            let lowest = edge(bin.checked_sub(2)?)?.next_up();
            [rounded(lowest, libm::ceil), lowest]
        } else if bin < start {
            let highest = edge(bin.checked_sub(1)?)?;
            [rounded(highest, libm::floor), highest]
        } else {
            [rounded(anchor, libm::round), anchor]
        };
        candidates.into_iter().find(is_sound)
    }
}

impl FeatureDefinition {
    /// The number of steps per unit that its values are rounded to: 1 for integers, otherwise as fine as its
    /// words are.
    fn grain(&self, bundle: &Bundle) -> f64 {
        match &self.expression {
            _ if self.is_whole(bundle) => 1.0,
            Expression::Attribute { transform: Transform::YearsSince | Transform::DaysSince, .. }
            | Expression::Holdings(_)
            | Expression::Events {
                aggregate: Aggregate::DaysSinceFirst | Aggregate::DaysSinceLast | Aggregate::DaysUntilNext(_),
                ..
            } => 10.0,
            _ => 100.0,
        }
    }

    /// Whether all its values are integers.
    fn is_whole(&self, bundle: &Bundle) -> bool {
        match &self.expression {
            Expression::Events { aggregate: Aggregate::Count | Aggregate::Distinct(_), .. }
            | Expression::Season(_) => true,
            Expression::Holdings(aggregate) => *aggregate != HoldingAggregate::DaysSinceLastTaken,
            _ => self.feature_type(&bundle.schema) == FeatureType::Category,
        }
    }

    /// Whether the feature can have a value.
    fn can_be(&self, bundle: &Bundle, value: f32) -> bool {
        if !self.is_whole(bundle) {
            return true;
        }
        let is_in_range = match self.feature_type(&bundle.schema) {
            FeatureType::Flag => value == 0.0 || value == 1.0,
            FeatureType::Category => self.word_of(&bundle.schema, value).is_some(),
            FeatureType::Number => value >= 0.0,
        };
        value.fract() == 0.0 && is_in_range
    }
}
