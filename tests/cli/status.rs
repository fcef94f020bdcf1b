//! What `status` says of each date, on a lake whose ledger was written by hand.

use super::{code, json, told, trailhouse};
use chrono::{DateTime, SubsecRound as _, Utc};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use trailhouse::lake::layout::Table;
use trailhouse::ledger::digest::Digest;
use trailhouse::ledger::entry::{
    Body, ClockConfirmation, Counts, Covered, DayCount, FileEntry, HoleEntry, HoleReasonCode,
    Ingest, InstantRange, OriginChain, OriginCheck, OriginFault, OriginFinding, Receipt, Recount,
    RecountVerdict, StatedStatistics, VerdictBy,
};
use trailhouse::ledger::key::SigningKey;
use trailhouse::ledger::log::{Commit, EntryDraft, Founding, Log};
use trailhouse::ledger::state::State;
use trailhouse::store::Bucket;
use trailhouse::window::Window;

const RUN: &str = "20260110T000000Z-00000000";
const CONFIG: &str = r#"version = 1
[lake]
url = "LAKE"
[signing]
public_key = { file = "lake.pub" }
[[source]]
id = "kestra-prod"
platform = "kestra"
url = "https://kestra.example.com"
dialect = "v2"
tenants = ["main"]
auth = { none = true }
start = "2026-01-01"
"#;

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn draft(written_at: DateTime<Utc>, body: Body) -> EntryDraft {
    EntryDraft {
        run_id: RUN.to_owned(),
        written_at,
        witnesses: Vec::new(),
        config_sha256: Digest::of(b"config"),
        body,
    }
}

/// A ledger in the making, in a folder with a configuration of somebody who only reads it.
pub(super) struct Book {
    folder: TempDir,
    log: Log,
    pub(super) state: State,
}

impl Book {
    pub(super) async fn open() -> Self {
        Self::open_with(true).await
    }

    /// The same, of a ledger that nobody signs.
    pub(super) async fn open_unsigned() -> Self {
        let book = Self::open_with(false).await;
        let config = book.path().join("trailhouse.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("public_key = { file = \"lake.pub\" }", "unsigned = true");
        std::fs::write(&config, text).unwrap();
        book
    }

    async fn open_with(signed: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("lake");
        std::fs::create_dir(&lake).unwrap();
        let lake = format!("file://{}", lake.display());
        let key = SigningKey::from_seed("test/writer", &[1; 32]).unwrap();
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("lake.pub", key.verifier().to_string());
        write("trailhouse.toml", CONFIG.replace("LAKE", &lake));
        let bucket = Bucket::open(&lake, &BTreeMap::new()).unwrap();
        let log = Log::new(bucket, signed.then(|| Arc::new(key)));
        let founding = Founding {
            run_id: RUN.to_owned(),
            now: at("2026-01-10T00:00:00Z"),
            witnesses: Vec::new(),
            config_sha256: Digest::of(b"config"),
            sources: vec!["kestra-prod".to_owned()],
        };
        let state = log.found(&founding).await.unwrap();
        Self { folder, log, state }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) async fn commit(&mut self, draft: &EntryDraft) {
        let committed = self.log.commit(&mut self.state, draft).await.unwrap();
        assert!(matches!(committed, Commit::Done));
    }

    /// Takes note of what the program has added to the ledger.
    pub(super) async fn catch_up(&mut self) {
        self.state = self.log.load().await.unwrap().unwrap();
    }

    /// Adds records of a date, whose time is covered now or was covered before.
    pub(super) async fn add(&mut self, date: &str, records: u64, first: bool) {
        self.add_as(date, "other", records, first).await;
    }

    /// The same, of a category.
    pub(super) async fn add_as(&mut self, date: &str, category: &str, records: u64, first: bool) {
        let day = Window::of_date(date.parse().unwrap()).unwrap();
        let window = vec![Covered {
            tenant: "main".to_owned(),
            window: day,
        }];
        let (covered, reread) = match first {
            true => (window, vec![]),
            false => (vec![], window),
        };
        let number = self.state.batches.len();
        let body = Body::Ingest(Box::new(Ingest {
            source: "kestra-prod".to_owned(),
            platform: "kestra".to_owned(),
            batch_id: format!("{RUN}-{number:05}"),
            schema_version: 1,
            mapping_version: 1,
            axis: None,
            imported: None,
            covered,
            reread,
            holes: vec![],
            days: vec![DayCount {
                tenant: "main".to_owned(),
                date: day.from.date_naive(),
                counts: Counts {
                    returned: records,
                    added: records,
                    late: if first { 0 } else { records },
                    ..Counts::default()
                },
                expected: None,
                objects: None,
            }],
            changed: vec![],
            redaction: vec![],
            files: vec![FileEntry {
                path: format!(
                    "events/date={date}/cat={category}/src=kestra-prod/{RUN}-{number:05}-000.parquet"
                )
                .into(),
                table: Table::Events,
                date: day.from.date_naive(),
                category: Some(category.into()),
                source: "kestra-prod".into(),
                bytes: 1 << 20,
                sha256: Digest::of(b"file"),
                md5: None,
                rows: records,
                times: Some(InstantRange {
                    first: day.from,
                    last: day.from,
                }),
                records_root: Digest::of(b"root"),
                statistics: StatedStatistics::default(),
            }],
        }));
        self.commit(&draft(at("2026-01-10T00:00:00Z"), body)).await;
    }

    /// Names a date as one that could not be read.
    async fn hole(&mut self, date: &str) {
        let number = self.state.batches.len();
        let body = Body::Ingest(Box::new(Ingest {
            source: "kestra-prod".to_owned(),
            platform: "kestra".to_owned(),
            batch_id: format!("{RUN}-{number:05}"),
            schema_version: 1,
            mapping_version: 1,
            axis: None,
            imported: None,
            covered: vec![],
            reread: vec![],
            holes: vec![HoleEntry {
                tenant: "main".to_owned(),
                window: Window::of_date(date.parse().unwrap()).unwrap(),
                reason: HoleReasonCode("unreadable".to_owned()),
                detail: "the platform cannot read it".to_owned(),
            }],
            days: vec![],
            changed: vec![],
            redaction: vec![],
            files: vec![],
        }));
        self.commit(&draft(at("2026-01-10T00:00:00Z"), body)).await;
    }

    /// Somebody says that this machine's clock is right.
    pub(super) async fn confirm_clock(&mut self) {
        let body = Body::Clock(ClockConfirmation {
            by: "anna".to_owned(),
            reason: "by the calendar".to_owned(),
        });
        self.commit(&draft(Utc::now().trunc_subsecs(3), body)).await;
    }

    /// Compares a date with the source.
    async fn compare(
        &mut self,
        date: &str,
        now: &str,
        by: VerdictBy,
        source: u64,
        said: RecountVerdict,
    ) {
        let date = date.parse().unwrap();
        let feed = self.state.feed("kestra-prod", "main").unwrap();
        let body = Body::Receipt(Box::new(Receipt {
            started_at: at(now),
            sources: vec![],
            recounts: vec![Recount {
                source: "kestra-prod".to_owned(),
                tenant: "main".to_owned(),
                date,
                at: at(now),
                whole: true,
                by,
                source_count: source,
                lake_count: feed.days[&date].accounted,
                expected: None,
                expired: 0,
                objects: None,
                verdict: said,
            }],
            future: vec![],
            horizons: vec![],
            warehouses: vec![],
            origins: vec![],
        }));
        self.commit(&draft(at(now), body)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_by_id_stands_beside_what_was_counted_later() {
    use RecountVerdict::{Fewer, Gap, Matched, Purged};
    use VerdictBy::{Count, Id};
    const THEN: &str = "2026-01-11T00:07:00Z";
    const LATER: &str = "2026-01-12T00:07:00Z";
    let mut book = Book::open().await;
    for day in 1..9 {
        book.add(&format!("2026-01-0{day}"), 40, true).await;
    }
    book.compare("2026-01-02", LATER, Count, 40, Matched).await;
    for day in 3..9 {
        let date = format!("2026-01-0{day}");
        book.compare(&date, THEN, Id, 40, Matched).await;
    }
    book.compare("2026-01-04", LATER, Count, 40, Matched).await;
    // Two came late, and the count knows of them.
    book.add("2026-01-05", 2, false).await;
    book.compare("2026-01-05", LATER, Count, 42, Matched).await;
    book.compare("2026-01-06", LATER, Id, 43, Gap).await;
    book.compare("2026-01-07", LATER, Count, 39, Fewer).await;
    book.compare("2026-01-08", LATER, Count, 1, Fewer).await;
    book.compare("2026-01-08", LATER, Count, 1, Purged).await;

    let output = trailhouse(book.path()).arg("status").output().unwrap();
    assert_eq!(code(&output), 5, "{}", told(&output));
    let text = told(&output).replace(&book.state.lake_id, "LAKE ID");
    let lines: Vec<&str> = text
        .lines()
        .map(|line| match line.trim_start().split_once(' ') {
            Some(("lag", _)) => "  lag          LAG",
            // Nothing but the ledger tells the time, which stands still there.
            Some(("warning:", _)) if line.contains("the clock says") => "warning: THE CLOCK",
            _ => line,
        })
        .collect();
    insta::assert_snapshot!("days", lines.join("\n"));

    let output = trailhouse(book.path())
        .args(["status", "--output", "json"])
        .output()
        .unwrap();
    let status = json(&output);
    let days = status["sources"][0]["feeds"][0]["days"].as_array().unwrap();
    let day = |date: &str| days.iter().find(|day| day["date"] == date).unwrap();
    let counted = day("2026-01-04");
    assert_eq!(counted["matched_by_id"]["at"], THEN);
    assert_eq!(counted["matched_by_id"]["records"], 40);
    assert_eq!(counted["recount"]["at"], LATER);
    assert_eq!(counted["recount"]["by"], "count");
    assert_eq!(counted["recount"]["verdict"], "matched");
    assert!(day("2026-01-02").get("matched_by_id").is_none());
    assert_eq!(day("2026-01-06")["recount"]["verdict"], "gap");
    assert_eq!(day("2026-01-06")["matched_by_id"]["at"], THEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_platform_proves_is_one_line_and_its_newest_finding() {
    let mut book = Book::open().await;
    book.add("2026-01-01", 40, true).await;
    let until = at("2026-01-02T02:01:31Z");
    let mut check = OriginCheck::new("kestra-prod", "main");
    check.follow(OriginChain {
        name: "trail".to_owned(),
        until,
        key: "digest".to_owned(),
        sha256: Digest::of(b"digest"),
    });
    check.find(OriginFinding {
        fault: OriginFault::ObjectMissing,
        object: "file.json.gz".to_owned(),
        until,
    });
    (check.lists, check.objects) = (24, 1_288);
    let body = Body::Receipt(Box::new(Receipt {
        started_at: until,
        origins: vec![check],
        ..Receipt::default()
    }));
    book.commit(&draft(until, body)).await;
    let output = trailhouse(book.path()).arg("status").output().unwrap();
    let text = told(&output);
    for line in [
        "  origin       1,288 objects proven by 24 signed lists up to 2026-01-02T02:01:31Z\n",
        "warning: 1 finding of origin, the newest of 2026-01-02T02:01:31Z: file.json.gz is missing, although the platform \
         delivered it\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_cut_is_no_passing_failure() {
    let mut book = Book::open().await;
    book.add("2026-01-01", 40, true).await;
    book.add("2026-01-02", 40, true).await;
    book.log.save_cache(&book.state).await.unwrap();
    let ask = |command: &[&str]| trailhouse(book.path()).args(command).output().unwrap();
    // The book names files that nobody has written; either may be asked for first.
    let query = ask(&["query", "SELECT MAX(event_uid) FROM audit_events"]);
    assert_eq!(code(&query), 6, "{}", told(&query));
    assert!(
        told(&query).contains("a file of the lake is missing") && told(&query).contains(".parquet"),
        "{}",
        told(&query)
    );

    let entries = book.path().join("lake/ledger/entry");
    std::fs::remove_file(entries.join("00000000000000000002.note")).unwrap();
    for command in [
        &["status"][..],
        &["query", "SELECT 1"],
        &["verify", "--copy", "lake", "--public-key", "lake.pub"],
    ] {
        let output = ask(command);
        assert_eq!(code(&output), 6, "{command:?}: {}", told(&output));
        assert!(
            told(&output).contains("entry 2 of the ledger is missing"),
            "{}",
            told(&output)
        );
        assert!(
            !told(&output).contains("nothing was lost"),
            "{}",
            told(&output)
        );
    }
}

/// Holes and gaps of what would not be kept ring nobody, and are still named; a hold makes them matter.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_past_retention_is_named_and_no_failure() {
    let mut book = Book::open().await;
    book.add("2026-01-01", 40, true).await;
    book.hole("2026-01-02").await;
    let now = "2026-01-11T00:07:00Z";
    book.compare("2026-01-01", now, VerdictBy::Id, 41, RecountVerdict::Gap)
        .await;
    let ended = |arguments: &[&str]| {
        let mut command = trailhouse(book.path());
        command.arg("status").args(arguments).output().unwrap()
    };
    assert_eq!(code(&ended(&[])), 5);
    let config = book.path().join("trailhouse.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + "[retention]\ndefault = \"30d\"\n").unwrap();
    // The newest entry is months old, and nothing else tells the time: nothing is past by this clock alone.
    assert_eq!(code(&ended(&[])), 5);
    book.confirm_clock().await;
    let ended = |arguments: &[&str]| {
        let mut command = trailhouse(book.path());
        command.arg("status").args(arguments).output().unwrap()
    };
    let output = ended(&[]);
    assert_eq!(code(&output), 0, "{}", told(&output));
    let said = told(&output);
    assert!(said.contains("hole [2026-01-02T00:00:00Z, 2026-01-03T00:00:00Z) is past retention"));
    assert!(said.contains("gaps on dates past retention: 2026-01-01"));
    let status = json(&ended(&["--output", "json"]));
    let feed = &status["sources"][0]["feeds"][0];
    assert!(feed["holes"].as_array().unwrap().is_empty());
    assert_eq!(feed["past_holes"][0]["reason"], "unreadable");
    assert_eq!(feed["past_gaps"][0], "2026-01-01");
}
