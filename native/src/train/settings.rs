//! A kind of model with all its parameters, and which of them are worth tuning.

use std::str::FromStr;

use anyhow::{Context, bail};
use nextbest_core::bundle::card::Card;
use nextbest_core::train::{BoostParams, ForestParams, LogisticParams, MaxFeatures};

use crate::config::{Algorithm, Hyperparameters};

/// A kind of model with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Settings {
    RandomForest(ForestParams),
    GradientBoosting(BoostParams),
    LogisticRegression(LogisticParams),
}

/// A parameter and the values that are worth trying besides the first one.
pub(crate) type Choice = (&'static str, &'static [f64]);

/// What rows are like, which decides where tuning starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowsOf {
    /// Hundred thousands of rows, of which few percent took something: large leaves and strong penalties.
    Bank,
    /// Often few rows with clear classes.
    PlainTable,
}

impl Settings {
    /// The kinds that an algorithm stands for, each where its tuning starts.
    pub(crate) fn start(algorithm: Algorithm, config: &Hyperparameters, rows: RowsOf) -> Vec<Self> {
        let mut forest = config.random_forest.params();
        let mut boosting = config.gradient_boosting.params();
        let mut logistic = config.logistic_regression.params();
        match rows {
            RowsOf::Bank => {
                boosting.leaves = config.gradient_boosting.num_leaves.unwrap_or(7);
                boosting.min_child_weight = config.gradient_boosting.min_child_weight.unwrap_or(5.0);
            }
            RowsOf::PlainTable => {
                forest.min_samples_leaf = config.random_forest.min_samples_leaf.unwrap_or(5);
                logistic.alpha = config.logistic_regression.alpha.unwrap_or(1.0);
            }
        }
        let all = [
            (Algorithm::RandomForest, Self::RandomForest(forest)),
            (Algorithm::GradientBoosting, Self::GradientBoosting(boosting)),
            (Algorithm::LogisticRegression, Self::LogisticRegression(logistic)),
        ];
        let wanted = |kind: &Algorithm| algorithm == Algorithm::Auto || algorithm == *kind;
        all.into_iter().filter(|(kind, _)| wanted(kind)).map(|(_, settings)| settings).collect()
    }

    /// What may be changed: the parameters that the config leaves open, those first that matter most.
    pub(crate) fn choices(&self, config: &Hyperparameters, rows: RowsOf) -> Vec<Choice> {
        let choices: Vec<(bool, Choice)> = match self {
            Self::RandomForest(_) => {
                let open = &config.random_forest;
                let leaves: &[f64] = if rows == RowsOf::Bank { &[5.0, 50.0] } else { &[1.0, 20.0] };
                vec![
                    (open.min_samples_leaf.is_none(), ("min_samples_leaf", leaves)),
                    (open.max_features.is_none(), ("max_features", &[0.33])),
                    (open.max_depth.is_none(), ("max_depth", &[18.0, 8.0])),
                ]
            }
            Self::GradientBoosting(_) => {
                let open = &config.gradient_boosting;
                let (leaves, weights): (&[f64], &[f64]) = match rows {
                    RowsOf::Bank => (&[15.0, 4.0], &[20.0, 1.0]),
                    RowsOf::PlainTable => (&[7.0, 15.0], &[5.0, 0.2]),
                };
                vec![
                    (open.num_leaves.is_none(), ("num_leaves", leaves)),
                    (open.min_child_weight.is_none(), ("min_child_weight", weights)),
                    (open.reg_lambda.is_none(), ("reg_lambda", &[10.0, 1.0])),
                    (open.colsample_bytree.is_none(), ("colsample_bytree", &[0.5])),
                    (open.learning_rate.is_none(), ("learning_rate", &[0.05])),
                    (open.subsample.is_none(), ("subsample", &[0.7])),
                ]
            }
            Self::LogisticRegression(_) => {
                let penalties: &[f64] =
                    if rows == RowsOf::Bank { &[3.0, 300.0, 3000.0] } else { &[0.1, 10.0, 100.0] };
                vec![(config.logistic_regression.alpha.is_none(), ("alpha", penalties))]
            }
        };
        choices.into_iter().filter(|(open, _)| *open).map(|(_, choice)| choice).collect()
    }

    /// The same with one parameter changed.
    pub(crate) fn with(&self, name: &str, value: f64) -> Self {
        let mut changed = self.clone();
        match (&mut changed, name) {
            (Self::RandomForest(forest), "min_samples_leaf") => forest.min_samples_leaf = value as u32,
            (Self::RandomForest(forest), "max_features") => forest.max_features = MaxFeatures::Share(value),
            (Self::RandomForest(forest), "max_depth") => forest.max_depth = value as u32,
            (Self::GradientBoosting(boosting), "num_leaves") => boosting.leaves = value as usize,
            (Self::GradientBoosting(boosting), "min_child_weight") => boosting.min_child_weight = value,
            (Self::GradientBoosting(boosting), "reg_lambda") => boosting.l2 = value,
            (Self::GradientBoosting(boosting), "colsample_bytree") => boosting.feature_share = value,
            (Self::GradientBoosting(boosting), "learning_rate") => boosting.learning_rate = value,
            (Self::GradientBoosting(boosting), "subsample") => boosting.row_share = value,
            (Self::LogisticRegression(logistic), "alpha") => logistic.alpha = value,
            _ => {}
        }
        changed
    }

    /// The parameters that a model was trained with, as its card has them.
    ///
    /// # Errors
    /// Where one is missing or is none.
    pub(crate) fn of_card(card: &Card) -> anyhow::Result<Self> {
        let parameters = Parameters(card);
        Ok(match card.algorithm.as_str() {
            "random_forest" => Self::RandomForest(ForestParams {
                trees: parameters.get("n_estimators")?,
                max_depth: parameters.get("max_depth")?,
                max_leaf_nodes: parameters.optional("max_leaf_nodes", "none")?,
                min_samples_split: parameters.get("min_samples_split")?,
                min_samples_leaf: parameters.get("min_samples_leaf")?,
                max_features: parameters
                    .optional("max_features", "sqrt")?
                    .map_or(MaxFeatures::Sqrt, MaxFeatures::Share),
                bootstrap: parameters.get("bootstrap")?,
                extra_trees: parameters.get("extra_trees")?,
                leaf_smoothing: parameters.get("leaf_smoothing")?,
                seed: card.seed,
            }),
            "gradient_boosting" => Self::GradientBoosting(BoostParams {
                rounds: parameters.get("n_estimators")?,
                learning_rate: parameters.get("learning_rate")?,
                leaves: parameters.get("num_leaves")?,
                max_depth: parameters.get("max_depth")?,
                min_child_weight: parameters.get("min_child_weight")?,
                l1: parameters.get("reg_alpha")?,
                l2: parameters.get("reg_lambda")?,
                row_share: parameters.get("subsample")?,
                feature_share: parameters.get("colsample_bytree")?,
                // The rounds are known already.
                patience: parameters.get("n_estimators")?,
                seed: card.seed,
            }),
            "logistic_regression" => Self::LogisticRegression(LogisticParams {
                alpha: parameters.get("alpha")?,
                max_iter: parameters.get("max_iter")?,
                tolerance: parameters.get("tolerance")?,
            }),
            other => bail!("the model's card names an unknown algorithm: {other:?}"),
        })
    }

    /// The kind's name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::RandomForest(_) => "random_forest",
            Self::GradientBoosting(_) => "gradient_boosting",
            Self::LogisticRegression(_) => "logistic_regression",
        }
    }

    /// The seed of everything random in fitting; 0 where nothing is.
    pub(crate) fn seed(&self) -> u64 {
        match self {
            Self::RandomForest(forest) => forest.seed,
            Self::GradientBoosting(boosting) => boosting.seed,
            Self::LogisticRegression(_) => 0,
        }
    }

    /// The parameters by their names, for reports and the card.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let parameters: Vec<(&str, String)> = match self {
            Self::RandomForest(forest) => vec![
                ("n_estimators", forest.trees.to_string()),
                ("max_depth", forest.max_depth.to_string()),
                ("max_leaf_nodes", forest.max_leaf_nodes.map_or("none".into(), |leaves| leaves.to_string())),
                ("min_samples_split", forest.min_samples_split.to_string()),
                ("min_samples_leaf", forest.min_samples_leaf.to_string()),
                (
                    "max_features",
                    match forest.max_features {
                        MaxFeatures::Sqrt => "sqrt".into(),
                        MaxFeatures::Share(share) => share.to_string(),
                    },
                ),
                ("bootstrap", forest.bootstrap.to_string()),
                ("extra_trees", forest.extra_trees.to_string()),
                ("leaf_smoothing", forest.leaf_smoothing.to_string()),
            ],
            Self::GradientBoosting(boosting) => vec![
                ("n_estimators", boosting.rounds.to_string()),
                ("learning_rate", boosting.learning_rate.to_string()),
                ("num_leaves", boosting.leaves.to_string()),
                ("max_depth", boosting.max_depth.to_string()),
                ("min_child_weight", boosting.min_child_weight.to_string()),
                ("subsample", boosting.row_share.to_string()),
                ("colsample_bytree", boosting.feature_share.to_string()),
                ("reg_alpha", boosting.l1.to_string()),
                ("reg_lambda", boosting.l2.to_string()),
            ],
            Self::LogisticRegression(logistic) => vec![
                ("alpha", logistic.alpha.to_string()),
                ("max_iter", logistic.max_iter.to_string()),
                ("tolerance", logistic.tolerance.to_string()),
            ],
        };
        parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The parameters on a card.
struct Parameters<'c>(&'c Card);

impl Parameters<'_> {
    fn text(&self, name: &str) -> anyhow::Result<&str> {
        let found = self.0.parameters.iter().find(|(other, _)| other == name);
        let found = found.map(|(_, value)| value.as_str());
        found.with_context(|| format!("the model's card has no {name}: run `nextbest train` again"))
    }

    fn get<T: FromStr>(&self, name: &str) -> anyhow::Result<T> {
        let text = self.text(name)?;
        text.parse().ok().with_context(|| format!("the model's card has a {name} that is none: {text:?}"))
    }

    /// A parameter; nothing where this word stands in its place.
    fn optional<T: FromStr>(&self, name: &str, nothing: &str) -> anyhow::Result<Option<T>> {
        if self.text(name)? == nothing { Ok(None) } else { self.get(name).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_tells_the_parameters() {
        for rows in [RowsOf::Bank, RowsOf::PlainTable] {
            for settings in Settings::start(Algorithm::Auto, &Hyperparameters::default(), rows) {
                let mut settings = settings.with("max_features", 0.33).with("learning_rate", 0.05);
                // How long to be patient is no matter once the rounds are known.
                if let Settings::GradientBoosting(boosting) = &mut settings {
                    boosting.patience = boosting.rounds;
                }
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
