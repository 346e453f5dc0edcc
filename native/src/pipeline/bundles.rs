//! Reading bundles and models, and checking that they may be used.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use nextbest_core::bundle::Bundle;
use nextbest_core::bundle::card::Card;
use nextbest_core::features::Expression;
use nextbest_core::policy::PolicyDefinition;
use nextbest_core::recommend::Recommender;
use nextbest_core::schema::Task;

use super::{Session, registry};
use crate::app::usage;
use crate::config::Config;
use crate::io::input;
use crate::io::output::{self, check_finished};
use crate::io::tables::TableQuality;
use crate::trust::Demands;

/// A bundle that may be used: its signature and its dates satisfy the config.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) recommender: Recommender,
}

impl Opened {
    /// Opens the bundle at `path`, or the exported one. `public_key` takes the place of the config's.
    ///
    /// # Errors
    /// Where it can't be read, or may not be used.
    pub(super) fn new(
        session: &Session,
        path: Option<&Path>,
        public_key: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let path = path.map_or_else(|| session.config.bundle_path(), Path::to_owned);
        let bytes = bundle_bytes(session, &path)?;
        let place = || path.display().to_string();
        let demands = Demands::new(&session.config.trust, public_key)?;
        demands.check_signature(&bytes).with_context(place)?;
        let recommender = Recommender::load(&bytes).with_context(place)?;
        demands.check_validity(recommender.bundle()).with_context(place)?;
        Ok(Self { path, bytes, recommender })
    }

    /// The recommender of a bundle that offers products to customers.
    ///
    /// # Errors
    /// Where the bundle is of a plain table.
    pub(super) fn recommender_of_customers(&self) -> anyhow::Result<&Recommender> {
        match self.recommender.schema().task() {
            Task::NextProduct => Ok(&self.recommender),
            Task::Label { .. } => Err(usage(anyhow::anyhow!(
                "{}: the bundle is of a plain table: score the rows of one with --table FILE",
                self.path.display()
            ))),
        }
    }
}

/// The bytes of a bundle: of a file, or of a registered version (`models:/NAME@ALIAS`,
/// `models:/NAME/VERSION`).
pub(crate) fn bundle_bytes(session: &Session, place: &Path) -> anyhow::Result<Vec<u8>> {
    match place.to_str().and_then(|text| text.strip_prefix("models:/")) {
        Some(version) => registry::download(session, version),
        None => input::read_bundle(place)
            .with_context(|| format!("{}: `nextbest export` writes it", place.display())),
    }
}

/// Reads a bundle file.
pub(super) fn read_bundle(path: &Path, made_by: &str) -> anyhow::Result<(Vec<u8>, Bundle)> {
    let bytes = input::read_bundle(path)
        .with_context(|| format!("{}: `nextbest {made_by}` writes it", path.display()))?;
    let bundle = Bundle::decode(&bytes).with_context(|| path.display().to_string())?;
    Ok((bytes, bundle))
}

/// Reads the model that `nextbest train` made of the feature table.
pub(super) fn read_model(path: &Path) -> anyhow::Result<(Vec<u8>, Bundle)> {
    check_finished(path.parent().unwrap_or(Path::new(".")), "train")?;
    let (bytes, bundle) = read_bundle(path, "train")?;
    if let Task::Label { .. } = bundle.schema.task() {
        bail!(
            "{}: is a model of a plain table, which `nextbest train --table` has measured (evaluation.txt \
             beside it) and \
             exported already (smaller: `train --table … --max-bytes`)",
            path.display()
        );
    }
    Ok((bytes, bundle))
}

/// Checks that the feature table is the one that a model was trained on.
pub(super) fn check_training_data(config: &Config, card: &Card) -> anyhow::Result<()> {
    let path = config.feature_table().with_extension("parquet");
    if output::file_hash(&path)? != card.training_data {
        bail!(
            "{} is not the table that {} was trained on: run `nextbest train` again",
            path.display(),
            config.model_path().display()
        );
    }
    Ok(())
}

/// Refuses to answer where rows could not be read that a gate of the policy reads: an objection may be among
/// them.
pub(super) fn check_ruled_rows(quality: &[TableQuality], policy: &PolicyDefinition) -> anyhow::Result<()> {
    let read = |table: &&TableQuality| {
        let measures = policy.gates.iter().filter_map(|gate| {
            policy.measures.get(usize::from(gate.condition.measure)).map(|measure| &measure.expression)
        });
        let mut tables = measures.filter_map(|expression| match expression {
            Expression::Events { table, .. } => Some(table),
            _ => None,
        });
        table.bad > 0 && tables.any(|name| *name == table.table)
    };
    match quality.iter().find(read) {
        None => Ok(()),
        Some(table) => bail!(
            "{}: {} rows can't be read, and the policy's gates read table `{}`: an objection may be among \
             them. Mend them: here \
             --skip-bad-rows does not help",
            table.file.display(),
            table.bad,
            table.table
        ),
    }
}
