//! The newest of many names in order, without listing them all.
//!
//! Old state caches are deleted, so one short listing finds the newest. Where the store refuses
//! that, they pile up, one for each run of years; their number must not decide what a run costs.

/// A search for the last of the numbers that somebody can list, at most `page` of them at once.
/// It is over after one listing where there are fewer, and otherwise after about as many as their
/// number can be doubled.
#[derive(Debug)]
pub(super) struct NewestSearch {
    page: usize,
    /// The greatest number seen.
    last: Option<u64>,
    /// How far beyond it to look next.
    step: u64,
    /// Whether there was something wherever was looked.
    grows: bool,
    over: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// List the numbers after this one, or from the first.
    List(Option<u64>),
    /// The last number; none where there is none.
    Found(Option<u64>),
}

impl NewestSearch {
    pub(super) fn new(page: usize) -> Self {
        Self {
            page,
            last: None,
            step: 0,
            grows: true,
            over: false,
        }
    }

    pub(super) fn next(&self) -> Next {
        if self.over {
            Next::Found(self.last)
        } else {
            Next::List(self.last.map(|last| last.saturating_add(self.step)))
        }
    }

    /// Takes in what was listed, in order.
    pub(super) fn hear(&mut self, listed: &[u64]) {
        let is_end = listed.len() < self.page;
        match listed.last() {
            Some(newer) => {
                let is_first = self.last.replace(*newer).is_none();
                self.over = is_end;
                self.step = match (is_first, self.grows) {
                    (true, _) => (*newer).max(1),
                    (false, true) => self.step.saturating_mul(2),
                    (false, false) => self.step / 2,
                };
            }
            None => {
                self.over = self.step == 0;
                self.grows = false;
                self.step /= 2;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The newest of some numbers, and how often was listed.
    fn searched(page: usize, all: &[u64]) -> (Option<u64>, u32) {
        let mut search = NewestSearch::new(page);
        let mut listings = 0;
        loop {
            match search.next() {
                Next::Found(found) => return (found, listings),
                Next::List(after) => {
                    listings += 1;
                    let from = after.map_or(0, |after| all.partition_point(|it| *it <= after));
                    let to = all.len().min(from + page);
                    search.hear(&all[from..to]);
                }
            }
        }
    }

    #[test]
    fn the_newest_is_found_whatever_the_gaps() {
        for page in [1, 2, 7, 100] {
            for count in [0, 1, 2, 3, 7, 8, 100, 101, 1_000] {
                for stretch in [1, 3, 1_000] {
                    let all: Vec<u64> = (0..count).map(|n| n * n * stretch + n).collect();
                    let (found, _) = searched(page, &all);
                    assert_eq!(found, all.last().copied(), "{page} {count} {stretch}");
                }
            }
        }
        let edges = [0, 1, u64::MAX - 1, u64::MAX];
        assert_eq!(searched(1, &edges).0, Some(u64::MAX));
    }

    #[test]
    fn a_few_are_found_at_once_and_very_many_soon() {
        let all: Vec<u64> = (0..100_000).map(|n| 2 * n + 1).collect();
        assert_eq!(searched(1_000, &all[99_001..]).1, 1);
        let (_, listings) = searched(1_000, &all);
        assert!(listings <= 20, "{listings}");
    }
}
