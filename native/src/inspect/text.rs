//! Contents of a bundle as text.

use std::fmt::{Display, Formatter, Result};

use nextbest_core::bundle::card::{Metric, Segment};
use nextbest_core::schema::{Product, Task};

use super::standing::ProfileSummary;
use super::{Inspected, NOT_STATED, policy, stated};
use crate::app::human_bytes;
use crate::app::number::{count, number};

/// So many digits of a file's SHA-256 tell it from others.
const SHORT_HASH: usize = 16;

impl Display for Inspected {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let card = &self.card;
        writeln!(f, "{} ({})", self.file.display(), human_bytes(self.bytes))?;
        for warning in &self.warnings {
            writeln!(f, "  WARNING   {warning}")?;
        }
        line(
            f,
            "model",
            &format!("{} {} ({}): {}", card.name, self.model_version, card.algorithm, self.model),
        )?;
        line(f, "calibrated", self.calibration)?;
        line(f, "SHA-256", &self.content_hash)?;
        line(f, "signature", &self.signature.words())?;
        line(f, "number", &self.validity.number())?;
        line(f, "valid", &self.validity.period())?;
        line(f, "clock", &self.clock())?;
        line(f, "format", &self.format_version.to_string())?;
        line(f, "profile", &ProfileSummary::words(self.profile.as_ref()))?;
        line(f, "self-test", &format!("{} on {} golden rows", self.self_test, self.goldens))?;

        writeln!(f, "card")?;
        line(f, "use", stated(&card.intended_use))?;
        let limits = if card.limits.is_empty() { &[NOT_STATED.to_owned()][..] } else { &card.limits };
        limits.iter().try_for_each(|limit| line(f, "limit", limit))?;
        line(f, "licence", stated(&card.licence))?;

        writeln!(f, "training")?;
        line(f, "rows", &count(usize::try_from(card.training_rows).unwrap_or(usize::MAX)))?;
        line(f, "trained", &self.dates(&card.training_cutoffs))?;
        line(f, "chosen", &self.dates(&card.validation_cutoffs))?;
        line(f, "tested", &self.dates(&card.test_cutoffs))?;
        line(f, "data", &card.training_data)?;
        for (file, hash) in &card.sources {
            line(f, "", &format!("{:<36}{}…", file, hash.get(..SHORT_HASH).unwrap_or(hash)))?;
        }
        line(f, "seed", &card.seed.to_string())?;
        line(f, "made by", &self.tools())?;
        writeln!(f, "parameters")?;
        for (name, value) in &card.parameters {
            writeln!(f, "  {name:<32}{value}")?;
        }

        writeln!(f, "test metrics, in brackets their 95 % intervals")?;
        self.metrics(f)?;
        self.segments(f)?;
        writeln!(f, "gives away (docs/PRIVACY.md)")?;
        self.gives_away.iter().try_for_each(|it| line(f, it.part, &it.tells))?;
        writeln!(f, "policy")?;
        for (name, words) in policy::lines(&self.policy, &self.schema.products) {
            writeln!(f, "  {name:<16}{words}")?;
        }
        self.classes(f)?;
        writeln!(f, "features ({})", self.features.len())?;
        for feature in self.by_importance() {
            writeln!(
                f,
                "  {:<32}{:<16}{:>4} bins{:>7.1} %  {}",
                feature.name,
                feature.group,
                feature.bins,
                feature.importance * 100.0,
                feature.label
            )?;
        }
        self.html.iter().try_for_each(|path| writeln!(f, "wrote {}", path.display()))
    }
}

impl Inspected {
    fn metrics(&self, f: &mut Formatter<'_>) -> Result {
        if self.card.test_metrics.is_empty() {
            writeln!(f, "  {NOT_STATED}")?;
        }
        for metric in &self.card.test_metrics {
            writeln!(f, "  {:<32}{}", metric.name, measured(metric))?;
        }
        Ok(())
    }

    fn segments(&self, f: &mut Formatter<'_>) -> Result {
        if self.card.segments.is_empty() {
            return Ok(());
        }
        writeln!(f, "segments of the test rows")?;
        for Segment { name, rows, metrics } in &self.card.segments {
            write!(f, "  {name:<32}{rows:>7} rows")?;
            for metric in metrics {
                write!(f, "  {} {}", metric.name, measured(metric))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }

    fn classes(&self, f: &mut Formatter<'_>) -> Result {
        if let Task::Label { column } = &self.schema.task {
            writeln!(f, "classes of {column}")?;
            return self.classes.iter().try_for_each(|class| writeln!(f, "  {class}"));
        }
        writeln!(f, "products")?;
        self.schema
            .products
            .iter()
            .try_for_each(|product| writeln!(f, "  {:<32}{}", product.name, terms(product)))
    }
}

/// A product's terms in words.
pub(crate) fn terms(product: &Product) -> String {
    let mut terms = vec![if product.repeatable { "repeatable".to_owned() } else { "once".to_owned() }];
    terms.extend(product.min_age.map(|age| format!("from {age} years on")));
    terms.extend(product.value.map(|value| format!("worth {}", number(value))));
    terms.join(", ")
}

/// A number with its interval.
pub(crate) fn measured(metric: &Metric) -> String {
    // Rows are counted, everything else is measured.
    let value = match metric.name.starts_with("rows") {
        true => number(metric.value),
        false => format!("{:.4}", metric.value),
    };
    match metric.interval {
        Some((low, high)) => format!("{value} [{low:.4}, {high:.4}]"),
        None => value,
    }
}

fn line(f: &mut Formatter<'_>, name: &str, words: &str) -> Result {
    writeln!(f, "  {name:<12}{words}")
}
