//! Whether a warehouse can be filled: who we are, tables, jobs, staging.

use bytes::Bytes;

use super::DoctorReport;
use crate::store::Bucket;
use crate::warehouse::{Projection, ProjectionError, prepare};

/// Tries one warehouse. Without a lake there is nothing that its tables could belong to.
pub(super) async fn check(
    projection: &Projection,
    lake_id: Option<&str>,
    checked: &mut DoctorReport,
) {
    let what = format!("warehouse {}", projection.name);
    let target = projection.warehouse.target();
    let Some(lake_id) = lake_id else {
        match projection.warehouse.dataset().await {
            Ok(Some(_)) => checked.good(what, format!("{target} answers")),
            Ok(None) => checked.good(what, format!("{target} does not exist yet")),
            Err(error) => bad(checked, what, &ProjectionError::from(error)),
        }
        return;
    };
    match prepare(projection, lake_id).await {
        Ok(preparing) if preparing.is_nothing() => {
            checked.good(&*what, format!("{target}: tables and views are up to date"));
        }
        Ok(preparing) => {
            let lacks: Vec<String> = preparing
                .preparation
                .steps
                .iter()
                .map(|step| format!("{} ({})", step.what, step.changes.join(", ")))
                .collect();
            checked.bad(
                &*what,
                format!("{target} lacks {}", lacks.join("; ")),
                "run `trailhouse warehouse init`",
            );
            return;
        }
        Err(error) => {
            bad(checked, what, &error);
            return;
        }
    }
    // Jobs need a right of their own, which nothing above has shown.
    let jobs = format!("{what}: jobs");
    match projection.warehouse.dry_run("SELECT 1").await {
        Ok(_) => checked.good(jobs, "can be started"),
        Err(error) => bad(checked, jobs, &ProjectionError::from(error)),
    }
    if let Some(bucket) = projection.staging.bucket() {
        check_staging(bucket, &projection.name, checked).await;
    }
}

fn bad(checked: &mut DoctorReport, what: String, error: &ProjectionError) {
    checked.bad(what, error.to_string(), error.advice());
}

/// Whether copies can be made, read and removed.
async fn check_staging(bucket: &Bucket, name: &str, checked: &mut DoctorReport) {
    let what = format!("staging {}", bucket.url());
    // Unique, so that two doctors at once do not meet.
    let nonce = chrono::Utc::now().timestamp_nanos_opt().unwrap_or_default();
    let object = format!("doctor/{name}-{nonce}");
    let content = Bytes::from_static(b"doctor\n");
    let tried = async {
        bucket.create(&object, content.clone()).await?;
        let read = bucket.read(&object, 64).await?;
        bucket.delete(&object).await?;
        Ok::<_, crate::store::StoreError>(read == content)
    };
    match tried.await {
        Ok(true) => checked.good(what, "copies can be made, read and removed"),
        Ok(false) => checked.bad(
            what,
            "returned other content than was written".to_owned(),
            "use another bucket",
        ),
        Err(error) => checked.bad(
            what,
            error.to_string(),
            "the run needs to create, read, list and delete objects there",
        ),
    }
}
