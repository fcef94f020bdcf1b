//! The configuration as it is written: the TOML file, table by table.
//!
//! These types fix names, types and defaults, and the JSON Schema is made from them; whatever
//! needs a decision (is this a URL, does this fit that) is left to [`super::check`], so that one
//! reading reports all that is wrong. The first sentence of each doc comment is what
//! `trailhouse schema config` shows.

mod retention;
mod warehouse;

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::event::redact::RedactionAction;
use crate::settings::store::OptionValue;
use crate::settings::tables::{DurationText, SecretTable, SizeText};
use crate::source::platform::SourceTable;

pub(super) use retention::{KeepText, MatchTable, RetentionTable};
pub(super) use warehouse::{WarehouseAuthTable, WarehouseName, WarehouseTable};

/// Version of the configuration format that this program reads.
pub(super) const VERSION: u32 = 1;

/// Configuration of trailhouse, format version 1.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "trailhouse configuration")]
pub(super) struct File {
    /// Version of this format.
    #[schemars(range(min = 1, max = 1), example = 1)]
    pub version: u32,
    /// Where the lake is kept.
    pub lake: LakeTable,
    /// How ledger entries are signed.
    pub signing: SigningTable,
    /// The audit feeds to read, one table each.
    pub source: Vec<SourceTable>,
    /// Bounds of one run.
    #[serde(default)]
    pub run: RunTable,
    /// Where the lake is projected to, to be queried; one table each.
    #[serde(default)]
    pub warehouse: Vec<WarehouseTable>,
    /// How long records are kept. Without this table everything is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionTable>,
    /// What is removed or hidden before anything is written.
    #[serde(default)]
    pub redaction: RedactionTable,
    /// How sources, store, warehouses and sign-in are reached.
    #[serde(default)]
    pub network: NetworkTable,
}

/// How sources, store, warehouses and sign-in are reached. Proxies are named by the environment.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkTable {
    /// A file with CA certificates (PEM) that are trusted in addition to those of the machine; a
    /// relative path starts at the folder of the configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/etc/trailhouse/ca.pem")]
    pub ca_file: Option<String>,
}

/// Where the lake is kept.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LakeTable {
    /// Bucket and prefix, or a local directory: `gs://`, `s3://`, `az://` or `file:///`.
    #[schemars(example = "gs://acme-audit/trailhouse")]
    pub url: String,
    /// Options of the object store, by their names in the Rust crate object_store.
    ///
    /// Credentials are usually found without any option, through the store's standard chain
    /// (workload identity, instance role, environment). Secrets are given by reference.
    #[serde(default)]
    #[schemars(example = json!({ "aws_region": "eu-central-1" }))]
    pub options: BTreeMap<String, OptionValue>,
}

/// How ledger entries are signed.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    extend(
        "minProperties" = 1,
        "dependentSchemas" = { "unsigned": { "maxProperties": 1 } }
    ),
    example = json!({ "key": { "file": "trailhouse.key" } })
)]
pub(super) struct SigningTable {
    /// The signing key created by `trailhouse keygen`; not needed to only read the lake.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "file": "trailhouse.key" }))]
    pub key: Option<SecretTable>,
    /// The verifier key of the lake, which is not secret: `trailhouse keygen` prints it and writes it
    /// to the .pub file.
    ///
    /// Commands that only read use it instead of `key`, so that analysts do not need a key that could
    /// write. If `key` is set too, the two must be a pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "file": "trailhouse.key.pub" }))]
    pub public_key: Option<SecretTable>,
    /// Write entries without a signature: for experiments only, since such a lake proves
    /// nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub unsigned: Option<bool>,
}

/// Bounds of one run.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunTable {
    /// When a run stops starting new work; work in progress is still committed.
    #[serde(default = "fifty_minutes")]
    pub deadline: DurationText,
    /// Total memory of a run, however large a window is; give a container at least this much.
    ///
    /// The records of one entry, those of a response and those read ahead may each take a 32nd of it.
    #[serde(default = "memory_size")]
    pub memory: SizeText,
    /// Maximum rows committed by one ledger entry.
    #[serde(default = "chunk_rows")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub chunk_rows: u32,
    /// Maximum time between two commits of a run.
    #[serde(default = "five_minutes")]
    pub chunk_time: DurationText,
}

/// What is removed or hidden before anything is written.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RedactionTable {
    /// Key of the action `hmac`, at least 16 bytes; the same key gives the same pseudonym, so keep
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "env": "TRAILHOUSE_REDACTION_KEY" }))]
    pub hmac_key: Option<SecretTable>,
    /// Rules; if two apply to the same place, the first one wins.
    #[serde(default)]
    pub rule: Vec<RuleTable>,
}

/// One redaction rule: what it applies to, in exactly one of three ways, and what is done.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleTable {
    /// Columns by name, together with every place in the record that they come from.
    ///
    /// `trailhouse schema events` lists the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["actor_email", "src_ip"], length(min = 1))]
    pub columns: Option<Vec<String>>,
    /// Columns by what they may hold, together with every place in the record that they come from.
    ///
    /// `secret` also includes places in a record that may hold anything and that no column shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"sensitive")]
    pub classification: Option<ClassificationName>,
    /// Places inside the record, as JSON pointers (RFC 6901) from its root, with `*` for any member.
    ///
    /// `raw` and every column that comes from these places are redacted too. What identifies a
    /// record cannot be redacted: its id, time, tenant and action.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["/appliedPatch", "/revertPatch"], length(min = 1))]
    pub pointers: Option<Vec<String>>,
    /// What to do with the values.
    #[schemars(example = &"drop")]
    pub action: RedactionAction,
}

/// What a column may hold.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ClassificationName {
    /// Names or locates a person, or describes what they touched.
    Sensitive,
    /// May hold anything the platform was given, credentials included.
    Secret,
}

impl Default for RunTable {
    fn default() -> Self {
        Self {
            deadline: fifty_minutes(),
            memory: memory_size(),
            chunk_rows: chunk_rows(),
            chunk_time: five_minutes(),
        }
    }
}

fn five_minutes() -> DurationText {
    DurationText("5m".to_owned())
}

fn fifty_minutes() -> DurationText {
    DurationText("50m".to_owned())
}

fn memory_size() -> SizeText {
    SizeText("256MiB".to_owned())
}

fn chunk_rows() -> u32 {
    250_000
}

/// The JSON Schema (draft 2020-12) of the configuration file.
pub fn json_schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .with_transform(without_null)
        .into_generator()
        .into_root_schema_for::<File>();
    schema.insert("$id".to_owned(), json!("urn:trailhouse:config:1"));
    schema.to_value()
}

/// TOML has no null: an option is written or absent, so the schema must not offer one.
fn without_null(schema: &mut Schema) {
    transform_subschemas(&mut without_null, schema);
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(mut choices)) = schema.remove("anyOf") else {
        return;
    };
    choices.retain(|choice| choice.get("type") != Some(&json!("null")));
    match choices.as_slice() {
        [Value::Object(only)] => {
            for (key, value) in only {
                if schema.get(key).is_none() {
                    schema.insert(key.clone(), value.clone());
                }
            }
        }
        _ => {
            schema.insert("anyOf".to_owned(), Value::Array(choices));
        }
    }
}
