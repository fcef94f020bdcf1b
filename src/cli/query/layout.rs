//! How wide the columns of a table are on a terminal, and when a table does not suit an answer.
//!
//! As psql's `\x auto` does, but less often: a table that is too wide has its long texts cut. Where that hides what
//! a person most likely asked for, because the answer is a few rows or its columns do not fit even when cut, each row
//! is a block with a line for each column.

/// What stands between two columns.
pub(super) const GAP: &str = "  ";

/// What stands for a value that is absent.
pub(super) const NULL: &str = "NULL";

/// What is known of a column once the first rows have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measured {
    /// Width of its head.
    pub(super) head: usize,
    /// Width of its widest cell.
    pub(super) cells: usize,
    /// Whether its cells may be cut: a number or a time in part is a wrong one.
    pub(super) may_cut: bool,
}

/// Columns of text are not cut to less.
const NARROWEST: usize = 8;

/// An answer of so many rows is rather shown whole than cut.
const FEW_ROWS: usize = 5;

impl Measured {
    fn natural(self) -> usize {
        self.head.max(self.cells)
    }

    fn least(self) -> usize {
        let head = self.head.min(NARROWEST);
        match self.may_cut {
            true => self.natural().min(NARROWEST),
            false => self.cells.max(head),
        }
    }
}

/// Whether rows are better shown as blocks. `rows` is the number of all rows, as far as it is known.
pub(super) fn suits_blocks(columns: &[Measured], rows: Option<usize>, room: usize) -> bool {
    let total = |width: fn(Measured) -> usize| total(columns.iter().copied().map(width));
    let few = rows.is_some_and(|rows| rows <= FEW_ROWS);
    (few && total(Measured::natural) > room) || total(Measured::least) > room
}

/// The widths of the columns that fit into `room`, from the left: at least one.
pub(super) fn fitted(columns: &[Measured], room: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = columns.iter().map(|column| column.least()).collect();
    while widths.len() > 1 && total(widths.iter().copied()) > room {
        widths.pop();
    }
    // What is left goes to the narrow columns first, so that as many as possible are whole.
    let mut spare = room.saturating_sub(total(widths.iter().copied()));
    loop {
        let growing = widths.iter_mut().zip(columns);
        let growing = growing.filter(|(width, column)| **width < column.natural());
        let Some(narrowest) = growing.min_by_key(|(width, _)| **width) else {
            break;
        };
        if spare == 0 {
            break;
        }
        *narrowest.0 += 1;
        spare -= 1;
    }
    widths
}

fn total(widths: impl ExactSizeIterator<Item = usize>) -> usize {
    let gaps = widths.len().saturating_sub(1) * GAP.len();
    widths.sum::<usize>() + gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(head: usize, cells: usize) -> Measured {
        Measured {
            head,
            cells,
            may_cut: true,
        }
    }

    fn number(head: usize, cells: usize) -> Measured {
        Measured {
            may_cut: false,
            ..text(head, cells)
        }
    }

    #[test]
    fn texts_are_cut_and_numbers_are_not() {
        for (columns, room, widths) in [
            (vec![text(4, 20), number(2, 6)], 80, vec![20, 6]),
            (vec![text(4, 20), number(2, 6)], 28, vec![20, 6]),
            (vec![text(4, 20), number(2, 6)], 24, vec![16, 6]),
            // The head of a number gives way, the number does not.
            (vec![text(4, 20), number(30, 12)], 24, vec![10, 12]),
            (
                vec![text(4, 90), text(4, 12), text(4, 90)],
                60,
                vec![22, 12, 22],
            ),
            (
                vec![text(4, 90), number(2, 24), text(4, 90)],
                40,
                vec![14, 24],
            ),
            (vec![number(2, 24)], 10, vec![24]),
        ] {
            assert_eq!(fitted(&columns, room), widths, "{columns:?} in {room}");
        }
        assert_eq!(fitted(&[], 10), Vec::<usize>::new());
    }

    #[test]
    fn blocks_suit_few_rows_and_many_columns() {
        let wide = [text(4, 100), number(2, 6)];
        assert!(suits_blocks(&wide, Some(5), 80));
        assert!(!suits_blocks(&wide, Some(6), 80));
        assert!(!suits_blocks(&wide, None, 80));
        assert!(!suits_blocks(&wide, Some(1), 108));
        assert!(suits_blocks(&[text(4, 100); 9], None, 80));
        assert!(!suits_blocks(&[text(4, 100); 8], None, 80));
    }
}
