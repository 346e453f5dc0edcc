//! The quantities of a model: its features, the probabilities that it gives, and the class that it finds most
//! probable.

use std::collections::BTreeMap;

use nextbest_core::customers::words::told;
use nextbest_core::matrix::{Column, Matrix};
use nextbest_core::monitor::profile::Profile;
use nextbest_core::monitor::tally::Tally;
use nextbest_core::monitor::watch::choice;
use nextbest_core::{Bundle, Error};
use rayon::prelude::*;

use super::frame::Frame;
use super::quantity::{Before, Named, Quantity};

/// The rows of one side, with the scores of the model.
pub(crate) struct Scored<'s> {
    pub(crate) frame: &'s Frame,
    /// The rows' features, one column each.
    pub(crate) features: Matrix<'s, f32>,
    /// Row by row, one value a class.
    pub(crate) probabilities: Vec<f32>,
}

impl Scored<'_> {
    /// The probabilities, one column a class.
    ///
    /// # Errors
    /// If they are not of the classes of the rows' table.
    pub(crate) fn by_class(&self) -> Result<Matrix<'_, f32>, Error> {
        Matrix::new(&self.probabilities, self.frame.table.layout.schema.class_count())
    }
}

/// Today's rows.
pub(crate) enum Today<'t> {
    Rows(&'t Scored<'t>),
    /// What sketches count in the cells of the profile's distributions.
    Tallies(&'t [Tally]),
}

/// A model and its reference rows.
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
                    Quantity::of_words(named, words, distribution, rows.features.column(at)?, new)
                }
                (Today::Rows(rows), None) => {
                    let before = match self.rows {
                        Some(rows) => Before::Rows(&distribution, numbers(rows.features.column(at)?)),
                        None => Before::Cells(&distribution),
                    };
                    Quantity::of_numbers(named, before, numbers(rows.features.column(at)?))
                }
            })
        };
        (0..self.bundle.features.len()).into_par_iter().filter_map(feature).collect()
    }

    /// The most probable class other than NONE, then each class's probability.
    ///
    /// # Errors
    /// If a row does not have a probability for each class.
    pub(crate) fn scores(&self, today: &Today<'_>) -> Result<Vec<Quantity>, Error> {
        let names: Vec<String> = self.bundle.schema.class_names().into_iter().map(str::to_owned).collect();
        let features = self.bundle.features.len();
        let before = self.rows.map(Scored::by_class).transpose()?;
        let now = match today {
            Today::Rows(rows) => Some(rows.by_class()?),
            Today::Tallies(_) => None,
        };
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
        let first = match (today, now) {
            (Today::Tallies(tallies), _) => tallies
                .last()
                .map(|tally| Quantity::of_tally(chosen, Some(names.clone()), choices, tally.clone())),
            (Today::Rows(_), now) => {
                let values = now.into_iter().flat_map(Matrix::rows).map(|row| {
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
            Some(match today {
                Today::Tallies(tallies) => {
                    Quantity::of_tally(named, None, distribution, tallies.get(features + class)?.clone())
                }
                Today::Rows(_) => {
                    let before = match before {
                        Some(rows) => Before::Rows(&distribution, numbers(rows.column(class)?)),
                        None => Before::Cells(&distribution),
                    };
                    Quantity::of_numbers(named, before, numbers(now?.column(class)?))
                }
            })
        };
        Ok(first.into_iter().chain(names.iter().enumerate().filter_map(probability)).collect())
    }
}

fn numbers(column: Column<'_, f32>) -> Vec<f64> {
    column.map(f64::from).collect()
}
