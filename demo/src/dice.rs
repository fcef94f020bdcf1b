//! Reproducible draws: the same seed, purpose and index always give the same values, on every
//! machine and in every order of asking.

/// Alphabet of Kestra's `FriendlyId`: a UUID in base 62.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a draw is for; keeps streams of one index apart.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum Purpose {
    Population = 1,
    Calendar,
    Record,
    Id,
    Execution,
    Incident,
    Oddity,
    Trouble,
    Ties,
    Faults,
    Churn,
    Bulk,
}

/// A stream of draws (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The stream of one index for one purpose.
    pub(crate) fn of(seed: u64, purpose: Purpose, index: u64) -> Self {
        Self(scramble(
            seed ^ scramble(((purpose as u64) << 56) ^ scramble(index)),
        ))
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// A number in `0..bound`; 0 where `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The upper half of a product of two 64-bit numbers is below either of them.
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// An index into something of `length` elements; 0 where that is empty.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// One element.
    pub(crate) fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.index(all.len())]
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A 22-character id like those that Kestra makes.
    pub(crate) fn friendly_id(&mut self) -> String {
        // The first digit of a 128-bit number of 22 base-62 digits is at most 7.
        let mut id = String::with_capacity(22);
        let (mut high, mut low) = (self.bits(), self.bits());
        id.push(char::from(BASE62[1 + (high % 7) as usize]));
        high /= 7;
        for _ in 0..10 {
            id.push(char::from(BASE62[(high % 62) as usize]));
            high /= 62;
        }
        low ^= high.rotate_left(32);
        for _ in 0..10 {
            id.push(char::from(BASE62[(low % 62) as usize]));
            low /= 62;
        }
        id.push(char::from(BASE62[(low % 62) as usize]));
        id
    }
}

/// The finalizer of SplitMix64: every input bit changes about half of the output bits.
pub(crate) fn scramble(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// FNV-1a, for turning text into an index of a stream.
pub(crate) fn fingerprint(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A wheel of fortune: picks an index with a given weight.
#[derive(Debug, Clone)]
pub(crate) struct Wheel {
    edges: Vec<f64>,
}

impl Wheel {
    /// One field per weight.
    pub(crate) fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let edges = weights
            .into_iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        Self { edges }
    }

    /// Weights that fall like 1, 1/2^s, 1/3^s …: a few do most of the work.
    pub(crate) fn zipf(fields: usize, exponent: f64) -> Self {
        Self::new((1..=fields).map(|rank| (rank as f64).powf(-exponent)))
    }

    /// Turns the wheel once.
    pub(crate) fn turn(&self, dice: &mut Dice) -> usize {
        let sum = self.edges.last().copied().unwrap_or(0.0);
        let at = dice.unit() * sum;
        let field = self.edges.partition_point(|edge| *edge <= at);
        field.min(self.edges.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_look_like_friendly_ids_and_differ() {
        let mut seen = HashSet::new();
        for index in 0..20_000 {
            let id = Dice::of(7, Purpose::Id, index).friendly_id();
            assert_eq!(id.len(), 22);
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert!(seen.insert(id));
        }
    }

    #[test]
    fn the_same_stream_twice_is_the_same() {
        let draws = |seed| {
            let mut dice = Dice::of(seed, Purpose::Record, 12);
            [dice.bits(), dice.below(10), dice.index(3) as u64]
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
    }

    #[test]
    fn a_zipf_wheel_prefers_the_first_fields() {
        let wheel = Wheel::zipf(50, 1.1);
        let mut dice = Dice::of(1, Purpose::Population, 0);
        let mut hits = [0u32; 50];
        for _ in 0..10_000 {
            hits[wheel.turn(&mut dice)] += 1;
        }
        assert!(hits[0] > 4 * hits[9] && hits[9] > 0);
    }
}
