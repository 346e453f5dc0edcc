//! The CSV files. An empty cell is a number that is not defined.

use super::describe::QUANTILES;
use super::histogram::Histogram;
use super::{Analysis, Column, Dataset, NumericColumn};
use crate::io::output::csv;

/// A file's name and content.
pub(crate) type File = (&'static str, Vec<u8>);

/// All CSV files; `table_bytes` is the size of the table's own file.
///
/// # Errors
/// None but those of the CSV writer, which writes to memory.
pub(crate) fn csv_files(data: &Dataset, analysis: &Analysis, table_bytes: u64) -> anyhow::Result<Vec<File>> {
    let writer = Writer { data, analysis };
    Ok(vec![
        ("data_summary.csv", writer.data_summary(table_bytes)?),
        ("missing_values.csv", writer.missing_values()?),
        ("numeric_statistics.csv", writer.numeric_statistics()?),
        ("histograms.csv", writer.histograms()?),
        ("category_counts.csv", writer.category_counts()?),
        ("outliers.csv", writer.outliers()?),
        ("correlation_pearson.csv", writer.matrix(&analysis.pearson)?),
        ("correlation_spearman.csv", writer.matrix(&analysis.spearman)?),
        ("cramers_v.csv", writer.cramers_v()?),
        ("target_association.csv", writer.target_association()?),
        ("target_distribution.csv", writer.target_distribution()?),
    ])
}

struct Writer<'a> {
    data: &'a Dataset,
    analysis: &'a Analysis,
}

impl Writer<'_> {
    fn data_summary(&self, table_bytes: u64) -> anyhow::Result<Vec<u8>> {
        let (data, analysis) = (self.data, self.analysis);
        let missing: usize = analysis.missing.iter().map(|it| it.count).sum();
        let cells = analysis.rows * data.columns.len();
        let mut rows = vec![
            ("table".to_owned(), data.name.clone()),
            ("rows".into(), analysis.rows.to_string()),
            ("customers".into(), data.customers.to_string()),
            ("cut-offs".into(), data.cutoffs.words.len().to_string()),
            ("first cut-off".into(), data.cutoffs.words.first().cloned().unwrap_or_default()),
            ("last cut-off".into(), data.cutoffs.words.last().cloned().unwrap_or_default()),
            ("features".into(), data.columns.len().to_string()),
            ("numeric features".into(), analysis.numeric.len().to_string()),
            ("category features".into(), analysis.categories.len().to_string()),
            ("constant features".into(), self.constants().to_string()),
            ("missing cells".into(), missing.to_string()),
            ("missing share".into(), (missing as f64 / cells.max(1) as f64).to_string()),
            ("memory of the features, bytes".into(), (cells * size_of::<f32>()).to_string()),
            ("file, bytes".into(), table_bytes.to_string()),
        ];
        for (group, count) in self.data.groups() {
            rows.push((format!("features in group {group}"), count.to_string()));
        }
        for (class, name) in data.target.words.iter().enumerate() {
            let count: usize = analysis.target.iter().filter_map(|at| at.counts.get(class)).sum();
            rows.push((format!("rows with {} {name}", data.target.name), count.to_string()));
        }
        csv(["PROPERTY", "VALUE"], rows.into_iter().map(|(name, value)| [name, value]))
    }

    fn missing_values(&self) -> anyhow::Result<Vec<u8>> {
        let header = [
            "FEATURE",
            "GROUP",
            "LABEL",
            "MISSING",
            "SHARE",
            "LEAST_SHARE",
            "LEAST_CUTOFF",
            "MOST_SHARE",
            "MOST_CUTOFF",
        ];
        let cutoff = |position: usize| self.data.cutoffs.words.get(position).cloned().unwrap_or_default();
        let rows = self.data.columns.iter().zip(&self.analysis.missing).map(|(column, missing)| {
            [
                column.name.clone(),
                column.group.clone(),
                column.label.clone(),
                missing.count.to_string(),
                missing.share.to_string(),
                missing.least.1.to_string(),
                cutoff(missing.least.0),
                missing.most.1.to_string(),
                cutoff(missing.most.0),
            ]
        });
        csv(header, rows)
    }

    fn numeric_statistics(&self) -> anyhow::Result<Vec<u8>> {
        let header = ["FEATURE", "COUNT", "MEAN", "STD", "MIN"]
            .into_iter()
            .chain(QUANTILES.map(|(name, _)| name))
            .chain(["MAX", "SKEWNESS", "KURTOSIS", "ZEROS", "DISTINCT"]);
        let rows = self.numeric().map(|(column, found)| {
            let it = &found.statistics;
            let mut row = vec![column.name.clone(), it.count.to_string()];
            row.extend([it.mean, it.std, it.min].map(optional));
            row.extend(it.quantiles.map(optional));
            row.extend([it.max, it.skewness, it.kurtosis].map(optional));
            row.extend([it.zeros, it.distinct].map(|count| count.to_string()));
            row
        });
        csv(header, rows)
    }

    fn histograms(&self) -> anyhow::Result<Vec<u8>> {
        let rows = self.numeric().flat_map(|(column, found)| {
            let bar = |lower: String, upper: String, count: usize| {
                [column.name.clone(), lower, upper, count.to_string()]
            };
            match &found.histogram {
                Histogram::Values(values) => values
                    .iter()
                    .map(|(value, count)| bar(value.to_string(), value.to_string(), *count))
                    .collect::<Vec<_>>(),
                Histogram::Bins(bins) => {
                    let edge = |edge: Option<&f64>| edge.map(ToString::to_string).unwrap_or_default();
                    let mut rows = vec![bar(String::new(), edge(bins.edges.first()), bins.below)];
                    let bounds = bins.edges.iter().zip(bins.edges.iter().skip(1));
                    rows.extend(
                        bounds
                            .zip(&bins.counts)
                            .map(|((low, high), count)| bar(edge(Some(low)), edge(Some(high)), *count)),
                    );
                    rows.push(bar(edge(bins.edges.last()), String::new(), bins.above));
                    rows
                }
            }
        });
        csv(["FEATURE", "LOWER", "UPPER", "COUNT"], rows)
    }

    fn category_counts(&self) -> anyhow::Result<Vec<u8>> {
        let categories = self.analysis.categories.iter();
        let named = categories.filter_map(|it| Some((self.data.columns.get(it.column)?, it)));
        let rows = named.flat_map(|(column, category)| {
            let total: usize = category.counts.iter().sum();
            column.words().iter().zip(&category.counts).map(move |(word, count)| {
                let share = *count as f64 / total.max(1) as f64;
                [column.name.clone(), word.clone(), count.to_string(), share.to_string()]
            })
        });
        csv(["FEATURE", "WORD", "COUNT", "SHARE"], rows)
    }

    fn outliers(&self) -> anyhow::Result<Vec<u8>> {
        let header = [
            "FEATURE",
            "COUNT",
            "Q1",
            "Q3",
            "LOWER_1_5",
            "UPPER_1_5",
            "BELOW_1_5",
            "ABOVE_1_5",
            "SHARE_1_5",
            "LOWER_3",
            "UPPER_3",
            "BELOW_3",
            "ABOVE_3",
            "SHARE_3",
            "LOWEST",
            "HIGHEST",
        ];
        let rows = self.numeric().map(|(column, found)| {
            let it = &found.outliers;
            let mut row = vec![column.name.clone(), it.count.to_string()];
            match &it.fences {
                None => row.extend(std::iter::repeat_n(String::new(), 12)),
                Some(fences) => {
                    row.extend([fences.q1, fences.q3].map(|value| value.to_string()));
                    for fence in [&fences.inner, &fences.outer] {
                        row.extend([fence.lower, fence.upper].map(|value| value.to_string()));
                        row.extend([fence.below, fence.above].map(|count| count.to_string()));
                        row.push((fence.beyond() as f64 / it.count.max(1) as f64).to_string());
                    }
                }
            }
            for extremes in [&it.lowest, &it.highest] {
                row.push(extremes.iter().map(ToString::to_string).collect::<Vec<_>>().join("|"));
            }
            row
        });
        csv(header, rows)
    }

    fn matrix(&self, matrix: &super::Matrix) -> anyhow::Result<Vec<u8>> {
        let names: Vec<&str> = self.numeric().map(|(column, _)| column.name.as_str()).collect();
        let rows = names.iter().enumerate().map(|(a, name)| {
            let cells = (0..matrix.size()).map(|b| optional(matrix.get(a, b)));
            std::iter::once((*name).to_owned()).chain(cells).collect::<Vec<_>>()
        });
        csv(["FEATURE"].into_iter().chain(names.iter().copied()), rows)
    }

    fn cramers_v(&self) -> anyhow::Result<Vec<u8>> {
        let header =
            ["A", "B", "ROWS", "WORDS_A", "WORDS_B", "CHI_SQUARED", "DEGREES_OF_FREEDOM", "CRAMERS_V"];
        let rows = self.analysis.cramers_v.iter().map(|it| {
            let [a, b] = it.names.clone();
            let [words_a, words_b] = it.words.map(|words| words.to_string());
            let (rows, freedom) = (it.rows.to_string(), it.degrees_of_freedom().to_string());
            [a, b, rows, words_a, words_b, it.chi_squared.to_string(), freedom, optional(it.cramers_v)]
        });
        csv(header, rows)
    }

    fn target_association(&self) -> anyhow::Result<Vec<u8>> {
        let classes: Vec<String> =
            self.data.target.words.iter().map(|class| format!("AUC {class}")).collect();
        let header = ["FEATURE", "ROWS", "ETA_SQUARED", "AUC_ANY_PRODUCT"].into_iter();
        let rows = self.numeric().map(|(column, found)| {
            let mut row = vec![column.name.clone(), found.statistics.count.to_string()];
            row.extend([found.target.eta_squared, found.target.taker_auc].map(optional));
            row.extend(found.target.class_auc.iter().copied().map(optional));
            row
        });
        csv(header.chain(classes.iter().map(String::as_str)), rows)
    }

    fn target_distribution(&self) -> anyhow::Result<Vec<u8>> {
        let rows = self.data.cutoffs.words.iter().zip(&self.analysis.target).flat_map(|(cutoff, at)| {
            let classes = self.data.target.words.iter().zip(&at.counts);
            classes.map(move |(class, count)| {
                [cutoff.clone(), class.clone(), count.to_string(), at.share(*count).to_string()]
            })
        });
        csv([self.data.cutoffs.name.as_str(), self.data.target.name.as_str(), "COUNT", "SHARE"], rows)
    }

    fn numeric(&self) -> impl Iterator<Item = (&Column, &NumericColumn)> {
        let column = |found: &NumericColumn| self.data.columns.get(found.column);
        self.analysis.numeric.iter().filter_map(move |found| Some((column(found)?, found)))
    }

    fn constants(&self) -> usize {
        self.analysis.numeric.iter().filter(|it| it.statistics.is_constant()).count()
    }
}

fn optional(number: Option<f64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
