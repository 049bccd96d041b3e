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
    /// Rows, below the distance of the window they come in from the first of those windows.
    coming: Vec<u64>,
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
        let Some(first) = rows.iter().map(|&row| batch.at[row as usize] / length).min() else { return };
        let window = |row: u32| batch.at[row as usize] / length;
        self.coming.clear();
        self.coming.extend(rows.iter().map(|&row| (window(row) - first).min(u32::MAX as u64) << 32 | row as u64));
        self.coming.sort_unstable();
        for coming in self.coming.chunk_by(|&a, &b| a >> 32 == b >> 32 && a >> 32 < u32::MAX as u64) {
            self.rows.clear();
            self.rows.extend(coming.iter().map(|&coming| coming as u32));
            let gathered = batch.gathered(&self.rows, spare);
            let kept = self.windows.entry(window(self.rows[0])).or_default();
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
