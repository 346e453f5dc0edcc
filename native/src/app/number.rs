//! Numbers formatted for people.

/// An integer with thousands separators: `12,345`.
pub(crate) fn count(number: usize) -> String {
    grouped(&number.to_string())
}

/// A share in percent, with two significant digits below one percent: `72.6 %`, `0.034 %`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0 %".into(),
        100.0 => "100 %".into(),
        _ if percent > 99.9 && percent < 100.0 => "> 99.9 %".into(),
        _ if percent.abs() >= 1.0 => format!("{percent:.1} %"),
        _ => format!("{} %", significant(percent, 2)),
    }
}

/// A number with four significant digits: `0.01234`, `12.34`, `123,457`, `1.235e12`.
pub(crate) fn number(number: f64) -> String {
    match number.abs() {
        0.0 => "0".into(),
        size if !(1e-4..1e9).contains(&size) => {
            let text = format!("{number:.3e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            format!("{}e{exponent}", without_zeros(digits))
        }
        size if size >= 1000.0 => {
            let text = format!("{number:.0}");
            match text.strip_prefix('-') {
                Some(digits) => format!("−{}", grouped(digits)),
                None => grouped(&text),
            }
        }
        _ => significant(number, 4).replace('-', "−"),
    }
}

/// A number that may be undefined, which prints as a dash.
pub(crate) fn or_dash(number: Option<f64>, show: impl FnOnce(f64) -> String) -> String {
    number.map_or_else(|| "–".into(), show)
}

/// A short axis label: `25k`, `1.5M`, `0.05`.
pub(crate) fn axis(number: f64) -> String {
    let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")];
    // Three significant digits hide the rounding error that sums of decimal fractions leave at 0.
    let (unit, sign) = units.into_iter().find(|(unit, _)| number.abs() >= *unit).unwrap_or((1.0, ""));
    match number.abs() < 1e-9 {
        true => "0".into(),
        false => format!("{}{sign}", significant(number / unit, 3)).replace('-', "−"),
    }
}

/// Axis labels for a small range far from 0, with enough decimals to distinguish a tenth of it.
pub(crate) fn axis_over(range: f64) -> impl Fn(f64) -> String {
    let decimals = (-(range / 10.0).log10()).ceil().clamp(0.0, 9.0) as usize;
    move |number| format!("{number:.decimals$}").replace('-', "−")
}

/// An axis label in percent: `5 %`, `0.3 %`.
pub(crate) fn axis_percent(share: f64) -> String {
    format!("{} %", axis(share * 100.0))
}

fn significant(number: f64, digits: i32) -> String {
    let whole_digits = number.abs().log10().floor() as i32 + 1;
    let decimals = usize::try_from((digits - whole_digits).max(0)).unwrap_or_default();
    let text = format!("{number:.decimals$}");
    without_zeros(&text).to_owned()
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_a_small_range_differ() {
        let label = axis_over(0.003);
        assert_eq!([0.1615, 0.162, 0.1625].map(label), ["0.1615", "0.1620", "0.1625"]);
        assert_eq!([-1.0, 20.0].map(axis_over(30.0)), ["−1", "20"]);
        assert_eq!(axis_over(0.0)(0.5), "0.500000000");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1234567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let shares = [0.0, 1.0, 0.72569, 0.0304, 0.001234, 0.0000121, 0.99999];
        let percents = ["0 %", "100 %", "72.6 %", "3.0 %", "0.12 %", "0.0012 %", "> 99.9 %"];
        assert_eq!(shares.map(percent), percents);
        let numbers = [0.0, 0.012345, -12.3456, 1.5, 999.96, -25146.59, 1.2346e12, 4.6e-5, 100.0];
        let texts = ["0", "0.01235", "−12.35", "1.5", "1000", "−25,147", "1.235e12", "4.6e-5", "100"];
        assert_eq!(numbers.map(number), texts);
        let ticks = [0.0, 25_000.0, -1.5e6, 0.05, 0.30000000000000004, 950.0];
        assert_eq!(ticks.map(axis), ["0", "25k", "−1.5M", "0.05", "0.3", "950"]);
    }
}
