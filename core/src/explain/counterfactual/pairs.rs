//! Pairs of steps, the smallest first, without listing all of them.

use core::cmp::Reverse;
use std::collections::BinaryHeap;

use super::steps::Step;

/// Pairs of steps, smallest first. Taking a pair pushes its successors, which are no smaller: its first step
/// with the next second step and, if it was the first pair of its first step, the first pair of the next
/// step.
pub(super) struct Pairs<'s> {
    steps: &'s [Step],
    /// Size, position of the first step, position of the second step.
    due: BinaryHeap<Reverse<(u64, usize, usize)>>,
}

impl<'s> Pairs<'s> {
    pub(super) fn new(steps: &'s [Step]) -> Self {
        let mut pairs = Self { steps, due: BinaryHeap::new() };
        pairs.push(0, 1);
        pairs
    }

    fn push(&mut self, first: usize, second: usize) {
        if let (Some(one), Some(other)) = (self.steps.get(first), self.steps.get(second)) {
            // For numbers that are at least 0, the order of the bits is the order of the numbers.
            self.due.push(Reverse(((one.size + other.size).to_bits(), first, second)));
        }
    }
}

impl<'s> Iterator for Pairs<'s> {
    type Item = [&'s Step; 2];

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((_, first, second)) = self.due.pop()?;
        self.push(first, second + 1);
        if second == first + 1 {
            self.push(first + 1, first + 2);
        }
        Some([self.steps.get(first)?, self.steps.get(second)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pairs_come_once_the_smallest_first() {
        let sizes = [0.1, 0.1, 0.25, 0.3, 0.3, 0.35, 1.0, 1.0];
        let steps: Vec<Step> = sizes
            .iter()
            .enumerate()
            .map(|(feature, size)| Step { feature, size: *size, value: 0.0 })
            .collect();
        let mut expected: Vec<(f64, usize, usize)> = (0..sizes.len())
            .flat_map(|first| (first + 1..sizes.len()).map(move |second| (first, second)))
            .map(|(first, second)| (sizes[first] + sizes[second], first, second))
            .collect();
        expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let found: Vec<(f64, usize, usize)> = Pairs::new(&steps)
            .map(|[one, other]| (one.size + other.size, one.feature, other.feature))
            .collect();
        assert_eq!(found, expected);
        for few in 0..2 {
            assert_eq!(Pairs::new(&steps[..few]).count(), 0);
        }
    }
}
