//! The bank's clock: the local time that it shows at an instant.
//!
//! Time zone offsets come from a database that changes several times a year and differs between machines. So
//! the bank's zone is looked up once, natively, and travels with the schema as the moments at which its
//! offset changes. Wherever the schema is, the same instant reads as the same local time.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{END, Moment, START, read};
use crate::Error;
use crate::decode::bounded::at_most;
use crate::names::MAX_NAME;

/// The most changes of a clock.
pub const MAX_CHANGES: usize = 2048;
/// The largest offset from UTC, in seconds; real zones stay within 16 hours.
const TOO_FAR: i32 = 26 * 3600;
/// The local times that text can express.
const WRITABLE: core::ops::Range<i64> = START..END;

/// A clock. An instant has exactly one local time; a local time may belong to two instants, where the clock
/// is put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    /// The name of its zone in the IANA database: `Europe/Prague`.
    pub zone: String,
    /// Its offset from UTC before its first change, in seconds (positive is ahead).
    pub offset: i32,
    /// The changes of its offset, the first first.
    #[serde(serialize_with = "as_steps", deserialize_with = "from_steps")]
    pub changes: Vec<Change>,
}

/// A change of a clock's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When: seconds since 1970-01-01 00:00 UTC. Encoded as seconds since the change before: these repeat
    /// from year to year, and so compress to almost nothing.
    #[serde(rename = "after")]
    pub at: i64,
    /// The offset from UTC from then on, in seconds.
    pub offset: i32,
}

impl Default for Clock {
    fn default() -> Self {
        Self { zone: "UTC".into(), offset: 0, changes: Vec::new() }
    }
}

impl Clock {
    /// The local time at an instant: maps seconds since 1970-01-01 00:00 UTC to seconds since the clock
    /// showed 1970-01-01 00:00.
    pub fn local(&self, instant: i64) -> i64 {
        let passed = self.changes.partition_point(|change| change.at <= instant);
        let last = passed.checked_sub(1).and_then(|position| self.changes.get(position));
        instant.saturating_add(last.map_or(self.offset, |change| change.offset).into())
    }

    /// The first instant at which the clock shows a local time; for times that it skips, that of the
    /// following time.
    pub fn instant(&self, time: i64) -> i64 {
        let first = (i64::MIN, self.offset);
        let periods =
            core::iter::once(first).chain(self.changes.iter().map(|change| (change.at, change.offset)));
        let ends = self.changes.iter().map(|change| change.at).chain([i64::MAX]);
        let found = periods.zip(ends).find_map(|((start, offset), end)| {
            let instant = time.saturating_sub(offset.into()).max(start);
            (instant < end).then_some(instant)
        });
        found.unwrap_or(i64::MAX)
    }

    /// Reads a time as [`read`] does. A text without a zone is a local time of this clock, one with a zone is
    /// an instant.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::time::{Clock, parse};
    ///
    /// let clock = Clock { zone: "Africa/Algiers".into(), offset: 3600, changes: Vec::new() };
    /// assert_eq!(clock.read("2026-01-01 12:00"), parse("2026-01-01 12:00"));
    /// assert_eq!(clock.read("2026-01-01T12:00Z"), parse("2026-01-01 13:00"));
    /// ```
    pub fn read(&self, text: &str) -> Option<i64> {
        match read(text)? {
            Moment::Local(time) => Some(time),
            Moment::Instant(instant) => Some(self.local(instant)).filter(|time| WRITABLE.contains(time)),
        }
    }

    /// Reads the moment of a question as [`Clock::read`] does, except for an instant in the hour that the
    /// clock repeats: that reads as the end of the hour. So nothing written down before it, such as an
    /// objection of ten minutes ago, seems to lie in the future.
    pub fn as_of(&self, text: &str) -> Option<i64> {
        let Moment::Instant(instant) = read(text)? else { return self.read(text) };
        let mut offset = self.offset;
        let passed = self.changes.iter().take_while(|change| change.at <= instant);
        // It has shown everything up to the time at which it was put back.
        let shown = passed
            .map(|change| change.at.saturating_add(core::mem::replace(&mut offset, change.offset).into()));
        shown.chain([self.local(instant)]).max().filter(|time| WRITABLE.contains(time))
    }

    /// Checks what a bisection relies on, and plausible limits.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let invalid = |what: String| Err(Error::Schema(format!("the clock: {what}")));
        if self.zone.is_empty() || self.zone.len() > MAX_NAME {
            return invalid(format!("its zone's name has {} bytes, not 1 to {MAX_NAME}", self.zone.len()));
        }
        if !self.changes.is_sorted_by(|earlier, later| earlier.at < later.at) {
            return invalid("its changes are not in order".into());
        }
        let offsets = self.changes.iter().map(|change| change.offset);
        match core::iter::once(self.offset)
            .chain(offsets)
            .find(|offset| offset.unsigned_abs() > TOO_FAR as u32)
        {
            Some(offset) => {
                invalid(format!("it is {offset} seconds ahead of UTC, more than a day and two hours"))
            }
            None => Ok(()),
        }
    }
}

fn as_steps<S: Serializer>(changes: &[Change], serializer: S) -> Result<S::Ok, S::Error> {
    let mut before = 0i64;
    serializer.collect_seq(changes.iter().map(|change| {
        let step = change.at.wrapping_sub(before);
        before = change.at;
        Change { at: step, offset: change.offset }
    }))
}

fn from_steps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Change>, D::Error> {
    let mut changes: Vec<Change> = at_most::<MAX_CHANGES, _, _>(deserializer)?;
    let mut before = 0i64;
    for change in &mut changes {
        // A sum that wraps round is out of order, and refused for that.
        before = before.wrapping_add(change.at);
        change.at = before;
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{format, parse};

    /// Prague in 2025 and 2026.
    fn prague() -> Clock {
        let at = |text: &str, offset| Change { at: parse(text).unwrap(), offset };
        let changes = vec![
            at("2025-03-30 01:00", 7200),
            at("2025-10-26 01:00", 3600),
            at("2026-03-29 01:00", 7200),
            at("2026-10-25 01:00", 3600),
        ];
        Clock { zone: "Europe/Prague".into(), offset: 3600, changes }
    }

    #[test]
    fn a_text_without_a_zone_is_the_clock_and_one_with_a_zone_an_instant() {
        for (text, shown) in [
            ("2025-07-01 12:00", "2025-07-01 12:00:00"),
            ("2025-07-01T12:00Z", "2025-07-01 14:00:00"),
            ("2025-07-01T12:00-07:00", "2025-07-01 21:00:00"),
            ("2025-01-01T00:30+02:00", "2024-12-31 23:30:00"),
            ("2025-01-01 00:30:00 UTC", "2025-01-01 01:30:00"),
            // Put forward: 02:00 to 03:00 is never shown, but accepted as written.
            ("2026-03-29T00:59:59Z", "2026-03-29 01:59:59"),
            ("2026-03-29T01:00:00Z", "2026-03-29 03:00:00"),
            ("2026-03-29 02:30", "2026-03-29 02:30:00"),
            // Put back: 02:00 to 03:00 is shown twice.
            ("2025-10-26T00:30:00Z", "2025-10-26 02:30:00"),
            ("2025-10-26T01:30:00Z", "2025-10-26 02:30:00"),
            ("2025-10-26T00:59:59Z", "2025-10-26 02:59:59"),
            ("2025-10-26T01:00:00Z", "2025-10-26 02:00:00"),
            // Before the first change, and after the last.
            ("1970-01-01T00:00Z", "1970-01-01 01:00:00"),
            ("9999-12-31T22:59:59Z", "9999-12-31 23:59:59"),
        ] {
            assert_eq!(prague().read(text).map(format).as_deref(), Some(shown), "{text}");
        }
        assert_eq!(prague().read("9999-12-31T23:00:00Z"), None);
        assert_eq!(Clock::default().read("0001-01-01 00:00+00:01"), None);
        assert_eq!(Clock::default().read("0001-01-01 00:00Z"), parse("0001-01-01"));
        assert_eq!((prague().local(i64::MIN), prague().local(i64::MAX)), (i64::MIN + 3600, i64::MAX));
    }

    #[test]
    fn a_question_within_the_hour_that_is_shown_twice_is_asked_at_its_end() {
        for (asked, as_of) in [
            ("2025-10-26T00:59:59Z", "2025-10-26 02:59:59"),
            ("2025-10-26T01:00:00Z", "2025-10-26 03:00:00"),
            ("2025-10-26T01:59:59Z", "2025-10-26 03:00:00"),
            ("2025-10-26T02:00:01Z", "2025-10-26 03:00:01"),
            // Without a zone it is ambiguous which of the two is meant.
            ("2025-10-26 02:30", "2025-10-26 02:30:00"),
            ("2026-03-29T01:00:00Z", "2026-03-29 03:00:00"),
            ("1970-01-01T00:00Z", "1970-01-01 01:00:00"),
        ] {
            assert_eq!(prague().as_of(asked).map(format).as_deref(), Some(as_of), "{asked}");
        }
        assert_eq!((prague().as_of("soon"), prague().as_of("9999-12-31T23:00:00Z")), (None, None));
    }

    #[test]
    fn the_instant_of_a_time_is_the_first_at_which_the_clock_shows_it() {
        for (shown, instant) in [
            ("2025-07-01", "2025-06-30 22:00:00"),
            ("2026-03-29 01:59:59", "2026-03-29 00:59:59"),
            ("2026-03-29 02:30", "2026-03-29 01:00:00"),
            ("2026-03-29 03:00", "2026-03-29 01:00:00"),
            ("2025-10-26 02:30", "2025-10-26 00:30:00"),
            ("2025-10-26 03:00", "2025-10-26 02:00:00"),
            ("1970-01-01 01:00", "1970-01-01"),
            ("9999-01-01 01:00", "9999-01-01"),
        ] {
            assert_eq!(format(prague().instant(parse(shown).unwrap())), instant, "{shown}");
        }
        for time in [i64::MIN, i64::MAX] {
            assert!(prague().instant(time) == time || time == i64::MAX);
        }
    }

    #[test]
    fn a_clock_is_written_in_steps_and_read_again() {
        let json = serde_json::to_value(prague()).unwrap();
        assert_eq!(json["changes"][1], serde_json::json!({"after": 210 * 86_400, "offset": 3600}));
        assert_eq!(serde_json::from_value::<Clock>(json).unwrap(), prague());
        let many = Clock { changes: vec![Change { at: 1, offset: 0 }; MAX_CHANGES + 1], ..Clock::default() };
        let error = serde_json::from_value::<Clock>(serde_json::to_value(many).unwrap()).unwrap_err();
        assert!(error.to_string().contains("more than 2048 entries"), "{error}");
    }

    #[test]
    fn what_is_no_clock_is_refused() {
        assert_eq!((prague().check(), Clock::default().check()), (Ok(()), Ok(())));
        let twice = Change { at: 5, offset: 0 };
        let last = Change { at: i64::MAX, offset: 0 };
        let wrapped = Change { at: i64::MIN, offset: 0 };
        for (clock, message) in [
            (Clock { zone: String::new(), ..prague() }, "its zone's name has 0 bytes"),
            (Clock { zone: "x".repeat(MAX_NAME + 1), ..prague() }, "bytes, not 1 to"),
            (Clock { changes: vec![twice, twice], ..prague() }, "not in order"),
            (Clock { changes: vec![last, wrapped], ..prague() }, "not in order"),
            (Clock { offset: TOO_FAR + 1, ..prague() }, "it is 93601 seconds ahead"),
            (Clock { changes: vec![Change { at: 0, offset: i32::MIN }], ..prague() }, "-2147483648 seconds"),
        ] {
            let error = clock.check().unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
            // A clock that was read back checks, too.
            let read: Clock = serde_json::from_value(serde_json::to_value(&clock).unwrap()).unwrap();
            assert_eq!(read, clock);
        }
    }
}
