//! Row filters in config.yaml: a list of conditions, some of them under `not`.

use std::fmt;

use anyhow::{Context, bail};
use nextbest_core::features::{Condition, RowFilter, Test};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::number_or_word::NumberOrWord;

/// A test of one column (exactly one of the tests is given), or a `not` alone.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConditionConfig {
    pub column: Option<String>,
    pub r#in: Option<Vec<String>>,
    pub not_in: Option<Vec<String>>,
    /// Equal to a number, or to one word.
    pub equals: Option<NumberOrWord>,
    pub below: Option<f64>,
    pub at_most: Option<f64>,
    pub above: Option<f64>,
    pub at_least: Option<f64>,
    /// Whether the value is missing (true) or present (false).
    pub missing: Option<bool>,
    /// Excludes rows for which all of these hold.
    pub not: Option<Group>,
}

/// One condition or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Group(pub Vec<ConditionConfig>);

/// Converts a list of conditions to a filter.
///
/// # Errors
/// If keys are missing or contradict each other.
pub(super) fn filter(entries: &[ConditionConfig]) -> anyhow::Result<RowFilter> {
    let mut filter = RowFilter::default();
    for entry in entries {
        match &entry.not {
            None => filter.conditions.push(entry.condition()?),
            Some(group) => {
                if entry.clone() != (ConditionConfig { not: entry.not.clone(), ..ConditionConfig::default() })
                {
                    bail!("not: no other key stands beside it; give the condition an entry of its own");
                }
                if group.0.is_empty() {
                    bail!("not: no condition is given");
                }
                let group = group.0.iter().map(ConditionConfig::condition).collect::<Result<_, _>>();
                filter.exclusions.push(group.context("not")?);
            }
        }
    }
    Ok(filter)
}

impl ConditionConfig {
    fn condition(&self) -> anyhow::Result<Condition> {
        if self.not.is_some() {
            bail!("not: one does not stand in another");
        }
        let column = self.column.clone().context("column: missing; a condition tests one")?;
        let test = self.one_test().with_context(|| format!("`{column}`"))?;
        Ok(Condition { column, test })
    }

    /// The test of a value other than a column.
    ///
    /// # Errors
    /// If a column is given, or not exactly one test.
    pub(super) fn test(&self) -> anyhow::Result<Test> {
        match (&self.column, &self.not) {
            (None, None) => self.one_test(),
            _ => bail!("give a test alone, without column and not"),
        }
    }

    fn one_test(&self) -> anyhow::Result<Test> {
        let tests = [
            self.r#in.clone().map(Test::In),
            self.not_in.clone().map(Test::NotIn),
            self.equals.clone().map(|equals| match equals {
                NumberOrWord::Number(number) => Test::Equals(number),
                NumberOrWord::Word(word) => Test::In(vec![word]),
            }),
            self.below.map(Test::Below),
            self.at_most.map(Test::AtMost),
            self.above.map(Test::Above),
            self.at_least.map(Test::AtLeast),
            self.missing.map(Test::Missing),
        ];
        let mut given = tests.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(test), None) => Ok(test),
            _ => bail!("give exactly one of in, not_in, equals, below, at_most, above, at_least and missing"),
        }
    }
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Group;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a condition or a list of conditions")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Group, A::Error> {
                ConditionConfig::deserialize(MapAccessDeserializer::new(map)).map(|one| Group(vec![one]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Group, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Group)
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> RowFilter {
        let entries: Vec<ConditionConfig> = serde_saphyr::from_str(text).unwrap();
        filter(&entries).unwrap()
    }

    fn condition(column: &str, test: Test) -> Condition {
        Condition { column: column.into(), test }
    }

    #[test]
    fn entries_are_conditions_or_exclusions() {
        let parsed = parse(
            "[{column: a, equals: 1}, {column: b, equals: SALARY}, {column: b, equals: '1'}, \
             {not: {column: c, below: -2.5}}, {not: [{column: a, missing: true}, {column: d, not_in: [x, y]}]}]",
        );
        let word = |word: &str| Test::In(vec![word.into()]);
        let expected = RowFilter {
            conditions: vec![
                condition("a", Test::Equals(1.0)),
                condition("b", word("SALARY")),
                condition("b", word("1")),
            ],
            exclusions: vec![
                vec![condition("c", Test::Below(-2.5))],
                vec![
                    condition("a", Test::Missing(true)),
                    condition("d", Test::NotIn(vec!["x".into(), "y".into()])),
                ],
            ],
        };
        assert_eq!(parsed, expected);
    }
}
