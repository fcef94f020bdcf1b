//! `verify` on damaged ledgers: everything that can still be checked is, and everything damaged is listed.

use super::harness::{Rig, at, empty, key, quiet, run_well, verified};
use crate::faulty_store::FaultyStore;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use std::sync::Arc;
use trailhouse::cli::failure::Failure;
use trailhouse::ledger::entry::{Body, Entry, Trust};
use trailhouse::ledger::key::SigningKey;
use trailhouse::ledger::log::{Log, LogError};
use trailhouse::report::verify::{VerifyDepth, VerifyError, verify};
use trailhouse::store::Bucket;

/// A lake of several `ingest` entries, and their names in order.
async fn lake() -> (FaultyStore, Vec<Path>) {
    let rig = Rig::new(&quiet("2026-11-20T06:00:00Z")).await;
    rig.fill(at("2026-11-18T22:00:00Z"), at("2026-11-20T05:54:00Z"), 60);
    let store = empty();
    let mut job = rig.job(&store);
    job.bounds.chunk_rows = 10;
    run_well(&job).await;
    let entries = names(&store, "ledger/entry").await;
    assert!(entries.len() > 4, "{entries:?}");
    (store, entries)
}

async fn names(store: &FaultyStore, folder: &str) -> Vec<Path> {
    let listed = store.list(Some(&Path::from(folder)));
    let names = listed.map_ok(|meta| meta.location).try_collect();
    let mut names: Vec<Path> = names.await.unwrap();
    names.sort();
    names
}

async fn content(store: &FaultyStore, name: &Path) -> Vec<u8> {
    let got = store.get(name).await.unwrap();
    got.bytes().await.unwrap().to_vec()
}

async fn files_of(store: &FaultyStore, entry: &Path) -> Vec<String> {
    let entry = Entry::decode_unverified(&content(store, entry).await).unwrap();
    match entry.body {
        Body::Ingest(ingest) => ingest.files.iter().map(|it| it.path.to_string()).collect(),
        _ => Vec::new(),
    }
}

async fn change_a_byte(store: &FaultyStore, name: &Path) {
    let text = String::from_utf8(content(store, name).await).unwrap();
    let changed = text.replacen("\"added\":", "\"added\":1", 1);
    assert_ne!(text, changed);
    store.put(name, changed.into()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_behind_a_damaged_entry_is_found_too() {
    let (store, entries) = lake().await;
    let whole = verified(&store).await;
    assert!(whole.problems.is_empty(), "{:?}", whole.problems);
    let lost = files_of(&store, &entries[1]).await;
    let gone = files_of(&store, &entries[3]).await.pop().unwrap();
    change_a_byte(&store, &entries[1]).await;
    store.delete(&Path::from(gone.as_str())).await.unwrap();

    let found = verified(&store).await;
    assert_eq!(found.broken_at, Some(1));
    assert_eq!(found.entries, whole.entries - 1);
    assert_eq!(found.sequence, whole.sequence);
    assert_eq!(found.files, whole.files - lost.len() as u64);
    let objects: Vec<&str> = found.problems.iter().map(|it| it.object.as_str()).collect();
    assert_eq!(objects, [entries[1].as_ref(), gone.as_str()], "{found:?}");
    let [entry, file] = &found.problems[..] else {
        panic!("{found:?}");
    };
    assert!(entry.what.contains("does not match the text"), "{entry:?}");
    assert!(
        entry.what.contains("entry 2, which is validly signed"),
        "{entry:?}"
    );
    assert!(
        entry.first_date.is_some() && entry.entry == Some(1),
        "{entry:?}"
    );
    assert_eq!(
        (file.entry, file.what.as_str()),
        (Some(3), "the file is missing")
    );
    let unchecked = found.unchecked.join("; ");
    assert!(
        unchecked.contains("the files that 1 damaged entry added"),
        "{unchecked}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_entries_are_all_listed() {
    let (store, entries) = lake().await;
    let whole = verified(&store).await;
    for gone in [&entries[1], &entries[3]] {
        store.delete(gone).await.unwrap();
    }
    let found = verified(&store).await;
    let named: Vec<Option<u64>> = found.problems.iter().map(|it| it.entry).collect();
    assert_eq!(named, [Some(1), Some(3)], "{found:?}");
    assert_eq!(found.entries, whole.entries - 2);
    assert!(found.files > 0 && found.files < whole.files);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_follows_another_one_is_named_and_its_files_are_checked() {
    let (store, entries) = lake().await;
    let whole = verified(&store).await;
    let mut entry = Entry::decode_unverified(&content(&store, &entries[1]).await).unwrap();
    entry.writer = "somebody with the key".to_owned();
    let replaced = entry.encode(Some(&key())).unwrap();
    store.put(&entries[1], replaced.into()).await.unwrap();
    let found = verified(&store).await;
    assert_eq!(found.broken_at, Some(2));
    assert_eq!(found.problems.len(), 1, "{found:?}");
    assert!(found.problems[0].what.contains("INV-2"), "{found:?}");
    assert_eq!(found.files, whole.files);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_first_entry_a_ledger_is_still_looked_at() {
    let (store, entries) = lake().await;
    let whole = verified(&store).await;
    store.delete(&entries[0]).await.unwrap();
    let found = verified(&store).await;
    assert_eq!(
        (found.entries, found.files),
        (whole.entries - 1, whole.files)
    );
    assert!(
        !found.contents_read,
        "nothing says which lake the files belong to"
    );
    assert_eq!(found.problems.len(), 1, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_called_that_by_everybody() {
    let (store, entries) = lake().await;
    let other = SigningKey::from_seed("other/writer", &[2; 32]).unwrap();
    let trust = Trust::Keys(vec![other.verifier().clone()]);
    let bucket = Bucket::around(Arc::new(store.clone()));
    let said = format!(
        "the ledger is signed by {}; the key given is {}",
        key().verifier().short(),
        other.verifier().short()
    );
    let depth = VerifyDepth::default();
    let error = verify(&bucket, trust.clone(), depth, &|_, _| {})
        .await
        .unwrap_err();
    assert!(
        matches!(&error, VerifyError::Log(LogError::OtherKey { .. })),
        "{error:?}"
    );
    let log = Log::read_only(bucket.clone(), trust.clone());
    for failure in [
        Failure::from(error),
        Failure::from(log.load().await.unwrap_err()),
    ] {
        assert_eq!((&*failure.happened, failure.exit_code), (said.as_str(), 6));
        assert!(
            failure
                .action
                .unwrap()
                .starts_with("check which key is right")
        );
    }
    // Where only the first entry was replaced, it is not the reader's key that is wrong.
    let genesis = Entry::decode_unverified(&content(&store, &entries[0]).await).unwrap();
    let replaced = genesis.encode(Some(&other)).unwrap();
    store.put(&entries[0], replaced.into()).await.unwrap();
    let found = verified(&store).await;
    assert_eq!(found.problems[0].object, entries[0].as_ref(), "{found:?}");
}
