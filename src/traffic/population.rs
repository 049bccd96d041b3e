//! What requests are like: class, sizes and key of each, drawn by its serial number.

use std::sync::Arc;

use super::{TrafficError, check};
use crate::exec::Arrival;
use crate::law::Law;
use crate::math::pow;
use crate::rng::{Key, uniform};
use crate::time::Time;

/// A kind of request.
#[derive(Clone, Debug)]
pub struct Class {
    /// Its name in the scenario.
    pub name: String,
    /// Its part of all requests, relative to the sum over the classes.
    pub weight: f64,
    /// Size of the request in bytes.
    pub request_size: Law,
    /// Size of the response in bytes.
    pub response_size: Law,
    /// The objects it asks for; without them every request has the class's one key.
    pub keys: Option<Keys>,
}

impl Class {
    /// A class of empty requests for one object.
    pub fn new(name: &str) -> Class {
        let size = Law::constant(0);
        Class { name: name.into(), weight: 1.0, request_size: size.clone(), response_size: size, keys: None }
    }
}

/// The popularity of objects: object k of 0, 1, ... is asked for in proportion to (k + 1)^-exponent (Zipf's law).
#[derive(Clone, Debug)]
pub struct Keys {
    /// Probability of an object up to and including this one; the last is 1.
    cumulative: Arc<[f64]>,
    /// For each of so many equal pieces of the uniform, the first object that can lie in it.
    guide: Arc<[u32]>,
}

impl Keys {
    /// The most objects of one class.
    pub const MOST: u32 = 10_000_000;

    /// `count` objects; exponent 0 makes all alike.
    ///
    /// # Errors
    /// When the count is not from one to [`Keys::MOST`] or the exponent not from 0 to 10.
    pub fn zipf(count: u32, exponent: f64) -> Result<Keys, TrafficError> {
        check((1..=Keys::MOST).contains(&count), "the number of keys", "from 1 to 10000000")?;
        check((0.0..=10.0).contains(&exponent), "the Zipf exponent", "from 0 to 10")?;
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = (1..=count)
            .map(|rank| {
                sum += pow(f64::from(rank), -exponent);
                sum
            })
            .collect();
        cumulative.iter_mut().for_each(|share| *share /= sum);
        let pieces = (count as usize).next_power_of_two().min(1 << 16);
        let guide = (0..=pieces).map(|piece| {
            let least = piece as f64 / pieces as f64;
            cumulative.partition_point(|&share| share <= least) as u32
        });
        Ok(Keys { guide: guide.collect(), cumulative: cumulative.into() })
    }

    /// How many objects there are.
    pub fn count(&self) -> u32 {
        self.cumulative.len() as u32
    }

    /// The probability that a request asks for object `key`.
    pub fn share(&self, key: u32) -> f64 {
        let key = key as usize;
        let before = key.checked_sub(1).map_or(0.0, |before| self.cumulative[before]);
        self.cumulative[key] - before
    }

    /// The object of 64 random bits: the first whose cumulative probability lies above the uniform. It rises with the
    /// bits.
    #[inline]
    pub fn draw(&self, bits: u64) -> u32 {
        let u = uniform(bits);
        let piece = (u * (self.guide.len() - 1) as f64) as usize;
        let (first, last) = (self.guide[piece] as usize, self.guide[piece + 1] as usize);
        let last = last.min(self.cumulative.len() - 1);
        (first + self.cumulative[first..last].partition_point(|&share| share <= u)) as u32
    }
}

/// All classes of a traffic. Keys of different classes are different objects: they are numbered class after class.
#[derive(Clone, Debug)]
pub struct Population {
    classes: Vec<Class>,
    /// Probability of a class up to and including this one.
    cumulative: Vec<f64>,
    /// First key of each class.
    first_keys: Vec<u32>,
}

impl Default for Population {
    /// One class, of empty requests for one object.
    fn default() -> Population {
        Population { classes: vec![Class::new("all")], cumulative: vec![1.0], first_keys: vec![0] }
    }
}

impl Population {
    /// A population of these classes.
    ///
    /// # Errors
    /// When there are none or too many, a weight is negative or all are zero, or there are more than 2^32 keys.
    pub fn new(classes: Vec<Class>) -> Result<Population, TrafficError> {
        check((1..=60_000).contains(&classes.len()), "the number of classes", "from 1 to 60000")?;
        let total: f64 = classes.iter().map(|class| class.weight).sum();
        let valid = classes.iter().all(|class| class.weight >= 0.0) && total > 0.0 && total.is_finite();
        check(valid, "the shares of the classes", "zero or above, and not all zero")?;
        let mut sum = 0.0;
        let cumulative = classes.iter().map(|class| {
            sum += class.weight;
            sum / total
        });
        let cumulative = cumulative.collect();
        let mut keys = 0u64;
        let mut first_keys = Vec::with_capacity(classes.len());
        for class in &classes {
            first_keys.push(keys as u32);
            keys += class.keys.as_ref().map_or(1, |keys| u64::from(keys.count()));
        }
        check(keys <= u64::from(u32::MAX), "the number of keys of all classes", "at most 4294967295")?;
        Ok(Population { classes, cumulative, first_keys })
    }

    /// The classes, in order of their numbers.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// The number of a class by its name.
    pub fn class(&self, name: &str) -> Option<u16> {
        self.classes.iter().position(|class| class.name == name).map(|index| index as u16)
    }

    /// The number of different keys.
    pub fn keys(&self) -> u32 {
        let last = self.classes.len() - 1;
        self.first_keys[last] + self.classes[last].keys.as_ref().map_or(1, Keys::count)
    }

    /// What makes requests of one replication.
    pub(super) fn dresser(&self, key: &dyn Fn(&str) -> Key) -> Dresser {
        let wardrobe = |(class, &first_key): (&Class, &u32)| Wardrobe {
            request_size: Size::new(&class.request_size),
            response_size: Size::new(&class.response_size),
            keys: class.keys.clone(),
            first_key,
        };
        Dresser {
            wardrobes: self.classes.iter().zip(&self.first_keys).map(wardrobe).collect(),
            cumulative: self.cumulative.clone(),
            class: key("class"),
            request_size: key("request_size"),
            response_size: key("response_size"),
            key: key("key"),
        }
    }
}

/// Makes requests: gives each its attributes, every one a function of the serial number.
#[derive(Clone, Debug)]
pub(super) struct Dresser {
    wardrobes: Vec<Wardrobe>,
    cumulative: Vec<f64>,
    class: Key,
    request_size: Key,
    response_size: Key,
    key: Key,
}

/// What the requests of a class are drawn from.
#[derive(Clone, Debug)]
struct Wardrobe {
    request_size: Size,
    response_size: Size,
    keys: Option<Keys>,
    first_key: u32,
}

/// A size in bytes; a constant one costs no draw.
#[derive(Clone, Debug)]
enum Size {
    Constant(u32),
    Drawn(Law),
}

impl Size {
    fn new(law: &Law) -> Size {
        law.is_constant().map_or_else(|| Size::Drawn(law.clone()), |bytes| Size::Constant(in_bytes(bytes)))
    }

    #[inline]
    fn draw(&self, key: &Key, serial: u64) -> u32 {
        match self {
            Size::Constant(bytes) => *bytes,
            Size::Drawn(law) => in_bytes(law.draw(key.bits(serial))),
        }
    }
}

/// A number of bytes, at most what a request can say.
#[inline]
fn in_bytes(bytes: u64) -> u32 {
    bytes.min(u64::from(u32::MAX)) as u32
}

impl Dresser {
    /// The request that all are like but for time and serial number, if they are alike.
    pub fn alike(&self) -> Option<Arrival> {
        match &self.wardrobes[..] {
            [Wardrobe { request_size: Size::Constant(_), response_size: Size::Constant(_), keys: None, .. }] => {
                Some(self.request(Time::ZERO, 0))
            }
            _ => None,
        }
    }

    /// A request of a class drawn by the shares.
    #[inline]
    pub fn request(&self, at: Time, serial: u64) -> Arrival {
        let last = self.wardrobes.len() - 1;
        if last == 0 {
            return self.request_of(0, at, serial);
        }
        let u = uniform(self.class.bits(serial));
        let class = self.cumulative.partition_point(|&share| share <= u).min(last);
        self.request_of(class as u16, at, serial)
    }

    /// A request of a given class.
    #[inline]
    pub fn request_of(&self, class: u16, at: Time, serial: u64) -> Arrival {
        let wardrobe = &self.wardrobes[class as usize];
        let rank = wardrobe.keys.as_ref().map_or(0, |keys| keys.draw(self.key.bits(serial)));
        Arrival {
            at,
            serial,
            class,
            key: wardrobe.first_key + rank,
            request_bytes: wardrobe.request_size.draw(&self.request_size, serial),
            response_bytes: wardrobe.response_size.draw(&self.response_size, serial),
            demand: 0,
            target: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::LawSpec;
    use crate::rng::Key;

    #[test]
    fn keys_follow_zipfs_law() {
        let keys = Keys::zipf(1000, 0.9).unwrap();
        let normal: f64 = (1..=1000).map(|rank| f64::from(rank).powf(-0.9)).sum();
        assert!((keys.share(0) * normal - 1.0).abs() < 1e-12);
        assert!((keys.share(999) * normal / 1000f64.powf(-0.9) - 1.0).abs() < 1e-9);
        let key = Key::new(3, 0, "test", "zipf");
        let n = 1_000_000;
        let mut counts = vec![0u64; 1000];
        (0..n).for_each(|serial| counts[keys.draw(key.bits(serial)) as usize] += 1);
        // Chi-square with 999 degrees of freedom exceeds 1190 with probability 2e-5.
        let square = |(rank, &count): (usize, &u64)| {
            let expected = n as f64 * keys.share(rank as u32);
            (count as f64 - expected) * (count as f64 - expected) / expected
        };
        assert!(counts.iter().enumerate().map(square).sum::<f64>() < 1190.0);
    }

    #[test]
    fn a_key_is_the_first_whose_share_lies_above_the_uniform() {
        for (count, exponent) in [(1, 1.0), (2, 0.0), (3, 5.0), (1000, 0.9), (100_000, 1.2)] {
            let keys = Keys::zipf(count, exponent).unwrap();
            let mut last = 0;
            for bits in (0..100_000u64).map(|i| i * (u64::MAX / 99_999)) {
                let u = uniform(bits);
                let expected = keys.cumulative.partition_point(|&share| share <= u).min(count as usize - 1) as u32;
                let found = keys.draw(bits);
                assert_eq!(found, expected, "{count} keys, exponent {exponent}, u = {u}");
                assert!(found >= last);
                last = found;
            }
        }
    }

    #[test]
    fn classes_come_in_their_shares_with_their_own_sizes_and_keys() {
        let law = |bytes: u64| Law::constant(bytes);
        let keys = |count| Some(Keys::zipf(count, 0.0).unwrap());
        let population = Population::new(vec![
            Class { weight: 80.0, request_size: law(100), keys: keys(10), ..Class::new("read") },
            Class { weight: 20.0, request_size: law(5000), keys: keys(5), ..Class::new("write") },
            Class { weight: 0.0, ..Class::new("never") },
        ])
        .unwrap();
        assert_eq!((population.class("write"), population.class("delete"), population.keys()), (Some(1), None, 16));
        let dresser = population.dresser(&|purpose| Key::new(5, 0, "test", purpose));
        let n = 100_000u64;
        let mut writes = 0;
        for serial in 0..n {
            let arrival = dresser.request(Time::ZERO, serial);
            match arrival.class {
                0 => assert!(arrival.request_bytes == 100 && arrival.key < 10),
                1 => {
                    assert!(arrival.request_bytes == 5000 && (10..15).contains(&arrival.key));
                    writes += 1;
                }
                class => panic!("class {class} has no share"),
            }
        }
        // Four standard errors.
        assert!((writes as f64 / n as f64 - 0.2).abs() < 4.0 * (0.16 / n as f64).sqrt());
    }

    #[test]
    fn sizes_follow_their_law_and_depend_on_nothing_but_the_serial() {
        let size = Law::compile(&LawSpec::Exponential { mean: 2000.0 }).unwrap();
        let population = Population::new(vec![Class { response_size: size, ..Class::new("all") }]).unwrap();
        let dresser = population.dresser(&|purpose| Key::new(5, 0, "test", purpose));
        let bytes = |serial| dresser.request(Time::ZERO, serial).response_bytes;
        let forward: Vec<u32> = (0..10_000).map(bytes).collect();
        let backward: Vec<u32> = (0..10_000).rev().map(bytes).collect();
        assert!(forward.iter().eq(backward.iter().rev()));
        let mean = forward.iter().map(|&bytes| f64::from(bytes)).sum::<f64>() / 10_000.0;
        assert!((mean - 2000.0).abs() < 4.0 * 20.0);
    }

    #[test]
    fn bad_populations_are_refused() {
        let class = |weight| Class { weight, ..Class::new("x") };
        for classes in [vec![], vec![class(0.0)], vec![class(-1.0), class(2.0)], vec![class(f64::NAN)]] {
            assert!(Population::new(classes).is_err());
        }
        assert!(Keys::zipf(0, 1.0).is_err() && Keys::zipf(5, -1.0).is_err() && Keys::zipf(5, f64::NAN).is_err());
    }
}
