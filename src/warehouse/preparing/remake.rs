//! Tables that are made anew where they do not fit.

use super::expiration::lift;
use crate::warehouse::contract::{Class, TableKind};
use crate::warehouse::projection::{Projection, ProjectionError};

/// Whether a table is written as a whole each time, so that nothing is lost where it is made anew.
pub(crate) const fn is_told(kind: TableKind) -> bool {
    matches!(kind, TableKind::Batches | TableKind::Coverage)
}

/// Makes a table anew whose columns are not what they must be. Only one of ours that [`is_told`] may go so:
/// whoever calls this has looked whose it is. Killed in between, there is no table, which is `no_table`.
pub(crate) async fn remake(
    projection: &Projection,
    kind: TableKind,
    lake_id: &str,
) -> Result<(), ProjectionError> {
    let warehouse = &*projection.warehouse;
    let (shape, labels) = (projection.shape(kind), projection.labels(lake_id));
    warehouse.drop_table(kind.table()).await?;
    match warehouse.create_table(kind.table(), &shape, &labels).await {
        Err(error) if error.class != Class::Exists => return Err(error.into()),
        _ => {}
    }
    Ok(lift(projection, kind.table()).await?)
}
