//! Records beside what OCSF's own mapping of CloudTrail makes of such records.

use super::super::mapping::CloudTrailMapping;
use super::super::profile::PROFILE;
use super::*;
use crate::event::columns::{EventColumns, context};
use crate::event::ocsf::{EventRows, document};
use crate::source::Mapping as _;

/// The document of a record, as an export writes it.
fn of(record: &str) -> Value {
    let event = CloudTrailMapping.normalise(record.as_bytes(), None);
    let mut columns = EventColumns::new(context());
    columns
        .push(&event.unwrap(), "aws/123456789012/e-1")
        .unwrap();
    let rows = EventRows::new(&columns.finish().unwrap()).unwrap();
    let mut made = document(&rows.iter().next().unwrap(), &PROFILE.product());
    extra(record, &mut made);
    Value::Object(made)
}

/// Each value of a document, by its place.
fn leaves(value: &Value, place: &str, into: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                leaves(value, &format!("{place}/{name}"), into);
            }
        }
        value => into.push((place.to_owned(), value.clone())),
    }
}

/// Every value of OCSF's document is in ours, but for these places.
fn assert_holds(ours: &Value, theirs: &Value, but: &[&str]) {
    let mut expected = Vec::new();
    leaves(theirs, "", &mut expected);
    let mut others = Vec::new();
    for (place, value) in expected {
        let found = match place.strip_prefix("/unmapped/") {
            Some(name) => &ours["unmapped"][name],
            None => ours.pointer(&place).unwrap_or(&Value::Null),
        };
        let holds = match (place.as_str(), found, &value) {
            ("/observables", Value::Array(found), Value::Array(wanted)) => {
                wanted.iter().all(|it| found.contains(it))
            }
            (_, found, value) => found == value,
        };
        if !holds {
            others.push(place);
        }
    }
    assert_eq!(others, but, "{ours:#}");
}

/// Our version, our id of the event, and no success that a record does not state.
const OUR_OWN: [&str; 3] = ["/metadata/uid", "/metadata/version", "/status"];

#[test]
fn a_call_of_a_user() {
    let record = r#"{"eventVersion":"1.05","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::123456789012:user/anna","accountId":"123456789012","accessKeyId":"AKIAEXAMPLE","userName":"anna"},"eventTime":"2026-11-23T10:15:30Z","eventSource":"directconnect.amazonaws.com","eventName":"DescribeDirectConnectGateways","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.17","userAgent":"Boto3/1.15.2","requestParameters":null,"responseElements":{"directConnectGateways":[]},"requestID":"r-1","eventID":"e-1","eventType":"AwsApiCall","recipientAccountId":"123456789012","eventCategory":"Management"}"#;
    let theirs = json!({
        "activity_id": 2,
        "activity_name": "Read",
        "actor": { "user": {
            "account": { "uid": "123456789012" },
            "credential_uid": "AKIAEXAMPLE",
            "name": "anna",
            "type": "IAMUser",
            "uid": "arn:aws:iam::123456789012:user/anna",
            "uid_alt": "AIDAEXAMPLE",
        } },
        "api": {
            "operation": "DescribeDirectConnectGateways",
            "request": { "uid": "r-1" },
            "response": { "data": "{\"directConnectGateways\":[]}" },
            "service": { "name": "directconnect.amazonaws.com" },
        },
        "category_name": "Application Activity",
        "category_uid": 6,
        "class_name": "API Activity",
        "class_uid": 6003,
        "cloud": {
            "account": { "uid": "123456789012" },
            "provider": "AWS",
            "region": "us-east-1",
        },
        "http_request": { "user_agent": "Boto3/1.15.2" },
        "metadata": {
            "event_code": "AwsApiCall",
            "product": {
                "feature": { "name": "Management" },
                "name": "CloudTrail",
                "vendor_name": "AWS",
                "version": "1.05",
            },
            "profiles": ["cloud", "datetime"],
            "uid": "e-1",
            "version": "1.5.0",
        },
        "observables": [
            { "name": "actor.user.name", "value": "anna", "type": "User Name", "type_id": 4 },
            { "name": "src_endpoint.ip", "value": "192.0.2.17", "type": "IP Address", "type_id": 2 },
        ],
        "severity": "Informational",
        "severity_id": 1,
        "src_endpoint": { "ip": "192.0.2.17" },
        "status": "Success",
        "time": 1_795_428_930_000_i64,
        "type_name": "API Activity: Read",
        "type_uid": 600_302,
    });
    let ours = of(record);
    assert_holds(&ours, &theirs, &OUR_OWN);
    assert_eq!(ours["metadata"]["original_event_uid"], "e-1");
    assert_eq!(ours["status"], "Unknown");
}

#[test]
fn a_call_of_a_role_in_the_name_of_a_service() {
    let record = r#"{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:scheduler","arn":"arn:aws:sts::123456789012:assumed-role/Role/scheduler","accountId":"123456789012","accessKeyId":"ASIAEXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::123456789012:role/Admin","accountId":"123456789012","userName":"Admin"},"attributes":{"creationDate":"2026-11-23T09:00:00Z","mfaAuthenticated":"false"}},"invokedBy":"ecs.amazonaws.com"},"eventTime":"2026-11-23T10:15:30Z","eventSource":"elasticloadbalancing.amazonaws.com","eventName":"DescribeTargetHealth","awsRegion":"us-east-2","sourceIPAddress":"ecs.amazonaws.com","userAgent":"ecs.amazonaws.com","requestParameters":{"targetGroupArn":"arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/a"},"responseElements":"","requestID":"r-2","eventID":"e-2","readOnly":true,"eventType":"AwsApiCall","apiVersion":"2015-12-01","managementEvent":true,"recipientAccountId":"123456789012","eventCategory":"Management","resources":"","sharedEventID":"","vpcEndpointId":""}"#;
    let theirs = json!({
        "activity_id": 2,
        "actor": {
            "invoked_by": "ecs.amazonaws.com",
            "session": {
                "created_time_dt": "2026-11-23T09:00:00Z",
                "is_mfa": false,
                "issuer": "arn:aws:iam::123456789012:role/Admin",
            },
            "user": {
                "account": { "uid": "123456789012" },
                "credential_uid": "ASIAEXAMPLE",
                "type": "AssumedRole",
                "uid": "arn:aws:sts::123456789012:assumed-role/Role/scheduler",
                "uid_alt": "AROAEXAMPLE:scheduler",
            },
        },
        "api": {
            "operation": "DescribeTargetHealth",
            "request": {
                "data": "{\"targetGroupArn\":\"arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/a\"}",
                "uid": "r-2",
            },
            "response": { "data": "" },
            "service": { "name": "elasticloadbalancing.amazonaws.com" },
            "version": "2015-12-01",
        },
        "observables": [{
            "name": "src_endpoint.domain",
            "value": "ecs.amazonaws.com",
            "type": "Hostname",
            "type_id": 1,
        }],
        "src_endpoint": { "domain": "ecs.amazonaws.com", "uid": "" },
        "unmapped": {
            "managementEvent": "true",
            "readOnly": "true",
            "sharedEventID": "",
            "userIdentity.sessionContext.sessionIssuer.accountId": "123456789012",
            "userIdentity.sessionContext.sessionIssuer.principalId": "AROAEXAMPLE",
            "userIdentity.sessionContext.sessionIssuer.type": "Role",
            "userIdentity.sessionContext.sessionIssuer.userName": "Admin",
        },
    });
    let empty = [
        "/api/response/data",
        "/src_endpoint/uid",
        "/unmapped/sharedEventID",
    ];
    assert_holds(&of(record), &theirs, &empty);
}

#[test]
fn a_log_in_to_the_identity_center() {
    let record = r#"{"eventVersion":"1.08","userIdentity":{"type":"IdentityCenterUser","accountId":"123456789012","onBehalfOf":{"userId":"u-1","identityStoreArn":"arn:aws:identitystore::123456789012:identitystore/d-1"},"credentialId":"c-1"},"eventTime":"2026-11-23T10:15:30Z","eventSource":"signin.amazonaws.com","eventName":"CredentialChallenge","awsRegion":"eu-central-1","sourceIPAddress":"192.0.2.17","userAgent":"Mozilla/5.0","requestParameters":null,"responseElements":null,"additionalEventData":{"AuthWorkflowID":"w-1","CredentialType":"PASSWORD","UserName":"anna"},"requestID":"r-3","eventID":"e-3","readOnly":false,"eventType":"AwsServiceEvent","managementEvent":true,"recipientAccountId":"123456789012","serviceEventDetails":{"CredentialChallenge":"Success"},"eventCategory":"Management"}"#;
    let theirs = json!({
        "activity_id": 99,
        "activity_name": "CredentialChallenge",
        "actor": {
            "idp": { "uid": "arn:aws:identitystore::123456789012:identitystore/d-1" },
            "user": {
                "account": { "uid": "123456789012" },
                "credential_uid": "c-1",
                "name": "anna",
                "type": "IdentityCenterUser",
                "uid_alt": "u-1",
            },
        },
        "api": {
            "operation": "CredentialChallenge",
            "request": { "uid": "r-3" },
            "service": { "name": "signin.amazonaws.com" },
        },
        "category_uid": 3,
        "class_name": "Authentication",
        "class_uid": 3002,
        "metadata": { "event_code": "AwsServiceEvent" },
        "observables": [
            { "name": "actor.user.name", "value": "anna", "type": "User Name", "type_id": 4 },
        ],
        "user": { "name": "anna" },
        "type_name": "Authentication: Other",
        "type_uid": 300_299,
        "unmapped": {
            "additionalEventData.AuthWorkflowID": "w-1",
            "additionalEventData.CredentialType": "PASSWORD",
            "managementEvent": "true",
            "readOnly": "false",
            "serviceEventDetails.CredentialChallenge": "Success",
        },
    });
    assert_holds(&of(record), &theirs, &[]);
}

#[test]
fn a_failure_says_what_the_record_says() {
    let record = r#"{"eventID":"e-4","eventTime":"2026-11-23T10:15:30Z","eventSource":"states.amazonaws.com","eventName":"StartExecution","errorCode":"AccessDenied","errorMessage":"not allowed","vpcEndpointId":"vpce-1"}"#;
    let ours = of(record);
    assert_eq!(ours["status"], "Failure");
    assert_eq!(ours["api"]["response"]["error"], "AccessDenied");
    assert_eq!(ours["api"]["response"]["error_message"], "not allowed");
    assert_eq!(ours["src_endpoint"]["uid"], "vpce-1");
    assert_eq!(ours["activity_name"], "Start");
}

#[test]
fn what_was_redacted_is_in_no_document() {
    let mut made = Map::new();
    extra("not JSON", &mut made);
    assert!(made.is_empty());
    extra("{\"userIdentity\":\"[redacted]\"}", &mut made);
    assert!(!Value::Object(made).to_string().contains("redacted"));
}
