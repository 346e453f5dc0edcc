//! The page: the model card for people.

use maud::{Markup, html};
use nextbest_core::bundle::card::Metric;
use nextbest_core::schema::Task;

use crate::app::human_bytes;
use crate::app::number::{count, percent};
use crate::inspect::standing::{ProfileSummary, Signature};
use crate::inspect::text::{measured, terms};
use crate::inspect::{Inspected, NOT_STATED, policy, stated};
use crate::reports::kit::inline::share_bar;
use crate::reports::kit::page::{Section, column_name, exact, heads, more, page, scrolling, tiles};

/// So many features are shown at once; the others open.
const FEATURES: usize = 15;
/// Fewer rows than this prove little.
const FEW_ROWS: u64 = 200;

/// Writes the page.
pub(crate) fn html(it: &Inspected) -> String {
    let section = |id, title, body| Section { id, title, body };
    let products = if let Task::Label { .. } = it.schema.task { "Classes" } else { "Products" };
    let mut sections = vec![
        section("use", "What it is for", it.purpose()),
        section("standing", "May it be used?", it.standing()),
        section("data", "What it learned from", it.data()),
        section("metrics", "How good it was", it.metric_table()),
    ];
    if !it.card.segments.is_empty() {
        sections.push(section("segments", "For whom", it.segment_table()));
    }
    sections.extend([
        section("privacy", "What it gives away", it.told()),
        section("policy", "What may be offered", it.policy_list()),
        section("products", products, it.class_table()),
        section("features", "What it reads", it.feature_table()),
    ]);
    page(&format!("Model card: {}", it.card.name), &it.lead(), &sections)
}

impl Inspected {
    fn lead(&self) -> Markup {
        let metric = |name: &str| self.card.test_metrics.iter().find(|metric| metric.name == name);
        let tile = |name: &str, label: &str| {
            let metric = metric(name)?;
            let label = html! {
                (label)
                @if let Some((low, high)) = metric.interval { br; (format!("[{low:.3}, {high:.3}]")) }
            };
            Some((label, format!("{:.3}", metric.value)))
        };
        let mut shown: Vec<(Markup, String)> = vec![
            (html! { "number" }, self.validity.number()),
            (html! { "signature" }, self.signature_in_a_word().into()),
        ];
        shown.extend(
            [tile("log_loss", "test log-loss"), tile("roc_auc_ovr", "mean AUC")].into_iter().flatten(),
        );
        html! {
            @for warning in &self.warnings { p.warning role="alert" { strong { "Warning: " } (warning) } }
            p.lead {
                (self.card.algorithm.replace('_', " ")) ", \
                    model " code { (self.model_version) } ": " (self.model) ", "
                (human_bytes(self.bytes)) ". Ranges in brackets are 95 % intervals."
            }
            (tiles(&shown))
        }
    }

    fn signature_in_a_word(&self) -> &'static str {
        match self.signature {
            Signature::None => "none",
            Signature::Verified { .. } => "verified",
            Signature::Sound { .. } => "sound",
            Signature::Broken { .. } => "broken",
        }
    }

    fn purpose(&self) -> Markup {
        let card = &self.card;
        let limits = html! {
            @if card.limits.is_empty() { (NOT_STATED) } @else { ul { @for limit in &card.limits { li { (limit) } } } }
        };
        pairs([
            ("intended use", html! { (stated(&card.intended_use)) }),
            ("limits", limits),
            ("licence", html! { (stated(&card.licence)) }),
        ])
    }

    fn standing(&self) -> Markup {
        pairs([
            ("signature", html! { (self.signature.words()) }),
            ("number", html! { (self.validity.number()) }),
            ("profile", html! { (ProfileSummary::words(self.profile.as_ref())) }),
            ("valid", html! { (self.validity.period()) }),
            ("clock", html! { (self.clock()) }),
            ("SHA-256", html! { code { (self.content_hash) } }),
            ("format", html! { (self.format_version) }),
            ("self-test", html! { (self.self_test) " on " (self.goldens) " golden rows" }),
            ("file", html! { (self.file.file_name().unwrap_or_default().to_string_lossy()) }),
        ])
    }

    fn told(&self) -> Markup {
        pairs(self.gives_away.iter().map(|it| (it.part, html! { (it.tells) })))
    }

    fn data(&self) -> Markup {
        let card = &self.card;
        let parameters = html! {
            table.words {
                thead { tr { (heads(&["parameter", "value"], &[])) } }
                tbody { @for (name, value) in &card.parameters { tr { th scope="row" { (column_name(name)) } td { (value) } } } }
            }
        };
        let sources = html! {
            table.words {
                thead { tr { (heads(&["file", "SHA-256"], &[])) } }
                tbody {
                    @for (file, hash) in &card.sources { tr { th scope="row" { (file) } td { code { (hash) } } } }
                }
            }
        };
        html! {
            (pairs([
                ("rows", html! { (count(usize::try_from(card.training_rows).unwrap_or(usize::MAX))) }),
                ("trained", html! { (self.dates(&card.training_cutoffs)) }),
                ("chosen", html! { (self.dates(&card.validation_cutoffs)) }),
                ("tested", html! { (self.dates(&card.test_cutoffs)) "; it learned from none of these rows" }),
                ("feature table", html! { "SHA-256 " code { (card.training_data) } }),
                ("calibration", html! { (self.calibration) }),
                ("seed", html! { (card.seed) }),
                ("made by", html! { (self.tools()) }),
            ]))
            @if !card.sources.is_empty() { (more("Source files", &sources)) }
            (more("Parameters", &parameters))
        }
    }

    fn metric_table(&self) -> Markup {
        if self.card.test_metrics.is_empty() {
            return html! { p { "Not stated: the model was exported before it was evaluated." } };
        }
        html! {
            table {
                thead { tr { (heads(&["on the test rows", "value", "95 % interval"], &[])) } }
                tbody {
                    @for metric in &self.card.test_metrics {
                        tr {
                            th scope="row" { (in_words(&metric.name)) }
                            td { (exact(metric.value, &without_interval(metric))) }
                            td { (interval(metric)) }
                        }
                    }
                }
            }
        }
    }

    fn segment_table(&self) -> Markup {
        let metric = |metrics: &[Metric], name: &str| {
            let found = metrics.iter().find(|metric| metric.name == name);
            html! {
                td { (found.map_or("–".into(), without_interval)) }
                @if name == "log_loss" { td { (found.map_or("–".into(), interval)) } }
            }
        };
        html! {
            (scrolling("Segments", &html! {
                table {
                    thead { tr { (heads(&["segment", "rows", "log-loss", "95 % interval", "AUC"], &[])) } }
                    tbody {
                        @for it in &self.card.segments {
                            tr {
                                th scope="row" { (it.name) @if it.rows < FEW_ROWS { " " span.badge { "few \
                                    rows" } } }
                                td { (count(usize::try_from(it.rows).unwrap_or(usize::MAX))) }
                                (metric(&it.metrics, "log_loss"))
                                (metric(&it.metrics, "roc_auc"))
                            }
                        }
                    }
                }
            }))
            p.note {
                "The area under the curve is of those to whom something happened against the others or, \
                 where there is no class for nothing, of each class against the rest. The numbers of a few \
                 rows are mostly chance."
            }
        }
    }

    fn policy_list(&self) -> Markup {
        let lines = policy::lines(&self.policy, &self.schema.products);
        pairs(lines.into_iter().map(|(name, words)| (name, html! { (words) })))
    }

    fn class_table(&self) -> Markup {
        if let Task::Label { column } = &self.schema.task {
            return html! { p { "Of " code { (column) } ": " (self.classes.join(", ")) } };
        }
        html! {
            table.words {
                thead { tr { (heads(&["product", "terms"], &[])) } }
                tbody {
                    @for product in &self.schema.products { tr { th scope="row" { (product.name) } td { (terms(product)) } } }
                }
            }
        }
    }

    fn feature_table(&self) -> Markup {
        let features = self.by_importance();
        let greatest = features.first().map_or(0.0, |it| f64::from(it.importance));
        let rows: Vec<Markup> = features
            .iter()
            .map(|it| {
                let share = f64::from(it.importance);
                let length = if greatest > 0.0 { share / greatest } else { 0.0 };
                html! {
                    th scope="row" {
                        (column_name(&it.name)) br; span.soft { (it.label) }
                        (share_bar(&format!("{}: {}", it.name, percent(share)), length, None))
                    }
                    td { (percent(share)) }
                    td.wide { (it.group) }
                    td.wide { (it.bins) }
                }
            })
            .collect();
        let (shown, hidden) = rows.split_at_checked(FEATURES).unwrap_or((&rows, &[]));
        let table = |rows: &[Markup]| {
            html! {
                table {
                    thead { tr { (heads(&["feature", "share"], &["group", "bins"])) } }
                    tbody { @for row in rows { tr { (row) } } }
                }
            }
        };
        html! {
            p { "The share of what was learned from each of the " (self.features.len()) " features." }
            (table(shown))
            @if !hidden.is_empty() { (more(&format!("{} more", hidden.len()), &table(hidden))) }
        }
    }
}

/// A metric's name for people.
fn in_words(name: &str) -> String {
    let (base, of) = match name.strip_suffix("_without_none") {
        Some(base) => (base, ", of those who took something"),
        None => (name, ""),
    };
    let words = match base {
        "log_loss" => "log-loss",
        "roc_auc_ovr" => "mean AUC",
        "f1_weighted" => "F1, weighted",
        "top_3_accuracy" => "among the first 3",
        "map_at_3" => "MAP@3",
        "brier" => "Brier score",
        other => return format!("{}{of}", other.replace('_', " ")),
    };
    format!("{words}{of}")
}

/// Names with their descriptions.
fn pairs(pairs: impl IntoIterator<Item = (&'static str, Markup)>) -> Markup {
    html! { dl.findings { @for (name, words) in pairs { div { dt { (name) } dd { (words) } } } } }
}

fn without_interval(metric: &Metric) -> String {
    measured(&Metric { interval: None, ..metric.clone() })
}

fn interval(metric: &Metric) -> String {
    metric.interval.map_or("–".into(), |(low, high)| format!("{low:.4} to {high:.4}"))
}
