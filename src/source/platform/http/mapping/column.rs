//! Where a column's value comes from, and what it may be.

use crate::event::json::pointer::Pointer;
use crate::event::json::{JsonKind, JsonText, text_or_number, verbatim};
use crate::event::{ActorType, Category, Event, Outcome};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The columns that can be described. The others are made of the id, the time and the tenant, or of the run.
pub const COLUMNS: [&str; 27] = [
    "category",
    "class_uid",
    "activity_id",
    "activity_name",
    "action",
    "severity_id",
    "outcome",
    "outcome_code",
    "outcome_detail",
    "actor_uid",
    "actor_name",
    "actor_email",
    "actor_type",
    "actor_impersonated_by",
    "src_ip",
    "user_agent",
    "resource_type",
    "resource_uid",
    "resource_name",
    "namespace",
    "workflow",
    "execution_uid",
    "revision",
    "correlation_uid",
    "region",
    "account",
    "detail",
];

/// A column and where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedColumn {
    /// One of [`COLUMNS`].
    pub name: &'static str,
    /// Where its value is looked for, in this order.
    pub sources: Vec<ColumnSource>,
}

/// One place to look for the value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnSource {
    /// The same value in every row.
    Constant(String),
    /// A value of the record.
    Place {
        /// Where it is.
        place: Pointer,
        /// What each value becomes; `None` keeps it.
        table: Option<BTreeMap<String, String>>,
        /// What any other value, and none, becomes; `None` goes on to the next source.
        otherwise: Option<String>,
    },
}

/// Whether a column takes a value.
pub fn is_value_of(column: &str, value: &str) -> bool {
    match column {
        "category" => Category::ALL.iter().any(|it| it.name() == value),
        "outcome" => outcome(value).is_some(),
        "actor_type" => actor_type(value).is_some(),
        "class_uid" | "activity_id" | "severity_id" => {
            value.parse::<u32>().is_ok_and(|number| number <= 999_999)
        }
        // An object, which no constant is.
        "detail" => false,
        _ => true,
    }
}

fn outcome(name: &str) -> Option<Outcome> {
    let all = [Outcome::Success, Outcome::Failure, Outcome::Unknown];
    all.into_iter().find(|it| it.name() == name)
}

fn actor_type(name: &str) -> Option<ActorType> {
    let all = [
        ActorType::User,
        ActorType::Service,
        ActorType::System,
        ActorType::Unknown,
    ];
    all.into_iter().find(|it| it.name() == name)
}

impl DescribedColumn {
    /// The places of a record that it is looked for in.
    pub(super) fn places(&self) -> impl Iterator<Item = &Pointer> {
        self.sources.iter().filter_map(|source| match source {
            ColumnSource::Place { place, .. } => Some(place),
            ColumnSource::Constant(_) => None,
        })
    }

    /// Fills the column from the first source that has a value which it takes.
    pub(super) fn fill<'a>(
        &self,
        event: &mut Event<'a>,
        record: &'a [u8],
        source: impl JsonText<'a>,
    ) {
        if self.name == "detail" {
            let objects = self.places().filter_map(|place| place.find(record));
            let mut objects = objects.filter(|value| value.kind == JsonKind::Object);
            event.detail = objects.next().and_then(|value| verbatim(value, source));
            return;
        }
        let mut values = self
            .sources
            .iter()
            .filter_map(|it| it.value(record, source));
        if let Some(value) = values.find(|value| is_value_of(self.name, value)) {
            set(event, self.name, value);
        }
    }
}

impl ColumnSource {
    fn value<'a>(&self, record: &'a [u8], source: impl JsonText<'a>) -> Option<Cow<'a, str>> {
        let (place, table, otherwise) = match self {
            Self::Constant(value) => return Some(Cow::Owned(value.clone())),
            Self::Place {
                place,
                table,
                otherwise,
            } => (place, table, otherwise),
        };
        let value = place.find(record);
        let text = match value.map(|value| value.kind) {
            Some(JsonKind::True) => Some(Cow::Borrowed("true")),
            Some(JsonKind::False) => Some(Cow::Borrowed("false")),
            _ => text_or_number(value, source),
        };
        let kept = match (table, text) {
            (None, text) => text,
            (Some(table), Some(text)) => table.get(&*text).cloned().map(Cow::Owned),
            (Some(_), None) => None,
        };
        kept.or_else(|| otherwise.clone().map(Cow::Owned))
    }
}

/// Sets a column to a value that it takes.
fn set<'a>(event: &mut Event<'a>, column: &str, value: Cow<'a, str>) {
    let slot = match column {
        "category" => {
            let mut all = Category::ALL.into_iter();
            event.category = all.find(|it| it.name() == value).unwrap_or(event.category);
            return;
        }
        "outcome" => {
            event.outcome = outcome(&value).unwrap_or(event.outcome);
            return;
        }
        "actor_type" => {
            event.actor_type = actor_type(&value).unwrap_or(event.actor_type);
            return;
        }
        "class_uid" => {
            event.class_uid = value.parse().unwrap_or(event.class_uid);
            return;
        }
        "activity_id" => {
            event.activity_id = value.parse().unwrap_or(event.activity_id);
            return;
        }
        "severity_id" => {
            event.severity_id = value.parse().unwrap_or(event.severity_id);
            return;
        }
        "activity_name" => {
            event.activity_name = value;
            return;
        }
        "action" => &mut event.action,
        "outcome_code" => &mut event.outcome_code,
        "outcome_detail" => &mut event.outcome_detail,
        "actor_uid" => &mut event.actor_uid,
        "actor_name" => &mut event.actor_name,
        "actor_email" => &mut event.actor_email,
        "actor_impersonated_by" => &mut event.actor_impersonated_by,
        "src_ip" => &mut event.src_ip,
        "user_agent" => &mut event.user_agent,
        "resource_type" => &mut event.resource_type,
        "resource_uid" => &mut event.resource_uid,
        "resource_name" => &mut event.resource_name,
        "namespace" => &mut event.namespace,
        "workflow" => &mut event.workflow,
        "execution_uid" => &mut event.execution_uid,
        "revision" => &mut event.revision,
        "correlation_uid" => &mut event.correlation_uid,
        "region" => &mut event.region,
        "account" => &mut event.account,
        _ => return,
    };
    *slot = Some(value);
}
