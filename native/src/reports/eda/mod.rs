//! The page: what the CSV files say, as charts and tables for people.

mod association;
mod features;
mod quality;
mod target;

use maud::{Markup, html};

use crate::app::number::{count, percent};
use crate::eda::findings::Finding;
use crate::eda::{Analysis, Dataset};
use crate::reports::kit::page::{Section, page, table_of, tiles};

/// Writes the page.
///
/// # Errors
/// If a chart's range is not finite.
pub(crate) fn html(data: &Dataset, analysis: &Analysis, findings: &[Finding]) -> anyhow::Result<String> {
    let it = Writer { data, analysis };
    let section = |id, title, body| Section { id, title, body };
    let sections = [
        section("findings", "What stands out", list(findings)),
        section("target", "Target", it.target()?),
        section("features", "Features", features::features(data, analysis)?),
        section("missing", "Missing values", it.missing()),
        section("outliers", "Outliers", it.outliers()),
        section("correlation", "Correlation", it.correlation()),
        section("association", "Features and target", it.association()),
        section("methods", "How it was measured", methods()),
    ];
    Ok(page("Exploratory data analysis", &it.lead(), &sections))
}

struct Writer<'a> {
    data: &'a Dataset,
    analysis: &'a Analysis,
}

impl Writer<'_> {
    fn lead(&self) -> Markup {
        let (data, analysis) = (self.data, self.analysis);
        let cells = (analysis.rows * data.columns.len()).max(1) as f64;
        let missing: usize = analysis.missing.iter().map(|it| it.count).sum();
        let mut shown = vec![
            ("rows", count(analysis.rows)),
            ("customers", count(data.customers)),
            ("cut-offs", count(data.cutoffs.words.len())),
            ("features", count(data.columns.len())),
            ("values missing", percent(missing as f64 / cells)),
        ];
        if let Some(none) = data.none_class {
            let buyers: usize = analysis.target.iter().map(|at| at.others(none)).sum();
            shown.push(("buyers", percent(buyers as f64 / analysis.rows.max(1) as f64)));
        }
        html! {
            p.lead {
                "Of the table " code { (data.name) } ". Every number is that of the whole table: nothing is \
                    sampled."
            }
            (tiles(&shown))
        }
    }

    fn name(&self, column: usize) -> &str {
        self.data.columns.get(column).map_or("", |column| column.name.as_str())
    }
}

fn list(findings: &[Finding]) -> Markup {
    html! {
        dl.findings {
            @for finding in findings { div { dt { (finding.topic) } dd { (finding.text) } } }
        }
    }
}

fn methods() -> Markup {
    html! {
        ul {
            li {
                "Standard deviation, skewness and kurtosis are those of a sample (n − 1; adjusted G₁ and \
                 excess G₂), quantiles are interpolated linearly: as pandas does."
            }
            li { "Outliers lie beyond Tukey’s fences, 1.5 or 3 interquartile ranges outside of the \
                quartiles." }
            li {
                "Correlations take the rows where both features have a value; equal values share the mean of \
                 their ranks."
            }
            li {
                "Cramér’s V is corrected for bias (Bergsma, 2013). η² is the correlation ratio. The area \
                 under the curve (AUC) leaves out rows without a value, and counts those who hold the \
                 product already among the others."
            }
            li {
                "Charts of features reach from the 1st to the 99th percentile; bars of another colour at the \
                 ends hold what lies beyond."
            }
        }
    }
}
