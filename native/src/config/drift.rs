//! A drift of the synthetic bank, in config.yaml and as an argument: `mean_shift=0.3@2026-01-01`.

use std::str::FromStr;

use nextbest_core::synth::DriftKind;
use serde::Deserialize;

/// A change of known size in the synthetic bank.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftConfig {
    /// Kind of drift.
    pub kind: DriftKind,
    /// Size, whose unit the kind defines.
    pub size: f64,
    /// First day of the drift; by default the first day of the data.
    #[serde(default)]
    pub from: Option<String>,
}

impl FromStr for DriftConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected KIND=SIZE or KIND=SIZE@DATE; there are {}", kinds());
        let (kind, rest) = text.split_once('=').ok_or_else(expected)?;
        let (size, from) = rest.split_once('@').map_or((rest, None), |(size, from)| (size, Some(from)));
        Ok(Self {
            kind: DriftKind::named(kind).ok_or_else(expected)?,
            size: size
                .parse()
                .map_err(|_| format!("{size:?} is not a size, which is a number; {}", expected()))?,
            from: from.map(ToOwned::to_owned),
        })
    }
}

/// Every kind with its sizes.
fn kinds() -> String {
    DriftKind::ALL.map(|kind| format!("{kind} ({})", kind.sizes())).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_is_a_kind_a_size_and_perhaps_a_day() {
        let drift =
            |kind, size, from: Option<&str>| Ok(DriftConfig { kind, size, from: from.map(Into::into) });
        assert_eq!("mean_shift=0.3".parse(), drift(DriftKind::MeanShift, 0.3, None));
        assert_eq!("scale=-5e-1".parse(), drift(DriftKind::Scale, -0.5, None));
        assert_eq!("label_shift=1@2026-01-01".parse(), drift(DriftKind::LabelShift, 1.0, Some("2026-01-01")));
        for nonsense in
            ["", "mean_shift", "mean=0.3", "=0.3", "scale=", "scale=x", "scale=@2026-01-01", "scale=1x"]
        {
            let error = nonsense.parse::<DriftConfig>().unwrap_err();
            assert!(error.contains("KIND=SIZE@DATE"), "{nonsense}: {error}");
            assert!(DriftKind::ALL.iter().all(|kind| error.contains(kind.name())), "{nonsense}: {error}");
            assert!(error.contains("label_shift (above -1, at most 9)"), "{nonsense}: {error}");
        }
    }
}
