//! Arguments, exit codes and what is printed where.
//!
//! Results go to standard output ([`Printed`]), progress and errors to standard error. The exit code is 0
//! where all went well, 1 where the work failed (the data, a file, a model), 2 where the command or config
//! could not be understood, and 3 where all went well and monitoring found something that somebody should be
//! told.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use nextbest_core::train::{ForestParams, Given, Parameters};

use crate::app::printed::{STANDARD_OUTPUT, unless_closed};
use crate::app::{Progress, UsageError, for_people, signals, usage};
use crate::commands::{
    Context, Done, doctor, export, features, inspect, keygen, monitor, retrain, run, score, train,
};
use crate::config::Config;
use crate::io::output;
use crate::pipeline::registry::{models, promote, register, rollback};
use crate::pipeline::{self, Session, eda, policy_eval, sketch};
use crate::train::parameters_help;

/// Predicts which banking product a customer takes next, and turns it into an offer on the customer's own
/// side.
#[derive(Debug, Parser)]
#[command(name = "nextbest", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The config file; without it ./config.yaml, and without that the defaults
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Print no progress
    #[arg(long, short, global = true)]
    quiet: bool,
    /// How many threads to use; one for each core where it is not given. It changes no result
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Wait at most this long for another nextbest that is at work in the same folders; without it as long as
    /// it takes
    #[arg(long, global = true, value_name = "SECONDS")]
    wait: Option<u64>,
}

const EXAMPLES: &str = "Examples:
  nextbest run                         the whole way on a synthetic bank
  nextbest run --config bank.yaml      the whole way on a bank's own tables
  nextbest inspect outputs/bundle/nextbest.bundle

Exit codes: 0 done, 1 failed, 2 not understood (command or config), 3 done, and monitoring raised an alert.";

const TRAIN_EXAMPLES: &str = "Examples:
  nextbest train --budget 5m
  nextbest train --algorithm gradient_boosting
  nextbest train --table titanic.csv --target Survived --id PassengerId
  nextbest train --resume-logging";

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the ten tables of a synthetic bank
    #[command(after_help = "Examples:\n  nextbest generate --customers 2000 --seed 7\n  nextbest generate \
            --customers 300..1000 --format parquet\n  nextbest generate --drift mean_shift=0.3@2026-01-01 \
            --drift missingness=0.2")]
    Generate(pipeline::generate::Options),
    /// Compute the feature table from the bank's tables; or explain one value, or list what is computed
    #[command(after_help = "Examples:\n  nextbest features --config bank.yaml --skip-bad-rows\n  nextbest \
            features --explain salary_90d C0000010 --as-of 2026-01-01\n  nextbest features --catalogue\n  \
            nextbest features --as-of 2025-08-15")]
    Features(features::Command),
    /// Look for leaks and flaws in the tables and the feature table; exit code 1 where there are problems
    #[command(after_help = "Example:\n  nextbest doctor --config bank.yaml")]
    Doctor,
    /// Look at the feature table: statistics, missing values, outliers, correlations, target; CSV and a page
    #[command(after_help = "Example:\n  nextbest eda --config bank.yaml")]
    Eda,
    /// Choose and train a model on the feature table, or on any plain table
    #[command(
        after_help = TRAIN_EXAMPLES,
        after_long_help = format!("{TRAIN_EXAMPLES}\n\n{}", parameters_help())
    )]
    Train(train::Arguments),
    /// Measure the model on the test cut-offs, beside the baselines and other models; numbers, charts and a
    /// page
    #[command(after_help = "Examples:\n  nextbest evaluate --json > evaluation.json\n  nextbest evaluate \
            --against production.bundle")]
    Evaluate(pipeline::evaluate::Options),
    /// Write the bundle for browsers and edge workers
    #[command(
        after_help = "Examples:\n  nextbest export --samples 12\n  nextbest export --max-bytes 100KB\n  \
            nextbest export --sign keys/nextbest.private.pem --model-number 7\n  nextbest export --pyfunc \
            outputs/pyfunc"
    )]
    Export(pipeline::export::Options),
    /// Score customers with a bundle: those of the bank's tables, or some from a JSON file
    #[command(after_help = "Examples:\n  nextbest score --as-of 2026-07-01\n  nextbest score --customers \
            customers.json --json\n  nextbest score --table passengers.csv --out scores.csv\n  nextbest \
            score --public-key keys/nextbest.public.pem")]
    Score(score::Arguments),
    /// Show what is in a bundle and whether it may be used: as text, JSON or a page
    #[command(
        after_help = "Examples:\n  nextbest inspect outputs/bundle/nextbest.bundle --json\n  nextbest \
            inspect --html card.html\n  nextbest inspect nextbest.bundle --public-key \
            keys/nextbest.public.pem"
    )]
    Inspect(inspect::Arguments),
    /// Estimate from the log of one policy what others would have been worth
    #[command(
        name = "policy-eval",
        after_help = "Examples:\n  nextbest score --as-of 2026-01-01 --log offers.parquet\n  nextbest \
            policy-eval --log offers.parquet --temperature 0.5"
    )]
    PolicyEval(policy_eval::Arguments),
    /// Write a pair of keys: one to sign bundles with, one to verify them with
    #[command(after_help = "Example:\n  nextbest keygen --out keys --name bank-2026")]
    Keygen(keygen::Arguments),
    /// Register the bundle as the next version of the model, in MLflow
    #[command(after_help = "Examples:\n  nextbest register\n  nextbest register --bundle nextbest.bundle \
            --description \"with card data\"")]
    Register(register::Arguments),
    /// Let a registered version that passes the gates be staging or production
    #[command(after_help = "Examples:\n  nextbest promote staging\n  nextbest promote production --approve")]
    Promote(promote::Arguments),
    /// Put the version back into production that was there before
    #[command(after_help = "Examples:\n  nextbest rollback\n  nextbest rollback --version 3")]
    Rollback(rollback::Arguments),
    /// List the registered versions of the model
    #[command(after_help = "Example:\n  nextbest models --json")]
    Models,
    /// Compare rows of today with those that the model was measured on: drift, quality, performance; exit
    /// code 3 on an alert
    #[command(
        after_help = "Examples:\n  nextbest monitor --current 2026-07-01\n  nextbest monitor --reference \
            outputs/bundle/nextbest.bundle --current features.parquet --history\n  nextbest monitor \
            --reference march.csv --current april.csv\n  nextbest monitor --sketches collected/"
    )]
    Monitor(pipeline::monitor::Options),
    /// Monitor, and where it is time train, evaluate, export and register a new model, and let it be staging
    /// if it passes the gates
    #[command(
        name = "retrain-if-needed",
        after_help = "Example:\n  nextbest retrain-if-needed --reference \
            models:/next_best_product@production --current 2026-07-01\n\nExit codes: 0 not needed, or a new \
            model is in staging; 1 failed, or the new model did not pass; 3 the data are broken."
    )]
    RetrainIfNeeded(pipeline::monitor::Options),
    /// Add up sketches: rows that browsers and edge workers counted, and nothing else of them
    #[command(after_help = "Example:\n  nextbest sketch merge collected/ --out week.sk")]
    Sketch(sketch::Arguments),
    /// Generate (unless there are tables), features, train, evaluate, export, score: all in order
    #[command(after_help = "Example:\n  nextbest run --config examples/berka/config.yaml")]
    Run(run::Arguments),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let printed = unless_closed(error.print(), ());
            return match printed {
                _ if error.use_stderr() => ExitCode::from(2),
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&anyhow::Error::new(error).context(STANDARD_OUTPUT)),
            };
        }
    };
    match execute(arguments) {
        Ok(Done::Quietly) => ExitCode::SUCCESS,
        Ok(Done::WithAlert) => ExitCode::from(3),
        Err(error) => failed(&error),
    }
}

/// Says what went wrong.
fn failed(error: &anyhow::Error) -> ExitCode {
    // Where standard error is closed there is no one to tell.
    let _ = writeln!(std::io::stderr(), "error: {}", for_people(&format!("{error:#}")));
    ExitCode::from(if error.is::<UsageError>() { 2 } else { 1 })
}

fn execute(arguments: Arguments) -> anyhow::Result<Done> {
    signals::listen(output::remove_aside);
    let config = Config::load(arguments.config.as_deref()).map_err(usage)?;
    let forest = config.model.hyperparameters.random_forest.over(ForestParams::default());
    forest.check_ranges().context("model.hyperparameters").map_err(usage)?;
    let jobs = usize::try_from(forest.n_jobs).ok().filter(|jobs| *jobs > 0);
    if let Some(threads) = arguments.threads.map(usize::from).or(jobs) {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    }
    let progress = Progress::new(arguments.quiet || arguments.json);
    let mut session = Session::new(config, progress);
    session.wait = arguments.wait.map(Duration::from_secs);
    let context = Context { session, json: arguments.json };
    let session = &context.session;
    match arguments.command {
        Command::Monitor(options) => return monitor::execute(&context, &options),
        Command::RetrainIfNeeded(options) => return retrain::execute(&context, &options),
        Command::Generate(options) => context.print(&pipeline::generate::run(session, &options)?),
        Command::Features(command) => features::execute(&context, &command),
        Command::Doctor => doctor::execute(&context),
        Command::Eda => context.print(&eda::run(session)?),
        Command::Train(arguments) => train::execute(&context, &arguments),
        Command::Evaluate(options) => {
            context.print_logged(&pipeline::evaluate::run(session, &options)?, |it| it.logged.as_ref())
        }
        Command::Export(options) => export::execute(&context, &options),
        Command::Score(arguments) => score::execute(&context, &arguments),
        Command::Inspect(arguments) => inspect::execute(&context, &arguments),
        Command::PolicyEval(arguments) => context.print(&policy_eval::run(session, &arguments)?),
        Command::Sketch(arguments) => context.print(&sketch::run(session, &arguments)?),
        Command::Keygen(arguments) => context.print(&keygen::run(&arguments)?),
        Command::Register(arguments) => context.print(&register::run(session, &arguments)?),
        Command::Promote(arguments) => context.print(&promote::run(session, &arguments)?),
        Command::Rollback(arguments) => context.print(&rollback::run(session, &arguments)?),
        Command::Models => context.print(&models::run(session)?),
        Command::Run(arguments) => run::execute(&context, &arguments),
    }?;
    Ok(Done::Quietly)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Arguments::command().get_subcommands() {
            let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(example.contains(&format!("nextbest {}", command.get_name())), "{}", command.get_name());
        }
    }
}
