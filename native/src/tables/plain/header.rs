//! Which character stands between a CSV file's values, and whether its first line names the columns.

use anyhow::bail;

/// So many bytes of a file are looked at,
pub(super) const SAMPLE: usize = 256 << 10;
/// and so many of their records.
const RECORDS: usize = 100;

/// What may stand between values; of equally good ones, the first is taken.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// The delimiter by which most of the first records have as many values as the header, which has several; of equally
/// good ones, the one that makes the most columns. A comma where there is none: a file may have one column.
///
/// # Errors
/// Where the beginning of a file is no text in UTF-8, or its first line does not give every column a name of its own.
pub(super) fn delimiter(start: &[u8]) -> anyhow::Result<u8> {
    let delimiter = sniff(start)?;
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(start);
    let names: Vec<String> = reader.headers()?.iter().map(|name| name.trim().to_owned()).collect();
    check_names(&names)?;
    Ok(delimiter)
}

fn sniff(start: &[u8]) -> anyhow::Result<u8> {
    if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
        bail!("is UTF-16: save it as UTF-8");
    }
    if start.contains(&0) {
        bail!("is neither CSV nor Parquet: there are bytes of zero in it");
    }
    let mut best = (0.0, 1, b',');
    for delimiter in DELIMITERS {
        let (agreeing, columns) = agreement(start, delimiter);
        if columns > 1 && (agreeing, columns) > (best.0, best.1) {
            best = (agreeing, columns, delimiter);
        }
    }
    Ok(best.2)
}

/// The share of the first records that have as many values as the header, and how many it has.
fn agreement(start: &[u8], delimiter: u8) -> (f64, usize) {
    let reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(start);
    let mut counts: Vec<usize> =
        reader.into_byte_records().take(RECORDS).map_while(Result::ok).map(|record| record.len()).collect();
    // The last record may go on behind the sample.
    if start.len() == SAMPLE && counts.len() > 2 {
        counts.pop();
    }
    let Some((header, records)) = counts.split_first() else { return (0.0, 0) };
    let agreeing = records.iter().filter(|count| *count == header).count();
    (if records.is_empty() { 1.0 } else { agreeing as f64 / records.len() as f64 }, *header)
}

/// Whether a column has a name that pandas gives to an index without one.
pub(super) fn is_index(name: &str) -> bool {
    let level = name.strip_prefix("__index_level_").and_then(|rest| rest.strip_suffix("__"));
    level.is_some_and(|level| !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Checks that every column has a name of its own.
///
/// # Errors
/// Names the first column that has not.
pub(super) fn check_names(names: &[String]) -> anyhow::Result<()> {
    for (position, name) in names.iter().enumerate() {
        if name.is_empty() {
            bail!("column {} has no name: the first line must name all columns", position + 1);
        }
        let earlier = names.iter().take(position).position(|other| other == name);
        if let Some(earlier) = earlier {
            bail!(
                "columns {} and {} are both called `{name}`: give one another name",
                earlier + 1,
                position + 1
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_found() {
        let cases = [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2,5\n", b';'),
            ("a;b;c\n\"x, y, z\";1,5;\"2\n, ;3\"\n", b';'),
            ("a\tb\n1,2\t3\n", b'\t'),
            ("a|b|c\r\n1|2|3\r\n", b'|'),
            ("\"last, first\";age\n\"Doe, J\";3\n\"Roe, R\";4\n", b';'),
            ("name,note\nx,\"a;b;c\"\ny,\"d;e;f\"\n", b','),
            ("only\n1\n2\n", b','),
            ("", b','),
            ("a,b;c\n1,2;3\n", b','),
        ];
        for (text, delimiter) in cases {
            assert_eq!(sniff(text.as_bytes()).unwrap() as char, delimiter as char, "{text:?}");
        }
    }

    #[test]
    fn one_ragged_line_misleads_no_one() {
        let mut text = "a;b;c\n".to_owned() + &"1,0;2;3\n".repeat(50);
        text.push_str("1,0;2\n");
        assert_eq!(sniff(text.as_bytes()).unwrap(), b';');
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(sniff(&[0xFF, 0xFE, b'a', 0]).unwrap_err().to_string().contains("UTF-16"));
        assert!(sniff(b"a,b\n\0").unwrap_err().to_string().contains("neither CSV nor Parquet"));
    }

    #[test]
    fn pandas_calls_an_index_without_a_name_so() {
        assert!(is_index("__index_level_0__") && is_index("__index_level_12__"));
        assert!(!is_index("index_level_0") && !is_index("__index_level___") && !is_index("id"));
    }

    #[test]
    fn names_are_there_and_differ() {
        let check = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            check_names(&names).map_err(|error| error.to_string())
        };
        assert_eq!(check(&["a", "A", "b"]), Ok(()));
        assert!(check(&["a", "", "b"]).unwrap_err().contains("column 2 has no name"));
        assert!(check(&["a", "b", "a"]).unwrap_err().contains("columns 1 and 3 are both called `a`"));
    }
}
