//! A number of bytes as people write it: `120000`, `100KB`, `0.1 MB`, `64KiB`.

use std::str::FromStr;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub usize);

/// More than any bundle has.
const MOST: f64 = 1e12;

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let number_ends = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(number_ends);
        let unit = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => Some(1.0),
            "k" | "kb" => Some(1e3),
            "m" | "mb" => Some(1e6),
            "kib" => Some(1024.0),
            "mib" => Some(1024.0 * 1024.0),
            _ => None,
        };
        let bytes = unit.zip(number.parse::<f64>().ok()).map(|(unit, number)| (unit * number).floor());
        bytes.filter(|bytes| (1.0..MOST).contains(bytes)).map(|bytes| Self(bytes as usize)).ok_or_else(|| {
            format!("expected a number of bytes such as 120000, 100KB, 0.1MB or 64KiB, got {text:?}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_with_and_without_units() {
        for (text, bytes) in [
            ("120000", 120_000),
            ("100KB", 100_000),
            ("100kB", 100_000),
            ("100k", 100_000),
            ("0.1MB", 100_000),
            ("64KiB", 65_536),
            ("1 MiB", 1_048_576),
            (" 7 b ", 7),
            ("1.5k", 1_500),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "KB", "0", "0.0001kB", "-1KB", "100 apples", "1e400", "1.2.3k", "NaN", "100GB0"] {
            assert!(text.parse::<Size>().unwrap_err().contains("64KiB"), "{text}");
        }
    }
}
