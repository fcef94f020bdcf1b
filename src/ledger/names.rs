//! Names of the ledger's objects in the bucket.

use object_store::path::Path;

/// Folder of the entries.
pub(crate) const ENTRIES: &str = "ledger/entry";
/// Folder of the state caches.
pub(crate) const CACHES: &str = "ledger/state";
/// Folder of the objects that prove the store fit.
pub(crate) const PROOFS: &str = "ledger/proof";

const ENTRY_SUFFIX: &str = ".note";
const CACHE_SUFFIX: &str = ".json.zst";
/// As many digits as the largest sequence has, so that names sort as numbers do.
const DIGITS: usize = 20;

/// `ledger/entry/00000000000000000042.note`
pub(crate) fn entry(sequence: u64) -> Path {
    Path::from(format!("{ENTRIES}/{sequence:020}{ENTRY_SUFFIX}"))
}

/// `ledger/state/00000000000000000042.json.zst`
pub(crate) fn cache(sequence: u64) -> Path {
    Path::from(format!("{CACHES}/{sequence:020}{CACHE_SUFFIX}"))
}

/// The sequence in the name of an entry, or `None` for a name that no entry has.
pub(crate) fn entry_sequence(path: &Path) -> Option<u64> {
    sequence(path, ENTRIES, ENTRY_SUFFIX)
}

/// The sequence in the name of a state cache.
pub(crate) fn cache_sequence(path: &Path) -> Option<u64> {
    sequence(path, CACHES, CACHE_SUFFIX)
}

fn sequence(path: &Path, folder: &str, suffix: &str) -> Option<u64> {
    let rest = path.as_ref().strip_prefix(folder)?.strip_prefix('/')?;
    let digits = rest.strip_suffix(suffix)?;
    let plain = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_sort_as_numbers() {
        for sequence in [0, 9, 10, u64::MAX] {
            assert_eq!(entry_sequence(&entry(sequence)), Some(sequence));
            assert_eq!(cache_sequence(&cache(sequence)), Some(sequence));
        }
        assert!(entry(9).as_ref() < entry(10).as_ref());
        for foreign in [
            "ledger/entry/42.note",
            "ledger/entry/0x000000000000000042.note",
            "x",
        ] {
            assert_eq!(entry_sequence(&Path::from(foreign)), None);
        }
    }
}
