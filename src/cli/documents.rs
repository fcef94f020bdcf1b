//! What `--output json` prints, command by command, made from the types that are printed.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::output::OutputDocument;
use std::collections::BTreeSet;

/// The documents of all commands while they are collected: each command describes its own.
pub(super) struct Catalogue {
    generator: SchemaGenerator,
    documents: Vec<(Title, Value)>,
}

/// Which document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Title {
    /// The command without the program: `warehouse init`.
    command: &'static str,
    /// When it is this one, where the command has several.
    when: Option<&'static str>,
}

impl Catalogue {
    /// A document beside which failures are listed.
    pub(super) fn with_failures<D: OutputDocument>(&mut self, command: &'static str) {
        self.add::<D>(command, None, true);
    }

    /// Another document of a command, and when it is that one.
    pub(super) fn with_failures_when<D: OutputDocument>(
        &mut self,
        command: &'static str,
        when: &'static str,
    ) {
        self.add::<D>(command, Some(when), true);
    }

    /// A document that is printed as it is.
    pub(super) fn bare<D: OutputDocument>(&mut self, command: &'static str) {
        self.add::<D>(command, None, false);
    }

    fn add<D: JsonSchema>(
        &mut self,
        command: &'static str,
        when: Option<&'static str>,
        with_failures: bool,
    ) {
        let mut schema = D::json_schema(&mut self.generator).to_value();
        // A document that is printed as one of its fields.
        if let Some(name) = name_of_type(&schema) {
            schema = self
                .generator
                .definitions()
                .get(name)
                .cloned()
                .unwrap_or_default();
        }
        if with_failures {
            let failure = self.generator.subschema_for::<Failure>();
            schema["properties"]["exit_code"] = json!({
                "type": "integer",
                "description": "The exit code of the process.",
            });
            schema["properties"]["errors"] = json!({
                "type": "array",
                "items": failure,
                "description": "Every failure, the most severe first.",
            });
            if let Value::Array(required) = &mut schema["required"] {
                required.extend(["exit_code".into(), "errors".into()]);
            }
        }
        self.documents.push((Title { command, when }, schema));
    }
}

/// One field of a document or a type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Name.
    pub(super) name: String,
    /// What it holds.
    pub(super) kind: String,
    /// Whether it is always there.
    pub(super) always: bool,
    /// What it means, in one line.
    pub(super) meaning: String,
}

/// A document, or a type that documents name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Described {
    /// The command and when, or the name of the type.
    pub(super) name: String,
    /// What it is, in one line.
    pub(super) meaning: String,
    /// Its fields in alphabetical order; none where it is no object.
    pub(super) fields: Vec<Field>,
    /// What it holds where it is no object.
    pub(super) value: String,
    /// What it may be, each with its meaning, where the type says that of each.
    pub(super) choices: Vec<(String, String)>,
}

/// Every document and every type that is named in one.
pub(super) struct Outputs {
    documents: Vec<(Title, Value)>,
    types: Map<String, Value>,
}

impl Outputs {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let mut catalogue = Catalogue {
            generator: settings.into_generator(),
            documents: Vec::new(),
        };
        super::describe(&mut catalogue);
        let documents = catalogue.documents;
        let mut types = catalogue.generator.take_definitions(true);
        // The type of a document that is printed as it is stands with its command.
        let mut named = BTreeSet::new();
        let schemas = documents.iter().map(|(_, schema)| schema);
        for schema in schemas.chain(types.values()) {
            collect_names(schema, &mut named);
        }
        types.retain(|name, _| named.contains(name));
        Self { documents, types }
    }

    /// The documents in the order of the commands.
    pub(super) fn documents(&self) -> Vec<Described> {
        let documents = self.documents.iter().map(|(title, schema)| {
            let name = match title.when {
                Some(when) => format!("{}, {when}", title.command),
                None => title.command.to_owned(),
            };
            described(name, schema)
        });
        documents.collect()
    }

    /// The types by name.
    pub(super) fn types(&self) -> Vec<Described> {
        let mut types: Vec<Described> = self
            .types
            .iter()
            .map(|(name, schema)| described(name.clone(), schema))
            .collect();
        types.sort_by(|a, b| a.name.cmp(&b.name));
        types
    }
}

/// JSON Schemas: one for each command, several as alternatives, and the types beside them.
impl Serialize for Outputs {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut documents = Map::new();
        for (title, schema) in &self.documents {
            match documents.get_mut(title.command) {
                None => drop(documents.insert(title.command.to_owned(), schema.clone())),
                Some(other) => *other = json!({ "anyOf": [other.take(), schema] }),
            }
        }
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "documents": documents,
            "$defs": self.types,
        })
        .serialize(to)
    }
}

/// The names of the types that a schema refers to.
fn collect_names(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            names.extend(name_of_type(schema).map(str::to_owned));
            for inner in members.values() {
                collect_names(inner, names);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                collect_names(element, names);
            }
        }
        _ => {}
    }
}

/// The type that a schema stands for.
fn name_of_type(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

fn described(name: String, schema: &Value) -> Described {
    let fields = fields(schema);
    Described {
        choices: choices(schema),
        value: match fields.is_empty() {
            true => kind(schema),
            false => String::new(),
        },
        meaning: meaning(schema),
        fields,
        name,
    }
}

fn fields(schema: &Value) -> Vec<Field> {
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return Vec::new();
    };
    let mut fields: Vec<Field> = properties
        .iter()
        .map(|(name, schema_of_field)| {
            let always = required(schema).any(|other| other == name);
            let kind = kind(schema_of_field);
            Field {
                name: name.clone(),
                // What would be null is left out.
                kind: match kind.strip_suffix(" or null") {
                    Some(kind) if !always => kind.to_owned(),
                    _ => kind,
                },
                always,
                meaning: meaning(schema_of_field),
            }
        })
        .collect();
    // Another crate of the build may make serde_json keep insertion order.
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    fields
}

/// The alternatives of a schema with what each means; none unless all of them say it.
fn choices(schema: &Value) -> Vec<(String, String)> {
    let choices = schema.get("oneOf").and_then(Value::as_array);
    let choices: Vec<(String, String)> = choices
        .into_iter()
        .flatten()
        .map(|choice| (kind(choice), meaning(choice)))
        .collect();
    match choices.iter().any(|(_, meaning)| meaning.is_empty()) {
        true => Vec::new(),
        false => choices,
    }
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}

fn meaning(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str);
    let words: Vec<&str> = text.unwrap_or_default().split_whitespace().collect();
    without_links(&words.join(" "))
}

/// A text without links into the code: their words stay.
fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        out.push_str(before);
        let Some((words, after)) = link.split_once(']') else {
            out.push('[');
            rest = link;
            continue;
        };
        let target = after
            .strip_prefix('(')
            .and_then(|after| after.split_once(')'));
        match target {
            Some((_, after)) => {
                out.push_str(words);
                rest = after;
            }
            None if words.starts_with('`') => {
                out.push_str(words);
                rest = after;
            }
            // The name of a table in the configuration.
            None => {
                out.push('[');
                rest = link;
            }
        }
    }
    out.push_str(rest);
    out
}

/// What a value is, in words; names of types begin with a capital letter.
fn kind(schema: &Value) -> String {
    if let Some(name) = name_of_type(schema) {
        return name.to_owned();
    }
    if let Some(word) = schema.get("const") {
        return word.to_string();
    }
    if let Some(Value::Array(words)) = schema.get("enum") {
        let words: Vec<String> = words.iter().map(Value::to_string).collect();
        return words.join(" or ");
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(Value::Array(choices)) = schema.get(key) {
            let choices: Vec<String> = choices.iter().map(kind).collect();
            return choices.join(" or ");
        }
    }
    let kind_of = |name: &str| match name {
        "string" => match schema.get("format").and_then(Value::as_str) {
            Some("date-time") => "instant".to_owned(),
            Some("date") => "date".to_owned(),
            _ => "text".to_owned(),
        },
        "integer" | "number" => "number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "null" => "null".to_owned(),
        "array" => match (schema.get("prefixItems"), schema.get("items")) {
            (Some(Value::Array(items)), _) => {
                let items: Vec<String> = items.iter().map(kind).collect();
                format!("[{}]", items.join(", "))
            }
            (_, Some(items)) => format!("list of {}", kind(items)),
            _ => "list".to_owned(),
        },
        "object" => match (fields(schema), schema.get("additionalProperties")) {
            (fields, Some(each)) if fields.is_empty() => format!("object of {}", kind(each)),
            (fields, _) => {
                let fields = fields
                    .iter()
                    .map(|field| format!("{}: {}", field.name, field.kind));
                format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
            }
        },
        _ => "value".to_owned(),
    };
    match schema.get("type") {
        Some(Value::String(name)) => kind_of(name),
        Some(Value::Array(names)) => {
            let kinds = names.iter().filter_map(Value::as_str).map(kind_of);
            kinds.collect::<Vec<_>>().join(" or ")
        }
        _ => "value".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_into_the_code_lose_their_targets() {
        for (text, shown) in [
            (
                "see [`State`] and [the head](super::Head)",
                "see `State` and the head",
            ),
            (
                "`keep` in [retention], [0, 1)",
                "`keep` in [retention], [0, 1)",
            ),
        ] {
            assert_eq!(without_links(text), shown);
        }
    }
}
