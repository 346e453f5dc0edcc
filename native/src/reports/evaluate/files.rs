//! The files: JSON and words, tables, charts and the page. An empty cell is a number that is not defined.

use std::io::Write;
use std::path::{Path, PathBuf};

use nextbest_core::metrics::reliability::ReliabilityBin;

use super::charts;
use crate::evaluate::Evaluation;
use crate::io::output;

type File = (&'static str, Vec<u8>);

impl Evaluation {
    /// Writes all files into a folder, and gives their paths.
    ///
    /// # Errors
    /// If a file can't be written.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        let mut files: Vec<File> = vec![
            ("evaluation.json", json),
            ("evaluation.txt", self.to_string().into_bytes()),
            ("feature_importance.csv", self.importance_csv()?),
            ("confusion_matrix.csv", self.confusion_csv()?),
            ("roc_curves.csv", self.roc_csv()?),
            ("gain.csv", self.gain_csv()?),
            ("reliability.csv", self.reliability_csv()?),
            ("segments.csv", self.segments_csv()?),
            ("report.html", super::html(self)?.into_bytes()),
        ];
        let importance = charts::importance(self);
        files.push(("feature_importance.png", importance.png()?));
        let mut drawn = vec![
            ("feature_importance.svg", importance),
            ("roc_curves.svg", charts::roc(self)),
            ("gain.svg", charts::gain(self)),
            ("lift.svg", charts::lift(self)),
        ];
        if let Some(model) = self.of_model() {
            let names: Vec<&str> = model.all.classes.iter().map(|class| class.name.as_str()).collect();
            drawn.push((
                "confusion_matrix.svg",
                charts::confusion("Confusion matrix", &names, &model.all.confusion),
            ));
        }
        if let Some(takers) = self.of_model().and_then(|model| model.without_none.as_ref()) {
            let names: Vec<&str> = takers.classes.iter().map(|class| class.name.as_str()).collect();
            let chart =
                charts::confusion("Confusion matrix of takers, NONE left out", &names, &takers.confusion);
            drawn.push(("confusion_matrix_takers.svg", chart));
        }
        drawn.extend(self.pooled.first().map(|pooled| ("reliability.svg", charts::reliability(pooled))));
        for (name, chart) in drawn {
            files.push((name, chart.svg()?.into_bytes()));
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        output::FileSet { folder, command: "evaluate", names: &names, stale: &[] }.write(|writers| {
            for (writer, (_, content)) in writers.iter_mut().zip(&files) {
                writer.write_all(content)?;
            }
            Ok(())
        })?;
        Ok(names.iter().map(|name| folder.join(name)).collect())
    }

    fn importance_csv(&self) -> anyhow::Result<Vec<u8>> {
        let row = |it: &crate::evaluate::Importance| {
            [it.feature.clone(), it.share.to_string(), it.permutation.to_string()]
        };
        output::csv(["FEATURE", "IMPORTANCE", "PERMUTATION"], self.importance.iter().map(row))
    }

    fn confusion_csv(&self) -> anyhow::Result<Vec<u8>> {
        let Some(model) = self.of_model() else { return Ok(Vec::new()) };
        let classes = &model.all.classes;
        let header = ["ACTUAL"].into_iter().chain(classes.iter().map(|class| class.name.as_str()));
        let rows = classes.iter().zip(&model.all.confusion).map(|(class, counts)| {
            [class.name.clone()].into_iter().chain(counts.iter().map(usize::to_string)).collect::<Vec<_>>()
        });
        output::csv(header, rows)
    }

    fn roc_csv(&self) -> anyhow::Result<Vec<u8>> {
        let rows = self.curves.iter().flat_map(|curves| {
            curves.roc.iter().map(|it| {
                let rates = [it.false_positive_rate, it.true_positive_rate].map(|rate| rate.to_string());
                let [false_positives, true_positives] = rates;
                [curves.name.clone(), it.threshold.to_string(), false_positives, true_positives]
            })
        });
        output::csv(["CLASS", "THRESHOLD", "FALSE_POSITIVE_RATE", "TRUE_POSITIVE_RATE"], rows)
    }

    fn gain_csv(&self) -> anyhow::Result<Vec<u8>> {
        let occurring = self.curves.iter().filter(|curves| curves.support > 0);
        let rows = occurring.flat_map(|curves| {
            charts::shares().map(|share| {
                let values = [Some(share), curves.gain.at(share), curves.gain.lift(share)];
                let [share, gain, lift] = values.map(optional);
                [curves.name.clone(), share, gain, lift]
            })
        });
        output::csv(["CLASS", "SHARE_OF_ROWS", "GAIN", "LIFT"], rows)
    }

    fn reliability_csv(&self) -> anyhow::Result<Vec<u8>> {
        let pooled = self.pooled.iter().flat_map(|it| {
            let before = it.before.iter().map(|bins| (it.name, "before calibration", bins.as_slice()));
            std::iter::once((it.name, "model", it.bins.as_slice())).chain(before)
        });
        let classes = self.curves.iter().map(|it| (it.name.as_str(), "model", it.reliability.as_slice()));
        let rows = pooled
            .chain(classes)
            .flat_map(|(of, whose, bins)| bins.iter().map(move |bin| bin_row(of, whose, bin)));
        let header =
            ["OF", "PROBABILITIES", "LOWEST", "HIGHEST", "COUNT", "HAPPENED", "PREDICTED", "OBSERVED"];
        output::csv(header.into_iter().chain(["OBSERVED_LOW", "OBSERVED_HIGH"]), rows)
    }

    fn segments_csv(&self) -> anyhow::Result<Vec<u8>> {
        let header = [
            "SEGMENTATION",
            "FEATURE",
            "SEGMENT",
            "ROWS",
            "TAKERS",
            "PREDICTED_TAKERS",
            "LOG_LOSS",
            "LOG_LOSS_LOW",
            "LOG_LOSS_HIGH",
            "PRIOR_LOG_LOSS",
            "AUC",
            "WARNING",
        ];
        let rows = self.segments.iter().flat_map(|segmentation| {
            segmentation.segments.iter().map(|it| {
                let takers = it.takers.as_ref();
                [
                    segmentation.name.clone(),
                    segmentation.feature.clone(),
                    it.name.clone(),
                    it.rows.to_string(),
                    optional(takers.map(|takers| takers.observed)),
                    optional(takers.map(|takers| takers.predicted)),
                    it.log_loss.to_string(),
                    optional(it.log_loss_interval.map(|interval| interval.low)),
                    optional(it.log_loss_interval.map(|interval| interval.high)),
                    it.prior_log_loss.to_string(),
                    optional(it.roc_auc),
                    it.warning.clone().unwrap_or_default(),
                ]
            })
        });
        output::csv(header, rows)
    }
}

fn bin_row(of: &str, whose: &str, bin: &ReliabilityBin) -> Vec<String> {
    let mut row = vec![of.to_owned(), whose.to_owned()];
    row.extend([bin.lowest, bin.highest].map(|probability| probability.to_string()));
    row.extend([bin.count, bin.happened].map(|count| count.to_string()));
    row.extend([bin.predicted, bin.observed, bin.interval.0, bin.interval.1].map(|share| share.to_string()));
    row
}

fn optional(number: Option<impl ToString>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
