//! Monitoring: today's rows beside those that the model was measured on.
//!
//! What is compared comes in as rows ([`frame`]), as columns of two tables of which nothing else is known
//! ([`columns`]), or counted in cells ([`sketches`]); it becomes quantities ([`quantity`], [`features`]),
//! whose [`drift`] is measured and judged ([`verdict`]). Beside that stand the rows' [`quality`], the model's
//! [`performance`] where outcomes are known, what it is expected to be where they are not ([`estimate`]),
//! both on [`segments`], and what somebody should be told ([`alert`]). All of it is told in words ([`text`]),
//! tables ([`files`]) and a page ([`page`]).

pub(crate) mod alert;
pub(crate) mod columns;
pub(crate) mod drift;
pub(crate) mod estimate;
pub(crate) mod features;
pub(crate) mod frame;
pub(crate) mod history;
pub(crate) mod performance;
pub(crate) mod quality;
pub(crate) mod quantity;
pub(crate) mod segments;
pub(crate) mod sketches;
pub(crate) mod text;
pub(crate) mod verdict;
pub(crate) mod webhook;

use std::path::Path;

use anyhow::Context as _;
use nextbest_core::bundle::{Bundle, content_hash};
use nextbest_core::monitor::estimate::expected_metrics;
use nextbest_core::monitor::profile::{Profile, SketchRules};
use nextbest_core::monitor::tally::Tally;
use nextbest_core::train::profile;
use serde::Serialize;

use crate::config::{Config, MonitoringConfig};
use crate::evaluate::{Difference, score};
use crate::io::tables::plain::Reading;
pub(crate) use alert::Alert;
use drift::{Drift, Verdict};
use estimate::Estimate;
use features::{Reference, Scored, Today};
pub(crate) use frame::Frame;
use history::Series;
use performance::Performance;
pub(crate) use quality::Quality;
use segments::Segmentation;
use sketches::SketchCounts;
use verdict::Overall;

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Monitoring {
    /// When, as `2026-07-01 12:30:59`, in UTC.
    pub(crate) at: String,
    pub(crate) model: Option<Model>,
    pub(crate) reference: Side,
    pub(crate) current: Side,
    pub(crate) rules: Rules,
    pub(crate) data: Overall,
    pub(crate) features: Vec<Drift>,
    /// Of the model's scores.
    pub(crate) prediction: Option<Overall>,
    /// The most probable class first, then each class's probability.
    pub(crate) scores: Vec<Drift>,
    pub(crate) quality: Quality,
    pub(crate) performance: Option<Performance>,
    pub(crate) estimate: Option<Estimate>,
    /// The model and another one on today's rows.
    pub(crate) against: Option<ModelComparison>,
    pub(crate) segments: Vec<Segmentation>,
    pub(crate) sketches: Option<SketchCounts>,
    pub(crate) alerts: Vec<Alert>,
    /// Earlier findings and these, in order of time.
    pub(crate) history: Vec<Series>,
}

/// The model whose rows they are.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) algorithm: String,
    pub(crate) content_hash: String,
    pub(crate) trained_until: Option<String>,
}

/// Comparison with another model on the same rows.
#[derive(Debug, Serialize)]
pub(crate) struct ModelComparison {
    pub(crate) bundle: String,
    pub(crate) differences: Vec<Difference>,
}

/// What is compared.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Side {
    pub(crate) name: String,
    pub(crate) rows: u64,
    /// Whether its rows are known one by one, or only how many lie in each cell.
    pub(crate) whole: bool,
}

/// What the verdicts go by.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rules {
    pub(crate) significance: f64,
    pub(crate) drift: f64,
    pub(crate) distance: f64,
    pub(crate) heavy_drift: f64,
    pub(crate) drifted_share: f64,
}

impl Rules {
    fn of(config: &MonitoringConfig) -> Self {
        let MonitoringConfig { significance, drift, distance, heavy_drift, drifted_share, .. } = *config;
        Self { significance, drift, distance, heavy_drift, drifted_share }
    }
}

/// Today's rows, or the sum of their sketches.
pub(crate) enum Current {
    Frame(Box<Frame>),
    Sketches { name: String, tallies: Vec<Tally>, counts: SketchCounts },
}

/// Compares rows with those that a bundle's model was measured on: the bundle's profile, or rows that are
/// given.
///
/// # Errors
/// If the bundle has no profile and no rows are given, or rows do not fit the model.
pub(crate) fn of_model(
    config: &Config,
    (place, bytes, bundle): (&Path, &[u8], &Bundle),
    reference: Option<&Frame>,
    current: &Current,
) -> anyhow::Result<Monitoring> {
    let rows = reference.map(|frame| scored(bundle, frame)).transpose()?;
    let profile = match (&rows, &bundle.profile) {
        (Some(rows), _) => of_rows(bundle, rows)?,
        (None, Some(profile)) => profile.clone(),
        (None, None) => anyhow::bail!(
            "{}: the bundle has no profile of the rows that its model was measured on: export it again \
             (`nextbest \
             export`), or give a table (--reference)",
            place.display()
        ),
    };
    let reference_side = Side {
        name: reference.map_or_else(
            || format!("rows that the model was measured on, as {} remembers them", place.display()),
            |frame| frame.name.clone(),
        ),
        rows: u64::from(profile.rows),
        whole: reference.is_some(),
    };
    let known = Reference { bundle, profile: &profile, rows: rows.as_ref() };
    let classes = bundle.schema.class_names();
    let in_test = |name: &str| {
        let found = bundle.card.test_metrics.iter().find(|metric| metric.name == name);
        found.map(|metric| metric.value)
    };
    let expected_before = match &rows {
        Some(rows) => expected_metrics(rows.by_class()?),
        None => estimate::of_profile(&profile),
    };
    let monitoring = &config.monitoring;
    let (features, scores, quality, expected, performance, segments, side, sketches) = match current {
        Current::Frame(frame) => {
            let today = scored(bundle, frame)?;
            let side = Side { name: frame.name.clone(), rows: frame.table.len() as u64, whole: true };
            let (features, scores) = drifts(&known, &Today::Rows(&today), monitoring)?;
            let quality = Quality::of_frame(&features, frame);
            let performance = frame
                .labelled
                .then(|| performance::measure(&today, &bundle.card, &profile.labels, &config.evaluation))
                .transpose()?;
            let segments = segments::measure(&today, &bundle.card, &config.evaluation)?;
            let expected = expected_metrics(today.by_class()?);
            (features, scores, quality, expected, performance, segments, side, None)
        }
        Current::Sketches { name, tallies, counts } => {
            let side = Side { name: name.clone(), rows: counts.rows, whole: false };
            let (features, scores) = drifts(&known, &Today::Tallies(tallies), monitoring)?;
            let quality = Quality::of_drifts(&features, counts.rows);
            let expected = estimate::of_tallies(&profile, counts.rows, tallies);
            (features, scores, quality, expected, None, Vec::new(), side, Some(counts.clone()))
        }
    };
    let mut estimate = expected.map(|it| Estimate::new(&it, expected_before.as_ref(), &classes, in_test));
    if let (Some(estimate), Some(performance)) = (&mut estimate, &performance) {
        estimate.observe(performance);
    }
    let found = Monitoring {
        at: now(),
        model: Some(Model {
            name: bundle.card.name.clone(),
            algorithm: bundle.card.algorithm.clone(),
            content_hash: content_hash(bytes),
            trained_until: bundle.card.training_cutoffs.last().cloned(),
        }),
        reference: reference_side,
        current: side,
        rules: Rules::of(monitoring),
        data: Overall::of_features(&features, monitoring),
        features,
        prediction: Some(Overall::of_scores(&scores)),
        scores,
        quality,
        performance,
        estimate,
        against: None,
        segments,
        sketches,
        alerts: Vec::new(),
        history: Vec::new(),
    };
    Ok(found.with_alerts(&monitoring.alerts))
}

/// Compares two tables of which nothing else is known.
///
/// # Errors
/// If one can't be read, or they have nothing in common.
pub(crate) fn of_tables(
    config: &Config,
    reference: &Path,
    current: &Path,
    reading: Reading<'_>,
) -> anyhow::Result<Monitoring> {
    let columns = columns::read(&config.data_source.clock()?, reference, current, reading)?;
    let monitoring = &config.monitoring;
    let mut features = columns.drifts;
    drift::judge(&mut features, monitoring);
    most_moved_first(&mut features);
    let (before, today) = columns.rows;
    let side =
        |path: &Path, rows: usize| Side { name: path.display().to_string(), rows: rows as u64, whole: true };
    let mut quality = Quality::of_drifts(&features, today as u64);
    let absent = columns.left_out.iter().filter(|(_, why)| why.ends_with("the reference"));
    quality.absent = absent.map(|(name, _)| name.clone()).collect();
    quality.duplicate_rows = Some(columns.duplicates);
    quality.left_out = columns.left_out;
    quality.warnings = columns.warnings;
    let found = Monitoring {
        at: now(),
        model: None,
        reference: side(reference, before),
        current: side(current, today),
        rules: Rules::of(monitoring),
        data: Overall::of_features(&features, monitoring),
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
    };
    Ok(found.with_alerts(&monitoring.alerts))
}

fn drifts(
    known: &Reference<'_>,
    today: &Today<'_>,
    config: &MonitoringConfig,
) -> anyhow::Result<(Vec<Drift>, Vec<Drift>)> {
    let mut features = drift::measure(&known.features(today), config);
    most_moved_first(&mut features);
    Ok((features, drift::measure(&known.scores(today)?, config)))
}

/// Sorts by verdict, then by importance, then by distance, the worst first.
fn most_moved_first(features: &mut [Drift]) {
    let psi = |it: &Drift| it.psi.unwrap_or_default();
    features.sort_by(|a, b| {
        let by_importance = b.importance.total_cmp(&a.importance);
        b.verdict.cmp(&a.verdict).then(by_importance).then(psi(b).total_cmp(&psi(a)))
    });
}

fn scored<'f>(bundle: &Bundle, frame: &'f Frame) -> anyhow::Result<Scored<'f>> {
    let probabilities = score(&bundle.scorer(), bundle, &frame.table.values)?;
    Ok(Scored { frame, features: frame.table.matrix()?, probabilities })
}

/// What rows look like, as a bundle would remember them.
fn of_rows(bundle: &Bundle, rows: &Scored<'_>) -> anyhow::Result<Profile> {
    let table = &rows.frame.table;
    let labels: &[usize] = if rows.frame.labelled { &table.labels } else { &[] };
    profile(bundle, &table.values, labels, SketchRules::default())
        .with_context(|| format!("{}: can't be described", rows.frame.name))
}

/// In UTC, as the runs that MLflow knows of.
fn now() -> String {
    crate::app::clock::in_words().chars().take(19).collect()
}
