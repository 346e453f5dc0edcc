//! A learner with all its parameters, and which of them are worth tuning.

use anyhow::{Context, bail};
use nextbest_core::bundle::card::Card;
use nextbest_core::train::{BoostParams, ForestParams, Given, Grid, LogisticParams, Parameter, Parameters};

use crate::app::usage;
use crate::config::{Algorithm, Hyperparameters};

/// A learner with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Settings {
    RandomForest(ForestParams),
    GradientBoosting(BoostParams),
    LogisticRegression(LogisticParams),
}

/// What is done with the parameters, whichever learner they are of.
macro_rules! each {
    ($settings:expr, $params:ident => $result:expr) => {
        match $settings {
            Settings::RandomForest($params) => $result,
            Settings::GradientBoosting($params) => $result,
            Settings::LogisticRegression($params) => $result,
        }
    };
}

/// The kind of rows to learn from, which decides where tuning starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowsOf {
    Bank,
    PlainTable,
}

/// One step of tuning: a parameter and the value to try.
pub(crate) type Step = (&'static str, &'static str);

impl RowsOf {
    fn values(self, grid: &Grid) -> &'static [&'static str] {
        match self {
            Self::Bank => grid.bank,
            Self::PlainTable => grid.table,
        }
    }
}

impl Settings {
    /// The learners that an algorithm stands for, each where its tuning starts.
    ///
    /// # Errors
    /// Where a parameter is out of its range.
    pub(crate) fn start(
        algorithm: Algorithm,
        config: &Hyperparameters,
        rows: RowsOf,
    ) -> anyhow::Result<Vec<Self>> {
        let all = [
            (Algorithm::RandomForest, Self::RandomForest(start(&config.random_forest, rows)?)),
            (Algorithm::GradientBoosting, Self::GradientBoosting(start(&config.gradient_boosting, rows)?)),
            (
                Algorithm::LogisticRegression,
                Self::LogisticRegression(start(&config.logistic_regression, rows)?),
            ),
        ];
        let wanted = |kind: &Algorithm| algorithm == Algorithm::Auto || algorithm == *kind;
        Ok(all.into_iter().filter(|(kind, _)| wanted(kind)).map(|(_, settings)| settings).collect())
    }

    /// The steps of tuning: the values to try of each parameter that the config leaves open, in the grid's
    /// order.
    pub(crate) fn steps(&self, config: &Hyperparameters, rows: RowsOf) -> Vec<Step> {
        match self {
            Self::RandomForest(_) => steps::<ForestParams>(&config.random_forest, rows),
            Self::GradientBoosting(_) => steps::<BoostParams>(&config.gradient_boosting, rows),
            Self::LogisticRegression(_) => steps::<LogisticParams>(&config.logistic_regression, rows),
        }
    }

    /// The same after a step of tuning.
    ///
    /// # Errors
    /// Where the learner has no such parameter, or it can't have this value.
    pub(crate) fn after(&self, (name, value): Step) -> anyhow::Result<Self> {
        let mut changed = self.clone();
        each!(&mut changed, params => params.set(name, value))?;
        Ok(changed)
    }

    /// The parameters that a model was trained with, as its card has them.
    ///
    /// # Errors
    /// Where a parameter is missing or malformed.
    pub(crate) fn of_card(card: &Card) -> anyhow::Result<Self> {
        let default = match card.algorithm.as_str() {
            ForestParams::LEARNER => {
                Self::RandomForest(ForestParams { random_state: card.seed, ..Default::default() })
            }
            BoostParams::LEARNER => {
                Self::GradientBoosting(BoostParams { random_state: card.seed, ..Default::default() })
            }
            LogisticParams::LEARNER => Self::LogisticRegression(LogisticParams::default()),
            other => bail!("the model's card names an unknown algorithm: {other:?}"),
        };
        let mut settings = default;
        each!(&mut settings, params => read_card(card, params))?;
        Ok(settings)
    }

    /// The learner's name.
    pub(crate) fn name(&self) -> &'static str {
        fn name<P: Parameters>(_: &P) -> &'static str {
            P::LEARNER
        }
        each!(self, params => name(params))
    }

    /// The seed of everything random in fitting; 0 where nothing is.
    pub(crate) fn seed(&self) -> u64 {
        match self {
            Self::RandomForest(forest) => forest.random_state,
            Self::GradientBoosting(boosting) => boosting.random_state,
            Self::LogisticRegression(_) => 0,
        }
    }

    /// The parameters by their names, for reports and the card.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        fn texts<P: Parameters>(params: &P) -> Vec<(String, String)> {
            let recorded = P::PARAMETERS.iter().filter(|parameter| parameter.recorded);
            recorded
                .filter_map(|parameter| Some((parameter.name.to_owned(), params.text(parameter.name)?)))
                .collect()
        }
        each!(self, params => texts(params))
    }
}

/// Where tuning starts: the first value of each grid, and over it what the config gives.
fn start<P: Parameters>(given: &P::Given, rows: RowsOf) -> anyhow::Result<P> {
    let mut params = P::default();
    for grid in P::GRID {
        let first = rows.values(grid).first().context("a parameter's grid is empty")?;
        params.set(grid.name, first)?;
    }
    let params = given.over(params);
    params
        .check_ranges()
        .map_err(|error| usage(anyhow::Error::from(error).context("model.hyperparameters")))?;
    Ok(params)
}

/// What follows the start in each grid whose parameter the config leaves open.
fn steps<P: Parameters>(given: &P::Given, rows: RowsOf) -> Vec<Step> {
    let open = P::GRID.iter().filter(|grid| !given.gives(grid.name));
    open.flat_map(|grid| rows.values(grid).iter().skip(1).map(|value| (grid.name, *value))).collect()
}

/// Sets each recorded parameter to what the card has.
fn read_card<P: Parameters>(card: &Card, params: &mut P) -> anyhow::Result<()> {
    for Parameter { name, .. } in P::PARAMETERS.iter().filter(|parameter| parameter.recorded) {
        let on_card = card.parameters.iter().find(|(other, _)| other == name);
        let (_, text) =
            on_card.with_context(|| format!("the model's card has no {name}: run `nextbest train` again"))?;
        params.set(name, text).context("the model's card can't be read")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_tells_the_parameters() {
        for rows in [RowsOf::Bank, RowsOf::PlainTable] {
            for settings in Settings::start(Algorithm::Auto, &Hyperparameters::default(), rows).unwrap() {
                let steps = settings.steps(&Hyperparameters::default(), rows);
                let settings = steps.iter().fold(settings, |settings, step| settings.after(*step).unwrap());
                let mut card = Card {
                    algorithm: settings.name().into(),
                    parameters: settings.parameters(),
                    seed: settings.seed(),
                    ..Card::default()
                };
                assert_eq!(Settings::of_card(&card).unwrap(), settings);
                card.parameters.pop();
                let error = Settings::of_card(&card).unwrap_err().to_string();
                assert!(error.contains("run `nextbest train` again"), "{error}");
            }
        }
    }
}
