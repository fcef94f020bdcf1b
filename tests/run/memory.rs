//! The program within the memory that its configuration allows by default, over windows far larger.

#![cfg(target_os = "linux")]

use super::harness::{Rig, key};
use super::process::Place;
use crate::cli::{code, json, told, trailhouse};
use chrono::{Days, NaiveDate, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Output, Stdio};
use std::time::Duration;
use trailhouse::ledger::digest::Digest;
use trailhouse::ledger::log::Log;
use trailhouse::store::Bucket;
use trailhouse_demo::kestra::{DataTrouble, NewEvent, Oddity, Options};

/// What `run.memory` is by default, and what a container of the samples may take.
const LIMIT: u64 = 256 << 20;

/// Waits for a process and returns its output and the most memory that it ever took.
fn watched(child: Child) -> (Output, u64) {
    let status = format!("/proc/{}/status", child.id());
    let watcher = std::thread::spawn(move || {
        let mut peak = 0;
        // The high-water mark is the kernel's, so nothing between two looks is missed; it is gone
        // with the process.
        while let Some(bytes) = high_water_mark(&status) {
            peak = bytes;
            std::thread::sleep(Duration::from_millis(3));
        }
        peak
    });
    let output = child.wait_with_output().unwrap();
    (output, watcher.join().unwrap())
}

fn high_water_mark(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Asserts that a process stayed within what a run may take.
fn assert_within(peak: u64, when: &str) {
    println!("{when}: {} MiB", peak >> 20);
    assert!(peak > 0, "{when}: nothing was measured");
    assert!(peak < LIMIT, "{when}: {} MiB", peak >> 20);
}

/// Runs the program with its default bounds and returns how many records it added and quarantined.
fn run_within_the_limit(place: &Place, when: &str) -> (u64, u64) {
    let (output, peak) = watched(place.run().spawn().unwrap());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    // Where many records are too large for a row, the run says so.
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 10)), "{when}: {code:?} {told}");
    assert_within(peak, when);
    let counts = json(&output)["sources"][0]["counts"].clone();
    let count = |name: &str| counts[name].as_u64().unwrap();
    (count("added"), count("quarantined"))
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_largest_size_on_one_date_fit_into_the_memory_of_a_small_container() {
    const RECORDS: u32 = 14_000;
    let now = Utc::now();
    let rig = Rig::new(&Options {
        events: RECORDS,
        days: 1,
        end: Some(now - TimeDelta::minutes(10)),
        no_incidents: true,
        // A thousand of them are nearly as large as a response may be.
        data: DataTrouble {
            bulk: 30_000,
            ..DataTrouble::default()
        },
        ..Options::default()
    })
    .await;
    let place = Place::new(&rig, "");
    let (added, _) = run_within_the_limit(&place, "read first");
    assert_eq!(added, u64::from(RECORDS));
    assert!(rig.platform.counts().bytes > 400_000_000);

    // One record more than was counted, and all of its date is read again and compared.
    rig.platform.push(NewEvent::at(now - TimeDelta::hours(14)));
    let before = rig.platform.counts().bytes;
    assert_eq!(run_within_the_limit(&place, "read again"), (1, 0));
    assert!(rig.platform.counts().bytes - before > 150_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_the_largest_size_fit_into_the_memory_of_a_small_container() {
    let rig = Rig::new(&Options {
        events: 0,
        ..Options::default()
    })
    .await;
    let now = Utc::now();
    for nth in 0..15 {
        // Of these, one fills a response and is too large for a row; the others are rows.
        for (minute, bytes) in [(0, 30 << 20), (1, 15 << 20)] {
            rig.platform.push(NewEvent {
                oddity: Some(Oddity::Huge(bytes)),
                ..NewEvent::at(now - TimeDelta::minutes(20 + 2 * nth + minute))
            });
        }
    }
    let place = Place::new(&rig, "");
    let found = run_within_the_limit(&place, "records of 30 and 15 MiB");
    assert_eq!(found, (15, 15));
    assert!(rig.platform.counts().bytes > 600_000_000);
}

/// A platform that gives one answer to everything but the control request, as often as it is asked.
fn always(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let mut connection = connection;
            let mut head = Vec::new();
            let mut buffer = [0; 4096];
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                match connection.read(&mut buffer) {
                    Ok(read) if read > 0 => head.extend_from_slice(&buffer[..read]),
                    _ => break,
                }
            }
            let is_control = head.windows(4).any(|year| year == b"2999");
            let body = match is_control {
                true => "{\"results\":[],\"total\":0}",
                false => answer.as_str(),
            };
            let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
            let said = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: {date}\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // The program hangs up where it has read enough.
            let _ = connection.write_all(said.as_bytes());
            let _ = connection.write_all(body.as_bytes());
        }
    });
    format!("http://{address}")
}

/// Small items make a few bytes of a response into much memory, whatever the bound on its bytes.
#[test]
fn responses_of_tiny_items_fit_into_the_memory_of_a_small_container() {
    for item in ["0", "{}", "{\"auditLog\":{}}"] {
        let items = vec![item; (7 << 20) / (item.len() + 1)];
        let bomb = format!(
            "{{\"total\":{},\"results\":[{}]}}",
            items.len(),
            items.join(",")
        );
        let place = Place::reading(&always(bomb), "");
        let config = place.path().join("trailhouse.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let date = (Utc::now() - TimeDelta::days(2)).date_naive();
        let text = text.replace("start = \"earliest\"", &format!("start = \"{date}\""));
        std::fs::write(&config, text).unwrap();
        let (output, peak) = watched(place.run().spawn().unwrap());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(5), "{item}: {told}");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("as were asked for"), "{item}: {said}");
        assert_within(peak, &format!("a response of the item {item}"));
    }
}

/// More files than a year of hourly runs makes, as the entries of a lake would tell them, put into its
/// state cache.
async fn with_files(place: &Place, count: u32) {
    let url = format!("file://{}", place.path().join("lake").display());
    let bucket = Bucket::open(&url, &BTreeMap::new()).unwrap();
    let log = Log::new(bucket, Some(key()));
    let mut state = log.load().await.unwrap().unwrap();
    let sample = state.live_files().next().unwrap().clone();
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    let categories = [
        "execution",
        "authentication",
        "resource_management",
        "other",
    ];
    for nth in 0..count {
        let date = first + Days::new(u64::from(nth / 100));
        let category = categories[nth as usize % categories.len()];
        let name = format!("20200101T000000Z-{nth:08x}-00000-000.parquet");
        let mut live = sample.clone();
        live.file.path = format!("events/date={date}/cat={category}/src=kestra-test/{name}").into();
        live.file.sha256 = Digest::of(name.as_bytes());
        live.file.records_root = Digest::of(&nth.to_le_bytes());
        live.file.category = Some(category.into());
        live.file.date = date;
        state.files.entry(date).or_default().push(live);
    }
    std::fs::remove_dir_all(place.path().join("lake/ledger/state")).unwrap();
    log.save_cache(&state).await.unwrap();
}

/// Runs a command and returns what it printed, once it has stayed within what a run may take.
fn command_within_the_limit(place: &Place, command: &[&str]) -> Output {
    let mut program = trailhouse(place.path());
    program
        .args(command)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let (output, peak) = watched(program.spawn().unwrap());
    assert_within(peak, &format!("{command:?}"));
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_of_very_many_files_fits_into_the_memory_of_a_small_container() {
    const FILES: u32 = 80_000;
    let rig = Rig::new(&Options {
        events: 50,
        days: 1,
        end: Some(Utc::now() - TimeDelta::minutes(10)),
        no_incidents: true,
        ..Options::default()
    })
    .await;
    let place = Place::new(&rig, "");
    place.run_well();
    with_files(&place, FILES).await;

    let status = command_within_the_limit(&place, &["status", "--output", "json"]);
    assert_eq!(code(&status), 0, "{}", told(&status));
    let size = json(&status)["state"].clone();
    assert!(size["files"].as_u64().unwrap() > u64::from(FILES));
    let bytes = size["bytes"].as_u64().unwrap();
    assert!(bytes < u64::from(FILES) * 300, "{bytes}");
    assert!(bytes < size["share"].as_u64().unwrap(), "{bytes}");
    let ran = command_within_the_limit(&place, &["run"]);
    assert_eq!(code(&ran), 0, "{}", told(&ran));
    assert!(!told(&ran).contains("share of"), "{}", told(&ran));

    // What takes more than its share is named, with what to do, by all three.
    let config = place.path().join("trailhouse.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("[run]\n", "[run]\nmemory = \"64MiB\"\n");
    std::fs::write(&config, format!("{text}max_response = \"8MiB\"\n")).unwrap();
    for command in ["status", "run", "doctor"] {
        let output = command_within_the_limit(&place, &[command]);
        let said = format!(
            "{}{}",
            told(&output),
            String::from_utf8_lossy(&output.stdout)
        );
        assert!(
            said.contains("more than its share of `memory` in [run], 16 MiB"),
            "{command}: {said}"
        );
        assert!(
            said.contains("set `memory` in [run] to"),
            "{command}: {said}"
        );
    }
}
