//! An evaluation in words, for a terminal.

use std::fmt;

use nextbest_core::metrics::Metrics;

use super::Evaluation;
use super::against::Against;
use super::segments::Segmentation;
use crate::app::number::or_dash;

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(model), Some(prior)) = (self.of_model(), self.contestants.get(1)) else {
            return Ok(());
        };
        write!(f, "{} on {} test rows", self.algorithm, model.all.rows)?;
        match self.test_cutoffs.as_slice() {
            [] => writeln!(f, "\n")?,
            [first, last] if !self.has_none => writeln!(f, " from {first} to {last}\n")?,
            cutoffs => writeln!(f, " at {}\n", cutoffs.join(", "))?,
        }
        let everyone = if self.has_none { "all customers" } else { "all rows" };
        write_contest(f, everyone, self.contestants.iter().map(|it| (it.name.as_str(), &it.all)))?;
        if let Some(takers) = &model.without_none {
            let title = format!("the {} who took a product, NONE left out", takers.rows);
            let contestants = self.contestants.iter();
            write_contest(
                f,
                &title,
                contestants.filter_map(|it| Some((it.name.as_str(), it.without_none.as_ref()?))),
            )?;
        }
        self.write_intervals(f)?;
        if let Some(against) = &self.against {
            write_against(f, against)?;
        }
        if let Some(ceiling) = &self.ceiling {
            write!(f, "{ceiling}")?;
        }
        writeln!(
            f,
            "{:<24}{:>8}{:>9}{:>11}{:>14}",
            "class against the rest", "rows", "AUC", "log-loss", "prior's"
        )?;
        for (class, prior) in model.all.classes.iter().zip(&prior.all.classes) {
            writeln!(
                f,
                "  {:<22}{:>8}{:>9}{:>11.4}{:>14.4}",
                class.name,
                class.support,
                area(class.roc_auc),
                class.log_loss,
                prior.log_loss
            )?;
        }
        self.segments.iter().try_for_each(|segmentation| write_segments(f, segmentation))?;
        for remark in &self.remarks {
            writeln!(f, "\n{remark}")?;
        }
        writeln!(f, "\nmost important features")?;
        for it in self.importance.iter().take(10) {
            writeln!(f, "  {:<32}{:>6.1} %", it.feature, it.share * 100.0)?;
        }
        Ok(())
    }
}

impl Evaluation {
    /// Where the model's metrics lie, and how they were before its calibration.
    fn write_intervals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(model) = self.of_model() else { return Ok(()) };
        writeln!(
            f,
            "the model's 95 % intervals, of {} draws of {} customers",
            self.bootstrap_draws, self.customers
        )?;
        for (name, interval) in &model.intervals {
            writeln!(f, "  {name:<24}{:>10.4} to {:.4}", interval.low, interval.high)?;
        }
        if let Some(before) = &self.uncalibrated {
            writeln!(
                f,
                "  before its calibration ({}): log-loss {:.4}, calibration error {:.4}",
                before.calibration, before.all.log_loss, before.all.calibration_error
            )?;
        }
        writeln!(f)
    }
}

fn write_against(f: &mut fmt::Formatter<'_>, against: &Against) -> fmt::Result {
    writeln!(
        f,
        "against {} ({} {}, trained until {})",
        against.bundle.display(),
        against.algorithm,
        format_args!("{:.8}", against.model),
        against.trained_until.as_deref().unwrap_or("an unknown date")
    )?;
    writeln!(f, "  {:<24}{:>10}{:>10}{:>12}  95 % interval", "", "model", "other", "difference")?;
    for it in &against.differences {
        let interval =
            it.interval.map_or_else(|| "–".into(), |it| format!("{:+.5} to {:+.5}", it.low, it.high));
        writeln!(
            f,
            "  {:<24}{:>10.4}{:>10.4}{:>+12.5}  {interval:<22}  {}",
            it.metric,
            it.model,
            it.other,
            it.difference,
            it.verdict.words()
        )?;
    }
    writeln!(f)
}

fn write_segments(f: &mut fmt::Formatter<'_>, segmentation: &Segmentation) -> fmt::Result {
    writeln!(
        f,
        "\n{:<24}{:>8}{:>10}{:>11}{:>10}{:>10}{:>9}",
        format!("by {}", segmentation.name),
        "rows",
        "takers",
        "predicted",
        "log-loss",
        "prior's",
        "AUC"
    )?;
    for it in &segmentation.segments {
        write!(f, "  {:<22}{:>8}", it.name, it.rows)?;
        match &it.takers {
            Some(takers) => write!(f, "{:>10}{:>11.1}", takers.observed, takers.predicted)?,
            None => write!(f, "{:>10}{:>11}", "–", "–")?,
        }
        write!(f, "{:>10.4}{:>10.4}{:>9}", it.log_loss, it.prior_log_loss, area(it.roc_auc))?;
        writeln!(f, "{}", it.warning.as_ref().map(|warning| format!("  ({warning})")).unwrap_or_default())?;
    }
    Ok(())
}

/// An area under a ROC curve, which is not always defined.
fn area(area: Option<f64>) -> String {
    or_dash(area, |area| format!("{area:.3}"))
}

pub(crate) fn write_contest<'m>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    contestants: impl Iterator<Item = (&'m str, &'m Metrics)>,
) -> fmt::Result {
    let columns =
        ["log-loss", "AUC", "accuracy", "top-3", "MAP@3", "precision", "recall", "F1", "Brier", "cal.error"];
    writeln!(f, "{title}")?;
    write!(f, "  {:<20}", "")?;
    columns.iter().try_for_each(|column| write!(f, "{column:>10}"))?;
    writeln!(f)?;
    for (name, metrics) in contestants {
        write!(f, "  {name:<20}{:>10.4}{:>10}", metrics.log_loss, area(metrics.roc_auc_ovr))?;
        for value in [
            metrics.accuracy,
            metrics.top_3_accuracy,
            metrics.map_at_3,
            metrics.precision_weighted,
            metrics.recall_weighted,
            metrics.f1_weighted,
            metrics.brier,
            metrics.calibration_error,
        ] {
            write!(f, "{value:>10.4}")?;
        }
        writeln!(f)?;
    }
    writeln!(f)
}
