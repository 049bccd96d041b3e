//! Requests that come to an ordered place in a later window, kept by window.

use std::collections::BTreeMap;

use super::batch::{Batch, Spare};

/// Future windows of one place of the program.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    windows: BTreeMap<u64, Batch>,
}

impl Ring {
    /// Keeps a request of a batch for the window it comes in.
    pub fn keep(&mut self, batch: &Batch, row: usize, shift: u32, spare: &mut Spare) {
        self.windows.entry(batch.at[row] >> shift).or_default().push(batch, row, spare);
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
