//! Rules for columns and classes, tried on a record that fills every column.

use super::*;
use crate::source::platform::kestra::mapping::{identify, normalise};

/// A record and a user that fill every column Kestra can fill, each with a text of its own.
const RECORD: &str = r#"{"id":"x","tenantId":"t","type":"UPDATE","date":"2026-11-23T10:15:30Z","userId":"~actor_uid~","ipAddress":"~src_ip~","impersonatedBy":"~actor_impersonated_by~","detail":{"resourceType":"~resource_type~","resource":"~resource_type~","permission":"~resource_type~","id":"~resource_uid~","namespace":"~namespace~","flowId":"~workflow~","executionId":"~execution_uid~","revision":"~revision~"},"appliedPatch":[{"value":"~secret~"}],"revertPatch":[{"value":"~secret~"}]}"#;
const USER: &str = r#"{"id":"~actor_uid~","username":"~actor_name~","name":"~actor_name~","email":"~actor_email~","type":"STANDARD"}"#;

fn columns_of<'a>(record: &'a [u8], user: &'a [u8]) -> Vec<(&'static str, Option<String>)> {
    let event = normalise(record, Some(user)).unwrap();
    [
        ("actor_uid", event.actor_uid),
        ("actor_name", event.actor_name),
        ("actor_email", event.actor_email),
        ("actor_impersonated_by", event.actor_impersonated_by),
        ("src_ip", event.src_ip),
        ("resource_type", event.resource_type),
        ("resource_uid", event.resource_uid),
        ("namespace", event.namespace),
        ("workflow", event.workflow),
        ("execution_uid", event.execution_uid),
        ("revision", event.revision),
        ("detail", event.detail),
    ]
    .map(|(name, value)| (name, value.map(std::borrow::Cow::into_owned)))
    .to_vec()
}

#[test]
fn a_redacted_column_is_nowhere_in_the_record_or_the_user() {
    let all = columns_of(RECORD.as_bytes(), USER.as_bytes());
    for (name, value) in &all {
        assert!(value.is_some(), "{name} is filled by the example");
        assert!(
            ORIGINS.columns.iter().any(|(column, _)| column == name),
            "{name} has origins"
        );
    }
    for (name, _) in ORIGINS.columns {
        let redacted = all.iter().any(|(column, _)| column == name);
        let refused = compile(&[column(name, RedactionAction::Mask)]).is_err();
        assert!(redacted != refused, "{name} is redacted or refused");
    }
    for (name, _) in &all {
        for action in [
            RedactionAction::Drop,
            RedactionAction::Mask,
            RedactionAction::Hmac,
        ] {
            let redaction = compile(&[column(name, action)]).unwrap();
            let record = redaction.apply(RECORD.as_bytes()).unwrap();
            let user = redaction.apply_user(USER.as_bytes()).unwrap();
            let (record_text, user_text) = (
                String::from_utf8_lossy(&record),
                String::from_utf8_lossy(&user),
            );
            let mark = format!("~{name}~");
            assert!(
                !record_text.contains(&mark) && !user_text.contains(&mark),
                "{name}"
            );
            for ((column, before), (_, after)) in all.iter().zip(columns_of(&record, &user)) {
                if column == name && action == RedactionAction::Drop {
                    assert_eq!(after, None, "{name}");
                } else if column == name && *name != "detail" {
                    let start = if action == RedactionAction::Mask {
                        MASK
                    } else {
                        HMAC_PREFIX
                    };
                    assert!(after.unwrap().starts_with(start), "{name}");
                } else if *name != "detail" && *column != "detail" {
                    assert_eq!(*before, after, "{name} leaves {column} alone");
                }
            }
            assert_eq!(
                identify(&record).unwrap(),
                identify(RECORD.as_bytes()).unwrap()
            );
        }
    }
}

#[test]
fn a_redacted_class_leaves_nothing_of_it() {
    let redaction = compile(&[
        class(Classification::Sensitive, RedactionAction::Drop),
        class(Classification::Secret, RedactionAction::Drop),
    ])
    .unwrap();
    let record = redaction.apply(RECORD.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&record),
        r#"{"id":"x","tenantId":"t","type":"UPDATE","date":"2026-11-23T10:15:30Z"}"#
    );
    let user = redaction.apply_user(USER.as_bytes()).unwrap();
    assert_eq!(&*user, br#"{"type":"STANDARD"}"#);
}
