//! What is read and written: the bank's tables, the feature table, lists of scores, offers and predictions;
//! and how any file appears whole or not at all ([`output`]).

pub(crate) mod class_scores;
pub(crate) mod column_names;
pub(crate) mod customer_json;
pub(crate) mod feature_table;
pub(crate) mod input;
pub(crate) mod offer_log;
pub(crate) mod output;
pub(crate) mod parquet_columns;
pub(crate) mod predictions;
pub(crate) mod rare_words;
pub(crate) mod tables;
pub(crate) mod word_list;
