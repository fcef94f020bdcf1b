//! Verification of a whole ledger and lake, from a copy of the bucket and a public key alone.

use super::doubled::{Doubled, doubled};
pub use super::error::VerifyError;
use crate::lake::layout::Table;
use crate::lake::{Belonging, ReadError, verify_file};
use crate::ledger::entry::Trust;
use crate::ledger::log::{Damage, Log, LogError, Survey};
use crate::ledger::state::{LiveFile, State};
use crate::plural::{counted, thousands};
use crate::store::{Bucket, StoreError};
use chrono::NaiveDate;
use futures::TryStreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How much is verified.
#[derive(Debug, Clone, Copy, Default)]
pub struct VerifyDepth {
    /// Read every file, not only its size.
    pub deep: bool,
    /// Check only files that this entry or a later one added. Entries are always checked all.
    pub since: Option<Since>,
}

/// From where on files are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// From this entry on.
    Sequence(u64),
    /// From the first entry written on this UTC date on.
    Date(NaiveDate),
}

/// What `verify` checked.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Verified {
    /// Id of the lake; absent if the ledger could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lake_id: Option<String>,
    /// Sequence of the newest entry that was verified; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Number of entries that were verified.
    pub entries: u64,
    /// Sequence of the first entry that is damaged or missing; later entries were checked individually
    /// only. Absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<u64>,
    /// Whether signatures were checked; false for an unsigned lake.
    pub signatures_checked: bool,
    /// Number of files that were checked.
    pub files: u64,
    /// Size of the checked files in bytes.
    pub bytes: u64,
    /// True with `--deep`: files were read and hashed. Otherwise only presence and size were checked.
    pub contents_read: bool,
    /// Number of files that were skipped because they were added before `--since`.
    pub files_before_since: u64,
    /// Number of rows whose hashes were recomputed; 0 without `--deep`.
    pub rows: u64,
    /// What runs checked of what platforms prove of their objects, as the entries say; absent if they checked nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<VerifiedOrigin>,
    /// Number of data files in the bucket that no entry names. They are harmless leftovers of killed
    /// runs, unless a damaged entry named them.
    pub orphans: u64,
    /// Everything that failed verification; empty if the lake is intact.
    pub problems: Vec<VerifyProblem>,
    /// What could not be checked because of the problems; absent if everything was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
    /// Events that the lake has more than once, 1,000 at most; absent if there are none or files were not
    /// read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubled: Vec<Doubled>,
}

/// What runs checked of what platforms prove of their objects, in all feeds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VerifiedOrigin {
    /// Number of signed lists that held.
    pub lists: u64,
    /// Number of objects whose content was proven.
    pub objects: u64,
    /// Number of objects that lists name and the lake was not made from.
    pub unread: u64,
    /// Number of findings; `status` names the newest.
    pub found: u64,
}

impl VerifiedOrigin {
    /// Of a lake; `None` where nothing was checked.
    fn of(state: &State) -> Option<Self> {
        let feeds = state
            .sources
            .values()
            .flat_map(|source| source.feeds.values());
        let checked = feeds.filter_map(|feed| feed.origin.as_ref());
        checked.fold(None, |sum, origin| {
            let sum: Self = sum.unwrap_or_default();
            Some(Self {
                lists: sum.lists + origin.lists,
                objects: sum.objects + origin.objects,
                unread: sum.unread + origin.unread,
                found: sum.found + origin.found,
            })
        })
    }
}

/// Something that failed verification.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VerifyProblem {
    /// Name of the object in the bucket.
    pub object: String,
    /// What is wrong with it.
    pub what: String,
    /// Sequence of the entry: the object itself, or the entry that names it. Absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// First UTC date of the records that are affected; absent if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_date: Option<NaiveDate>,
    /// Last UTC date of the records that are affected; absent if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_date: Option<NaiveDate>,
}

impl VerifyProblem {
    /// A problem of an object that is about no single entry or date.
    fn of(object: &str, what: impl Into<String>) -> Self {
        Self {
            object: object.to_owned(),
            what: what.into(),
            entry: None,
            first_date: None,
            last_date: None,
        }
    }

    /// A problem of a file of the lake.
    fn of_file(live: &LiveFile, what: impl Into<String>) -> Self {
        Self {
            entry: Some(live.sequence),
            first_date: Some(live.file.date),
            last_date: Some(live.file.date),
            ..Self::of(&live.file.path.to_string(), what)
        }
    }

    fn of_entry(damage: &Damage) -> Self {
        Self {
            entry: damage.sequence,
            first_date: damage.dates.map(|dates| dates.0),
            last_date: damage.dates.map(|dates| dates.1),
            ..Self::of(&damage.object, damage.what.clone())
        }
    }
}

/// Verifies the ledger in a bucket, and the files that it names.
///
/// # Errors
/// Only what hinders looking; what does not fit is part of the result.
pub async fn verify(
    bucket: &Bucket,
    root: Trust,
    depth: VerifyDepth,
    looked_at: &(dyn Fn(u64, u64) + Sync),
) -> Result<Verified, VerifyError> {
    let mut found = Verified {
        contents_read: depth.deep,
        signatures_checked: root != Trust::Unsigned,
        ..Verified::default()
    };
    let log = Log::read_only(bucket.clone(), root);
    let survey = match log.survey().await {
        // Something may be left that stands on a ledger.
        Ok(None) => log.load().await.map(|_| None),
        surveyed => surveyed,
    };
    let survey = match survey {
        Ok(Some(survey)) => survey,
        Ok(None) => return Err(VerifyError::NoLedger(bucket.url().to_owned())),
        Err(error @ LogError::OtherKey { .. }) => return Err(error.into()),
        Err(error) if error.is_integrity() => {
            let problem = VerifyProblem::of(bucket.url(), error.to_string());
            found.problems.push(problem);
            return Ok(found);
        }
        Err(error) => return Err(error.into()),
    };
    let state = survey.state.as_ref();
    found.lake_id = state.map(|state| state.lake_id.clone());
    found.origin = state.and_then(VerifiedOrigin::of);
    found.sequence = survey.newest;
    found.entries = survey.verified;
    found.broken_at = survey.broken_at;
    found.problems = survey.damage.iter().map(VerifyProblem::of_entry).collect();
    found.unchecked = unchecked(&survey);
    found.contents_read &= state.is_some();
    if let (Some(state), None) = (state, survey.broken_at) {
        check_cache(&log, state, &mut found).await?;
    }
    check_files(bucket, &survey, depth, &mut found, looked_at).await?;
    if depth.deep {
        let first = first_sequence(&survey, depth.since);
        let broken: BTreeSet<&str> = found.problems.iter().map(|it| it.object.as_str()).collect();
        let is_whole = |live: &&LiveFile| {
            live.sequence >= first && !broken.contains(live.file.path.to_string().as_str())
        };
        let files: Vec<&LiveFile> = survey.files().filter(is_whole).collect();
        found.doubled = doubled(bucket, &files).await?;
    }
    if let Some(state) = state
        && !found.problems.is_empty()
    {
        forgive_what_went_meanwhile(&log, state, &mut found).await?;
    }
    Ok(found)
}

/// What cannot be checked where entries are damaged.
fn unchecked(survey: &Survey) -> Vec<String> {
    let Some(broken_at) = survey.broken_at else {
        return Vec::new();
    };
    let mut unchecked = Vec::new();
    let lost: Vec<&Damage> = survey
        .damage
        .iter()
        .filter(|it| it.sequence.is_some())
        .collect();
    let nameless = lost.iter().filter(|it| !it.names_files).count() as u64 + survey.unnamed;
    if nameless > 0 {
        unchecked.push(format!(
            "the files that {} added, if any",
            counted(nameless, "damaged entry", "damaged entries")
        ));
    }
    if survey.unnamed > 0 {
        unchecked.push(format!(
            "{} are not listed individually",
            counted(survey.unnamed, "more damaged entry", "more damaged entries")
        ));
    }
    if survey.newest.is_some_and(|newest| newest > broken_at) {
        unchecked.push(format!(
            "the rules between entries from entry {broken_at} on: later entries were checked \
             individually (signature, form, digest of the previous entry)"
        ));
    }
    unchecked.push("the state cache, which is computed from all entries".to_owned());
    if survey.state.is_none() {
        unchecked.push(
            "the contents of files: entry 0, which names the lake they belong to, is damaged"
                .to_owned(),
        );
    }
    unchecked
}

/// While we were looking, entries may have been added that decided to delete files: those may be
/// missing.
async fn forgive_what_went_meanwhile(
    log: &Log,
    state: &State,
    found: &mut Verified,
) -> Result<(), VerifyError> {
    let mut newest = Some(state.clone());
    match log.catch_up(&mut newest).await {
        Ok(()) => {}
        // It was whole a moment ago; what is wrong with it now is for the next one to say.
        Err(error) if error.is_integrity() => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let Some(newest) = newest else {
        return Ok(());
    };
    let paths = |state: &State| -> BTreeSet<String> {
        let files = state.live_files().map(|live| live.file.path.to_string());
        files.collect()
    };
    let (before, now) = (paths(state), paths(&newest));
    found
        .problems
        .retain(|problem| !before.contains(&problem.object) || now.contains(&problem.object));
    Ok(())
}

/// The newest state cache must tell what the entries tell.
async fn check_cache(log: &Log, state: &State, found: &mut Verified) -> Result<(), VerifyError> {
    match log.load().await {
        Ok(Some(loaded)) if loaded == *state => {}
        // Others have added entries since ours were read.
        Ok(Some(loaded)) if loaded.head.sequence > state.head.sequence => {
            let mut later = Some(state.clone());
            log.catch_up(&mut later).await?;
            // Whoever adds more while we look is beyond what can be compared.
            let differs = later.is_some_and(|later| {
                later.head.sequence == loaded.head.sequence && later != loaded
            });
            if differs {
                found.problems.push(other_cache());
            }
        }
        Ok(_) => found.problems.push(other_cache()),
        Err(error) if error.is_integrity() => {
            let problem = VerifyProblem::of(crate::ledger::names::STATE_FOLDER, error.to_string());
            found.problems.push(problem);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn other_cache() -> VerifyProblem {
    VerifyProblem::of(
        crate::ledger::names::STATE_FOLDER,
        "the state cache differs from the state computed from the entries",
    )
}

async fn check_files(
    bucket: &Bucket,
    survey: &Survey,
    depth: VerifyDepth,
    found: &mut Verified,
    looked_at: &(dyn Fn(u64, u64) + Sync),
) -> Result<(), VerifyError> {
    let mut present: BTreeMap<String, u64> = BTreeMap::new();
    for folder in Table::ALL.map(Table::folder) {
        let mut listing = bucket.list(folder, None);
        while let Some(listed) = listing.try_next().await? {
            present.insert(listed.name, listed.bytes);
        }
    }
    let first = first_sequence(survey, depth.since);
    let state = survey.state.as_ref();
    let known = state.into_iter().flat_map(|state| &state.batches);
    let mut batches: BTreeMap<u64, &str> = known
        .map(|batch| (batch.sequence, batch.batch_id.as_str()))
        .collect();
    let later = survey.later.iter();
    batches.extend(later.map(|batch| (batch.sequence, batch.batch_id.as_str())));
    let wanted: Vec<&LiveFile> = survey.files().collect();
    let total = wanted.len() as u64;
    let mut not_listed: BTreeMap<String, &LiveFile> = BTreeMap::new();
    for live in wanted {
        let file = &live.file;
        let size = present.remove(&file.path.to_string());
        if live.sequence < first {
            found.files_before_since += 1;
            continue;
        }
        found.files += 1;
        found.bytes += file.bytes;
        looked_at(found.files, total);
        let Some(size) = size else {
            not_listed.insert(file.path.to_string(), live);
            continue;
        };
        if size != file.bytes {
            let what = format!(
                "the file has {}, but its entry states {}",
                counted(size, "byte", "bytes"),
                thousands(file.bytes)
            );
            found.problems.push(VerifyProblem::of_file(live, what));
            continue;
        }
        if let (true, Some(state)) = (depth.deep, state) {
            let batch_id = batches.get(&live.sequence).copied().unwrap_or_default();
            let belonging = Belonging {
                lake_id: state.lake_id.clone(),
                batch_id: batch_id.to_owned(),
            };
            check_content(bucket, live, &belonging, found).await?;
        }
    }
    for path in bucket
        .missing_of(not_listed.keys().cloned().collect())
        .await?
    {
        if let Some(live) = not_listed.get(&path) {
            let missing = VerifyProblem::of_file(live, "the file is missing");
            found.problems.push(missing);
        }
    }
    // What was decided to be deleted may still be there, and is no orphan.
    let open = state.into_iter().flat_map(State::going);
    for live in open.flat_map(|going| going.left()) {
        present.remove(&live.file.path.to_string());
    }
    found.orphans = present.len() as u64;
    Ok(())
}

async fn check_content(
    bucket: &Bucket,
    live: &LiveFile,
    belonging: &Belonging,
    found: &mut Verified,
) -> Result<(), VerifyError> {
    let facts = match live.file.facts() {
        Ok(facts) => facts,
        Err(what) => {
            found
                .problems
                .push(VerifyProblem::of_file(live, what.to_string()));
            return Ok(());
        }
    };
    let mismatches = match verify_file(bucket, &facts, belonging).await {
        Ok(mismatches) => mismatches,
        // It was there when it was listed.
        Err(ReadError::Store(StoreError::NotFound { .. } | StoreError::Missing { .. })) => {
            found
                .problems
                .push(VerifyProblem::of_file(live, "the file is missing"));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    found.rows += live.file.rows;
    let problems = mismatches
        .iter()
        .map(|it| VerifyProblem::of_file(live, it.to_string()));
    found.problems.extend(problems);
    Ok(())
}

fn first_sequence(survey: &Survey, since: Option<Since>) -> u64 {
    let date = match since {
        None => return 0,
        Some(Since::Sequence(sequence)) => return sequence,
        Some(Since::Date(date)) => date,
    };
    let known = survey.state.iter().flat_map(|state| &state.batches);
    let known = known.map(|batch| (batch.sequence, batch.written_at));
    let later = survey.later.iter();
    known
        .chain(later.map(|batch| (batch.sequence, batch.written_at)))
        .find(|(_, written_at)| written_at.date_naive() >= date)
        .map_or(u64::MAX, |(sequence, _)| sequence)
}
