//! The notation of values in a data pack: numbers, ranges with a default, laws; and the scales of units.
//!
//! `12`, `300 (0..3600)` and `50..29000 (default 29000)` are numbers; `lognormal(median=8;sigma=0.6)`,
//! `LogNormal(median 0.6, sigma 0.5)`, `uniform(5.5;7)`, `exponential(mean=19)`,
//! `mix2_lognormal(w2=0.1;m1=143;s1=0.1;m2=191;s2=0.1)` (the second part with probability w2) and sums of weighted laws
//! such as `0.95*lognormal(...)+0.05*lognormal(...)` are laws. Everything else is words.

use crate::law::LawSpec;

/// A number: alone, followed by a remark in parentheses, or the default of a range.
pub fn number(text: &str) -> Option<f64> {
    let (head, remark) = match text.split_once('(') {
        Some((head, remark)) => (head.trim(), remark.strip_suffix(')')?.trim()),
        None => (text.trim(), ""),
    };
    let default = || remark.strip_prefix("default ").filter(|_| head.contains(".."));
    plain(head).or_else(|| plain(default()?))
}

fn plain(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text).starts_with(|c: char| c.is_ascii_digit());
    text.parse().ok().filter(|number: &f64| digits && number.is_finite())
}

/// A law, its values times a scale.
pub fn law(text: &str, scale: f64) -> Option<LawSpec> {
    let parts: Vec<&str> = text.split('+').map(str::trim).collect();
    if let [only] = parts[..]
        && !only.contains('*')
    {
        return single(only, scale);
    }
    let part = |part: &&str| {
        let (weight, law) = part.split_once('*')?;
        Some((plain(weight.trim())?, single(law.trim(), scale)?))
    };
    let parts: Vec<(f64, LawSpec)> = parts.iter().map(part).collect::<Option<_>>()?;
    let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
    ((total - 1.0).abs() < 1e-9).then_some(LawSpec::Mixture { parts })
}

fn single(text: &str, scale: f64) -> Option<LawSpec> {
    let (name, rest) = text.split_once('(')?;
    let arguments = Arguments::read(rest.strip_suffix(')')?)?;
    let lognormal = |median: f64, sigma: f64| LawSpec::Lognormal { median: median * scale, sigma };
    match name.trim().to_ascii_lowercase().as_str() {
        "lognormal" => Some(lognormal(arguments.get("median", 0)?, arguments.get("sigma", 1)?)),
        "uniform" => {
            let (low, high) = (arguments.get("low", 0)? * scale, arguments.get("high", 1)? * scale);
            Some(LawSpec::Uniform { low, high })
        }
        "exponential" => Some(LawSpec::Exponential { mean: arguments.get("mean", 0)? * scale }),
        "mix2_lognormal" => {
            let second = arguments.get("w2", 0)?;
            let part = |median, sigma| Some(lognormal(arguments.get(median, 9)?, arguments.get(sigma, 9)?));
            Some(LawSpec::Mixture { parts: vec![(1.0 - second, part("m1", "s1")?), (second, part("m2", "s2")?)] })
        }
        _ => None,
    }
}

/// Arguments of a law: `name=value`, `name value`, or values by place.
struct Arguments(Vec<(String, f64)>);

impl Arguments {
    fn read(text: &str) -> Option<Arguments> {
        let argument = |text: &str| {
            let text = text.trim();
            let (name, value) = text.split_once(['=', ' ']).unwrap_or(("", text));
            Some((name.trim().to_owned(), plain(value.trim())?))
        };
        text.split([';', ',']).map(argument).collect::<Option<_>>().map(Arguments)
    }

    fn get(&self, name: &str, place: usize) -> Option<f64> {
        let named = self.0.iter().find(|(known, _)| known == name);
        named.or_else(|| self.0.get(place).filter(|(known, _)| known.is_empty())).map(|(_, value)| *value)
    }
}

/// The unit itself, without what it is counted of: "ms per request" is `ms`.
fn head(unit: &str) -> &str {
    unit.split([' ', '(']).next().unwrap_or_default()
}

/// Nanoseconds of a unit of time.
pub fn time_scale(unit: &str) -> Option<f64> {
    Some(match head(unit) {
        "ns" => 1.0,
        "us" | "microseconds" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "min" | "minutes" => 60e9,
        "h" | "hours" => 3600e9,
        "days" => 86400e9,
        _ => return None,
    })
}

/// What a unit of rate is per second.
pub fn rate_scale(unit: &str) -> Option<f64> {
    let (_, per) = head(unit).split_once('/')?;
    match per {
        "s" => Some(1.0),
        "min" => Some(1.0 / 60.0),
        _ => None,
    }
}

/// How many of a unit of share make the whole.
pub fn share_whole(unit: &str) -> Option<f64> {
    match unit {
        "%" | "percent" => Some(100.0),
        "probability" | "share" | "per request" => Some(1.0),
        _ => None,
    }
}

/// Bytes of a unit of size.
pub fn size_scale(unit: &str) -> Option<f64> {
    Some(match head(unit) {
        "bytes" | "B" => 1.0,
        "KB" | "KiB" => 1024.0,
        "MB" | "MiB" => 1048576.0,
        "GB" | "GiB" => 1073741824.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_remarks_and_defaults() {
        assert_eq!(number("12"), Some(12.0));
        assert_eq!(number("1e-6"), Some(1e-6));
        assert_eq!(number("300 (0..3600)"), Some(300.0));
        assert_eq!(number("50..29000 (default 29000)"), Some(29000.0));
        assert_eq!(number("504 (keep a switch to 503)"), Some(504.0));
        for words in
            ["1..120", "<1", "10 or 30", "1500 and more", "inf", "nan", "", "2 (open", "+3", "<=60 (default 3)"]
        {
            assert_eq!(number(words), None, "{words}");
        }
    }

    #[test]
    fn laws_are_read_in_both_notations_and_scaled() {
        let lognormal = LawSpec::Lognormal { median: 600_000.0, sigma: 0.5 };
        assert_eq!(law("lognormal(median=0.6;sigma=0.5)", 1e6), Some(lognormal.clone()));
        assert_eq!(law("LogNormal(median 0.6, sigma 0.5)", 1e6), Some(lognormal.clone()));
        assert_eq!(law("lognormal(0.6,0.5)", 1e6), Some(lognormal));
        assert_eq!(law("Uniform(2, 15)", 1e9), Some(LawSpec::Uniform { low: 2e9, high: 15e9 }));
        assert_eq!(law("exponential(mean=19)", 1e3), Some(LawSpec::Exponential { mean: 19e3 }));
    }

    #[test]
    fn mixtures_are_read_with_the_weight_on_the_right_part() {
        let part = |median, sigma| LawSpec::Lognormal { median, sigma };
        let two = LawSpec::Mixture { parts: vec![(0.75, part(10.0, 0.1)), (0.25, part(20.0, 0.2))] };
        assert_eq!(law("mix2_lognormal(w2=0.25;m1=10;s1=0.1;m2=20;s2=0.2)", 1.0), Some(two.clone()));
        assert_eq!(law("0.75*lognormal(10,0.1) + 0.25*lognormal(20,0.2)", 1.0), Some(two));
        assert_eq!(law("0.75*lognormal(10,0.1)+0.35*lognormal(20,0.2)", 1.0), None);
    }

    #[test]
    fn words_around_a_law_are_no_law() {
        for words in [
            "8 x RTT + LogNormal(median 6, sigma 0.4)",
            "LogNormal(median 24, sigma 0.15) to OS ready + application start",
            "lognormal(median=1)",
            "lognormal(median=x;sigma=1)",
            "p50 3; p99 9",
            "normal(1,2)",
        ] {
            assert_eq!(law(words, 1.0), None, "{words}");
        }
    }

    #[test]
    fn units_are_scaled_by_their_first_word() {
        assert_eq!(time_scale("ms per request"), Some(1e6));
        assert_eq!(time_scale("s (2-120)"), Some(1e9));
        assert_eq!(rate_scale("queries/s per IP"), Some(1.0));
        assert_eq!(rate_scale("USD/h"), None);
        assert_eq!(share_whole("percent"), Some(100.0));
        assert_eq!(size_scale("KB"), Some(1024.0));
        assert_eq!(time_scale("RTT"), None);
    }
}
