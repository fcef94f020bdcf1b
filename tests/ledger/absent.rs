//! Entries that must exist: deleted ones are missed, and a listing that lags is not believed.

use super::*;
use std::collections::BTreeSet;

fn entry_path(sequence: u64) -> Path {
    Path::from(format!("ledger/entry/{sequence:020}.note"))
}

/// A ledger of seven entries, with state caches after the sixth and the seventh.
async fn seven() -> (Arc<InMemory>, FaultyStore, Log, State) {
    let (memory, faulty, log, mut state) = founded().await;
    for hour in 0..6 {
        let draft = ingest(&format!("b{hour}"), window(hour, hour + 1));
        log.commit(&mut state, &draft).await.unwrap();
        if hour > 3 {
            log.save_cache(&state).await.unwrap();
        }
    }
    (memory, faulty, log, state)
}

#[tokio::test]
async fn the_newest_entry_is_missed_where_its_state_cache_is_left() {
    let (memory, _, log, _) = seven().await;
    memory.delete(&entry_path(6)).await.unwrap();
    let error = log.load().await.unwrap_err();
    assert!(matches!(error, LogError::Missing(6)), "{error}");
    assert!(error.is_integrity());
    // Without the newest cache the older one stands on an entry that is there: nothing shows it any more.
    let cache = Path::from(format!("ledger/state/{:020}.note.zst", 6));
    let caches = names(&*memory, "ledger/state").await;
    let newest = caches.last().unwrap();
    assert!(newest.contains("00000000000000000006"), "{newest} {cache}");
    memory.delete(&Path::from(newest.as_str())).await.unwrap();
    assert_eq!(log.load().await.unwrap().unwrap().head.sequence, 5);
}

#[tokio::test]
async fn a_cache_that_cannot_be_read_still_says_that_its_entry_was_there() {
    let (memory, _, log, _) = seven().await;
    let caches = names(&*memory, "ledger/state").await;
    for name in &caches {
        memory.delete(&Path::from(name.as_str())).await.unwrap();
    }
    // As a newer program would write it: signed, and of a version that is not ours.
    let later = caches[1].replace("0006", "0009");
    let text = "{\"version\":99}\n".to_owned();
    let note = trailhouse::ledger::note::sign(text, Some(&key())).unwrap();
    let note = zstd::encode_all(note.as_bytes(), 3).unwrap();
    memory
        .put(&Path::from(later.as_str()), note.into())
        .await
        .unwrap();
    let error = log.load().await.unwrap_err();
    assert!(matches!(error, LogError::Missing(7)), "{error}");
}

#[tokio::test]
async fn an_entry_amid_others_is_missed_by_whoever_needs_it() {
    let (memory, _, log, state) = seven().await;
    memory.delete(&entry_path(3)).await.unwrap();
    // The cache spares reading it.
    assert_eq!(log.load().await.unwrap().unwrap(), state);
    for error in [
        log.fold().await.unwrap_err(),
        log.entries(&state, &BTreeSet::from([2])).await.unwrap_err(),
    ] {
        assert!(matches!(error, LogError::Missing(3)), "{error}");
    }
}

#[tokio::test]
async fn all_entries_are_missed_where_only_quarantine_is_left() {
    let memory = Arc::new(InMemory::new());
    let path = Path::from("quarantine/date=2026-01-01/x.parquet");
    memory.put(&path, "x".into()).await.unwrap();
    let log = Log::new(Bucket::around(memory), Some(key()));
    assert!(matches!(log.load().await, Err(LogError::LedgerGone(_))));
}

#[tokio::test]
async fn what_a_listing_leaves_out_is_asked_for_by_name() {
    let (memory, faulty, log, state) = seven().await;
    // An entry in the middle, the head, and all of them.
    for hidden in ["0003.note", "0006.note", "ledger/entry"] {
        faulty.hide_from_listings(hidden);
        assert_eq!(log.load().await.unwrap().unwrap(), state, "{hidden}");
    }
    // Without any cache only files show that there is a ledger.
    for name in names(&*memory, "ledger/state").await {
        memory.delete(&Path::from(name.as_str())).await.unwrap();
    }
    let path = Path::from("events/date=2026-01-01/x.parquet");
    memory.put(&path, "x".into()).await.unwrap();
    assert_eq!(log.load().await.unwrap().unwrap().head.sequence, 0);
}

#[tokio::test]
async fn a_ledger_is_founded_and_extended_while_listings_lag() {
    let memory = Arc::new(InMemory::new());
    let faulty = FaultyStore::around(Arc::clone(&memory) as Arc<dyn ObjectStore>);
    faulty.hide_from_listings("ledger/entry");
    let log = Log::new(bucket(&faulty), Some(key())).with_patience(hasty());
    let mut ours = log.found(&founding()).await.unwrap();
    let mut theirs = ours.clone();
    log.commit(&mut theirs, &ingest("theirs", window(0, 1)))
        .await
        .unwrap();
    // The listing shows nothing of what was first, and it is found all the same.
    let lost = log.commit(&mut ours, &ingest("ours", window(1, 2))).await;
    let Ok(Commit::Lost(entries)) = lost else {
        panic!("{lost:?}");
    };
    assert_eq!(entries.len(), 1);
    assert_eq!(ours, theirs);
}
