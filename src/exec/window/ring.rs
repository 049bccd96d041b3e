//! Requests that come to an ordered place in a later window, kept by window.

use std::collections::BTreeMap;

use super::batch::{Batch, Spare};

/// Future windows of one place of the program.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    windows: BTreeMap<u64, Batch>,
    rows: Vec<u32>,
}

impl Ring {
    /// Keeps a request of a batch for the window it comes in.
    pub fn keep(&mut self, batch: &Batch, row: usize, shift: u32, spare: &mut Spare) {
        self.windows.entry(batch.at[row] >> shift).or_default().push(batch, row, spare);
    }

    /// Keeps many, none of which comes before `from`: most come in the window that begins there.
    pub fn keep_all(&mut self, batch: &Batch, rows: &[u32], from: u64, shift: u32, spare: &mut Spare) {
        let next = from >> shift;
        self.rows.clear();
        for &row in rows {
            if batch.at[row as usize] >> shift == next {
                self.rows.push(row);
            } else {
                self.keep(batch, row as usize, shift, spare);
            }
        }
        if !self.rows.is_empty() {
            let soon = batch.gathered(&self.rows, spare);
            self.windows.entry(next).or_default().append(soon, spare);
        }
    }

    /// The requests that come in a window.
    pub fn take(&mut self, window: u64) -> Option<Batch> {
        let first = self.windows.first_entry()?;
        (*first.key() == window).then(|| first.remove())
    }

    /// The first window in which a request comes.
    pub fn next(&self) -> Option<u64> {
        self.windows.first_key_value().map(|(&window, _)| window)
    }
}
