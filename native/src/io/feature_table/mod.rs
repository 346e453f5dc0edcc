//! The feature table: a row for each customer at each cut-off, as Parquet (which training reads), CSV (for
//! people) and Delta (for other engines).
//!
//! The Parquet file's metadata holds the schema and the feature definitions, so that a model trained on the
//! file carries exactly what computed it.

mod agreement;
pub(crate) mod delta;
mod manifest;
mod write;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use nextbest_core::Error;
use nextbest_core::features::FeatureDefinition;
use nextbest_core::matrix::Matrix;
use nextbest_core::schema::Schema;
use nextbest_core::snapshot::ProductSet;
use nextbest_core::time::DAY;
use parquet::data_type::{ByteArrayType, FloatType, Int32Type};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::io::column_names;
use crate::io::input::check_table;
use crate::io::output::check_finished;
use crate::io::parquet_columns::undamaged;
use crate::io::parquet_columns::{read_column, read_optional};
use crate::io::rare_words::RareWords;
use crate::io::word_list;
pub(crate) use manifest::{Manifest, sources_of};
pub(crate) use write::FeatureTableWriter;

/// The column with the products that a customer holds at the cut-off.
const HELD_COLUMN: &str = "HELD_PRODUCTS";
/// The key of the file's metadata.
const METADATA: &str = "nextbest";

/// What the columns are and where they come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// The column that identifies a customer.
    pub(crate) key_column: String,
    /// The column with the cut-off.
    pub(crate) cutoff_column: String,
    /// The column with the class.
    pub(crate) label_column: String,
    /// What the customers' rows look like.
    pub(crate) schema: Schema,
    /// What the features are.
    pub(crate) features: Vec<FeatureDefinition>,
    /// Words of the schema that few customers have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rare_words: Vec<RareWords>,
}

/// Customers at cut-offs, with features and labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FeatureTable {
    /// What the columns are.
    pub(crate) layout: Arc<Layout>,
    /// The customer of each row.
    pub(crate) ids: Vec<String>,
    /// The cut-off of each row, in seconds since 1970-01-01.
    pub(crate) cutoffs: Vec<i64>,
    /// The class of each row.
    pub(crate) labels: Vec<usize>,
    /// The products held at the cut-off.
    pub(crate) held: Vec<ProductSet>,
    /// The features, row by row.
    pub(crate) values: Vec<f32>,
}

impl Layout {
    /// The columns before the features.
    fn leading(&self) -> [&str; 4] {
        [&self.key_column, &self.cutoff_column, &self.label_column, HELD_COLUMN]
    }

    /// Checks that no two columns have one name.
    ///
    /// # Errors
    /// Names two that do (exit code 2).
    pub(crate) fn check_names(&self) -> anyhow::Result<()> {
        let features = self.features.iter().map(|feature| feature.name.as_str());
        column_names::check("the feature table", self.leading().into_iter().chain(features))
    }
}

impl FeatureTable {
    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Whose each row is, as numbers.
    pub(crate) fn customers(&self) -> Vec<usize> {
        let mut numbers: FxHashMap<&str, usize> = FxHashMap::default();
        let mut customers = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            let next = numbers.len();
            customers.push(*numbers.entry(id).or_insert(next));
        }
        customers
    }

    /// How many features a row has.
    pub(crate) fn width(&self) -> usize {
        self.layout.features.len()
    }

    /// The features, one column each.
    ///
    /// # Errors
    /// If there are not as many rows of values as rows.
    pub(crate) fn matrix(&self) -> Result<Matrix<'_, f32>, Error> {
        let (width, rows) = (self.width(), self.len());
        match Matrix::new(&self.values, width)? {
            matrix if matrix.height() == rows || width == 0 => Ok(matrix),
            _ => Err(Error::RowLength { expected: rows * width, actual: self.values.len() }),
        }
    }

    /// The rows at some cut-offs.
    pub(crate) fn at(&self, cutoffs: &[i64]) -> FeatureTable {
        let chosen = |row: &usize| self.cutoffs.get(*row).is_some_and(|cutoff| cutoffs.contains(cutoff));
        self.rows(&(0..self.len()).filter(chosen).collect::<Vec<_>>())
    }

    /// Some rows, by their positions.
    pub(crate) fn rows(&self, rows: &[usize]) -> FeatureTable {
        let all = self.values.chunks_exact(self.width().max(1));
        FeatureTable {
            layout: Arc::clone(&self.layout),
            ids: pick(&self.ids, rows),
            cutoffs: pick(&self.cutoffs, rows),
            labels: pick(&self.labels, rows),
            held: pick(&self.held, rows),
            values: rows.iter().filter_map(|row| all.clone().nth(*row)).flatten().copied().collect(),
        }
    }

    /// The different cut-offs, in order.
    pub(crate) fn distinct_cutoffs(&self) -> Vec<i64> {
        let mut cutoffs = self.cutoffs.clone();
        cutoffs.sort_unstable();
        cutoffs.dedup();
        cutoffs
    }

    /// A table without rows.
    pub(crate) fn empty(layout: &Arc<Layout>) -> Self {
        let layout = Arc::clone(layout);
        Self { layout, ids: vec![], cutoffs: vec![], labels: vec![], held: vec![], values: vec![] }
    }

    /// Adds the rows of another table of the same layout.
    pub(crate) fn append(&mut self, mut other: FeatureTable) {
        self.ids.append(&mut other.ids);
        self.cutoffs.append(&mut other.cutoffs);
        self.labels.append(&mut other.labels);
        self.held.append(&mut other.held);
        self.values.append(&mut other.values);
    }

    /// Reads a table that [`FeatureTableWriter`] wrote.
    ///
    /// # Errors
    /// If there is no such file, or it is not a feature table.
    pub(crate) fn read_parquet(path: &Path) -> anyhow::Result<Self> {
        let place = || misplaced(path);
        let (reader, layout) = open(path)?;
        let mut table = FeatureTable::empty(&Arc::new(layout));
        for group in 0..reader.num_row_groups() {
            table.read_group(&*reader.get_row_group(group)?).with_context(place)?;
        }
        Ok(table)
    }

    /// Reads what the columns are, and each row's cut-off and class, but no features.
    ///
    /// # Errors
    /// As [`FeatureTable::read_parquet`].
    pub(crate) fn read_outline(path: &Path) -> anyhow::Result<(Arc<Layout>, Vec<i64>, Vec<usize>)> {
        let (reader, layout) = open(path)?;
        let mut table = FeatureTable::empty(&Arc::new(layout));
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group)?;
            table.read_cutoffs_of_group(&*group).with_context(|| misplaced(path))?;
            table.read_labels_of_group(&*group).with_context(|| misplaced(path))?;
        }
        Ok((table.layout, table.cutoffs, table.labels))
    }

    fn label_name(&self, row: usize) -> Option<&str> {
        self.layout.schema.class_names().get(*self.labels.get(row)?).copied()
    }

    fn held_names(&self, row: usize) -> Option<String> {
        let held = self.held.get(row)?;
        let products = self.layout.schema.products().iter().enumerate();
        let names =
            products.filter(|(product, _)| held.contains(*product)).map(|(_, product)| product.name.as_str());
        Some(word_list::join(names))
    }

    fn read_cutoffs_of_group(&mut self, group: &dyn RowGroupReader) -> anyhow::Result<()> {
        let days = read_column::<Int32Type>(group, &self.layout.cutoff_column)?;
        self.cutoffs.extend(days.iter().map(|day| i64::from(*day) * DAY));
        Ok(())
    }

    fn read_labels_of_group(&mut self, group: &dyn RowGroupReader) -> anyhow::Result<()> {
        let names = self.layout.schema.class_names();
        for name in read_texts(group, &self.layout.label_column)? {
            let label = names.iter().position(|other| *other == name);
            self.labels.push(label.with_context(|| format!("{name:?} is none of the classes"))?);
        }
        let products = self.layout.schema.products();
        for names in read_texts(group, HELD_COLUMN)? {
            let mut held = ProductSet::default();
            for name in word_list::split(&names) {
                let product = products.iter().position(|product| product.name == name);
                held.insert(product.with_context(|| format!("{name:?} is none of the products"))?);
            }
            self.held.push(held);
        }
        Ok(())
    }

    fn read_group(&mut self, group: &dyn RowGroupReader) -> anyhow::Result<()> {
        let count = usize::try_from(group.metadata().num_rows())?;
        if group.num_columns() != self.width() + 4 {
            bail!("it has {} columns, not {}", group.num_columns(), self.width() + 4);
        }
        self.ids.extend(read_texts(group, &self.layout.key_column)?);
        self.read_cutoffs_of_group(group)?;
        self.read_labels_of_group(group)?;
        let (start, width) = (self.values.len(), self.width());
        self.values.resize(start + count * width, f32::NAN);
        let (_, added) = self.values.split_at_mut(start);
        for (feature, definition) in self.layout.features.iter().enumerate() {
            let slots = added.chunks_exact_mut(width).filter_map(|row| row.get_mut(feature));
            slots.zip(read_values(group, &definition.name)?).for_each(|(slot, value)| *slot = value);
        }
        Ok(())
    }
}

/// Reads what a table's columns are, and nothing else.
///
/// # Errors
/// If there is no such file, or it is not a feature table.
pub(crate) fn read_layout(path: &Path) -> anyhow::Result<Layout> {
    open(path).map(|(_, layout)| layout)
}

/// Reads one feature's values from a table, and nothing else.
///
/// # Errors
/// If there is no such file or feature, or it is not a feature table.
pub(crate) fn read_feature(path: &Path, feature: usize) -> anyhow::Result<Vec<f32>> {
    let (reader, layout) = open(path)?;
    let feature = layout.features.get(feature).context("there is no such feature")?;
    let mut all = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        all.extend(read_values(&*group, &feature.name).with_context(|| misplaced(path))?);
    }
    Ok(all)
}

/// Reads the class of each row and the products held, and nothing else.
///
/// # Errors
/// If there is no such file, or it is not a feature table.
pub(crate) fn read_labels(path: &Path) -> anyhow::Result<(Vec<usize>, Vec<ProductSet>)> {
    let (reader, layout) = open(path)?;
    let mut table = FeatureTable::empty(&Arc::new(layout));
    for group in 0..reader.num_row_groups() {
        table.read_labels_of_group(&*reader.get_row_group(group)?).with_context(|| misplaced(path))?;
    }
    Ok((table.labels, table.held))
}

/// Opens a table and reads what its columns are.
fn open(path: &Path) -> anyhow::Result<(SerializedFileReader<File>, Layout)> {
    let place = || misplaced(path);
    check_table(path)?;
    check_finished(path.parent().unwrap_or(Path::new(".")), "features")?;
    let file = File::open(path).with_context(place)?;
    let reader = undamaged(|| Ok(SerializedFileReader::new(file)?)).with_context(place)?;
    let metadata = reader.metadata().file_metadata().key_value_metadata();
    let layout = metadata
        .and_then(|entries| entries.iter().find(|entry| entry.key == METADATA)?.value.as_deref())
        .context("it says nothing about its schema and features")
        .with_context(place)?;
    let layout = serde_json::from_str(layout).with_context(place)?;
    Ok((reader, layout))
}

fn misplaced(path: &Path) -> String {
    format!("{}: is this the table that `nextbest features` writes?", path.display())
}

/// The values of a feature; NaN where there is none.
fn read_values(group: &dyn RowGroupReader, name: &str) -> anyhow::Result<Vec<f32>> {
    let (values, defined) = read_optional::<FloatType>(group, name)?;
    let mut values = values.into_iter();
    let value = |is_there: bool| if is_there { values.next().unwrap_or(f32::NAN) } else { f32::NAN };
    Ok(defined.into_iter().map(value).collect())
}

fn read_texts(group: &dyn RowGroupReader, name: &str) -> anyhow::Result<Vec<String>> {
    let values = read_column::<ByteArrayType>(group, name)?;
    values.iter().map(|value| Ok(value.as_utf8()?.to_owned())).collect()
}

fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().filter_map(|row| values.get(*row).cloned()).collect()
}

#[cfg(test)]
mod tests;
