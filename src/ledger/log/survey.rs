//! Reading every entry, also those behind one that cannot be folded: how far damage goes.

use super::{FETCHES, LedgerProjection, Log, LogError};
use crate::lake::layout::FilePath;
use crate::ledger::digest::Digest;
use crate::ledger::entry::{Body, Entry, EntryError, ExpiredPart, Trust};
use crate::ledger::invariants::{self, Violation};
use crate::ledger::key::VerifierKey;
use crate::ledger::names::{ENTRY_FOLDER, entry_name, entry_sequence};
use crate::ledger::state::{LiveFile, State};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::HashSet;

/// Damaged entries that are named; more are only counted.
const MOST_NAMED: usize = 1_000;

/// What reading all entries one by one found.
#[derive(Debug, Default)]
pub struct Survey {
    /// The state after the entries before the first damaged one.
    pub state: Option<State>,
    /// Entries whose signature, form and place in the chain were verified. Behind damage that is all that
    /// can be said of an entry.
    pub verified: u64,
    /// The newest of them.
    pub newest: Option<u64>,
    /// The first entry that could not be folded.
    pub broken_at: Option<u64>,
    /// Damaged entries, in order.
    pub damage: Vec<Damage>,
    /// Damaged entries that are not named.
    pub unnamed: u64,
    /// Batches of validly signed entries behind the damage.
    pub later: Vec<LaterBatch>,
    /// Their files.
    later_files: Vec<LiveFile>,
    /// What validly signed entries behind the damage decided to delete.
    later_expired: Vec<ExpiredPart>,
    /// Files that validly signed entries behind the damage replaced.
    later_replaced: HashSet<FilePath>,
}

/// An entry, or an object among the entries, that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The object.
    pub object: String,
    /// The entry.
    pub sequence: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// First and last date that the entry is about, as far as it can be read; nothing vouches for them.
    pub dates: Option<(NaiveDate, NaiveDate)>,
    /// Whether the files that the entry names are among those that can be checked.
    pub names_files: bool,
}

/// An entry behind the damage that adds rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterBatch {
    /// The entry.
    pub sequence: u64,
    /// Id that its rows carry.
    pub batch_id: String,
    /// When it was written.
    pub written_at: DateTime<Utc>,
}

impl Survey {
    /// The files that validly signed entries name, without those that others decided to delete.
    pub fn files(&self) -> impl Iterator<Item = &LiveFile> {
        let live = self.state.iter().flat_map(State::live_files);
        live.chain(&self.later_files)
            .filter(|live| !self.was_decided_later(live))
    }

    fn was_decided_later(&self, live: &LiveFile) -> bool {
        let file = &live.file;
        if self.later_replaced.contains(&file.path) {
            return true;
        }
        self.later_expired.iter().any(|part| {
            (part.table, part.date, part.source.as_str())
                == (file.table, file.date, file.source.as_str())
                && part.category.as_deref() == file.category.as_deref()
                && part
                    .entries
                    .iter()
                    .any(|span| span.from <= live.sequence && live.sequence <= span.to)
        })
    }

    fn damaged(&mut self, damage: Damage) {
        if let Some(sequence) = damage.sequence {
            self.broken_at.get_or_insert(sequence);
        }
        match self.damage.len() < MOST_NAMED {
            true => self.damage.push(damage),
            false => self.unnamed += 1,
        }
    }

    fn is_verified(&mut self, sequence: u64) {
        self.verified += 1;
        self.newest = Some(sequence);
    }

    /// Keeps what an entry behind the damage says of files.
    fn note(&mut self, entry: Entry) {
        match entry.body {
            Body::Ingest(ingest) => {
                self.later.push(LaterBatch {
                    sequence: entry.sequence,
                    batch_id: ingest.batch_id,
                    written_at: entry.written_at,
                });
                let files = ingest.files.into_iter().map(|file| LiveFile {
                    sequence: entry.sequence,
                    file,
                });
                self.later_files.extend(files);
            }
            Body::Retention(decision) => self.later_expired.extend(decision.parts),
            Body::Remap(remap) => {
                self.later.push(LaterBatch {
                    sequence: entry.sequence,
                    batch_id: remap.batch_id,
                    written_at: entry.written_at,
                });
                let files = remap.files.into_iter().map(|file| LiveFile {
                    sequence: entry.sequence,
                    file,
                });
                self.later_files.extend(files);
                let replaced = remap.replaced.into_iter().map(|it| it.path);
                self.later_replaced.extend(replaced);
            }
            _ => {}
        }
    }
}

impl Log {
    /// Reads every entry, whatever caches say. One that is damaged ends the fold and nothing else: those
    /// behind it are checked one by one for their signature, their form and the entry that they follow.
    /// `None` where there is no entry.
    ///
    /// # Errors
    /// A store in trouble, or [`LogError::OtherKey`]. Damage is part of the result.
    pub async fn survey(&self) -> Result<Option<Survey>, LogError> {
        let mut survey = Survey::default();
        let end = self.end(&mut survey).await?;
        if end == 0 && survey.damage.is_empty() {
            return Ok(None);
        }
        let mut files = futures::stream::iter(0..end)
            .map(|sequence| async move { (sequence, self.entry(sequence).await) })
            .buffered(FETCHES);
        let mut before = None;
        while let Some((sequence, read)) = files.next().await {
            match read {
                Ok(bytes) => {
                    self.survey_one(&mut survey, sequence, &bytes, before);
                    before = Some(Digest::of(&bytes));
                }
                Err(error) if error.is_integrity() => {
                    survey.damaged(Damage {
                        object: entry_name(sequence),
                        sequence: Some(sequence),
                        what: error.to_string(),
                        dates: None,
                        names_files: false,
                    });
                    before = None;
                }
                Err(error) => return Err(error),
            }
        }
        if survey.verified == 0
            && let Some(other) = self.other_key().await?
        {
            return Err(other);
        }
        Ok(Some(survey))
    }

    /// One after the last entry that is listed or known to exist.
    async fn end(&self, survey: &mut Survey) -> Result<u64, LogError> {
        let known =
            [LedgerProjection::STATE, LedgerProjection::INDEX].map(|kind| self.newest(kind));
        let known = futures::future::try_join_all(known).await?;
        let known = known.into_iter().max().flatten();
        let foreign = |name: String| {
            survey.damaged(Damage {
                what: LogError::Foreign(name.clone()).to_string(),
                object: name,
                sequence: None,
                dates: None,
                names_files: false,
            });
        };
        let last = self.last_listed(foreign).await?.max(known);
        Ok(last.map_or(0, |last| last.saturating_add(1)))
    }

    /// The last entry that is listed. Names of other objects among the entries go to `foreign`.
    async fn last_listed(&self, mut foreign: impl FnMut(String)) -> Result<Option<u64>, LogError> {
        let mut last = None;
        let mut listing = self.bucket.list(ENTRY_FOLDER, None);
        while let Some(listed) = listing.try_next().await? {
            match entry_sequence(&listed.name) {
                Ok(sequence) => last = last.max(Some(sequence)),
                Err(_) => foreign(listed.name),
            }
        }
        Ok(last)
    }

    fn survey_one(
        &self,
        survey: &mut Survey,
        sequence: u64,
        bytes: &Bytes,
        before: Option<Digest>,
    ) {
        if survey.broken_at.is_none() {
            let Err(error) = self.fold_one(&mut survey.state, sequence, bytes) else {
                return survey.is_verified(sequence);
            };
            let signed = match &error {
                LogError::Violation { .. } => self.decode(survey, bytes).ok(),
                _ => None,
            };
            let signed = signed.map(|(entry, _)| entry);
            survey.damaged(Damage {
                object: entry_name(sequence),
                sequence: Some(sequence),
                what: what(&error),
                dates: claimed_dates(bytes),
                names_files: signed.is_some(),
            });
            if let Some(entry) = signed {
                survey.note(entry);
            }
            return;
        }
        match self.check_alone(survey, sequence, bytes, before) {
            Ok(entry) => {
                survey.is_verified(sequence);
                survey.note(entry);
            }
            Err(error) => survey.damaged(Damage {
                object: entry_name(sequence),
                sequence: Some(sequence),
                what: what(&error),
                dates: claimed_dates(bytes),
                names_files: false,
            }),
        }
    }

    /// An entry and its signer, by the keys that count after the entries before the damage.
    fn decode(
        &self,
        survey: &Survey,
        bytes: &[u8],
    ) -> Result<(Entry, Option<VerifierKey>), EntryError> {
        let state = survey.state.as_ref();
        let trust = state.map_or_else(|| self.root.clone(), State::trust);
        Entry::decode(bytes, &trust)
    }

    /// What can be said of an entry without the state before it.
    fn check_alone(
        &self,
        survey: &mut Survey,
        sequence: u64,
        bytes: &[u8],
        before: Option<Digest>,
    ) -> Result<Entry, LogError> {
        let path = entry_name(sequence);
        let decoded = self.decode(survey, bytes);
        let (entry, signer) = decoded.map_err(|source| LogError::Entry {
            path: path.clone(),
            source,
        })?;
        let violation = |source| LogError::Violation {
            path: path.clone(),
            source,
        };
        if entry.sequence != sequence {
            return Err(violation(Violation::Sequence {
                expected: sequence,
                found: entry.sequence,
            }));
        }
        if let Some(state) = &survey.state {
            invariants::role_fits(state, &entry, signer.as_ref()).map_err(violation)?;
        }
        if let Some(expected) = before
            && entry.previous != Some(expected)
        {
            let damaged_before = survey.damage.last_mut();
            match damaged_before.filter(|it| it.sequence.map(|it| it + 1) == Some(sequence)) {
                // That one was changed, not this one.
                Some(damaged) => damaged.what.push_str(&format!(
                    "; entry {sequence}, which is validly signed, was written after another file"
                )),
                None => {
                    return Err(violation(Violation::Chain {
                        sequence,
                        expected,
                        found: entry.previous,
                    }));
                }
            }
        }
        Ok(entry)
    }

    /// Whether another key than the one given signed the first and the newest entry: then most likely the
    /// wrong key was given.
    ///
    /// # Errors
    /// A store in trouble.
    pub(super) async fn other_key(&self) -> Result<Option<LogError>, LogError> {
        let Trust::Keys(given) = &self.root else {
            return Ok(None);
        };
        let last = self.last_listed(|_| {}).await?.unwrap_or(0);
        let mut common: Option<Vec<String>> = None;
        for sequence in [0, last] {
            let bytes = match self.entry(sequence).await {
                Ok(bytes) => bytes,
                Err(error) if error.is_integrity() => return Ok(None),
                Err(error) => return Err(error),
            };
            let Ok(note) = crate::ledger::note::Note::parse(&bytes) else {
                return Ok(None);
            };
            let signers = note.signers();
            common = Some(match common {
                None => signers,
                Some(before) => before
                    .into_iter()
                    .filter(|signer| signers.contains(signer))
                    .collect(),
            });
        }
        let given: Vec<String> = given.iter().map(|key| key.short()).collect();
        let signed_by = common.unwrap_or_default();
        if signed_by.is_empty() || signed_by.iter().any(|signer| given.contains(signer)) {
            return Ok(None);
        }
        Ok(Some(LogError::OtherKey {
            signed_by: signed_by.join(", "),
            given: given.join(", "),
        }))
    }
}

/// What is wrong, without the name of the object, which is told beside it.
fn what(error: &LogError) -> String {
    match error {
        LogError::Entry { source, .. } => source.to_string(),
        LogError::Violation { source, .. } => source.to_string(),
        error => error.to_string(),
    }
}

/// The dates that an entry is about, as its bytes say, whoever wrote them.
fn claimed_dates(bytes: &[u8]) -> Option<(NaiveDate, NaiveDate)> {
    let entry = Entry::decode_unverified(bytes).ok()?;
    let dates: Vec<NaiveDate> = match &entry.body {
        Body::Ingest(ingest) => {
            let days = ingest.days.iter().map(|day| day.date);
            days.chain(ingest.files.iter().map(|file| file.date))
                .collect()
        }
        Body::Retention(decision) => decision.parts.iter().map(|part| part.date).collect(),
        Body::Remap(remap) => remap.replaced.iter().map(|it| it.date).collect(),
        _ => Vec::new(),
    };
    Some((dates.iter().min().copied()?, dates.iter().max().copied()?))
}
