//! The command line: arguments, output streams and exit codes.
//!
//! Results go to standard output ([`Printed`]), progress and errors to standard error. Exit codes: 0 success,
//! 1 failure (the data, a file, a model), 2 invalid command line or config, 3 success with a monitoring
//! alert.

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

/// Predicts which banking product a customer takes next, and chooses the offer on the customer's own device
#[derive(Debug, Parser)]
#[command(name = "nextbest", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Config file [default: ./config.yaml if it exists, else built-in defaults]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Do not print progress
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Number of threads; results do not depend on it [default: one per core]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Longest wait for another nextbest process that writes to the same folders [default: no limit]
    #[arg(long, global = true, value_name = "SECONDS")]
    wait: Option<u64>,
}

const EXAMPLES: &str = "Examples:
  nextbest run                         all steps on a synthetic bank
  nextbest run --config bank.yaml      all steps on a bank's own tables
  nextbest inspect outputs/bundle/nextbest.bundle

Exit codes: 0 success, 1 failure, 2 invalid command line or config, 3 success with a monitoring alert.";

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
    /// Compute the feature table from the bank's tables, explain one value, or list the features
    #[command(after_help = "Examples:\n  nextbest features --config bank.yaml --skip-bad-rows\n  nextbest \
            features --explain salary_90d C0000010 --as-of 2026-01-01\n  nextbest features --catalogue\n  \
            nextbest features --as-of 2025-08-15")]
    Features(features::Command),
    /// Check the tables and the feature table for leaks and flaws; exits with 1 if there are problems
    #[command(after_help = "Example:\n  nextbest doctor --config bank.yaml")]
    Doctor,
    /// Explore the feature table: statistics, missing values, outliers, correlations, target; CSV and HTML
    #[command(after_help = "Example:\n  nextbest eda --config bank.yaml")]
    Eda,
    /// Select and train a model on the feature table, or on any plain table
    #[command(
        after_help = TRAIN_EXAMPLES,
        after_long_help = format!("{TRAIN_EXAMPLES}\n\n{}", parameters_help())
    )]
    Train(train::Arguments),
    /// Evaluate the model on the test cut-offs against baselines and other models; numbers, charts and HTML
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
    /// Score customers with a bundle, from the bank's tables, a JSON file or a plain table
    #[command(after_help = "Examples:\n  nextbest score --as-of 2026-07-01\n  nextbest score --customers \
            customers.json --json\n  nextbest score --table passengers.csv --out scores.csv\n  nextbest \
            score --public-key keys/nextbest.public.pem")]
    Score(score::Arguments),
    /// Show the contents of a bundle and whether it may be used, as text, JSON or HTML
    #[command(
        after_help = "Examples:\n  nextbest inspect outputs/bundle/nextbest.bundle --json\n  nextbest \
            inspect --html card.html\n  nextbest inspect nextbest.bundle --public-key \
            keys/nextbest.public.pem"
    )]
    Inspect(inspect::Arguments),
    /// Estimate the value of other policies from the offers that one policy logged
    #[command(
        name = "policy-eval",
        after_help = "Examples:\n  nextbest score --as-of 2026-01-01 --log offers.parquet\n  nextbest \
            policy-eval --log offers.parquet --temperature 0.5"
    )]
    PolicyEval(policy_eval::Arguments),
    /// Generate a key pair: a private key to sign bundles, a public key to verify them
    #[command(after_help = "Example:\n  nextbest keygen --out keys --name bank-2026")]
    Keygen(keygen::Arguments),
    /// Register the bundle in MLflow as the next version of the model
    #[command(after_help = "Examples:\n  nextbest register\n  nextbest register --bundle nextbest.bundle \
            --description \"with card data\"")]
    Register(register::Arguments),
    /// Move a registered version that passes the gates to staging or production
    #[command(after_help = "Examples:\n  nextbest promote staging\n  nextbest promote production --approve")]
    Promote(promote::Arguments),
    /// Restore the previous production version
    #[command(after_help = "Examples:\n  nextbest rollback\n  nextbest rollback --version 3")]
    Rollback(rollback::Arguments),
    /// List the registered versions of the model
    #[command(after_help = "Example:\n  nextbest models --json")]
    Models,
    /// Compare current rows with the model's reference rows: drift, data quality, performance; exits with 3
    /// on an alert
    #[command(
        after_help = "Examples:\n  nextbest monitor --current 2026-07-01\n  nextbest monitor --reference \
            outputs/bundle/nextbest.bundle --current features.parquet --history\n  nextbest monitor \
            --reference march.csv --current april.csv\n  nextbest monitor --sketches collected/"
    )]
    Monitor(pipeline::monitor::Options),
    /// Monitor; if an alert calls for it, train, evaluate, export and register a new model, and move it to
    /// staging if it passes the gates
    #[command(
        name = "retrain-if-needed",
        after_help = "Example:\n  nextbest retrain-if-needed --reference \
            models:/next_best_product@production --current 2026-07-01\n\nExit codes: 0 not needed, or a new \
            model is in staging; 1 failure, or the new model did not pass the gates; 3 the data are broken."
    )]
    RetrainIfNeeded(pipeline::monitor::Options),
    /// Merge sketches: counts that browsers and edge workers keep of rows, without the rows themselves
    #[command(after_help = "Example:\n  nextbest sketch merge collected/ --out week.sk")]
    Sketch(sketch::Arguments),
    /// Run all steps: generate (unless there are tables), features, train, evaluate, export, score
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

/// Prints the error, and returns its exit code.
fn failed(error: &anyhow::Error) -> ExitCode {
    // A closed standard error leaves nowhere to report a failed write.
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
