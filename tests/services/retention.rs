//! What is due goes from each kind of store, as far as it lets it go; and what it keeps is said.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::azurite::{Azurite, CREATE_ONLY, EVERYTHING};
use crate::gcs::Account;
use crate::job::{job, platform, trailhouse};
use crate::missing::{Stop, Suite};
use crate::process::Server;
use crate::s3::S3;
use crate::stores::{Place, double, runtime};

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("retention::on_disk", || {
        let folder = tempfile::tempdir()?;
        gone(&Place::on_disk(folder.path()), &[])
    });
    suite.add("retention::on_s3", || gone(&S3::start()?.place(), &[]));
    suite.add("retention::on_s3_with_versions", s3_with_versions);
    suite.add("retention::on_s3_with_object_lock", || {
        hidden(&S3::start_locked()?.place(), &["lock", "versions"])
    });
    suite.add("retention::on_azure", || {
        let azurite = Azurite::start()?;
        gone(&azurite.by_signature(EVERYTHING)?, &["soft_delete"])
    });
    suite.add("retention::on_gcs", || {
        let (_folder, server) = double()?;
        gone(&Place::on_double(&server, Account::All), &["soft_delete"])
    });
    suite.add("retention::on_gcs_with_versions", || {
        let (_folder, server) = double()?;
        server.behaviour().versioning = true;
        let place = Place::on_double(&server, Account::All);
        hidden(&place, &["soft_delete", "versions"])
    });
    suite.add("retention::on_gcs_that_holds_objects", gcs_that_holds);
    suite.add("retention::by_who_may_not_delete", who_may_not);
}

fn s3_with_versions() -> Result<(), Stop> {
    let s3 = S3::start()?;
    runtime()?.block_on(s3.keep_versions())?;
    hidden(&s3.place(), &["versions"])
}

/// Runs the program, which has to end with this code.
fn ends(folder: &Path, code: i32, arguments: &[&str]) -> Result<Value, Stop> {
    let output = trailhouse(folder, arguments).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {said}\n{errors}"
    );
    Ok(serde_json::from_str(&said)?)
}

/// A lake of some days of which all but today's are due.
struct Due {
    folder: tempfile::TempDir,
    /// The id of the plan.
    plan: String,
    files: u64,
    // It is read for as long as this lives.
    _platform: Server,
}

fn due(place: &Place) -> Result<Due, Stop> {
    let folder = tempfile::tempdir()?;
    let platform = platform(&[])?;
    job(folder.path(), &platform, place)?;
    ends(folder.path(), 0, &["run"])?;
    let config = folder.path().join("trailhouse.toml");
    let text = fs::read_to_string(&config)?;
    fs::write(&config, text + "[retention]\ndefault = \"0d\"\n")?;
    let plan = ends(folder.path(), 0, &["retention", "plan"])?;
    let files = plan["rules"][0]["due"]["files"].as_u64().unwrap_or(0);
    assert!(files > 7, "{plan:#}");
    let id = plan["plan"].as_str().unwrap_or_default().to_owned();
    Ok(Due {
        folder,
        plan: id,
        files,
        _platform: platform,
    })
}

/// Everything that is due is deleted; whether anything keeps it is said as `hidden` and in these words.
fn deleted(place: &Place, is_hidden: bool, recoverable: &[&str]) -> Result<(), Stop> {
    let due = due(place)?;
    let (folder, plan, files) = (due.folder.path(), &due.plan, due.files);
    let done = ends(
        folder,
        0,
        &["retention", "apply", "--by", "ops", "--confirm", plan],
    )?;
    let of = &done["carried_out"][0];
    assert_eq!(of["done"], json!(true), "{done:#}");
    assert_eq!(of["files"]["removed"].as_u64(), Some(files), "{done:#}");
    let hidden = of["files"]["hidden"].as_u64().unwrap_or(0);
    assert_eq!(hidden, if is_hidden { files } else { 0 }, "{done:#}");
    let by = of["recoverable"].as_array().into_iter().flatten();
    let mut by: Vec<&str> = by.filter_map(|it| it["by"].as_str()).collect();
    by.sort_unstable();
    assert_eq!(by, recoverable, "{done:#}");
    clean(folder)
}

fn gone(place: &Place, recoverable: &[&str]) -> Result<(), Stop> {
    deleted(place, false, recoverable)
}

fn hidden(place: &Place, recoverable: &[&str]) -> Result<(), Stop> {
    deleted(place, true, recoverable)
}

/// Nothing is due, pending or wrong.
fn clean(folder: &Path) -> Result<(), Stop> {
    let plan = ends(folder, 0, &["retention", "plan"])?;
    assert_eq!(plan["due"], json!([]), "{plan:#}");
    assert_eq!(plan["open"], Value::Null, "{plan:#}");
    let key = folder.join("writer.key.pub");
    let key = key.to_str().unwrap_or_default();
    let verified = ends(folder, 0, &["verify", "--deep", "--public-key", key])?;
    assert_eq!(verified["orphans"], json!(0), "{verified:#}");
    // And a run goes on as if nothing had been.
    ends(folder, 0, &["run"])?;
    Ok(())
}

/// Names of the objects below a folder of a bucket.
fn objects(bucket: &Path, folder: &Path) -> Result<Vec<String>, Stop> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            names.extend(objects(bucket, &path)?);
        } else if let Ok(name) = path.strip_prefix(bucket) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// What the store refuses is pending until it lets it go.
fn gcs_that_holds() -> Result<(), Stop> {
    let (_folder, server) = double()?;
    let place = Place::on_double(&server, Account::All);
    let due = due(&place)?;
    let (folder, plan, files) = (due.folder.path(), &due.plan, due.files);
    // Each by a hold of its own, of which nobody knows when it ends.
    let lake = server.folder("lake");
    let held = objects(&lake, &lake.join("trailhouse/events"))?;
    server.behaviour().held = held.into_iter().collect();
    let done = ends(
        folder,
        0,
        &["retention", "apply", "--by", "ops", "--confirm", plan],
    )?;
    let of = &done["carried_out"][0];
    assert_eq!(of["done"], json!(false), "{done:#}");
    let refused = of["files"]["refused"].as_array().map_or(0, Vec::len);
    assert_eq!(refused as u64, files, "{done:#}");
    let status = ends(folder, 0, &["status"])?;
    let open = &status["open_decisions"][0];
    assert_eq!(open["refused"].as_u64(), Some(files), "{status:#}");
    ends(folder, 0, &["run"])?;
    server.behaviour().held.clear();
    let done = ends(folder, 0, &["retention", "apply"])?;
    let removed = done["carried_out"][0]["files"]["removed"].as_u64();
    assert_eq!(removed, Some(files), "{done:#}");
    clean(folder)
}

/// A missing right is a failure with a remedy, and no lock; the decision stands.
fn who_may_not() -> Result<(), Stop> {
    let azurite = Azurite::start()?;
    let due = due(&azurite.by_signature(CREATE_ONLY)?)?;
    let (folder, plan) = (due.folder.path(), &due.plan);
    let said = ends(
        folder,
        4,
        &["retention", "apply", "--by", "ops", "--confirm", plan],
    )?;
    assert_eq!(said["failures"][0]["code"], json!("denied"), "{said:#}");
    let status = ends(folder, 0, &["status"])?;
    assert_eq!(
        status["open_decisions"][0]["refused"],
        json!(0),
        "{status:#}"
    );
    Ok(())
}
