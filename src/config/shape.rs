//! Compares a TOML document with the JSON Schema of the configuration: unknown keys, missing keys
//! and values of the wrong kind, all of them in one reading.
//!
//! Serde alone would stop at the first one, and its messages repeat values, which may be secrets.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Document, Place, Problem};
use crate::similar::nearest;

/// What the comparison found.
pub(super) struct Shape {
    /// Everything that is wrong.
    pub(super) problems: Vec<Problem>,
    /// The places of unknown keys; without these the document may still be read.
    pub(super) unknown: Vec<Place>,
    /// Whether the document can be read once its unknown keys are gone.
    pub(super) readable: bool,
}

/// Compares `document` with `schema`.
pub(super) fn compare(document: &Document<'_>, schema: &Value) -> Shape {
    let mut walk = Walk {
        document,
        root: schema,
        shape: Shape {
            problems: Vec::new(),
            unknown: Vec::new(),
            readable: true,
        },
    };
    walk.table(document.root.get_ref(), schema, &Place::default());
    walk.shape
}

struct Walk<'d, 't> {
    document: &'d Document<'t>,
    root: &'d Value,
    shape: Shape,
}

impl<'d> Walk<'d, '_> {
    fn report(&mut self, place: &Place, what: impl Into<String>, action: impl Into<String>) {
        let problem = self.document.problem(place, what, action);
        self.shape.problems.push(problem);
        self.shape.readable = false;
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, schema: &'d Value, place: &Place) {
        let value = value.get_ref();
        let choices = alternatives(self.root, schema);
        let Some(schema) = choices
            .iter()
            .copied()
            .find(|choice| kind_of(choice) == Some(kind_in_toml(value)))
        else {
            let kinds: Vec<&str> = choices
                .iter()
                .filter_map(|c| kind_of(c))
                .map(in_words)
                .collect();
            let what = format!(
                "must be {}, not {}",
                kinds.join(" or "),
                in_words(kind_in_toml(value))
            );
            let action = self.example(schema, place);
            return self.report(place, what, action);
        };
        match value {
            DeValue::Table(table) => self.table(table, schema, place),
            DeValue::Array(list) => {
                if let Some(items) = schema.get("items") {
                    for (index, element) in list.iter().enumerate() {
                        self.value(element, items, &place.index(index));
                    }
                }
                if list.is_empty() && schema.get("minItems").is_some() {
                    let action = self.example(schema, place);
                    self.report(place, "is an empty list", action);
                }
            }
            DeValue::String(text) => {
                let words = words(schema);
                if !words.is_empty() && !words.contains(&text.as_ref()) {
                    let list = words.join(", ");
                    let action = match nearest(text, &words) {
                        Some(near) => format!("write \"{near}\""),
                        None => format!("write one of: {list}"),
                    };
                    self.report(place, format!("is not one of: {list}"), action);
                }
            }
            DeValue::Integer(number) => {
                let digits = number.as_str().replace('_', "");
                let number = i64::from_str_radix(&digits, number.radix()).ok();
                let bound = |key| schema.get(key).and_then(Value::as_i64);
                let (least, most) = (bound("minimum"), bound("maximum"));
                let low = number.is_none_or(|n| least.is_some_and(|least| n < least));
                let high = number.is_none_or(|n| most.is_some_and(|most| n > most));
                if low || high {
                    let range = match (least, most) {
                        (Some(least), Some(most)) if least == most => format!("{least}"),
                        (Some(least), Some(most)) => format!("a number from {least} to {most}"),
                        (Some(least), None) => format!("a number from {least}"),
                        _ => "a smaller number".to_owned(),
                    };
                    self.report(place, "is out of range", format!("write {range}"));
                }
            }
            _ => {}
        }
    }

    fn table(&mut self, table: &DeTable<'_>, schema: &'d Value, place: &Place) {
        let Some(Value::Object(known)) = schema.get("properties") else {
            if let Some(each) = schema.get("additionalProperties") {
                for (name, value) in table.iter() {
                    self.value(value, each, &place.key(name.get_ref()));
                }
            }
            return;
        };
        let mut names: Vec<&str> = known.keys().map(String::as_str).collect();
        // Another crate of the build may make serde_json keep insertion order.
        names.sort_unstable();
        let mut present = Vec::new();
        let mut meant = Vec::new();
        for (name, value) in table.iter() {
            let name = name.get_ref().as_ref();
            let inner = place.key(name);
            match known.get(name) {
                Some(schema) => {
                    present.push(name);
                    self.value(value, schema, &inner);
                }
                None => {
                    let top = *place == Place::default();
                    meant.extend(self.unknown(name, value.get_ref(), &names, top, inner));
                }
            }
        }
        let condition = condition(schema, table);
        for name in [Some(schema), condition]
            .into_iter()
            .flatten()
            .flat_map(required)
        {
            if meant.contains(&name) {
                // Reported as a mistyped key; that the right one is missing says the same again.
                self.shape.readable = false;
            } else if !present.contains(&name) {
                let inner = place.key(name);
                let action = match known.get(name) {
                    Some(schema) => self.example(schema, &inner).replacen("write", "add", 1),
                    None => format!("add `{name}`"),
                };
                self.report(&inner, "is missing", action);
            }
        }
        if let Some(Value::Array(choices)) = condition.and_then(|then| then.get("anyOf")) {
            let choices: Vec<&str> = choices.iter().flat_map(required).collect();
            if !choices
                .iter()
                .any(|name| present.contains(name) || meant.contains(name))
            {
                let list = choices.join(", ");
                self.report(
                    place,
                    format!("needs one of: {list}"),
                    format!("add one of: {list}"),
                );
            }
        }
        let list = names.join(", ");
        let only_one = holds_one_key(schema);
        if schema.get("minProperties").and_then(Value::as_u64) == Some(1)
            && present.is_empty()
            && meant.is_empty()
        {
            let how_many = if only_one { "exactly" } else { "at least" };
            self.report(
                place,
                format!("needs one of: {list}"),
                format!("write {how_many} one of: {list}"),
            );
        } else if only_one && present.len() > 1 {
            let both = present.join("` and `");
            self.report(
                place,
                format!("has `{both}`, of which only one can hold"),
                format!("keep exactly one of: {list}"),
            );
        }
        for name in &present {
            let beside = schema.get("dependentSchemas").and_then(|all| all.get(name));
            if beside.is_some_and(holds_one_key) && present.len() > 1 {
                let others: Vec<&str> = present.iter().copied().filter(|it| it != name).collect();
                self.report(
                    &place.key(name),
                    format!("cannot stand beside `{}`", others.join("` and `")),
                    "remove it, or what stands beside it",
                );
            }
        }
    }

    /// Reports an unknown key and returns the one that was probably meant.
    fn unknown<'n>(
        &mut self,
        name: &str,
        value: &DeValue<'_>,
        names: &[&'n str],
        top: bool,
        place: Place,
    ) -> Option<&'n str> {
        let what = match value {
            DeValue::Table(_) if top => "unknown table",
            DeValue::Array(list) if top && list.iter().all(|e| e.get_ref().is_table()) => {
                "unknown table"
            }
            _ => "unknown key",
        };
        let near = nearest(name, names);
        let action = match near {
            Some(near) => format!("write `{near}`, or remove it"),
            None => format!("remove it; known here: {}", names.join(", ")),
        };
        let problem = self.document.problem(&place, what, action);
        self.shape.problems.push(problem);
        self.shape.unknown.push(place);
        near
    }

    /// Says what to write at `place`, from the examples or the default in the schema.
    fn example(&self, schema: &Value, place: &Place) -> String {
        let resolved = alternatives(self.root, schema);
        let find = |schema: &Value| {
            let example = schema.get("examples").and_then(|list| list.get(0));
            example.or(schema.get("default")).cloned()
        };
        let example = find(schema).or_else(|| resolved.iter().find_map(|choice| find(choice)));
        let key = self.document.problem(place, "", "").key.unwrap_or_default();
        let name = key.rsplit('.').next().unwrap_or_default();
        match example {
            Some(example) if name.is_empty() || name.ends_with(']') => {
                format!("write for example {}", as_toml(&example))
            }
            Some(example) => format!("write for example {name} = {}", as_toml(&example)),
            None if kind_of(resolved.first().unwrap_or(&schema)) == Some("array") => {
                format!("write a table [[{name}]]")
            }
            None => format!("write a table [{name}]"),
        }
    }
}

/// The schemas that a value may follow: `$ref` resolved, `anyOf` spread out.
pub(super) fn alternatives<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    if let Some(Value::Array(choices)) = schema.get("anyOf") {
        return choices
            .iter()
            .flat_map(|choice| alternatives(root, choice))
            .collect();
    }
    let target = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|name| root.pointer(name.trim_start_matches('#')));
    match target {
        Some(target) => alternatives(root, target),
        None => vec![schema],
    }
}

/// Whether a table may have only one of its keys.
fn holds_one_key(schema: &Value) -> bool {
    schema.get("maxProperties").and_then(Value::as_u64) == Some(1)
}

/// The keys that a table must have.
fn required(schema: &Value) -> impl Iterator<Item = &str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}

/// The further demands of a schema (`then`) where the table fulfils its condition (`if`): that
/// certain keys have certain texts.
fn condition<'s>(schema: &'s Value, table: &DeTable<'_>) -> Option<&'s Value> {
    let Some(Value::Object(texts)) = schema.pointer("/if/properties") else {
        return None;
    };
    let holds = texts.iter().all(|(key, text)| {
        let found = table.iter().find(|(name, _)| name.get_ref() == key);
        let written = found.and_then(|(_, value)| value.get_ref().as_str());
        written.is_some() && written == text.get("const").and_then(Value::as_str)
    });
    holds.then(|| schema.get("then")).flatten()
}

/// The fixed words that a text may be; none where any text may stand.
pub(super) fn words(schema: &Value) -> Vec<&str> {
    let of = |key: &str| {
        schema
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    of("enum")
        .chain(of("oneOf").filter_map(|choice| choice.get("const")))
        .filter_map(Value::as_str)
        .collect()
}

fn kind_of(schema: &Value) -> Option<&str> {
    match schema.get("type") {
        Some(kind) => kind.as_str(),
        None if !words(schema).is_empty() => Some("string"),
        None => None,
    }
}

fn kind_in_toml(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "string",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "datetime",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "object",
    }
}

fn in_words(kind: &str) -> &str {
    match kind {
        "string" => "text in quotes",
        "integer" => "a whole number",
        "number" => "a number with a fraction",
        "boolean" => "true or false",
        "datetime" => "a date without quotes",
        "array" => "a list",
        "object" => "a table",
        other => other,
    }
}

/// Writes a JSON value as TOML, on one line.
pub(super) fn as_toml(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{key} = {}", as_toml(value)))
                .collect();
            members.sort_unstable();
            if members.is_empty() {
                return "{}".to_owned();
            }
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(as_toml).collect();
            format!("[{}]", elements.join(", "))
        }
        // JSON text, numbers and truth values are written the same way in TOML.
        other => other.to_string(),
    }
}
