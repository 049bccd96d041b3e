//! Hit ratios of caches under independent references: every request asks for object i with probability p_i, whatever was
//! asked for before, and requests come in a Poisson stream.
//!
//! Sources: H. Che, Y. Tung, Z. Wang, IEEE JSAC 20 (2002) 1305; N. C. Fofack, P. Nain, G. Neglia, D. Towsley, Performance
//! Evaluation of Hierarchical TTL-based Cache Networks, Computer Networks 65 (2014) 212.

use crate::math::exp_m1;

/// Hit ratio of a cache without bound whose entries live for `ttl` from when they were put in, filled at once: object i has
/// one miss and p_i rate ttl hits a life.
pub fn ttl(popularity: &[f64], rate: f64, ttl: f64) -> f64 {
    popularity.iter().map(|p| p * hits_of_a_life(p * rate * ttl)).sum()
}

fn hits_of_a_life(hits: f64) -> f64 {
    if hits.is_finite() { hits / (1.0 + hits) } else { 1.0 }
}

/// The same for entries whose life starts anew at every hit: a hit when the next request comes within `ttl`.
pub fn ttl_renewed(popularity: &[f64], rate: f64, ttl: f64) -> f64 {
    popularity.iter().map(|p| -p * exp_m1(-p * rate * ttl)).sum()
}

/// Hit ratio of a least-recently-used cache of `capacity` entries by Che's approximation: as a cache with renewed lives of
/// one characteristic time, at which as many entries are alive on average as there is room for.
pub fn che(popularity: &[f64], capacity: u32) -> f64 {
    let room = f64::from(capacity);
    if popularity.iter().filter(|&&p| p > 0.0).count() as f64 <= room {
        return 1.0;
    }
    let alive = |time: f64| popularity.iter().map(|p| -exp_m1(-p * time)).sum::<f64>();
    let (mut low, mut high) = (0.0, room);
    while alive(high) < room && high < 1e300 {
        low = high;
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if alive(middle) < room { low = middle } else { high = middle }
    }
    ttl_renewed(popularity, 1.0, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_object_hits_as_its_renewals_say() {
        assert!((ttl(&[1.0], 3.0, 2.0) - 6.0 / 7.0).abs() < 1e-15);
        assert!((ttl_renewed(&[1.0], 3.0, 2.0) - (1.0 - (-6f64).exp())).abs() < 1e-15);
        assert_eq!(ttl(&[1.0], 3.0, f64::INFINITY), 1.0);
    }

    #[test]
    fn equal_objects_hit_in_proportion_to_the_room() {
        // Exact for least recently used, too: by symmetry any of the objects is in with probability room / objects.
        let equal = vec![0.001; 1000];
        assert!((che(&equal, 300) - 0.3).abs() < 1e-9, "{}", che(&equal, 300));
        assert_eq!(che(&equal, 1000), 1.0);
    }

    #[test]
    fn renewed_lives_hit_more() {
        let popularity = [0.5, 0.3, 0.2];
        assert!(ttl_renewed(&popularity, 1.0, 2.0) > ttl(&popularity, 1.0, 2.0));
    }
}
