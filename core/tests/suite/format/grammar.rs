//! The grammar in the document, and a reader that follows it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::frame::take_apart;

const DOCUMENT: &str = include_str!("../../../../docs/FORMAT.md");

/// The grammar in the document: the definition of each name.
pub(super) struct Grammar(pub(super) BTreeMap<String, String>);

impl Grammar {
    pub(super) fn read() -> Self {
        let (_, rest) = DOCUMENT.split_once("```grammar\n").unwrap();
        let (grammar, _) = rest.split_once("```").unwrap();
        let lines = grammar.lines().filter(|line| !line.is_empty());
        let rule = |line: &str| {
            let at = line.find([':', '=']).unwrap();
            (line[..at].trim().to_owned(), line[at..].to_owned())
        };
        Self(lines.map(rule).collect())
    }
}

/// Reads values by the grammar, into the shape that serde gives the core's own types.
struct Reader<'a> {
    grammar: &'a Grammar,
    bytes: &'a [u8],
    /// The alternatives met so far.
    met: &'a mut BTreeSet<String>,
}

impl Reader<'_> {
    fn value(&mut self, kind: &str) -> Value {
        let kind = kind.trim();
        if let Some(some) = kind.strip_suffix('?') {
            return if self.byte() == 0 { Value::Null } else { self.value(some) };
        }
        if let Some(entry) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
            let count = self.integer();
            return (0..count).map(|_| self.value(entry)).collect();
        }
        if let Some(fields) = kind.strip_prefix('(').and_then(|kind| kind.strip_suffix(')')) {
            return fields.split(',').map(|field| self.value(field)).collect();
        }
        match kind {
            "bool" => json!(self.byte() == 1),
            "u8" => json!(self.byte()),
            "u16" | "u32" | "u64" => json!(self.integer()),
            "i32" | "i64" => {
                let number = self.integer();
                let half = (number / 2) as i64;
                json!(if number.is_multiple_of(2) { half } else { -half - 1 })
            }
            "f32" => json!(f32::from_le_bytes(self.take())),
            "f64" => json!(f64::from_le_bytes(self.take())),
            "text" => json!(std::str::from_utf8(self.bytes()).unwrap()),
            "bytes" => json!(self.bytes()),
            name => {
                let rule = &self.grammar.0[name];
                match rule.split_at(1) {
                    (":", body) if !body.contains(' ') || body.trim().starts_with(['[', '(']) => {
                        self.value(body)
                    }
                    (":", body) => self.fields(body),
                    (_, body) => self.choice(name, body),
                }
            }
        }
    }

    fn fields(&mut self, fields: &str) -> Value {
        let mut record = Map::new();
        for field in fields.split(',') {
            let (name, kind) = field.trim().split_once(' ').unwrap();
            record.insert(name.to_owned(), self.value(kind));
        }
        Value::Object(record)
    }

    fn choice(&mut self, rule: &str, alternatives: &str) -> Value {
        let number = self.integer().to_string();
        let alternatives =
            alternatives.split('|').map(|alternative| alternative.trim().split_once(' ').unwrap());
        let (_, alternative) = alternatives.clone().find(|(other, _)| *other == number).unwrap();
        let name_ends = alternative.find([' ', '(']).unwrap_or(alternative.len());
        let (name, content) = alternative.split_at(name_ends);
        self.met.insert(format!("{rule}.{name}"));
        match content.strip_prefix('(').and_then(|content| content.strip_suffix(')')) {
            Some(fields) => json!({ name: self.fields(fields) }),
            None if content.is_empty() => json!(name),
            None => json!({ name: self.value(content) }),
        }
    }

    fn integer(&mut self) -> u64 {
        match self.byte() {
            251 => u16::from_le_bytes(self.take()).into(),
            252 => u32::from_le_bytes(self.take()).into(),
            253 => u64::from_le_bytes(self.take()),
            small => small.into(),
        }
    }

    fn bytes(&mut self) -> &[u8] {
        let length = self.integer() as usize;
        let (bytes, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        bytes
    }

    fn byte(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.bytes.split_first_chunk().unwrap();
        self.bytes = rest;
        *head
    }
}

/// Every section by its tag, read by the document's grammar.
pub(super) fn read(grammar: &Grammar, bytes: &[u8], met: &mut BTreeSet<String>) -> BTreeMap<String, Value> {
    let sections = take_apart(bytes);
    let decode = |(tag, content): ([u8; 4], Vec<u8>)| {
        let tag = String::from_utf8(tag.to_vec()).unwrap();
        let mut reader = Reader { grammar, bytes: &content, met };
        let value = reader.value(&tag);
        assert!(reader.bytes.is_empty(), "{tag} is not used up");
        (tag, value)
    };
    sections.into_iter().map(decode).collect()
}
