//! The frame of a page.

use maud::{DOCTYPE, Markup, PreEscaped, Render, html};

const STYLE: &str = include_str!("style.css");

/// A part of a page, to which its contents lead.
#[derive(Debug)]
pub(crate) struct Section {
    /// Its anchor.
    pub(crate) id: &'static str,
    /// Its heading.
    pub(crate) title: &'static str,
    /// What it shows.
    pub(crate) body: Markup,
}

/// A whole page. It asks for nothing: style and pictures are in it, and its policy forbids scripts and
/// requests.
pub(crate) fn page(title: &str, lead: &Markup, sections: &[Section]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action \
                        'none'";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("nextbest ", env!("CARGO_PKG_VERSION")));
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    (lead)
                    nav aria-label="Contents" {
                        @for section in sections {
                            a href=(format!("#{}", section.id)) { (section.title) }
                        }
                    }
                }
                main {
                    @for section in sections {
                        section id=(section.id) {
                            h2 { (section.title) }
                            (section.body)
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// A few numbers that matter most, large.
pub(crate) fn tiles<N: Render>(tiles: &[(N, String)]) -> Markup {
    html! {
        dl.tiles {
            @for (name, value) in tiles {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// A number as people read it, with the exact one for programs.
pub(crate) fn exact(value: impl std::fmt::Display, shown: &str) -> Markup {
    html! { data value=(value) { (shown) } }
}

/// The name of a column, which may break after an underscore where there is no room.
pub(crate) fn column_name(name: &str) -> Markup {
    html! { code { @for part in name.split_inclusive('_') { (part) wbr; } } }
}

/// The heads of a table's columns: those that are always shown, then those for which only a wide screen has
/// room.
pub(crate) fn heads(always: &[&str], wide: &[&str]) -> Markup {
    html! {
        @for name in always { th scope="col" { (name) } }
        @for name in wide { th.wide scope="col" { (name) } }
    }
}

/// Something wider than a phone, which scrolls by itself: the page does not.
pub(crate) fn scrolling(label: &str, inner: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (inner) } }
}

/// Something to open.
pub(crate) fn more(summary: &str, inner: &Markup) -> Markup {
    html! { details.more { summary { (summary) } (inner) } }
}

/// Rows of a table that are shown at once.
pub(crate) const SHOWN: usize = 12;

/// A table whose first rows are shown at once; the others open.
pub(crate) fn table_of(head: &Markup, rows: &[Markup]) -> Markup {
    let (shown, hidden) = rows.split_at_checked(SHOWN).unwrap_or((rows, &[]));
    let table = |rows: &[Markup]| {
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
