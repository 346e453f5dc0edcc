//! The trained model → the bundle, with golden rows and, if asked for, sample customers.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nextbest_core::bundle::{Bundle, content_hash};
use nextbest_core::monitor::profile::LEAST_CUSTOMERS;
use nextbest_core::recommend::{self, Recommender};
use nextbest_core::snapshot::Snapshot;
use nextbest_core::time;
use serde::Serialize;

use super::Session;
use super::bundles::{check_ruled_rows, check_training_data, read_model};
pub use super::export_pyfunc::Options as PyfuncOptions;
pub(crate) use super::export_pyfunc::Written;
use crate::app::clock;
use crate::app::human_bytes;
use crate::config::{Config, Size};
use crate::evaluate::Recorded;
use crate::io::customer_json;
use crate::io::feature_table::FeatureTable;
use crate::io::input;
use crate::io::output;
use crate::io::tables::{LoadOptions, Part, load};
use crate::mlflow::{self, Logged};
use crate::privacy::carried_rows::CarriedRows;
use crate::privacy::withheld;
use crate::shrink::{Frontier, Shrinker, without_unused_edges};
use crate::trust::Release;

/// How the bundle is made.
#[derive(Debug, Default, clap::Args)]
#[group(id = "export")]
pub struct Options {
    /// Also write this number of customers from the tables as JSON beside the bundle, for a demo or a test.
    /// They are real customers with all of their rows: the file must not leave the bank
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub samples: usize,
    /// Shrink the model until the bundle has at most this size after brotli: 120000, 100KB, 0.1MB, 64KiB.
    /// Parts that cost the least validation log-loss are removed first
    #[arg(long, value_name = "SIZE")]
    pub max_bytes: Option<Size>,
    /// Sign the bundle with this private key, a PEM file from `nextbest keygen` (config: trust.private_key)
    #[arg(long, value_name = "FILE")]
    pub sign: Option<PathBuf>,
    /// Version number of the bundle; a loader that has seen a greater one refuses it (config:
    /// trust.model_number)
    #[arg(long, value_name = "N")]
    pub model_number: Option<u64>,
    /// The folder for MLflow and Spark.
    #[command(flatten)]
    pub pyfunc: PyfuncOptions,
}

/// The bundle that was written.
#[derive(Debug, Serialize)]
pub struct Exported {
    pub(super) bundle: PathBuf,
    bytes: usize,
    model_version: String,
    pub(super) content_hash: String,
    model_number: u64,
    /// The fingerprint of the key that signed it.
    signed_by: Option<String>,
    samples: Option<PathBuf>,
    /// How many words it does not tell, since few customers have them, and of how many columns.
    withheld_words: (usize, usize),
    /// Features of which bin edges part few customers from all others, with the number of such edges.
    edges_of_few: Vec<(String, usize)>,
    /// Whether it was logged to the model's run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logged: Option<Logged>,
    /// With a limit: what other sizes would cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    frontier: Option<Frontier>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pyfunc: Option<Written>,
}

/// Writes the trained model as a bundle.
///
/// # Errors
/// Where model or tables can't be read, no bundle is small enough, or a file can't be written.
pub fn run(session: &Session, options: &Options) -> anyhow::Result<Exported> {
    session.lock([session.tables(), session.feature_table(), session.outputs()])?;
    let config = &session.config;
    let packing = options.pyfunc.packing()?;
    let release = Release::new(config, options.model_number, options.sign.as_deref())?;
    let (bytes, mut bundle) = read_model(&config.model_path())?;
    record_metrics(session, &bytes, &mut bundle)?;
    release.fill(&mut bundle);
    if let Err(error) = bundle.check_validity(clock::seconds(), 0) {
        session.warn(&format!("nobody can use this bundle today: {error}"));
    }
    // What the config says now: a new policy needs no new model.
    bundle.policy = config.carried_policy(&bundle.schema, &bundle.features)?;
    let table = FeatureTable::of_config(config)?;
    let (mut exported, recommender) = match options.max_bytes {
        None => {
            let measured = table.at(&cutoffs(&bundle.card.test_cutoffs));
            let rows = CarriedRows::new(&table, &measured, &config.monitoring)?;
            write_bundle(config, bundle, &rows, &release)?
        }
        Some(limit) => shrunk(session, &bundle, &table, limit, &release)?,
    };
    if options.samples > 0 {
        let samples = write_samples(session, &recommender, options.samples)?;
        session.warn(&format!(
            "{} holds real customers with all of their rows: it is no part of the bundle, and must not \
             leave the bank",
            samples.display()
        ));
        exported.samples = Some(samples);
    }
    exported.pyfunc = packing.map(|packing| packing.write(&exported.bundle)).transpose()?;
    let model = content_hash(&bytes);
    exported.logged = mlflow::log_bundle(
        &session.config,
        &session.progress,
        &model,
        &exported.bundle,
        &exported.content_hash,
    )?;
    Ok(exported)
}

/// Writes a model as the bundle, with golden rows and profile, and signs it where a key is given.
///
/// # Errors
/// Where the bundle can't be written, or scores differently once it is read.
pub(super) fn write_bundle(
    config: &Config,
    bundle: Bundle,
    rows: &CarriedRows<'_>,
    release: &Release<'_>,
) -> anyhow::Result<(Exported, Recommender)> {
    let mut bundle = without_unused_edges(bundle)?;
    rows.fill(&mut bundle)?;
    bundle.self_test()?;
    let edges_of_few = rows.edges_of_few(&bundle)?;
    let path = config.bundle_path();
    let bytes = release.sign(bundle.encode()?);
    let recommender = Recommender::load(&bytes)?;
    output::write_bytes(&path, &bytes)?;
    let exported = Exported {
        bundle: path,
        bytes: bytes.len(),
        model_version: recommender.model_version(),
        content_hash: recommender.content_hash().to_owned(),
        model_number: recommender.bundle().validity.number,
        signed_by: release.signed_by(),
        samples: None,
        withheld_words: withheld::withheld(recommender.bundle().schema.definition()),
        edges_of_few,
        logged: None,
        frontier: None,
        pyfunc: None,
    };
    Ok((exported, recommender))
}

/// Makes a model small enough, writes it as the bundle and, beside it, what other sizes would cost.
///
/// # Errors
/// As [`write_bundle`], and where no bundle is small enough.
pub(super) fn write_smaller_bundle(
    config: &Config,
    bundle: &Bundle,
    shrinker: &Shrinker<'_>,
    release: &Release<'_>,
) -> anyhow::Result<(Exported, Recommender)> {
    let (bundle, frontier) = shrinker.shrink(bundle)?;
    let (mut exported, recommender) = write_bundle(config, bundle, &shrinker.carried_rows()?, release)?;
    frontier.write(exported.bundle.parent().unwrap_or(Path::new(".")))?;
    exported.frontier = Some(frontier);
    Ok((exported, recommender))
}

fn shrunk(
    session: &Session,
    bundle: &Bundle,
    table: &FeatureTable,
    limit: Size,
    release: &Release<'_>,
) -> anyhow::Result<(Exported, Recommender)> {
    let config = &session.config;
    check_training_data(config, &bundle.card)?;
    let card = &bundle.card;
    let (learning, validation) = (cutoffs(&card.training_cutoffs), cutoffs(&card.validation_cutoffs));
    let train: Vec<i64> = learning.iter().copied().filter(|cutoff| !validation.contains(cutoff)).collect();
    let shrinker = Shrinker {
        config: &config.model,
        evaluation: &config.evaluation,
        monitoring: &config.monitoring,
        train: &table.at(&train),
        validation: &table.at(&validation),
        all: &table.at(&learning),
        test: &table.at(&cutoffs(&card.test_cutoffs)),
        table,
        limit: limit.0,
        signature: release.signature_bytes(),
        progress: &session.progress,
    };
    write_smaller_bundle(config, bundle, &shrinker, release)
}

fn cutoffs(dates: &[String]) -> Vec<i64> {
    dates.iter().filter_map(|date| time::parse(date)).collect()
}

/// Writes the evaluation of this very model into its card; nothing, with a warning, where it was not
/// evaluated.
fn record_metrics(session: &Session, model: &[u8], bundle: &mut Bundle) -> anyhow::Result<()> {
    let folder = session.config.outputs.path.join("models");
    output::check_finished(&folder, "evaluate")?;
    let path = folder.join("evaluation.json");
    let place = || format!("{}: run `nextbest evaluate` again", path.display());
    let read = || anyhow::Ok(serde_json::from_slice(&input::read(&path, input::TEXT)?)?);
    let recorded: Option<Recorded> = match path.try_exists().with_context(place)? {
        true => Some(read().with_context(place)?),
        false => None,
    };
    match recorded.filter(|recorded| recorded.model == content_hash(model)) {
        Some(recorded) => recorded.fill(&mut bundle.card),
        None => session
            .warn("this model was not evaluated, so its card has no metrics: run `nextbest evaluate` first"),
    }
    Ok(())
}

/// Customers to play with: spread over those with the most different best offers.
fn write_samples(session: &Session, recommender: &Recommender, count: usize) -> anyhow::Result<PathBuf> {
    let options =
        LoadOptions { skip_bad_rows: true, schema: Some(recommender.schema()), ..LoadOptions::default() };
    let bank = load(&session.config, &options, &session.progress)?;
    check_ruled_rows(&bank.quality, &recommender.bundle().policy)?;
    session.progress.step("choosing sample customers".into());
    let snapshot = Snapshot::new(&bank.schema, bank.data_end);
    // One after the other for each product that is the first offer, the likeliest takers first, so that every
    // product is seen; and now and then someone who has none.
    let products = bank.schema.products();
    let mut by_product: Vec<Vec<(f32, usize)>> = vec![Vec::new(); products.len()];
    let mut others: Vec<(f32, usize)> = Vec::new();
    let best_offers = |part: &Part| {
        let mut best = Vec::new();
        for (index, customer) in part.customers.iter().enumerate() {
            if !snapshot.is_customer(&customer) {
                continue;
            }
            let id = bank.ids.get(part.first + index).map(String::as_str);
            let asked = recommend::Options { customer: id, ..recommend::Options::new(bank.data_end, 1) };
            let recommendation = recommender.recommend(&customer, asked)?;
            let first = recommendation.offers.first();
            let product = first.and_then(|first| products.iter().position(|one| one.name == first.product));
            let probability = first.map_or(0.0, |first| first.probability);
            best.push((product, probability, part.first + index));
        }
        Ok(best)
    };
    bank.each_part(best_offers, |best| {
        for (product, probability, index) in best {
            match product.and_then(|product| by_product.get_mut(product)) {
                Some(list) => list.push((probability, index)),
                None => others.push((probability, index)),
            }
        }
        Ok(())
    })?;
    for list in &mut by_product {
        list.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    }
    by_product.push(others);
    let rounds =
        (0..bank.ids.len()).flat_map(|round| by_product.iter().filter_map(move |list| list.get(round)));
    let chosen = rounds.map(|(_, index)| *index).take(count);
    let samples = chosen.map(|index| {
        let part = bank.part_of(index)?;
        let customer = part.customers.get(index - part.first).context("a customer is not in its part")?;
        let id = bank.ids.get(index).map_or("", String::as_str);
        let identity = recommender.customer_key().map(|key| (key, id));
        Ok(serde_json::json!({
            "id": id,
            "asOf": time::format(bank.data_end),
            "customer": customer_json::to_json(&bank.schema, &customer, bank.data_end, identity),
        }))
    });
    let samples = samples.collect::<anyhow::Result<Vec<_>>>()?;
    let path = session.config.bundle_path().with_file_name("customers.json");
    output::write_json(&path, &samples)?;
    Ok(path)
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(frontier) = &self.frontier {
            writeln!(f, "{frontier}")?;
        }
        write!(f, "model {}, {}", self.model_version, human_bytes(self.bytes))?;
        match self.frontier.as_ref().and_then(Frontier::chosen) {
            Some(chosen) => writeln!(f, ", {} after brotli", human_bytes(chosen.bytes))?,
            None => writeln!(f)?,
        }
        match &self.signed_by {
            Some(key) => writeln!(
                f,
                "wrote {}, number {}, signed by key {key}",
                self.bundle.display(),
                self.model_number
            )?,
            None => writeln!(f, "wrote {}", self.bundle.display())?,
        }
        if let (words @ 1.., columns) = self.withheld_words {
            writeln!(
                f,
                "withheld {words} words of {columns} columns, which few customers have: unknown words to \
                 whoever has the bundle"
            )?;
        }
        if !self.edges_of_few.is_empty() {
            let features: Vec<String> =
                self.edges_of_few.iter().map(|(name, edges)| format!("{name} ({edges})")).collect();
            writeln!(
                f,
                "bin edges that part fewer than {LEAST_CUSTOMERS} customers from all others, by which the \
                 model splits: {}",
                features.join(", ")
            )?;
        }
        if let Some(samples) = &self.samples {
            writeln!(f, "wrote {}", samples.display())?;
        }
        self.pyfunc.iter().try_for_each(|written| write!(f, "{written}"))?;
        self.logged.iter().try_for_each(|logged| write!(f, "{logged}"))
    }
}
