//! `docs/reference/configuration.md`: every key.

use std::fmt::Write as _;

use super::{MarkdownTable, assert_current, code, in_repository};
use crate::config::{Setting, sections};

/// What a key may hold, in words. Anything else is the one word that is accepted.
const KINDS: [&str; 7] = [
    "text",
    "number",
    "true/false",
    "list of text",
    "table",
    "duration",
    "size",
];

fn kind(setting: &Setting) -> String {
    let words = setting.kind.split(" | ").collect::<Vec<_>>();
    match (&setting.range, words.len()) {
        (Some(range), _) => format!("{}, {range}", setting.kind),
        (None, 1) if setting.kind.starts_with('{') => {
            setting.kind.replace("{ ", "`{ ").replace(" }", " }`")
        }
        (None, 1) if !KINDS.contains(&setting.kind.as_str()) => code(&setting.kind),
        (None, 1) => setting.kind.clone(),
        (None, _) => words
            .iter()
            .map(|word| code(word))
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

fn page() -> String {
    let mut page = "# Configuration reference\n\n\
         Every key of `trailhouse.toml`, format version 1. This page is made from the types that read the file, as are\n\
         `trailhouse schema config` and its JSON Schema; change those, not this page. What to know about secrets, proxies\n\
         and redaction is in [Configuration](../configuration.md).\n\n\
         A duration is whole numbers with units, as in `1h30m` (`w`, `d`, `h`, `m`, `s`, `ms`); a size is a whole number with\n\
         a unit, as in `64MiB` (`B`, `kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`). `{ env }` and `{ file }` name the environment\n\
         variable or the file that holds a secret.\n"
        .to_owned();
    for section in sections() {
        match section.heading.as_str() {
            "" => page.push_str("\n## Before the first table\n\n"),
            heading => {
                let meaning = section.meaning.trim_end_matches('.');
                let kind = section.only_with.as_deref().map(code);
                let kind = kind.map_or_else(String::new, |kind| format!(" with {kind}"));
                let _ = write!(page, "\n## {}{kind}\n\n{meaning}.\n\n", code(heading));
            }
        }
        let mut table = MarkdownTable::new(&["key", "type", "default", "meaning"]);
        for setting in section.settings {
            let default = match (&setting.default, setting.required) {
                (Some(default), _) => code(default),
                (None, true) => "required".to_owned(),
                (None, false) => String::new(),
            };
            let details = match setting.details.as_str() {
                "" => String::new(),
                details => format!(" {details}"),
            };
            table.row(&[
                code(&setting.key),
                kind(&setting),
                default,
                format!("{}.{details}", setting.meaning),
            ]);
        }
        page.push_str(&table.0);
    }
    page
}

#[test]
fn the_configuration_is_current() {
    assert_current("docs/reference/configuration.md", &page());
}

/// Every block of TOML in the docs is read as it stands: a whole file, or tables beside the smallest file.
#[test]
fn examples_of_configuration_are_right() {
    let smallest = std::fs::read_to_string(in_repository("samples/minimal.toml")).unwrap();
    // BigQuery loads from there alone.
    let smallest = smallest.replace("file:///var/lib/trailhouse", "gs://acme-audit/trailhouse");
    let mut examples = 0;
    for page in [
        "README.md",
        "docs/bigquery.md",
        "docs/configuration.md",
        "docs/retention.md",
    ] {
        let text = std::fs::read_to_string(in_repository(page)).unwrap();
        for block in text.split("\n```toml\n").skip(1) {
            let block = block.split("\n```").next().unwrap_or_default();
            let file = match block.contains("version = 1") {
                true => block.to_owned(),
                false => format!("{smallest}\n{block}\n"),
            };
            let read = crate::config::Config::parse(
                file.as_bytes(),
                std::path::Path::new("trailhouse.toml"),
            );
            assert!(read.is_ok(), "{page}: {block}\n{:?}", read.err());
            examples += 1;
        }
    }
    assert!(examples >= 3, "{examples}");
}
