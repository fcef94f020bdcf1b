//! What deriving columns again would change. Reads the files of the dates, and changes nothing.

use super::derive::RowDifference;
use super::rewrite::compare;
use super::{RemapError, RemapSource, row_context};
use crate::decision::place::DecisionContext;
use crate::lake::layout::Table;
use crate::ledger::digest::Digest;
use crate::ledger::state::{LiveFile, mark_of};
use crate::plural::thousands;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What deriving columns again would change.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct RemapPlan {
    /// The sources, in configured order.
    pub sources: Vec<SourceRemapPlan>,
}

impl RemapPlan {
    /// Whether there is anything that a person could confirm.
    pub fn can_be_confirmed(&self) -> bool {
        self.sources.iter().any(|it| !it.to_replace.is_empty())
    }
}

/// What deriving columns again would change in one source.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SourceRemapPlan {
    /// Id of the source.
    pub source: String,
    /// Version of the mapping rules in force.
    pub mapping_version: i64,
    /// Number of files of these dates that were read.
    pub files_read: u64,
    /// Number of rows in these files.
    pub rows_read: u64,
    /// Number of files that would be replaced.
    pub files: u64,
    /// Number of rows in the files that would be replaced.
    pub rows: u64,
    /// Size of the files that would be replaced, in bytes.
    pub bytes: u64,
    /// First and last date of the files that would be replaced; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dates: Option<(NaiveDate, NaiveDate)>,
    /// Number of rows that would have another value in any column.
    pub changed: u64,
    /// Number of rows that would have another value, by column.
    pub columns: BTreeMap<String, u64>,
    /// Number of rows that stay as they are, since the mapping in force does not understand their record, or takes it
    /// for another event.
    pub left: u64,
    /// Files that a hold keeps as they are.
    pub held: LeftFiles,
    /// Files whose records were redacted by other rules than those in force: what the columns would show is not what
    /// these rules let through.
    pub otherwise_redacted: LeftFiles,
    /// Files of partitions of which retention deletes everything.
    pub expired: LeftFiles,
    /// SHA-256 over the names of the files that would be replaced, so that the id of the plan stands for them.
    #[schemars(with = "String")]
    pub files_sha256: Digest,
    /// The files that would be replaced.
    #[serde(skip)]
    pub(super) to_replace: Vec<FileToReplace>,
}

/// Files that are left as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct LeftFiles {
    /// Number of files.
    pub files: u64,
    /// Number of rows in them.
    pub rows: u64,
}

impl LeftFiles {
    fn add(&mut self, live: &LiveFile) {
        self.files += 1;
        self.rows += live.file.rows;
    }
}

/// A file that would be replaced.
#[derive(Debug, Clone)]
pub(super) struct FileToReplace {
    pub(super) live: LiveFile,
    pub(super) difference: RowDifference,
}

/// Reads the files of some dates and finds out what would change.
///
/// # Errors
/// A file that cannot be read, or a request to stop.
pub(super) async fn plan(
    context: DecisionContext<'_>,
    sources: &[RemapSource],
    dates: (NaiveDate, NaiveDate),
) -> Result<RemapPlan, RemapError> {
    let mut planned = Vec::with_capacity(sources.len());
    for source in sources {
        planned.push(plan_source(context, source, dates).await?);
    }
    Ok(RemapPlan { sources: planned })
}

async fn plan_source(
    context: DecisionContext<'_>,
    source: &RemapSource,
    (first, last): (NaiveDate, NaiveDate),
) -> Result<SourceRemapPlan, RemapError> {
    let state = &context.ledger.state;
    let mut planned = SourceRemapPlan {
        source: source.id.clone(),
        mapping_version: source.source.mapping().version(),
        files_read: 0,
        rows_read: 0,
        files: 0,
        rows: 0,
        bytes: 0,
        dates: None,
        changed: 0,
        columns: BTreeMap::new(),
        left: 0,
        held: LeftFiles::default(),
        otherwise_redacted: LeftFiles::default(),
        expired: LeftFiles::default(),
        files_sha256: Digest::of(b""),
        to_replace: Vec::new(),
    };
    let mark = mark_of(&source.redaction);
    let redacted = state.sources.get(&source.id).map(|it| &it.redacted);
    let same_redaction = |sequence: u64| {
        let then = redacted.and_then(|history| history.mark_at(sequence));
        then.unwrap_or_else(|| mark_of(&[])) == mark
    };
    // Holds end by a time that is borne out.
    let today = context.ledger.now().proven_date();
    let files = state.files.range(first..=last).flat_map(|(_, files)| files);
    let files = files.filter(|live| live.file.table == Table::Events);
    let mut files: Vec<&LiveFile> = files
        .filter(|live| *live.file.source == *source.id)
        .collect();
    files.sort_by_cached_key(|live| (live.file.date, live.file.path.to_string()));
    let all = files.len() as u64;
    let row_context = row_context(source, "", context);
    for live in files {
        if context.places.is_stopped() {
            return Err(RemapError::Stopped);
        }
        let file = &live.file;
        if !state.protection(&file.subject(), today).cases.is_empty() {
            planned.held.add(live);
            continue;
        }
        let (category, id) = (file.category.as_deref(), source.id.as_str());
        if (state.retention.gone).has(Table::Events, file.date, category, id, None) {
            planned.expired.add(live);
            continue;
        }
        if !same_redaction(live.sequence) {
            planned.otherwise_redacted.add(live);
            continue;
        }
        planned.files_read += 1;
        planned.rows_read += file.rows;
        (context.places.say)(&format!(
            "{}: reading {} of {} files",
            source.id,
            thousands(planned.files_read),
            thousands(all)
        ));
        let difference = compare(context.places.lake, live, &source.source, &row_context).await?;
        planned.note(live, difference);
    }
    let names = planned.to_replace.iter();
    let names: Vec<String> = names.map(|it| it.live.file.path.to_string()).collect();
    planned.files_sha256 = Digest::of(names.join("\n").as_bytes());
    Ok(planned)
}

impl SourceRemapPlan {
    fn note(&mut self, live: &LiveFile, difference: RowDifference) {
        self.left += difference.left;
        if difference.rows == 0 {
            return;
        }
        let file = &live.file;
        self.files += 1;
        self.rows += file.rows;
        self.bytes += file.bytes;
        let first = self.dates.map_or(file.date, |(first, _)| first);
        self.dates = Some((first, file.date));
        self.changed += difference.rows;
        for (column, rows) in &difference.columns {
            *self.columns.entry(column.clone()).or_default() += rows;
        }
        self.to_replace.push(FileToReplace {
            live: live.clone(),
            difference,
        });
    }
}
