//! Records that are kept in quarantine, as they came.

use crate::event::quarantine::Quarantined;
use crate::event::unfit::Unfit;
use crate::run::feed::one_tenant;
use crate::run::pieces::Piece;
use crate::source::Keyed;

/// The longest id that stands beside a record in quarantine: its rows have to stay loadable. A longer
/// one is in the record's bytes.
const LONGEST_ID: usize = 1 << 20;

/// A record as a row of quarantine.
pub(super) fn evidence<'a>(
    piece: &'a Piece,
    record: &'a Keyed,
    bytes: &'a [u8],
    withheld: bool,
    unfit: Unfit,
) -> Quarantined<'a> {
    Quarantined {
        record: bytes,
        withheld,
        unfit,
        native_id: record.native_id().filter(|id| id.len() <= LONGEST_ID),
        time: record.time(),
        tenant: one_tenant(&piece.tenant),
        slice: piece.window,
    }
}
