//! The page of made-up findings of every shape.

use nextbest_core::metrics::bootstrap::Interval;
use nextbest_core::monitor::chi_square::ChiSquare;
use nextbest_core::monitor::distribution::Summary;
use nextbest_core::monitor::kolmogorov_smirnov::KolmogorovSmirnov;

use super::*;
use crate::monitor::alert::Alert;
use crate::monitor::drift::{Cell, MissingShares, Smirnov};
use crate::monitor::estimate::{Estimate, EstimatedMetric};
use crate::monitor::history::{Point, Series};
use crate::monitor::performance::{Change, ClassShare, MeasuredMetric, Performance};
use crate::monitor::quality::Quality;
use crate::monitor::segments::{Segment, Segmentation};
use crate::monitor::sketches::SketchCounts;
use crate::monitor::verdict::Overall;
use crate::monitor::{Model, Rules};

/// Written as text it is a script, an end of an attribute and a second id.
const HOSTILE: &str = "<script>alert('1')</script>\" id=\"x";

fn drift(name: &str, verdict: Verdict, words: bool) -> Drift {
    let cells = (0..11).map(|cell| Cell {
        name: if cell == 0 { "missing".into() } else { format!("{},000 to {cell},000", cell - 1) },
        reference: f64::from(cell) / 55.0,
        current: f64::from(10 - cell) / 55.0,
    });
    let short = |mean| Summary { least: -1.5, mean, standard_deviation: 3.25, greatest: 1234.5 };
    Drift {
        name: name.into(),
        label: format!("label of {name}"),
        group: "account".into(),
        importance: 0.025,
        verdict,
        psi: Some(0.1234),
        jensen_shannon: Some(0.2),
        kolmogorov_smirnov: (!words)
            .then_some(Smirnov { test: KolmogorovSmirnov { distance: 0.3, p_value: 0.01 }, of: "values" }),
        wasserstein: (!words).then_some(0.4),
        chi_square: words.then_some(ChiSquare {
            statistic: 45.6,
            degrees_of_freedom: 10,
            p_value: 1e-9,
            cramers_v: 0.11,
        }),
        p_value: Some(1e-9),
        adjusted_p_value: Some(2e-9),
        missing: MissingShares { reference: 0.0, current: 0.18 },
        beyond_range: (!words).then_some(0.01),
        new_words: if words {
            (0..20).map(|word| (format!("word {word}"), 20 - word)).collect()
        } else {
            Vec::new()
        },
        cells: cells.collect(),
        reference: (!words).then(|| short(1.0)),
        current: (!words).then(|| short(2.0)),
    }
}

fn overall(features: &[Drift]) -> Overall {
    let count = features.iter().filter(|it| it.verdict > Verdict::Stable).count();
    Overall {
        drifted: count > 1,
        compared: features.len(),
        drifted_count: count,
        heavily_drifted_count: count / 2,
        drifted_share: 0.41,
    }
}

/// Two tables without a model.
fn tables(count: usize, drifted: usize) -> Monitoring {
    let verdict = |place: usize| match place {
        0 if drifted > 0 => Verdict::HeavilyDrifted,
        place if place < drifted => Verdict::Drifted,
        _ => Verdict::Stable,
    };
    let features: Vec<Drift> = (0..count)
        .map(|place| drift(&format!("feature_number_{place}_of_many"), verdict(place), place % 3 == 1))
        .collect();
    let side = |name: &str| Side { name: name.into(), rows: 12_345, whole: true };
    let mut quality = Quality::of_drifts(&features, 12_345);
    quality.duplicate_rows = Some(3);
    quality.absent = vec!["gone".into()];
    quality.left_out = vec![("notes".into(), "5000 different words: an id or a text".into())];
    Monitoring {
        at: "2026-07-01 12:30:59".into(),
        model: None,
        reference: side("before.csv"),
        current: side("today.csv"),
        rules: Rules { significance: 0.01, drift: 0.1, distance: 0.1, heavy_drift: 0.25, drifted_share: 0.3 },
        data: overall(&features),
        features,
        prediction: None,
        scores: Vec::new(),
        quality,
        performance: None,
        estimate: None,
        against: None,
        segments: Vec::new(),
        sketches: None,
        alerts: Vec::new(),
        history: Vec::new(),
    }
}

fn with_model(count: usize, drifted: usize) -> Monitoring {
    let estimated = |name: &str| EstimatedMetric {
        name: name.into(),
        expected: 0.16,
        interval: (0.15, 0.17),
        in_reference: Some(0.155),
        in_test: Some(0.158),
        observed: None,
    };
    let mut found = tables(count, drifted);
    found.model = Some(Model {
        name: "bank".into(),
        algorithm: "random_forest".into(),
        content_hash: "0123456789abcdef".into(),
        trained_until: Some("2025-06-30".into()),
    });
    found.scores = ["most probable", "NONE", "Home Loan"]
        .map(|name| drift(name, Verdict::Drifted, name.len() > 9))
        .to_vec();
    found.prediction = Some(overall(&found.scores));
    found.estimate = Some(Estimate {
        rows: 12_345,
        metrics: ["log_loss", "accuracy", "brier"].map(estimated).to_vec(),
        roc_auc: (0..9).map(|class| estimated(&format!("class {class}"))).collect(),
    });
    found.segments = vec![Segmentation {
        name: "tenure".into(),
        segments: vec![Segment {
            name: "less than 1".into(),
            rows: 100,
            share: 0.1,
            share_in_test: Some(0.2),
            expected_log_loss: Some((0.3, 0.2, 0.4)),
            observed_log_loss: None,
            log_loss_in_test: Some(0.25),
        }],
    }];
    found
}

fn with_outcomes() -> Monitoring {
    let mut found = with_model(12, 3);
    let metric = |name, change| MeasuredMetric {
        name,
        today: 0.2,
        interval: Some(Interval { low: 0.19, high: 0.21 }),
        in_test: Some(0.16),
        interval_in_test: Some((0.15, 0.17)),
        change,
    };
    let performance = Performance {
        rows: 12_345,
        metrics: vec![
            metric("log_loss", Change::Worse),
            metric("roc_auc_ovr", Change::Better),
            MeasuredMetric {
                interval: None,
                in_test: None,
                interval_in_test: None,
                ..metric("brier", Change::NotShown)
            },
        ],
        classes: vec![ClassShare { name: HOSTILE.into(), reference: Some(0.9), today: 0.8 }],
        classes_p_value: Some(0.03),
    };
    found.estimate.as_mut().unwrap().observe(&performance);
    found.performance = Some(performance);
    found.alerts = vec![Alert { rule: "log_loss_rise", detail: format!("the log-loss of {HOSTILE}") }];
    found
}

fn with_sketches() -> Monitoring {
    let mut found = with_model(12, 2);
    for drift in found.features.iter_mut().chain(&mut found.scores) {
        drift.current = None;
        drift.beyond_range = None;
        drift.new_words = Vec::new();
        for smirnov in drift.kolmogorov_smirnov.iter_mut() {
            smirnov.of = "bins";
        }
    }
    found.current.whole = false;
    found.segments = Vec::new();
    found.sketches = Some(SketchCounts {
        counted: 40,
        rows: 4000,
        twice: 2,
        refused: 3,
        reasons: [("of another bundle", 2), ("cut short", 1)].into(),
        first_refused: Some(format!("{HOSTILE}.sk: cut short")),
        randomised: true,
    });
    found
}

fn with_history(mut found: Monitoring, points: usize) -> Monitoring {
    let point = |day: usize| Point {
        at: format!("2026-{:02}-{:02} 12:00:00", 1 + day / 28, 1 + day % 28),
        value: if day < points / 2 { 0.1 } else { 0.3 } + day as f64 / 1000.0,
    };
    let series = |metric: &str, name: &str, changed: bool| Series {
        metric: metric.into(),
        name: name.into(),
        points: (0..points).map(point).collect(),
        changes: if changed { vec![point(points / 2).at] } else { Vec::new() },
    };
    found.history = ["rows", "drifted_share", "missing_share", "expected_log_loss", "log_loss"]
        .map(|metric| series(metric, "", metric == "drifted_share"))
        .to_vec();
    let drifts = found.features.iter().chain(&found.scores).zip(0..);
    found.history.extend(drifts.map(|(drift, place)| series("psi", &drift.name, place == 7)));
    found
}

/// Nothing is known of anything.
fn nothing() -> Monitoring {
    let mut found = tables(0, 0);
    found.current.rows = 0;
    found.current.name = String::new();
    found.quality = Quality::of_drifts(&[], 0);
    found
}

/// Numbers that no picture can show.
fn endless() -> Monitoring {
    let mut found = with_history(with_outcomes(), 30);
    for (place, drift) in found.features.iter_mut().chain(&mut found.scores).enumerate() {
        let value = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308][place % 4];
        drift.psi = Some(value);
        drift.importance = value;
        drift.wasserstein = Some(value);
        drift.missing = MissingShares { reference: value, current: -value };
        drift.cells.iter_mut().for_each(|cell| (cell.reference, cell.current) = (value, -value));
        let value = value as f32;
        drift.current =
            Some(Summary { least: -value, mean: value, standard_deviation: value, greatest: value });
    }
    found.data.drifted_share = f64::NAN;
    for metric in &mut found.estimate.as_mut().unwrap().metrics {
        metric.expected = f64::NAN;
        metric.interval = (f64::NEG_INFINITY, f64::INFINITY);
    }
    found.performance.as_mut().unwrap().metrics[0].today = f64::INFINITY;
    for (place, series) in found.history.iter_mut().enumerate() {
        let value = [f64::NAN, f64::INFINITY, 1e308, -1e308, 0.0, 5e-324, 1e14][place % 7];
        series.points.iter_mut().for_each(|point| point.value = value);
        series.points[3].value = -value;
    }
    found
}

fn all_shapes() -> Vec<(&'static str, Monitoring)> {
    let mut no_cells = tables(3, 1);
    for drift in &mut no_cells.features {
        *drift =
            Drift { cells: Vec::new(), psi: None, p_value: None, adjusted_p_value: None, ..drift.clone() };
        (drift.jensen_shannon, drift.kolmogorov_smirnov, drift.chi_square) = (None, None, None);
        (drift.reference, drift.current, drift.beyond_range) = (None, None, None);
    }
    vec![
        ("with outcomes", with_outcomes()),
        ("without outcomes", with_model(12, 5)),
        ("tables", tables(12, 2)),
        ("sketches", with_sketches()),
        ("one point", with_history(with_outcomes(), 1)),
        ("two points", with_history(with_outcomes(), 2)),
        ("thirty points", with_history(with_outcomes(), 30)),
        ("many points", with_history(tables(3, 0), 900)),
        ("nothing moved", with_model(12, 0)),
        ("no cells", no_cells),
        ("nothing", nothing()),
        ("no numbers", endless()),
    ]
}

#[test]
fn every_shape_is_a_page_that_asks_for_nothing_and_has_its_headings_in_order() {
    for (shape, found) in all_shapes() {
        let page = html(&found).unwrap();
        let text = page.replace("http-equiv", "");
        for forbidden in ["<script", "http", "url(", "NaN", ">inf", "src=", "id=\"x\""] {
            assert!(!text.contains(forbidden), "{shape}: {forbidden}");
        }
        let levels: Vec<u32> =
            page.split("<h").filter_map(|rest| rest.chars().next()?.to_digit(10)).collect();
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "{shape}");
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{shape}: {levels:?}");
        assert_eq!(page.matches("<details").count(), page.matches("<summary").count(), "{shape}");
        assert_eq!(page.matches("<table").count(), page.matches("<thead").count(), "{shape}");
        assert!(!page.contains("<th>"), "{shape}: a head without a scope");
        for picture in page.split("role=\"img\"").skip(1) {
            assert!(
                picture.split_once('>').unwrap().1.starts_with("<title>"),
                "{shape}: a picture without a title"
            );
        }
        let mut ids: Vec<&str> =
            page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{shape}");
        for link in page.split("href=\"#").skip(1) {
            assert!(ids.contains(&link.split('"').next().unwrap()), "{shape}: a link leads nowhere");
        }
    }
}

#[test]
fn every_feature_has_its_section_with_the_shares_of_both_sides() {
    let found = with_model(30, 4);
    let page = html(&found).unwrap();
    let sections: Vec<&str> = page.split("<details class=\"feature compared").skip(1).collect();
    assert_eq!(sections.len(), 30 + 2);
    for drift in &found.features {
        let name = drift.name.replace('_', "_<wbr>");
        let section = sections.iter().find(|it| it.contains(&format!("<code>{name}<wbr></code>"))).unwrap();
        for cell in drift.cells.iter().skip(1) {
            let shares = format!(
                ">{} → {}</text>",
                percent(cell.reference).trim_end_matches(" %"),
                percent(cell.current)
            );
            assert!(section.contains(&shares) && section.contains(&cell.name), "{shares} of {}", drift.name);
        }
        assert!(section.contains(drift.verdict.words()) && section.contains("0.123"), "{section}");
        assert_eq!(section.contains("Wasserstein"), drift.wasserstein.is_some());
    }
    // What moved comes first, and is told at the beginning.
    assert!(sections[..4].iter().all(|it| it.starts_with(" drifted")));
    assert!(sections[4..30].iter().all(|it| !it.starts_with(" drifted")));
    assert_eq!(page.matches("href=\"#feature-").count(), 4);
    assert!(page.contains(
        "The data have drifted: 4 of 30 features moved, which have 41.0\u{a0}% of the importance."
    ));
}

#[test]
fn hostile_names_are_text() {
    let mut found = with_history(with_sketches(), 3);
    found.performance = with_outcomes().performance;
    found.alerts = with_outcomes().alerts;
    for drift in found.features.iter_mut().chain(&mut found.scores) {
        drift.name = HOSTILE.into();
        drift.label = HOSTILE.into();
        drift.new_words = vec![(HOSTILE.into(), 3)];
        drift.cells.iter_mut().for_each(|cell| cell.name = HOSTILE.into());
    }
    found.history.iter_mut().for_each(|series| series.name = HOSTILE.into());
    found
        .history
        .iter_mut()
        .flat_map(|series| &mut series.points)
        .for_each(|point| point.at = HOSTILE.into());
    found.reference.name = HOSTILE.into();
    found.quality.absent = vec![HOSTILE.into()];
    found.quality.left_out = vec![(HOSTILE.into(), HOSTILE.into())];
    found.segments = with_model(1, 0).segments;
    found.segments[0].name = HOSTILE.into();
    found.segments[0].segments[0].name = HOSTILE.into();
    let page = html(&found).unwrap();
    assert!(!page.contains("<script") && !page.contains("\" id=\"x"));
    assert!(page.matches("&lt;script&gt;").count() > 50);
}

#[test]
fn a_page_is_small() {
    let size = |found: &Monitoring| html(found).unwrap().len();
    let (plain, with_all) = (size(&tables(40, 10)), size(&with_history(with_model(74, 20), 30)));
    println!("40 columns: {plain} bytes; 74 features with a history: {with_all} bytes");
    assert!(plain <= 400_000, "{plain}");
    assert!(with_all <= 600_000, "{with_all}");
    // Words without end, and numbers day by day for years, add little.
    let mut wordy = tables(40, 10);
    for drift in &mut wordy.features {
        let word = |word: usize| Cell { name: format!("word {word}"), reference: 0.001, current: 0.001 };
        drift.cells = (0..1000).map(word).collect();
        drift.new_words = (0..1000).map(|word| (format!("new word {word}"), 1)).collect();
    }
    let wordy = html(&wordy).unwrap();
    assert!(wordy.len() <= 400_000 && wordy.contains("986 others"), "{}", wordy.len());
    assert!(size(&with_history(with_model(74, 20), 3000)) <= 1_000_000);
}

#[test]
fn the_verdict_and_the_alerts_come_first() {
    let begin = |found: &Monitoring| html(found).unwrap().split("<nav").next().unwrap().to_owned();
    let calm = begin(&with_model(12, 0));
    assert!(calm.contains("✓ The data are stable: none of 12 features moved.") && calm.contains("No alert."));
    let worse = begin(&with_outcomes());
    assert!(worse.contains("▲ The model is worse than in its test.") && worse.contains("1 alert"), "{worse}");
    assert!(worse.contains("log_loss_rise") && worse.contains("&lt;script&gt;"));
    assert!(begin(&tables(12, 2)).contains("2 of 12 columns moved, 41.0\u{a0}% of them."));
    assert!(begin(&nothing()).contains("Nothing could be compared."));
}

#[test]
fn a_history_is_drawn_from_two_points_on_and_its_changes_are_named() {
    let trends = |points: usize| {
        let page = html(&with_history(with_model(30, 0), points)).unwrap();
        page.split("<section id=\"trends\">").nth(1).unwrap().split("</section>").next().unwrap().to_owned()
    };
    assert!(trends(1).contains("This is the first run") && !trends(1).contains("<svg"));
    assert_eq!(trends(2).matches("<figure>").count(), 5 + CHARTS_IN_SIGHT);
    let thirty = trends(30);
    assert!(
        thirty.contains("▲ changed 2026-01-16 12:00:00") && thirty.contains("<title>changed: 2026-01-16")
    );
    // The one that changed comes first among the features; the others are told in short.
    let first = thirty.split("as PSI").nth(1).unwrap().split("</figure>").next().unwrap();
    assert!(first.contains("feature_<wbr>number_<wbr>7_") && first.contains("▲ changed"), "{first}");
    assert!(thirty.contains("23 more") && thirty.matches("<tr>").count() == 1 + 23);
    assert!(!html(&with_model(3, 0)).unwrap().contains("id=\"trends\""));
}

const CHARTS_IN_SIGHT: usize = 10;
