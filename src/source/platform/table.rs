//! `[[source]]` as it is written: one table for each platform, told apart by `platform`.

use super::{FeedTable, Platform};
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::source::Mapping;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};
use std::sync::Arc;

/// The `[[source]]` table of one platform.
pub(crate) trait PlatformTable {
    /// Its name for people.
    fn title(&self) -> &'static str;

    /// How its records become events.
    fn mapping(&self) -> &'static dyn Mapping;

    /// What every source has.
    fn feed(&self) -> &FeedTable;

    /// Checks what only this platform has; `None` where a problem was reported.
    fn check(&self, checks: &mut Checks<'_, '_>, place: &SettingPlace)
    -> Option<Arc<dyn Platform>>;
}

/// The schema of one platform's table, with its name as the only value of `platform`.
pub(super) fn schema_of<T: JsonSchema>(
    generator: &mut SchemaGenerator,
    name: &str,
    about: &str,
) -> Value {
    let mut schema = T::json_schema(generator).to_value();
    schema["description"] = json!(about.trim());
    schema["additionalProperties"] = json!(false);
    schema["properties"]["platform"] = json!({
        "description": "Kind of platform.",
        "type": "string",
        "enum": [name],
        "examples": [name],
    });
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.insert(required.len().min(1), json!("platform"));
    }
    schema
}

/// One schema of several tables.
pub(super) fn one_of(mut tables: Vec<Value>) -> Schema {
    let schema = match tables.len() {
        1 => tables.remove(0),
        _ => json!({ "description": "One audit feed.", "oneOf": tables }),
    };
    Schema::try_from(schema).unwrap_or_default()
}

/// Declares the platforms: the name in the configuration and in columns, and the table.
macro_rules! platforms {
    ($(#[doc = $about:literal] $name:literal => $variant:ident($table:ty),)+) => {
        mod registered {
            use super::*;
            use schemars::{JsonSchema, Schema, SchemaGenerator};
            use serde::{Deserialize, Serialize};
            use std::borrow::Cow;

            /// The names of all platforms, in configuration and columns.
            pub const PLATFORMS: &[&str] = &[$($name),+];

            /// One `[[source]]`.
            #[derive(Serialize, Deserialize)]
            #[serde(tag = "platform")]
            pub(crate) enum SourceTable {
                $(#[doc = $about] #[serde(rename = $name)] $variant(Box<$table>),)+
            }

            impl SourceTable {
                /// What its platform makes of it.
                pub(crate) fn platform(&self) -> &dyn PlatformTable {
                    match self {
                        $(Self::$variant(table) => &**table,)+
                    }
                }
            }

            impl JsonSchema for SourceTable {
                fn schema_name() -> Cow<'static, str> {
                    "SourceTable".into()
                }

                fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                    super::table::one_of(vec![
                        $(super::table::schema_of::<$table>(generator, $name, $about),)+
                    ])
                }
            }
        }
        pub use registered::PLATFORMS;
        pub(crate) use registered::SourceTable;
    };
}

pub(super) use platforms;
