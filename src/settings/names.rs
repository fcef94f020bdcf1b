//! Keys that no table of the configuration has: what was probably meant, so that the value can be
//! checked as if the key were right.

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::inline::as_toml;
use super::problem::{ConfigProblem, SettingPlace, SettingsDocument};
use super::schema::{alternatives, example_of, fitting, holds_one_key, tag_as_written};
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
            let each = schema.get("additionalProperties");
            if let Some(each) = each.filter(|each| each.is_object()) {
                for (name, value) in table.iter() {
                    self.value(value.get_ref(), each, &place.key(name.get_ref()));
                }
            }
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
                let suggestion = self.suggestion(name, schema, &names, &taken, place);
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

    /// What to write instead of `name` in the table at `place`, which knows `names` and has `taken` already.
    fn suggestion<'n>(
        &self,
        name: &str,
        table: &Value,
        names: &[&'n str],
        taken: &[&str],
        place: &SettingPlace,
    ) -> Suggestion<'n> {
        let synonym = SYNONYMS
            .iter()
            .filter(|(written, _)| written.eq_ignore_ascii_case(name))
            .flat_map(|(_, meant)| meant.iter())
            .find_map(|meant| names.iter().find(|known| *known == meant).copied());
        let elsewhere = tables_with(self.root, name);
        let path = place.keys();
        let others = elsewhere.iter().filter(|table| table.path == path);
        let others: Vec<&str> = others.filter_map(|it| it.only_with.as_deref()).collect();
        let elsewhere = headers(&elsewhere);
        if !others.is_empty() {
            return Suggestion {
                meant: None,
                action: format!(
                    "remove it: it is only known with {}; known here: {}",
                    others.join(" or "),
                    names.join(", ")
                ),
            };
        }
        let meant = match synonym {
            Some(meant) => Some(meant),
            None if OF_AUTH.contains(&name) && names.contains(&"auth") => {
                return Suggestion {
                    meant: None,
                    action: format!("write it as a reference in `auth`{}", self.sign_in(table)),
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
            None if holds_one_key(table) => Suggestion {
                meant: None,
                action: format!("write one of: {}", names.join(", ")),
            },
            None => Suggestion {
                meant: None,
                action: format!("remove it; known here: {}", names.join(", ")),
            },
        }
    }

    /// An example of how to sign in, as the end of a sentence, from the schema of a table that has `auth`.
    fn sign_in(&self, table: &Value) -> String {
        let schema = table.pointer("/properties/auth");
        let example = schema.and_then(|auth| example_of(auth, &alternatives(self.root, auth)));
        example.map_or_else(String::new, |example| {
            format!(", for example auth = {}", as_toml(example))
        })
    }
}

/// A table that has a key.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TableWithKey {
    /// The keys that lead to it.
    path: String,
    /// Whether it stands in a list.
    is_in_list: bool,
    /// Which kind of table it is, as it is written, where the list has several.
    only_with: Option<String>,
}

/// How tables are written in the file; none where there are so many that they say nothing about where a key
/// belongs.
fn headers(tables: &[TableWithKey]) -> Vec<String> {
    let of_path = tables.chunk_by(|one, other| one.path == other.path);
    let headers = of_path.filter_map(|kinds| {
        let (first, others) = kinds.split_first()?;
        let header = match first.is_in_list {
            true => format!("[[{}]]", first.path),
            false => format!("[{}]", first.path),
        };
        Some(match &first.only_with {
            Some(tag) if others.is_empty() => format!("{header} with {tag}"),
            _ => header,
        })
    });
    let headers: Vec<String> = headers.collect();
    match headers.len() {
        0..=3 => headers,
        _ => Vec::new(),
    }
}

/// The tables that have a key.
fn tables_with(root: &Value, key: &str) -> Vec<TableWithKey> {
    let mut found = Vec::new();
    let whole = TableWithKey {
        path: String::new(),
        is_in_list: false,
        only_with: None,
    };
    collect(root, root, &whole, key, &mut found);
    found.sort_unstable();
    found
}

/// Looks below `table`, which is `at`.
fn collect(
    root: &Value,
    table: &Value,
    at: &TableWithKey,
    key: &str,
    found: &mut Vec<TableWithKey>,
) {
    let Some(Value::Object(known)) = table.get("properties") else {
        return;
    };
    for (name, schema) in known {
        let path = match at.path.as_str() {
            "" => name.clone(),
            path => format!("{path}.{name}"),
        };
        for schema in alternatives(root, schema) {
            let items = schema.get("items").map(|items| alternatives(root, items));
            let is_in_list = items.is_some();
            let inners = items.unwrap_or_else(|| vec![schema]);
            let has_key = |inner: &&Value| {
                let known = inner.get("properties");
                known.and_then(|known| known.get(key)).is_some()
            };
            let (has_kinds, all_have_it) = (inners.len() > 1, inners.iter().all(has_key));
            for inner in inners {
                let mut table = TableWithKey {
                    path: path.clone(),
                    is_in_list,
                    only_with: at.only_with.clone(),
                };
                if has_kinds {
                    table.only_with = tag_as_written(inner);
                }
                collect(root, inner, &table, key, found);
                if all_have_it {
                    table.only_with.clone_from(&at.only_with);
                }
                if has_key(&inner) && !found.contains(&table) {
                    found.push(table);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_of_another_kind_of_table_is_told_from_one_that_nothing_has() {
        let table = |name: &str, own: &str| {
            json!({
                "type": "object",
                "properties": {
                    "kind": { "type": "string", "enum": [name] },
                    "id": { "type": "string" },
                    own: { "type": "integer" },
                },
            })
        };
        let tables = [table("one", "apples"), table("two", "pears")];
        let list = json!({ "type": "array", "items": { "oneOf": tables } });
        let schema = json!({ "properties": { "it": list, "other": { "type": "object" } } });
        for (written, action) in [
            (
                "apples = 1",
                "remove it: it is only known with kind = \"one\"; known here: id, kind, pears",
            ),
            ("pear = 1", "write `pears`, or remove it"),
            ("plums = 1", "remove it; known here: id, kind, pears"),
        ] {
            let text = format!("[[it]]\nkind = \"two\"\n{written}");
            let mut document = SettingsDocument::parse(&text).unwrap();
            let problems = correct(&mut document, &schema);
            assert_eq!(problems.len(), 1, "{written}");
            assert_eq!(problems[0].action, action);
        }
        for (key, action) in [
            (
                "apples",
                "move it: `apples` belongs to [[it]] with kind = \"one\"",
            ),
            ("id", "move it: `id` belongs to [[it]]"),
        ] {
            let text = format!("{key} = 1");
            let mut document = SettingsDocument::parse(&text).unwrap();
            assert_eq!(correct(&mut document, &schema)[0].action, action);
        }
    }

    /// What is said of the only wrong key of a document.
    fn action(schema: &Value, text: &str) -> String {
        let mut document = SettingsDocument::parse(text).unwrap();
        let problems = correct(&mut document, schema);
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}");
        };
        problem.action.clone()
    }

    #[test]
    fn where_one_key_is_wanted_the_known_ones_are_named() {
        let secret = json!({
            "type": "object",
            "maxProperties": 1,
            "properties": { "env": { "type": "string" }, "file": { "type": "string" } },
        });
        let schema = json!({ "properties": { "it": secret } });
        for (written, said) in [
            ("vault = \"x\"", "write one of: env, file"),
            ("variable = \"x\"", "write `env`, or remove it"),
        ] {
            assert_eq!(action(&schema, &format!("[it]\n{written}")), said);
        }
    }

    #[test]
    fn a_credential_beside_auth_is_shown_as_the_table_wants_it() {
        let auth = |example: Value| {
            let auth = json!({ "type": "object", "examples": [example] });
            json!({ "properties": { "it": { "type": "object", "properties": { "auth": auth } } } })
        };
        for (example, said) in [
            (
                json!({ "bearer": { "env": "TOKEN" } }),
                "write it as a reference in `auth`, for example auth = { bearer = { env = \"TOKEN\" } }",
            ),
            (
                json!({ "google": {} }),
                "write it as a reference in `auth`, for example auth = { google = {} }",
            ),
        ] {
            assert_eq!(action(&auth(example), "[it]\nbearer = \"x\""), said);
        }
    }
}
