//! The quantities of a model: its features, the probabilities that it gives, and the class that it finds most probable.

use std::collections::BTreeMap;

use nextbest_core::Bundle;
use nextbest_core::customers::words::told;
use nextbest_core::monitor::profile::Profile;
use nextbest_core::monitor::tally::Tally;
use nextbest_core::monitor::watch::choice;
use rayon::prelude::*;

use super::frame::Frame;
use super::quantity::{Before, Named, Quantity};

/// The rows of one side, with what the model says of them.
pub(crate) struct Scored<'s> {
    pub(crate) frame: &'s Frame,
    /// Row by row, one value a class.
    pub(crate) probabilities: Vec<f32>,
}

/// Today's rows.
pub(crate) enum Today<'t> {
    Rows(&'t Scored<'t>),
    /// What sketches count in the cells of the profile's distributions.
    Tallies(&'t [Tally]),
}

/// A model and what is known of the rows that today's are compared with.
pub(crate) struct Reference<'r> {
    pub(crate) bundle: &'r Bundle,
    pub(crate) profile: &'r Profile,
    /// The rows of the profile, where there are more than their counts.
    pub(crate) rows: Option<&'r Scored<'r>>,
}

impl Reference<'_> {
    /// Its features, on both sides.
    pub(crate) fn features(&self, today: &Today<'_>) -> Vec<Quantity> {
        let none = BTreeMap::new();
        let new_words = match today {
            Today::Rows(rows) => &rows.frame.new_words,
            Today::Tallies(_) => &none,
        };
        let feature = |at: usize| {
            let definition = self.bundle.features.get(at)?;
            let distribution = self.profile.features.get(at)?.clone();
            let words = definition
                .words(&self.bundle.schema)
                .map(|words| words.iter().map(|word| told(word).to_owned()).collect());
            let named = Named {
                name: definition.name.clone(),
                label: definition.label.clone(),
                group: definition.group.clone(),
                importance: f64::from(self.bundle.card.importance.get(at).copied().unwrap_or_default()),
            };
            Some(match (today, words) {
                (Today::Tallies(tallies), words) => {
                    Quantity::of_tally(named, words, distribution, tallies.get(at)?.clone())
                }
                (Today::Rows(rows), Some(words)) => {
                    let new = new_words.get(&definition.name).cloned().unwrap_or_default();
                    Quantity::of_words(named, words, distribution, rows.frame.column(at), new)
                }
                (Today::Rows(rows), None) => {
                    let before =
                        self.before(&distribution, |rows| rows.frame.column(at).map(f64::from).collect());
                    Quantity::of_numbers(named, before, rows.frame.column(at).map(f64::from).collect())
                }
            })
        };
        (0..self.bundle.features.len()).into_par_iter().filter_map(feature).collect()
    }

    /// The most probable class other than NONE, then each class's probability.
    pub(crate) fn scores(&self, today: &Today<'_>) -> Vec<Quantity> {
        let names: Vec<String> = self.bundle.schema.class_names().into_iter().map(str::to_owned).collect();
        let (features, classes) = (self.bundle.features.len(), names.len());
        let group = "scores".to_owned();
        let chosen = Named {
            name: "most probable".into(),
            label: match self.bundle.schema.none_class() {
                Some(_) => "product with the greatest probability, before any rule".into(),
                None => "class with the greatest probability".into(),
            },
            group: group.clone(),
            importance: 0.0,
        };
        let choices = self.profile.choices.clone();
        let first = match today {
            Today::Tallies(tallies) => tallies
                .last()
                .map(|tally| Quantity::of_tally(chosen, Some(names.clone()), choices, tally.clone())),
            Today::Rows(rows) => {
                let values = rows.probabilities.chunks_exact(classes.max(1)).map(|row| {
                    let chosen = choice(row, self.bundle.schema.none_class());
                    chosen.map_or(f32::NAN, |class| class as f32)
                });
                Some(Quantity::of_words(chosen, names.clone(), choices, values, Vec::new()))
            }
        };
        let probability = |(class, name): (usize, &String)| {
            let distribution = self.profile.probabilities.get(class)?.distribution.clone();
            let label = format!("probability of {name}");
            let named = Named { name: name.clone(), label, group: group.clone(), importance: 0.0 };
            let values = |rows: &Scored<'_>| {
                let of_class = rows.probabilities.iter().skip(class).step_by(classes.max(1));
                of_class.map(|value| f64::from(*value)).collect()
            };
            Some(match today {
                Today::Tallies(tallies) => {
                    Quantity::of_tally(named, None, distribution, tallies.get(features + class)?.clone())
                }
                Today::Rows(rows) => {
                    Quantity::of_numbers(named, self.before(&distribution, values), values(rows))
                }
            })
        };
        first.into_iter().chain(names.iter().enumerate().filter_map(probability)).collect()
    }

    fn before<'d>(
        &self,
        distribution: &'d nextbest_core::monitor::distribution::Distribution,
        values: impl Fn(&Scored<'_>) -> Vec<f64>,
    ) -> Before<'d> {
        match self.rows {
            Some(rows) => Before::Rows(distribution, values(rows)),
            None => Before::Cells(distribution),
        }
    }
}
