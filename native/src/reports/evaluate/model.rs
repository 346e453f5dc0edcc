//! The page's parts about the model itself: classes, curves, reliability, features, confusion.

use maud::{Markup, html};

use super::{Writer, area, loss};
use crate::app::number::{axis_percent, count, percent};
use crate::evaluate::curves::LIFT_AT;
use crate::reports::evaluate::charts;
use crate::reports::kit::chart::{Chart, legend};
use crate::reports::kit::inline::share_bar;
use crate::reports::kit::page::{column_name, exact, heads, more, scrolling};

/// So many features are shown at once; the others open.
const FEATURES: usize = 15;

impl Writer<'_> {
    pub(super) fn classes_title(&self) -> &'static str {
        if self.has_none() { "Product by product" } else { "Class by class" }
    }

    pub(super) fn classes(&self) -> Markup {
        let evaluation = self.evaluation;
        let (Some(model), Some(prior)) = (evaluation.of_model(), evaluation.contestants.get(1)) else {
            return html! {};
        };
        let rows = model.all.classes.iter().zip(&prior.all.classes).zip(&evaluation.curves);
        html! {
            p {
                "Each against the rest. Lift is how many times more of a class are among the likeliest 1, 5, \
                 10 or 20 % than among as many rows by chance."
            }
            (scrolling("Classes", &html! {
                table {
                    thead { tr {
                        @for name in ["", "rows", "AUC", "log-loss", "class \
                            prior’s"] { th scope="col" { (name) } }
                        @for share in LIFT_AT { th scope="col" { "lift " (axis_percent(share)) } }
                    } }
                    tbody {
                        @for ((class, prior), curves) in rows {
                            tr {
                                th scope="row" { (class.name) }
                                td { (count(class.support)) }
                                @if let Some(value) = class.roc_auc {
                                    td { (exact(value, &area(value))) }
                                    td { (exact(class.log_loss, &loss(class.log_loss))) }
                                    td { (exact(prior.log_loss, &loss(prior.log_loss))) }
                                    @for share in LIFT_AT {
                                        td { @if let Some(lift) = curves.gain.lift(share) { (exact(lift, &format!("{lift:.1}"))) } }
                                    }
                                } @else {
                                    td { "–" } td { "–" } td { "–" } @for _ in LIFT_AT { td { "–" } }
                                }
                            }
                        }
                    }
                }
            }))
        }
    }

    pub(super) fn ranking(&self) -> anyhow::Result<Markup> {
        let roc = charts::roc(self.evaluation);
        let key = legend(roc.legend.iter().map(|(ink, name)| (*ink, name.as_str())));
        Ok(html! {
            p { "The upper the curve, the better; the thin line is chance. Point at a curve for its name and \
                number." }
            (key)
            div.pair {
                (figure(&roc)?)
                (figure(&charts::gain(self.evaluation))?)
                (figure(&charts::lift(self.evaluation))?)
            }
        })
    }

    pub(super) fn reliability(&self) -> anyhow::Result<Markup> {
        let evaluation = self.evaluation;
        let mut figures = Vec::new();
        for pooled in &evaluation.pooled {
            let chart = charts::reliability(pooled);
            figures.push(html! {
                figure {
                    figcaption { (chart.title) " " span.soft { (chart.subtitle) } }
                    (chart.markup()?)
                    (legend(chart.legend.iter().map(|(ink, name)| (*ink, name.as_str()))))
                }
            });
        }
        let model = evaluation.of_model();
        Ok(html! {
            p { "On the thin line what is said to happen happens just that often; above it more often." }
            @if let (Some(model), Some(before)) = (model, &evaluation.uncalibrated) {
                p {
                    "The probabilities are calibrated (" (before.calibration) "), which was learned on the \
                        rows that chose the model. Before, their log-loss here \
                        is " (loss(before.all.log_loss)) " \
                            and their calibration error "
                    (loss(before.all.calibration_error)) "; after, " (loss(model.all.log_loss)) " and "
                    (loss(model.all.calibration_error)) "."
                }
            }
            div.pair { @for figure in figures { (figure) } }
        })
    }

    pub(super) fn importance(&self) -> Markup {
        let evaluation = self.evaluation;
        let greatest = evaluation.importance.first().map_or(0.0, |it| f64::from(it.share));
        let most = evaluation.importance.iter().map(|it| it.permutation).fold(0.0, f64::max);
        let rows: Vec<Markup> = evaluation
            .importance
            .iter()
            .filter(|it| it.share > 0.0)
            .map(|it| {
                let share = f64::from(it.share);
                html! {
                    th scope="row" {
                        (column_name(&it.feature))
                        (share_bar(&format!("{}: {}", it.feature, percent(share)), share / greatest, None))
                    }
                    td { (exact(it.share, &percent(share))) }
                    td {
                        (exact(it.permutation, &format!("{:+.5}", it.permutation).replace('-', "−")))
                        (share_bar("", if most > 0.0 { it.permutation.max(0.0) / most } else { 0.0 }, None))
                    }
                }
            })
            .collect();
        let (shown, hidden) = rows.split_at_checked(FEATURES).unwrap_or((&rows, &[]));
        let head = heads(&["feature, share of what was learned", "share", "log-loss without"], &[]);
        let table = |rows: &[Markup]| {
            html! {
                table {
                    thead { tr { (head) } }
                    tbody { @for row in rows { tr { (row) } } }
                }
            }
        };
        let unused = evaluation.importance.iter().filter(|it| it.share <= 0.0).count();
        html! {
            p {
                "The share of what the model learned from each feature while training, and by how much its \
                 log-loss on the test rows grows without the feature (its values dealt out anew)."
                @if unused > 0 { " " (unused) " features are not used at all." }
            }
            (table(shown))
            @if !hidden.is_empty() { (more(&format!("{} more", hidden.len()), &table(hidden))) }
        }
    }

    pub(super) fn confusion(&self) -> anyhow::Result<Markup> {
        let Some(model) = self.evaluation.of_model() else { return Ok(html! {}) };
        let chart = |title: &str, metrics: &nextbest_core::metrics::Metrics| {
            let names: Vec<&str> = metrics.classes.iter().map(|class| class.name.as_str()).collect();
            let chart = charts::confusion(title, &names, &metrics.confusion);
            anyhow::Ok(html! {
                figure {
                    figcaption { (title) }
                    (scrolling(title, &html! { div style=(format!("min-width:{}px", chart.size.0)) { (chart.markup()?) } }))
                }
            })
        };
        Ok(html! {
            p {
                "Rows are what it was, columns (by number) what was most probable; numbers are percent of \
                 the row."
                @if self.has_none() {
                    " Where nearly all take nothing, nothing is most probable for nearly all, and rightly \
                     so: what counts is the order of the customers, not the most probable class. The second \
                     matrix asks only which product a taker takes."
                }
            }
            div.pair {
                (chart("All rows", &model.all)?)
                @if let Some(takers) = &model.without_none { (chart("Takers, NONE left out", takers)?) }
            }
        })
    }
}

fn figure(chart: &Chart) -> anyhow::Result<Markup> {
    Ok(html! {
        figure {
            figcaption { (chart.title) " " span.soft { (chart.subtitle) } }
            (chart.markup()?)
        }
    })
}
