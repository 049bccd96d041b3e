//! Numbers as text: few digits for people, nine for files.

use crate::stats::Interval;

/// A number for a file: nine significant digits, without trailing zeros and without an exponent. Nothing when not finite.
pub fn exact(value: f64) -> Option<String> {
    rounded(value).map(|value| value.to_string())
}

/// The number that [`exact`] writes.
pub fn rounded(value: f64) -> Option<f64> {
    let value = value.is_finite().then(|| format!("{value:.8e}").parse().unwrap_or(value))?;
    // Minus zero would be written as such.
    Some(if value == 0.0 { 0.0 } else { value })
}

/// A number for people: `digits` significant digits, whole numbers in full; a dash when not finite.
pub fn short(value: f64, digits: i32) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    fixed(value, decimals(value.abs(), digits))
}

/// Number with this many decimals; no minus before zero.
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|byte| matches!(byte, b'0' | b'.')) => digits.to_owned(),
        _ => text,
    }
}

/// Decimals that show `digits` significant digits of a number: at most nine, none for large numbers.
fn decimals(value: f64, digits: i32) -> usize {
    let mut decimals = digits - 1;
    let mut limit = 10.0;
    while value >= limit && decimals > 0 {
        limit *= 10.0;
        decimals -= 1;
    }
    let mut limit = 1.0;
    while value < limit && decimals < 9 && value > 0.0 {
        limit /= 10.0;
        decimals += 1;
    }
    decimals as usize
}

/// A unit for showing a number: what to divide by, and its symbol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// Value of one unit.
    pub size: f64,
    /// Symbol shown behind the number.
    pub symbol: &'static str,
}

impl Unit {
    /// Requests a second.
    pub const PER_SECOND: Unit = Unit { size: 1.0, symbol: "/s" };
    /// Hundredths.
    pub const PERCENT: Unit = Unit { size: 0.01, symbol: "%" };

    /// The largest unit of time in which this many nanoseconds are at least one, seconds at most.
    pub fn of_nanos(nanos: f64) -> Unit {
        match nanos.abs() {
            n if n >= 1e9 => Unit { size: 1e9, symbol: "s" },
            n if n >= 1e6 || n == 0.0 || n.is_nan() => Unit { size: 1e6, symbol: "ms" },
            n if n >= 1e3 => Unit { size: 1e3, symbol: "us" },
            _ => Unit { size: 1.0, symbol: "ns" },
        }
    }
}

/// An estimate for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The estimate with its unit.
    pub value: String,
    /// The interval, `19.80 to 20.31`; empty when there is none.
    pub range: String,
}

/// Shows an estimate with as many digits as its interval deserves: two digits of the half-width, three to six of the value.
pub fn estimate(interval: &Interval, unit: Unit) -> Shown {
    let scaled = interval.scaled(1.0 / unit.size);
    if !scaled.value.is_finite() {
        return Shown { value: "-".to_owned(), range: String::new() };
    }
    let size = scaled.value.abs();
    let half = scaled.half_width();
    let wanted = if half.is_finite() && half > 0.0 { decimals(half, 2) } else { decimals(size, 4) };
    let places = wanted.clamp(decimals(size, 3), decimals(size, 6));
    let show = |value: f64| if value == 0.0 { "0".to_owned() } else { fixed(value, places) };
    let (value, low, high) = (show(scaled.value), show(scaled.low), show(scaled.high));
    // An interval narrower than the digits shown says nothing that the digits do not.
    let range = if half.is_finite() && low != high { format!("{low} to {high}") } else { String::new() };
    Shown { value: format!("{value} {}", unit.symbol), range }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Trust;

    #[test]
    fn files_get_nine_digits_and_never_an_exponent() {
        let texts = [0.1 + 0.2, 1e-12, 123_456_789_012.0, -0.0, 1.0 / 3.0].map(|value| exact(value).unwrap());
        assert_eq!(texts, ["0.3", "0.000000000001", "123456789000", "0", "0.333333333"]);
        assert_eq!([f64::NAN, f64::INFINITY].map(exact), [None, None]);
    }

    #[test]
    fn people_get_the_digits_asked_for() {
        let texts = [0.0, 0.012345, 1.0, 12.3456, 123.456, 1234.56, -0.0001].map(|value| short(value, 3));
        assert_eq!(texts, ["0.00", "0.0123", "1.00", "12.3", "123", "1235", "-0.000100"]);
        assert_eq!(short(f64::NAN, 3), "-");
        assert_eq!(fixed(-0.001, 1), "0.0");
    }

    #[test]
    fn an_estimate_shows_no_digits_that_its_interval_denies() {
        let shown = |value, half: f64| {
            let interval = Interval { value, low: value - half, high: value + half, units: 10, trust: Trust::Good };
            let shown = estimate(&interval, Unit::of_nanos(value));
            format!("{}, {}", shown.value, shown.range)
        };
        assert_eq!(shown(20_123_456.0, 123_456.0), "20.12 ms, 20.00 to 20.25");
        assert_eq!(shown(20_123_456.0, 12_345_678.0), "20.1 ms, 7.8 to 32.5");
        assert_eq!(shown(2_012_345_678.0, 12.0), "2.01235 s, ");
        assert_eq!(shown(0.0, 0.0), "0 ms, ");
        assert_eq!(shown(200.0, f64::INFINITY), "200.0 ns, ");
    }
}
