//! Requests that come to an ordered place in a later window, kept by window.

use std::collections::BTreeMap;

use super::batch::{Batch, DEADLINE, Spare};

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
    /// Rows, below the number of the window they come in.
    coming: Vec<u128>,
    rows: Vec<u32>,
}

impl Default for Kept {
    fn default() -> Kept {
        Kept { batch: Batch::default(), deadline: u64::MAX }
    }
}

impl Ring {
    /// Keeps requests of a batch for the windows they come in.
    pub fn keep_all(&mut self, batch: &Batch, rows: &[u32], length: u64, spare: &mut Spare) {
        self.coming.clear();
        self.coming.extend(rows.iter().map(|&row| {
            let window = batch.at[row as usize] / length;
            (window as u128) << 32 | row as u128
        }));
        self.coming.sort_unstable();
        for coming in self.coming.chunk_by(|a, b| a >> 32 == b >> 32) {
            self.rows.clear();
            self.rows.extend(coming.iter().map(|&coming| coming as u32));
            let gathered = batch.gathered(&self.rows, spare);
            let kept = self.windows.entry((coming[0] >> 32) as u64).or_default();
            kept.deadline = kept.deadline.min(gathered.least(DEADLINE));
            kept.batch.append(gathered, spare);
        }
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
