//! A set of objects in a few bytes, so that two listings can be compared without keeping either.

use sha2::{Digest as _, Sha256};

/// The digest of one version of an object: SHA-256 of its key, a NUL, and its version.
pub fn object_digest(key: &str, version: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(key);
    hash.update([0]);
    hash.update(version);
    hash.finalize().into()
}

/// How many objects there are, and their digests joined by exclusive or: the same in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListedSet {
    /// How many.
    pub count: u64,
    /// The digests, joined.
    pub digest: [u8; 32],
}

impl ListedSet {
    /// Adds a version of an object.
    pub fn add(&mut self, key: &str, version: &str) {
        self.count += 1;
        self.join(object_digest(key, version));
    }

    /// Adds all of another set, which has no object of this one.
    pub fn extend(&mut self, other: &Self) {
        self.count += other.count;
        self.join(other.digest);
    }

    fn join(&mut self, digest: [u8; 32]) {
        let bytes = self.digest.iter_mut().zip(digest);
        bytes.for_each(|(byte, other)| *byte ^= other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(objects: &[(&str, &str)]) -> ListedSet {
        let mut set = ListedSet::default();
        for (key, version) in objects {
            set.add(key, version);
        }
        set
    }

    #[test]
    fn a_set_does_not_depend_on_the_order() {
        let one = set(&[("a", "1"), ("b", "1"), ("c", "2")]);
        assert_eq!(set(&[("c", "2"), ("a", "1"), ("b", "1")]), one);
        let mut joined = set(&[("a", "1")]);
        joined.extend(&set(&[("c", "2"), ("b", "1")]));
        assert_eq!(joined, one);
        for other in [
            &[("a", "1"), ("b", "1")][..],
            &[("a", "1"), ("b", "1"), ("c", "1")],
            &[("a", "2"), ("b", "1"), ("c", "1")],
            &[],
        ] {
            assert_ne!(set(other), one);
        }
        assert_ne!(set(&[("a", "b")]), set(&[("ab", "")]));
    }
}
