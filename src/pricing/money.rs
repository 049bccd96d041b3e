//! Exact decimals for quantities and United States dollars; only what is shown is rounded, half up and once.

use rust_decimal::RoundingStrategy;

pub use rust_decimal::Decimal;

/// Largest quantity of a usage line: 10^18. With the largest price it stays far inside what a decimal can hold, so that
/// no sum of a bill can overflow.
pub const MOST: Decimal = Decimal::from_parts(2808348672, 232830643, 0, false, 0);

/// Largest price of one unit, in USD: 10^6.
pub const DEAREST: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// A number as written, `1000000`, `14.305` or `1e6`; nothing for anything else, and for numbers with more digits than a
/// decimal holds (28).
pub fn parse(text: &str) -> Option<Decimal> {
    let digits = text.bytes().next().is_some_and(|first| first.is_ascii_digit() || first == b'-');
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    match text.split_once(['e', 'E']) {
        _ if !digits || text.ends_with('.') => None,
        None if plain(text) => Decimal::from_str_exact(text).ok(),
        None => None,
        Some((mantissa, exponent)) => {
            let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.abs() <= 28)?;
            let mantissa = plain(mantissa).then(|| Decimal::from_str_exact(mantissa).ok())??;
            let power = Decimal::from_i128_with_scale(10_i128.pow(exponent.unsigned_abs()), 0);
            match exponent {
                0.. => mantissa.checked_mul(power),
                _ => mantissa.checked_div(power).filter(|value| value.checked_mul(power) == Some(mantissa)),
            }
        }
    }
}

/// A whole number.
pub fn whole(count: u64) -> Decimal {
    Decimal::from(count)
}

/// A number that was written, read as floating point: the decimal of its fifteen significant digits, which is what was
/// written when that has no more of them. Nothing when it is not finite or too large.
pub fn nearest(value: f64) -> Option<Decimal> {
    significant(value, 15)
}

/// A quantity that was computed in floating point, to thirteen significant digits. The last digits of a float are noise of
/// the order of its operations; without them 130,000 requests are not 129,999.99999999999, and half a cent goes up.
pub fn computed(value: f64) -> Option<Decimal> {
    significant(value, 13)
}

fn significant(value: f64, digits: u32) -> Option<Decimal> {
    Decimal::from_f64_retain(value).filter(|_| value.is_finite())?.round_sf(digits).map(|number| number.normalize())
}

/// An amount rounded to the cent, half up (away from zero), with two decimals.
pub fn cents(amount: Decimal) -> Decimal {
    let mut rounded = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(2);
    rounded
}

/// A decimal without trailing zeros.
pub fn plain(value: Decimal) -> String {
    value.normalize().to_string()
}

/// A decimal with a comma after each three digits of its whole part.
pub fn grouped(value: Decimal) -> String {
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// An amount as people read it: `1,234.57`.
pub fn usd(amount: Decimal) -> String {
    grouped(cents(amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Decimal {
        parse(text).expect("a number")
    }

    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(read("0.1") + read("0.2"), read("0.3"));
        assert_eq!(read("1e6"), read("1000000"));
        assert_eq!(read("2.5e-3"), read("0.0025"));
        assert_eq!(MOST, read("1e18"));
        for wrong in
            ["", "abc", "1,000", "1.", ".5", "+1", "nan", "inf", "1e", "1e99", "1_000", "1e-28e", "0x10", "--1"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(parse("0.00000000000000000000000000001"), None, "29 decimals cannot be held");
    }

    #[test]
    fn noise_of_floating_point_is_no_part_of_a_quantity() {
        assert_eq!(computed(129_999.999_999_999_99), Some(read("130000")));
        assert_eq!(computed(0.1 + 0.2), Some(read("0.3")));
        assert_eq!(computed(1e18 / 3.0), Some(read("333333333333300000")));
        assert_eq!(nearest(0.000_016_666_7), Some(read("0.0000166667")));
        assert_eq!(nearest(123_456_789_012_345.0), Some(read("123456789012345")));
        assert_eq!([computed(f64::NAN), computed(f64::INFINITY), computed(1e40)], [None, None, None]);
        assert_eq!(computed(1e-40), Some(Decimal::ZERO));
    }

    #[test]
    fn half_a_cent_goes_up_and_every_amount_has_two_decimals() {
        for (exact, rounded) in [("16.425", "16.43"), ("71.175", "71.18"), ("0.0049", "0.00"), ("7", "7.00")] {
            assert_eq!(cents(read(exact)).to_string(), rounded);
        }
        assert_eq!(usd(read("1234567.895")), "1,234,567.90");
        assert_eq!(usd(read("-999.999")), "-1,000.00");
    }

    #[test]
    fn trailing_zeros_are_not_shown() {
        assert_eq!(plain(read("12.500")), "12.5");
        assert_eq!(plain(read("1000000")), "1000000");
    }
}
