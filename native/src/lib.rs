//! The command line of nextbest: from a bank's raw tables to a bundle for browsers and edge workers.

mod app;
mod calibrating;
mod carried_rows;
mod class_scores;
pub mod cli;
mod column_names;
mod commands;
pub mod config;
mod customer_json;
mod cutoffs;
mod doctor;
mod eda;
mod evaluation;
mod feature_table;
mod gates;
mod mlflow;
mod monitoring;
mod offer_log;
mod output;
mod parquet_columns;
mod predictions;
mod pyfunc;
mod rare_words;
mod report;
mod shrinking;
mod synthetic;
mod tables;
mod time_zone;
mod training;
mod trust;
mod word_list;

pub use cli::main;
