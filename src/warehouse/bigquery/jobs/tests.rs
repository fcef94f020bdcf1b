use super::*;
use crate::warehouse::Class;
use proptest::prelude::*;

fn id() -> JobId {
    JobId::of(&["lake", "events", "7"])
}

fn told(status: &Value) -> Value {
    json!({
        "jobReference": {"projectId": "p", "jobId": "lake_events_7", "location": "EU"},
        "status": status,
        "statistics": {"load": {"outputRows": "5"}},
    })
}

#[test]
fn a_job_stands_as_the_service_says() {
    for (status, state) in [
        (json!({"state": "PENDING"}), JobState::Pending),
        (json!({"state": "RUNNING"}), JobState::Running),
        (
            json!({"state": "DONE"}),
            JobState::Done(Ok(JobDone {
                output_rows: Some(5),
                ..JobDone::default()
            })),
        ),
        // Warnings are no failure: what counts is the result.
        (
            json!({"state": "DONE", "errors": [{"reason": "invalid"}]}),
            JobState::Done(Ok(JobDone {
                output_rows: Some(5),
                ..JobDone::default()
            })),
        ),
    ] {
        assert_eq!(
            super::state(&id(), "eu", &told(&status), &Secrets::default()).unwrap(),
            state
        );
    }
}

#[test]
fn a_statement_that_changes_rows_tells_how_many() {
    let mut deleted = told(&json!({"state": "DONE"}));
    let query = json!({"totalBytesBilled": "0", "numDmlAffectedRows": "12"});
    deleted["statistics"] = json!({ "query": query });
    let state = |told: &Value| state(&id(), "EU", told, &Secrets::default());
    let done = JobDone {
        bytes_billed: Some(0),
        affected_rows: Some(12),
        ..JobDone::default()
    };
    assert_eq!(state(&deleted), Ok(JobState::Done(Ok(done))));
    deleted["statistics"]["query"]["numDmlAffectedRows"] = json!("-1");
    assert!(state(&deleted).is_err());
}

#[test]
fn an_error_result_is_a_failure() {
    let status =
        json!({"state": "DONE", "errorResult": {"reason": "backendError", "message": "a\nb"}});
    let JobState::Done(Err(failure)) =
        state(&id(), "EU", &told(&status), &Secrets::default()).unwrap()
    else {
        panic!("not a failure");
    };
    assert_eq!(failure.class, Class::Transient);
    assert_eq!(failure.said, "a\\nb");
    // Even one that says nothing.
    let status = json!({"state": "DONE", "errorResult": {}});
    let state = state(&id(), "EU", &told(&status), &Secrets::default()).unwrap();
    assert!(matches!(state, JobState::Done(Err(_))));
}

#[test]
fn an_answer_about_another_job_or_none_is_not_understood() {
    let status = json!({"state": "DONE"});
    let mut other = told(&status);
    other["jobReference"]["jobId"] = json!("lake_events_8");
    let mut elsewhere = told(&status);
    elsewhere["jobReference"]["location"] = json!("US");
    let mut uncounted = told(&status);
    uncounted["statistics"]["load"]["outputRows"] = json!("many");
    for odd in [
        other,
        elsewhere,
        uncounted,
        told(&json!({"state": "PAUSED"})),
        told(&json!({})),
        json!({}),
    ] {
        assert!(
            state(&id(), "EU", &odd, &Secrets::default()).is_err(),
            "{odd}"
        );
    }
}

#[test]
fn only_this_job_is_absent() {
    assert!(says_no_such_job(
        "notFound",
        "Not found: Job p:EU.lake_events_7"
    ));
    assert!(!says_no_such_job("notFound", "Not found: Project p"));
    assert!(!says_no_such_job("", "Not found: Job p:EU.lake_events_7"));
    assert!(!says_no_such_job("notFound", ""));
}

#[test]
fn every_job_names_itself_its_location_and_its_labels() {
    let labels = BTreeMap::from([("app".to_owned(), "trailhouse".to_owned())]);
    let place = JobPlace {
        project: "p",
        location: "EU",
        labels: &labels,
    };
    let load = place.load(&id(), &json!({"sourceFormat": "PARQUET"}));
    let query = serde_json::to_value(place.query(Some(&id()), "SELECT 1")).unwrap();
    for job in [&load, &query] {
        assert_eq!(
            job["jobReference"],
            json!({"projectId": "p", "jobId": "lake_events_7", "location": "EU"})
        );
        assert_eq!(job["configuration"]["labels"], json!({"app": "trailhouse"}));
        assert!(job["configuration"].get("dryRun").is_none());
    }
    assert_eq!(query["configuration"]["query"]["useLegacySql"], false);
    let dry = serde_json::to_value(place.query(None, "SELECT 1")).unwrap();
    assert_eq!(dry["configuration"]["dryRun"], true);
    assert!(dry["jobReference"].get("jobId").is_none());
    assert_eq!(dry["jobReference"]["location"], "EU");
}

#[test]
fn the_boundary_is_nowhere_in_what_it_bounds() {
    let content = Bytes::from_static(b"{\"a\": \"--trailhouse-0\"}\n{\"b\": \"--trailhouse-1\"}\n");
    let (kind, body) = with_content(&json!({"x": "trailhouse-2"}), &content);
    assert_eq!(kind, "multipart/related; boundary=trailhouse-3");
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!(text.matches("--trailhouse-3").count(), 3);
    assert!(text.ends_with("\r\n--trailhouse-3--\r\n"));
    assert!(text.contains("\r\n\r\n{\"a\": \"--trailhouse-0\"}"));
}

/// Any JSON, small.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        "[A-Za-z0-9.-]{0,6}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..3)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever stands in the place of one member of an answer, it is read or refused, and it is a
    /// success only where the service said so of this job.
    #[test]
    fn no_answer_is_a_success_by_mistake(put in json(), place in 0_usize..8) {
        let pointers = [
            "/jobReference",
            "/jobReference/jobId",
            "/jobReference/location",
            "/status",
            "/status/state",
            "/statistics",
            "/statistics/load/outputRows",
            "/statistics/query/numDmlAffectedRows",
        ];
        let mut told = serde_json::json!({
            "jobReference": { "jobId": "j", "location": "EU" },
            "status": { "state": "DONE", "errorResult": null },
            "statistics": {
                "load": { "outputRows": "7" },
                "query": { "numDmlAffectedRows": null },
            },
        });
        *told.pointer_mut(pointers[place]).unwrap() = put;
        let read = state(&JobId::of(&["j"]), "EU", &told, &Secrets::default());
        if let Ok(JobState::Done(Ok(done))) = read {
            prop_assert_eq!(told.pointer("/jobReference/jobId").unwrap(), "j");
            prop_assert_eq!(told.pointer("/status/state").unwrap(), "DONE");
            if place < 5 {
                prop_assert_eq!(done.output_rows, Some(7));
            }
        }
    }
}
