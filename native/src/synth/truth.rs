//! The table of the truth, read back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nextbest_core::synth::Table;
use nextbest_core::time::Clock;

use super::file_name;
use crate::config::OutputFormat;
use crate::io::tables::plain::{PlainTable, Reading};

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
    /// If it is not a table of the truth as `nextbest generate` writes it.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        for format in [OutputFormat::Csv, OutputFormat::Parquet] {
            let path = folder.join(file_name(Table::Truth, format));
            if path.exists() {
                let (names, rows) = read(&path).with_context(|| {
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
    /// If the table knows nothing of a product.
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

fn read(path: &Path) -> anyhow::Result<Read> {
    let names = product_names(&PlainTable::header_of(path)?.names)?;
    let table = PlainTable::read(path, &Clock::default(), Reading::default(), |_| true)?;
    let customers = table.ids(0)?;
    let columns = (0..names.len()).map(|column| table.numbers(column + KEYS));
    let columns = columns.collect::<anyhow::Result<Vec<_>>>()?;
    let mut rows = HashMap::new();
    for (row, (customer, cutoff)) in customers.into_iter().zip(table.times(1)?).enumerate() {
        let cutoff = cutoff.with_context(|| format!("row {}: there is no date", row + 1))?;
        let probabilities: Vec<f64> = columns.iter().filter_map(|column| column.get(row).copied()).collect();
        if probabilities.iter().any(|probability| probability.is_nan()) {
            bail!("row {}: a probability is missing", row + 1);
        }
        rows.insert((customer, cutoff), probabilities);
    }
    Ok((names, rows))
}

/// The names of the columns with probabilities.
fn product_names(names: &[String]) -> anyhow::Result<Vec<String>> {
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
    use nextbest_core::time;

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
            (
                format!("{HEADER}C1,2026-01-01,0.9,x,0.03\n"),
                "TRUTH.csv:2: column CREDIT_CARD: expected a number, got \"x\"",
            ),
            (format!("{HEADER}C1,2026-13-01,0.9,0.07,0.03\n"), "TRUTH.csv:2: column CUTOFF: expected a date"),
            (format!("{HEADER}C1,2026-01-01,0.9,,0.03\n"), "row 1: a probability is missing"),
        ] {
            let error = format!("{:#}", read(&text).err().unwrap());
            assert!(error.contains(expected), "{error}");
        }
    }
}
