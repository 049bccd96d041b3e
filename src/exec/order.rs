//! The order in time of the requests of one window.

/// Puts requests of a window in order of time. Kept from window to window, so that its memory is.
#[derive(Clone, Debug, Default)]
pub struct Order {
    indices: Vec<u32>,
    ties: bool,
}

impl Order {
    /// Orders `times`, none of which is before `start`. Those before `start + cut` come first, in order; the others follow
    /// in any order. `cut` is at most 2^`shift`, the length of a window, and `shift` at most 32. Gives the number of
    /// times before the cut.
    ///
    /// Equal times before the cut are put in order of `tie`, called with their indices.
    pub fn order(&mut self, times: &[u64], start: u64, shift: u32, cut: u64, tie: impl Fn(u32) -> (u64, u64)) -> usize {
        let _ = shift;
        let end = start + cut;
        self.indices.clear();
        self.indices.extend(0..times.len() as u32);
        self.indices.sort_unstable_by_key(|&index| {
            let time = times[index as usize];
            if time < end { (time, tie(index)) } else { (u64::MAX, (0, 0)) }
        });
        let inside = self.indices.partition_point(|&index| times[index as usize] < end);
        self.ties = self.indices[..inside].windows(2).any(|pair| times[pair[0] as usize] == times[pair[1] as usize]);
        inside
    }

    /// The order found: the index of the first request, of the second, ...
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Whether two times before the cut were equal.
    pub fn has_ties(&self) -> bool {
        self.ties
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_the_cut_come_first_in_order_and_ties_by_their_keys() {
        let times = [1_000_050, 1_000_010, 1_000_500, 1_000_010, 1_000_000];
        let mut order = Order::default();
        let inside = order.order(&times, 1_000_000, 10, 100, |index| (u64::from(10 - index), 0));
        assert_eq!((inside, order.indices(), order.has_ties()), (4, [4, 3, 1, 0, 2].as_slice(), true));
    }
}
