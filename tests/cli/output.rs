//! What commands print with `--output json` is what `schema output` says that they print.

use super::{told, trailhouse};
use serde_json::Value;
use std::path::Path;

/// The document of a command, whatever its exit code.
fn document(folder: &Path, arguments: &[&str]) -> Value {
    let output = trailhouse(folder)
        .args(["--output", "json"])
        .args(arguments)
        .output()
        .unwrap();
    let document = serde_json::from_slice(&output.stdout);
    document.unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{}", told(&output)))
}

/// What differs between a value and its schema. A field that the schema does not name differs, too.
fn differences(root: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return differences(root, &root["$defs"][name], value, place);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[key].as_array() {
            let fits = |choice| differences(root, choice, value, place).is_empty();
            return match choices.iter().any(fits) {
                true => Vec::new(),
                false => vec![format!("{place}: fits none of {schema}: {value}")],
            };
        }
    }
    let fixed = [&schema["const"], value];
    let words = schema["enum"].as_array();
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{place}: {other}"),
    };
    let fits = match &schema["type"] {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().any(|kind| is(kind.as_str().unwrap())),
        _ => true,
    };
    if !fits
        || (!fixed[0].is_null() && fixed[0] != fixed[1])
        || words.is_some_and(|words| !words.contains(value))
    {
        return vec![format!("{place}: {value} is not {schema}")];
    }
    let mut found = Vec::new();
    if let Some(items) = value.as_array() {
        let tuple = schema["prefixItems"].as_array();
        for (at, item) in items.iter().enumerate() {
            let schema = tuple
                .and_then(|tuple| tuple.get(at))
                .unwrap_or(&schema["items"]);
            found.extend(differences(root, schema, item, &format!("{place}[{at}]")));
        }
    }
    if let Some(members) = value.as_object() {
        for (name, member) in members {
            let place = format!("{place}.{name}");
            match schema["properties"].get(name) {
                Some(schema) => found.extend(differences(root, schema, member, &place)),
                None if schema["additionalProperties"].is_object() => {
                    let each = &schema["additionalProperties"];
                    found.extend(differences(root, each, member, &place));
                }
                None => found.push(format!("{place}: the schema does not name it")),
            }
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            if !members.contains_key(name) {
                found.push(format!("{place}: {name} is missing"));
            }
        }
    }
    found
}

#[test]
fn documents_are_what_their_schema_says() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let root = document(folder, &["schema", "output"]);
    let check = |command: &str, arguments: &[&str]| {
        let words: Vec<&str> = command.split(' ').collect();
        let all = [
            &["-c", "trailhouse-demo/trailhouse.toml"],
            &words[..],
            arguments,
        ]
        .concat();
        let value = document(folder, &all);
        let found = differences(&root, &root["documents"][command], &value, command);
        assert!(found.is_empty(), "{found:#?}");
    };
    check("demo", &["--events", "400", "--days", "3"]);
    // The platform ended with the demo, and waiting for it would take minutes.
    let toml = folder.join("trailhouse-demo/trailhouse.toml");
    let text = std::fs::read_to_string(&toml).unwrap();
    let text = text.replace("[[source]]\n", "[[source]]\nretry_for = \"1s\"\n");
    std::fs::write(&toml, &text).unwrap();
    check("status", &[]);
    check("verify", &["--deep"]);
    check("doctor", &[]);
    check("clock show", &[]);
    let period = ["CASE-1", "--from", "2026-01-01", "--to", "2026-01-31"];
    let why = ["--reason", "a letter", "--by", "me"];
    check("hold add", &[&period[..], &why].concat());
    check("hold list", &["--all"]);
    check("hold release", &[&["CASE-1"][..], &why].concat());
    check("sweep", &["--dry-run"]);
    check("remap", &["--from", "2020-01-01", "--to", "2020-12-31"]);
    check("run", &[]);
    check("plan", &[]);
    check("keygen", &["-o", "other.key"]);
    check("schema events", &[]);
    check("completions", &["bash"]);
    let at_home = [
        "--lake",
        folder.to_str().unwrap(),
        "--url",
        "http://127.0.0.1:9",
    ];
    let rest = ["--dialect", "v2", "--start", "earliest", "--all-tenants"];
    let all = [&["-c", "own.toml", "init"], &at_home[..], &rest].concat();
    let found = differences(
        &root,
        &root["documents"]["init"],
        &document(folder, &all),
        "init",
    );
    assert!(found.is_empty(), "{found:#?}");

    std::fs::write(&toml, format!("{text}\n[retention]\ndefault = \"1d\"\n")).unwrap();
    check("retention plan", &[]);
    check("retention apply", &[]);
}
