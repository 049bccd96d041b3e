//! Requests that come to an ordered place in a later window, kept by window.

use std::collections::BTreeMap;

use super::batch::{Batch, DEADLINE, Spare};

/// Windows for which requests are kept together; in later ones they are few.
const NEAR: usize = 2;

/// Requests of one window.
#[derive(Clone, Debug)]
struct Kept {
    batch: Batch,
    /// The earliest deadline pending.
    deadline: u64,
}

/// Future windows of one place of the program.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    windows: BTreeMap<u64, Kept>,
    rest: Vec<u32>,
    soon: Vec<u32>,
}

impl Default for Kept {
    fn default() -> Kept {
        Kept { batch: Batch::default(), deadline: u64::MAX }
    }
}

impl Ring {
    /// Keeps a request of a batch for the window it comes in.
    fn keep(&mut self, batch: &Batch, row: usize, length: u64, spare: &mut Spare) {
        let kept = self.windows.entry(batch.at[row] / length).or_default();
        kept.deadline = kept.deadline.min(batch.get(DEADLINE, row));
        kept.batch.push(batch, row, spare);
    }

    /// Keeps many, none of which comes before `from`: most come in the windows that begin there.
    pub fn keep_all(&mut self, batch: &Batch, rows: &[u32], from: u64, length: u64, spare: &mut Spare) {
        let (mut rest, mut soon) = (std::mem::take(&mut self.rest), std::mem::take(&mut self.soon));
        rest.clear();
        rest.extend_from_slice(rows);
        for window in (from / length..).take(NEAR) {
            let end = (window + 1) * length;
            soon.clear();
            rest.retain(|&row| {
                let later = batch.at[row as usize] >= end;
                if !later {
                    soon.push(row);
                }
                later
            });
            if !soon.is_empty() {
                let gathered = batch.gathered(&soon, spare);
                let kept = self.windows.entry(window).or_default();
                kept.deadline = kept.deadline.min(gathered.least(DEADLINE));
                kept.batch.append(gathered, spare);
            }
        }
        rest.iter().for_each(|&row| self.keep(batch, row as usize, length, spare));
        (self.rest, self.soon) = (rest, soon);
    }

    /// The requests that come in a window.
    pub fn take(&mut self, window: u64) -> Option<Batch> {
        let first = self.windows.first_entry()?;
        (*first.key() == window).then(|| first.remove().batch)
    }

    /// All requests.
    pub fn take_all(&mut self) -> impl Iterator<Item = Batch> {
        std::mem::take(&mut self.windows).into_values().map(|kept| kept.batch)
    }

    /// The earliest deadline of all requests; `u64::MAX` when none is pending.
    pub fn deadline(&self) -> u64 {
        self.windows.values().map(|kept| kept.deadline).min().unwrap_or(u64::MAX)
    }

    /// The first window in which a request comes.
    pub fn next(&self) -> Option<u64> {
        self.windows.first_key_value().map(|(&window, _)| window)
    }
}
