//! What the programs that wrote a Parquet file say of its columns beside their types: pandas which ones are
//! its index, Arrow which ones hold durations, for which Parquet has no type.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use parquet::file::metadata::FileMetaData;
use serde::Deserialize;

/// A kind of type in Arrow's schema.
const DURATION: u8 = 18;

/// The names of the columns that a remark is about.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    pub(super) index: Vec<String>,
    pub(super) durations: Vec<String>,
}

impl Remarks {
    /// Reads what a file's metadata say; what can't be read there says nothing.
    pub(super) fn of(metadata: &FileMetaData) -> Self {
        let entries = metadata.key_value_metadata().into_iter().flatten();
        let mut remarks = Self::default();
        for (key, value) in entries.filter_map(|entry| Some((entry.key.as_str(), entry.value.as_deref()?))) {
            match key {
                "pandas" => remarks.index = pandas_index(value).unwrap_or_default(),
                "ARROW:schema" => remarks.durations = arrow_durations(value).unwrap_or_default(),
                _ => {}
            }
        }
        remarks
    }
}

/// The columns that pandas made of a table's index. One that only counts rows is no column, but a few
/// numbers.
fn pandas_index(json: &str) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Pandas {
        index_columns: Vec<serde_json::Value>,
    }
    let pandas: Pandas = serde_json::from_str(json).ok()?;
    Some(pandas.index_columns.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect())
}

/// The columns that are durations in Arrow's schema, which is a message of Arrow's IPC format in base64.
fn arrow_durations(base64: &str) -> Option<Vec<String>> {
    let message = BASE64_STANDARD.decode(base64).ok()?;
    // A length stands before the message, and before that, today, four bytes of ones.
    let message = message.strip_prefix(&[0xFF; 4]).unwrap_or(&message).get(4..)?;
    let root = Table { bytes: message, start: unsigned(message, 0)? };
    let fields = root.table(2)?.reference(1)?;
    let mut durations = Vec::new();
    for number in 0..unsigned(message, fields)? {
        let at = fields.checked_add(4)?.checked_add(number.checked_mul(4)?)?;
        let field = Table { bytes: message, start: at.checked_add(unsigned(message, at)?)? };
        if field.field(2).and_then(|at| message.get(at)) == Some(&DURATION) {
            let name = field.reference(0)?;
            let (start, length) = (name.checked_add(4)?, unsigned(message, name)?);
            let name = message.get(start..start.checked_add(length)?)?;
            durations.push(std::str::from_utf8(name).ok()?.to_owned());
        }
    }
    Some(durations)
}

/// A table of a flatbuffer (<https://flatbuffers.dev/internals>).
struct Table<'a> {
    bytes: &'a [u8],
    start: usize,
}

impl<'a> Table<'a> {
    /// Where a field stands, if the table has it.
    fn field(&self, number: usize) -> Option<usize> {
        let back = i32::from_le_bytes(*self.bytes.get(self.start..)?.first_chunk()?);
        let offsets = self.start.checked_add_signed(-isize::try_from(back).ok()?)?;
        let short = |at: usize| Some(usize::from(u16::from_le_bytes(*self.bytes.get(at..)?.first_chunk()?)));
        let position = 4 + 2 * number;
        let offset = if position < short(offsets)? { short(offsets.checked_add(position)?)? } else { 0 };
        if offset > 0 { self.start.checked_add(offset) } else { None }
    }

    /// What a field points to.
    fn reference(&self, number: usize) -> Option<usize> {
        let at = self.field(number)?;
        at.checked_add(unsigned(self.bytes, at)?)
    }

    fn table(&self, number: usize) -> Option<Table<'a>> {
        Some(Table { bytes: self.bytes, start: self.reference(number)? })
    }
}

fn unsigned(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What pyarrow 25 writes for a table with the columns n (int64), wait (duration[us]) and late
    /// (duration[ns]).
    const SCHEMA: &str = "/////+AAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAMAAAB4AAAANAAAAAQAAACk////AAABEhAAAAAYAAAABAAAAAAAAAAEAAAAbGF0ZQAAAADW////AAADAND///8AAAESEAAAABwAAAAEAAAAAAAAAAQAAAB3YWl0AAAGAAgABgAGAAAAAAACABAAFAAIAAYABwAMAAAAEAAQAAAAAAABAhAAAAAcAAAABAAAAAAAAAABAAAAbgAAAAgADAAIAAcACAAAAAAAAAFAAAAAAAAAAA==";

    #[test]
    fn durations_are_found_in_arrows_schema() {
        assert_eq!(arrow_durations(SCHEMA), Some(vec!["wait".into(), "late".into()]));
        assert_eq!(arrow_durations("no base64!"), None);
    }

    #[test]
    fn a_damaged_schema_says_nothing_and_does_no_harm() {
        let bytes = BASE64_STANDARD.decode(SCHEMA).unwrap();
        for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let _ = arrow_durations(&BASE64_STANDARD.encode(&damaged));
            let _ = arrow_durations(&BASE64_STANDARD.encode(&damaged[..at]));
        }
    }

    #[test]
    fn an_index_that_counts_is_no_column() {
        let json =
            r#"{"index_columns": ["__index_level_0__", {"kind": "range", "start": 0}], "columns": []}"#;
        assert_eq!(pandas_index(json), Some(vec!["__index_level_0__".into()]));
        assert_eq!(pandas_index("{}"), None);
    }
}
