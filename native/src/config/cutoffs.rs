//! Cut-offs: the moments at which features are computed, split into training, validation and test.

use anyhow::{Context, bail};
use nextbest_core::time::{self, DAY};

use crate::config::Snapshots;

/// Number of cut-offs if the config names no first one.
const DEFAULT_COUNT: i64 = 10;
/// Number of validation cut-offs if the config names no dates.
const DEFAULT_VALIDATION: usize = 2;
/// Number of test cut-offs, after those.
const DEFAULT_TEST: usize = 2;

/// The cut-offs of training, validation and test. The labels of one group end before the next group begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Split {
    /// Training.
    pub(crate) train: Vec<i64>,
    /// Validation; the chosen model is then trained on these too.
    pub(crate) validation: Vec<i64>,
    /// Test.
    pub(crate) test: Vec<i64>,
}

/// The cut-offs of a data set: first days of months at a fixed distance, the last one at least a horizon
/// before the data end (the first midnight that the data does not cover).
///
/// # Errors
/// If a date of the config is invalid, or no cut-off fits.
pub(crate) fn plan(config: &Snapshots, data_end: i64) -> anyhow::Result<Vec<i64>> {
    if !(1..=120).contains(&config.every_months) {
        bail!("snapshots.every_months: is {}, not 1 to 120", config.every_months);
    }
    let step = i64::from(config.every_months);
    let horizon = i64::from(config.horizon_days) * DAY;
    let data_end = match parse(config.data_end.as_deref(), "data_end")? {
        Some(last_day) => last_day + DAY,
        None => data_end,
    };
    let last = match parse(config.last.as_deref(), "last")? {
        Some(last) => last,
        None => last_fitting(data_end - horizon, step),
    };
    let first = match parse(config.first.as_deref(), "first")? {
        Some(first) => first,
        None => time::add_months_to_first(last, -step * (DEFAULT_COUNT - 1)),
    };
    let cutoffs: Vec<i64> = (0..)
        .map(
            |step_count| {
                if step_count == 0 { first } else { time::add_months_to_first(first, step * step_count) }
            },
        )
        .take_while(|cutoff| *cutoff <= last)
        .collect();
    match cutoffs.last() {
        None => bail!(
            "snapshots: the first cut-off {} lies after the last {}",
            time::format(first),
            time::format(last)
        ),
        Some(cutoff) if cutoff + horizon > data_end => bail!(
            "snapshots: the horizon of the cut-off {} ends on {}, but the data end on {}: what customers \
             took next is \
             not known (snapshots.data_end tells where the data end if it is not the last event)",
            time::format(*cutoff),
            time::format(cutoff + horizon),
            time::format(data_end - DAY)
        ),
        Some(_) => Ok(cutoffs),
    }
}

/// Checks that the first cut-off, where the config names it, has customers, and gives a warning where no
/// table has a row before it: of such customers attributes alone are known.
///
/// # Errors
/// If nobody was a customer by then; the message names the first cut-off at which somebody was.
pub(crate) fn check_first(
    config: &Snapshots,
    with_customers: i64,
    first_event: i64,
) -> anyhow::Result<Option<String>> {
    let Some(first) = parse(config.first.as_deref(), "first")? else { return Ok(None) };
    if first < with_customers {
        bail!(
            "snapshots.first: on {} nobody was a customer: the first cut-off with customers is {}. Set it \
             to that one, or leave \
             it out",
            time::format(first),
            time::format(with_customers)
        );
    }
    let warning = || {
        format!(
            "snapshots.first: nothing had happened to anybody by {}: the first row of all tables is of {}. \
             What features of \
             events say there is of no rows",
            time::format(first),
            time::format(first_event)
        )
    };
    Ok((first <= first_event).then(warning))
}

/// Checks that the data end that the config says is less than a horizon behind the midnight after the last
/// event.
///
/// # Errors
/// If it is not: what nobody wrote down yet would count as not taken.
pub(crate) fn check_data_end(config: &Snapshots, data_end: i64) -> anyhow::Result<()> {
    let last_day = data_end - DAY;
    match parse(config.data_end.as_deref(), "data_end")? {
        Some(day) if day - last_day >= i64::from(config.horizon_days) * DAY => bail!(
            "snapshots.data_end: {} is {} days after the last row of all tables ({}), as long as a horizon \
             (snapshots.horizon_days: {}) or longer: of the last cut-offs, nobody would have taken \
             anything. Set it to the last \
             day that the tables cover, or leave it out",
            time::format(day),
            (day - last_day) / DAY,
            time::format(last_day),
            config.horizon_days
        ),
        _ => Ok(()),
    }
}

/// The cut-offs that a config wants of a table that has some, in order: what it leaves open is as the table
/// has it.
///
/// # Errors
/// As [`plan`].
pub(crate) fn expected(config: &Snapshots, cutoffs: &[i64]) -> anyhow::Result<Vec<i64>> {
    let (Some(first), Some(last)) = (cutoffs.first(), cutoffs.last()) else { return Ok(Vec::new()) };
    let mut config = config.clone();
    if config.data_end.is_none() {
        config.first.get_or_insert_with(|| time::format(*first));
        config.last.get_or_insert_with(|| time::format(*last));
    }
    let mut expected = plan(&config, i64::MAX)?;
    // Before a bank's first customer came there are cut-offs without rows.
    if expected.iter().any(|cutoff| cutoff == first) {
        expected.retain(|cutoff| cutoff >= first);
    }
    Ok(expected)
}

/// The first and the last cut-off, where the config names them.
///
/// # Errors
/// If they are no dates.
pub(crate) fn bounds(config: &Snapshots) -> anyhow::Result<(Option<i64>, Option<i64>)> {
    Ok((parse(config.first.as_deref(), "first")?, parse(config.last.as_deref(), "last")?))
}

/// Splits cut-offs in time. Cut-offs whose horizon reaches into the next group are left out.
///
/// # Errors
/// If a group would be empty.
pub(crate) fn split(config: &Snapshots, cutoffs: &[i64]) -> anyhow::Result<Split> {
    let from_end =
        |count: usize| cutoffs.len().checked_sub(count).and_then(|index| cutoffs.get(index)).copied();
    let test_from = parse(config.test_from.as_deref(), "test_from")?.or(from_end(DEFAULT_TEST));
    let validation_from = parse(config.validation_from.as_deref(), "validation_from")?
        .or(from_end(DEFAULT_TEST + DEFAULT_VALIDATION));
    let (Some(validation_from), Some(test_from)) = (validation_from, test_from) else {
        bail!("{} cut-offs are too few to train, choose and test a model: at least 5", cutoffs.len());
    };
    let horizon = i64::from(config.horizon_days) * DAY;
    let group = |from: i64, until: i64| -> Vec<i64> {
        cutoffs.iter().copied().filter(|cutoff| *cutoff >= from && cutoff + horizon <= until).collect()
    };
    let split = Split {
        train: group(i64::MIN, validation_from),
        validation: group(validation_from, test_from),
        test: cutoffs.iter().copied().filter(|cutoff| *cutoff >= test_from).collect(),
    };
    for (name, group) in [("train", &split.train), ("validation", &split.validation), ("test", &split.test)] {
        if group.is_empty() {
            bail!(
                "snapshots: no cut-off is left for {name}, with validation from {} and test from {}",
                time::format(validation_from),
                time::format(test_from)
            );
        }
    }
    Ok(split)
}

fn parse(text: Option<&str>, key: &str) -> anyhow::Result<Option<i64>> {
    let Some(text) = text else { return Ok(None) };
    let parsed = time::parse(text).filter(|time| time % DAY == 0);
    parsed
        .map(Some)
        .with_context(|| format!("snapshots.{key}: expected a date such as 2024-01-01, got {text:?}"))
}

/// The last first day of a month that is no later than `limit`, in step with January.
fn last_fitting(limit: i64, step: i64) -> i64 {
    let (year, month, _) = time::civil_from_days(limit.div_euclid(DAY));
    let months = year * 12 + month - 1;
    time::add_months_to_first(limit, -(months.rem_euclid(step)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(cutoffs: &[i64]) -> Vec<String> {
        cutoffs.iter().map(|cutoff| time::format(*cutoff)).collect()
    }

    #[test]
    fn without_dates_the_last_ten_quarters_are_taken() {
        let config = Snapshots::default();
        let cutoffs = plan(&config, time::parse("2026-07-01").unwrap()).unwrap();
        assert_eq!(cutoffs.len(), 10);
        assert_eq!(dates(&cutoffs)[0], "2024-01-01");
        assert_eq!(dates(&cutoffs)[9], "2026-04-01");
        let split = split(&config, &cutoffs).unwrap();
        assert_eq!(dates(&split.train).last().unwrap(), "2025-04-01");
        assert_eq!(dates(&split.validation), ["2025-07-01", "2025-10-01"]);
        assert_eq!(dates(&split.test), ["2026-01-01", "2026-04-01"]);
        assert_eq!(dates(&plan(&config, time::parse("2026-06-29").unwrap()).unwrap())[9], "2026-01-01");
    }

    #[test]
    fn a_table_has_the_cut_offs_that_the_config_wants() {
        let table = plan(&Snapshots::default(), time::parse("2026-07-01").unwrap()).unwrap();
        let same = |config: Snapshots| expected(&config, &table).is_ok_and(|expected| expected == table);
        let date = |date: &str| Some(date.to_owned());
        assert!(same(Snapshots::default()));
        assert!(same(Snapshots {
            first: date("2020-01-01"),
            last: date("2026-06-01"),
            ..Snapshots::default()
        }));
        assert!(same(Snapshots { data_end: date("2026-06-30"), ..Snapshots::default() }));
        assert!(!same(Snapshots { every_months: 1, ..Snapshots::default() }));
        assert!(!same(Snapshots { every_months: 6, ..Snapshots::default() }));
        assert!(!same(Snapshots { first: date("2024-04-01"), ..Snapshots::default() }));
        assert!(!same(Snapshots { first: date("2024-02-01"), ..Snapshots::default() }));
        assert!(!same(Snapshots { last: date("2026-01-01"), ..Snapshots::default() }));
        assert!(!same(Snapshots { last: date("2026-07-01"), ..Snapshots::default() }));
        assert!(!same(Snapshots { data_end: date("2026-06-28"), ..Snapshots::default() }));
    }

    #[test]
    fn a_horizon_lies_between_the_groups() {
        let config = Snapshots { every_months: 1, ..Snapshots::default() };
        let cutoffs = plan(&config, time::parse("2026-07-01").unwrap()).unwrap();
        assert!(split(&config, &cutoffs).is_err(), "four months are too short for two horizons");
        let config = Snapshots {
            first: Some("2024-01-01".into()),
            validation_from: Some("2025-01-01".into()),
            test_from: Some("2025-07-01".into()),
            ..config
        };
        let cutoffs = plan(&config, time::parse("2026-07-01").unwrap()).unwrap();
        let split = split(&config, &cutoffs).unwrap();
        assert_eq!(dates(&split.train).last().unwrap(), "2024-10-01");
        assert_eq!(dates(&split.validation).last().unwrap(), "2025-04-01");
    }

    #[test]
    fn dates_lie_where_the_tables_have_events() {
        let date = |date: &str| Some(date.to_owned());
        let day = |date: &str| time::parse(date).unwrap();
        let first = |first: &str, with_customers: &str| {
            let config = Snapshots { first: date(first), ..Snapshots::default() };
            check_first(&config, day(with_customers), day("2024-01-01 09:30:00"))
                .map_err(|error| error.to_string())
        };
        let refused = first("1999-01-01", "2023-04-01").unwrap_err();
        let parts = ["snapshots.first: on 1999-01-01 nobody", "with customers is 2023-04-01."];
        assert!(parts.iter().all(|part| refused.contains(part)), "{refused}");
        let warned = first("2024-01-01", "2024-01-01").unwrap().unwrap();
        let parts = ["snapshots.first: nothing", "by 2024-01-01:", "is of 2024-01-01 09:30:00"];
        assert!(parts.iter().all(|part| warned.contains(part)), "{warned}");
        assert_eq!(first("2024-01-02", "2024-01-02"), Ok(None));
        assert_eq!(check_first(&Snapshots::default(), day("2024-01-01"), day("2025-01-01")).unwrap(), None);
        // 90 days after 2026-06-30 is 2026-09-28.
        let end = |end: &str| {
            let config = Snapshots { data_end: date(end), ..Snapshots::default() };
            check_data_end(&config, day("2026-07-01")).map_err(|error| error.to_string())
        };
        let refused = end("2026-09-28").unwrap_err();
        let parts = ["snapshots.data_end: 2026-09-28 is 90 days after", "(2026-06-30)", "horizon_days: 90"];
        assert!(parts.iter().all(|part| refused.contains(part)), "{refused}");
        assert!(["2026-09-27", "2026-06-30", "2025-01-01"].iter().all(|day| end(day).is_ok()));
    }

    #[test]
    fn a_cut_off_whose_future_is_not_known_is_refused() {
        let config = Snapshots { last: Some("2026-05-01".into()), ..Snapshots::default() };
        let error = plan(&config, time::parse("2026-07-01").unwrap()).unwrap_err().to_string();
        assert!(error.contains("ends on 2026-07-30, but the data end on 2026-06-30"), "{error}");
    }
}
