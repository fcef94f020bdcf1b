//! Golden files: what each version of each stored format looks like, byte for byte. This program reads
//! all versions of entries and writes the newest, and so it does with state caches, but for the first.

mod bodies;
mod remaps;

use bodies::{
    clock, done, entry, genesis, given_up, hold, ingest, rebuild, receipt, receipt_of_warehouses,
    release, retained, retained_in_part, retention, since_version_2, since_version_3, sweep, swept,
};
use remaps::since_version_4;
use std::path::PathBuf;
use trailhouse::ledger::cache;
use trailhouse::ledger::digest::Digest;
use trailhouse::ledger::entry::{Body, Entry, FORMAT_VERSION, Trust};
use trailhouse::ledger::key::SigningKey;
use trailhouse::ledger::state::State;

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed("golden/writer", &[42; 32]).unwrap()
}

/// The entries as files, each naming the one before it.
fn chain() -> Vec<(&'static str, Entry, String)> {
    let mut previous = None;
    let bodies = [
        ("entry-v2-genesis.note", genesis()),
        ("entry-v2-ingest.note", ingest()),
        ("entry-v2-receipt.note", receipt()),
        ("entry-v2-receipt-warehouses.note", receipt_of_warehouses()),
        ("entry-v2-rebuild.note", rebuild()),
        ("entry-v2-done.note", done()),
        ("entry-v2-hold.note", hold()),
        ("entry-v2-release.note", release()),
        ("entry-v2-sweep.note", sweep()),
        ("entry-v2-swept.note", swept()),
        ("entry-v2-retention.note", retention()),
        ("entry-v2-retained-in-part.note", retained_in_part()),
        ("entry-v2-retained.note", retained()),
        ("entry-v2-given-up.note", given_up()),
        ("entry-v2-clock.note", clock()),
    ];
    let mut chain = Vec::new();
    for (sequence, (name, body)) in (0..).zip(bodies) {
        let entry = entry(sequence, previous, body);
        let file = entry.encode(Some(&key())).unwrap();
        previous = Some(Digest::of(file.as_bytes()));
        chain.push((name, entry, file));
    }
    chain
}

/// The state after so many entries.
fn state(entries: usize) -> State {
    let chain = chain();
    let digest = |file: &str| Digest::of(file.as_bytes());
    let mut state = State::begin(&chain[0].1, digest(&chain[0].2)).unwrap();
    for (_, entry, file) in &chain[1..entries] {
        state.apply(entry, digest(file)).unwrap();
    }
    state
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// Reads a golden file; with `TRAILHOUSE_GOLDEN=write` one that is missing is made first.
pub(crate) fn read(name: &str, made: &[u8]) -> Vec<u8> {
    let path = golden(name);
    if !path.exists() && std::env::var("TRAILHOUSE_GOLDEN").is_ok_and(|word| word == "write") {
        std::fs::write(&path, made).unwrap();
    }
    std::fs::read(&path).unwrap()
}

#[test]
fn entries_are_read_and_written_byte_for_byte() {
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    for (name, entry, file) in chain() {
        let stored = read(name, file.as_bytes());
        assert_eq!(String::from_utf8_lossy(&stored), file, "{name}");
        let (decoded, signer) = Entry::decode(&stored, &trust).unwrap();
        assert_eq!(decoded, entry, "{name}");
        assert_eq!(signer.as_ref(), Some(key().verifier()), "{name}");
    }
    let newer = since_version_2().into_iter().chain(since_version_3());
    for (name, body) in newer.chain(since_version_4()) {
        let entry = entry(1, Some(Digest::of(b"before")), body);
        let file = entry.encode(Some(&key())).unwrap();
        let stored = read(name, file.as_bytes());
        assert_eq!(String::from_utf8_lossy(&stored), file, "{name}");
        assert_eq!(Entry::decode(&stored, &trust).unwrap().0, entry, "{name}");
    }
}

/// A version is written only where an entry says what the one before it cannot, so programs that know no more can
/// read every other entry.
#[test]
fn entries_are_of_the_version_that_they_need() {
    let begins = |body, version| {
        let file = entry(1, None, body).encode(Some(&key())).unwrap();
        file.starts_with(&format!("{{\"version\":{version},"))
    };
    assert!(
        since_version_4()
            .into_iter()
            .all(|(_, body)| begins(body, 4))
    );
    assert!(
        since_version_3()
            .into_iter()
            .all(|(_, body)| begins(body, 3))
    );
    assert!(
        since_version_2()
            .into_iter()
            .all(|(_, body)| begins(body, 2))
    );
}

/// The axis is part of the state, and of its cache.
#[test]
fn coverage_by_arrival_is_kept() {
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    let (_, genesis, file) = &chain()[0];
    let genesis_digest = Digest::of(file.as_bytes());
    let mut state = State::begin(genesis, genesis_digest).unwrap();
    let by_arrival = |(name, _): &(&str, Body)| name.contains("by-arrival");
    let (_, body) = since_version_3().into_iter().find(by_arrival).unwrap();
    let next = entry(1, Some(genesis_digest), body);
    let file = next.encode(Some(&key())).unwrap();
    state.apply(&next, Digest::of(file.as_bytes())).unwrap();
    assert!(state.sources["kestra-prod"].axis.is_some());
    let cached = cache::encode(&state, Some(&key())).unwrap();
    assert_eq!(cache::decode(&cached, &trust).unwrap(), state);
}

/// Version 1 is what version 2 is without the fields that came since. Its files name each other, so they
/// are folded as the ledger that they are.
#[test]
fn entries_of_version_1_are_read_and_folded() {
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    let mut folded: Option<State> = None;
    for (name, entry, _) in chain() {
        if name == "entry-v2-clock.note" {
            // Version 1 has no such entry.
            continue;
        }
        let name = name.replace("-v2-", "-v1-");
        let stored = std::fs::read(golden(&name)).unwrap();
        let (decoded, signer) = Entry::decode(&stored, &trust).unwrap();
        assert_eq!(decoded.body, entry.body, "{name}");
        assert_eq!(decoded.witnesses, None, "{name}");
        assert_eq!(signer.as_ref(), Some(key().verifier()), "{name}");
        if name.contains("given-up") {
            // The decision that it is about is done before.
            continue;
        }
        let sha256 = Digest::of(&stored);
        match &mut folded {
            None => folded = Some(State::begin(&decoded, sha256).unwrap()),
            Some(state) => state.apply(&decoded, sha256).unwrap(),
        }
    }
    let folded = folded.unwrap();
    let newest = state(chain().len() - 2);
    // Versions differ in their bytes, so in the digest of the head; and version 1 names no witness.
    assert_eq!(folded.clock.witnessed(), None);
    assert_eq!(folded.clock.reached(), newest.clock.reached());
    assert_eq!(
        folded,
        State {
            head: folded.head,
            clock: folded.clock.clone(),
            ..newest
        }
    );
}

#[test]
fn a_state_cache_of_version_1_is_passed_over() {
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    let stored = std::fs::read(golden("state-v1.json.zst")).unwrap();
    let error = cache::decode(&stored, &trust).unwrap_err();
    assert!(matches!(error, cache::CacheError::Version(1)), "{error}");
}

#[test]
fn state_caches_of_version_2_are_read() {
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    // Without any warehouse, with a decision that is open, with all of that; with holds.
    for (name, entries) in [
        ("state-v2.json.zst", 3),
        ("state-v2-rebuild.json.zst", 5),
        ("state-v2-warehouses.json.zst", 6),
        ("state-v2-hold.json.zst", 7),
        ("state-v2-released.json.zst", 8),
        ("state-v2-sweep.json.zst", 9),
        ("state-v2-swept.json.zst", 10),
        ("state-v2-retention.json.zst", 11),
        ("state-v2-retained-in-part.json.zst", 12),
        ("state-v2-retained.json.zst", 13),
    ] {
        let stored = std::fs::read(golden(name)).unwrap();
        assert_eq!(cache::decode(&stored, &trust).unwrap(), state(entries));
    }
}

/// The compression may differ between versions of zstd; what it holds may not.
#[test]
fn state_caches_of_version_3_are_read() {
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    for (name, entries) in [
        ("state-v3.json.zst", 3),
        ("state-v3-retention.json.zst", 11),
        ("state-v3-retained.json.zst", 13),
    ] {
        let made = cache::encode(&state(entries), Some(&key())).unwrap();
        assert_eq!(cache::decode(&made, &trust).unwrap(), state(entries));
        let stored = read(name, &made);
        assert_eq!(cache::decode(&stored, &trust).unwrap(), state(entries));
    }
}

/// A replacement of files that is not done is part of the state, and of its cache; the entry that ends it takes it out.
#[test]
fn a_remap_is_folded_and_kept_until_it_is_done() {
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    let mut state = state(2);
    let apply = |state: &mut State, body: Body| {
        let sequence = state.head.sequence + 1;
        let next = Entry {
            sequence,
            ..entry(1, Some(state.head.sha256), body)
        };
        let file = next.encode(Some(&key())).unwrap();
        state.apply(&next, Digest::of(file.as_bytes()))
    };
    let [(_, remap), (_, in_part), (_, done)] = since_version_4();
    apply(&mut state, remap).unwrap();
    assert_eq!(state.remaps.len(), 1);
    let made = cache::encode(&state, Some(&key())).unwrap();
    assert_eq!(cache::decode(&made, &trust).unwrap(), state);
    let stored = read("state-v3-remap.json.zst", &made);
    assert_eq!(cache::decode(&stored, &trust).unwrap(), state);
    apply(&mut state, in_part).unwrap();
    assert_eq!(state.remaps.len(), 1);
    apply(&mut state, done.clone()).unwrap();
    assert!(state.remaps.is_empty());
    assert!(apply(&mut state, done).is_err());
}

#[test]
fn what_a_newer_program_wrote_is_named_as_that() {
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    let (_, _, file) = &chain()[0];
    let sign = |text: String| trailhouse::ledger::note::sign(text, Some(&key())).unwrap();
    let line = format!("{}\n", file.lines().next().unwrap());
    let next = format!("\"version\":{}", FORMAT_VERSION + 1);
    let newer = sign(line.replace("\"version\":2", &next));
    let error = Entry::decode(newer.as_bytes(), &trust).unwrap_err();
    assert!(error.to_string().contains("newer"), "{error}");
    let other = sign(line.replace("\"kind\":\"genesis\"", "\"kind\":\"erase\""));
    let error = Entry::decode(other.as_bytes(), &trust).unwrap_err();
    assert!(error.to_string().contains("too old"), "{error}");
    let more = sign(line.replace("\"sequence\":0", "\"sequence\":0,\"extra\":1"));
    assert!(Entry::decode(more.as_bytes(), &trust).is_err());
}
