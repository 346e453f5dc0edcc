//! Durations in config.yaml and arguments: `90`, `60s`, `5m`, `1h`.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// A duration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Time(pub Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let number_ends = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(number_ends);
        let seconds = match unit.trim() {
            "" | "s" => Some(1.0),
            "m" => Some(60.0),
            "h" => Some(3600.0),
            _ => None,
        };
        let time = seconds.zip(number.parse::<f64>().ok()).map(|(unit, number)| unit * number);
        time.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map(Self)
            .ok_or_else(|| format!("expected a length of time such as 90, 60s, 5m or 1h, got {text:?}"))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Seconds(f64),
            Text(String),
        }
        let written = match Written::deserialize(deserializer)? {
            Written::Seconds(seconds) => seconds.to_string(),
            Written::Text(text) => text,
        };
        written.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_minutes_and_hours() {
        for (text, seconds) in [("90", 90.0), ("0", 0.0), ("1.5s", 1.5), ("5m", 300.0), (" 1 h", 3600.0)] {
            assert_eq!(text.parse(), Ok(Time(Duration::from_secs_f64(seconds))), "{text}");
        }
        for text in ["", "s", "-1s", "5 days", "1e400", "1.2.3s", "NaN"] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }
}
