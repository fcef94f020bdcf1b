//! Help is a product: every text is a snapshot.

use super::{code, root, trailhouse};

const COMMANDS: &[&[&str]] = &[
    &["init"],
    &["keygen"],
    &["plan"],
    &["run"],
    &["status"],
    &["verify"],
    &["doctor"],
    &["schema"],
    &["schema", "config"],
    &["schema", "events"],
    &["schema", "output"],
    &["completions"],
    &["warehouse"],
    &["warehouse", "init"],
    &["warehouse", "load"],
    &["warehouse", "status"],
    &["warehouse", "reconcile"],
    &["warehouse", "rebuild"],
    &["retention"],
    &["retention", "plan"],
    &["retention", "apply"],
    &["retention", "certificate"],
    &["import"],
    &["hold"],
    &["hold", "add"],
    &["hold", "list"],
    &["hold", "release"],
    &["sweep"],
    &["remap"],
    &["clock"],
    &["clock", "show"],
    &["clock", "confirm"],
    #[cfg(feature = "demo")]
    &["demo"],
    #[cfg(feature = "demo")]
    &["demo-platform"],
    #[cfg(feature = "query")]
    &["query"],
    #[cfg(feature = "query")]
    &["export"],
];

fn help(command: &[&str], flag: &str) -> String {
    let output = trailhouse(root()).args(command).arg(flag).output().unwrap();
    assert_eq!(code(&output), 0);
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

/// The list of commands depends on the features of the build.
fn without_optional_commands(text: &str) -> String {
    let optional = |line: &&str| {
        ["  demo", "  query", "  export"]
            .iter()
            .all(|it| !line.starts_with(it))
    };
    text.lines()
        .filter(optional)
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn the_program() {
    insta::assert_snapshot!("short", without_optional_commands(&help(&[], "-h")));
    insta::assert_snapshot!("long", without_optional_commands(&help(&[], "--help")));
}

#[test]
fn every_command() {
    for command in COMMANDS {
        let long = help(command, "--help");
        // The options of every command are in the help of the program.
        let own = match (long.find("Global options:"), long.find("Example")) {
            (Some(global), Some(examples)) => format!("{}{}", &long[..global], &long[examples..]),
            _ => long,
        };
        insta::assert_snapshot!(format!("help-{}", command.join("-")), own);
    }
}

#[test]
fn every_command_says_what_it_changes_and_gives_an_example() {
    for command in COMMANDS {
        let long = help(command, "--help");
        assert!(long.contains("\nChanges: "), "{command:?}");
        assert!(long.contains("\nExamples:\n  "), "{command:?}");
        assert!(long.contains("Global options:"), "{command:?}");
        let short = help(command, "-h");
        assert!(!short.contains("Changes: "), "{command:?}");
        for line in long.lines().chain(short.lines()) {
            assert!(line.chars().count() <= 100, "{command:?}: {line}");
        }
        // One line in the list of commands, without a full stop.
        let first = short.lines().next().unwrap();
        assert!(
            !first.ends_with('.') && !first.is_empty(),
            "{command:?}: {first}"
        );
    }
}

/// Lines of a terminal that help with `-h` takes at most; the list of all commands takes some more.
const MOST_LINES: usize = 30;

#[test]
fn short_help_fits_a_terminal() {
    for command in COMMANDS.iter().chain([&&[][..]]) {
        let output = trailhouse(root())
            .args(*command)
            .arg("-h")
            .env("COLUMNS", "80")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let most = if command.is_empty() { 37 } else { MOST_LINES };
        let lines = text.lines().count();
        assert!(lines <= most, "{command:?}: {lines} lines\n{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{command:?}: {line}");
        }
    }
}

/// `-h` leaves these options out and says how many there are.
#[cfg(feature = "demo")]
#[test]
fn the_switches_for_trouble_are_counted() {
    let long = help(&["demo-platform"], "--help");
    let options = |from: &str, to: &str| {
        let part = &long[long.find(from).unwrap()..long.find(to).unwrap()];
        part.lines()
            .filter(|line| line.starts_with("      --"))
            .count()
    };
    let access = options("\nAccess:", "\nTrouble with records:");
    let trouble = options("\nTrouble with records:", "\nGlobal options:");
    let short = help(&["demo-platform"], "-h");
    assert!(
        short.contains(&format!("{access} more options")),
        "{access}"
    );
    assert!(short.contains(&format!("{trouble} switches")), "{trouble}");
}

#[test]
fn the_version_is_that_of_the_crate() {
    let output = trailhouse(root()).arg("--version").output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("trailhouse {}\n", env!("CARGO_PKG_VERSION"))
    );
}
