//! Time zones by name. The database is compiled in, so that a config means the same on every machine.

use anyhow::bail;
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use nextbest_core::time::{self, Change, Clock};

/// A clock knows its changes between these dates. There are none before, and after, no date is read that
/// would be meant.
const YEARS: [i64; 2] = [1850, 2201];

/// The clock of a zone of the IANA's database.
///
/// # Errors
/// If there is no such zone; the message says which one may be meant.
pub(crate) fn clock(name: &str) -> anyhow::Result<Clock> {
    let database = TimeZoneDatabase::bundled();
    let Ok(zone) = database.get(name) else {
        bail!(
            "there is no time zone {name:?}{}; expected a name such as Europe/Prague or UTC",
            meant(&database, name)
        );
    };
    let [from, until] = YEARS.map(|year| time::from_date(year, 1, 1).unwrap_or_default());
    let mut clock = Clock {
        zone: zone.iana_name().unwrap_or(name).to_owned(),
        offset: offset(&zone, from)?,
        changes: Vec::new(),
    };
    let mut before = clock.offset;
    for change in zone.following(Timestamp::from_second(from)?) {
        let (at, offset) = (change.timestamp().as_second(), change.offset().seconds());
        if at >= until {
            break;
        }
        // There are changes of the name alone.
        if offset != before {
            clock.changes.push(Change { at, offset });
        }
        before = offset;
    }
    Ok(clock)
}

fn offset(zone: &TimeZone, instant: i64) -> anyhow::Result<i32> {
    Ok(zone.to_offset(Timestamp::from_second(instant)?).seconds())
}

/// The zone that a name is most like, as a question.
fn meant(database: &TimeZoneDatabase, name: &str) -> String {
    let name = name.to_lowercase().replace(' ', "_");
    // `Prague` is like `Europe/Prague`, since its last part is.
    let likeness = |zone: &str| {
        let zone = zone.to_lowercase();
        let last = zone.rsplit('/').next().unwrap_or_default();
        strsim::jaro_winkler(&zone, &name).max(strsim::jaro_winkler(last, &name))
    };
    let zones = database.available().map(|zone| (likeness(zone.as_str()), zone));
    match zones.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
        Some((likeness, zone)) if likeness > 0.8 => format!(" (did you mean {zone}?)"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_zone_is_answered_with_the_one_that_may_be_meant() {
        for (name, message) in [
            ("Europe/Prag", "there is no time zone \"Europe/Prag\" (did you mean Europe/Prague?)"),
            ("Prague", "did you mean Europe/Prague?"),
            ("America/New York", "did you mean America/New_York?"),
            ("Xyzzyx", "\"Xyzzyx\"; expected a name such as"),
            ("", "expected a name such as Europe/Prague"),
            ("+02:00", "expected a name such as Europe/Prague"),
            ("/etc/localtime", "expected a name such as Europe/Prague"),
            ("../Europe/Prague", "expected a name such as Europe/Prague"),
        ] {
            let error = clock(name).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    /// As people there read them off their walls; of the day that Samoa left out, and of the half hour of
    /// Lord Howe Island.
    #[test]
    fn clocks_show_what_they_show() {
        for (zone, instant, shown) in [
            ("Europe/Prague", "2026-03-29 00:59:59", "2026-03-29 01:59:59"),
            ("Europe/Prague", "2026-03-29 01:00", "2026-03-29 03:00:00"),
            ("Europe/Prague", "2025-10-26 00:30", "2025-10-26 02:30:00"),
            ("Europe/Prague", "2025-10-26 01:30", "2025-10-26 02:30:00"),
            ("Europe/Prague", "2026-01-15 12:00", "2026-01-15 13:00:00"),
            ("Europe/Prague", "2099-07-01", "2099-07-01 02:00:00"),
            ("Europe/Prague", "2200-07-01", "2200-07-01 02:00:00"),
            ("America/New_York", "2026-03-08 06:59:59", "2026-03-08 01:59:59"),
            ("America/New_York", "2026-03-08 07:00", "2026-03-08 03:00:00"),
            ("America/New_York", "2025-11-02 05:30", "2025-11-02 01:30:00"),
            ("America/New_York", "2025-11-02 06:30", "2025-11-02 01:30:00"),
            ("Asia/Tokyo", "2026-06-30 15:00", "2026-07-01"),
            ("Asia/Kolkata", "2026-06-30 18:30", "2026-07-01"),
            ("Australia/Lord_Howe", "2026-04-04 14:59:59", "2026-04-05 01:59:59"),
            ("Australia/Lord_Howe", "2026-04-04 15:00", "2026-04-05 01:30:00"),
            ("Australia/Lord_Howe", "2026-10-03 15:30", "2026-10-04 02:30:00"),
            ("Pacific/Apia", "2011-12-30 09:59:59", "2011-12-29 23:59:59"),
            ("Pacific/Apia", "2011-12-30 10:00", "2011-12-31"),
        ] {
            let clock = clock(zone).unwrap();
            let instant = time::parse(instant).unwrap();
            assert_eq!(time::format(clock.local(instant)), shown, "{zone}");
        }
    }

    #[test]
    fn names_are_written_as_the_database_writes_them() {
        assert_eq!(clock("UTC").unwrap(), Clock::default());
        assert_eq!(clock("europe/prague").unwrap(), clock("Europe/Prague").unwrap());
        let ahead = Clock { zone: "Etc/GMT-2".into(), offset: 7200, changes: Vec::new() };
        assert_eq!(clock("Etc/GMT-2").unwrap(), ahead);
    }
}
