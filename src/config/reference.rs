//! Every key of the configuration with its type, default and meaning: the schema as a table.

use serde::Serialize;
use serde_json::Value;

use super::json_schema;
use super::shape::{alternatives, as_toml, words};

/// One key of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The key with its tables: `lake.url`, `source[].settle`.
    pub key: String,
    /// What may be written: `text`, `number`, `true/false`, `list`, `table` or the words allowed.
    pub kind: String,
    /// What holds when nothing is written, as TOML.
    pub default: Option<String>,
    /// Whether the key must be written where its table is.
    pub required: bool,
    /// Meaning, in one sentence.
    pub meaning: String,
}

/// The tables in the order in which one writes them.
const ORDER: [&str; 9] = [
    "version",
    "lake",
    "signing",
    "source",
    "run",
    "warehouse",
    "retention",
    "redaction",
    "network",
];

/// Every key of the configuration, table by table, outer ones before inner ones; in a table the
/// required keys come first.
pub fn settings() -> Vec<Setting> {
    let root = json_schema();
    let mut settings = Vec::new();
    collect(&root, &root, "", &mut settings);
    settings.sort_by_cached_key(|setting| {
        let table = setting.key.split(['.', '[']).next().unwrap_or_default();
        let rank = ORDER.iter().position(|name| *name == table);
        let parent = setting
            .key
            .rsplit_once('.')
            .map_or("", |(parent, _)| parent);
        (
            rank.unwrap_or(ORDER.len()),
            parent.to_owned(),
            !setting.required,
            setting.key.clone(),
        )
    });
    settings
}

fn collect(root: &Value, table: &Value, prefix: &str, settings: &mut Vec<Setting>) {
    let Some(Value::Object(properties)) = table.get("properties") else {
        return;
    };
    let required = table.get("required").and_then(Value::as_array);
    for (name, written) in properties {
        let key = format!("{prefix}{name}");
        let choices = alternatives(root, written);
        let Some(schema) = choices.first().copied() else {
            continue;
        };
        let items = schema.get("items").map(|items| alternatives(root, items));
        let inner = match items.as_deref() {
            Some([element]) if element.get("properties").is_some() => Some((*element, "[].")),
            _ if schema.get("properties").is_some() => Some((schema, ".")),
            _ => None,
        };
        // A secret is the same two keys everywhere; they are explained by their kind.
        let secret = is_secret(schema);
        if let Some((inner, joint)) = inner
            && !secret
        {
            collect(root, inner, &format!("{key}{joint}"), settings);
            continue;
        }
        settings.push(Setting {
            kind: if secret {
                "{ env } or { file }".to_owned()
            } else {
                kind(schema)
            },
            default: written.get("default").map(as_toml),
            required: required.is_some_and(|names| names.iter().any(|other| other == name)),
            meaning: first_sentence(written, schema),
            key,
        });
    }
}

fn is_secret(schema: &Value) -> bool {
    let has = |name| schema.pointer(&format!("/properties/{name}")).is_some();
    has("env") && has("file")
}

fn kind(schema: &Value) -> String {
    let words = words(schema);
    if !words.is_empty() {
        return words.join(" | ");
    }
    let pattern = schema.get("pattern").and_then(Value::as_str).unwrap_or("");
    match schema.get("type").and_then(Value::as_str) {
        Some("string") if pattern.contains("[0-9]+w") => "duration",
        Some("string") if pattern.contains("KiB") => "size",
        Some("string") => "text",
        Some("integer") => "number",
        Some("boolean") => "true/false",
        Some("array") => "list of text",
        Some("object") => "table",
        _ => "value",
    }
    .to_owned()
}

fn first_sentence(written: &Value, schema: &Value) -> String {
    let text = |schema: &Value| {
        let text = schema.get("description").and_then(Value::as_str)?;
        Some(text.replace('\n', " "))
    };
    let text = text(written).or_else(|| text(schema)).unwrap_or_default();
    let end = text.find(". ").unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_listed_with_a_meaning() {
        let settings = settings();
        let find = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap();
        assert!(settings.iter().all(|setting| !setting.meaning.is_empty()));
        assert_eq!(find("source[].settle").default.as_deref(), Some("\"5m\""));
        assert_eq!(find("source[].dialect").kind, "v1 | v2");
        assert_eq!(find("source[].auth.bearer").kind, "{ env } or { file }");
        assert!(find("lake.url").required);
        assert_eq!(find("run.memory").kind, "size");
        assert_eq!(find("redaction.rule[].action").kind, "drop | mask | hmac");
    }
}
