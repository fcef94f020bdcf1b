//! Values as TOML writes them on one line.

use serde_json::Value;

/// Writes a JSON value as TOML, on one line; in a table plain values come before tables.
pub(crate) fn as_toml(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_unstable_by_key(|(key, value)| (value.is_object(), *key));
            if members.is_empty() {
                return "{}".to_owned();
            }
            let members: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{} = {}", toml_key(key), as_toml(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(as_toml).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::String(text) => quoted(text),
        // Numbers and truth values are written the same way in TOML.
        other => other.to_string(),
    }
}

/// A key as TOML writes it: bare where that is allowed.
pub(crate) fn toml_key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match !key.is_empty() && key.chars().all(bare) {
        true => key.to_owned(),
        false => quoted(key),
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_toml_of_the_same_value() {
        let value = json!({
            "auth": { "basic": { "password": { "env": "P" }, "username": "a \"b\" \\ \u{7f}\n" } },
            "a key": [1, true, "x"],
            "empty": {},
        });
        let text = format!("v = {}", as_toml(&value));
        let read: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(serde_json::to_value(&read["v"]).unwrap(), value);
    }

    #[test]
    fn plain_values_come_before_tables() {
        let value = json!({ "password": { "env": "P" }, "username": "a" });
        assert_eq!(
            as_toml(&value),
            r#"{ username = "a", password = { env = "P" } }"#
        );
    }
}
