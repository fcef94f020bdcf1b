//! Text that makes every record larger, as large as a test of memory wants it.

use crate::dice::Dice;

/// Longest text that is drawn; what is longer repeats it.
const DRAWN: usize = 1 << 20;

/// Characters of base 64: four bytes compress to three and no further.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A text drawn once, of which each record gets a piece of its own: cheap to write, and as hard to
/// compress as real payloads are.
#[derive(Debug)]
pub(super) struct Bulk {
    drawn: String,
    bytes: usize,
}

impl Bulk {
    /// Pieces of `bytes` bytes.
    pub(super) fn new(bytes: usize, dice: &mut Dice) -> Self {
        let drawn = if bytes == 0 { 0 } else { DRAWN };
        let mut text = String::with_capacity(drawn);
        while text.len() < drawn {
            for byte in dice.bits().to_le_bytes() {
                text.push(char::from(ALPHABET[usize::from(byte % 64)]));
            }
        }
        Self { drawn: text, bytes }
    }

    /// Appends a member with a piece of the text to the members of an object; nothing where pieces
    /// have no bytes.
    pub(super) fn append(&self, dice: &mut Dice, members: &mut String) {
        if self.bytes == 0 {
            return;
        }
        members.reserve(self.bytes + 16);
        members.push_str(",\"payload\":\"");
        let mut left = self.bytes;
        let mut from = dice.index(self.drawn.len());
        while left > 0 {
            let to = self.drawn.len().min(from + left);
            members.push_str(self.drawn.get(from..to).unwrap_or_default());
            left -= to - from;
            from = 0;
        }
        members.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Purpose;

    #[test]
    fn pieces_have_their_length_and_differ() {
        for bytes in [1, 100, DRAWN, 3 * DRAWN + 1] {
            let mut dice = Dice::of(1, Purpose::Bulk, 0);
            let bulk = Bulk::new(bytes, &mut dice);
            let mut pieces = [String::new(), String::new()];
            for piece in &mut pieces {
                bulk.append(&mut dice, piece);
                assert_eq!(piece.len(), bytes + r#","payload":"""#.len());
            }
            assert!(bytes == 1 || pieces[0] != pieces[1]);
        }
    }

    #[test]
    fn no_bytes_are_no_member() {
        let mut dice = Dice::of(1, Purpose::Bulk, 0);
        let mut members = String::new();
        Bulk::new(0, &mut dice).append(&mut dice, &mut members);
        assert_eq!(members, "");
    }
}
