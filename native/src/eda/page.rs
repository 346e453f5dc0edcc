//! The page: what the CSV files say, as charts and tables for people.

use maud::{Markup, html};

use super::findings::Finding;
use super::page_features::features;
use super::{Analysis, CutoffClasses, Dataset, NumericColumn};
use crate::report::charts::{self, Bar, XAxis};
use crate::report::heat_map::{self, heat_map};
use crate::report::inline::{BoxPlot, WideScale, box_plot, share_bar, signed_bar};
use crate::report::number::{count, number, percent};
use crate::report::page::{Section, column_name, exact, more, page, scrolling, tiles};
use crate::report::svg::Ink;

/// Rows of a table that are shown at once; the others open.
const SHOWN: usize = 12;
/// More features make a heat map that no one can read: then those with the strongest correlations are shown.
const HEAT_MAP: usize = 64;
/// So many pairs of features are listed.
const PAIRS: usize = 20;

/// Writes the page.
///
/// # Errors
/// Where a chart's range is not finite.
pub(crate) fn html(data: &Dataset, analysis: &Analysis, findings: &[Finding]) -> anyhow::Result<String> {
    let it = Writer { data, analysis };
    let section = |id, title, body| Section { id, title, body };
    let mut sections = vec![
        section("findings", "What stands out", it.findings(findings)),
        section("target", "Target", it.target()?),
        section("features", "Features", features(data, analysis)?),
        section("missing", "Missing values", it.missing()),
        section("outliers", "Outliers", it.outliers()),
        section("correlation", "Correlation", it.correlation()),
        section("association", "Features and target", it.association()),
    ];
    sections.push(section("methods", "How it was measured", methods()));
    Ok(page("Exploratory data analysis", &it.lead(), &sections))
}

/// A row of a table, and whether it is shown at once.
type Row = Markup;

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
            p.lead { "Of the table " code { (data.name) } ". Every number is that of the whole table: nothing is sampled." }
            (tiles(&shown))
        }
    }

    fn findings(&self, findings: &[Finding]) -> Markup {
        html! {
            dl.findings {
                @for finding in findings { div { dt { (finding.topic) } dd { (finding.text) } } }
            }
        }
    }

    fn target(&self) -> anyhow::Result<Markup> {
        let (data, target) = (self.data, &self.analysis.target);
        let cutoffs = &data.cutoffs.words;
        let series = self.series();
        let mut stacked = Vec::new();
        for ((cutoff, at), x) in cutoffs.iter().zip(target).zip(0..) {
            let mut base = 0.0;
            for (ink, name, classes) in &series {
                let rows: usize = classes.iter().filter_map(|class| at.counts.get(*class)).sum();
                if rows > 0 {
                    let (from, to) = (f64::from(x) - 0.4, f64::from(x) + 0.4);
                    let title = format!("{cutoff}, {name}: {} ({})", count(rows), percent(at.share(rows)));
                    stacked.push(Bar { from, to, base, height: rows as f64, ink: *ink, title });
                    base += rows as f64;
                }
            }
        }
        let caption = if data.none_class.is_some() { "Who takes what" } else { "Rows of each class" };
        let stack =
            charts::bars(caption, &stacked, &XAxis::Words(cutoffs.clone()), crate::report::number::axis);
        let rate = data.none_class.map(|none| self.rate(none)).transpose()?;
        let key = series.iter().map(|(ink, name, _)| (*ink, name.as_str())).collect::<Vec<_>>();
        let stack = if stacked.is_empty() {
            html! { p { "No row has a class." } }
        } else {
            stack?
        };
        Ok(html! {
            div.pair {
                figure {
                    figcaption { (caption) " " span.soft { "rows at each cut-off" } }
                    (stack)
                    (legend(&key))
                }
                @if let Some(rate) = rate {
                    figure {
                        figcaption { "Share of buyers " span.soft { "of the customers at each cut-off" } }
                        (rate)
                    }
                }
            }
            (more("The numbers", &scrolling("Classes by cut-off", &self.target_table())))
        })
    }

    fn rate(&self, none: usize) -> anyhow::Result<Markup> {
        let point = |(cutoff, at): (&String, &CutoffClasses)| {
            let (buyers, share) = (at.others(none), at.share(at.others(none)));
            let title = format!("{cutoff}: {} of {} ({})", count(buyers), count(at.rows), percent(share));
            (share * 100.0, title)
        };
        let points: Vec<(f64, String)> =
            self.data.cutoffs.words.iter().zip(&self.analysis.target).map(point).collect();
        charts::line("Share of buyers", &points, self.data.cutoffs.words.clone(), |percent| {
            format!("{} %", crate::report::number::axis(percent))
        })
    }

    /// Colour, name and classes of what is stacked: the classes that occur, without the one of taking nothing.
    fn series(&self) -> Vec<(Ink, String, Vec<usize>)> {
        let occurs = |class: usize| {
            self.analysis.target.iter().any(|at| at.counts.get(class).is_some_and(|count| *count > 0))
        };
        let classes = self.data.target.words.iter().enumerate();
        let classes: Vec<(usize, &String)> =
            classes.filter(|(class, _)| Some(*class) != self.data.none_class && occurs(*class)).collect();
        let own = if classes.len() > Ink::SERIES { Ink::SERIES - 1 } else { classes.len() };
        let (own, others) = classes.split_at_checked(own).unwrap_or((&classes, &[]));
        let mut series: Vec<(Ink, String, Vec<usize>)> = own
            .iter()
            .zip(0..)
            .map(|((class, name), ink)| (Ink::Series(ink), (*name).clone(), vec![*class]))
            .collect();
        if !others.is_empty() {
            let last = Ink::Series((Ink::SERIES - 1) as u8);
            let classes = others.iter().map(|(class, _)| *class).collect();
            series.push((last, format!("{} others", others.len()), classes));
        }
        series
    }

    fn target_table(&self) -> Markup {
        let (data, target) = (self.data, &self.analysis.target);
        html! {
            table {
                thead { tr {
                    th scope="col" { (data.cutoffs.name) }
                    th scope="col" { "rows" }
                    @if data.none_class.is_some() { th scope="col" { "buyers" } }
                    @for class in &data.target.words { th scope="col" { (class) } }
                } }
                tbody {
                    @for (cutoff, at) in data.cutoffs.words.iter().zip(target) {
                        tr {
                            th scope="row" { (cutoff) }
                            td { (exact(at.rows, &count(at.rows))) }
                            @if let Some(none) = data.none_class { td { (percent(at.share(at.others(none)))) } }
                            @for class in &at.counts { td { (exact(class, &count(*class))) } }
                        }
                    }
                }
            }
        }
    }

    fn missing(&self) -> Markup {
        let cutoff = |position: usize| self.data.cutoffs.words.get(position).map_or("", String::as_str);
        let mut missing: Vec<_> =
            self.data.columns.iter().zip(&self.analysis.missing).filter(|(_, it)| it.count > 0).collect();
        missing.sort_by(|a, b| b.1.share.total_cmp(&a.1.share));
        let rows = missing.iter().map(|(column, it)| {
            let range = format!("{} to {}", percent(it.least.1), percent(it.most.1));
            let title = format!(
                "{}: {} of the rows; {} at {}, {} at {}",
                column.name,
                percent(it.share),
                percent(it.least.1),
                cutoff(it.least.0),
                percent(it.most.1),
                cutoff(it.most.0)
            );
            html! {
                th scope="row" { (column_name(&column.name)) (share_bar(&title, it.share, Some((it.least.1, it.most.1)))) }
                td { (exact(it.count, &count(it.count))) }
                td { (exact(it.share, &percent(it.share))) }
                td.wide { (range) }
            }
        });
        let complete = self.data.columns.len() - missing.len();
        html! {
            @if missing.is_empty() { p { "No value is missing." } }
            @else {
                p { "The line over each bar goes from the least to the greatest share among the cut-offs. "
                    (complete) " features have a value in every row." }
                (table_of(
                    html! { th scope="col" { "feature" } th scope="col" { "missing" } th scope="col" { "share" }
                        th.wide scope="col" { "cut-off by cut-off" } },
                    rows.collect(),
                ))
            }
        }
    }

    fn outliers(&self) -> Markup {
        let with_fences =
            self.analysis.numeric.iter().filter_map(|it| Some((it, it.outliers.fences.as_ref()?)));
        let mut boxes: Vec<_> = with_fences.collect();
        let share = |beyond: usize, it: &NumericColumn| beyond as f64 / it.outliers.count.max(1) as f64;
        boxes.sort_by(|a, b| share(b.1.outer.beyond(), b.0).total_cmp(&share(a.1.outer.beyond(), a.0)));
        let plots: Vec<BoxPlot> = boxes
            .iter()
            .map(|(it, fences)| {
                let ranges = |value: f64| (value - fences.median) / (fences.q3 - fences.q1);
                BoxPlot {
                    quartiles: (ranges(fences.q1), ranges(fences.q3)),
                    median: 0.0,
                    whiskers: (ranges(fences.whiskers.0.into()), ranges(fences.whiskers.1.into())),
                    ends: (
                        ranges(it.statistics.min.unwrap_or_default()),
                        ranges(it.statistics.max.unwrap_or_default()),
                    ),
                }
            })
            .collect();
        let low = plots.iter().map(|plot| plot.ends.0).fold(-1.0, f64::min);
        let high = plots.iter().map(|plot| plot.ends.1).fold(1.0, f64::max);
        let scale = WideScale::new(low, high);
        let rows = boxes.iter().zip(&plots).map(|((it, fences), plot)| {
            let name = self.name(it.column);
            let (min, max) = (it.statistics.min.unwrap_or_default(), it.statistics.max.unwrap_or_default());
            let title = format!(
                "{name}: quartiles {} and {}, median {}; {} values below {}, {} above {}; from {} to {}",
                number(fences.q1),
                number(fences.q3),
                number(fences.median),
                count(fences.inner.below),
                number(fences.inner.lower),
                count(fences.inner.above),
                number(fences.inner.upper),
                number(min),
                number(max)
            );
            html! {
                th scope="row" { (column_name(name)) (box_plot(&title, plot, scale)) }
                @for fence in [&fences.inner, &fences.outer] {
                    td { (exact(share(fence.beyond(), it), &percent(share(fence.beyond(), it)))) }
                }
                td.wide { (number(min)) }
                td.wide { (number(max)) }
            }
        });
        let without: Vec<&str> = self
            .analysis
            .numeric
            .iter()
            .filter(|it| it.outliers.fences.is_none())
            .map(|it| self.name(it.column))
            .collect();
        html! {
            @if boxes.is_empty() { p { "No feature has quartiles that differ." } }
            @else {
                p { "Distance from the median in interquartile ranges (IQR), the same scale for all, in powers of ten: "
                    "the box holds the middle half of the rows, whiskers reach 1.5 IQR beyond, dots are the lowest and "
                    "the highest value." }
                (table_of(
                    html! { th scope="col" { "feature" (scale.axis()) } th scope="col" { "beyond 1.5 IQR" }
                        th scope="col" { "beyond 3 IQR" } th.wide scope="col" { "lowest" } th.wide scope="col" { "highest" } },
                    rows.collect(),
                ))
            }
            @if !without.is_empty() {
                p.note { "In " (without.len()) " features at least half of the rows have the same value, so the quartiles do not "
                    "differ and the rule says nothing: " (without.join(", ")) "." }
            }
        }
    }

    fn correlation(&self) -> Markup {
        let analysis = self.analysis;
        let name = |numeric: usize| analysis.numeric.get(numeric).map_or("", |it| self.name(it.column));
        let shown = self.most_correlated();
        let names: Vec<&str> = shown.iter().map(|numeric| name(*numeric)).collect();
        let of = |row: usize, column: usize| {
            let (a, b) = (*shown.get(row)?, *shown.get(column)?);
            match row > column {
                true => Some((analysis.pearson.get(a, b)?, "Pearson")),
                false => Some((analysis.spearman.get(a, b)?, "Spearman")),
            }
        };
        let strongest = analysis.spearman.strongest();
        let rows = strongest.iter().take(PAIRS).map(|(a, b, spearman)| {
            let pearson = analysis.pearson.get(*a, *b);
            html! {
                th scope="row" { (column_name(name(*a))) " × " (column_name(name(*b))) }
                td { (exact(spearman, &correlation(*spearman))) }
                td { @if let Some(pearson) = pearson { (exact(pearson, &correlation(pearson))) } }
            }
        });
        html! {
            @if names.len() < 2 { p { "There are not two features to correlate." } }
            @else {
                p { "Below the diagonal Pearson’s correlation, above it Spearman’s (of ranks); blank is weaker than "
                    (heat_map::BLANK) "."
                    @if names.len() < analysis.numeric.len() {
                        " Of " (analysis.numeric.len()) " features, the " (names.len()) " with the strongest correlations; "
                        "the CSV files have all."
                    } }
                (heat_map::legend())
                (scrolling("Correlation matrix", &heat_map("Correlation matrix", &names, of)))
                h3 { "The strongest pairs" }
                (table_of(
                    html! { th scope="col" { "features" } th scope="col" { "Spearman" } th scope="col" { "Pearson" } },
                    rows.collect(),
                ))
            }
        }
    }

    /// The numeric features that the heat map shows, in the order of the table.
    fn most_correlated(&self) -> Vec<usize> {
        let mut shown: Vec<usize> = Vec::new();
        for (a, b, _) in self.analysis.spearman.strongest() {
            for numeric in [a, b] {
                if shown.len() < HEAT_MAP && !shown.contains(&numeric) {
                    shown.push(numeric);
                }
            }
        }
        shown.sort_unstable();
        shown
    }

    fn association(&self) -> Markup {
        let (data, analysis) = (self.data, self.analysis);
        let strength = |it: &NumericColumn| {
            let auc = it.target.taker_auc.map(|auc| (auc - 0.5).abs());
            auc.or(it.target.eta_squared).unwrap_or_default()
        };
        let mut numeric: Vec<&NumericColumn> = analysis.numeric.iter().collect();
        numeric.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
        let has_takers = data.none_class.is_some();
        let rows = numeric.iter().map(|it| {
            let name = self.name(it.column);
            html! {
                th scope="row" {
                    (column_name(name))
                    @if let Some(auc) = it.target.taker_auc {
                        (signed_bar(&format!("{name}: area under the curve {auc:.3}"), (auc - 0.5) * 2.0))
                    }
                }
                @if has_takers {
                    td { @if let Some(auc) = it.target.taker_auc { (exact(auc, &format!("{auc:.3}"))) } }
                }
                td { @if let Some(eta) = it.target.eta_squared { (exact(eta, &format!("{eta:.4}"))) } }
            }
        });
        html! {
            @if has_takers {
                p { "The area under the ROC curve of the feature alone, buyers of anything against all others: 0.5 says "
                    "nothing; bars to the right mean that high values speak for buying, to the left that low ones do. η² is the share "
                    "of the feature’s variance that lies between the classes of " code { (data.target.name) } "." }
            } @else {
                p { "η² is the share of the feature’s variance that lies between the classes of " code { (data.target.name) } "." }
            }
            (table_of(
                html! { th scope="col" { "feature" } @if has_takers { th scope="col" { "AUC" } } th scope="col" { "η²" } },
                rows.collect(),
            ))
            h3 { "What tells each class" }
            p { "Each class against all other rows: those who hold the product already are among these." }
            (self.class_table())
            h3 { "Categories" }
            (self.category_table())
        }
    }

    fn class_table(&self) -> Markup {
        const BEST: usize = 3;
        let best = |class: usize| {
            let auc = |it: &NumericColumn| {
                Some((self.name(it.column).to_owned(), (*it.target.class_auc.get(class)?)?))
            };
            let mut best: Vec<(String, f64)> = self.analysis.numeric.iter().filter_map(auc).collect();
            best.sort_by(|a, b| (b.1 - 0.5).abs().total_cmp(&(a.1 - 0.5).abs()));
            best.truncate(BEST);
            best
        };
        let classes = self.data.target.words.iter().enumerate();
        let classes = classes.filter(|(class, _)| Some(*class) != self.data.none_class);
        let told: Vec<(&String, Vec<(String, f64)>)> =
            classes.map(|(class, name)| (name, best(class))).filter(|(_, best)| !best.is_empty()).collect();
        html! {
            table.lists {
                thead { tr { th scope="col" { "class" } th scope="col" { "best features alone" } th scope="col" { "AUC" } } }
                @for (class, best) in &told {
                    tbody {
                        @for (position, (feature, auc)) in best.iter().enumerate() {
                            tr {
                                @if position == 0 { th scope="rowgroup" rowspan=(best.len()) { (class) } }
                                td { (if *auc < 0.5 { "low " } else { "high " }) (column_name(feature)) }
                                td { (exact(auc, &format!("{auc:.3}"))) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn category_table(&self) -> Markup {
        let rows = self.analysis.cramers_v.iter().map(|it| {
            let [a, b] = &it.names;
            html! {
                th scope="row" { (column_name(a)) " × " (column_name(b)) }
                td.wide { (count(it.rows)) }
                td.wide { (number(it.chi_squared)) }
                td { @if let Some(v) = it.cramers_v { (exact(v, &format!("{v:.3}"))) } }
            }
        });
        html! {
            p { "Cramér’s V says how strongly two categories go together: 0 not at all, 1 completely." }
            (table_of(
                html! { th scope="col" { "categories" } th.wide scope="col" { "rows" } th.wide scope="col" { "chi-squared" }
                    th scope="col" { "Cramér’s V" } },
                rows.collect(),
            ))
        }
    }

    fn name(&self, column: usize) -> &str {
        self.data.columns.get(column).map_or("", |column| column.name.as_str())
    }
}

/// A table whose first rows are shown at once; the others open.
fn table_of(head: Markup, rows: Vec<Row>) -> Markup {
    let (shown, hidden) = rows.split_at_checked(SHOWN).unwrap_or((&rows, &[]));
    let table = |rows: &[Row]| {
        html! {
            table {
                thead { tr { (head) } }
                tbody { @for row in rows { tr { (row) } } }
            }
        }
    };
    html! {
        (table(shown))
        @if !hidden.is_empty() { (more(&format!("{} more", hidden.len()), &table(hidden))) }
    }
}

fn legend(series: &[(Ink, &str)]) -> Markup {
    html! {
        p.legend {
            @for (ink, name) in series {
                span { svg.key aria-hidden="true" { rect class=(format!("f{}", ink.class())) {} } (name) }
            }
        }
    }
}

fn correlation(value: f64) -> String {
    format!("{value:.3}").replace('-', "−")
}

fn methods() -> Markup {
    html! {
        ul {
            li { "Standard deviation, skewness and kurtosis are those of a sample (n − 1; adjusted G₁ and excess G₂), quantiles "
                "are interpolated linearly: as pandas does." }
            li { "Outliers lie beyond Tukey’s fences, 1.5 or 3 interquartile ranges outside of the quartiles." }
            li { "Correlations take the rows where both features have a value; equal values share the mean of their ranks." }
            li { "Cramér’s V is corrected for bias (Bergsma, 2013). η² is the correlation ratio. The area under the curve (AUC) leaves "
                "out rows without a value, and counts those who hold the product already among the others." }
            li { "Charts of features reach from the 1st to the 99th percentile; the paler bars at the ends hold what lies beyond." }
        }
    }
}
