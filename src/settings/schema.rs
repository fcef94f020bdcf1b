//! What the JSON Schema of settings says, and which part of it is about a value.

use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use crate::similar::nearest;

/// The schemas that a value may follow: `$ref` resolved, `anyOf` and kinds of tables spread out.
pub(crate) fn alternatives<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    if let Some(Value::Array(choices)) = schema.get("anyOf") {
        return choices
            .iter()
            .flat_map(|choice| alternatives(root, choice))
            .collect();
    }
    if let Some(Value::Array(kinds)) = schema.get("oneOf")
        && kinds.iter().all(|kind| kind.get("properties").is_some())
    {
        return kinds.iter().collect();
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
pub(super) fn holds_one_key(schema: &Value) -> bool {
    schema.get("maxProperties").and_then(Value::as_u64) == Some(1)
}

/// The keys that a table must have.
pub(crate) fn required(schema: &Value) -> impl Iterator<Item = &str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}

/// The further demands of a schema (`then`) where the table fulfils its condition (`if`): that
/// certain keys have certain texts. A key with the wrong text counts as having the right one where
/// there is only one.
pub(super) fn condition<'s>(
    root: &Value,
    schema: &'s Value,
    table: &DeTable<'_>,
) -> Option<&'s Value> {
    let Some(Value::Object(texts)) = schema.pointer("/if/properties") else {
        return None;
    };
    let holds = texts.iter().all(|(key, text)| {
        let found = table.iter().find(|(name, _)| name.get_ref() == key);
        let written = found.and_then(|(_, value)| value.get_ref().as_str());
        let wanted = text.get("const").and_then(Value::as_str);
        let property = schema.get("properties").and_then(|all| all.get(key));
        let choices = property.map_or_else(Vec::new, |it| alternatives(root, it));
        let possible: Vec<&str> = choices.iter().flat_map(|choice| words(choice)).collect();
        match written {
            Some(written) if possible.contains(&written) => Some(written) == wanted,
            _ => wanted.is_some_and(|wanted| possible == [wanted]),
        }
    });
    holds.then(|| schema.get("then")).flatten()
}

/// The alternative of a schema that is for values of this kind; of several kinds of tables the one that
/// is meant.
pub(super) fn fitting<'s>(
    root: &'s Value,
    schema: &'s Value,
    value: &DeValue<'_>,
) -> Option<&'s Value> {
    let choices = alternatives(root, schema).into_iter();
    let fit: Vec<&Value> = choices
        .filter(|choice| kind_of(choice) == Some(kind_in_toml(value)))
        .collect();
    match value {
        DeValue::Table(table) => meant_kind(&fit, table),
        _ => fit.first().copied(),
    }
}

/// Of several kinds of tables the one that a table names: exactly, or nearly. A table that names none is
/// taken for the kind that has most of its keys.
fn meant_kind<'s>(kinds: &[&'s Value], table: &DeTable<'_>) -> Option<&'s Value> {
    let words: Vec<&str> = kinds.iter().filter_map(|it| Some(tag_of(it)?.1)).collect();
    let named = kinds.iter().find(|kind| {
        let Some((tag, word)) = tag_of(kind) else {
            return false;
        };
        let written = table.iter().find(|(name, _)| name.get_ref() == tag);
        let written = written.and_then(|(_, value)| value.get_ref().as_str());
        written.is_some_and(|it| it == word || nearest(it, &words) == Some(word))
    });
    let keys_of = |kind: &&&Value| {
        let known = kind.get("properties").and_then(Value::as_object);
        let is_known = |name: &str| known.is_some_and(|known| known.contains_key(name));
        table.keys().filter(|name| is_known(name.get_ref())).count()
    };
    // Of equals the last one is the maximum.
    let likely = || kinds.iter().rev().max_by_key(keys_of);
    named.or_else(likely).copied()
}

/// The key by which one of several kinds of tables is told from the others, and its word.
pub(crate) fn tag_of(table: &Value) -> Option<(&str, &str)> {
    let properties = table.get("properties")?.as_object()?;
    properties.iter().find_map(|(name, schema)| {
        let [word] = schema.get("enum")?.as_array()?.as_slice() else {
            return None;
        };
        Some((name.as_str(), word.as_str()?))
    })
}

/// The same as it is written: `platform = "kestra"`.
pub(crate) fn tag_as_written(table: &Value) -> Option<String> {
    let (tag, word) = tag_of(table)?;
    Some(format!("{tag} = \"{word}\""))
}

/// The words that the tag of a table may be, where `schema` is for several kinds of them.
pub(super) fn tag_words<'s>(root: &'s Value, schema: &'s Value) -> Option<(&'s str, Vec<&'s str>)> {
    let choices = alternatives(root, schema);
    let tags: Vec<(&str, &str)> = choices.iter().filter_map(|it| tag_of(it)).collect();
    let (tag, _) = *tags.first().filter(|_| tags.len() > 1)?;
    Some((tag, tags.iter().map(|(_, word)| *word).collect()))
}

/// The example or the default of a schema, or else of the first of its alternatives that has one.
pub(crate) fn example_of<'s>(schema: &'s Value, alternatives: &[&'s Value]) -> Option<&'s Value> {
    let mut all = std::iter::once(schema).chain(alternatives.iter().copied());
    all.find_map(|schema| {
        let example = schema.get("examples").and_then(|list| list.get(0));
        example.or(schema.get("default"))
    })
}

/// The least value that a schema accepts: its example, else its default, else one made of its parts.
pub(super) fn stand_in(root: &Value, schema: &Value) -> Value {
    let choices = alternatives(root, schema);
    if let Some(value) = example_of(schema, &choices) {
        return value.clone();
    }
    let schema = choices.first().copied().unwrap_or(schema);
    if let Some(word) = words(schema).first() {
        return json!(word);
    }
    match kind_of(schema) {
        Some("object") => {
            let member = |name| {
                let schema = schema.get("properties")?.get(name)?;
                Some((String::from(name), stand_in(root, schema)))
            };
            Value::Object(required(schema).filter_map(member).collect::<Map<_, _>>())
        }
        Some("array") => json!([]),
        Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        _ => json!(""),
    }
}

/// The fixed words that a text may be; none where any text may stand.
pub(crate) fn words(schema: &Value) -> Vec<&str> {
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

pub(crate) fn kind_of(schema: &Value) -> Option<&str> {
    match schema.get("type") {
        Some(kind) => kind.as_str(),
        None if !words(schema).is_empty() => Some("string"),
        None => None,
    }
}

pub(super) fn kind_in_toml(value: &DeValue<'_>) -> &'static str {
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

pub(super) fn in_words(kind: &str) -> &str {
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
