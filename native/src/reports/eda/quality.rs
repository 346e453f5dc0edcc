//! The page's parts about what is missing and what lies far out.

use maud::{Markup, html};

use super::{Writer, table_of};
use crate::app::number::{count, number, percent};
use crate::eda::NumericColumn;
use crate::reports::kit::inline::{BoxPlot, WideScale, box_plot, share_bar};
use crate::reports::kit::page::{column_name, exact, heads};

impl Writer<'_> {
    pub(super) fn missing(&self) -> Markup {
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
                th scope="row" {
                    (column_name(&column.name))
                    (share_bar(&title, it.share, Some((it.least.1, it.most.1))))
                }
                td { (exact(it.count, &count(it.count))) }
                td { (exact(it.share, &percent(it.share))) }
                td.wide { (range) }
            }
        });
        let complete = self.data.columns.len() - missing.len();
        html! {
            @if missing.is_empty() { p { "No value is missing." } }
            @else {
                p {
                    "The line over each bar goes from the least to the greatest share among the \
                     cut-offs. " (complete)
                    " features have a value in every row."
                }
                (table_of(
                    &heads(&["feature", "missing", "share"], &["cut-off by cut-off"]),
                    &rows.collect::<Vec<_>>(),
                ))
            }
        }
    }

    pub(super) fn outliers(&self) -> Markup {
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
                p {
                    "Distance from the median in interquartile ranges (IQR), the same scale for all, in \
                     powers of ten: the box holds the middle half of the rows, whiskers reach up to 1.5 IQR \
                     beyond, dots are the lowest and the highest value where they lie further out."
                }
                (table_of(
                    &html! {
                        th scope="col" { "feature" (scale.axis()) }
                        (heads(&["beyond 1.5 IQR", "beyond 3 IQR"], &["lowest", "highest"]))
                    },
                    &rows.collect::<Vec<_>>(),
                ))
            }
            @if !without.is_empty() {
                p.note {
                    "In " (without.len()) " features at least half of the rows have the same value, so the \
                        quartiles do not differ and the rule says nothing: " (without.join(", ")) "."
                }
            }
        }
    }
}
