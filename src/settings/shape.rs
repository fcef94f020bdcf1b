//! Compares a TOML document with the JSON Schema of the configuration: missing keys and values of
//! the wrong kind, all of them in one reading.
//!
//! Serde alone would stop at the first one, and its messages repeat values, which may be secrets.
//! What is wrong is replaced by an example from the schema, so that everything else can still be
//! checked; the checks ignore the replaced places.

use serde_json::{Map, Value, json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::inline::as_toml;
use super::problem::{ConfigProblem, SettingPlace, SettingsDocument};
use crate::similar::nearest;

/// What the comparison found.
pub(crate) struct Shape {
    /// Everything that is wrong.
    pub(crate) problems: Vec<ConfigProblem>,
    /// Places whose value is wrong or missing, and what stands in for it while the rest is checked;
    /// `None` where the place has to be left out.
    pub(crate) stand_ins: Vec<(SettingPlace, Option<Value>)>,
}

/// Compares `document`, in which every key is known, with `schema`.
pub(crate) fn compare(document: &SettingsDocument<'_>, schema: &Value) -> Shape {
    let mut walk = ShapeWalk {
        document,
        root: schema,
        shape: Shape {
            problems: Vec::new(),
            stand_ins: Vec::new(),
        },
        tags: Vec::new(),
    };
    walk.table(document.root.get_ref(), schema, &SettingPlace::default());
    walk.shape
}

struct ShapeWalk<'d, 't> {
    document: &'d SettingsDocument<'t>,
    root: &'d Value,
    shape: Shape,
    /// Tags of tables of several kinds, and what each may be.
    tags: Vec<(SettingPlace, Vec<&'d str>)>,
}

impl<'d> ShapeWalk<'d, '_> {
    fn report(&mut self, place: &SettingPlace, what: impl Into<String>, action: impl Into<String>) {
        let problem = self.document.problem(place, what, action);
        self.shape.problems.push(problem);
    }

    /// Lets an example stand in for what is wrong at `place`.
    fn stand_in(&mut self, place: &SettingPlace, schema: &Value) {
        let value = stand_in(self.root, schema);
        self.shape.stand_ins.push((place.clone(), Some(value)));
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, schema: &'d Value, place: &SettingPlace) {
        let value = value.get_ref();
        let written = schema;
        let Some(schema) = fitting(self.root, schema, value) else {
            let choices = alternatives(self.root, schema);
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
            self.stand_in(place, schema);
            return self.report(place, what, action);
        };
        match value {
            DeValue::Table(table) => {
                if let Some((tag, words)) = tag_words(self.root, written) {
                    self.tags.push((place.key(tag), words));
                }
                self.table(table, schema, place);
            }
            DeValue::Array(list) => {
                if let Some(items) = schema.get("items") {
                    for (index, element) in list.iter().enumerate() {
                        self.value(element, items, &place.index(index));
                    }
                }
                if list.is_empty() && schema.get("minItems").is_some() {
                    let action = self.example(schema, place);
                    self.stand_in(place, written);
                    self.report(place, "is an empty list", action);
                }
            }
            DeValue::String(text) => {
                let words = self
                    .tag_at(place)
                    .map_or_else(|| words(schema), <[&str]>::to_vec);
                if !words.is_empty() && !words.contains(&text.as_ref()) {
                    let list = words.join(", ");
                    let action = match nearest(text, &words) {
                        Some(near) => format!("write \"{near}\""),
                        None if words.len() == 1 => format!("write \"{list}\""),
                        None => format!("write one of: {list}"),
                    };
                    self.stand_in(place, written);
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
                    self.stand_in(place, written);
                    self.report(place, "is out of range", format!("write {range}"));
                }
            }
            _ => {}
        }
    }

    fn table(&mut self, table: &DeTable<'_>, schema: &'d Value, place: &SettingPlace) {
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
        for (name, value) in table.iter() {
            let name = name.get_ref().as_ref();
            if let Some(schema) = known.get(name) {
                present.push(name);
                self.value(value, schema, &place.key(name));
            }
        }
        let condition = condition(self.root, schema, table);
        for name in [Some(schema), condition]
            .into_iter()
            .flatten()
            .flat_map(required)
        {
            if !present.contains(&name) {
                let inner = place.key(name);
                let action = match (known.get(name), self.tag_at(&inner)) {
                    (Some(schema), Some(words)) => {
                        let tags = words.iter().map(|word| format!("{name} = \"{word}\""));
                        let tags = tags.collect::<Vec<_>>().join(", ");
                        self.stand_in(&inner, schema);
                        format!("add one of: {tags}")
                    }
                    (Some(schema), None) => {
                        self.stand_in(&inner, schema);
                        self.example(schema, &inner).replacen("write", "add", 1)
                    }
                    (None, _) => format!("add `{name}`"),
                };
                self.report(&inner, "is missing", action);
            }
        }
        if let Some(Value::Array(choices)) = condition.and_then(|then| then.get("anyOf")) {
            let choices: Vec<&str> = choices.iter().flat_map(required).collect();
            if !choices.iter().any(|name| present.contains(name)) {
                if let Some((name, schema)) = choices
                    .first()
                    .and_then(|name| known.get(*name).map(|schema| (*name, schema)))
                {
                    self.stand_in(&place.key(name), schema);
                }
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
        if schema.get("minProperties").and_then(Value::as_u64) == Some(1) && present.is_empty() {
            self.stand_in(place, schema);
            // A key that no such table has was reported, with what to write instead.
            if self.document.lost_a_key_in(place) {
                return;
            }
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
                format!("has `{both}`, which exclude each other"),
                format!("keep exactly one of: {list}"),
            );
        }
        for name in &present {
            let beside = schema.get("dependentSchemas").and_then(|all| all.get(name));
            if beside.is_some_and(holds_one_key) && present.len() > 1 {
                let others: Vec<&str> = present.iter().copied().filter(|it| it != name).collect();
                self.shape.stand_ins.push((place.key(name), None));
                let others = others.join("` and `");
                self.report(
                    &place.key(name),
                    format!("cannot be combined with `{others}`"),
                    format!("remove it, or remove `{others}`"),
                );
            }
        }
    }

    /// What the tag at `place` may be, where it tells kinds of tables apart.
    fn tag_at(&self, place: &SettingPlace) -> Option<&[&'d str]> {
        let tag = self.tags.iter().find(|(tag, _)| tag == place);
        tag.map(|(_, words)| words.as_slice())
    }

    /// Says what to write at `place`, from the examples or the default in the schema.
    fn example(&self, schema: &Value, place: &SettingPlace) -> String {
        let resolved = alternatives(self.root, schema);
        let example = example_of(schema, &resolved);
        let key = self.document.problem(place, "", "").key.unwrap_or_default();
        let name = key.rsplit('.').next().unwrap_or_default();
        match example {
            Some(example) if name.is_empty() || name.ends_with(']') => {
                format!("write for example {}", as_toml(example))
            }
            Some(example) => format!("write for example {name} = {}", as_toml(example)),
            None if kind_of(resolved.first().unwrap_or(&schema)) == Some("array") => {
                format!("write a table [[{name}]]")
            }
            None => format!("write a table [{name}]"),
        }
    }
}

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
pub(crate) fn holds_one_key(schema: &Value) -> bool {
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
fn condition<'s>(root: &Value, schema: &'s Value, table: &DeTable<'_>) -> Option<&'s Value> {
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
pub(crate) fn fitting<'s>(
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
fn tag_words<'s>(root: &'s Value, schema: &'s Value) -> Option<(&'s str, Vec<&'s str>)> {
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
fn stand_in(root: &Value, schema: &Value) -> Value {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        let table = |name: &str, own: &str| {
            json!({
                "type": "object",
                "properties": {
                    "kind": { "type": "string", "enum": [name] },
                    own: { "type": "integer", "examples": [1] },
                },
                "required": ["kind", own],
            })
        };
        let tables = [table("one", "a"), table("two", "b")];
        json!({ "properties": { "it": { "type": "array", "items": { "oneOf": tables } } } })
    }

    fn problems(text: &str) -> Vec<String> {
        let document = SettingsDocument::parse(text).unwrap();
        let shape = compare(&document, &schema());
        shape
            .problems
            .iter()
            .map(ConfigProblem::to_string)
            .collect()
    }

    #[test]
    fn a_table_is_compared_with_the_kind_that_it_names() {
        assert!(
            problems("[[it]]\nkind = \"one\"\na = 1\n[[it]]\nkind = \"two\"\nb = 1").is_empty()
        );
        assert_eq!(
            problems("[[it]]\nkind = \"two\""),
            ["line 1, `b` in [[it]] number 1: is missing"]
        );
        assert_eq!(
            problems("[[it]]\nkind = \"twi\"\nb = 1"),
            ["line 2, `kind` in [[it]] number 1: is not one of: one, two"]
        );
        assert_eq!(
            problems("[[it]]\nkind = \"three\"\nb = true"),
            [
                "line 3, `b` in [[it]] number 1: must be a whole number, not true or false",
                "line 2, `kind` in [[it]] number 1: is not one of: one, two"
            ]
        );
    }

    #[test]
    fn the_kinds_are_named_where_a_table_names_none() {
        let document = SettingsDocument::parse("[[it]]\nb = 1").unwrap();
        let shape = compare(&document, &schema());
        let [problem] = shape.problems.as_slice() else {
            panic!("{:?}", shape.problems);
        };
        assert_eq!(problem.key.as_deref(), Some("kind"));
        assert_eq!(problem.action, "add one of: kind = \"one\", kind = \"two\"");
    }
}
