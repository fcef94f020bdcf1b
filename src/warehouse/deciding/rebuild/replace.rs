//! The replacement of one group of dates: rows into a table of their own, and from there, in one
//! transaction, into the table of the projection.

use super::groups::RebuildGroup;
use crate::failpoint;
use crate::warehouse::contract::{
    Class, JobDone, JobWork, Statement, TableFound, TableKind, TableShape,
};
use crate::warehouse::deciding::{Named, job};
use crate::warehouse::pending::{rows, split};
use crate::warehouse::projection::{
    Filling, Projection, ProjectionError, StagingPurpose, check_owner,
};
use chrono::{DateTime, TimeDelta, Utc};

/// How long a table of copies may be left over.
const STAGED_FOR: TimeDelta = TimeDelta::days(7);

/// The table that holds the rows of a group until they are in.
pub(crate) fn staged_table(kind: TableKind, decision: u64, group: usize) -> String {
    format!("{}_rebuild_{decision}_{group}", kind.table())
}

/// What became of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// The transaction has ended.
    Done,
    /// We were told to stop meanwhile.
    Stopped,
    /// Not begun: somebody else who carries out the decision has removed the copies, perhaps because he is done.
    CopiesGone,
}

/// The replacement of one group of dates.
pub(crate) struct Replacing<'a> {
    pub(crate) projection: &'a Projection,
    pub(crate) filling: Filling<'a>,
    pub(crate) kind: TableKind,
    pub(crate) decision: u64,
    pub(crate) number: usize,
    pub(crate) round: u32,
    pub(crate) now: DateTime<Utc>,
}

impl Replacing<'_> {
    /// Replaces the dates.
    pub(crate) async fn replace(
        &self,
        group: &RebuildGroup<'_>,
        incarnation: u64,
    ) -> Result<Replaced, ProjectionError> {
        let warehouse = &*self.projection.warehouse;
        let name = staged_table(self.kind, self.decision, self.number);
        let staged = self.staged(&name, group).await?;
        if staged != Replaced::Done {
            return Ok(staged);
        }
        let sql = warehouse.sql(&Statement::ReplaceDates {
            table: self.kind.table(),
            dates: &group.dates,
            columns: self.kind.columns(),
            from: &name,
        });
        failpoint::hit("warehouse.replace.before");
        // Not named after the copies: two that carry out one decision meet at one transaction, so that
        // none comes after the other has gone on to load newer entries.
        let what = format!("replace-{}", self.round);
        let table = self.kind.table();
        let work = JobWork::Query { sql };
        let done = self.job(&what, table, incarnation, &work).await?;
        failpoint::hit("warehouse.replace.after");
        Ok(match done {
            Some(_) => Replaced::Done,
            None => Replaced::Stopped,
        })
    }

    /// Makes the table with the rows that the dates are to hold.
    async fn staged(
        &self,
        name: &str,
        group: &RebuildGroup<'_>,
    ) -> Result<Replaced, ProjectionError> {
        let warehouse = &*self.projection.warehouse;
        let lake_id = &self.filling.state.lake_id;
        let expected = rows(&group.files);
        let shape = TableShape {
            description: format!(
                "Rows for a rebuild of {}, of no other use",
                self.kind.table()
            ),
            partition: None,
            clustering: Vec::new(),
            require_partition_filter: false,
            expires_at: Some((self.now + STAGED_FOR).timestamp_millis()),
            ..self.projection.shape(self.kind)
        };
        let labels = self.projection.labels(lake_id);
        let create = || async {
            match warehouse.create_table(name, &shape, &labels).await {
                Err(error) if error.class != Class::Exists => Err(error),
                _ => Ok(()),
            }
        };
        create().await?;
        failpoint::hit("warehouse.stage.table");
        let Some(mut found) = self.find(name).await? else {
            return Ok(Replaced::CopiesGone);
        };
        if found.rows != expected && found.rows != 0 {
            // Left over from a load whose jobs the service has forgotten, or changed by somebody.
            warehouse.drop_table(name).await?;
            create().await?;
            let Some(anew) = self.find(name).await? else {
                return Ok(Replaced::CopiesGone);
            };
            found = anew;
        }
        let incarnation = found.incarnation;
        if found.rows != expected {
            let purpose = StagingPurpose::Decision(self.decision, self.number);
            let staging = &self.projection.staging;
            let sources = staging.sources(&self.filling, purpose, &group.files);
            let sources = sources.await?;
            let mut uris = sources.uris().into_iter();
            for (part, files) in split(&group.files, warehouse.limits()).iter().enumerate() {
                let work = JobWork::Append {
                    table: name.to_owned(),
                    columns: self.kind.columns(),
                    files: uris.by_ref().take(files.len()).collect(),
                };
                let what = format!("stage-{part}");
                let done = self.job(&what, name, incarnation, &work).await;
                failpoint::hit("warehouse.stage.loaded");
                match done {
                    Err(error) => {
                        let now = self.find(name).await?;
                        return match now.is_some_and(|now| now.incarnation == incarnation) {
                            true => Err(error),
                            false => Ok(Replaced::CopiesGone),
                        };
                    }
                    Ok(None) => return Ok(Replaced::Stopped),
                    Ok(Some(done)) if done.output_rows == Some(rows(files)) => {}
                    Ok(Some(done)) => {
                        let (wrote, sent) = (done.output_rows, rows(files));
                        let what = format!("got {wrote:?} of {sent} rows");
                        return Err(self.failed(name, what));
                    }
                }
            }
            sources.expect_unchanged().await?;
        }
        // Without this the transaction would empty the dates where the copies have expired.
        match self.find(name).await? {
            Some(now) if now.incarnation == incarnation && now.rows == expected => {
                Ok(Replaced::Done)
            }
            Some(now) if now.incarnation == incarnation => {
                Err(self.failed(name, format!("holds {} of {expected} rows", now.rows)))
            }
            _ => Ok(Replaced::CopiesGone),
        }
    }

    /// The table of copies as it is; `None` where it has been removed.
    async fn find(&self, name: &str) -> Result<Option<TableFound>, ProjectionError> {
        let warehouse = &*self.projection.warehouse;
        let found = warehouse.table(name).await?;
        if let Some(found) = &found {
            check_owner(found, warehouse.target(), &self.filling.state.lake_id)?;
        }
        Ok(found)
    }

    fn failed(&self, table: &str, what: String) -> ProjectionError {
        ProjectionError::Answer {
            target: self.projection.warehouse.target().to_owned(),
            what: format!("{table} {what}"),
        }
    }

    async fn job(
        &self,
        what: &str,
        table: &str,
        incarnation: u64,
        work: &JobWork,
    ) -> Result<Option<JobDone>, ProjectionError> {
        let named = Named {
            what,
            kind: self.kind,
            decision: self.decision,
            number: self.number,
            table,
            incarnation,
        };
        job(self.projection, self.filling, &named, work).await
    }
}
