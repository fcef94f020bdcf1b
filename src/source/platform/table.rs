//! `[[source]]` as it is written: one table for each platform, told apart by `platform`.

use super::sign_in::narrow;
use super::{FeedTable, Platform, PlatformProfile};
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};
use std::sync::Arc;

/// The `[[source]]` table of one platform.
pub(crate) trait PlatformTable {
    /// What every source has.
    fn feed(&self) -> &FeedTable;

    /// Checks what only this platform has; `None` where a problem was reported.
    fn check(&self, checks: &mut Checks<'_, '_>, place: &SettingPlace)
    -> Option<Arc<dyn Platform>>;
}

/// The schema of one platform's table, with its name as the only value of `platform` and the ways to sign in
/// that it knows.
pub(super) fn schema_of<T: JsonSchema>(
    generator: &mut SchemaGenerator,
    name: &str,
    about: &str,
    profile: &PlatformProfile,
) -> Value {
    let mut schema = T::json_schema(generator).to_value();
    schema["description"] = json!(about);
    schema["additionalProperties"] = json!(false);
    schema["properties"]["platform"] = json!({
        "description": "Kind of platform.",
        "type": "string",
        "enum": [name],
        "examples": [name],
    });
    if let Some(auth) = schema.pointer_mut("/properties/auth") {
        narrow(auth, profile.sign_in);
    }
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

/// Declares the platforms: the name in the configuration and in columns, the table, and the profile.
macro_rules! platforms {
    ($(#[doc = $about:literal] $name:literal => $variant:ident($table:ty, $profile:path),)+) => {
        mod registered {
            use super::*;
            use schemars::{JsonSchema, Schema, SchemaGenerator};
            use serde::{Deserialize, Serialize};
            use std::borrow::Cow;

            /// All platforms. The first is the one that `init` takes where nothing says which.
            pub static PLATFORMS: &[RegisteredPlatform] = &[$(
                RegisteredPlatform {
                    name: $name,
                    about: $about.trim_ascii(),
                    profile: &$profile,
                },
            )+];

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

                /// What its platform says of itself.
                pub(crate) fn profile(&self) -> &'static PlatformProfile {
                    match self {
                        $(Self::$variant(_) => &$profile,)+
                    }
                }
            }

            impl JsonSchema for SourceTable {
                fn schema_name() -> Cow<'static, str> {
                    "SourceTable".into()
                }

                fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                    super::table::one_of(vec![$(
                        super::table::schema_of::<$table>(
                            generator,
                            $name,
                            $about.trim(),
                            &$profile,
                        ),
                    )+])
                }
            }
        }
        pub use registered::PLATFORMS;
        pub(crate) use registered::SourceTable;
    };
}

pub(super) use platforms;
