//! Commands in the docs are commands of this program: each is parsed, none is executed.

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::super::Cli;
use super::in_repository;

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![
        in_repository("README.md"),
        in_repository("benches/README.md"),
        in_repository("samples/README.md"),
    ];
    for entry in fs::read_dir(in_repository("docs")).unwrap() {
        pages.push(entry.unwrap().path());
    }
    pages.retain(|page| page.extension().is_some_and(|end| end == "md"));
    pages
}

/// The commands of a line as a shell would divide it, each with its words; comments are left out.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars().chain([' ']) {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, '&' | '|' | ';') => {
                commands.last_mut().unwrap().extend(word.take());
                commands.push(Vec::new());
            }
            (None, _) if character.is_whitespace() => {
                commands.last_mut().unwrap().extend(word.take());
            }
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    commands.retain(|words| !words.is_empty());
    commands
}

/// What follows `$` in blocks of console, continued lines joined; and the lines of cron.
fn typed(text: &str) -> Vec<String> {
    let mut typed: Vec<String> = Vec::new();
    for block in text.split("\n```console\n").skip(1) {
        let mut continued = false;
        for line in block.split("\n```").next().unwrap_or_default().lines() {
            let begun = line.strip_prefix("$ ");
            let open = typed
                .last()
                .is_some_and(|line| line.matches('"').count() % 2 == 1);
            match (begun, typed.last_mut()) {
                (Some(line), _) => typed.push(line.to_owned()),
                (None, Some(last)) if continued || open => {
                    *last = format!("{} {}", last.trim_end_matches('\\'), line.trim());
                }
                (None, _) => {}
            }
            continued = line.ends_with('\\');
        }
    }
    for block in text.split("\n```cron\n").skip(1) {
        let line = block.lines().next().unwrap_or_default();
        typed.extend(
            line.split_whitespace()
                .nth(5)
                .and_then(|first| line.find(first))
                .map(|at| line[at..].to_owned()),
        );
    }
    typed
}

fn parse(words: &[String]) -> Result<(), clap::Error> {
    let assignments = words.iter().take_while(|word| word.contains('=')).count();
    let words = &words[assignments..];
    match words.first() {
        Some(program) if program.rsplit('/').next() == Some("trailhouse") => {
            let parse = |words: &[String]| Cli::command().try_get_matches_from(words).map(drop);
            // Where USER is not set, somebody who decides has to say who they are.
            parse(words).or_else(|error| match error.to_string().contains("--by <") {
                true => parse(&[words, &["--by".to_owned(), "me".to_owned()]].concat()),
                false => Err(error),
            })
        }
        _ => Ok(()),
    }
}

#[test]
fn every_command_in_a_block_is_one_of_ours() {
    let mut found = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for line in typed(&text) {
            for words in commands(&line) {
                let error = parse(&words).err();
                assert!(
                    error.is_none(),
                    "{}: {line}\n{}",
                    page.display(),
                    error.unwrap()
                );
                found += usize::from(words.iter().any(|word| word.ends_with("trailhouse")));
            }
        }
    }
    assert!(found > 20, "{found}");
}

/// A command within a sentence may leave out what it needs, but names nothing that does not exist.
#[test]
fn every_command_in_a_sentence_is_one_of_ours() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let prose = text
            .split("\n```")
            .step_by(2)
            .collect::<Vec<_>>()
            .join("\n");
        for code in prose.split('`').skip(1).step_by(2) {
            let line = code.replace('\n', " ");
            if !line.starts_with("trailhouse ") || line.contains('…') {
                continue;
            }
            for words in commands(&line) {
                let Err(error) = parse(&words) else {
                    continue;
                };
                let incomplete = matches!(
                    error.kind(),
                    ErrorKind::MissingRequiredArgument
                        | ErrorKind::MissingSubcommand
                        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                        | ErrorKind::DisplayHelp
                );
                assert!(incomplete, "{}: {line}\n{error}", page.display());
            }
        }
    }
}

#[test]
fn lines_are_divided_as_a_shell_would() {
    assert_eq!(
        commands("mkdir lake && A=1 trailhouse run --reason 'two words' # why"),
        [
            vec!["mkdir", "lake"],
            vec!["A=1", "trailhouse", "run", "--reason", "two words"],
        ]
    );
    assert_eq!(
        typed("\n```console\n$ one \\\n    \"two\n     three\"\nout\n$ four\n```\n"),
        ["one  \"two three\"", "four"]
    );
}
