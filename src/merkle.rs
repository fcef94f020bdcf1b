//! Merkle tree hashes as in RFC 6962, section 2.1, and the salted leaves of a data file.
//!
//! A leaf is `SHA-256(0x00 ‖ data)`, an inner node `SHA-256(0x01 ‖ left ‖ right)`, the empty tree
//! `SHA-256("")`. Over the rows of a data file the data of leaf `i` is `salt_i ‖ kept bytes`, where
//! `salt_i` is the first 16 bytes of `HMAC-SHA-256(file salt, i)` with `i` as eight big-endian
//! bytes. The file salt is kept in the file alone: once the file is gone its root says nothing
//! about the records, and one row can be proven by its own salt without giving away its neighbours.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The secret of one data file, 32 bytes.
pub type FileSalt = [u8; 32];

/// The hash of a leaf whose data is the concatenation of `parts`.
pub fn leaf_hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new_with_prefix([0]);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The hash of an inner node.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut data = [1; 65];
    data[1..33].copy_from_slice(left);
    data[33..].copy_from_slice(right);
    Sha256::digest(data).into()
}

/// A Merkle tree that grows leaf by leaf and remembers only the roots of its complete subtrees:
/// memory grows with the logarithm of the number of leaves.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// Roots of complete subtrees, widest first; one for each set bit of `leaves`.
    complete: Vec<Hash>,
    leaves: u64,
}

impl Tree {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the hash of the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut root = leaf;
        for _ in 0..self.leaves.trailing_ones() {
            if let Some(left) = self.complete.pop() {
                root = node_hash(&left, &root);
            }
        }
        self.complete.push(root);
        self.leaves += 1;
    }

    /// Number of leaves.
    pub fn leaves(&self) -> u64 {
        self.leaves
    }

    /// The Merkle tree hash of all leaves so far.
    pub fn root(&self) -> Hash {
        let joined = self
            .complete
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right));
        joined.unwrap_or_else(|| Sha256::digest([]).into())
    }
}

/// The salt of the data file at `path` in a run whose plan has this seed.
pub fn file_salt(seed: &[u8; 32], path: &str) -> FileSalt {
    let mut mac = keyed(seed);
    mac.update(path.as_bytes());
    mac.finalize().into_bytes().into()
}

/// The root over the rows of one data file, row by row.
#[derive(Clone)]
pub struct RecordsRoot {
    /// HMAC state after the key, so that a row costs two compressions and no key schedule.
    keyed: Hmac<Sha256>,
    tree: Tree,
}

impl RecordsRoot {
    /// The root over no rows, in a file with this salt.
    pub fn new(salt: &FileSalt) -> Self {
        Self {
            keyed: keyed(salt),
            tree: Tree::new(),
        }
    }

    /// Adds the kept bytes of the next row.
    pub fn push(&mut self, kept: &[u8]) {
        let salt = self.salt(self.tree.leaves());
        self.tree.push(leaf_hash(&[&salt, kept]));
    }

    /// The salt of row `index`, counted from 0.
    pub fn salt(&self, index: u64) -> [u8; 16] {
        let mut mac = self.keyed.clone();
        mac.update(&index.to_be_bytes());
        let digest: Hash = mac.finalize().into_bytes().into();
        let mut salt = [0; 16];
        salt.copy_from_slice(&digest[..16]);
        salt
    }

    /// Number of rows so far.
    pub fn rows(&self) -> u64 {
        self.tree.leaves()
    }

    /// The root over all rows so far.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }
}

impl std::fmt::Debug for RecordsRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordsRoot")
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}

/// HMAC pads a short key with zeros to one block (RFC 2104), so padding it here changes nothing and
/// leaves no error to handle.
fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    Hmac::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn root(leaves: &[&[u8]]) -> String {
        let mut tree = Tree::new();
        for leaf in leaves {
            tree.push(leaf_hash(&[leaf]));
        }
        hex::encode(tree.root())
    }

    /// The test vectors that implementations of RFC 6962 share (certificate-transparency,
    /// `merkle_tree_test`).
    #[test]
    fn agrees_with_the_published_vectors() {
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (size, expected) in roots.iter().enumerate() {
            assert_eq!(root(&leaves[..size]), *expected, "{size} leaves");
        }
    }

    /// Test case 1 of RFC 4231, whose key is shorter than ours and padded in the same way.
    #[test]
    fn hmac_agrees_with_rfc_4231() {
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let mut mac = keyed(&key);
        mac.update(b"Hi There");
        assert_eq!(
            hex::encode(mac.finalize().into_bytes()),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
    }

    #[test]
    fn a_salted_root_is_spelled_out() {
        let salt = [7; 32];
        let mut rows = RecordsRoot::new(&salt);
        rows.push(b"{}");
        rows.push(b"{\"a\":1}");
        let expected = node_hash(
            &leaf_hash(&[&rows.salt(0), b"{}"]),
            &leaf_hash(&[&rows.salt(1), b"{\"a\":1}"]),
        );
        assert_eq!(rows.root(), expected);
        assert_ne!(rows.salt(0), rows.salt(1));
        assert_ne!(file_salt(&salt, "a"), file_salt(&salt, "b"));
        assert_eq!(format!("{rows:?}"), "RecordsRoot { rows: 2, .. }");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// `ct-merkle` is handed the data of the leaves; it adds the leaf prefix of RFC 6962 itself.
        #[test]
        fn agrees_with_an_independent_tree(leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..200)) {
            let mut judge = ct_merkle::mem_backed_tree::MemoryBackedTree::<Sha256, Vec<u8>>::new();
            let mut tree = Tree::new();
            for leaf in leaves {
                tree.push(leaf_hash(&[&leaf]));
                judge.push(leaf);
            }
            let expected: Hash = (*judge.root().as_bytes()).into();
            prop_assert_eq!(tree.root(), expected);
            prop_assert_eq!(tree.leaves(), judge.len());
        }
    }
}
