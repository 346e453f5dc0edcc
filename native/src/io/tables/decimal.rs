//! Whole and decimal numbers that are exact: of 128 bits, with a number of digits behind the point.

use std::borrow::Cow;

/// What stands for a missing number: no number of at most 38 digits is as small.
pub(super) const NO_DECIMAL: i128 = i128::MIN;
/// 10³⁸: numbers are smaller than this.
const END: u128 = 10u128.pow(38);
/// Whole numbers up to 2⁵³ and powers of ten up to 10²² are exact as 64-bit floats, so that their quotient is
/// rounded once.
const EXACT: u128 = 1 << 53;
const EXACT_DIGITS: u32 = 22;

/// A signed big-endian number; `None` where it has no digit, or more than 38.
pub(super) fn big_endian(bytes: &[u8]) -> Option<i128> {
    let start = if bytes.first()? & 0x80 != 0 { -1i128 } else { 0 };
    let number = bytes
        .iter()
        .try_fold(start, |number, byte| number.checked_mul(256)?.checked_add(i128::from(*byte)))?;
    (number.unsigned_abs() < END).then_some(number)
}

/// The 64-bit float that is nearest, as reading the digits gives it; NaN for [`NO_DECIMAL`].
pub(super) fn number(number: i128, digits: u32) -> f64 {
    match number {
        NO_DECIMAL => f64::NAN,
        _ if number.unsigned_abs() <= EXACT && digits <= EXACT_DIGITS => {
            number as f64 / 10f64.powi(digits.cast_signed())
        }
        _ => text(number, digits).parse().unwrap_or(f64::NAN),
    }
}

/// The digits, without zeros at the end of the fraction; nothing for [`NO_DECIMAL`].
pub(super) fn text(number: i128, digits: u32) -> Cow<'static, str> {
    if number == NO_DECIMAL {
        return Cow::Borrowed("");
    }
    let sign = if number < 0 { "-" } else { "" };
    let all = format!("{:0>1$}", number.unsigned_abs(), digits as usize + 1);
    let (whole, fraction) = all.split_at_checked(all.len() - digits as usize).unwrap_or((&all, ""));
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}").into(),
        fraction => format!("{sign}{whole}.{fraction}").into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_are_numbers_with_a_sign() {
        let cases: [(&[u8], Option<i128>); 9] = [
            (&[], None),
            (&[0], Some(0)),
            (&[0xFF], Some(-1)),
            (&[0x80], Some(-128)),
            (&[0, 0x80], Some(128)),
            (&[0xCF, 0xC7], Some(-12_345)),
            (&[0xFF; 20], Some(-1)),
            (&[0x7F; 16], None),
            (&[1; 20], None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(big_endian(bytes), expected, "{bytes:?}");
        }
        let end = END as i128;
        assert_eq!(big_endian(&(end - 1).to_be_bytes()), Some(end - 1));
        assert_eq!((big_endian(&end.to_be_bytes()), big_endian(&(-end).to_be_bytes())), (None, None));
    }

    #[test]
    fn digits_are_written_as_people_do() {
        let cases = [
            (0, 2, "0"),
            (-5, 2, "-0.05"),
            (1230, 2, "12.3"),
            (1200, 2, "12"),
            (1200, 0, "1200"),
            (7, 38, "0.00000000000000000000000000000000000007"),
            (NO_DECIMAL, 2, ""),
        ];
        for (value, digits, expected) in cases {
            assert_eq!(text(value, digits), expected);
        }
        assert!(number(NO_DECIMAL, 0).is_nan());
    }

    proptest! {
        #[test]
        fn numbers_are_those_of_their_digits(unscaled in any::<i128>(), shift in 0u32..127, digits in 0u32..=38) {
            let unscaled = (unscaled >> shift) % END as i128;
            let written = text(unscaled, digits);
            prop_assert_eq!(number(unscaled, digits).to_bits(), (written.parse::<f64>().unwrap() + 0.0).to_bits());
            let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
            let digits = digits as usize;
            let back = format!("{whole}{fraction:0<digits$}").parse::<i128>().unwrap();
            prop_assert_eq!(back, unscaled);
        }
    }
}
