//! One record, as trail files and event history have it.

use crate::dice::{Dice, Purpose};
use crate::instant::{SECOND, instant, nanos};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

/// The service that most records are about.
pub const STEP_FUNCTIONS: &str = "states.amazonaws.com";

/// A record to be added.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// `eventID`.
    pub id: String,
    /// `eventTime`, of which whole seconds count.
    pub happened: DateTime<Utc>,
    /// When event history begins to show it.
    pub visible: DateTime<Utc>,
    /// `eventSource`.
    pub service: String,
    /// `eventName`.
    pub action: String,
    /// `awsRegion`.
    pub region: String,
    /// Name of the user who acted.
    pub user: String,
    /// `errorCode`.
    pub error: Option<String>,
    /// Members beside the others.
    pub more: Map<String, Value>,
}

impl NewRecord {
    /// The start of an execution.
    pub fn at(id: impl Into<String>, region: impl Into<String>, happened: DateTime<Utc>) -> Self {
        Self {
            id: id.into(),
            happened,
            visible: happened,
            service: STEP_FUNCTIONS.to_owned(),
            action: "StartExecution".to_owned(),
            region: region.into(),
            user: "anna".to_owned(),
            error: None,
            more: Map::new(),
        }
    }

    /// Its text.
    pub fn text(&self, account: &str) -> String {
        let Self { region, user, .. } = self;
        let time = self.happened.to_rfc3339_opts(SecondsFormat::Secs, true);
        let machine = format!("arn:aws:states:{region}:{account}:stateMachine:orders");
        let mut record = json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "IAMUser",
                "principalId": "AIDAEXAMPLE",
                "arn": format!("arn:aws:iam::{account}:user/{user}"),
                "accountId": account,
                "userName": user,
            },
            "eventTime": time,
            "eventSource": self.service,
            "eventName": self.action,
            "awsRegion": region,
            "sourceIPAddress": "192.0.2.17",
            "userAgent": "Boto3/1.44.8",
            "requestParameters": {
                "stateMachineArn": machine,
                "input": "HIDDEN_DUE_TO_SECURITY_REASONS",
            },
            "responseElements": null,
            "requestID": format!("r-{}", self.id),
            "eventID": self.id,
            "readOnly": self.action.starts_with("List") || self.action.starts_with("Describe"),
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": account,
            "eventCategory": "Management",
        });
        if let (Some(record), Some(error)) = (record.as_object_mut(), &self.error) {
            record.insert("errorCode".to_owned(), json!(error));
            record.insert("errorMessage".to_owned(), json!("not \"allowed\"\n"));
        }
        if let Some(record) = record.as_object_mut() {
            record.extend(self.more.clone());
        }
        record.to_string()
    }
}

const ACTIONS: [&str; 8] = [
    "StartExecution",
    "StartExecution",
    "DescribeExecution",
    "GetExecutionHistory",
    "ListExecutions",
    "UpdateStateMachine",
    "StopExecution",
    "SendTaskSuccess",
];

const USERS: [&str; 4] = ["anna", "bo", "deployment", "zoë"];

/// About so many records of some regions, a few of them about other services, from one instant to another.
pub(super) fn generate(
    seed: u64,
    regions: &[String],
    records: u32,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Vec<NewRecord> {
    let span = (nanos(to) - nanos(from)).max(1);
    let records = (0..u64::from(records)).map(|index| {
        let mut dice = Dice::of(seed, Purpose::Record, index);
        let happened = nanos(from) + dice.below(span as u64) as i64;
        let happened = instant(happened - happened.rem_euclid(SECOND));
        let lateness = match dice.below(100) {
            0..95 => TimeDelta::seconds(60 + dice.below(240) as i64),
            _ => TimeDelta::minutes(5 + dice.below(60) as i64),
        };
        let region = match regions.is_empty() {
            true => String::new(),
            false => regions[dice.index(regions.len())].clone(),
        };
        let id = format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            dice.below(1 << 32),
            dice.below(1 << 16),
            dice.below(1 << 12),
            dice.below(1 << 12),
            dice.below(1 << 48)
        );
        let is_other = dice.chance(0.1);
        NewRecord {
            visible: happened + lateness,
            service: if is_other {
                "s3.amazonaws.com"
            } else {
                STEP_FUNCTIONS
            }
            .to_owned(),
            action: dice.one_of(&ACTIONS).to_owned(),
            user: dice.one_of(&USERS).to_owned(),
            error: dice.chance(0.1).then(|| "AccessDenied".to_owned()),
            ..NewRecord::at(id, region, happened)
        }
    });
    records.collect()
}
