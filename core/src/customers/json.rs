//! JSON as a tree of values that borrows from the text.
//!
//! A reader of our own, because programs write more than JSON has, and nothing may change on the way. Numbers
//! stay as they are written until they are needed (an id of 20 digits keeps them), half a surrogate pair
//! becomes a text equal to no other, and `NaN` and `Infinity`, which Python writes, are read as numbers. The
//! JavaScript package also writes values that JSON can't represent, as `!` and a description (`!"a Map"`), so
//! that they are refused where they are read.

use core::fmt;
use std::borrow::Cow;

use crate::Error;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'j> {
    /// Null.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number as written, including `NaN`, `Infinity` and `-Infinity`.
    Number(&'j str),
    /// A text.
    Text(Cow<'j, str>),
    /// A text that contains half of a surrogate pair: equal to no other.
    HalfText(String),
    /// Values in order.
    List(Vec<Value<'j>>),
    /// Values by name, in order.
    Object(Vec<(Cow<'j, str>, Value<'j>)>),
    /// A list or object nested deeper than was asked for, as written and not yet parsed.
    Written(&'j str),
    /// A value that JSON can't represent: its description.
    Other(Cow<'j, str>),
}

impl<'j> Value<'j> {
    /// Parses a text; lists and objects are taken apart `depth` levels deep. The stack depth does not grow
    /// with the text's.
    ///
    /// # Errors
    /// [`Error::Json`] with the position at which the text is not JSON.
    pub fn parse(text: &'j str, depth: usize) -> Result<Self, Error> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(depth)?;
        match reader.next() {
            None => Ok(value),
            Some(_) => Err(reader.wrong("the end")),
        }
    }

    /// The value under a name in an object; the last of several, as in JavaScript.
    pub fn field(&self, name: &str) -> Option<&Value<'j>> {
        match self {
            Value::Object(fields) => {
                fields.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The number as a double; `None` for other values.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(written) => written.parse().ok(),
            _ => None,
        }
    }

    /// The digits of an integer. `None` for integers from 2⁵³ on that are written with a fraction or an
    /// exponent: they may have lost digits as a double.
    pub fn digits(&self) -> Option<Cow<'j, str>> {
        let Value::Number(written) = *self else { return None };
        if !written.contains(['.', 'e', 'E', 'N', 'I']) {
            return Some(Cow::Borrowed(written));
        }
        let number = self.number().filter(|number| number.fract() == 0.0 && number.abs() < EXACT)?;
        Some(Cow::Owned((number as i64).to_string()))
    }
}

/// 2⁵³: from here on, not every integer is a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Number(written) => match self.number() {
                Some(f64::INFINITY) => f.write_str("Infinity"),
                Some(f64::NEG_INFINITY) => f.write_str("-Infinity"),
                Some(number) if self.digits().is_none() => write!(f, "{number}"),
                _ => f.write_str(written),
            },
            Value::Text(text) => write!(f, "{text:?}"),
            Value::HalfText(text) => write!(f, "{text:?}, which has half of a surrogate pair"),
            Value::List(_) => f.write_str("a list"),
            Value::Object(_) => f.write_str("an object"),
            Value::Written(written) => {
                f.write_str(if written.starts_with('[') { "a list" } else { "an object" })
            }
            Value::Other(what) => f.write_str(what),
        }
    }
}

struct Reader<'j> {
    text: &'j str,
    at: usize,
}

impl<'j> Reader<'j> {
    fn value(&mut self, depth: usize) -> Result<Value<'j>, Error> {
        let start = self.start();
        match self.next() {
            Some(b'{' | b'[') if depth == 0 => {
                self.pass_over()?;
                Ok(Value::Written(self.since(start)?))
            }
            Some(b'{') => self.object(depth - 1),
            Some(b'[') => self.list(depth - 1),
            Some(b'"') => Ok(match self.string()? {
                (text, true) => Value::Text(text),
                (text, false) => Value::HalfText(text.into_owned()),
            }),
            Some(b'!') => {
                self.at += 1;
                match self.byte() {
                    Some(b'"') => Ok(Value::Other(self.string()?.0)),
                    _ => Err(self.wrong("what has no JSON")),
                }
            }
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => self.number(),
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            _ => Err(self.wrong("a value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'j>, Error> {
        let mut fields = Vec::new();
        self.at += 1;
        if self.takes(b'}') {
            return Ok(Value::Object(fields));
        }
        loop {
            if self.next() != Some(b'"') {
                return Err(self.wrong("a name"));
            }
            let (name, _) = self.string()?;
            if !self.takes(b':') {
                return Err(self.wrong("a colon"));
            }
            fields.push((name, self.value(depth)?));
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.wrong("a comma or the object's end")),
            }
        }
        self.at += 1;
        Ok(Value::Object(fields))
    }

    fn list(&mut self, depth: usize) -> Result<Value<'j>, Error> {
        let mut items = Vec::new();
        self.at += 1;
        if self.takes(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.wrong("a comma or the list's end")),
            }
        }
        self.at += 1;
        Ok(Value::List(items))
    }

    /// Skips a list or an object, looking only at its brackets and strings.
    fn pass_over(&mut self) -> Result<(), Error> {
        let mut open = 0;
        loop {
            match self.next() {
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(b'{' | b'[') => open += 1,
                Some(b'}' | b']') => open -= 1,
                Some(_) => {}
                None => return Err(self.wrong("a bracket")),
            }
            self.at += 1;
            if open == 0 {
                return Ok(());
            }
        }
    }

    /// A string from its quotation mark on, and whether it is free of half surrogate pairs.
    fn string(&mut self) -> Result<(Cow<'j, str>, bool), Error> {
        self.at += 1;
        let mut read = String::new();
        let mut is_whole = true;
        let mut start = self.at;
        loop {
            match self.byte() {
                Some(b'"') => {
                    let rest = self.since(start)?;
                    self.at += 1;
                    if read.is_empty() {
                        return Ok((Cow::Borrowed(rest), is_whole));
                    }
                    read.push_str(rest);
                    return Ok((Cow::Owned(read), is_whole));
                }
                Some(b'\\') => {
                    read.push_str(self.since(start)?);
                    match self.escaped()? {
                        Some(character) => read.push(character),
                        None => {
                            is_whole = false;
                            read.push(char::REPLACEMENT_CHARACTER);
                        }
                    }
                    start = self.at;
                }
                Some(0..0x20) => return Err(self.wrong("a string without control characters")),
                Some(_) => self.at += 1,
                None => return Err(self.wrong("the end of a string")),
            }
        }
    }

    /// The character after a backslash; `None` for half of a surrogate pair.
    fn escaped(&mut self) -> Result<Option<char>, Error> {
        self.at += 1;
        let escape = self.byte();
        self.at += 1;
        Ok(Some(match escape {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unit = self.hexadecimal()?;
                let second = || self.text.get(self.at..)?.strip_prefix("\\u")?.get(..4);
                let low = second().and_then(|digits| u16::from_str_radix(digits, 16).ok());
                let pair = [unit, low.unwrap_or_default()];
                return Ok(match char::decode_utf16(pair).next() {
                    Some(Ok(character)) => {
                        self.at += if character.len_utf16() == 2 { 6 } else { 0 };
                        Some(character)
                    }
                    _ => None,
                });
            }
            _ => return Err(self.wrong("an escape that JSON has")),
        }))
    }

    fn hexadecimal(&mut self) -> Result<u16, Error> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.wrong("four hexadecimal digits"))?;
        self.at += 4;
        Ok(unit)
    }

    fn number(&mut self) -> Result<Value<'j>, Error> {
        let start = self.at;
        let minus = usize::from(self.byte() == Some(b'-'));
        for (name, sign) in [("NaN", 0), ("Infinity", minus)] {
            let end = start + sign + name.len();
            if self.text.get(start + sign..end) == Some(name) {
                self.at = end;
                return Ok(Value::Number(self.since(start)?));
            }
        }
        self.at += minus;
        let leading_zero = self.byte() == Some(b'0');
        let whole = self.digits();
        let mut is_number = whole == 1 || (whole > 1 && !leading_zero);
        if self.byte() == Some(b'.') {
            self.at += 1;
            is_number &= self.digits() > 0;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            is_number &= self.digits() > 0;
        }
        match is_number {
            true => Ok(Value::Number(self.since(start)?)),
            false => Err(self.wrong("a number")),
        }
    }

    /// Skips digits and counts them.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self, word: &str, value: Value<'j>) -> Result<Value<'j>, Error> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.wrong(word));
        }
        self.at += word.len();
        Ok(value)
    }

    /// Skips white space, then consumes `byte` if it comes next.
    fn takes(&mut self, byte: u8) -> bool {
        let is_there = self.next() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    /// Skips white space and returns the byte after it.
    fn next(&mut self) -> Option<u8> {
        self.start();
        self.byte()
    }

    /// Skips white space and returns the position after it.
    fn start(&mut self) -> usize {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        self.at
    }

    /// The text from an earlier position to this one.
    fn since(&self, start: usize) -> Result<&'j str, Error> {
        self.text.get(start..self.at).ok_or_else(|| self.wrong("whole characters"))
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn wrong(&self, expected: &str) -> Error {
        let (mut line, mut column) = (1, 1);
        let at = self.text.floor_char_boundary(self.at);
        for (_, character) in self.text.char_indices().take_while(|(place, _)| *place < at) {
            (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        Error::Json(format!("expected {expected} at line {line}, column {column}"))
    }
}

#[cfg(test)]
mod tests;
