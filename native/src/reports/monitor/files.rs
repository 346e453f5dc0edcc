//! What was found as files: JSON with everything, CSV with a row for each feature and score, and the page.

use std::path::{Path, PathBuf};

use crate::io::output;
use crate::io::word_list;
use crate::monitor::Monitoring;
use crate::monitor::drift::Drift;

pub(crate) const PAGE: &str = "monitoring.html";
const JSON: &str = "monitoring.json";
const CSV: &str = "drift.csv";
/// Only there where there is something to tell.
const ALERT: &str = "alert.json";

impl Monitoring {
    /// Writes the files into a folder.
    ///
    /// # Errors
    /// If they can't be written; those of an earlier run are kept then.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        let drifts = self.features.iter().chain(&self.scores);
        let mut files = vec![
            (PAGE, super::html(self)?.into_bytes()),
            (JSON, json(self)?),
            (CSV, output::csv(HEADER, drifts.map(cells))?),
        ];
        if !self.alerts.is_empty() {
            files.push((ALERT, json(&self.alert())?));
        }
        let stale: &[&str] = if self.alerts.is_empty() { &[ALERT] } else { &[] };
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        output::FileSet { folder, command: "monitor", names: &names, stale }.write(|writers| {
            for (writer, (_, content)) in writers.iter_mut().zip(&files) {
                std::io::Write::write_all(writer, content)?;
            }
            Ok(())
        })?;
        Ok(names.iter().map(|name| folder.join(name)).collect())
    }

    /// What there is to tell, as programs read it.
    pub(crate) fn alert(&self) -> serde_json::Value {
        serde_json::json!({
            "at": self.at,
            "model": self.model,
            "reference": self.reference,
            "current": self.current,
            "alerts": self.alerts,
        })
    }
}

fn json<T: serde::Serialize>(value: &T) -> anyhow::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

const HEADER: [&str; 17] = [
    "NAME",
    "GROUP",
    "VERDICT",
    "IMPORTANCE",
    "PSI",
    "JENSEN_SHANNON",
    "KS_DISTANCE",
    "KS_P_VALUE",
    "WASSERSTEIN",
    "CHI_SQUARE",
    "CRAMERS_V",
    "P_VALUE",
    "ADJUSTED_P_VALUE",
    "MISSING_REFERENCE",
    "MISSING_CURRENT",
    "BEYOND_RANGE",
    "NEW_WORDS",
];

fn cells(drift: &Drift) -> [String; 17] {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let (smirnov, squared) = (drift.kolmogorov_smirnov, drift.chi_square);
    let new: Vec<&str> = drift.new_words.iter().map(|(word, _)| word.as_str()).collect();
    [
        drift.name.clone(),
        drift.group.clone(),
        drift.verdict.words().to_owned(),
        drift.importance.to_string(),
        number(drift.psi),
        number(drift.jensen_shannon),
        number(smirnov.map(|it| it.test.distance)),
        number(smirnov.map(|it| it.test.p_value)),
        number(drift.wasserstein),
        number(squared.map(|it| it.statistic)),
        number(squared.map(|it| it.cramers_v)),
        number(drift.p_value),
        number(drift.adjusted_p_value),
        drift.missing.reference.to_string(),
        drift.missing.current.to_string(),
        number(drift.beyond_range),
        word_list::join(new),
    ]
}
