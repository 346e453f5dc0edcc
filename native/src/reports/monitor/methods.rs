//! The page's part about how each number comes about.

use maud::{Markup, html};

use super::Writer;
use crate::app::number::percent;

/// What is told of every page: the number, how it comes about and whose it is.
const ALWAYS: [(&str, &str); 8] = [
    (
        "PSI",
        "the population stability index, Σ (today − reference) · ln(today / reference) over the cells, that \
         of missing values included (Siddiqi, 2006); it does not grow with the number of rows",
    ),
    (
        "Jensen–Shannon",
        "the distance over the same cells, the square root of the divergence in natural logarithms (Lin, \
         1991; Endres & Schindelin, 2003): 0 to 0.83",
    ),
    (
        "KS",
        "the greatest distance of the two cumulative shares (Kolmogorov, 1933; Smirnov, 1939); of bins where \
         only their counts are known, which sees less",
    ),
    (
        "Wasserstein",
        "how far the numbers have to be moved on average, in standard deviations of the reference \
         (Kantorovich, 1942)",
    ),
    (
        "χ² and Cramér’s V",
        "Pearson’s test of words (1900), and how strong the difference is, 0 to 1 (Cramér, 1946)",
    ),
    (
        "p",
        "the probability of such a difference where there is none; of numbers the lesser one of KS and of a \
         χ² test of missing values, times two (Bonferroni)",
    ),
    (
        "adjusted p",
        "so that of what is called drifted only a small share is so by chance, however many are tested \
         (Benjamini & Hochberg, 1995)",
    ),
    (
        "Cells",
        "bins of numbers hold about equal parts of the reference; each word is a cell, and so is having no \
         value",
    ),
];

impl Writer<'_> {
    pub(super) fn methods(&self) -> Markup {
        let found = self.found;
        let rules = &found.rules;
        let item = |name: &str, how: &str| html! { li { strong { (name) } ": " (how) "." } };
        html! {
            ul {
                @for (name, how) in ALWAYS { (item(name, how)) }
                li {
                    strong { "Verdict" } ": drifted where the adjusted p is at most " (rules.significance)
                    " and the PSI at least " (rules.drift)
                    " or, of numbers whose values are known one by one, the Wasserstein distance at \
                     least " (rules.distance)
                    "; heavily from a PSI of " (rules.heavy_drift) " on. Both are asked, since among many \
                        rows chance explains nothing, and among few it explains much."
                }
                li {
                    strong { "The data as a whole" } ": drifted where what drifted has at least "
                    (percent(rules.drifted_share))
                    @if self.has_model() { " of the model’s importance." } @else { " of the columns." }
                }
                @if !found.scores.is_empty() {
                    (item("Scores", "have drifted where the most probable class or any probability has"))
                }
                @if found.performance.is_some() {
                    (item(
                        "Measured metrics",
                        "intervals are percentiles of bootstrap draws of customers with all their rows \
                         (Efron, 1979); a change is shown where it is greater than 1.96 standard errors of \
                         the difference to the model’s test",
                    ))
                }
                @if found.estimate.is_some() {
                    (item(
                        "Expected metrics",
                        "the mean over all outcomes that the calibrated probabilities allow, with 1.96 \
                         standard deviations (confidence-based performance estimation, NannyML)",
                    ))
                }
                @if found.sketches.as_ref().is_some_and(|it| it.randomised) {
                    (item(
                        "Randomised sketches",
                        "each row tells its cell or, at random, another one; shares are freed of that on \
                         average (Warner, 1965; Kairouz, Bonawitz & Ramage, 2016)",
                    ))
                }
                @if !found.history.is_empty() {
                    (item("Changes over time", "the rank test of Pettitt (1979), on the whole and then on \
                        the parts before and after"))
                }
            }
            p.note { "All numbers, unrounded, stand in monitoring.json and drift.csv beside this page." }
        }
    }
}
