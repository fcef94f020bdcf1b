//! The places at which decisions are carried out.

use crate::ledger::writer::Writer;
use crate::store::{Bucket, StoreError, StoreMeaning, StorePurpose};
use crate::warehouse::{Filling, Projection, ProjectionError, WarehouseFailure};
use tokio::sync::watch;

/// The name of the lake in `done` entries, where warehouses have their configured names.
pub(super) const LAKE: &str = "lake";

/// All places, and what is needed at each.
#[derive(Clone, Copy)]
pub struct DecisionPlaces<'a> {
    /// The warehouses, in configured order.
    pub warehouses: &'a [Projection],
    /// The lake.
    pub lake: &'a Bucket,
    /// Whether to start nothing more.
    pub stop: &'a watch::Receiver<bool>,
    /// Told what is being done, for a progress bar.
    pub say: &'a (dyn Fn(&str) + Sync),
}

/// Where a decision is carried out.
#[derive(Clone, Copy)]
pub enum DecisionPlace<'a> {
    /// A warehouse.
    Warehouse(&'a Projection),
    /// The lake.
    Lake(&'a Bucket),
}

impl<'a> DecisionPlaces<'a> {
    /// Each place once: the lake last, since what is gone from it cannot be looked up any more.
    pub fn all(&self) -> impl Iterator<Item = DecisionPlace<'a>> {
        let warehouses = self.warehouses.iter().map(DecisionPlace::Warehouse);
        warehouses.chain([DecisionPlace::Lake(self.lake)])
    }

    /// Whether nothing more is to be started.
    pub fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }
}

impl DecisionPlace<'_> {
    /// Its name in `done` entries and for people: that of the warehouse, or `lake`.
    pub fn name(&self) -> &str {
        match self {
            Self::Warehouse(projection) => &projection.name,
            Self::Lake(_) => LAKE,
        }
    }
}

/// What kinds plan on and carry out with: the ledger as it is now, and the places.
#[derive(Clone, Copy)]
pub struct DecisionContext<'a> {
    /// The ledger. Only the driver writes to it.
    pub ledger: &'a Writer,
    /// The places.
    pub places: &'a DecisionPlaces<'a>,
    /// Name of the run.
    pub run_id: &'a str,
}

impl<'a> DecisionContext<'a> {
    /// What a warehouse works with.
    pub fn filling(&self) -> Filling<'a> {
        Filling {
            state: &self.ledger.state,
            log: &self.ledger.log,
            lake: self.places.lake,
            run_id: self.run_id,
            stop: self.places.stop,
            say: self.places.say,
        }
    }
}

/// What keeps a place from carrying out a decision.
#[derive(Debug)]
pub enum PlaceError {
    /// The warehouse.
    Warehouse(ProjectionError),
    /// The store of the lake.
    Lake(StoreError),
}

impl From<&PlaceError> for WarehouseFailure {
    fn from(error: &PlaceError) -> Self {
        let error = match error {
            PlaceError::Warehouse(error) => return Self::from(error),
            PlaceError::Lake(error) => error,
        };
        let (code, action) = match error {
            StoreError::Denied { .. } => (
                "denied",
                "give the identity that applies retention the permission to delete objects of the lake, as \
                 the README lists it",
            ),
            error if error.meaning() == StoreMeaning::Configuration => {
                ("lake", error.advice(StorePurpose::Lake))
            }
            _ => ("lake", "run again: any later run finishes what was decided"),
        };
        Self {
            code: code.to_owned(),
            message: error.to_string(),
            action: action.to_owned(),
            integrity: false,
        }
    }
}
