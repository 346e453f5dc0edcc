//! The functions of the interface, on bytes.

use nextbest_core::Error;
use nextbest_core::bundle::MAX_BYTES;
use nextbest_core::customers::json::Value;
use nextbest_core::customers::read;
use nextbest_core::recommend::Recommender;
use nextbest_core::request::{ROW_OPTIONS, RequestOptions};
use nextbest_core::schema::Task;
use nextbest_core::score::Buffers;
use serde::Serialize;

use crate::requests::{Request, text};
use nextbest_core::about::About;

/// One loaded bundle, or none yet.
#[derive(Default)]
pub(crate) struct Host {
    recommender: Option<Recommender>,
    /// Reused from call to call, so that nothing is allocated per batch.
    buffers: Buffers,
}

/// What went wrong: a short, stable code for programs, and a sentence for people.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Host {
    pub(crate) fn load(&mut self, bundle: &[u8]) -> Result<(), Failure> {
        let recommender = Recommender::load(bundle)?;
        recommender.bundle().self_test()?;
        self.recommender = Some(recommender);
        Ok(())
    }

    pub(crate) fn about(&self, output: &mut Vec<u8>) -> Result<(), Failure> {
        write_json(&About::new(self.recommender()?), output)
    }

    pub(crate) fn check_validity(&self, now: i64, minimum_number: u64) -> Result<(), Failure> {
        let checked = self.recommender()?.bundle().check_validity(now, minimum_number);
        checked.map_err(|refused| Error::from(refused).into())
    }

    pub(crate) fn score(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
        let width = self.recommender()?.bundle().features.len();
        let (values, rest) = input.as_chunks::<4>();
        let count = values.len().checked_div(width).unwrap_or(0);
        if !rest.is_empty() || count * width != values.len() {
            let message = format!("expected rows of {width} floats of 4 bytes, got {} bytes", input.len());
            return Err(Failure { code: "row/length", message });
        }
        self.check_room(count)?;
        self.buffers.rows.clear();
        self.buffers.rows.extend(values.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        self.recommender()?.bundle().check_rows(&self.buffers.rows)?;
        self.score_rows(count, output)
    }

    pub(crate) fn features(&self, input: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
        let recommender = self.recommender()?;
        let Request { customer, options: given, .. } = Request::parse(text(input)?)?;
        let mut options = RequestOptions::default();
        options.set(&given, ROW_OPTIONS)?;
        write_floats(&recommender.features_of(&customer, &options)?, output);
        Ok(())
    }

    pub(crate) fn ask(&self, input: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
        let recommender = self.recommender()?;
        let Request { question, customer, options } = Request::parse(text(input)?)?;
        write_json(&recommender.ask(&question.unwrap_or_default(), &customer, &options)?, output)
    }

    pub(crate) fn predict(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<(), Failure> {
        let recommender = self.recommender.as_ref().ok_or_else(nothing_loaded)?;
        if let Task::NextProduct = recommender.schema().task() {
            let message =
                "the model predicts a customer's next product, not a column of a plain table: use recommend";
            return Err(Error::Task(message).into());
        }
        let Value::List(rows) = Value::parse(text(input)?, 1)? else {
            return Err(Failure { code: "host/request", message: "expected a list of rows".into() });
        };
        self.check_room(rows.len())?;
        self.buffers.rows.clear();
        for (index, row) in rows.iter().enumerate() {
            let read = read(recommender.schema(), None, false, row);
            let read = read.map_err(|error| Failure::from(error).within(&format!("row {index}: ")))?;
            // Without a time of its own, none of a row's dates is known to be past.
            self.buffers
                .rows
                .extend(read.customers.iter().flat_map(|row| recommender.features(&row, i64::MIN)));
        }
        self.score_rows(rows.len(), output)
    }

    /// Checks that neither the features nor the probabilities of `count` rows take more room than an input
    /// may: running out of memory would be a trap.
    fn check_room(&self, count: usize) -> Result<(), Failure> {
        let bundle = self.recommender()?.bundle();
        let values = bundle.features.len().max(bundle.schema.class_count()).max(1);
        let most = MAX_BYTES / size_of::<f32>() / values;
        match count <= most {
            true => Ok(()),
            false => Err(Failure {
                code: "host/too-large",
                message: format!("expected at most {most} rows at once, got {count}"),
            }),
        }
    }

    /// Scores the first `count` of the collected rows.
    fn score_rows(&mut self, count: usize, output: &mut Vec<u8>) -> Result<(), Failure> {
        let bundle = self.recommender.as_ref().ok_or_else(nothing_loaded)?.bundle();
        write_floats(self.buffers.score(bundle.scorer(), count)?, output);
        Ok(())
    }

    fn recommender(&self) -> Result<&Recommender, Failure> {
        self.recommender.as_ref().ok_or_else(nothing_loaded)
    }
}

impl Failure {
    /// Prefixes the message with a place.
    fn within(self, place: &str) -> Self {
        Self { message: format!("{place}{}", self.message), ..self }
    }

    pub(crate) fn write(&self, output: &mut Vec<u8>) {
        // Two strings are written to memory: nothing can fail.
        let _ = serde_json::to_writer(output, self);
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

fn nothing_loaded() -> Failure {
    Failure { code: "host/not-loaded", message: "no bundle is loaded: call nextbest_load first".into() }
}

/// Serialises through a value, so that a probability is the same number as in JavaScript and on the command
/// line: the double that equals it, not its shortest text.
fn write_json(value: &impl Serialize, output: &mut Vec<u8>) -> Result<(), Failure> {
    let written = serde_json::to_value(value).and_then(|value| serde_json::to_writer(output, &value));
    written.map_err(|error| Failure { code: "internal/serialize", message: error.to_string() })
}

fn write_floats(values: &[f32], output: &mut Vec<u8>) {
    output.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}
