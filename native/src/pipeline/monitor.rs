//! Rows of today beside those that the model was measured on.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use nextbest_core::bundle::MAGIC;
use nextbest_core::monitor::observer::layout;
use serde::Serialize;

use super::Session;
use super::bundles::{Opened, bundle_bytes};
use crate::app::usage;
use crate::evaluate::{Opponent, paired_differences};
use crate::io::input::check_table;
use crate::io::output::Use;
pub use crate::io::tables::plain::Kinds;
use crate::io::tables::plain::Reading;
use crate::monitor::history::History;
use crate::monitor::{
    Current, Frame, ModelComparison, Monitoring, Quality, of_model, of_tables, sketches, webhook,
};
use crate::trust::Demands;

/// Which rows are compared with which.
#[derive(Debug, Default, clap::Args)]
#[group(id = "monitor")]
pub struct Options {
    /// Reference rows: a bundle, for its profile (a file or models:/NAME@production); a table, CSV or
    /// Parquet; or a date, for the bank's tables as of then [default: the exported bundle]
    #[arg(long, value_name = "FILE|DATE")]
    pub reference: Option<String>,
    /// Today's rows: a table, CSV or Parquet, or a date, for the bank's tables as of then [default: the
    /// bank's tables]
    #[arg(long, value_name = "FILE|DATE", conflicts_with = "sketches")]
    pub current: Option<String>,
    /// Compare the counts of browsers and edge workers: all sketches (*.sk) of this folder
    #[arg(long, value_name = "FOLDER")]
    pub sketches: Option<PathBuf>,
    /// Model that scores the rows, if the reference is a table or a date; without it two tables are compared
    /// column by column
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
    /// Also compare the model with this bundle on today's rows, whose outcomes must be known
    #[arg(long, value_name = "FILE", conflicts_with = "sketches")]
    pub against: Option<PathBuf>,
    /// Append the results to history.parquet beside the report, and show their course
    #[arg(long)]
    pub history: bool,
    /// Folder to write to (config: monitoring.output_path)
    #[arg(long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
    /// Use only a bundle that this public key (PEM) signed (config: trust.public_key)
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,
    /// Skip unreadable rows, and count invalid cells of a plain table as missing, instead of stopping
    #[arg(long)]
    pub skip_bad_rows: bool,
    /// Without a model: kinds of columns that their cells do not show (repeatable):
    /// AGE=number,ZIP=word,SEEN=date
    #[arg(long, value_name = "COLUMN=KIND,…", conflicts_with = "bundle")]
    pub columns: Vec<Kinds>,
}

impl Options {
    fn reading(&self) -> Reading<'_> {
        Reading { columns: Some(&self.columns), skip_bad_rows: self.skip_bad_rows }
    }
}

/// What was found, and where it was written.
#[derive(Debug, Serialize)]
pub struct Monitored {
    #[serde(flatten)]
    pub(crate) found: Monitoring,
    files: Vec<PathBuf>,
    seconds: f64,
}

/// Compares today's rows with the reference.
///
/// # Errors
/// Where rows or model can't be read, or the report can't be written.
pub fn run(session: &Session, options: &Options) -> anyhow::Result<Monitored> {
    let started = std::time::Instant::now();
    let webhook = session.config.monitoring.alerts.webhook.as_deref();
    webhook.map(webhook::check).transpose().map_err(usage)?;
    let folder = options.output.clone().unwrap_or_else(|| session.config.monitoring_path());
    session.lock([session.tables(), session.feature_table(), (&folder, Use::Write)])?;
    let mut found = find(session, options)?;
    warn_of_columns(session, &found.quality);
    let history = options.history.then(|| History::with(&folder, &found)).transpose()?;
    found.history = history.as_ref().map_or_else(Vec::new, History::series);
    let files = found.write(&folder)?;
    // After the report: a run that fails leaves no row.
    history.iter().try_for_each(History::write)?;
    if let Some(address) = webhook.filter(|_| !found.alerts.is_empty()) {
        // The alert is written: that it could not be sent is no reason to lose its exit code.
        if let Err(error) = webhook::tell(address, &found.alert()) {
            session.warn(&format!("{error:#}"));
        }
    }
    Ok(Monitored { found, files, seconds: started.elapsed().as_secs_f64() })
}

fn find(session: &Session, options: &Options) -> anyhow::Result<Monitoring> {
    let reference = Place::of(session, options.reference.as_deref())?;
    let open = |path: &Path| Opened::new(session, Some(path), options.public_key.as_deref());
    let model = match (&reference, &options.bundle) {
        (Place::Bundle(_), Some(_)) => {
            return Err(usage(anyhow!("--bundle: the reference is a bundle already: give one of them")));
        }
        (Place::Bundle(path), None) => Some(open(path)?),
        (Place::Nowhere, None) => Some(open(&session.config.bundle_path())?),
        (_, Some(path)) => Some(open(path)?),
        (Place::Table(_) | Place::Date(_), None) => None,
    };
    let Some(model) = model else {
        return match (&reference, Place::of(session, options.current.as_deref())?) {
            (Place::Table(reference), Place::Table(current)) if options.against.is_none() => {
                session.progress.step(format!("comparing {} and {}", reference.display(), current.display()));
                of_tables(&session.config, reference, &current, options.reading())
            }
            _ => Err(usage(anyhow!(
                "only two tables can be compared without a model: name one with --bundle, or --reference \
                 and --current \
                 as tables"
            ))),
        };
    };
    if !options.columns.is_empty() {
        return Err(usage(anyhow!(
            "--columns: a model knows what its columns hold; only two tables without one need be told"
        )));
    }
    let frame = |place: &Place| model.frame(session, place, options.skip_bad_rows);
    let before = match &reference {
        Place::Bundle(_) | Place::Nowhere => None,
        place => Some(frame(place)?),
    };
    let warnings = before.iter().flat_map(|frame| &frame.warnings);
    warnings.for_each(|warning| session.warn(warning));
    let current = match &options.sketches {
        Some(folder) => model.sketches(session, folder)?,
        None => Current::Frame(Box::new(frame(&Place::of(session, options.current.as_deref())?)?)),
    };
    session.progress.step("comparing".into());
    let bundle = model.recommender.bundle();
    let parts = (model.path.as_path(), model.bytes.as_slice(), bundle);
    let mut found = of_model(&session.config, parts, before.as_ref(), &current)?;
    if let (Some(path), Current::Frame(frame)) = (&options.against, &current) {
        found.against = Some(model.against(session, path, frame)?);
    }
    Ok(found)
}

fn warn_of_columns(session: &Session, quality: &Quality) {
    if !quality.left_out.is_empty() {
        let columns = quality.left_out.iter().map(|(column, why)| format!("{column} ({why})"));
        session.warn(&format!("left out columns: {}", columns.collect::<Vec<_>>().join(", ")));
    }
    quality.warnings.iter().for_each(|warning| session.warn(warning));
}

/// Where rows are.
enum Place {
    Nowhere,
    Bundle(PathBuf),
    Table(PathBuf),
    Date(i64),
}

impl Place {
    fn of(session: &Session, text: Option<&str>) -> anyhow::Result<Self> {
        let Some(text) = text else { return Ok(Self::Nowhere) };
        let path = PathBuf::from(text);
        if text.starts_with("models:/") {
            return Ok(Self::Bundle(path));
        }
        let clock = session.config.data_source.clock()?;
        if let (Some(date), false) = (clock.as_of(text), path.exists()) {
            return Ok(Self::Date(date));
        }
        check_table(&path)?;
        let mut start = [0; MAGIC.len()];
        let mut file = std::fs::File::open(&path).with_context(|| {
            format!("{text}: is neither a file that can be read nor a date such as 2026-07-01")
        })?;
        let is_bundle = std::io::Read::read_exact(&mut file, &mut start).is_ok() && start == MAGIC;
        Ok(if is_bundle { Self::Bundle(path) } else { Self::Table(path) })
    }
}

impl Opened {
    fn frame(&self, session: &Session, place: &Place, skip_bad_rows: bool) -> anyhow::Result<Frame> {
        let bundle = self.recommender.bundle();
        match place {
            Place::Table(file) => {
                session.progress.step(format!("reading {}", file.display()));
                Frame::of_file(bundle, file, skip_bad_rows)
            }
            Place::Date(date) => {
                Frame::of_bank(&session.config, &session.progress, bundle, Some(*date), skip_bad_rows)
            }
            Place::Nowhere if bundle.schema.none_class().is_none() => {
                Err(usage(anyhow!("--current: the model is of a plain table: give one with today's rows")))
            }
            Place::Nowhere => Frame::of_bank(&session.config, &session.progress, bundle, None, skip_bad_rows),
            Place::Bundle(path) => bail!("{}: is a bundle, which has no rows", path.display()),
        }
    }

    fn sketches(&self, session: &Session, folder: &Path) -> anyhow::Result<Current> {
        let layout = layout(&self.recommender)
            .with_context(|| format!("{}: can't be compared with sketches", self.path.display()))?;
        session.progress.step(format!("adding up the sketches in {}", folder.display()));
        let (sum, counts) = sketches::add_up(&layout, sketches::files_in(folder)?, |_| ())?;
        if let (0, Some(first)) = (counts.counted, &counts.first_refused) {
            bail!("{}: every sketch was refused ({}); the first: {first}", folder.display(), counts.refused);
        }
        if counts.counted == 0 {
            bail!("{}: there are no sketches (*.sk)", folder.display());
        }
        if let Some(first) = &counts.first_refused {
            session.warn(&format!("refused {} sketches; the first: {first}", counts.refused));
        }
        let name = format!("{} sketches in {}", counts.counted, folder.display());
        Ok(Current::Sketches { name, tallies: layout.tallies(&sum), counts })
    }

    fn against(&self, session: &Session, path: &Path, frame: &Frame) -> anyhow::Result<ModelComparison> {
        if !frame.labelled {
            bail!(
                "--against: the outcomes of {} are not known, so that no model can be called better",
                frame.name
            );
        }
        let demands = Demands::new(&session.config.trust, None)?;
        let other = bundle_bytes(session, path)?;
        let own = Opponent::new(&self.path, &self.bytes, &frame.table, &demands)?;
        let other = Opponent::new(path, &other, &frame.table, &demands)?;
        let differences = paired_differences(&own, &other, &frame.table, &session.config.evaluation)?;
        Ok(ModelComparison { bundle: path.display().to_string(), differences })
    }
}

impl fmt::Display for Monitored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.found)?;
        writeln!(f, "{:.2} s", self.seconds)?;
        self.files.iter().try_for_each(|file| writeln!(f, "wrote {}", file.display()))
    }
}
