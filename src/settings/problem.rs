//! What can be wrong with a configuration, and where.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::text;

/// One thing that is wrong, or worth a warning, in a configuration file. It never holds the value
/// of a key that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigProblem {
    /// Line of the file, from 1, where it can be told.
    pub line: Option<usize>,
    /// The table as it is written in the file, such as `[lake]` or `[[source]] "kestra-prod"`.
    pub table: Option<String>,
    /// The key inside that table, such as `auth.basic.password`.
    pub key: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    #[serde(rename = "do")]
    pub action: String,
}

impl ConfigProblem {
    /// Where the problem is, in words: ``line 14, `settle` in [[source]] "kestra-prod"``.
    pub fn place(&self) -> String {
        let mut text = match self.line {
            Some(line) => format!("line {line}"),
            None => String::new(),
        };
        let comma = if text.is_empty() { "" } else { ", " };
        match (&self.key, &self.table) {
            (Some(key), Some(table)) => text.push_str(&format!("{comma}`{key}` in {table}")),
            (Some(key), None) => text.push_str(&format!("{comma}`{key}`")),
            (None, Some(table)) => text.push_str(&format!("{comma}{table}")),
            (None, None) => {}
        }
        text
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place() {
            place if place.is_empty() => f.write_str(&self.what),
            place => write!(f, "{place}: {}", self.what),
        }
    }
}

/// One step from a table to a value inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PlaceStep {
    Key(String),
    Index(usize),
}

/// The way from the top of a document to a value in it, which need not exist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SettingPlace(Vec<PlaceStep>);

impl SettingPlace {
    /// The place of a top-level key.
    pub(crate) fn at(key: &str) -> Self {
        Self::default().key(key)
    }

    /// The place of `key` in the table at this place.
    pub(crate) fn key(&self, key: &str) -> Self {
        self.with(PlaceStep::Key(key.to_owned()))
    }

    /// The place of one element of the list at this place.
    pub(crate) fn index(&self, index: usize) -> Self {
        self.with(PlaceStep::Index(index))
    }

    /// The keys that lead here, without places in lists: `redaction.rule`.
    pub(crate) fn keys(&self) -> String {
        let keys = self.0.iter().filter_map(|step| match step {
            PlaceStep::Key(key) => Some(key.as_str()),
            PlaceStep::Index(_) => None,
        });
        keys.collect::<Vec<_>>().join(".")
    }

    /// Whether this place is `other` or lies inside it.
    pub(crate) fn is_in(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Puts a value at this place of a JSON document, or takes away what is there.
    pub(crate) fn put(&self, document: &mut Value, value: Option<Value>) {
        let Some((last, parents)) = self.0.split_last() else {
            return;
        };
        let mut at = document;
        for step in parents {
            let inner = match (step, at) {
                (PlaceStep::Key(key), Value::Object(members)) => members.get_mut(key),
                (PlaceStep::Index(index), Value::Array(elements)) => elements.get_mut(*index),
                _ => None,
            };
            let Some(inner) = inner else { return };
            at = inner;
        }
        match (last, at, value) {
            (PlaceStep::Key(key), Value::Object(members), Some(value)) => {
                members.insert(key.clone(), value);
            }
            (PlaceStep::Key(key), Value::Object(members), None) => {
                members.remove(key);
            }
            (PlaceStep::Index(index), Value::Array(elements), Some(value)) => {
                if let Some(element) = elements.get_mut(*index) {
                    *element = value;
                }
            }
            _ => {}
        }
    }

    fn with(&self, step: PlaceStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

/// A parsed TOML file that still knows where everything was written.
pub(crate) struct SettingsDocument<'t> {
    text: &'t str,
    removed: Vec<SettingPlace>,
    /// The tables, as parsed.
    pub(crate) root: Spanned<DeTable<'t>>,
}

impl<'t> SettingsDocument<'t> {
    /// Parses a file.
    ///
    /// # Errors
    /// All errors of syntax. They repeat nothing of the file, since the broken line may hold what
    /// was meant as a secret.
    pub(crate) fn parse(text: &'t str) -> Result<Self, Vec<ConfigProblem>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Ok(Self {
                text,
                removed: Vec::new(),
                root,
            });
        }
        let mut problems: Vec<ConfigProblem> = errors
            .iter()
            .map(|error| ConfigProblem {
                line: error.span().map(|span| line_of(text, span.start)),
                table: None,
                key: None,
                what: match error
                    .span()
                    .and_then(|span| foreign_character(text, span.start))
                {
                    Some(found) => {
                        format!("not valid TOML: {}; {found}", one_line(error.message()))
                    }
                    None => format!("not valid TOML: {}", one_line(error.message())),
                },
                action: "fix the line; https://toml.io shows the syntax".to_owned(),
            })
            .collect();
        // One slip often spoils several tokens of its line; the first complaint is the useful one.
        problems.dedup_by_key(|problem| problem.line);
        Err(problems)
    }

    /// Describes a problem at `place`.
    pub(crate) fn problem(
        &self,
        place: &SettingPlace,
        what: impl Into<String>,
        action: impl Into<String>,
    ) -> ConfigProblem {
        let (table, key) = self.name(place);
        ConfigProblem {
            line: self.line(place),
            table,
            key,
            what: what.into(),
            action: action.into(),
        }
    }

    /// Takes the key at `place` out of the document.
    pub(crate) fn remove(&mut self, place: &SettingPlace) {
        self.take(place);
        self.removed.push(place.clone());
    }

    /// Whether a key inside the table at `place` was taken out.
    pub(crate) fn lost_a_key_in(&self, place: &SettingPlace) -> bool {
        self.removed.iter().any(|removed| removed.is_in(place))
    }

    /// Gives the key at `place` another name; its line stays.
    pub(crate) fn rename(&mut self, place: &SettingPlace, name: &str) {
        if let Some((table, (key, value))) = self.take(place) {
            table.insert(Spanned::new(key.span(), name.to_owned().into()), value);
        }
    }

    /// Takes a key out of its table, and returns both.
    fn take(&mut self, place: &SettingPlace) -> Option<(&mut DeTable<'t>, DocumentEntry<'t>)> {
        let (PlaceStep::Key(last), parents) = place.0.split_last()? else {
            return None;
        };
        let mut table = self.root.get_mut();
        let mut steps = parents.iter();
        while let Some(step) = steps.next() {
            let PlaceStep::Key(key) = step else {
                return None;
            };
            let (_, value) = table.iter_mut().find(|(name, _)| name.get_ref() == key)?;
            let mut value = value.get_mut();
            while let DeValue::Array(list) = value {
                let PlaceStep::Index(index) = steps.next()? else {
                    return None;
                };
                value = list.get_mut(*index)?.get_mut();
            }
            let DeValue::Table(inner) = value else {
                return None;
            };
            table = inner;
        }
        let entry = table.remove_entry(last.as_str())?;
        Some((table, entry))
    }

    /// The document as JSON, which has no dates: a date becomes text.
    pub(crate) fn to_json(&self) -> Value {
        table_to_json(self.root.get_ref())
    }

    /// The line of the deepest part of `place` that exists; none where not even its table does.
    fn line(&self, place: &SettingPlace) -> Option<usize> {
        let mut table = Some(self.root.get_ref());
        let mut list: Option<&[Spanned<DeValue<'_>>]> = None;
        let mut start = None;
        for step in &place.0 {
            let value = match step {
                PlaceStep::Key(key) => {
                    let found = table
                        .and_then(|table| table.iter().find(|(name, _)| name.get_ref() == key));
                    let Some((name, value)) = found else { break };
                    start = Some(name.span().start);
                    value
                }
                PlaceStep::Index(index) => {
                    let Some(value) = list.and_then(|list| list.get(*index)) else {
                        break;
                    };
                    start = Some(value.span().start);
                    value
                }
            };
            (table, list) = match value.get_ref() {
                DeValue::Table(inner) => (Some(inner), None),
                DeValue::Array(inner) => (None, Some(inner.as_ref())),
                _ => (None, None),
            };
        }
        start.map(|start| line_of(self.text, start))
    }

    /// Names `place` as a reader of the file would: its header and the rest of the way.
    fn name(&self, place: &SettingPlace) -> (Option<String>, Option<String>) {
        let mut table = self.root.get_ref();
        let mut header: Vec<&str> = Vec::new();
        let mut title = None;
        let mut used = 0;
        let steps = &place.0;
        // A header takes tables of the top level and lists of tables, at any depth.
        while let Some(PlaceStep::Key(key)) = steps.get(used) {
            let value = table
                .iter()
                .find(|(name, _)| name.get_ref() == key)
                .map(|(_, value)| value.get_ref());
            match (steps.get(used + 1), value) {
                (Some(PlaceStep::Index(index)), Some(DeValue::Array(list))) => {
                    let Some(DeValue::Table(inner)) = list.get(*index).map(Spanned::get_ref) else {
                        break;
                    };
                    header.push(key);
                    title = Some(format!("[[{}]] {}", header.join("."), label(inner, *index)));
                    table = inner;
                    used += 2;
                }
                (None, Some(DeValue::Array(list))) if used == 0 && is_tables(list) => {
                    title = Some(format!("[[{key}]]"));
                    used += 1;
                }
                (_, Some(DeValue::Table(inner))) if used == 0 => {
                    header.push(key);
                    title = Some(format!("[{key}]"));
                    table = inner;
                    used += 1;
                }
                _ => break,
            }
        }
        let mut rest = String::new();
        for step in &steps[used..] {
            match step {
                PlaceStep::Key(key) => {
                    if !rest.is_empty() {
                        rest.push('.');
                    }
                    rest.push_str(key);
                }
                PlaceStep::Index(index) => rest.push_str(&format!("[{}]", index + 1)),
            }
        }
        (title, (!rest.is_empty()).then_some(rest))
    }
}

/// A key with its value.
type DocumentEntry<'t> = (Spanned<DeString<'t>>, Spanned<DeValue<'t>>);

fn table_to_json(table: &DeTable<'_>) -> Value {
    let members = table.iter().map(|(name, value)| {
        let name = name.get_ref().to_string();
        (name, to_json(value.get_ref()))
    });
    Value::Object(members.collect())
}

fn to_json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            json!(i64::from_str_radix(&digits, number.radix()).ok())
        }
        DeValue::Float(number) => json!(number.as_str().parse::<f64>().ok()),
        DeValue::Boolean(truth) => json!(truth),
        DeValue::Datetime(time) => json!(time.to_string()),
        DeValue::Array(list) => list.iter().map(|it| to_json(it.get_ref())).collect(),
        DeValue::Table(table) => table_to_json(table),
    }
}

/// Names a character that no TOML syntax has, in the line of the byte `offset`.
fn foreign_character(text: &str, offset: usize) -> Option<String> {
    let line = text.lines().nth(line_of(text, offset).checked_sub(1)?)?;
    let mut characters = line.chars().enumerate();
    characters.find_map(|(index, c)| {
        let name = text::look_alike(c)?;
        Some(format!("column {} has {name}", index + 1))
    })
}

fn is_tables(list: &[Spanned<DeValue<'_>>]) -> bool {
    !list.is_empty() && list.iter().all(|element| element.get_ref().is_table())
}

/// Names one table of a list: by its id or name where that is short text, else by its number.
fn label(table: &DeTable<'_>, index: usize) -> String {
    let id = table
        .iter()
        .find(|(name, _)| matches!(name.get_ref().as_ref(), "id" | "name"))
        .and_then(|(_, value)| value.get_ref().as_str())
        .filter(|id| !id.is_empty() && id.len() <= 63);
    match id {
        Some(id) => format!("\"{id}\""),
        None => format!("number {}", index + 1),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    memchr::memchr_iter(b'\n', before).count() + 1
}

fn one_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"version = 1
[lake]
url = "file:///tmp"

[[source]]
id = "a"
auth = { bearer = { env = "X" } }
tenants = ["main", "second"]

[[source]]
url = "http://x"

[[redaction.rule]]
action = "drop"
"#;

    fn named(place: &SettingPlace) -> String {
        SettingsDocument::parse(TEXT)
            .unwrap()
            .problem(place, "wrong", "fix it")
            .to_string()
    }

    #[test]
    fn places_are_named_as_they_are_written() {
        let first = SettingPlace::at("source").index(0);
        let rule = SettingPlace::at("redaction").key("rule").index(0);
        for (place, text) in [
            (SettingPlace::at("version"), "line 1, `version`: wrong"),
            (SettingPlace::at("lake"), "line 2, [lake]: wrong"),
            (
                SettingPlace::at("lake").key("url"),
                "line 3, `url` in [lake]: wrong",
            ),
            (
                SettingPlace::at("lake").key("gone"),
                "line 2, `gone` in [lake]: wrong",
            ),
            (SettingPlace::at("signing"), "`signing`: wrong"),
            (SettingPlace::at("source"), "line 5, [[source]]: wrong"),
            (first.clone(), "line 5, [[source]] \"a\": wrong"),
            (
                first.key("auth").key("bearer").key("env"),
                "line 7, `auth.bearer.env` in [[source]] \"a\": wrong",
            ),
            (
                first.key("tenants").index(1),
                "line 8, `tenants[2]` in [[source]] \"a\": wrong",
            ),
            (
                SettingPlace::at("source").index(1).key("id"),
                "line 10, `id` in [[source]] number 2: wrong",
            ),
            (
                rule.key("action"),
                "line 14, `action` in [[redaction.rule]] number 1: wrong",
            ),
            (rule, "line 13, [[redaction.rule]] number 1: wrong"),
        ] {
            assert_eq!(named(&place), text);
        }
    }

    #[test]
    fn a_key_can_be_taken_out_at_any_depth() {
        let mut document = SettingsDocument::parse(TEXT).unwrap();
        let bearer = SettingPlace::at("source")
            .index(0)
            .key("auth")
            .key("bearer");
        document.remove(&bearer);
        document.remove(&SettingPlace::at("lake"));
        document.remove(&SettingPlace::at("nowhere").index(3).key("x"));
        assert_eq!(document.line(&SettingPlace::at("lake")), None);
        let text = format!("{:?}", document.root);
        assert!(!text.contains("bearer") && text.contains("tenants"));
    }

    #[test]
    fn syntax_errors_do_not_repeat_the_file() {
        let problems = SettingsDocument::parse("version = 1\ntoken = s3cret\nx = \n")
            .err()
            .unwrap();
        assert_eq!(
            problems.iter().map(|p| p.line).collect::<Vec<_>>(),
            [Some(2), Some(3)]
        );
        assert!(problems.iter().all(|p| !p.to_string().contains("s3cret")));
    }
}
