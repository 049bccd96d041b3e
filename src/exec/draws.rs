//! The draws of a run: laws bound to the keys of one seed and replication.

use std::sync::Arc;

use crate::law::Law;
use crate::program::{Program, SiteId};
use crate::rng::Key;
use crate::time::Span;

/// Laws and keys of all sites.
#[derive(Clone, Debug)]
pub struct Draws {
    sites: Arc<[(Key, Law)]>,
}

impl Draws {
    /// Binds the sites of a program to a seed and a replication.
    pub fn new(program: &Program, seed: u64, replication: u64) -> Draws {
        let bind = |site: &crate::program::Site| {
            let law = site.law.clone().unwrap_or_else(|| Law::constant(0));
            (Key::new(seed, replication, &site.stage, &site.purpose), law)
        };
        Draws { sites: program.sites.iter().map(bind).collect() }
    }

    /// Random bits for a word (serial and trail) at a site.
    #[inline(always)]
    pub fn bits(&self, site: SiteId, word: u64) -> u64 {
        self.sites[site.index()].0.bits(word)
    }

    /// The values of the law of a site for random bits of that site.
    pub fn fill(&self, site: SiteId, bits: &[u64], values: &mut [u64]) {
        self.sites[site.index()].1.fill(bits, values);
    }

    /// Random bits for many words at a site.
    pub fn bits_of(&self, site: SiteId, words: &[u64], bits: &mut [u64]) {
        let key = &self.sites[site.index()].0;
        key.fill(words, bits);
    }

    /// Values of the law of a site for many words.
    pub fn spans(&self, site: SiteId, words: &[u64], spans: &mut [u64]) {
        let (key, law) = &self.sites[site.index()];
        law.draw_all(key, words, spans);
    }

    /// Times later by values of the law of a site.
    pub fn add(&self, site: SiteId, words: &[u64], from: &[u64], to: &mut [u64]) {
        let (key, law) = &self.sites[site.index()];
        law.add(key, words, from, to);
    }

    /// A value of the law of a site.
    #[inline(always)]
    pub fn span(&self, site: SiteId, word: u64) -> Span {
        let (key, law) = &self.sites[site.index()];
        Span(law.draw(key.bits(word)))
    }
}
