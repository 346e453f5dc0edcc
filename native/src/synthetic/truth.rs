//! The table of the truth, read back.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nextbest_core::synth::Table;
use nextbest_core::time::{self, DAY};
use parquet::data_type::{ByteArrayType, DoubleType, Int32Type};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::file_name;
use crate::config::OutputFormat;
use crate::parquet_columns::read_column;

/// Columns before those of the probabilities.
const CUSTOMER: &str = "CUSTOMERID";
const CUTOFF: &str = "CUTOFF";
const KEYS: usize = 2;

/// True probabilities of what customers take next.
pub(crate) struct Truth {
    /// The file they were read from.
    pub(crate) path: PathBuf,
    /// The columns' names: NONE, then the products' identifiers.
    names: Vec<String>,
    /// By customer and cut-off: a probability for each name.
    rows: HashMap<(String, i64), Vec<f64>>,
}

impl Truth {
    /// Reads the table from a folder, if it is there.
    ///
    /// # Errors
    /// Where it is not a table of the truth as `nextbest generate` writes it.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        for format in [OutputFormat::Csv, OutputFormat::Parquet] {
            let path = folder.join(file_name(Table::Truth, format));
            if path.exists() {
                let read = match format {
                    OutputFormat::Csv => read_csv(&path),
                    OutputFormat::Parquet => read_parquet(&path),
                };
                let (names, rows) = read.with_context(|| {
                    format!(
                        "{}: is not what `nextbest generate` writes; remove it or generate again",
                        path.display()
                    )
                })?;
                return Ok(Some(Self { path, names, rows }));
            }
        }
        Ok(None)
    }

    /// For each product, the position of its probability; that of NONE is 0.
    ///
    /// # Errors
    /// Where the table knows nothing of a product.
    pub(crate) fn positions<'p>(
        &self,
        products: impl Iterator<Item = &'p str>,
    ) -> anyhow::Result<Vec<usize>> {
        let position = |product: &str| {
            self.names.iter().position(|name| name == product).with_context(|| {
                format!(
                    "{}: has no column {product}, so it is about another bank; remove it",
                    self.path.display()
                )
            })
        };
        products.map(position).collect()
    }

    /// The probabilities of a customer at a cut-off, in the order of the columns.
    pub(crate) fn of(&self, customer: &str, cutoff: i64) -> Option<&[f64]> {
        self.rows.get(&(customer.to_owned(), cutoff)).map(Vec::as_slice)
    }
}

type Read = (Vec<String>, HashMap<(String, i64), Vec<f64>>);

fn read_csv(path: &Path) -> anyhow::Result<Read> {
    let mut csv = csv::Reader::from_path(path)?;
    let names = product_names(csv.headers()?.iter())?;
    let mut rows = HashMap::new();
    for record in csv.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let (Some(customer), Some(cutoff)) = (record.get(0), record.get(1).and_then(time::parse)) else {
            bail!("line {line}: expected a customer and a date");
        };
        let probabilities: Result<Vec<f64>, _> = record.iter().skip(KEYS).map(str::parse).collect();
        let probabilities = probabilities.with_context(|| format!("line {line}: expected probabilities"))?;
        rows.insert((customer.to_owned(), cutoff), probabilities);
    }
    Ok((names, rows))
}

fn read_parquet(path: &Path) -> anyhow::Result<Read> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let descriptor = reader.metadata().file_metadata().schema_descr();
    let names = product_names(descriptor.columns().iter().map(|column| column.name()))?;
    let mut rows = HashMap::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        let customers = read_column::<ByteArrayType>(&*group, CUSTOMER)?;
        let days = read_column::<Int32Type>(&*group, CUTOFF)?;
        let columns = names
            .iter()
            .map(|name| read_column::<DoubleType>(&*group, name))
            .collect::<anyhow::Result<Vec<Vec<f64>>>>()?;
        for (row, (customer, day)) in customers.iter().zip(days).enumerate() {
            let probabilities = columns.iter().filter_map(|column| column.get(row).copied()).collect();
            rows.insert((customer.as_utf8()?.to_owned(), i64::from(day) * DAY), probabilities);
        }
    }
    Ok((names, rows))
}

/// The names of the columns with probabilities.
fn product_names<'n>(header: impl Iterator<Item = &'n str>) -> anyhow::Result<Vec<String>> {
    let names: Vec<String> = header.map(str::to_owned).collect();
    match names.split_at_checked(KEYS) {
        Some(([customer, cutoff], probabilities))
            if customer == CUSTOMER
                && cutoff == CUTOFF
                && probabilities.first().is_some_and(|name| name == "NONE") =>
        {
            Ok(probabilities.to_vec())
        }
        _ => bail!("the columns are {}, not {CUSTOMER}, {CUTOFF}, NONE and the products", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "CUSTOMERID,CUTOFF,NONE,CREDIT_CARD,HOME_LOAN\n";

    fn read(text: &str) -> anyhow::Result<Truth> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("TRUTH.csv"), text).unwrap();
        Truth::read(folder.path()).map(Option::unwrap)
    }

    #[test]
    fn probabilities_are_found_by_customer_cut_off_and_product() {
        let truth = read(&format!("{HEADER}C1,2026-01-01,0.9,0.07,0.03\nC1,2026-04-01,1.0,0,0\n")).unwrap();
        let cutoff = time::parse("2026-01-01").unwrap();
        assert_eq!(truth.of("C1", cutoff), Some([0.9, 0.07, 0.03].as_slice()));
        assert_eq!(truth.of("C2", cutoff), None);
        assert_eq!(truth.positions(["HOME_LOAN", "CREDIT_CARD"].into_iter()).unwrap(), [2, 1]);
        let error = format!("{:#}", truth.positions(["PENSION_PLAN"].into_iter()).unwrap_err());
        assert!(error.contains("has no column PENSION_PLAN"), "{error}");
        assert!(Truth::read(tempfile::tempdir().unwrap().path()).unwrap().is_none());
    }

    #[test]
    fn another_table_is_refused_by_name_and_line() {
        for (text, expected) in [
            ("ID,DATE\n".to_owned(), "TRUTH.csv: is not what `nextbest generate` writes"),
            ("CUSTOMERID,CUTOFF,CREDIT_CARD\n".to_owned(), "the columns are CUSTOMERID, CUTOFF, CREDIT_CARD"),
            (format!("{HEADER}C1,2026-01-01,0.9,x,0.03\n"), "line 2: expected probabilities"),
            (format!("{HEADER}C1,2026-13-01,0.9,0.07,0.03\n"), "line 2: expected a customer and a date"),
        ] {
            let error = format!("{:#}", read(&text).err().unwrap());
            assert!(error.contains(expected), "{error}");
        }
    }
}
