//! The page's part about parts of today's rows.

use maud::{Markup, html};

use super::{Writer, between, known, measure, share};
use crate::app::number::{count, percent};
use crate::monitor::segments::{Segment, Segmentation};
use crate::reports::kit::page::scrolling;

impl Writer<'_> {
    pub(super) fn segments(&self) -> Option<Markup> {
        let filled = || self.found.segments.iter().filter(|it| !it.segments.is_empty());
        filled().next()?;
        Some(html! {
            p {
                "How many of the rows each part has, today and in the model’s test, and how good the model \
                 is there: as its probabilities expect, with 95 % intervals, and as it turned out where \
                 outcomes are known."
            }
            @for segmentation in filled() {
                h3 { "By " (segmentation.name) }
                (scrolling(&segmentation.name, &table(segmentation)))
            }
        })
    }
}

fn table(it: &Segmentation) -> Markup {
    let has = |of: fn(&Segment) -> bool| it.segments.iter().any(of);
    let (tested, expected) = (has(|it| it.share_in_test.is_some()), has(|it| it.expected_log_loss.is_some()));
    let (observed, in_test) =
        (has(|it| it.observed_log_loss.is_some()), has(|it| it.log_loss_in_test.is_some()));
    html! {
        table {
            thead { tr {
                th scope="col" {}
                th scope="col" { "rows" }
                th scope="col" { "share" }
                @if tested { th scope="col" { "in its test" } }
                @if expected { th scope="col" { "log-loss expected" } }
                @if observed { th scope="col" { "it turned out" } }
                @if in_test { th scope="col" { "in its test" } }
            } }
            tbody {
                @for segment in &it.segments {
                    tr {
                        th scope="row" { (segment.name) }
                        td { (count(segment.rows)) }
                        td { (share(segment.share)) }
                        @if tested { td { (known(segment.share_in_test, percent)) } }
                        @if expected {
                            td {
                                (known(segment.expected_log_loss.map(|it| it.0), measure))
                                @if let Some((_, low, high)) = segment.expected_log_loss {
                                    br; span.soft { (between((low, high), measure)) }
                                }
                            }
                        }
                        @if observed { td { (known(segment.observed_log_loss, measure)) } }
                        @if in_test { td { (known(segment.log_loss_in_test, measure)) } }
                    }
                }
            }
        }
    }
}
