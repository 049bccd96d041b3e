//! Requests in order of time.

/// The rows whose time lies before `cut`, in order of time from `start`, ties by `tie`; the others behind them.
/// Gives how many lie before the cut. `cut - start` is at most 2^32.
pub(super) fn order<K: Ord>(
    at: &[u64],
    start: u64,
    cut: u64,
    tie: impl Fn(u32) -> K,
    keys: &mut Vec<u64>,
    rows: &mut Vec<u32>,
) -> usize {
    keys.clear();
    rows.clear();
    for (row, &at) in at.iter().enumerate() {
        if at < cut {
            keys.push((at - start) << 32 | row as u64);
        }
    }
    keys.sort_unstable();
    rows.extend(keys.iter().map(|&key| key as u32));
    let before = rows.len();
    let mut from = 0;
    while from < before {
        let offset = keys[from] >> 32;
        let mut to = from + 1;
        while to < before && keys[to] >> 32 == offset {
            to += 1;
        }
        if to - from > 1 {
            rows[from..to].sort_unstable_by_key(|&row| tie(row));
        }
        from = to;
    }
    if before < at.len() {
        rows.extend((0..at.len() as u32).filter(|&row| at[row as usize] >= cut));
    }
    before
}
