//! The page's part about what the model says: the class that it finds most probable, and each class's
//! probability.

use maud::{Markup, html};

use super::features::{chart, details, statistics};
use super::{Writer, badge};
use crate::monitor::drift::Verdict;

impl Writer<'_> {
    pub(super) fn scores(&self) -> Option<Markup> {
        let (chosen, probabilities) = self.found.scores.split_first()?;
        let mut sorted: Vec<_> = probabilities.iter().zip(1..).collect();
        sorted.sort_by_key(|(drift, _)| std::cmp::Reverse(drift.verdict));
        let moved = self.found.scores.iter().filter(|drift| drift.verdict > Verdict::Stable).count();
        Some(html! {
            p {
                @if moved == 0 { "✓ Nothing that the model says has moved." }
                @else { "▲ " (moved) " of " (self.found.scores.len()) " have moved, each judged as a feature \
                    is." }
                " Probabilities are compared bin by bin."
            }
            h3 { "Most probable " (badge(chosen.verdict)) }
            p.soft { (chosen.label) }
            div.opened {
                (chart("Share of the rows for which each class is the most probable, in the reference and \
                    today", chosen))
                (statistics(chosen))
            }
            @if !sorted.is_empty() {
                h3 { "Each probability" }
                div.features {
                    @for (drift, place) in sorted { (details(&format!("score-{place}"), drift, None)) }
                }
            }
        })
    }
}
