//! The program itself against parts of others: its demo platform read by Kestra's own client, its
//! lake read by other Parquet readers, its ledger on a real S3 interface.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use trailhouse::config::Config;

use crate::azurite::{Azurite, CREATE_ONLY};
use crate::gcs::Account;
use crate::localbucket::LocalBucket;
use crate::missing::{Stop, Suite};
use crate::process::Server;
use crate::python::Environment;
use crate::s3::S3;
use crate::stores::{Place, SECRET, double};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_trailhouse");
const TOKEN: &str = "demo-token";
pub(crate) const EVENTS: u64 = 6000;
/// Odd records, such as invalid UTF-8 and doubled keys, that come on top.
const ODD: u64 = 12;

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("job::kestrapy_reads_the_demo_platform", kestrapy);
    suite.add("job::other_readers_read_the_lake", readers);
    suite.add("job::a_lake_on_disk", lake_on_disk);
    suite.add("job::a_lake_on_s3", || lake_on(&S3::start()?.place()));
    suite.add("job::a_lake_on_s3_with_object_lock", || {
        lake_on(&S3::start_locked()?.place())
    });
    suite.add("job::a_lake_on_azure", || {
        lake_on(&Azurite::start()?.by_signature(CREATE_ONLY)?)
    });
    suite.add("job::a_lake_on_gcs", lake_on_gcs);
    suite.add(
        "job::a_store_without_preconditions_is_refused",
        store_without_preconditions,
    );
    suite.add("job::configurations_of_k8s_are_good", k8s_configurations);
}

/// The demo platform with records of eight days, of tenant `main` unless `more` says otherwise.
pub(crate) fn platform(more: &[&str]) -> Result<Server, Stop> {
    let mut command = Command::new(PROGRAM);
    command
        .args(["demo-platform", "--listen", "127.0.0.1:0", "--days", "8"])
        .args(["--events", &EVENTS.to_string()])
        // Old enough to be read: nothing is left for a later run.
        .arg("--end")
        .arg((chrono::Utc::now() - chrono::TimeDelta::hours(1)).to_rfc3339())
        .args(more);
    Server::start(command)
}

fn kestrapy() -> Result<(), Stop> {
    let environment = Environment::new("kestrapy")?;
    for tenants in [
        &["--tenant", "main"][..],
        &["--tenant", "main", "--tenant", "other"],
    ] {
        let platform = platform(tenants)?;
        let mut script = environment.script("kestrapy_reads.py");
        script.args([platform.url(), TOKEN, "main"]);
        let read: Value = serde_json::from_slice(&finished(&mut script)?.stdout)?;
        let total = read["total"].as_u64();
        if tenants.len() == 2 {
            assert_eq!(total, Some(EVENTS), "{read}");
        } else {
            assert!(total.is_some_and(|total| total < EVENTS), "{read}");
        }
    }
    Ok(())
}

/// A folder with a key and a configuration, for a job that reads `platform`.
pub(crate) fn job(folder: &Path, platform: &Server, lake: &Place) -> Result<(), Stop> {
    let key = folder.join("writer.key");
    finished(
        Command::new(PROGRAM)
            .args(["keygen", "--name", "test/writer", "-o"])
            .arg(&key),
    )?;
    let config = format!(
        r#"version = 1
[lake]
{lake}
[signing]
key = {{ file = "writer.key" }}
[[source]]
id = "kestra-test"
platform = "kestra"
url = "{url}"
dialect = "v2"
tenants = ["main"]
auth = {{ bearer = {{ env = "KESTRA_TOKEN" }} }}
start = "earliest"
"#,
        lake = lake.table(),
        url = platform.url(),
    );
    fs::write(folder.join("lake.secret"), lake.secret())?;
    Ok(fs::write(folder.join("trailhouse.toml"), config)?)
}

/// The program with the configuration of `folder`.
pub(crate) fn trailhouse(folder: &Path, arguments: &[&str]) -> Command {
    let secret = fs::read_to_string(folder.join("lake.secret")).unwrap_or_default();
    let mut command = Command::new(PROGRAM);
    command
        .env("KESTRA_TOKEN", TOKEN)
        .env(SECRET, secret)
        .arg("-c")
        .arg(folder.join("trailhouse.toml"))
        .args(["--output", "json"])
        .args(arguments);
    command
}

/// What a command prints as JSON.
pub(crate) fn document(folder: &Path, arguments: &[&str]) -> Result<Value, Stop> {
    let output = finished(&mut trailhouse(folder, arguments))?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs a command to its good end.
pub(crate) fn finished(command: &mut Command) -> Result<Output, Stop> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Stop::Failed(format!(
        "{command:?} ended with {}:\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    )))
}

fn readers() -> Result<(), Stop> {
    let environment = Environment::new("lake_readers")?;
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    fs::create_dir(&lake)?;
    let platform = platform(&["--odd", &ODD.to_string()])?;
    job(folder.path(), &platform, &Place::on_disk(&lake))?;
    // An id that readers take for a number where they find it in a path.
    let config = folder.path().join("trailhouse.toml");
    let text = fs::read_to_string(&config)?;
    fs::write(&config, text.replace("kestra-test", "007"))?;
    let ran = document(folder.path(), &["run"])?;
    let counts = &ran["sources"][0]["counts"];
    let (added, quarantined) = (counts["added"].as_u64(), counts["quarantined"].as_u64());
    assert_eq!(
        added.zip(quarantined).map(|(added, unfit)| added + unfit),
        Some(EVENTS + ODD),
        "{ran}"
    );
    let read = |below: &Path| -> Result<Value, Stop> {
        let mut script = environment.script("read_lake.py");
        let output = finished(script.arg(below).env("TZ", "America/New_York"))?;
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let events = read(&lake.join("events"))?;
    assert_eq!(agreed(&events), added, "{events}");
    // One record may take several rows, never fewer than one.
    let unfit = read(&lake.join("quarantine"))?;
    assert!(agreed(&unfit) >= quarantined, "{unfit}");
    // One date, as an analyst would open it.
    let status = document(folder.path(), &["status"])?;
    let day = &status["sources"][0]["feeds"][0]["days"][3];
    let date = day["date"].as_str().unwrap_or_default();
    let one = read(&lake.join("events").join(format!("date={date}")))?;
    let rows = trailhouse(
        folder.path(),
        &[
            "query",
            &format!("SELECT COUNT(*) AS events FROM audit_events WHERE dt = DATE '{date}'"),
        ],
    )
    .output()?;
    let rows: Value = serde_json::from_slice(&rows.stdout)?;
    assert_eq!(agreed(&one), rows[0]["events"].as_u64(), "{one} {rows}");
    Ok(())
}

/// The rows that every reader found, if all found the same rows with the same values.
fn agreed(answer: &Value) -> Option<u64> {
    let readers = answer["readers"].as_object()?;
    let mut found = readers.values();
    let first = found.next()?;
    let same =
        found.all(|other| other["rows"] == first["rows"] && other["sha256"] == first["sha256"]);
    (same && readers.len() == 5).then(|| first["rows"].as_u64())?
}

fn lake_on_disk() -> Result<(), Stop> {
    let folder = tempfile::tempdir()?;
    lake_on(&Place::on_disk(folder.path()))
}

/// By an account that may only create, and with every object a plain file to other programs.
fn lake_on_gcs() -> Result<(), Stop> {
    let (_folder, server) = double()?;
    lake_on(&Place::on_double(&server, Account::CreateOnly))?;
    let entries = fs::read_dir(server.folder("lake").join("trailhouse/ledger/entry"))?;
    assert!(entries.count() > 1);
    Ok(())
}

/// A lake is founded, filled, found complete by a second run, and verified to its last row.
fn lake_on(place: &Place) -> Result<(), Stop> {
    let folder = tempfile::tempdir()?;
    let platform = platform(&[])?;
    job(folder.path(), &platform, place)?;
    let first = document(folder.path(), &["run"])?;
    assert_eq!(
        first["sources"][0]["counts"]["added"].as_u64(),
        Some(EVENTS),
        "{first}"
    );
    let second = document(folder.path(), &["run"])?;
    assert_eq!(
        second["sources"][0]["counts"]["added"].as_u64(),
        Some(0),
        "{second}"
    );
    let status = document(folder.path(), &["status"])?;
    assert_eq!(status["events"].as_u64(), Some(EVENTS), "{status}");
    assert_eq!(status["exit_code"].as_u64(), Some(0), "{status}");
    let key = folder.path().join("writer.key.pub");
    let key = key.to_str().unwrap_or_default();
    let verified = document(folder.path(), &["verify", "--deep", "--public-key", key])?;
    assert_eq!(verified["rows"].as_u64(), Some(EVENTS), "{verified}");
    Ok(())
}

/// A ledger on a store where a second create overwrites the first would be no ledger.
fn store_without_preconditions() -> Result<(), Stop> {
    let store = LocalBucket::start()?;
    let folder = tempfile::tempdir()?;
    let platform = platform(&[])?;
    job(folder.path(), &platform, &store.place())?;
    let told = |arguments: &[&str]| -> Result<(Option<i32>, Value), Stop> {
        let output = trailhouse(folder.path(), arguments).output()?;
        Ok((
            output.status.code(),
            serde_json::from_slice(&output.stdout)?,
        ))
    };
    // Another store is needed: running again would not help.
    let (code, said) = told(&["run"])?;
    assert_eq!(code, Some(2), "{said}");
    let happened = said["error"]["happened"].as_str().unwrap_or_default();
    assert!(happened.contains("second create"), "{said}");
    for kept in ["ledger/entry", "ledger/state", "events"] {
        assert!(!store.folder().join(kept).exists(), "{kept}");
    }
    // Nobody takes what is left for a lake, and whoever looks is told before a run.
    let (code, said) = told(&["status"])?;
    assert_ne!(code, Some(0), "{said}");
    let (code, said) = told(&["doctor"])?;
    assert_eq!(code, Some(10), "{said}");
    assert!(said.to_string().contains("second create"), "{said}");
    Ok(())
}

fn k8s_configurations() -> Result<(), Stop> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("k8s");
    for path in ["base/trailhouse.toml", "overlays/gke/trailhouse.toml"] {
        let path = root.join(path);
        if let Err(error) = Config::load(&path) {
            return Err(Stop::Failed(format!("{error}")));
        }
    }
    Ok(())
}
