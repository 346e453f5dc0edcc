//! The page's parts about how features go together, with one another and with the target.

use maud::{Markup, html};

use super::{Writer, table_of};
use crate::app::number::{count, number};
use crate::eda::NumericColumn;
use crate::reports::kit::heat_map::{self, heat_map};
use crate::reports::kit::inline::signed_bar;
use crate::reports::kit::page::{column_name, exact, heads, scrolling};

/// More features make a heat map that no one can read: then those with the strongest correlations are shown.
const HEAT_MAP: usize = 64;
/// So many pairs of features are listed.
const PAIRS: usize = 20;

impl Writer<'_> {
    pub(super) fn correlation(&self) -> Markup {
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
                p {
                    "Below the diagonal Pearson’s correlation, above it Spearman’s (of ranks); blank is \
                     weaker than "
                    (heat_map::BLANK) "."
                    @if names.len() < analysis.numeric.len() {
                        " Of " (analysis.numeric.len()) " features, the " (names.len())
                        " with the strongest correlations; the CSV files have all."
                    }
                }
                (heat_map::legend())
                (scrolling("Correlation matrix", &heat_map("Correlation matrix", &names, of)))
                h3 { "The strongest pairs" }
                (table_of(
                    &heads(&["features", "Spearman", "Pearson"], &[]),
                    &rows.collect::<Vec<_>>(),
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

    pub(super) fn association(&self) -> Markup {
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
                p {
                    "The area under the ROC curve of the feature alone, buyers of anything against all \
                     others: 0.5 says nothing; bars to the right mean that high values speak for buying, to \
                     the left that low ones do."
                }
            }
            p {
                "η² is the share of the feature’s variance that lies between the classes of "
                code { (data.target.name) } "."
            }
            (table_of(
                &heads(if has_takers { &["feature", "AUC", "η²"] } else { &["feature", "η²"] }, &[]),
                &rows.collect::<Vec<_>>(),
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
                thead { tr { (heads(&["class", "best features alone", "AUC"], &[])) } }
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
                td { @if let Some(v) = it.cramers_v { (exact(v, &format!("{v:.3}"))) } }
                td.wide { (count(it.rows)) }
                td.wide { (number(it.chi_squared)) }
            }
        });
        html! {
            p { "Cramér’s V says how strongly two categories go together: 0 not at all, 1 completely." }
            (table_of(
                &heads(&["categories", "Cramér’s V"], &["rows", "chi-squared"]),
                &rows.collect::<Vec<_>>(),
            ))
        }
    }
}

fn correlation(value: f64) -> String {
    format!("{value:.3}").replace('-', "−")
}
