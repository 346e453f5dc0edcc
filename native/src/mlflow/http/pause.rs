//! How long to wait before the next try: as long as the server asks, else as MLflow waits.

use std::time::Duration;

use nextbest_core::time;

/// No pause is longer, whoever asks for it.
const LONGEST: f64 = 120.0;

/// What a `Retry-After` header asks for: seconds, or a moment as HTTP writes it. `None` where it says
/// neither.
pub(super) fn asked(header: &str, now_milliseconds: u64) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        return header.parse().ok().map(bounded);
    }
    let moment = moment(header)? as f64;
    Some(bounded(moment - now_milliseconds as f64 / 1000.0))
}

/// The pause after a number of tries: none before the second one, then twice as long each time.
pub(super) fn doubling(tried: u32, factor: f64) -> Duration {
    match tried {
        0 | 1 => Duration::ZERO,
        // 2³² seconds are longer than the longest pause, and finite.
        _ => bounded(factor * f64::from((tried - 1).min(32)).exp2()),
    }
}

/// Seconds as a pause; no pause for a negative number or NaN.
fn bounded(seconds: f64) -> Duration {
    Duration::from_secs_f64(if seconds > 0.0 { seconds.min(LONGEST) } else { 0.0 })
}

/// A date as HTTP writes it (RFC 9110, 5.6.7, in the form that servers have to send), in seconds since 1970.
fn moment(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, day, month, year, at, "GMT"] = parts.as_slice() else { return None };
    let month = 1 + MONTHS.iter().position(|name| name == month)?;
    time::parse(&format!("{year}-{month:02}-{day} {at}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_445_412_480_000;

    #[test]
    fn waits_as_the_server_asks() {
        for (header, seconds) in [
            ("0", Some(0)),
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("100000000000000000000000000", Some(120)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some(30)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", Some(0)),
            ("Wed, 21 Oct 2115 07:28:00 GMT", Some(120)),
            ("-7", None),
            ("1.5", None),
            ("inf", None),
            ("NaN", None),
            ("", None),
            ("soon", None),
            ("Wed, 21 Okt 2015 07:28:00 GMT", None),
        ] {
            assert_eq!(asked(header, NOW), seconds.map(Duration::from_secs), "{header:?}");
        }
    }

    #[test]
    fn waits_as_mlflow_does() {
        let pauses = [0, 1, 2, 3, 4, 7, 100, u32::MAX].map(|tried| doubling(tried, 2.0).as_secs());
        assert_eq!(pauses, [0, 0, 4, 8, 16, 120, 120, 120]);
        assert_eq!(doubling(100, 0.0), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn no_number_and_no_header_is_a_panic_or_an_endless_pause(
            tried in any::<u32>(),
            factor in any::<f64>(),
            header in "\\PC*|-?[0-9]{0,40}|[A-Z][a-z]{2}, [0-9]{1,9} (Jan|Feb|Dec) [0-9]{1,12} \
                [0-9]{1,3}:[0-9]{2}:[0-9]{2} GMT",
            now in any::<u64>(),
        ) {
            let longest = Duration::from_secs(120);
            prop_assert!(doubling(tried, factor) <= longest);
            prop_assert!(asked(&header, now).is_none_or(|pause| pause <= longest));
        }
    }
}
