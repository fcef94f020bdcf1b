//! Compares a TOML document with the JSON Schema of the configuration: missing keys and values of
//! the wrong kind, all of them in one reading.
//!
//! Serde alone would stop at the first one, and its messages repeat values, which may be secrets.
//! What is wrong is replaced by an example from the schema, so that everything else can still be
//! checked; the checks ignore the replaced places.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::inline::as_toml;
use super::problem::{ConfigProblem, SettingPlace, SettingsDocument};
use super::schema::{
    alternatives, condition, example_of, fitting, holds_one_key, in_words, kind_in_toml, kind_of,
    required, stand_in, tag_words, words,
};
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
            let each = schema.get("additionalProperties");
            // `true` is for values of any kind.
            if let Some(each) = each.filter(|each| each.is_object()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
