//! What stands out, in words: for summary.txt, the terminal and the top of the page.

use serde::Serialize;

use super::association::CategoryAssociation;
use super::{Analysis, Dataset, NumericColumn};
use crate::app::number::{count, number, percent};

/// So many examples are named in a sentence.
const EXAMPLES: usize = 3;
/// Two features this strongly correlated say much the same.
const STRONG: f64 = 0.9;
/// A feature that is 0 in more rows than this says little.
const MOSTLY_ZERO: f64 = 0.99;
/// A missing share that differs by more than this between cut-offs is worth a look.
const MISSING_RANGE: f64 = 0.1;

/// Something that a reader should know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Finding {
    /// What it is about.
    pub(crate) topic: &'static str,
    /// One to three sentences.
    pub(crate) text: String,
}

/// What stands out in a table.
pub(crate) fn findings(data: &Dataset, analysis: &Analysis) -> Vec<Finding> {
    let finder = Finder { data, analysis };
    let found = [
        ("Table", Some(finder.size())),
        ("Target", finder.classes()),
        ("Drift", finder.drift()),
        ("Target and features", finder.telling()),
        ("Missing", Some(finder.missing())),
        ("Little variation", finder.constants()),
        ("Correlation", Some(finder.correlation())),
        ("Outliers", finder.outliers()),
        ("Categories", finder.categories()),
    ];
    found.into_iter().filter_map(|(topic, text)| Some(Finding { topic, text: text? })).collect()
}

/// The findings as plain text, wrapped for a terminal.
pub(crate) fn as_text(findings: &[Finding]) -> String {
    const WIDTH: usize = 100;
    let mut text = String::new();
    for finding in findings {
        text.push_str(finding.topic);
        let mut column = WIDTH;
        for word in finding.text.split(' ') {
            if column + 1 + word.chars().count() > WIDTH {
                text.push_str("\n ");
                column = 1;
            }
            text.push(' ');
            text.push_str(word);
            column += 1 + word.chars().count();
        }
        text.push_str("\n\n");
    }
    text.pop();
    text
}

struct Finder<'a> {
    data: &'a Dataset,
    analysis: &'a Analysis,
}

impl Finder<'_> {
    fn size(&self) -> String {
        let (data, analysis) = (self.data, self.analysis);
        let cutoffs = match data.cutoffs.words.as_slice() {
            [first, .., last] => format!(" at {} cut-offs from {first} to {last}", data.cutoffs.words.len()),
            _ => String::new(),
        };
        format!(
            "{} rows of {} customers{cutoffs}; {} features, of which {} are numbers and {} categories.",
            count(analysis.rows),
            count(data.customers),
            data.columns.len(),
            analysis.numeric.len(),
            analysis.categories.len()
        )
    }

    fn classes(&self) -> Option<String> {
        let (classes, rows) = (&self.data.target.words, self.analysis.rows);
        let total = |class: usize| -> usize {
            self.analysis.target.iter().filter_map(|at| at.counts.get(class)).sum()
        };
        let mut totals: Vec<(&str, usize)> = classes
            .iter()
            .enumerate()
            .filter(|(class, _)| Some(*class) != self.data.none_class)
            .map(|(class, name)| (name.as_str(), total(class)))
            .collect();
        totals.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let never: Vec<&str> =
            totals.iter().filter(|(_, total)| *total == 0).map(|(name, _)| *name).collect();
        totals.retain(|(_, total)| *total > 0);
        let (most, least) = (totals.first()?, totals.last()?);
        let share = |count: usize| percent(count as f64 / rows.max(1) as f64);
        let named = |(name, total): &(&str, usize)| format!("{name} ({}, {})", count(*total), share(*total));
        let taken: usize = totals.iter().map(|(_, count)| count).sum();
        let beginning = match (self.data.none_class, self.data.horizon_days) {
            (Some(_), Some(days)) => {
                format!(
                    "In {} of the rows ({}) a product is taken within {days} days. ",
                    count(taken),
                    share(taken)
                )
            }
            (Some(_), None) => format!("{} of the rows ({}) take a product. ", count(taken), share(taken)),
            (None, _) => String::new(),
        };
        let never = match never.as_slice() {
            [] => String::new(),
            never => format!(" Never: {}.", never.join(", ")),
        };
        Some(format!("{beginning}Most often {}, most rarely {}.{never}", named(most), named(least)))
    }

    fn drift(&self) -> Option<String> {
        let (data, target) = (self.data, &self.analysis.target);
        let none = data.none_class?;
        let rate = |(cutoff, at): (usize, &super::CutoffClasses)| {
            Some((data.cutoffs.words.get(cutoff)?, at.share(at.others(none))))
        };
        let rates: Vec<(&String, f64)> =
            target.iter().enumerate().filter(|(_, at)| at.rows > 0).filter_map(rate).collect();
        let low = rates.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let high = rates.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        if rates.len() < 2 {
            return None;
        }
        let takes = |class: &usize| usize::from(*class != none);
        let rows = data.cutoffs.codes.iter().copied().zip(data.target.codes.iter().map(takes));
        let test = CategoryAssociation::of(["", ""], rows);
        let freedom = test.degrees_of_freedom() as f64;
        // Three standard deviations of the statistic above its mean: about one in a thousand by chance.
        let verdict = match test.chi_squared > freedom + 3.0 * (2.0 * freedom).sqrt() {
            true => "more than chance explains",
            false => "no more than chance explains",
        };
        Some(format!(
            "The share of buyers lies between {} ({}) and {} ({}): {verdict} (chi-squared {:.1} at {freedom} \
             degrees of freedom).",
            percent(low.1),
            low.0,
            percent(high.1),
            high.0,
            test.chi_squared
        ))
    }

    fn telling(&self) -> Option<String> {
        let distance = |it: &NumericColumn| Some((it.target.taker_auc? - 0.5).abs());
        let mut telling: Vec<(&NumericColumn, f64)> =
            self.analysis.numeric.iter().filter_map(|it| Some((it, distance(it)?))).collect();
        telling.sort_by(|a, b| b.1.total_cmp(&a.1));
        telling.truncate(EXAMPLES);
        let named = |(it, _): &(&NumericColumn, f64)| {
            let auc = it.target.taker_auc.unwrap_or(0.5);
            let side = if auc < 0.5 { "low" } else { "high" };
            format!("{side} {} ({auc:.3})", self.name(it.column))
        };
        (!telling.is_empty()).then(|| {
            format!(
                "Single features that tell buyers best from the others, with the area under the ROC curve \
                 (0.5 says \
                 nothing): {}.",
                listed(&telling, named)
            )
        })
    }

    fn missing(&self) -> String {
        let mut missing: Vec<(usize, &super::Missing)> =
            self.analysis.missing.iter().enumerate().filter(|(_, it)| it.count > 0).collect();
        missing.sort_by(|a, b| b.1.share.total_cmp(&a.1.share));
        if missing.is_empty() {
            return "No value is missing.".into();
        }
        let complete = self.data.columns.len() - missing.len();
        let mut text = format!(
            "{complete} of {} features have a value in every row. Most often missing: {}.",
            self.data.columns.len(),
            listed(&missing, |(column, it)| format!("{} ({})", self.name(*column), percent(it.share)))
        );
        missing.retain(|(_, it)| it.range() > MISSING_RANGE);
        missing.sort_by(|a, b| b.1.range().total_cmp(&a.1.range()));
        if !missing.is_empty() {
            let named = |(column, it): &(usize, &super::Missing)| {
                format!("{} ({} to {})", self.name(*column), percent(it.least.1), percent(it.most.1))
            };
            text += &format!(" The share changes much from cut-off to cut-off: {}.", listed(&missing, named));
        }
        text
    }

    fn constants(&self) -> Option<String> {
        let numeric = &self.analysis.numeric;
        let constant: Vec<&NumericColumn> = numeric.iter().filter(|it| it.statistics.distinct <= 1).collect();
        let zero_share = |it: &NumericColumn| it.statistics.zeros as f64 / it.statistics.count.max(1) as f64;
        let mut zero: Vec<&NumericColumn> =
            numeric.iter().filter(|it| it.statistics.distinct > 1 && zero_share(it) > MOSTLY_ZERO).collect();
        zero.sort_by(|a, b| zero_share(b).total_cmp(&zero_share(a)));
        let mut text = match constant.len() {
            0 => "No feature is constant.".to_owned(),
            many => format!("{many} constant: {}.", listed(&constant, |it| self.name(it.column).to_owned())),
        };
        if !zero.is_empty() {
            let named =
                |it: &&NumericColumn| format!("{} ({})", self.name(it.column), percent(zero_share(it)));
            let limit = percent(MOSTLY_ZERO);
            text += &format!(" 0 in more than {limit} of the rows with a value: {}.", listed(&zero, named));
        }
        (!numeric.is_empty()).then_some(text)
    }

    fn correlation(&self) -> String {
        let mut strong = self.analysis.spearman.strongest();
        strong.retain(|(_, _, correlation)| correlation.abs() >= STRONG);
        let name = |numeric: usize| self.analysis.numeric.get(numeric).map_or("", |it| self.name(it.column));
        match strong.len() {
            0 => format!("No two features have a rank correlation of {STRONG} or more."),
            many => format!(
                "{many} {} a rank correlation (Spearman) of at least {STRONG} either way: {}. One of two \
                 such features \
                 says little that the other does not.",
                if many == 1 { "pair of features has" } else { "pairs of features have" },
                listed(&strong, |(a, b, it)| format!("{} and {} ({it:.3})", name(*a), name(*b)))
            ),
        }
    }

    fn outliers(&self) -> Option<String> {
        let beyond = |it: &NumericColumn| {
            let fences = it.outliers.fences.as_ref()?;
            Some(fences.outer.beyond() as f64 / it.outliers.count.max(1) as f64).filter(|share| *share > 0.0)
        };
        let mut far: Vec<(&NumericColumn, f64)> =
            self.analysis.numeric.iter().filter_map(|it| Some((it, beyond(it)?))).collect();
        far.sort_by(|a, b| b.1.total_cmp(&a.1));
        let steep = |it: &NumericColumn| it.statistics.skewness.unwrap_or_default().abs();
        let skewed = self.analysis.numeric.iter().max_by(|a, b| steep(a).total_cmp(&steep(b)))?;
        let fenced = self.analysis.numeric.iter().filter(|it| it.outliers.fences.is_some()).count();
        let mut text = match far.len() {
            0 => format!(
                "None of the {fenced} features whose quartiles differ has a value beyond 3 interquartile \
                 ranges from \
                 them."
            ),
            many => format!(
                "{many} of the {fenced} features whose quartiles differ have values beyond 3 interquartile \
                 ranges from \
                 them, most of all {}.",
                listed(&far, |(it, share)| format!("{} ({})", self.name(it.column), percent(*share)))
            ),
        };
        if let (Some(skewness), Some(least), Some(greatest)) =
            (skewed.statistics.skewness, skewed.statistics.min, skewed.statistics.max)
        {
            text += &format!(
                " The most skewed is {} (skewness {}), from {} to {}.",
                self.name(skewed.column),
                number(skewness),
                number(least),
                number(greatest)
            );
        }
        Some(text)
    }

    fn categories(&self) -> Option<String> {
        let target = &self.data.target.name;
        let against = self.analysis.cramers_v.iter().filter(|it| it.names.first() == Some(target)).skip(1);
        let named = against.filter_map(|it| Some((it.names.last()?, it.cramers_v?)));
        let mut named: Vec<(&String, f64)> = named.collect();
        named.sort_by(|a, b| b.1.total_cmp(&a.1));
        (!named.is_empty()).then(|| {
            format!(
                "Cramér's V with {target} (0 none, 1 complete): {}.",
                listed(&named, |(name, it)| format!("{name} {it:.3}"))
            )
        })
    }

    fn name(&self, column: usize) -> &str {
        self.data.columns.get(column).map_or("", |column| column.name.as_str())
    }
}

/// The first few, and how many more there are.
fn listed<T>(all: &[T], named: impl Fn(&T) -> String) -> String {
    let some: Vec<String> = all.iter().take(EXAMPLES).map(named).collect();
    match all.len() - some.len() {
        0 => some.join(", "),
        1 => format!("{} and 1 more", some.join(", ")),
        more => format!("{} and {more} more", some.join(", ")),
    }
}
