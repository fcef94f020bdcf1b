//! Every key of the configuration with its type, default and meaning: the schema as a table.

use serde_json::Value;

use super::json_schema;
use crate::settings::shape::{alternatives, as_toml, words};

/// One key of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// What else is to be known, in one line; often nothing.
    pub details: String,
    /// The numbers that are accepted, as in `1 to 64`.
    pub range: Option<String>,
}

/// One table of the configuration file with its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// As it is written: `[run]`, `[[source]]`; empty for keys before the first table.
    pub heading: String,
    /// Meaning, in one line.
    pub meaning: String,
    /// Its keys, those of inner tables with a dot.
    pub settings: Vec<Setting>,
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

/// The same keys, each in the table in which it is written.
pub fn sections() -> Vec<Section> {
    let root = json_schema();
    let mut sections: Vec<Section> = Vec::new();
    for mut setting in settings() {
        let (table, key) = match setting.key.rsplit_once("[].") {
            Some((table, key)) => (format!("{table}[]"), key.to_owned()),
            None => match setting.key.split_once('.') {
                Some((table, key)) => (table.to_owned(), key.to_owned()),
                None => (String::new(), setting.key.clone()),
            },
        };
        let heading = match table.strip_suffix("[]") {
            Some(table) => format!("[[{}]]", table.replace("[]", "")),
            None if table.is_empty() => String::new(),
            None => format!("[{table}]"),
        };
        setting.key = key;
        match sections
            .iter_mut()
            .find(|section| section.heading == heading)
        {
            Some(section) => section.settings.push(setting),
            None => sections.push(Section {
                meaning: meaning_of_table(&root, &table),
                heading,
                settings: vec![setting],
            }),
        }
    }
    sections
}

/// What the schema says about the table with this path; nothing about the file itself.
fn meaning_of_table(root: &Value, path: &str) -> String {
    let mut table = root;
    let mut meaning = String::new();
    for name in path.split('.').filter(|name| !name.is_empty()) {
        let written = &table["properties"][name.trim_end_matches("[]")];
        let schema = alternatives(root, written).first().copied();
        meaning = schema.map_or_else(String::new, |schema| description(written, schema));
        let items = schema.map(|schema| &schema["items"]);
        let element = items.and_then(|items| alternatives(root, items).first().copied());
        table = match (name.ends_with("[]"), element, schema) {
            (true, Some(element), _) => element,
            (_, _, Some(schema)) => schema,
            (_, _, None) => return meaning,
        };
    }
    meaning
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
        let has_keys = |table: &&Value| table.get("properties").is_some();
        let (inners, joint) = match items {
            Some(elements) if elements.iter().all(has_keys) => (elements, "[]."),
            _ if has_keys(&schema) => (vec![schema], "."),
            _ => (Vec::new(), ""),
        };
        // A secret is the same two keys everywhere; they are explained by their kind.
        let secret = is_secret(schema);
        if !inners.is_empty() && !secret {
            for inner in inners {
                collect(root, inner, &format!("{key}{joint}"), settings);
            }
            continue;
        }
        // Tables of one list may be of several kinds, with keys in common.
        if settings.iter().any(|known| known.key == key) {
            continue;
        }
        let (meaning, details) = sentences(&description(written, schema));
        settings.push(Setting {
            kind: if secret {
                "{ env } or { file }".to_owned()
            } else {
                kind(schema)
            },
            default: written.get("default").map(as_toml),
            required: required.is_some_and(|names| names.iter().any(|other| other == name)),
            meaning,
            details,
            range: range(schema),
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

/// The description of a key, or of what it holds, in one line.
fn description(written: &Value, schema: &Value) -> String {
    let text = |schema: &Value| {
        let text = schema.get("description").and_then(Value::as_str)?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    text(written).or_else(|| text(schema)).unwrap_or_default()
}

/// The first sentence without its full stop, and the others.
fn sentences(text: &str) -> (String, String) {
    let (first, others) = text.split_once(". ").unwrap_or((text, ""));
    (first.trim_end_matches('.').to_owned(), others.to_owned())
}

fn range(schema: &Value) -> Option<String> {
    let bound = |key| schema.get(key).and_then(Value::as_i64);
    match (bound("minimum")?, bound("maximum")?) {
        (least, most) if least == most => Some(least.to_string()),
        (least, most) => Some(format!("{least} to {most}")),
    }
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

    #[test]
    fn every_key_is_in_the_table_where_it_is_written() {
        let sections = sections();
        let headings: Vec<&str> = sections.iter().map(|s| s.heading.as_str()).collect();
        assert_eq!(headings[..4], ["", "[lake]", "[signing]", "[[source]]"]);
        assert!(headings.contains(&"[[retention.rule]]"));
        for section in &sections {
            assert_eq!(section.heading.is_empty(), section.meaning.is_empty());
        }
        let keys: usize = sections.iter().map(|section| section.settings.len()).sum();
        assert_eq!(keys, settings().len());
        let source = sections.iter().find(|s| s.heading == "[[source]]").unwrap();
        let size = source
            .settings
            .iter()
            .find(|s| s.key == "page_size")
            .unwrap();
        assert_eq!(size.range.as_deref(), Some("1 to 10000"));
    }
}
