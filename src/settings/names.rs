//! Keys that no table of the configuration has: what was probably meant, so that the value can be
//! checked as if the key were right.

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::problem::{ConfigProblem, SettingPlace, SettingsDocument};
use super::shape::{alternatives, fitting};
use crate::similar::nearest;

/// Names that other programs give to what a key of a table means here. The first that the table
/// has is suggested.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("uri", &["url"]),
    ("endpoint", &["url"]),
    ("endpoint_url", &["url"]),
    ("base_url", &["url"]),
    ("address", &["url"]),
    ("server", &["url"]),
    ("host", &["url"]),
    ("hostname", &["url"]),
    ("bucket", &["url"]),
    ("path", &["file", "url"]),
    ("directory", &["url"]),
    ("name", &["id"]),
    ("id", &["name"]),
    ("type", &["platform", "kind"]),
    ("kind", &["platform"]),
    ("platform", &["kind"]),
    ("api_version", &["dialect"]),
    ("authentication", &["auth"]),
    ("credentials", &["auth", "service_account"]),
    ("token", &["bearer"]),
    ("api_token", &["bearer"]),
    ("api_key", &["bearer"]),
    ("user", &["username"]),
    ("login", &["username"]),
    ("pass", &["password"]),
    ("variable", &["env"]),
    ("environment", &["env"]),
    ("from", &["start"]),
    ("since", &["start"]),
    ("begin", &["start"]),
    ("delay", &["settle"]),
    ("lookback", &["overlap"]),
    ("batch_size", &["page_size"]),
    ("limit", &["page_size"]),
    ("parallelism", &["concurrency"]),
    ("threads", &["concurrency"]),
    ("timeout", &["request_timeout", "deadline"]),
    ("retry", &["retry_for"]),
    ("retries", &["retry_for"]),
    ("private_key", &["key"]),
    ("verifier_key", &["public_key"]),
    ("region", &["location"]),
    ("ttl", &["keep", "default"]),
    ("duration", &["keep", "default"]),
    ("expiration", &["partition_expiration"]),
    ("fields", &["columns"]),
    ("paths", &["pointers"]),
    ("ca", &["ca_file"]),
    ("cacert", &["ca_file"]),
    ("sink", &["warehouse"]),
    ("bigquery", &["warehouse"]),
    ("storage", &["lake"]),
    ("masking", &["redaction"]),
];

/// Keys of `auth` that are often written beside it.
const OF_AUTH: [&str; 8] = [
    "bearer",
    "basic",
    "token",
    "api_token",
    "api_key",
    "username",
    "user",
    "password",
];

/// Reports every key that its table does not have, and takes it out of the document or gives it the
/// name that was meant.
pub(crate) fn correct(document: &mut SettingsDocument<'_>, schema: &Value) -> Vec<ConfigProblem> {
    let mut walk = NameWalk {
        document: &*document,
        root: schema,
        problems: Vec::new(),
        corrections: Vec::new(),
    };
    walk.table(document.root.get_ref(), schema, &SettingPlace::default());
    let NameWalk {
        problems,
        corrections,
        ..
    } = walk;
    // What lies inside a table comes before the table itself, whose name may change.
    for (place, meant) in &corrections {
        match meant {
            Some(name) => document.rename(place, name),
            None => document.remove(place),
        }
    }
    problems
}

struct NameWalk<'d, 's, 't> {
    document: &'d SettingsDocument<'t>,
    root: &'s Value,
    problems: Vec<ConfigProblem>,
    corrections: Vec<(SettingPlace, Option<&'s str>)>,
}

/// What to do with an unknown key.
struct Suggestion<'n> {
    /// The key of the same table that was probably meant.
    meant: Option<&'n str>,
    action: String,
}

impl<'s> NameWalk<'_, 's, '_> {
    fn table(&mut self, table: &DeTable<'_>, schema: &'s Value, place: &SettingPlace) {
        let Some(Value::Object(known)) = schema.get("properties") else {
            return;
        };
        let mut names: Vec<&'s str> = known.keys().map(String::as_str).collect();
        // Another crate of the build may make serde_json keep insertion order.
        names.sort_unstable();
        let mut taken: Vec<&str> = table
            .iter()
            .map(|(name, _)| name.get_ref().as_ref())
            .collect();
        for (name, value) in table.iter() {
            let name = name.get_ref().as_ref();
            let value = value.get_ref();
            let inner = place.key(name);
            let meant = if known.contains_key(name) {
                Some(name)
            } else {
                let suggestion = self.suggestion(name, &names, &taken);
                let what = match value {
                    _ if *place != SettingPlace::default() => "unknown key",
                    DeValue::Table(_) => "unknown table",
                    DeValue::Array(list) if list.iter().all(|e| e.get_ref().is_table()) => {
                        "unknown table"
                    }
                    _ => "unknown key",
                };
                let problem = self.document.problem(&inner, what, suggestion.action);
                self.problems.push(problem);
                taken.extend(suggestion.meant);
                suggestion.meant
            };
            if let Some(schema) = meant.and_then(|name| known.get(name)) {
                self.value(value, schema, &inner);
            }
            if !known.contains_key(name) {
                let meant = names.iter().find(|known| Some(**known) == meant).copied();
                self.corrections.push((inner, meant));
            }
        }
    }

    fn value(&mut self, value: &DeValue<'_>, schema: &'s Value, place: &SettingPlace) {
        let Some(schema) = fitting(self.root, schema, value) else {
            return;
        };
        match value {
            DeValue::Table(table) => self.table(table, schema, place),
            DeValue::Array(list) => {
                if let Some(items) = schema.get("items") {
                    for (index, element) in list.iter().enumerate() {
                        self.value(element.get_ref(), items, &place.index(index));
                    }
                }
            }
            _ => {}
        }
    }

    /// What to write instead of `name` in a table that knows `names` and has `taken` already.
    fn suggestion<'n>(&self, name: &str, names: &[&'n str], taken: &[&str]) -> Suggestion<'n> {
        let synonym = SYNONYMS
            .iter()
            .filter(|(written, _)| written.eq_ignore_ascii_case(name))
            .flat_map(|(_, meant)| meant.iter())
            .find_map(|meant| names.iter().find(|known| *known == meant).copied());
        let elsewhere = tables_with(self.root, name);
        let meant = match synonym {
            Some(meant) => Some(meant),
            None if OF_AUTH.contains(&name) && names.contains(&"auth") => {
                return Suggestion {
                    meant: None,
                    action: "write it as a reference in `auth`, for example \
                             auth = { bearer = { env = \"KESTRA_TOKEN\" } }"
                        .to_owned(),
                };
            }
            None if !elsewhere.is_empty() => {
                return Suggestion {
                    meant: None,
                    action: format!("move it: `{name}` belongs to {}", elsewhere.join(" or ")),
                };
            }
            None => nearest(name, names),
        };
        match meant {
            Some(meant) if taken.contains(&meant) => Suggestion {
                meant: None,
                action: format!("remove it; `{meant}` is already set"),
            },
            Some(meant) => Suggestion {
                meant: Some(meant),
                action: format!("write `{meant}`, or remove it"),
            },
            None => Suggestion {
                meant: None,
                action: format!("remove it; known here: {}", names.join(", ")),
            },
        }
    }
}

/// The tables that have a key, by their headers.
fn tables_with(root: &Value, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(root, root, "", key, &mut found);
    found.sort_unstable();
    // A key that many tables have says nothing about where this one belongs.
    if found.len() > 3 {
        found.clear();
    }
    found
}

fn collect(root: &Value, table: &Value, path: &str, key: &str, found: &mut Vec<String>) {
    let Some(Value::Object(known)) = table.get("properties") else {
        return;
    };
    for (name, schema) in known {
        let path = match path {
            "" => name.clone(),
            path => format!("{path}.{name}"),
        };
        for schema in alternatives(root, schema) {
            let items = schema.get("items").map(|items| alternatives(root, items));
            let (inners, header) = match items {
                Some(elements) => (elements, format!("[[{path}]]")),
                None => (vec![schema], format!("[{path}]")),
            };
            for inner in inners {
                let known = inner.get("properties").and_then(|all| all.get(key));
                if known.is_some() && !found.contains(&header) {
                    found.push(header.clone());
                }
                collect(root, inner, &path, key, found);
            }
        }
    }
}
