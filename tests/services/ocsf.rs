//! Exported documents against the schemas of OCSF.

use std::fs::{self, File};

use serde_json::Value;

use crate::job::{EVENTS, document, finished, job, platform, trailhouse};
use crate::missing::{Stop, Suite};
use crate::python::Environment;
use crate::stores::Place;

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("ocsf::every_document_is_valid", documents);
}

/// Every event of the demo platform is a document that the schema of its class takes.
fn documents() -> Result<(), Stop> {
    let environment = Environment::new("ocsf")?;
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    fs::create_dir(&lake)?;
    let platform = platform(&[])?;
    job(folder.path(), &platform, &Place::on_disk(&lake))?;
    document(folder.path(), &["run"])?;
    let exported = folder.path().join("events.ndjson");
    let path = exported.to_str().unwrap_or_default();
    finished(&mut trailhouse(
        folder.path(),
        &["export", "--format", "ocsf", "-o", path],
    ))?;
    let mut script = environment.script("validate_ocsf.py");
    let output = finished(script.stdin(File::open(&exported)?))?;
    let counts: Value = serde_json::from_slice(&output.stdout)?;
    let counts = counts.as_object().into_iter().flatten();
    let counts: Vec<u64> = counts.filter_map(|(_, count)| count.as_u64()).collect();
    assert_eq!(counts.iter().sum::<u64>(), EVENTS);
    assert!(counts.len() >= 3, "classes: {}", counts.len());
    Ok(())
}
