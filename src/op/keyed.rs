//! Maps by class and key. Their order is never looked at, so a fast hash is all they need.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map from the key of a request.
pub type KeyMap<V> = HashMap<u64, V, BuildHasherDefault<KeyHasher>>;

/// The object a request asks for: keys of different classes are different objects.
#[inline]
pub fn object(class: u16, key: u32) -> u64 {
    (class as u64) << 32 | key as u64
}

/// Spreads the bits of an integer key (the finaliser of splitmix64).
#[inline]
pub fn spread(key: u64) -> u64 {
    let mut x = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Hashes a single `u64`.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = spread(self.0 ^ byte as u64);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = spread(key);
    }
}
