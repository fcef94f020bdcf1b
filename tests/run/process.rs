//! The program as a process of its own: dying at every failpoint, killed from outside, in other
//! time zones, beside itself, within its memory.

use super::harness::{Rig, key};
use super::lake::Lake;
use crate::cli::{code, json, told, trailhouse};
use chrono::{NaiveDate, TimeDelta, Utc};
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use trailhouse::ledger::entry::Trust;
use trailhouse::report::verify::{VerifyDepth, verify};
use trailhouse::store::Bucket;
use trailhouse_demo::kestra::{NewEvent, Options};

/// A folder with everything that the program needs to read from a platform.
pub(super) struct Place {
    folder: TempDir,
}

impl Place {
    pub(super) fn new(rig: &Rig, run: &str) -> Self {
        Self::reading(&rig.serving.url(), run)
    }

    /// The same for a platform at an address.
    pub(super) fn reading(platform: &str, run: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let lake = path.join("lake");
        std::fs::create_dir(&lake).unwrap();
        let private = key().to_note_private();
        std::fs::write(path.join("writer.key"), private.expose_secret()).unwrap();
        std::fs::write(path.join("token"), "demo-token").unwrap();
        let config = format!(
            "version = 1\n\
             [lake]\nurl = \"file://{}\"\n\
             [signing]\nkey = {{ file = \"writer.key\" }}\n\
             [run]\n{run}\n\
             [[source]]\nid = \"kestra-test\"\nplatform = \"kestra\"\nurl = \"{}\"\n\
             dialect = \"v2\"\ntenants = [\"main\"]\n\
             auth = {{ bearer = {{ file = \"token\" }} }}\nstart = \"earliest\"\n",
            lake.display(),
            platform,
        );
        std::fs::write(path.join("trailhouse.toml"), config).unwrap();
        Self { folder }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn run(&self) -> Command {
        let mut command = trailhouse(self.path());
        command.args(["run", "--output", "json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(super) fn run_well(&self) -> Output {
        let output = self.run().output().unwrap();
        assert_eq!(code(&output), 0, "{}", told(&output));
        output
    }

    pub(super) fn entries(&self) -> usize {
        let listed = std::fs::read_dir(self.path().join("lake/ledger/entry"));
        listed.map_or(0, Iterator::count)
    }

    /// The lake, verified to the last byte.
    pub(super) async fn sound_lake(&self) -> Lake {
        let url = format!("file://{}", self.path().join("lake").display());
        let bucket = Bucket::open(&url, &BTreeMap::new()).unwrap();
        let trust = Trust::Keys(vec![key().verifier().clone()]);
        let depth = VerifyDepth {
            deep: true,
            since: None,
        };
        let verified = verify(&bucket, trust.clone(), depth, &|_, _| {})
            .await
            .unwrap();
        assert!(verified.problems.is_empty(), "{:?}", verified.problems);
        Lake::read_from(&bucket, trust).await
    }
}

/// A platform in the time of the machine, as the program is.
pub(super) async fn rig() -> Rig {
    Rig::new(&Options {
        events: 0,
        oracle: true,
        ..Options::default()
    })
    .await
}

/// Every failpoint that a run hits, with how often.
fn failpoints(place: &Place) -> BTreeMap<String, usize> {
    let log: PathBuf = place.path().join("failpoints");
    let output = place
        .run()
        .env("TRAILHOUSE_FAILPOINT_LOG", &log)
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", told(&output));
    let mut hits = BTreeMap::new();
    for name in std::fs::read_to_string(log).unwrap().lines() {
        *hits.entry(name.to_owned()).or_default() += 1;
    }
    hits
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_at_any_failpoint_a_rerun_makes_the_same_lake() {
    let rig = rig().await;
    let now = Utc::now();
    rig.fill(now - TimeDelta::hours(30), now - TimeDelta::minutes(10), 30);
    let place = Place::new(&rig, "chunk_rows = 10");
    let hits = failpoints(&place);
    assert!(hits.len() >= 12, "{hits:?}");
    let expected = place.sound_lake().await;
    assert_eq!(expected.rows().len(), 30);
    for (name, times) in hits {
        let mut at = vec![1, times / 2 + 1, times];
        at.dedup();
        for hit in at {
            let when = format!("{name}={hit}");
            let place = Place::new(&rig, "chunk_rows = 10");
            let died = place
                .run()
                .env("TRAILHOUSE_FAILPOINT", &when)
                .output()
                .unwrap();
            assert_eq!(died.status.code(), None, "{when}: {}", told(&died));
            place.run_well();
            let lake = place.sound_lake().await;
            assert_eq!(lake.rows(), expected.rows(), "{when}");
            assert_eq!(lake.days(), expected.days(), "{when}");
            let covered = lake.coverage().into_values().next().unwrap();
            assert_eq!(covered.windows().len(), 1, "{when}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_is_told_in_the_singular() {
    let rig = rig().await;
    // At noon, so that the file, its entry and the date stay one.
    let noon = (Utc::now() - TimeDelta::days(1)).date_naive();
    let noon = noon.and_hms_opt(12, 0, 0).unwrap().and_utc();
    rig.platform.push(NewEvent::at(noon));
    rig.platform
        .push(NewEvent::at(Utc::now() + TimeDelta::days(2)));
    let place = Place::new(&rig, "");
    let told_by = |command: &str| told(&trailhouse(place.path()).arg(command).output().unwrap());
    let run = told_by("run");
    for said in [
        "1 file, ",
        ", in 1 entry\n",
        "1 record is dated in the future",
    ] {
        assert!(run.contains(said), "{said}: {run}");
    }
    let status = told_by("status");
    for said in [
        ", 1 event\n",
        " 1 event\n",
        "1 record dated in the future\n",
    ] {
        assert!(status.contains(said), "{said}: {status}");
    }
    let doctor = told_by("doctor");
    assert!(doctor.contains("configuration: 1 source\n"), "{doctor}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_before_it_has_a_result_tells_programs_as_much() {
    let rig = rig().await;
    let place = Place::new(&rig, "");
    std::fs::remove_dir_all(place.path().join("lake")).unwrap();
    std::fs::remove_file(place.path().join("writer.key")).unwrap();
    let early = place.run().output().unwrap();
    let late = Place::new(&rig, "").run_well();
    for output in [early, late] {
        let json = json(&output);
        assert_eq!(json["exit_code"], code(&output), "{}", told(&output));
        let errors = json["errors"].as_array().unwrap();
        assert_eq!(errors.is_empty(), code(&output) == 0);
        assert_eq!(json.get("error"), errors.first());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_still_ends_with_everything() {
    let rig = rig().await;
    let now = Utc::now();
    for day in 0..240 {
        let noon = now - TimeDelta::days(1 + day * 3);
        rig.platform.push(NewEvent::at(noon));
        rig.platform
            .push(NewEvent::at(noon - TimeDelta::minutes(1)));
    }
    let place = Place::new(&rig, "");
    let mut kills = 0;
    while kills < 6 {
        let before = place.entries();
        let mut child = place.run().spawn().unwrap();
        // As soon as it has made some progress.
        while place.entries() < before + 5 && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        if child.wait().unwrap().code().is_some() {
            break;
        }
        kills += 1;
    }
    assert!(kills > 1, "{kills}");
    place.run_well();
    let lake = place.sound_lake().await;
    lake.assert_holds_what_was_shown(&rig.platform, "after all kills");
    assert_eq!(lake.rows().len(), 480);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_at_once_both_end_well() {
    let rig = rig().await;
    let now = Utc::now();
    rig.fill(
        now - TimeDelta::hours(60),
        now - TimeDelta::minutes(10),
        300,
    );
    let place = Place::new(&rig, "chunk_rows = 20");
    let children: Vec<Child> = (0..3).map(|_| place.run().spawn().unwrap()).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(matches!(code(&output), 0 | 7), "{}", told(&output));
    }
    let lake = place.sound_lake().await;
    lake.assert_holds_what_was_shown(&rig.platform, "three processes");
    assert_eq!(lake.rows().len(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_zone_of_the_machine_changes_nothing() {
    let rig = rig().await;
    let midnight = Utc::now()
        .date_naive()
        .and_time(chrono::NaiveTime::MIN)
        .and_utc();
    // Days around both changes of daylight saving time of a year.
    for days in 1..370 {
        let midnight = midnight - TimeDelta::days(days);
        rig.platform.push(NewEvent::at(midnight));
        rig.platform
            .push(NewEvent::at(midnight - TimeDelta::milliseconds(1)));
    }
    let mut found = Vec::new();
    for zone in ["UTC", "America/New_York", "Pacific/Kiritimati", "EST5EDT"] {
        let place = Place::new(&rig, "");
        let output = place.run().env("TZ", zone).output().unwrap();
        assert_eq!(code(&output), 0, "{}", told(&output));
        let lake = place.sound_lake().await;
        let mut dates: BTreeMap<NaiveDate, u64> = BTreeMap::new();
        for live in lake.state.live_files() {
            *dates.entry(live.file.date).or_default() += live.file.rows;
        }
        let rows: BTreeMap<String, Vec<String>> = lake.events;
        found.push((zone, dates, rows));
    }
    for (zone, dates, rows) in &found[1..] {
        assert_eq!(dates, &found[0].1, "{zone}");
        assert_eq!(rows, &found[0].2, "{zone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_entry_ends_the_program_with_the_exit_code_of_integrity() {
    let rig = rig().await;
    let now = Utc::now();
    rig.fill(now - TimeDelta::hours(3), now - TimeDelta::minutes(10), 5);
    let place = Place::new(&rig, "");
    place.run_well();
    let folder = place.path().join("lake/ledger/entry");
    let newest = place.entries() - 1;
    let path = |sequence: usize| folder.join(format!("{sequence:020}.note"));
    let note = std::fs::read_to_string(path(newest)).unwrap();
    let text = note.split("\n\n").next().unwrap();
    std::fs::write(path(newest + 1), format!("{text}\n\n")).unwrap();
    let output = place.run().output().unwrap();
    assert_eq!(code(&output), 6, "{}", told(&output));
    assert_eq!(place.entries(), newest + 2);
}
