//! Every key of the configuration with its type, default and meaning: the schema as a table.

use serde_json::Value;

use super::json_schema;
use crate::settings::inline::as_toml;
use crate::settings::schema::{alternatives, tag_as_written, tag_of, words};

/// One key of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key with its tables: `lake.url`, `source[].settle`.
    pub key: String,
    /// Which of several kinds of table has the key, as it is written: `platform = "kestra"`. `None` where
    /// every table at this place has it.
    pub only_with: Option<String>,
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
    /// Which of several kinds of table it is, as it is written; `None` for keys that all of them have.
    pub only_with: Option<String>,
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
/// required keys come first. Keys that only one kind of table has come after those that all have.
pub fn settings() -> Vec<Setting> {
    settings_of(&json_schema())
}

/// The same keys, each in the table in which it is written.
pub fn sections() -> Vec<Section> {
    sections_of(&json_schema())
}

fn settings_of(root: &Value) -> Vec<Setting> {
    let mut settings = Vec::new();
    collect(root, root, "", &mut settings);
    settings.sort_by_cached_key(|setting| {
        let table = setting.key.split(['.', '[']).next().unwrap_or_default();
        let rank = ORDER.iter().position(|name| *name == table);
        let parent = setting
            .key
            .rsplit_once('.')
            .map_or("", |(parent, _)| parent);
        (
            rank.unwrap_or(ORDER.len()),
            setting.only_with.clone(),
            parent.to_owned(),
            !setting.required,
            setting.key.clone(),
        )
    });
    settings
}

fn sections_of(root: &Value) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for mut setting in settings_of(root) {
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
        let only_with = setting.only_with.clone();
        match sections
            .iter_mut()
            .find(|section| section.heading == heading && section.only_with == only_with)
        {
            Some(section) => section.settings.push(setting),
            None => sections.push(Section {
                meaning: meaning_of_table(root, &table, only_with.as_deref()),
                heading,
                only_with,
                settings: vec![setting],
            }),
        }
    }
    sections
}

/// What the schema says about the table with this path, or about one kind of it; nothing about the file
/// itself.
fn meaning_of_table(root: &Value, path: &str, only_with: Option<&str>) -> String {
    let mut tables = vec![root];
    let mut meaning = String::new();
    for name in path.split('.').filter(|name| !name.is_empty()) {
        let key = name.trim_end_matches("[]");
        let written = tables.iter().find_map(|table| table["properties"].get(key));
        let Some(written) = written else {
            return meaning;
        };
        tables = alternatives(root, written);
        let Some(schema) = tables.first().copied() else {
            return meaning;
        };
        meaning = description(written, schema);
        if name.ends_with("[]") {
            tables = alternatives(root, &schema["items"]);
        }
    }
    let is_it =
        |table: &&&Value| only_with.is_some() && tag_as_written(table).as_deref() == only_with;
    let kind = tables.iter().find(is_it);
    kind.map_or(meaning, |kind| description(kind, kind))
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
            collect_kinds(root, &inners, &format!("{key}{joint}"), settings);
            continue;
        }
        let (meaning, details) = sentences(&description(written, schema));
        settings.push(Setting {
            only_with: None,
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

/// Collects the keys of a table that may be of several kinds: those that every kind has once, the others
/// with the kind that has them.
fn collect_kinds(root: &Value, kinds: &[&Value], prefix: &str, settings: &mut Vec<Setting>) {
    let mut of_kinds: Vec<Vec<Setting>> = kinds
        .iter()
        .map(|table| {
            let mut own = Vec::new();
            collect(root, table, prefix, &mut own);
            own
        })
        .collect();
    // The key that tells them apart has one word in each.
    let tags: Vec<(&str, &str)> = kinds.iter().filter_map(|it| tag_of(it)).collect();
    let words: Vec<&str> = tags.iter().map(|(_, word)| *word).collect();
    for setting in of_kinds.iter_mut().flatten() {
        if tags
            .first()
            .is_some_and(|(tag, _)| setting.key == format!("{prefix}{tag}"))
        {
            setting.kind = words.join(" | ");
        }
    }
    let is_common = |setting: &Setting| of_kinds.iter().all(|own| own.contains(setting));
    let common = of_kinds.first().into_iter().flatten();
    settings.extend(common.filter(|setting| is_common(setting)).cloned());
    for (table, own) in kinds.iter().zip(&of_kinds) {
        let others = own.iter().filter(|setting| !is_common(setting));
        settings.extend(others.cloned().map(|setting| Setting {
            only_with: setting.only_with.or_else(|| tag_as_written(table)),
            ..setting
        }));
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
pub(super) fn description(written: &Value, schema: &Value) -> String {
    let text = |schema: &Value| {
        let text = schema.get("description").and_then(Value::as_str)?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    text(written).or_else(|| text(schema)).unwrap_or_default()
}

/// The first sentence without its full stop, and the others.
pub(super) fn sentences(text: &str) -> (String, String) {
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
    use serde_json::json;

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
        // What only one platform has stands in a section of its own.
        let of_kestra =
            |section: &&Section| section.only_with.as_deref() == Some("platform = \"kestra\"");
        let kestra = sections.iter().find(of_kestra).unwrap();
        let mut settings = kestra.settings.iter();
        let size = settings.find(|s| s.key == "page_size").unwrap();
        assert_eq!(size.range.as_deref(), Some("1 to 10000"));
    }

    #[test]
    fn tables_of_several_kinds_have_a_section_each() {
        let table = |name: &str, own: &str| {
            json!({
                "type": "object",
                "description": format!("Kind {name}."),
                "properties": {
                    "kind": { "type": "string", "description": "Which kind.", "enum": [name] },
                    "id": { "type": "string", "description": "Name." },
                    "size": { "type": "integer", "description": format!("Size of {name}.") },
                    own: { "type": "integer", "description": "Number." },
                },
                "required": ["kind", "id"],
            })
        };
        let list = json!({
            "type": "array",
            "description": "Things.",
            "items": { "oneOf": [table("one", "apples"), table("two", "pears")] },
        });
        let sections = sections_of(&json!({ "properties": { "thing": list } }));
        let shown: Vec<(&str, Option<&str>, &str, Vec<&str>)> = sections
            .iter()
            .map(|section| {
                let keys = section.settings.iter().map(|it| it.key.as_str());
                let only_with = section.only_with.as_deref();
                let meaning = section.meaning.as_str();
                (section.heading.as_str(), only_with, meaning, keys.collect())
            })
            .collect();
        let thing = "[[thing]]";
        assert_eq!(
            shown,
            [
                (thing, None, "Things.", vec!["id", "kind"]),
                (
                    thing,
                    Some("kind = \"one\""),
                    "Kind one.",
                    vec!["apples", "size"]
                ),
                (
                    thing,
                    Some("kind = \"two\""),
                    "Kind two.",
                    vec!["pears", "size"]
                ),
            ]
        );
        assert_eq!(sections[0].settings[1].kind, "one | two");
    }
}
