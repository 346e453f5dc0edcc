//! The `meta.yaml` files: flat maps.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde_json::Value;

/// What a `meta.yaml` says.
pub(super) struct Meta(pub(super) Value);

impl Meta {
    /// Reads one, of ours or of MLflow's.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let place = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(place)?;
        let value = serde_saphyr::from_str(&text).map_err(|error| anyhow!("{error}")).with_context(place)?;
        Ok(Self(value))
    }

    /// As the file has it: a line a field, its value as JSON, which is YAML too but for characters that YAML
    /// does not take as they are.
    pub(super) fn to_text(&self) -> String {
        let fields = self.0.as_object().into_iter().flatten();
        let lines: String = fields.map(|(key, value)| format!("{key}: {value}\n")).collect();
        let mut text = String::with_capacity(lines.len());
        for character in lines.chars() {
            match character {
                '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                    text += &format!("\\u{:04x}", u32::from(character));
                }
                _ => text.push(character),
            }
        }
        text
    }

    /// The same with another value.
    pub(super) fn with(mut self, key: &str, value: Value) -> Self {
        if let Some(fields) = self.0.as_object_mut() {
            fields.insert(key.to_owned(), value);
        }
        self
    }

    /// A field as text, which a number is too: MLflow writes ids in both ways.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        match self.0.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A field as a whole number.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.text(key)?.parse().ok()
    }
}

/// 32 hexadecimal digits that nobody had before.
pub(in crate::mlflow) fn random_hex() -> anyhow::Result<String> {
    Ok(random::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// So many decimal digits, of which the first is no 0.
pub(super) fn random_digits(count: usize) -> anyhow::Result<String> {
    let bytes = random::<64>()?;
    let digit = |(position, byte): (usize, &u8)| match position {
        0 => 1 + byte % 9,
        _ => byte % 10,
    };
    Ok(bytes.iter().enumerate().take(count).map(digit).map(|digit| char::from(b'0' + digit)).collect())
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no randomness: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_again_and_is_yaml_to_others(name in any::<String>(), number in any::<u64>()) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("meta.yaml");
            let meta = json!({"name": name, "time": number, "none": null});
            let text = Meta(meta.clone()).to_text();
            // What YAML 1.1 lets stand between quotation marks, and takes for no end of a line.
            let printable = |it: char| {
                matches!(it, '\n' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
                    || it > '\u{ffff}'
            };
            prop_assert!(text.chars().all(printable), "{:?}", text);
            std::fs::write(&path, text).unwrap();
            prop_assert_eq!(Meta::read(&path).unwrap().0, meta);
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_so_is_what_mlflow_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.yaml");
        let meta = json!({"name": "a: \"b\" # \
            c\nä", "experiment_id": "1000", "tags": [], "end_time": null, "status": 3});
        std::fs::write(&path, Meta(meta.clone()).to_text()).unwrap();
        assert_eq!(Meta::read(&path).unwrap().0, meta);
        let theirs = "aliases:\n  production: 1\ncreation_timestamp: 1795395190903\nname: bank\nversion: \
            '12'\ndescription: ''\n";
        std::fs::write(&path, theirs).unwrap();
        let meta = Meta::read(&path).unwrap();
        assert_eq!(
            (meta.number("version"), meta.number("creation_timestamp")),
            (Some(12), Some(1_795_395_190_903))
        );
        assert_eq!(meta.text("description"), Some(String::new()));
        std::fs::write(&path, "name: [").unwrap();
        let error = format!("{:#}", Meta::read(&path).err().unwrap());
        assert!(error.contains("meta.yaml"), "{error}");
    }

    #[test]
    fn ids_are_digits() {
        let id = random_digits(18).unwrap();
        assert!(
            id.len() == 18 && !id.starts_with('0') && id.bytes().all(|byte| byte.is_ascii_digit()),
            "{id}"
        );
        assert_ne!(random_hex().unwrap(), random_hex().unwrap());
    }
}
