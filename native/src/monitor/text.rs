//! What was found in words, for a terminal.

use std::fmt;

use super::drift::{Drift, Verdict};
use super::{Monitoring, Overall};
use crate::app::number::{count, percent};

/// So many features are named.
const NAMED: usize = 10;

impl fmt::Display for Monitoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} rows: {}", count(self.current.rows as usize), self.current.name)?;
        writeln!(f, "beside {} rows: {}", count(self.reference.rows as usize), self.reference.name)?;
        if let Some(sketches) = &self.sketches {
            write!(f, "{} sketches", count(sketches.counted as usize))?;
            for (many, what) in [(sketches.twice, "came twice"), (sketches.refused, "refused")] {
                if many > 0 {
                    write!(f, ", {} {what}", count(many as usize))?;
                }
            }
            writeln!(f, "{}", if sketches.randomised { "; their rows are randomised" } else { "" })?;
        }
        writeln!(f, "\nfeatures: {}", overall(&self.data, true))?;
        let drifted: Vec<&Drift> = self.features.iter().filter(|it| it.verdict > Verdict::Stable).collect();
        for drift in drifted.iter().take(NAMED) {
            writeln!(f, "  {:<34}{:<16} {}", drift.name, drift.verdict.words(), distances(drift))?;
        }
        if drifted.len() > NAMED {
            writeln!(f, "  and {} more", drifted.len() - NAMED)?;
        }
        if let Some(prediction) = &self.prediction {
            writeln!(f, "scores: {}", overall(prediction, false))?;
            for drift in self.scores.iter().filter(|it| it.verdict > Verdict::Stable) {
                writeln!(f, "  {:<34}{:<16} {}", drift.name, drift.verdict.words(), distances(drift))?;
            }
        }
        self.write_quality(f)?;
        for metric in self.estimate.iter().flat_map(|it| &it.metrics) {
            let (low, high) = metric.interval;
            write!(f, "expected {:<14}{:.4} [{low:.4}, {high:.4}]", metric.name, metric.expected)?;
            for (value, of) in [
                (metric.in_reference, "expected in the reference"),
                (metric.in_test, "in the model's test"),
                (metric.observed, "it turned out to be"),
            ] {
                if let Some(value) = value {
                    write!(f, ", {of} {value:.4}")?;
                }
            }
            writeln!(f)?;
        }
        for metric in self.performance.iter().flat_map(|it| &it.metrics) {
            write!(f, "{:<23}{:.4}", metric.name, metric.today)?;
            if let Some(interval) = metric.interval {
                write!(f, " [{:.4}, {:.4}]", interval.low, interval.high)?;
            }
            if let Some(test) = metric.in_test {
                write!(f, ", in the model's test {test:.4}: {}", metric.change.words())?;
            }
            writeln!(f)?;
        }
        if let Some(versus) = &self.against {
            writeln!(f, "beside {}", versus.bundle)?;
            for it in &versus.differences {
                let words = it.verdict.words();
                writeln!(f, "  {:<22}{:.4} and {:.4}: {words}", it.metric, it.model, it.other)?;
            }
        }
        for series in self.history.iter().filter(|series| !series.changes.is_empty()) {
            let name = if series.name.is_empty() { String::new() } else { format!(" of {}", series.name) };
            writeln!(f, "{}{name} changed: {}", series.metric, series.changes.join(", "))?;
        }
        match self.alerts.as_slice() {
            [] => writeln!(f, "\nno alert"),
            alerts => {
                writeln!(f)?;
                alerts.iter().try_for_each(|it| writeln!(f, "ALERT {}: {}", it.rule, it.detail))
            }
        }
    }
}

impl Monitoring {
    fn write_quality(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quality = &self.quality;
        write!(f, "quality: {} of the values missing", percent(quality.missing))?;
        write!(f, " ({} in the reference)", percent(quality.missing_in_reference))?;
        if let Some(duplicates) = quality.duplicate_rows.filter(|rows| *rows > 0) {
            write!(f, ", {} rows there twice", count(duplicates))?;
        }
        for (names, what) in [
            (&quality.absent, "not there"),
            (&quality.empty, "empty"),
            (&quality.constant, "constant"),
            (&quality.new_words, "with new words"),
            (&quality.beyond_range, "beyond their range"),
        ] {
            if !names.is_empty() {
                write!(f, ", {} {what}", names.len())?;
            }
        }
        if let (Some(newest), Some(age)) = (&quality.newest, quality.age_days) {
            write!(f, ", newest {newest} ({age} days ago)")?;
        }
        writeln!(f)
    }
}

fn overall(it: &Overall, weighted: bool) -> String {
    let share = if weighted && it.drifted_count > 0 {
        format!(", which have {} of the importance", percent(it.drifted_share))
    } else {
        String::new()
    };
    let what = if it.drifted { "drifted" } else { "stable" };
    format!(
        "{what}: {} of {} moved ({} heavily){share}",
        it.drifted_count, it.compared, it.heavily_drifted_count
    )
}

fn distances(drift: &Drift) -> String {
    let psi = drift.psi.map_or_else(String::new, |psi| format!("PSI {psi:.3}"));
    let p_value = drift.adjusted_p_value.map_or_else(String::new, |p_value| match p_value < 1e-4 {
        true => ", p < 0.0001".into(),
        false => format!(", p {p_value:.4}"),
    });
    format!("{psi}{p_value}")
}
