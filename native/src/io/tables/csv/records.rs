//! The grammar of CSV: records of cells.
//!
//! It is the one that Python's `csv` module reads files with: CR, LF and CRLF each end a record outside of
//! quoted cells; a quotation mark opens a quoted cell only where a cell begins, and is a character like
//! others behind that; inside, two marks are one, and spaces behind the closing mark are nothing. Where
//! Python reads on with a guess (text behind a closing mark, a mark that is never closed, a mark behind
//! spaces), cells and records end where they do there, but the record has a [`Flaw`].

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Reads one record after the other from a text that begins with one.
pub(super) struct Records<'t> {
    text: &'t [u8],
    delimiter: u8,
    at: usize,
    /// The line on which the next record begins.
    line: u64,
}

/// A record. Its cells stand elsewhere, so that they need not be allocated for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    /// The line on which it begins.
    pub(super) line: u64,
    /// Whether nothing at all stands there, no quotation mark either.
    pub(super) is_blank: bool,
    /// The first thing that is wrong with its quotation marks.
    pub(super) flaw: Option<Flaw>,
}

/// What is wrong with the quotation marks of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A cell begins with spaces and a mark, and others would read that as quoted.
    SpaceBefore,
    /// Text stands behind the mark that closes a cell.
    TextBehind { opened: u64, closed: u64 },
    /// A mark is never closed.
    NeverClosed { opened: u64 },
}

/// Where a cell stands in its text.
pub(super) struct Cell {
    range: Range<usize>,
    has_doubled_marks: bool,
}

impl<'t> Records<'t> {
    /// Of a text that begins with a record, on some line.
    pub(super) fn new(text: &'t [u8], delimiter: u8, line: u64) -> Self {
        Self { text, delimiter, at: 0, line }
    }

    /// Reads the next record into `cells`.
    pub(super) fn next(&mut self, cells: &mut Vec<Cell>) -> Option<Record> {
        cells.clear();
        let start = self.at;
        if start >= self.text.len() {
            return None;
        }
        let mut record = Record { line: self.line, is_blank: false, flaw: None };
        loop {
            let is_quoted = self.text.get(self.at) == Some(&b'"');
            cells.push(if is_quoted { self.quoted(&mut record) } else { self.plain(&mut record) });
            match self.text.get(self.at) {
                Some(byte) if *byte == self.delimiter => self.at += 1,
                _ => break,
            }
        }
        record.is_blank = self.at == start;
        self.pass_line_end();
        Some(record)
    }

    /// How far the text was read, and the line there.
    pub(super) fn position(&self) -> (usize, u64) {
        (self.at, self.line)
    }

    fn plain(&mut self, record: &mut Record) -> Cell {
        let start = self.at;
        self.pass_plain_text();
        let cell = Cell { range: start..self.at, has_doubled_marks: false };
        let text = cell.raw(self.text);
        if is_space(text.first()) && text.trim_ascii_start().first() == Some(&b'"') {
            record.flaw.get_or_insert(Flaw::SpaceBefore);
        }
        cell
    }

    fn quoted(&mut self, record: &mut Record) -> Cell {
        let (start, opened) = (self.at + 1, self.line);
        let closing = closing_mark(self.text, start);
        let end = closing.end.unwrap_or(self.text.len());
        let cell = Cell { range: start..end, has_doubled_marks: closing.has_doubled_marks };
        self.line += closing.line_ends;
        if closing.end.is_none() {
            self.at = end;
            record.flaw.get_or_insert(Flaw::NeverClosed { opened });
            return cell;
        }
        self.at = end + 1;
        self.pass_plain_text();
        let behind = self.text.get(end + 1..self.at).unwrap_or_default();
        if !behind.iter().all(|byte| is_space(Some(byte))) {
            record.flaw.get_or_insert(Flaw::TextBehind { opened, closed: self.line });
        }
        cell
    }

    fn pass_plain_text(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| *byte == self.delimiter || *byte == b'\n' || *byte == b'\r';
        self.at += rest.iter().position(ends).unwrap_or(rest.len());
    }

    fn pass_line_end(&mut self) {
        let ends = (self.text.get(self.at), self.text.get(self.at + 1));
        let bytes = match ends {
            (None, _) => return,
            (Some(b'\r'), Some(b'\n')) => 2,
            _ => 1,
        };
        self.at += bytes;
        self.line += 1;
    }
}

impl Cell {
    /// What stands in the cell.
    pub(super) fn text<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        match self.has_doubled_marks {
            true => Cow::Owned(self.pieces(text).collect::<Vec<_>>().concat()),
            false => Cow::Borrowed(self.raw(text)),
        }
    }

    /// The same piece by piece: one of two marks is left out.
    pub(super) fn pieces<'t>(&self, text: &'t [u8]) -> impl Iterator<Item = &'t [u8]> + use<'t> {
        let (mut rest, has_doubled_marks) = (Some(self.raw(text)), self.has_doubled_marks);
        std::iter::from_fn(move || {
            let whole = rest.take()?;
            let mark = has_doubled_marks.then(|| memchr::memchr(b'"', whole)).flatten();
            let Some((piece, behind)) = mark.and_then(|mark| whole.split_at_checked(mark + 1)) else {
                return Some(whole);
            };
            rest = behind.get(1..);
            Some(piece)
        })
    }

    fn raw<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        text.get(self.range.clone()).unwrap_or_default()
    }
}

impl Flaw {
    /// Whether the record may have taken in rows behind its own, so that leaving it out would leave out more
    /// than one.
    pub(super) fn takes_more_lines(self) -> bool {
        match self {
            Flaw::SpaceBefore => false,
            Flaw::TextBehind { opened, closed } => opened != closed,
            Flaw::NeverClosed { .. } => true,
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::SpaceBefore => f.write_str(
                "a cell begins with a space and a quotation mark: leave the \
                space out",
            ),
            Flaw::TextBehind { opened, closed } if opened == closed => f.write_str(
                "text stands behind a closing quotation mark: a mark inside of a quoted cell is \
                    written twice",
            ),
            Flaw::TextBehind { opened, closed } => write!(
                f,
                "the quotation mark that opens on line {opened} is closed on line {closed}, and text stands \
                 behind that: is the \
                 first one a stray mark?"
            ),
            Flaw::NeverClosed { opened } => {
                write!(f, "the quotation mark that opens on line {opened} is never closed")
            }
        }
    }
}

/// Where a quoted cell ends.
struct Closing {
    /// The position of its closing mark.
    end: Option<usize>,
    has_doubled_marks: bool,
    /// How many lines end in the cell.
    line_ends: u64,
}

/// Looks for the closing mark of a quoted cell, from behind its opening mark.
fn closing_mark(text: &[u8], mut from: usize) -> Closing {
    let mut closing = Closing { end: None, has_doubled_marks: false, line_ends: 0 };
    let ends = |byte: &u8| *byte == b'"' || is_line_end(Some(byte));
    while let Some(found) = text.get(from..).and_then(|rest| rest.iter().position(ends)) {
        let position = from + found;
        from = position + 1;
        match (text.get(position), text.get(from)) {
            // The LF behind it is counted.
            (Some(b'\r'), Some(b'\n')) => {}
            (Some(b'\r' | b'\n'), _) => closing.line_ends += 1,
            (_, Some(b'"')) => {
                closing.has_doubled_marks = true;
                from += 1;
            }
            _ => {
                closing.end = Some(position);
                break;
            }
        }
    }
    closing
}

/// The position behind the last record that surely ends within a text, for a text that begins with a record.
/// Blank lines behind that belong to what follows, and so does a CR at the very end, which may be half of a
/// CRLF.
pub(super) fn end_of_last_record(text: &[u8], delimiter: u8) -> Option<usize> {
    // What lies between quotation marks, outside of quoted cells.
    let mut outside = Vec::new();
    let mut from = 0;
    while let Some(rest) = text.get(from..) {
        let mark = memchr::memchr(b'"', rest).map_or(text.len(), |mark| from + mark);
        outside.push(from..mark);
        let before = mark.checked_sub(1).and_then(|before| text.get(before));
        let opens = before.is_none() || before == Some(&delimiter) || is_line_end(before);
        from = match opens {
            true => closing_mark(text, mark + 1).end.map_or(usize::MAX, |end| end + 1),
            false => mark + 1,
        };
    }
    outside.into_iter().rev().find_map(|part| end_of_last_line(text, part))
}

/// The position behind the last line that ends within a part of a text and is not blank. Before the part
/// stands nothing, or a quotation mark.
fn end_of_last_line(text: &[u8], part: Range<usize>) -> Option<usize> {
    let is_half = part.end == text.len() && text.last() == Some(&b'\r');
    let whole = text.get(part.start..part.end - usize::from(is_half))?;
    let lines = text.get(..part.start + memchr::memrchr2(b'\n', b'\r', whole)?)?;
    let end = lines.iter().rposition(|byte| !is_line_end(Some(byte)))? + 1;
    Some(end + if text.get(end..)?.starts_with(b"\r\n") { 2 } else { 1 })
}

/// How many lines end in a text; a CRLF is one end.
pub(super) fn line_ends(text: &[u8]) -> u64 {
    let is_alone = |position: &usize| text.get(position + 1) != Some(&b'\n');
    let lone_returns = memchr::memchr_iter(b'\r', text).filter(is_alone).count();
    (memchr::memchr_iter(b'\n', text).count() + lone_returns) as u64
}

pub(super) fn is_line_end(byte: Option<&u8>) -> bool {
    matches!(byte, Some(b'\n' | b'\r'))
}

fn is_space(byte: Option<&u8>) -> bool {
    matches!(byte, Some(b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (u64, Vec<String>, Option<Flaw>);

    fn read(text: &str) -> Vec<Read> {
        let mut records = Records::new(text.as_bytes(), b',', 1);
        let mut cells = Vec::new();
        let mut read = Vec::new();
        while let Some(record) = records.next(&mut cells) {
            let texts =
                cells.iter().map(|cell| String::from_utf8(cell.text(text.as_bytes()).into_owned()).unwrap());
            read.push((record.line, texts.collect(), record.flaw));
        }
        read
    }

    #[test]
    fn marks_quote_only_where_a_cell_begins() {
        let row =
            |line, cells: &[&str], flaw| (line, cells.iter().map(|it| (*it).to_owned()).collect(), flaw);
        assert_eq!(
            read("15\" screen,a\nb,\"x\ny\",\r\n\nz"),
            [
                row(1, &["15\" screen", "a"], None),
                row(2, &["b", "x\ny", ""], None),
                row(4, &[""], None),
                row(5, &["z"], None),
            ]
        );
        assert_eq!(read("\"a \"\"b\"\"\" ,\"\",\"\"\"\"\r"), [row(1, &["a \"b\"", "", "\""], None)]);
        assert_eq!(read("a, \"b\"\n"), [row(1, &["a", " \"b\""], Some(Flaw::SpaceBefore))]);
        let behind = Flaw::TextBehind { opened: 2, closed: 2 };
        assert_eq!(read("a\n\"b\"c\"d,e\n")[1], row(2, &["b", "e"], Some(behind)));
        let stray = Flaw::TextBehind { opened: 1, closed: 3 };
        assert_eq!(read("\"15 in,a\n1,2\nx,\"y\"\n"), [row(1, &["15 in,a\n1,2\nx,"], Some(stray))]);
        assert_eq!(
            read("a\nb,\"c\n\n"),
            [row(1, &["a"], None), row(2, &["b", "c\n\n"], Some(Flaw::NeverClosed { opened: 2 })),]
        );
    }

    #[test]
    fn texts_are_cut_behind_records() {
        let cut = |text: &str| end_of_last_record(text.as_bytes(), b',');
        let cases = [
            ("a,b\nc,d", Some(4)),
            ("a,b", None),
            ("a,\"x\ny\"\nc,\"d\ne", Some(8)),
            ("\"a\"\"\n\"", None),
            // A stray mark quotes nothing.
            ("15\" a\n\"b\nc\"\nd", Some(12)),
            ("a\" \"\nb", Some(5)),
            // Blank lines go with what follows, and half a CRLF ends nothing.
            ("a\n\n\n", Some(2)),
            ("\n\n", None),
            ("a\r\n\r\n", Some(3)),
            ("a\rb\r", Some(2)),
            ("a\r", None),
            ("\"a\"\r\n\r\n\r", Some(5)),
            ("\"a\"\rb\r", Some(4)),
            ("\"\"\n\n\"", Some(3)),
        ];
        for (text, end) in cases {
            assert_eq!(cut(text), end, "{text:?}");
        }
        assert_eq!([line_ends(b""), line_ends(b"a\r\nb\rc\n\r\r\n")], [0, 5]);
    }
}
