//! Which format version the body of an entry needs.

use super::body::Body;
use super::receipt::{Recount, VerdictBy};
use super::warehouse::DoneOutcome;
use super::{COMMON_VERSION, FORMAT_VERSION, OBJECTS_VERSION};
use crate::lake::layout::Table;

impl Body {
    /// The oldest format version whose programs understand it.
    pub(super) fn version(&self) -> u32 {
        if self.is_about_remaps() {
            FORMAT_VERSION
        } else if self.has_objects() || self.states_axis() || self.states_import() {
            OBJECTS_VERSION
        } else {
            COMMON_VERSION
        }
    }

    /// Whether it replaces files by others with the same records, or says what was done of that.
    fn is_about_remaps(&self) -> bool {
        match self {
            Self::Remap(_) => true,
            Self::Done(done) => matches!(done.outcome, DoneOutcome::Remapped(_)),
            _ => false,
        }
    }

    /// Whether it says anything of objects, which programs of format version 2 do not understand.
    fn has_objects(&self) -> bool {
        match self {
            Self::Ingest(ingest) => {
                ingest.days.iter().any(|day| day.objects.is_some())
                    || ingest.files.iter().any(|file| file.table == Table::Objects)
            }
            Self::Receipt(receipt) => {
                let of_objects = |recount: &Recount| {
                    recount.objects.is_some() || recount.by == VerdictBy::Listing
                };
                !receipt.origins.is_empty() || receipt.recounts.iter().any(of_objects)
            }
            Self::Retention(decision) => {
                let mut parts = decision.parts.iter();
                parts.any(|part| part.table == Table::Objects)
            }
            Self::Genesis(_)
            | Self::Rebuild(_)
            | Self::Done(_)
            | Self::Hold(_)
            | Self::Release(_)
            | Self::Sweep(_)
            | Self::Clock(_)
            | Self::Remap(_) => false,
        }
    }
}
