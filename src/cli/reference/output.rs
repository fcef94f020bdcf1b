//! `docs/reference/output.md`: the fields of every document.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::documents::{Described, Field, Outputs};
use super::commands::{command, each};
use super::{MarkdownTable, assert_current, code};

/// What a field holds, with links to types of the page.
fn linked(kind: &str, types: &BTreeSet<String>) -> String {
    let linked = |text: &str| {
        let words = text.split(' ').map(|word| {
            let name = word.trim_matches(|character: char| !character.is_alphanumeric());
            match types.contains(name) {
                true => word.replace(name, &format!("[{name}](#{})", name.to_lowercase())),
                false => word.to_owned(),
            }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    // Every other part lies between quotes.
    let parts = kind.split('"').enumerate().map(|(at, part)| match at % 2 {
        0 => linked(part),
        _ => code(&format!("\"{part}\"")),
    });
    parts.collect()
}

fn table(fields: &[Field], types: &BTreeSet<String>) -> String {
    let mut table = MarkdownTable::new(&["field", "type", "present", "meaning"]);
    for field in fields {
        table.row(&[
            code(&field.name),
            linked(&field.kind, types),
            if field.always {
                "always"
            } else {
                "if it applies"
            }
            .to_owned(),
            field.meaning.clone(),
        ]);
    }
    table.0
}

fn table_of_choices(choices: &[(String, String)], types: &BTreeSet<String>) -> String {
    let mut table = MarkdownTable::new(&["value", "meaning"]);
    for (value, meaning) in choices {
        table.row(&[&linked(value, types), meaning]);
    }
    table.0
}

fn page() -> String {
    let outputs = Outputs::new();
    let types = outputs.types();
    let names: BTreeSet<String> = types.iter().map(|kind| kind.name.clone()).collect();
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## Commands\n");
    let body = |described: &Described| match (&described.fields[..], &described.choices[..]) {
        ([], []) => format!("{}\n", linked(&described.value, &names)),
        ([], choices) => table_of_choices(choices, &names),
        (fields, _) => table(fields, &names),
    };
    for document in outputs.documents() {
        let _ = write!(page, "\n### trailhouse {}\n\n", document.name);
        if !document.meaning.is_empty() {
            let _ = write!(page, "{}\n\n", document.meaning);
        }
        page.push_str(&body(&document));
    }
    page.push_str("\n## Types\n");
    for kind in &types {
        let _ = write!(page, "\n### {}\n\n", kind.name);
        if !kind.meaning.is_empty() {
            let _ = write!(page, "{}\n\n", kind.meaning);
        }
        page.push_str(&body(kind));
    }
    page
}

const INTRODUCTION: &str = "# JSON output

With `--output json`, stdout is one document and nothing else. The fields below are stable; others may be added. This
page is made from the types that are printed, as is `trailhouse schema output`, which prints JSON Schemas with
`--output json`; change the types, not this page.

Instants are RFC 3339 in UTC; windows are half-open: `from` is part of one, `to` is not. Sizes are in bytes. A field
that is present \"if it applies\" says in its meaning when it is absent.

A command that fails before it has a result prints `exit_code`, `errors` and `error`, which repeats the first of them,
instead. `query` prints the rows of its statement as an array of objects; one that fails after printing rows reports it
on stderr and by its exit code, and leaves its array open, so that partial output cannot be mistaken for the whole.
`schema config` and `schema output` print JSON Schemas.
";

#[test]
fn every_field_says_what_it_is() {
    let outputs = Outputs::new();
    let all = outputs.documents().into_iter().chain(outputs.types());
    let silent: Vec<String> = all
        .flat_map(|described| {
            let silent = described
                .fields
                .into_iter()
                .filter(|field| field.meaning.is_empty());
            silent
                .map(|field| format!("{}.{}", described.name, field.name))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

/// Every command describes what it prints, except those that print rows, events or JSON Schemas.
#[test]
fn every_command_is_described() {
    let described: BTreeSet<String> = Outputs::new()
        .documents()
        .into_iter()
        .map(|document| {
            document
                .name
                .split(',')
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    let mut commands = BTreeSet::new();
    each(&command(), &mut |command| {
        let name = command.get_bin_name().unwrap_or_default();
        if let Some(name) = name.strip_prefix("trailhouse ")
            && !command.has_subcommands()
            && !["query", "export", "schema config", "schema output"].contains(&name)
        {
            commands.insert(name.to_owned());
        }
    });
    assert_eq!(described, commands);
}

#[test]
fn the_output_is_current() {
    assert_current("docs/reference/output.md", &page());
}
