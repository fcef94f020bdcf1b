//! Records from files beside those that the platform serves.

use super::harness::{Rig, at, empty, quiet, run_well, sound_lake};
use std::fs;
use std::path::PathBuf;
use tokio::sync::watch;
use trailhouse::ledger::entry::RecountVerdict;
use trailhouse::run::{ImportSummary, Job, Unobserved, found, import};

async fn import_into(job: &Job, files: &[PathBuf]) -> ImportSummary {
    let (_stop, stopped) = watch::channel(false);
    let imported = import(job, &job.sources[0], files, None, &stopped, &Unobserved);
    imported.await.unwrap()
}

/// Lines of what a platform has shown to a run into another lake.
async fn lines(rig: &Rig) -> Vec<String> {
    let other = empty();
    run_well(&rig.job(&other)).await;
    let shown = rig.platform.shown();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    shown.iter().map(|it| text(&it.versions[0])).collect()
}

#[tokio::test]
async fn a_file_adds_what_the_lake_lacks_and_claims_nothing_more() {
    let rig = Rig::new(&quiet("2026-11-10T06:00:00Z")).await;
    rig.fill(at("2026-11-08T00:00:00Z"), at("2026-11-10T00:00:00Z"), 60);
    let lines = lines(&rig).await;
    let old: Vec<String> = lines[..5]
        .iter()
        .map(|line| line.replace("2026-11-08T", "2020-01-02T"))
        .map(|line| line.replacen("\"id\":\"", "\"id\":\"old-", 1))
        .collect();
    assert!(
        old.iter()
            .all(|line| line.contains("2020-") && line.contains("\"old-"))
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.ndjson");
    let of_file: Vec<&String> = old.iter().chain(lines.iter().step_by(2)).collect();
    let text: String = of_file.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&file, text).unwrap();

    let store = empty();
    let job = rig.job(&store);
    found(&job).await.unwrap();
    let files = [file];
    let first = import_into(&job, &files).await;
    let [of_file] = first.files.as_slice() else {
        panic!("{first:?}");
    };
    assert_eq!(of_file.failure, None);
    assert_eq!((of_file.counts.returned, of_file.counts.added), (35, 35));
    // One for each date: an entry has rows of one date.
    assert_eq!(first.entries, 3);

    let again = import_into(&job, &files).await;
    assert_eq!((again.entries, again.files[0].counts.known), (0, 35));

    // Nothing counts as read, so the run reads all of it, and adds the other half.
    let summary = run_well(&job).await;
    let source = &summary.sources[0];
    let counts = &source.counts;
    assert_eq!((counts.returned, counts.known, counts.added), (60, 30, 30));
    assert!(!source.recounts.is_empty());
    let matched = |verdict| verdict == RecountVerdict::Matched;
    assert!(
        source.recounts.iter().all(|it| matched(it.verdict)),
        "{:?}",
        source.recounts
    );
    let lake = sound_lake(&store).await;
    assert_eq!(lake.events.len(), 65);

    // After the run everything of the file is known, whatever else was read.
    let last = import_into(&job, &files).await;
    assert_eq!((last.entries, last.files[0].counts.known), (0, 35));
}

#[tokio::test]
async fn what_a_file_holds_besides_records_is_kept_and_said() {
    let rig = Rig::new(&quiet("2026-11-10T06:00:00Z")).await;
    rig.fill(at("2026-11-08T00:00:00Z"), at("2026-11-10T00:00:00Z"), 10);
    let lines = lines(&rig).await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let damaged = format!("{}\n{{\"id\":\"\nno record\n{}\n", lines[0], lines[1]);
    fs::write(path("damaged"), damaged).unwrap();
    let cut = format!("[{},{},{{\"id\":", lines[2], lines[3]);
    fs::write(path("cut"), cut).unwrap();
    fs::write(path("never"), &lines[4]).unwrap();

    let store = empty();
    let job = rig.job(&store);
    found(&job).await.unwrap();
    let files = ["damaged", "cut", "never"].map(path);
    let summary = import_into(&job, &files).await;
    let [damaged, cut] = summary.files.as_slice() else {
        panic!("what follows a file that breaks off is not begun: {summary:?}");
    };
    assert_eq!((damaged.counts.added, damaged.counts.quarantined), (2, 2));
    assert_eq!(damaged.failure, None);
    assert_eq!(cut.counts.added, 2);
    assert_eq!(
        cut.failure.as_deref(),
        Some("it ends in the middle of a value")
    );
    let missing = import_into(&job, &[path("none")]).await;
    assert!(missing.files[0].failure.is_some() && missing.files[0].bytes.is_none());
    let lake = sound_lake(&store).await;
    assert_eq!(lake.events.len(), 4);
}
