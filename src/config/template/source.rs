//! The first `[[source]]`: what was chosen, and everything else as a comment, with what the schema says of it.

use std::fmt::{self, Write};

use serde_json::{Map, Value};

use crate::config::json_schema;
use crate::config::reference::{description, sentences};
use crate::settings::inline::{as_toml, toml_key};
use crate::settings::problem::SettingsDocument;
use crate::settings::schema::{alternatives, example_of, kind_of, required};
use crate::source::platform::{FEED_SETTINGS, RegisteredPlatform};

/// Longest line of a comment above a setting, and of a value on one line.
const WIDTH: usize = 100;

/// Where comments beside settings begin.
const BESIDE: usize = 26;

/// What is said of secrets where one is named.
const SECRETS: &str = " Secrets are never written here, only where they are: { env } or { file }.";

/// The settings of a first `[[source]]` as far as somebody has chosen them.
#[derive(Debug, Clone)]
pub struct SourceChoices {
    platform: &'static RegisteredPlatform,
    settings: Map<String, Value>,
}

/// Why a setting cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// It, a part of it or what it is a part of was chosen before.
    #[error("`{0}` is set twice")]
    Twice(String),
    /// The key is not one of TOML.
    #[error("`{0}` is not a key")]
    NotAKey(String),
    /// The value begins as one of TOML does and is none.
    #[error("the value of `{0}` is not valid TOML")]
    NotAValue(String),
    /// The platform is chosen before its settings are.
    #[error("`platform` is not set like this")]
    Platform,
}

impl SourceChoices {
    /// Nothing but the platform.
    pub fn new(platform: &'static RegisteredPlatform) -> Self {
        Self {
            platform,
            settings: Map::new(),
        }
    }

    /// The platform.
    pub fn platform(&self) -> &'static RegisteredPlatform {
        self.platform
    }

    /// Whether this setting, with a dot before each key of an inner table, is chosen, or what it is a part of as
    /// something else than a table.
    pub fn has(&self, setting: &str) -> bool {
        let mut keys = setting.split('.');
        let mut at = keys.next().and_then(|key| self.settings.get(key));
        for key in keys {
            at = match at {
                Some(Value::Object(members)) => members.get(key),
                other => return other.is_some(),
            };
        }
        at.is_some()
    }

    /// All settings that are chosen.
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }

    /// Chooses a value.
    ///
    /// # Errors
    /// [`ChoiceError::Twice`].
    pub fn set(&mut self, setting: &str, value: Value) -> Result<(), ChoiceError> {
        let path: Vec<String> = setting.split('.').map(str::to_owned).collect();
        self.set_at(&path, value)
    }

    /// Chooses what a text means, at a key as TOML writes it. A text that is a value of TOML is that value; any
    /// other is itself, and so is each that is not in quotes where the setting takes text only.
    ///
    /// # Errors
    /// See [`ChoiceError`].
    pub fn set_text(&mut self, key: &str, text: &str) -> Result<(), ChoiceError> {
        let path = path_of(key).ok_or_else(|| ChoiceError::NotAKey(key.to_owned()))?;
        if path == ["platform"] {
            return Err(ChoiceError::Platform);
        }
        let root = json_schema();
        let only_text = setting_at(&root, self.platform.name, &path).is_some_and(|schema| {
            let kinds = alternatives(&root, schema);
            kinds.iter().all(|kind| kind_of(kind) == Some("string"))
        });
        let text = text.trim();
        let begins: &[char] = match only_text {
            true => &['"', '\''],
            false => &['"', '\'', '[', '{'],
        };
        let value = match value_of(text) {
            Some(value) if value.is_string() || !only_text => value,
            None if text.starts_with(begins) => return Err(ChoiceError::NotAValue(key.to_owned())),
            _ => Value::String(text.to_owned()),
        };
        self.set_at(&path, value)
    }

    fn set_at(&mut self, path: &[String], value: Value) -> Result<(), ChoiceError> {
        let twice = || ChoiceError::Twice(path.join("."));
        let Some((last, parents)) = path.split_last() else {
            return Err(twice());
        };
        let mut table = &mut self.settings;
        for key in parents {
            let inner = table
                .entry(key)
                .or_insert_with(|| Value::Object(Map::new()));
            table = inner.as_object_mut().ok_or_else(twice)?;
        }
        if table.contains_key(last) {
            return Err(twice());
        }
        table.insert(last.clone(), value);
        Ok(())
    }

    /// Writes the table.
    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        let root = json_schema();
        let Some(schema) = table_of(&root, self.platform.name) else {
            return Err(fmt::Error);
        };
        SourceTableWriter {
            root: &root,
            schema,
            choices: self,
        }
        .write(out)
    }
}

/// The keys of a dotted key of TOML.
fn path_of(key: &str) -> Option<Vec<String>> {
    let text = format!("{key} = 0");
    let document = SettingsDocument::parse(&text).ok()?.to_json();
    let mut path = Vec::new();
    let mut at = &document;
    while let Value::Object(members) = at {
        let (key, value) = members.iter().next().filter(|_| members.len() == 1)?;
        path.push(key.clone());
        at = value;
    }
    (at == 0).then_some(path)
}

/// A value of TOML. A date is its text, since no setting is a date.
fn value_of(text: &str) -> Option<Value> {
    let text = format!("v = {text}");
    match SettingsDocument::parse(&text).ok()?.to_json() {
        Value::Object(mut members) if members.len() == 1 => members.remove("v"),
        _ => None,
    }
}

/// The schema of the `[[source]]` of a platform.
fn table_of<'s>(root: &'s Value, platform: &str) -> Option<&'s Value> {
    let tables = alternatives(root, root.pointer("/properties/source/items")?);
    let named =
        |table: &&Value| table.pointer("/properties/platform/enum/0") == Some(&platform.into());
    tables.into_iter().find(named)
}

/// The schema of a setting in the `[[source]]` of a platform.
pub(super) fn setting_at<'s>(
    root: &'s Value,
    platform: &str,
    path: &[String],
) -> Option<&'s Value> {
    let table = table_of(root, platform)?;
    path.iter().try_fold(table, |table, key| {
        let kinds = alternatives(root, table).into_iter();
        kinds
            .filter_map(|kind| kind.get("properties")?.get(key))
            .next()
    })
}

/// Writes a `[[source]]` by its schema.
struct SourceTableWriter<'a> {
    root: &'a Value,
    schema: &'a Value,
    choices: &'a SourceChoices,
}

impl<'a> SourceTableWriter<'a> {
    fn write(&self, out: &mut String) -> fmt::Result {
        let platform = self.choices.platform;
        writeln!(out, "[[source]]")?;
        for key in self.order() {
            if key == "platform" {
                comment(out, platform.about)?;
                writeln!(out, "platform = {}", as_toml(&platform.name.into()))?;
            } else if let Some(value) = self.choices.settings.get(key) {
                self.chosen(out, key, value)?;
            }
        }
        for key in self.order() {
            if !self.choices.settings.contains_key(key) && key != "platform" {
                self.open(out, key)?;
            }
        }
        Ok(())
    }

    /// All keys: what is asked comes before what is not, and what only this platform has before what every source
    /// has, but for the id.
    fn order(&self) -> Vec<&'a str> {
        let asked = self.choices.platform.profile.questions.iter();
        let asked = asked.flat_map(|question| question.settings());
        let asked = asked.filter_map(|setting| setting.split('.').next());
        let mut own: Vec<&str> = self.properties().map(|(key, _)| key).collect();
        own.extend(self.choices.settings.keys().map(String::as_str));
        own.retain(|key| !FEED_SETTINGS.contains(key) && *key != "auth");
        own.sort_unstable();
        let (first, others) = FEED_SETTINGS.split_at(1);
        let keys = first.iter().copied().chain(["platform"]).chain(asked);
        let keys = keys
            .chain(own)
            .chain(["auth"])
            .chain(others.iter().copied());
        let mut order = Vec::new();
        for key in keys {
            if !order.contains(&key) {
                order.push(key);
            }
        }
        order
    }

    fn properties(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let properties = properties.into_iter().flatten();
        properties.map(|(key, schema)| (key.as_str(), schema))
    }

    /// The schema of a key, and what it is about in one sentence without its full stop.
    fn known(&self, key: &str) -> Option<(&'a Value, String)> {
        let (_, schema) = self.properties().find(|(name, _)| *name == key)?;
        let kinds = alternatives(self.root, schema);
        let meaning = description(schema, kinds.first()?);
        Some((schema, sentences(&meaning).0))
    }

    fn chosen(&self, out: &mut String, key: &str, value: &Value) -> fmt::Result {
        if let Some((_, meaning)) = self.known(key) {
            let more = match key {
                "auth" => SECRETS,
                "id" => " It can never change.",
                _ => "",
            };
            comment(out, &format!("{meaning}.{more}"))?;
        }
        value_lines(out, &toml_key(key), value)
    }

    /// A setting that was not chosen: its default, or else an example. What has to be chosen is left out.
    fn open(&self, out: &mut String, key: &str) -> fmt::Result {
        let Some((schema, meaning)) = self.known(key) else {
            return Ok(());
        };
        let kinds = alternatives(self.root, schema);
        let example = schema.get("default").or_else(|| example_of(schema, &kinds));
        let Some(value) = example.filter(|_| required(self.schema).all(|name| name != key)) else {
            return Ok(());
        };
        let line = format!("# {} = {}", toml_key(key), as_toml(value));
        writeln!(out, "{line:BESIDE$} # {meaning}")
    }
}

/// A value on one line, or, where it is too long for that and a table, each of its members on one.
fn value_lines(out: &mut String, key: &str, value: &Value) -> fmt::Result {
    let line = format!("{key} = {}", as_toml(value));
    match value {
        Value::Object(members) if line.chars().count() > WIDTH && !members.is_empty() => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_unstable_by_key(|(name, value)| (value.is_object(), *name));
            members.into_iter().try_for_each(|(name, value)| {
                value_lines(out, &format!("{key}.{}", toml_key(name)), value)
            })
        }
        _ => writeln!(out, "{line}"),
    }
}

/// Lines of a comment.
fn comment(out: &mut String, text: &str) -> fmt::Result {
    let mut line = "#".to_owned();
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line != "#" {
            writeln!(out, "{line}")?;
            "#".clone_into(&mut line);
        }
        line.push(' ');
        line.push_str(word);
    }
    writeln!(out, "{line}")
}
