//! Names of the ledger's objects in the bucket, and the way back from a name to its number.
//!
//! ```text
//! ledger/entry/00000000000000000042.note
//! ledger/checkpoint/00000000000000000043
//! ledger/state/00000000000000000400.json.zst
//! ledger/index/00000000000000000400.ids
//! ```

/// Folder of the ledger's entries.
pub const ENTRY_FOLDER: &str = "ledger/entry";
/// Folder of the objects that proved the store.
const PROOF_FOLDER: &str = "ledger/proof";
/// Folder of the signed tree heads.
pub const CHECKPOINT_FOLDER: &str = "ledger/checkpoint";
/// Folder of the signed copies of the folded state.
pub const STATE_FOLDER: &str = "ledger/state";
/// Folder of the copies of the id index.
pub const INDEX_FOLDER: &str = "ledger/index";
/// Folder of the tree's tiles.
pub const TILE_FOLDER: &str = "ledger/tile";
/// Mirror of the newest checkpoint; nothing depends on it.
pub const CHECKPOINT_MIRROR: &str = "ledger/checkpoint-latest";

const ENTRY_SUFFIX: &str = ".note";
const STATE_SUFFIX: &str = ".json.zst";
const INDEX_SUFFIX: &str = ".ids";
const SEQUENCE_DIGITS: usize = 20;

/// A name that this version does not write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not the name of {expected}")]
pub struct NameError {
    /// The name.
    pub name: String,
    /// What was looked for.
    pub expected: &'static str,
}

/// Name of the object that proves the store to whoever goes by this name.
pub fn proof_name(who: &str) -> String {
    format!("{PROOF_FOLDER}/{who}")
}

/// Name of the ledger entry with this sequence.
pub fn entry_name(sequence: u64) -> String {
    format!("{ENTRY_FOLDER}/{sequence:020}{ENTRY_SUFFIX}")
}

/// Sequence of the ledger entry with this name.
///
/// # Errors
/// A name that is not that of an entry.
pub fn entry_sequence(name: &str) -> Result<u64, NameError> {
    sequence(name, ENTRY_FOLDER, ENTRY_SUFFIX, "a ledger entry")
}

/// Name of the checkpoint over this number of entries.
pub fn checkpoint_name(size: u64) -> String {
    format!("{CHECKPOINT_FOLDER}/{size:020}")
}

/// Number of entries under the checkpoint with this name.
///
/// # Errors
/// A name that is not that of a checkpoint.
pub fn checkpoint_size(name: &str) -> Result<u64, NameError> {
    sequence(name, CHECKPOINT_FOLDER, "", "a checkpoint")
}

/// Name of the state folded up to and including the entry with this sequence.
pub fn state_name(sequence: u64) -> String {
    format!("{STATE_FOLDER}/{sequence:020}{STATE_SUFFIX}")
}

/// Last sequence folded into the state with this name.
///
/// # Errors
/// A name that is not that of a state.
pub fn state_sequence(name: &str) -> Result<u64, NameError> {
    sequence(name, STATE_FOLDER, STATE_SUFFIX, "a state cache")
}

/// Name of the id index over the files of all entries up to and including this sequence.
pub fn index_name(sequence: u64) -> String {
    format!("{INDEX_FOLDER}/{sequence:020}{INDEX_SUFFIX}")
}

/// Last sequence whose files are in the id index with this name.
///
/// # Errors
/// A name that is not that of an id index.
pub fn index_sequence(name: &str) -> Result<u64, NameError> {
    sequence(name, INDEX_FOLDER, INDEX_SUFFIX, "an id index")
}

fn sequence(
    name: &str,
    folder: &str,
    suffix: &str,
    expected: &'static str,
) -> Result<u64, NameError> {
    name.strip_prefix(folder)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.strip_suffix(suffix))
        .filter(|digits| digits.len() == SEQUENCE_DIGITS)
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| NameError {
            name: name.to_owned(),
            expected,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_documented_and_lead_back_to_their_numbers() {
        let table = [
            (proof_name("lake-1"), "ledger/proof/lake-1"),
            (entry_name(42), "ledger/entry/00000000000000000042.note"),
            (
                checkpoint_name(43),
                "ledger/checkpoint/00000000000000000043",
            ),
            (
                state_name(u64::MAX),
                "ledger/state/18446744073709551615.json.zst",
            ),
            (index_name(7), "ledger/index/00000000000000000007.ids"),
        ];
        for (written, documented) in table {
            assert_eq!(written, documented);
        }
        assert_eq!(entry_sequence(&entry_name(42)), Ok(42));
        assert_eq!(checkpoint_size(&checkpoint_name(43)), Ok(43));
        assert_eq!(state_sequence(&state_name(u64::MAX)), Ok(u64::MAX));
        assert_eq!(index_sequence(&index_name(7)), Ok(7));
    }

    #[test]
    fn other_spellings_are_refused() {
        for name in [
            "ledger/entry/42.note",
            "ledger/entry/+0000000000000000042.note",
            "ledger/entry/99999999999999999999.note",
            "ledger/entry/00000000000000000042",
            "ledger/state/00000000000000000042.note",
        ] {
            assert!(entry_sequence(name).is_err(), "{name}");
        }
    }
}
