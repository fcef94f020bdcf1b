//! Reading the entries that a certificate rests on.

use super::build::decision_in;
use super::{Asked, Certificate, CertificateError, CertifiedDecision, EntryRef, Material, certify};
use crate::ledger::entry::{ExpiredPart, Retention};
use crate::ledger::log::{Log, ReadEntry};
use crate::ledger::state::State;
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

/// A decision as the state knows it: first and last date, and its `done` entries.
struct Indexed<'s> {
    first: NaiveDate,
    last: NaiveDate,
    done: &'s [u64],
}

/// What the entries up to a sequence say of what was asked for. The state serves as an index alone: it
/// says which entries are to be read; what they say is taken from them ([`Log::entries`] says what
/// that rests on), and files that the state leaves out are missed when a decision's are counted.
///
/// # Errors
/// The ledger, or entries that say something else than the state does.
pub async fn gather(
    log: &Log,
    state: &State,
    asked: &Asked,
    until: u64,
) -> Result<Vec<CertifiedDecision>, CertificateError> {
    let mut index = index_of(state);
    index.retain(|sequence, it| *sequence <= until && asked.overlaps(it.first, it.last));
    let decisions = log.entries(state, &index.keys().copied().collect()).await?;
    let mut gathered = Vec::new();
    for (sequence, read) in &decisions {
        let decision = decision_in(read)?;
        let wanted = |part: &&ExpiredPart| asked.wants(part);
        let wanted: Vec<&ExpiredPart> = decision.parts.iter().filter(wanted).collect();
        if wanted.is_empty() {
            continue;
        }
        let done = index.get(sequence).map_or(&[][..], |it| it.done);
        let done: BTreeSet<u64> = done.iter().copied().filter(|it| *it <= until).collect();
        let done: Vec<ReadEntry> = log.entries(state, &done).await?.into_values().collect();
        let ingests = ingests_of(state, *sequence, &wanted);
        let material = Material {
            decision: read,
            done: &done,
            ingests: &log.entries(state, &ingests).await?,
            earlier: &decisions,
            replaced: &log
                .entries(state, &replacements_of(state, *sequence, &ingests))
                .await?,
        };
        gathered.extend(certify(asked, &material)?);
    }
    Ok(gathered)
}

/// The rules by which anything was decided to go of the dates that were asked for, whatever rule was.
///
/// # Errors
/// As [`gather`].
pub async fn rules_used(
    log: &Log,
    state: &State,
    asked: &Asked,
) -> Result<BTreeSet<String>, CertificateError> {
    let mut index = index_of(state);
    index.retain(|_, it| asked.overlaps(it.first, it.last));
    let decisions = log.entries(state, &index.keys().copied().collect()).await?;
    let mut rules = BTreeSet::new();
    for read in decisions.values() {
        let parts = decision_in(read)?.parts.iter();
        let of_dates = parts.filter(|part| asked.has(part.date));
        rules.extend(of_dates.map(|part| part.rule.clone()));
    }
    Ok(rules)
}

fn index_of(state: &State) -> BTreeMap<u64, Indexed<'_>> {
    let closed = state.retention.closed.iter().map(|(sequence, closed)| {
        let indexed = Indexed {
            first: closed.first,
            last: closed.last,
            done: &closed.done,
        };
        (*sequence, indexed)
    });
    let open = state.retention.open.iter().filter_map(|(sequence, open)| {
        let (first, last) = span_of(&open.decision)?;
        let done = &open.done;
        Some((*sequence, Indexed { first, last, done }))
    });
    closed.chain(open).collect()
}

fn span_of(decision: &Retention) -> Option<(NaiveDate, NaiveDate)> {
    let dates = || decision.parts.iter().map(|part| part.date);
    Some((dates().min()?, dates().max()?))
}

/// The `ingest` entries of which a decision has taken files of these parts, and some more.
fn ingests_of(state: &State, decision: u64, parts: &[&ExpiredPart]) -> BTreeSet<u64> {
    let of_part = |part: &&&ExpiredPart, sequence| {
        let mut spans = part.entries.iter();
        spans.any(|span| span.contains(sequence))
    };
    let cut = |batch: &&crate::ledger::state::Batch| {
        let mut cuts = batch.cuts.iter().filter(|it| it.decision == decision);
        cuts.any(|cut| {
            let mut of_table = parts.iter().filter(|part| part.table == cut.table);
            of_table.any(|part| of_part(&part, batch.sequence))
        })
    };
    let batches = state.batches.iter().filter(cut);
    batches.map(|batch| batch.sequence).collect()
}

/// The replacements of files before a decision that have taken any of these entries.
fn replacements_of(state: &State, decision: u64, entries: &BTreeSet<u64>) -> BTreeSet<u64> {
    let batches = state.batches.iter();
    let cuts = batches
        .filter(|batch| entries.contains(&batch.sequence))
        .flat_map(|batch| &batch.cuts)
        .map(|cut| cut.decision);
    let retention = &state.retention;
    cuts.filter(|it| {
        let expired = retention.closed.contains_key(it) || retention.open.contains_key(it);
        *it < decision && !expired
    })
    .collect()
}

/// Reads the entries that a certificate names again, and says in what the ledger differs from it; in
/// nothing where the list is empty. What the lake held then ([`Certificate::stays`]) is not compared:
/// the ledger has gone on since.
///
/// # Errors
/// A ledger that cannot be read or is not sound.
pub async fn compare(
    log: &Log,
    state: &State,
    certificate: &Certificate,
) -> Result<Vec<String>, CertificateError> {
    let mut differs = Vec::new();
    if certificate.lake_id != state.lake_id {
        let (theirs, ours) = (&certificate.lake_id, &state.lake_id);
        differs.push(format!("it is for lake {theirs}; this is lake {ours}"));
        return Ok(differs);
    }
    let (then, now) = (certificate.head, state.head.sequence);
    if then.sequence > now {
        let then = then.sequence;
        differs.push(format!(
            "it was made at entry {then}, but the ledger ends at entry {now}"
        ));
        return Ok(differs);
    }
    let head = log.entries(state, &BTreeSet::from([then.sequence])).await?;
    if head.values().map(EntryRef::of).next() != Some(then) {
        let then = then.sequence;
        differs.push(format!(
            "entry {then}, at which it was made, has a different digest"
        ));
    }
    let found = gather(log, state, &certificate.asked, then.sequence).await?;
    let of = |decisions: &[CertifiedDecision]| -> BTreeMap<u64, CertifiedDecision> {
        let decisions = decisions.iter().cloned();
        decisions.map(|it| (it.entry.sequence, it)).collect()
    };
    let (said, found) = (of(&certificate.decisions), of(&found));
    let sequences: BTreeSet<u64> = said.keys().chain(found.keys()).copied().collect();
    for sequence in sequences {
        match (said.get(&sequence), found.get(&sequence)) {
            (Some(said), Some(found)) if said == found => {}
            (Some(_), Some(_)) => {
                differs.push(format!("decision {sequence} differs from the entries"))
            }
            (Some(_), None) => differs.push(format!(
                "it lists decision {sequence}, which the ledger does not have"
            )),
            (None, _) => differs.push(format!("it omits decision {sequence}")),
        }
    }
    Ok(differs)
}
