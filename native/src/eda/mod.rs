//! Exploratory data analysis of the feature table.
//!
//! A [`Dataset`] (columns) becomes an [`Analysis`] (numbers), which [`findings`] puts into words, [`files`]
//! into CSV and [`page`] into one HTML page. Rows are never sampled: every number is that of the whole table.

pub(crate) mod association;
pub(crate) mod correlation;
pub(crate) mod describe;
pub(crate) mod files;
pub(crate) mod findings;
pub(crate) mod histogram;
pub(crate) mod missing;
pub(crate) mod outliers;
pub(crate) mod sorted;
pub(crate) mod target;

use nextbest_core::Error;
use nextbest_core::features::word_position;
use nextbest_core::time;
use rayon::prelude::*;

use crate::io::feature_table::FeatureTable;

use association::{CategoryAssociation, TargetAssociation};
use correlation::{Matrix, Ranked};
use describe::Statistics;
use histogram::Histogram;
use missing::Missing;
use outliers::Outliers;
use sorted::Sorted;
use target::CutoffClasses;

/// A table as the analysis sees it: columns of numbers and categories, and what each row is an example of.
#[derive(Debug, Clone)]
pub(crate) struct Dataset {
    /// What the table is called.
    pub(crate) name: String,
    /// How many different customers the rows are about.
    pub(crate) customers: usize,
    /// The features.
    pub(crate) columns: Vec<Column>,
    /// The moment that each row is about, in order of time; one word where the table knows no time.
    pub(crate) cutoffs: Factor,
    /// The class of each row.
    pub(crate) target: Factor,
    /// The class that means that nothing was taken, where there is one.
    pub(crate) none_class: Option<usize>,
    /// How many days after the cut-off count for the class, where it is about time.
    pub(crate) horizon_days: Option<u32>,
}

/// A column of features.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Unique among the columns.
    pub(crate) name: String,
    /// What it is, in words.
    pub(crate) label: String,
    /// What it belongs to.
    pub(crate) group: String,
    /// What the values mean.
    pub(crate) kind: Kind,
    /// A value a row; NaN where there is none. Never infinite and never −0.
    values: Vec<f32>,
}

/// What the values of a column mean.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// Numbers.
    Numeric,
    /// Positions among these words.
    Category(Vec<String>),
}

/// A word for each row.
#[derive(Debug, Clone)]
pub(crate) struct Factor {
    /// What it is called.
    pub(crate) name: String,
    /// The words.
    pub(crate) words: Vec<String>,
    /// The position of each row's word.
    pub(crate) codes: Vec<usize>,
}

impl Column {
    /// A column; a value that is not finite counts as missing.
    pub(crate) fn new(
        name: String,
        label: String,
        group: String,
        kind: Kind,
        values: impl Iterator<Item = f32>,
    ) -> Self {
        // Adding 0 turns −0 into 0: the two are one value, but sort apart.
        let values = values.map(|value| if value.is_finite() { value + 0.0 } else { f32::NAN }).collect();
        Self { name, label, group, kind, values }
    }

    /// The words of a category, none of numbers.
    pub(crate) fn words(&self) -> &[String] {
        match &self.kind {
            Kind::Numeric => &[],
            Kind::Category(words) => words,
        }
    }

    fn codes(&self) -> impl Iterator<Item = Option<usize>> + Clone {
        self.values.iter().map(|value| word_position(*value))
    }
}

impl Dataset {
    /// The features of a feature table.
    ///
    /// # Errors
    /// If it does not have the features of each of its rows.
    pub(crate) fn of(name: String, table: &FeatureTable) -> Result<Self, Error> {
        let schema = &table.layout.schema;
        let columns = table.layout.features.iter().zip(table.matrix()?.columns()).map(|(feature, values)| {
            Column::new(
                feature.name.clone(),
                feature.label.clone(),
                feature.group.clone(),
                feature.words(schema).map_or(Kind::Numeric, |words| Kind::Category(words.to_vec())),
                values,
            )
        });
        let cutoffs = table.distinct_cutoffs();
        let mut ids: Vec<&str> = table.ids.iter().map(String::as_str).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(Self {
            name,
            customers: ids.len(),
            columns: columns.collect(),
            cutoffs: Factor {
                name: table.layout.cutoff_column.clone(),
                words: cutoffs.iter().map(|cutoff| time::format(*cutoff)).collect(),
                codes: table.cutoffs.iter().map(|cutoff| cutoffs.partition_point(|it| it < cutoff)).collect(),
            },
            target: Factor {
                name: table.layout.label_column.clone(),
                words: schema.class_names().into_iter().map(str::to_owned).collect(),
                codes: table.labels.clone(),
            },
            none_class: Some(0),
            horizon_days: Some(schema.horizon_days()),
        })
    }

    fn rows(&self) -> usize {
        self.target.codes.len()
    }

    /// The groups of features in the order in which they come, and how many features each has.
    pub(crate) fn groups(&self) -> Vec<(&str, usize)> {
        let mut groups: Vec<(&str, usize)> = Vec::new();
        for column in &self.columns {
            match groups.iter_mut().find(|(group, _)| *group == column.group) {
                Some((_, count)) => *count += 1,
                None => groups.push((&column.group, 1)),
            }
        }
        groups
    }
}

/// What was found in a table.
#[derive(Debug, Clone)]
pub(crate) struct Analysis {
    /// How many rows there are.
    pub(crate) rows: usize,
    /// Missing values, a column each.
    pub(crate) missing: Vec<Missing>,
    /// The numeric columns.
    pub(crate) numeric: Vec<NumericColumn>,
    /// The category columns.
    pub(crate) categories: Vec<CategoryColumn>,
    /// Pearson's correlation of the numeric columns.
    pub(crate) pearson: Matrix,
    /// Spearman's.
    pub(crate) spearman: Matrix,
    /// How strongly categories, the cut-off and the target go together.
    pub(crate) cramers_v: Vec<CategoryAssociation>,
    /// The classes at each cut-off.
    pub(crate) target: Vec<CutoffClasses>,
}

/// What was found in a column of numbers.
#[derive(Debug, Clone)]
pub(crate) struct NumericColumn {
    /// Which of the dataset's columns it is.
    pub(crate) column: usize,
    pub(crate) statistics: Statistics,
    pub(crate) outliers: Outliers,
    pub(crate) histogram: Histogram,
    pub(crate) target: TargetAssociation,
}

/// What was found in a column of categories.
#[derive(Debug, Clone)]
pub(crate) struct CategoryColumn {
    /// Which of the dataset's columns it is.
    pub(crate) column: usize,
    /// How many rows have each word.
    pub(crate) counts: Vec<usize>,
}

impl Analysis {
    /// Analyses a table. `step` is told what begins now.
    pub(crate) fn of(data: &Dataset, step: impl Fn(&str)) -> Self {
        step("missing values and statistics");
        let missing = data.columns.par_iter().map(|column| Missing::of(&column.values, &data.cutoffs));
        let missing = missing.collect();
        let numeric_columns: Vec<(usize, &Column)> =
            data.columns.iter().enumerate().filter(|(_, column)| column.kind == Kind::Numeric).collect();
        let (numeric, ranked): (Vec<NumericColumn>, Vec<Ranked<'_>>) = numeric_columns
            .into_par_iter()
            .map(|(position, column)| {
                let sorted = Sorted::of(&column.values);
                let ranked = Ranked::new(&column.values, sorted);
                let found = NumericColumn {
                    column: position,
                    statistics: Statistics::of(&column.values, &ranked.sorted.values),
                    outliers: Outliers::of(&ranked.sorted.values),
                    histogram: Histogram::of(&ranked.sorted.values),
                    target: TargetAssociation::of(&column.values, &ranked, &data.target, data.none_class),
                };
                (found, ranked)
            })
            .unzip();
        step("correlations");
        let pearson = Matrix::of(&ranked, correlation::pearson);
        let spearman = Matrix::of(&ranked, correlation::spearman);
        let category = |(column, it): (usize, &Column)| match &it.kind {
            Kind::Numeric => None,
            Kind::Category(words) => {
                Some(CategoryColumn { column, counts: target::count(it.codes(), words.len()) })
            }
        };
        Self {
            rows: data.rows(),
            missing,
            numeric,
            categories: data.columns.iter().enumerate().filter_map(category).collect(),
            pearson,
            spearman,
            cramers_v: association::categories(data),
            target: CutoffClasses::of(&data.cutoffs, &data.target),
        }
    }
}

#[cfg(test)]
mod tests;
