//! The tables of a description as they are written.

use crate::source::platform::http::client::{
    PagingKind, RecordsFormat, RecordsOrder, WindowFormat,
};
use crate::source::platform::http::mapping::RecordInstant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How to ask for records.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestTable {
    /// HTTP method.
    #[serde(default)]
    pub(crate) method: RequestMethod,
    /// Path below the address; `{tenant}` in it is replaced by the tenant.
    #[schemars(example = "/v1/audit-logs")]
    pub(crate) path: String,
    /// Query parameters that are the same in all requests.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = json!({ "sort": "asc" }))]
    pub(crate) query: BTreeMap<String, String>,
    /// Headers that are the same in all requests; secrets belong to `auth`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = json!({ "Api-Version": "2026-01-01" }))]
    pub(crate) headers: BTreeMap<String, String>,
    /// JSON body of a POST.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "query": "{ auditLog { id } }" }))]
    pub(crate) body: Option<Map<String, Value>>,
    /// Where the tenant goes, if not into the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "query": "organization" }))]
    pub(crate) tenant: Option<PlaceTable>,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) enum RequestMethod {
    /// A request without a body.
    #[default]
    #[serde(rename = "GET")]
    Get,
    /// A request with a JSON body, as GraphQL has. It must change nothing.
    #[serde(rename = "POST")]
    Post,
}

/// Where a value goes in a request.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    extend("minProperties" = 1, "maxProperties" = 1),
    example = json!({ "query": "from" })
)]
pub(crate) struct PlaceTable {
    /// Name of a query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"from")]
    pub(crate) query: Option<String>,
    /// JSON pointer to a place in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/variables/from")]
    pub(crate) body: Option<String>,
    /// Name of a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "X-From")]
    pub(crate) header: Option<String>,
}

/// How a window of time is asked for.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WindowTable {
    /// Where the start goes. Without it, windows are cut out of the whole list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "query": "from" }))]
    pub(crate) from: Option<PlaceTable>,
    /// Where the end goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "query": "to" }))]
    pub(crate) to: Option<PlaceTable>,
    /// Whether the API returns records at the start itself.
    #[serde(default = "yes")]
    pub(crate) from_inclusive: bool,
    /// Whether the API returns records at the end itself.
    #[serde(default)]
    pub(crate) to_inclusive: bool,
    /// How both are written.
    #[serde(default)]
    pub(crate) format: WindowFormat,
    /// Digits of the fraction of a second in "rfc3339".
    #[serde(default = "three")]
    #[schemars(range(min = 0, max = 9))]
    pub(crate) digits: u8,
}

fn yes() -> bool {
    true
}

fn three() -> u8 {
    3
}

/// How responses continue each other.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PagingTable {
    /// By what a response is continued.
    #[serde(default)]
    pub(crate) kind: PagingKind,
    /// Where a response states the token ("token") or the address ("next_url") of the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "body": "/nextPageToken" }))]
    pub(crate) token: Option<TokenTable>,
    /// Where the offset, the page or the token goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "query": "pageToken" }))]
    pub(crate) send: Option<PlaceTable>,
    /// Where the number of records goes, if the API takes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "query": "pageSize" }))]
    pub(crate) size: Option<PlaceTable>,
    /// Maximum records per response.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) page_size: u32,
    /// Number of the first page in "page".
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1))]
    pub(crate) first_page: u32,
    /// JSON pointer to a boolean that is false in the last response, if the API states one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/hasMore")]
    pub(crate) more: Option<String>,
}

fn hundred() -> u32 {
    100
}

fn one() -> u32 {
    1
}

impl Default for PagingTable {
    fn default() -> Self {
        Self {
            kind: PagingKind::None,
            token: None,
            send: None,
            size: None,
            page_size: hundred(),
            first_page: one(),
            more: None,
        }
    }
}

/// Where a response states what continues it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    extend("minProperties" = 1, "maxProperties" = 1),
    example = json!({ "body": "/nextPageToken" })
)]
pub(crate) struct TokenTable {
    /// JSON pointer to a place in the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/nextPageToken")]
    pub(crate) body: Option<String>,
    /// Name of a header of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "X-Next-Page")]
    pub(crate) header: Option<String>,
    /// JSON pointer to a place in the last item of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/id")]
    pub(crate) last_record: Option<String>,
}

/// Where records are in a response, and what identifies them.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordsTable {
    /// How records stand in a response.
    #[serde(default)]
    pub(crate) format: RecordsFormat,
    /// JSON pointer to the array of items; "" if the response is the array.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/data")]
    pub(crate) items: Option<String>,
    /// JSON pointer to the record in an item, if the item is not the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/auditLog")]
    pub(crate) record: Option<String>,
    /// JSON pointer to the id in a record, or a list of pointers whose values together are the id.
    ///
    /// It must never change, and no two records of a tenant may share it.
    #[schemars(example = "/id")]
    pub(crate) id: OneOrMore,
    /// JSON pointer to the time in a record.
    #[schemars(example = "/timestamp")]
    pub(crate) time: String,
    /// How a record writes its time.
    #[serde(default)]
    pub(crate) time_format: RecordInstant,
    /// JSON pointer to the tenant in a record, if it states one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/organizationId")]
    pub(crate) tenant: Option<String>,
    /// JSON pointer to the number of all records of the window, if a response states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/total")]
    pub(crate) total: Option<String>,
    /// Number at which the API stops counting, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 10_000, range(min = 1, max = 1_000_000_000))]
    pub(crate) total_cap: Option<u64>,
    /// In which order of time the API lists records.
    ///
    /// Where windows have no start or no end, reading stops where the order says that nothing follows.
    #[serde(default)]
    pub(crate) order: RecordsOrder,
    /// JSON pointer to what a response has only if the request failed, as GraphQL answers with 200 then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/errors")]
    pub(crate) failure: Option<String>,
}

/// One text, or several.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(crate) enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(#[schemars(length(min = 1))] Vec<String>),
}

impl OneOrMore {
    /// All of them.
    pub(super) fn texts(&self) -> Vec<&str> {
        match self {
            Self::One(text) => vec![text],
            Self::More(texts) => texts.iter().map(String::as_str).collect(),
        }
    }
}

/// Where the value of a column comes from.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(crate) enum ColumnTable {
    /// A JSON pointer to a place in the record.
    Pointer(String),
    /// A place with a table of values, or a constant.
    Rule(ColumnRule),
    /// Several of them: the first that has a value counts.
    First(#[schemars(length(min = 1))] Vec<ColumnRule>),
}

/// A place in the record with what its values become, or a value for all records.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = json!({ "pointer": "/type" }))]
pub(crate) struct ColumnRule {
    /// JSON pointer to a place in the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/type")]
    pub(crate) pointer: Option<String>,
    /// What each value there becomes; other values give none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "CREATE": "resource_management" }))]
    pub(crate) map: Option<BTreeMap<String, DescribedValue>>,
    /// What any other value becomes, and a missing one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"other")]
    pub(crate) otherwise: Option<DescribedValue>,
    /// The same value for all records, instead of a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"production")]
    pub(crate) value: Option<DescribedValue>,
}

/// A value of a column: text, or a number.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(crate) enum DescribedValue {
    /// Text.
    Text(String),
    /// A whole number.
    Number(i64),
}

impl DescribedValue {
    /// As text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}
