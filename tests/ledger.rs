//! The ledger over a store that may misbehave.

mod absent;
mod time;

use crate::faulty_store::{Fault, FaultyStore, On};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use std::sync::Arc;
use trailhouse::ledger::digest::Digest;
use trailhouse::ledger::entry::{
    Body, Counts, Covered, DayCount, Ingest, OriginChain, OriginCheck, Receipt, Recount,
    RecountVerdict, Trust, VerdictBy,
};
use trailhouse::ledger::key::SigningKey;
use trailhouse::ledger::log::{Commit, EntryDraft, Founding, Log, LogError};
use trailhouse::ledger::rebase::{Rebase, rebase};
use trailhouse::ledger::state::{IdMatch, State};
use trailhouse::store::{Bucket, Patience};
use trailhouse::window::Window;

fn at(hour: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_764_028_800 + hour * 3600, 0).unwrap()
}

fn key() -> Arc<SigningKey> {
    Arc::new(SigningKey::from_seed("test/writer", &[1; 32]).unwrap())
}

fn bucket(store: &FaultyStore) -> Bucket {
    Bucket::around(Arc::new(store.clone()))
}

fn hasty() -> Patience {
    Patience {
        attempts: 5,
        wait: std::time::Duration::from_millis(1),
    }
}

fn founding() -> Founding {
    Founding {
        run_id: "20251125T000000Z-00000000".into(),
        now: at(0),
        witnesses: Vec::new(),
        config_sha256: Digest::of(b"config"),
        sources: vec!["kestra-prod".into()],
    }
}

fn window(from: i64, to: i64) -> Window {
    Window::new(at(from), at(to)).unwrap()
}

fn ingest(batch: &str, covered: Window) -> EntryDraft {
    let counts = Counts {
        returned: 3,
        known: 3,
        ..Counts::default()
    };
    EntryDraft {
        run_id: "20251125T000000Z-00000000".into(),
        written_at: at(1),
        witnesses: Vec::new(),
        config_sha256: Digest::of(b"config"),
        body: Body::Ingest(Box::new(Ingest {
            source: "kestra-prod".into(),
            platform: "kestra".into(),
            batch_id: batch.into(),
            schema_version: 1,
            mapping_version: 1,
            axis: None,
            imported: None,
            covered: vec![Covered {
                tenant: "main".into(),
                window: covered,
            }],
            reread: vec![],
            holes: vec![],
            days: vec![DayCount {
                tenant: "main".into(),
                date: covered.from.date_naive(),
                counts,
                expected: None,
                objects: None,
            }],
            changed: vec![],
            redaction: vec![],
            files: vec![],
        })),
    }
}

fn receipt() -> EntryDraft {
    EntryDraft {
        body: Body::Receipt(Box::new(Receipt {
            started_at: at(0),
            sources: vec![],
            recounts: vec![],
            future: vec![],
            horizons: vec![],
            warehouses: vec![],
            origins: vec![],
        })),
        ..ingest("unused", window(0, 1))
    }
}

async fn founded() -> (Arc<InMemory>, FaultyStore, Log, State) {
    let memory = Arc::new(InMemory::new());
    let faulty = FaultyStore::around(Arc::clone(&memory) as Arc<dyn ObjectStore>);
    let log = Log::new(bucket(&faulty), Some(key())).with_patience(hasty());
    let state = log.found(&founding()).await.unwrap();
    (memory, faulty, log, state)
}

async fn names(store: &dyn ObjectStore, folder: &str) -> Vec<String> {
    let listing = store.list(Some(&Path::from(folder)));
    let metas: Vec<_> = listing.try_collect().await.unwrap();
    let mut names: Vec<_> = metas.iter().map(|meta| meta.location.to_string()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn evidence_of_origin_adds_up_and_fits_together() {
    let (_, _, log, mut state) = founded().await;
    let tenant = "1/eu";
    let check = |hour: i64, found: u64| {
        let mut check = OriginCheck::new("aws", tenant);
        check.follow(OriginChain {
            name: "main".into(),
            until: at(hour),
            key: format!("digest-{hour}"),
            sha256: Digest::of(b"digest"),
        });
        check.lists = 1;
        check.objects = 5;
        check.found = found;
        check
    };
    let draft = |checks: Vec<OriginCheck>| {
        let mut draft = receipt();
        if let Body::Receipt(receipt) = &mut draft.body {
            receipt.origins = checks;
        }
        draft
    };
    for checks in [vec![check(1, 0)], vec![check(3, 0)], vec![check(2, 0)]] {
        log.commit(&mut state, &draft(checks)).await.unwrap();
    }
    log.save_cache(&state).await.unwrap();
    assert_eq!(log.load().await.unwrap().unwrap(), state);
    let origin = state.feed("aws", tenant).unwrap().origin.as_ref();
    let origin = origin.unwrap();
    assert_eq!((origin.lists, origin.objects), (3, 15));
    // Two runs beside each other: no chain goes back.
    assert_eq!(origin.chains[0].until, at(3));
    for broken in [vec![check(4, 1)], vec![check(4, 0), check(5, 0)]] {
        let refused = log.commit(&mut state, &draft(broken)).await;
        let said = refused.err().unwrap().to_string();
        assert!(said.contains("INV-20"), "{said}");
    }
}

#[tokio::test]
async fn what_is_committed_is_what_another_reader_folds() {
    let (_, _, log, mut state) = founded().await;
    for hour in 0..5 {
        let draft = ingest(&format!("b{hour}"), window(hour, hour + 1));
        assert!(matches!(
            log.commit(&mut state, &draft).await.unwrap(),
            Commit::Done
        ));
    }
    assert_eq!(log.fold().await.unwrap().unwrap(), state);
    let feed = state.feed("kestra-prod", "main").unwrap();
    assert_eq!(feed.coverage.windows(), [window(0, 5)]);
}

/// A recount of the first date by `by`, of all of it or of a part.
fn recounted(
    hour: i64,
    by: VerdictBy,
    whole: bool,
    counts: (u64, u64),
    said: RecountVerdict,
) -> EntryDraft {
    let mut draft = receipt();
    if let Body::Receipt(receipt) = &mut draft.body {
        receipt.recounts.push(Recount {
            source: "kestra-prod".into(),
            tenant: "main".into(),
            date: at(0).date_naive(),
            at: at(hour),
            whole,
            by,
            source_count: counts.0,
            lake_count: counts.1,
            expected: None,
            expired: 0,
            objects: None,
            verdict: said,
        });
    }
    draft
}

#[tokio::test]
async fn a_match_by_id_outlives_later_counts() {
    use RecountVerdict::{Fewer, Gap, Matched};
    use VerdictBy::{Count, Id};
    let (_, _, log, mut state) = founded().await;
    log.commit(&mut state, &ingest("b", window(0, 24)))
        .await
        .unwrap();
    let first = Some((30, 5));
    let second = Some((60, 7));
    for (hour, by, whole, counts, said, matched) in [
        (20, Count, false, (3, 3), Matched, None),
        // Of a date that still lasts.
        (21, Id, false, (3, 3), Matched, None),
        (25, Count, true, (5, 5), Matched, None),
        (30, Id, true, (5, 5), Matched, first),
        (31, Count, true, (5, 5), Matched, first),
        // A record came late: the match spoke for the others.
        (32, Count, true, (6, 6), Matched, first),
        (33, Id, true, (7, 6), Gap, first),
        (34, Count, true, (5, 6), Fewer, first),
        (60, Id, true, (7, 7), Matched, second),
        (61, Id, true, (6, 7), Fewer, second),
    ] {
        let draft = recounted(hour, by, whole, counts, said);
        log.commit(&mut state, &draft).await.unwrap();
        log.save_cache(&state).await.unwrap();
        let day = &state.feed("kestra-prod", "main").unwrap().days[&at(0).date_naive()];
        let matched = matched.map(|(hour, records)| IdMatch {
            at: at(hour),
            records,
        });
        assert_eq!(day.matched, matched, "after {hour} hours");
        // What was counted last is never hidden by what was matched before.
        let newest = day.recount.as_ref().unwrap();
        assert_eq!((newest.at, newest.verdict), (at(hour), said));
        assert_eq!(log.fold().await.unwrap().as_ref(), Some(&state));
        assert_eq!(log.load().await.unwrap().as_ref(), Some(&state));
    }
    for (counts, said) in [((6, 7), Matched), ((7, 7), Gap), ((7, 6), Fewer)] {
        let draft = recounted(62, Id, true, counts, said);
        let refused = log.commit(&mut state, &draft).await.unwrap_err();
        assert!(refused.to_string().contains("INV-10"), "{refused}");
    }
}

#[tokio::test]
async fn who_only_reads_a_signed_ledger_writes_nothing() {
    let (memory, _, log, mut state) = founded().await;
    let before = names(&*memory, "").await;
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    let reader = Log::read_only(Bucket::around(memory.clone()), trust);
    assert_eq!(reader.load().await.unwrap().unwrap(), state);
    let committed = reader.commit(&mut state, &receipt()).await;
    assert!(matches!(committed, Err(LogError::ReadOnly)));
    let founded = reader.found(&founding()).await;
    assert!(matches!(founded, Err(LogError::ReadOnly)));
    assert!(reader.save_cache(&state).await.is_err());
    assert_eq!(names(&*memory, "").await, before);
    assert_eq!(log.load().await.unwrap().unwrap(), state);
}

#[tokio::test]
async fn unclear_answers_end_in_one_commit() {
    for fault in [Fault::Reject, Fault::LoseAnswer, Fault::SayExists] {
        let (memory, faulty, log, mut state) = founded().await;
        faulty.next(On::Put, "entry", fault);
        let outcome = log.commit(&mut state, &ingest("b", window(0, 1))).await;
        assert!(matches!(outcome, Ok(Commit::Done)), "{fault:?}");
        assert_eq!(names(&*memory, "ledger/entry").await.len(), 2, "{fault:?}");
        assert_eq!(log.fold().await.unwrap().unwrap(), state);
    }
}

#[tokio::test]
async fn an_unclear_answer_survives_an_unreadable_read_back() {
    let (_, faulty, log, mut state) = founded().await;
    faulty.next(On::Put, "entry", Fault::LoseAnswer);
    faulty.next(On::Get, "entry", Fault::Reject);
    let outcome = log.commit(&mut state, &ingest("b", window(0, 1))).await;
    assert!(matches!(outcome, Ok(Commit::Done)));
}

#[tokio::test]
async fn a_store_that_never_answers_clearly_is_an_error_and_not_a_success() {
    let (_, faulty, log, mut state) = founded().await;
    let before = state.clone();
    for _ in 0..10 {
        faulty.next(On::Put, "entry", Fault::Reject);
    }
    let outcome = log.commit(&mut state, &ingest("b", window(0, 1))).await;
    assert!(matches!(outcome, Err(LogError::Unclear { .. })));
    assert_eq!(state, before);
}

#[tokio::test]
async fn the_loser_learns_what_came_and_goes_on() {
    let (_, _, log, mut ours) = founded().await;
    let mut theirs = ours.clone();
    let (mine, other) = (ingest("mine", window(0, 2)), ingest("other", window(2, 3)));
    log.commit(&mut theirs, &other).await.unwrap();
    let Commit::Lost(came) = log.commit(&mut ours, &mine).await.unwrap() else {
        panic!("the sequence was taken");
    };
    assert_eq!(ours, theirs);
    assert_eq!(rebase(&mine.body, &came), Rebase::Resequence);
    assert!(matches!(
        log.commit(&mut ours, &mine).await.unwrap(),
        Commit::Done
    ));
    assert_eq!(ours.head.sequence, 2);
}

#[tokio::test]
async fn overlapping_windows_are_compared_again_and_never_covered_twice() {
    let (_, _, log, mut ours) = founded().await;
    let mut theirs = ours.clone();
    let (mine, other) = (ingest("mine", window(0, 2)), ingest("other", window(1, 3)));
    log.commit(&mut theirs, &other).await.unwrap();
    let Commit::Lost(came) = log.commit(&mut ours, &mine).await.unwrap() else {
        panic!("the sequence was taken");
    };
    assert_eq!(rebase(&mine.body, &came), Rebase::CompareAgain);
    assert_eq!(rebase(&receipt().body, &came), Rebase::Resequence);
    // Committing it as it is would break INV-7, so it is refused before anything is sent.
    assert!(matches!(
        log.commit(&mut ours, &mine).await,
        Err(LogError::Violation { .. })
    ));
    assert_eq!(log.fold().await.unwrap().unwrap().head.sequence, 1);
}

#[tokio::test]
async fn counts_that_do_not_add_up_are_never_committed() {
    let (_, _, log, mut state) = founded().await;
    let mut draft = ingest("b", window(0, 1));
    if let Body::Ingest(body) = &mut draft.body {
        body.days[0].counts.returned += 1;
    }
    let outcome = log.commit(&mut state, &draft).await;
    assert!(matches!(outcome, Err(LogError::Violation { .. })));
}

#[tokio::test]
async fn a_missing_forged_unsigned_or_foreign_entry_stops_the_program() {
    let entry = |sequence: u64| Path::from(format!("ledger/entry/{sequence:020}.note"));
    let build = || async {
        let (memory, _, log, mut state) = founded().await;
        for hour in 0..3 {
            let draft = ingest(&format!("b{hour}"), window(hour, hour + 1));
            log.commit(&mut state, &draft).await.unwrap();
        }
        (memory, log, state)
    };

    let (memory, log, _) = build().await;
    memory.delete(&entry(1)).await.unwrap();
    assert!(matches!(log.load().await, Err(LogError::Missing(1))));

    // Signed by somebody else, and otherwise perfect.
    let (memory, log, state) = build().await;
    let stranger = Arc::new(SigningKey::from_seed("test/writer", &[2; 32]).unwrap());
    let forger_key = stranger.verifier().clone();
    let forger = Log::new(Bucket::around(memory.clone()), Some(stranger));
    let mut forged = state.clone();
    // Who forges does not ask whether he may.
    for grant in &mut forged.keys {
        grant.key = forger_key.clone();
    }
    forger
        .commit(&mut forged, &ingest("forged", window(7, 8)))
        .await
        .unwrap();
    assert!(log.load().await.is_err_and(|error| error.is_integrity()));

    // Signed by nobody.
    let (memory, log, state) = build().await;
    let forger = Log::new(Bucket::around(memory.clone()), None);
    let mut forged = state.clone();
    forger
        .commit(&mut forged, &ingest("forged", window(7, 8)))
        .await
        .unwrap();
    assert!(log.load().await.is_err_and(|error| error.is_integrity()));

    // One byte of an old entry.
    let (memory, log, _) = build().await;
    let bytes = memory.get(&entry(2)).await.unwrap().bytes().await.unwrap();
    let altered = String::from_utf8(bytes.to_vec())
        .unwrap()
        .replace("\"b1\"", "\"c1\"");
    memory.put(&entry(2), altered.into()).await.unwrap();
    assert!(log.load().await.is_err_and(|error| error.is_integrity()));

    let (memory, log, _) = build().await;
    memory
        .put(&Path::from("ledger/entry/readme.txt"), "x".into())
        .await
        .unwrap();
    assert!(matches!(log.load().await, Err(LogError::Foreign(_))));
}

#[tokio::test]
async fn the_state_cache_tells_the_same_and_a_false_one_is_found() {
    let (memory, _, log, mut state) = founded().await;
    for hour in 0..6 {
        let draft = ingest(&format!("b{hour}"), window(hour, hour + 1));
        log.commit(&mut state, &draft).await.unwrap();
        log.save_cache(&state).await.unwrap();
    }
    assert_eq!(log.load().await.unwrap().unwrap(), state);
    assert_eq!(names(&*memory, "ledger/state").await.len(), 2);

    // Entries after the cache are still read.
    log.commit(&mut state, &ingest("after", window(9, 10)))
        .await
        .unwrap();
    assert_eq!(log.load().await.unwrap().unwrap(), state);

    // The newest entries are gone, the cache remembers them.
    let truncated = Path::from(format!("ledger/entry/{:020}.note", 6));
    let kept = memory.get(&truncated).await.unwrap().bytes().await.unwrap();
    memory.delete(&truncated).await.unwrap();
    assert!(matches!(log.load().await, Err(LogError::Missing(6))));
    memory.put(&truncated, kept.into()).await.unwrap();

    // A cache by somebody else.
    let stranger = Arc::new(SigningKey::from_seed("test/writer", &[2; 32]).unwrap());
    let forger = Log::new(Bucket::around(memory.clone()), Some(stranger));
    forger.save_cache(&state).await.unwrap();
    assert!(log.load().await.is_err_and(|error| error.is_integrity()));
}

#[tokio::test]
async fn events_without_a_ledger_are_not_taken_for_a_new_lake() {
    let memory = Arc::new(InMemory::new());
    memory
        .put(&Path::from("events/date=2026-01-01/x.parquet"), "x".into())
        .await
        .unwrap();
    let log = Log::new(Bucket::around(memory), Some(key()));
    assert!(matches!(log.load().await, Err(LogError::LedgerGone(_))));
}

#[tokio::test]
async fn two_founders_make_one_lake() {
    let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let log = Log::new(Bucket::around(memory), Some(key()));
    let (founding_a, founding_b) = (founding(), founding());
    let (first, second) = tokio::join!(log.found(&founding_a), log.found(&founding_b));
    assert_eq!(first.unwrap(), second.unwrap());
}

#[tokio::test]
async fn a_store_without_create_if_absent_is_refused() {
    let store = FaultyStore::around(Arc::new(InMemory::new()));
    store.ignore_conditions();
    let log = Log::new(bucket(&store), Some(key()));
    assert!(matches!(
        log.found(&founding()).await,
        Err(LogError::Unfit(_))
    ));
}
