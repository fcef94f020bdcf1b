//! Which format version the body of an entry needs.

use super::body::Body;
use super::receipt::{Recount, VerdictBy};
use crate::lake::layout::Table;

impl Body {
    /// Whether it says anything of objects, which programs of format version 2 do not understand.
    pub(super) fn has_objects(&self) -> bool {
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
            | Self::Clock(_) => false,
        }
    }
}
