//! Two sides of the same cells beside each other: outlined bars for what was before, filled ones for what is
//! now. The numbers stand beside the bars, so that nothing is to be pointed at, and paper shows the same.

use maud::{Markup, html};

use super::canvas::text_width;
use crate::app::number::percent;

/// Where names end, bars begin, numbers begin, and all ends.
const NAMES: i32 = 125;
const BARS: i32 = 131;
const NUMBERS: i32 = 251;
const WIDTH: i32 = 344;
/// The height of a row, and that of a bar.
const ROW: i32 = 17;
const BAR: i32 = 6;

/// A cell.
#[derive(Debug, Clone)]
pub(crate) struct Pair<'n> {
    pub(crate) name: &'n str,
    /// Its share before, where it is known.
    pub(crate) before: Option<f64>,
    pub(crate) now: f64,
}

/// A row for each cell, with both shares as bars and as numbers.
pub(crate) fn paired_bars(title: &str, pairs: &[Pair<'_>]) -> Markup {
    let greatest = greatest(pairs);
    let length = |share: f64| (visible(share) / greatest * f64::from(NUMBERS - BARS - 6)).round() as i32;
    // What is there can be seen.
    let bar = |y: i32, share: f64| match share > 0.0 {
        true => format!("M{BARS} {y}h{}v{BAR}h-{0}z", length(share).max(1)),
        false => String::new(),
    };
    let rows = || pairs.iter().zip(0..).map(|(pair, row)| (pair, row * ROW));
    let before: String = rows().map(|(pair, y)| bar(y + 2, pair.before.unwrap_or_default())).collect();
    let now: String = rows().map(|(pair, y)| bar(y + 2 + BAR, pair.now)).collect();
    html! {
        svg.chart.paired viewBox=(format!("0 0 {WIDTH} {}", ROW * pairs.len() as i32 + 2)) role="img" {
            title { (title) }
            path.before d=(before) {}
            path.f2 d=(now) {}
            @for (pair, y) in rows() {
                text.e x=(NAMES) y=(y + 12) { (short(pair.name)) }
                text x=(NUMBERS) y=(y + 12) { (numbers(pair)) }
            }
        }
    }
}

/// Both sides in a few pixels: an area for what was before, a line for what is now.
pub(crate) fn paired_spark(pairs: &[Pair<'_>]) -> Markup {
    const HEIGHT: f64 = 40.0;
    let greatest = greatest(pairs);
    let steps = |share: fn(&Pair<'_>) -> f64| {
        let height = |pair| ((1.0 - visible(share(pair)) / greatest) * HEIGHT).round() as i32;
        pairs.iter().map(|pair| format!("V{}h8", height(pair))).collect::<String>()
    };
    html! {
        svg.spark viewBox=(format!("0 -2 {} \
            44", pairs.len().max(1) * 8)) aria-hidden="true" preserveAspectRatio="none" {
            path.before d=(format!("M0 40{}V40z", steps(|pair| pair.before.unwrap_or_default()))) {}
            path.now d=(format!("M0 40{}V40", steps(|pair| pair.now))) {}
        }
    }
}

/// What the bars stand for.
pub(crate) fn legend(before: &str, now: &str) -> Markup {
    html! {
        p.legend {
            span { svg.key aria-hidden="true" { rect.before {} } (before) }
            span { svg.key aria-hidden="true" { rect.f2 {} } (now) }
        }
    }
}

fn greatest(pairs: &[Pair<'_>]) -> f64 {
    let shares = pairs.iter().flat_map(|pair| [pair.before.unwrap_or_default(), pair.now]);
    shares.map(visible).fold(0.0, f64::max).max(f64::MIN_POSITIVE)
}

/// What can be drawn of a share.
fn visible(share: f64) -> f64 {
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

/// Both shares; what can't be a share is not told.
fn numbers(pair: &Pair<'_>) -> String {
    let known = |share: &f64| share.abs() < 1.001;
    let now = Some(pair.now).filter(known).map_or_else(|| "–".into(), percent);
    match pair.before.filter(known) {
        Some(before) => format!("{} → {now}", percent(before).trim_end_matches(" %")),
        None => now,
    }
}

/// As much of a name as there is room for.
fn short(name: &str) -> Markup {
    if text_width(name) <= NAMES {
        return html! { (name) };
    }
    let most = (1..name.chars().count()).rev().map(|count| name.chars().take(count).collect::<String>());
    let start = most.into_iter().find(|start| text_width(start) <= NAMES - 8).unwrap_or_default();
    html! { title { (name) } (start) "…" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, before: f64, now: f64) -> Pair<'_> {
        Pair { name, before: Some(before), now }
    }

    #[test]
    fn bars_are_as_long_as_their_shares_and_say_them() {
        let svg = paired_bars("a & b", &[pair("<x>", 0.5, 0.25), pair("y", 0.0, 1e-5)]).into_string();
        assert!(svg.contains("<title>a &amp; b</title>") && svg.contains("&lt;x&gt;"), "{svg}");
        assert!(svg.contains("50.0 → 25.0 %") && svg.contains("0 → 0.001 %"), "{svg}");
        let lengths = |class: &str| -> Vec<i32> {
            let path = svg.split(&format!("class=\"{class}\" d=\"")).nth(1).unwrap();
            let bars = path.split('"').next().unwrap().split('h').skip(1).step_by(2);
            bars.map(|bar| bar.split('v').next().unwrap().parse().unwrap()).collect()
        };
        assert_eq!((lengths("before"), lengths("f2")), (vec![114], vec![57, 1]));
    }

    #[test]
    fn what_is_no_share_is_left_out() {
        let pairs = [pair("a", f64::NAN, f64::INFINITY), pair("b", -1.0, 2.0), pair("c", 1e308, -1e308)];
        for svg in [paired_bars("", &pairs), paired_spark(&pairs), paired_bars("", &[]), paired_spark(&[])] {
            let svg = svg.into_string();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
        let one = Pair { name: "c", before: None, now: 0.5 };
        assert!(paired_bars("", &[one]).into_string().contains(">50.0 %<"));
    }

    #[test]
    fn long_names_end_early_but_are_told() {
        let name = "a".repeat(60);
        let svg = paired_bars("", &[pair(&name, 0.1, 0.2)]).into_string();
        assert!(svg.contains(&format!("<title>{name}</title>")) && svg.contains("aaa…"), "{svg}");
    }
}
