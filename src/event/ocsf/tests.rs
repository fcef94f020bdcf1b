//! Documents of rows as a query hands them out.

use super::class::{CLASSES, OcsfClass};
use super::{EventRows, MissingColumn, Product, document};
use crate::event::schema::EVENT_COLUMNS;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, StringViewArray};
use arrow::array::{TimestampMicrosecondArray, new_null_array};
use arrow::datatypes::{Field, Schema};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const KESTRA: Product<'static> = Product {
    name: "Kestra",
    vendor: Some("Kestra Technologies"),
    cloud: None,
};

const CLOUD: Product<'static> = Product {
    name: "AWS Step Functions",
    vendor: Some("AWS"),
    cloud: Some("AWS"),
};

/// A batch of one row with these columns, and no others.
fn batch(columns: &[(&'static str, Value)]) -> RecordBatch {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (name, value) in columns {
        let array: ArrayRef = match value {
            Value::String(text) => Arc::new(StringArray::from(vec![text.as_str()])),
            Value::Number(number) if name.ends_with("_time") || *name == "ingested_at" => {
                let micros = TimestampMicrosecondArray::from(vec![number.as_i64().unwrap()]);
                Arc::new(micros.with_timezone("UTC"))
            }
            Value::Number(number) => Arc::new(Int64Array::from(vec![number.as_i64().unwrap()])),
            _ => {
                let column = EVENT_COLUMNS.iter().find(|column| column.name == *name);
                new_null_array(&column.unwrap().kind.arrow(), 1)
            }
        };
        fields.push(Field::new(*name, array.data_type().clone(), true));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn of(product: &Product<'_>, columns: &[(&'static str, Value)]) -> Value {
    let mut all = vec![
        ("event_uid", json!("prod/main/1")),
        ("event_time", json!(1_795_552_745_728_068_i64)),
        ("platform", json!("kestra")),
    ];
    all.extend_from_slice(columns);
    let rows = EventRows::new(&batch(&all)).unwrap();
    let document: Map<String, Value> = document(&rows.iter().next().unwrap(), product);
    Value::Object(document)
}

#[test]
fn every_column_has_its_place() {
    let document = of(
        &CLOUD,
        &[
            ("class_uid", json!(6003)),
            ("activity_id", json!(4)),
            ("activity_name", json!("Delete")),
            ("native_id", json!("1")),
            ("event_time_text", json!("2026-11-24T20:39:05.728068Z")),
            ("ingested_at", json!(1_795_552_800_000_000_i64)),
            ("batch_id", json!("b1")),
            ("source", json!("prod")),
            ("tenant", json!("main")),
            ("category", json!("resource_management")),
            ("action", json!("DeleteStateMachine")),
            ("severity_id", json!(1)),
            ("outcome", json!("failure")),
            ("outcome_code", json!("AccessDenied")),
            ("outcome_detail", json!("not allowed")),
            ("actor_uid", json!("u1")),
            ("actor_name", json!("bob")),
            ("actor_email", json!("bob@example.com")),
            ("actor_type", json!("user")),
            ("actor_impersonated_by", json!("u2")),
            ("src_ip", json!("203.0.113.7")),
            ("user_agent", json!("Boto3")),
            ("resource_type", json!("AWS::StepFunctions::StateMachine")),
            ("resource_uid", json!("arn:1")),
            ("resource_name", json!("nightly")),
            ("namespace", json!(null)),
            ("workflow", json!("nightly")),
            ("execution_uid", json!("e1")),
            ("revision", json!("3")),
            ("correlation_uid", json!("c1")),
            ("region", json!("eu-central-1")),
            ("account", json!("123456789012")),
            ("detail", json!("{\"a\":1}")),
            ("raw", json!("{}")),
            ("mapping_version", json!(2)),
        ],
    );
    assert_eq!(
        document,
        json!({
            "category_uid": 6,
            "category_name": "Application Activity",
            "class_uid": 6003,
            "class_name": "API Activity",
            "activity_id": 4,
            "activity_name": "Delete",
            "type_uid": 600_304,
            "type_name": "API Activity: Delete",
            "time": 1_795_552_745_728_i64,
            "time_dt": "2026-11-24T20:39:05.728068Z",
            "severity_id": 1,
            "severity": "Informational",
            "status_id": 2,
            "status": "Failure",
            "status_code": "AccessDenied",
            "status_detail": "not allowed",
            "metadata": {
                "version": "1.8.0",
                "product": { "name": "AWS Step Functions", "vendor_name": "AWS" },
                "profiles": ["cloud", "datetime"],
                "uid": "prod/main/1",
                "original_event_uid": "1",
                "correlation_uid": "c1",
                "event_code": "DeleteStateMachine",
                "original_time": "2026-11-24T20:39:05.728068Z",
                "tenant_uid": "main",
                "log_source": "prod",
                "logged_time": 1_795_552_800_000_i64,
                "logged_time_dt": "2026-11-24T20:40:00.000000Z",
            },
            "actor": {
                "user": {
                    "uid": "u1",
                    "name": "bob",
                    "email_addr": "bob@example.com",
                    "type_id": 1,
                    "type": "User",
                },
                "invoked_by": "u2",
            },
            "api": {
                "operation": "DeleteStateMachine",
                "service": { "name": "AWS Step Functions" },
            },
            "src_endpoint": { "ip": "203.0.113.7" },
            "http_request": { "user_agent": "Boto3" },
            "resources": [{
                "uid": "arn:1",
                "name": "nightly",
                "type": "AWS::StepFunctions::StateMachine",
            }],
            "cloud": {
                "provider": "AWS",
                "region": "eu-central-1",
                "account": { "uid": "123456789012" },
            },
            "observables": [
                { "name": "actor.user.name", "type_id": 4, "type": "User Name", "value": "bob" },
                {
                    "name": "actor.user.email_addr",
                    "type_id": 5,
                    "type": "Email Address",
                    "value": "bob@example.com",
                },
                { "name": "actor.user.uid", "type_id": 31, "type": "User Object: uid", "value": "u1" },
                { "name": "src_endpoint.ip", "type_id": 2, "type": "IP Address", "value": "203.0.113.7" },
                { "name": "resources[].uid", "type_id": 10, "type": "Resource UID", "value": "arn:1" },
                {
                    "name": "http_request.user_agent",
                    "type_id": 16,
                    "type": "HTTP User-Agent",
                    "value": "Boto3",
                },
            ],
            "raw_data": "{}",
            "raw_data_size": 2,
            "raw_data_hash": {
                "algorithm_id": 3,
                "algorithm": "SHA-256",
                "value": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            },
            "unmapped": {
                "category": "resource_management",
                "workflow": "nightly",
                "execution_uid": "e1",
                "revision": "3",
                "detail": "{\"a\":1}",
                "batch_id": "b1",
                "mapping_version": 2,
            },
        })
    );
}

/// What a class requires and the platform does not state is "unknown", never a guess.
#[test]
fn what_nobody_states_is_unknown() {
    let document = of(&KESTRA, &[("class_uid", json!(3005))]);
    assert_eq!(document["status_id"], 0);
    assert_eq!(document["activity_id"], 0);
    assert_eq!(document["actor"]["user"]["name"], "unknown");
    assert_eq!(document["user"], json!({ "name": "unknown" }));
    assert_eq!(document["privileges"], json!([]));
    assert_eq!(document["src_endpoint"], json!({ "name": "unknown" }));
    assert_eq!(document["observables"], json!([]));
    assert_eq!(document["metadata"]["profiles"], json!(["datetime"]));
    assert_eq!(document.get("cloud"), None);
}

#[test]
fn the_changed_account_is_not_the_actor() {
    let columns = |class: i64| {
        [
            ("class_uid", json!(class)),
            ("actor_name", json!("alice")),
            ("resource_name", json!("bob")),
            ("resource_type", json!("USER")),
        ]
    };
    let changed = of(&KESTRA, &columns(3001));
    assert_eq!(changed["user"], json!({ "name": "bob" }));
    assert_eq!(changed.get("resources"), None);
    assert_eq!(changed["unmapped"]["resource_type"], "USER");
    let signed_in = of(&KESTRA, &columns(3002));
    assert_eq!(signed_in["user"]["name"], "alice");
    assert_eq!(signed_in["service"], json!({ "name": "Kestra" }));
    assert_eq!(signed_in["unmapped"]["resource_name"], "bob");
}

#[test]
fn where_a_request_came_from_is_an_address_only_if_it_is_one() {
    for (text, place) in [
        ("203.0.113.7", json!({ "ip": "203.0.113.7" })),
        ("2001:db8::1", json!({ "ip": "2001:db8::1" })),
        (
            "states.amazonaws.com",
            json!({ "domain": "states.amazonaws.com" }),
        ),
        ("AWS Internal", json!({ "name": "AWS Internal" })),
        ("private", json!({ "name": "private" })),
        ("300.1.1.1", json!({ "name": "300.1.1.1" })),
        (" ", json!({ "name": "unknown" })),
    ] {
        let columns = [("class_uid", json!(6003)), ("src_ip", json!(text))];
        assert_eq!(of(&KESTRA, &columns)["src_endpoint"], place, "{text}");
    }
}

#[test]
fn the_platform_itself_is_an_application() {
    let columns = [("class_uid", json!(6003)), ("actor_type", json!("system"))];
    assert_eq!(
        of(&KESTRA, &columns)["actor"],
        json!({ "app_name": "Kestra" })
    );
}

#[test]
fn unknown_classes_and_activities_keep_the_document_valid() {
    let document = of(
        &KESTRA,
        &[
            ("class_uid", json!(9999)),
            ("activity_id", json!(12)),
            ("activity_name", json!("Trigger")),
        ],
    );
    assert_eq!(document["class_uid"], 6003);
    assert_eq!(document["activity_id"], 99);
    assert_eq!(document["activity_name"], "Trigger");
    assert_eq!(document["type_uid"], 600_399);
    assert_eq!(document["type_name"], "API Activity: Other");
    for class in &CLASSES {
        assert_eq!(OcsfClass::of(class.uid), class);
        assert_eq!(class.category_uid, class.uid / 1000);
    }
}

#[test]
fn rows_that_are_no_events_are_refused() {
    let rows = batch(&[("event_uid", json!("a")), ("platform", json!("kestra"))]);
    assert_eq!(
        EventRows::new(&rows).unwrap_err(),
        MissingColumn::Absent("event_time")
    );
    let rows = batch(&[
        ("event_uid", json!("a")),
        ("event_time", json!(1)),
        ("platform", json!("kestra")),
        ("class_uid", json!("no number")),
    ]);
    // A text that is no number becomes null, as a cast does; a document of it is of API Activity.
    assert!(EventRows::new(&rows).is_ok());
}

/// The engine may hand out views of texts.
#[test]
fn views_of_texts_are_read() {
    let plain = batch(&[
        ("event_uid", json!("a")),
        ("event_time", json!(1)),
        ("platform", json!("kestra")),
        ("class_uid", json!(6003)),
    ]);
    let mut fields: Vec<Field> = (plain.schema().fields().iter())
        .map(|field| field.as_ref().clone())
        .collect();
    let mut columns = plain.columns().to_vec();
    columns[0] = Arc::new(StringViewArray::from(vec!["viewed"]));
    fields[0] = Field::new("event_uid", columns[0].data_type().clone(), true);
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let rows = EventRows::new(&rows).unwrap();
    let uids: Vec<_> = rows.iter().map(|row| row.text("event_uid")).collect();
    assert_eq!(uids, [Some("viewed")]);
}
