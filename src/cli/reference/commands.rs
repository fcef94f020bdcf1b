//! `docs/reference/commands.md` and `docs/man/trailhouse.1`, made from the definition of the command line.

use std::fmt::Write as _;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::super::Cli;
use super::assert_current;

/// The command line, with its help at one width whatever the terminal, and without what clap adds by itself.
pub(super) fn command() -> Command {
    let mut command = Cli::command().term_width(100).disable_help_subcommand(true);
    command.build();
    command
}

/// A command and those below it, in the order of the help.
pub(super) fn each(command: &Command, visit: &mut impl FnMut(&Command)) {
    visit(command);
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        each(inner, visit);
    }
}

/// The long help without the options of every command, which the program itself shows.
fn help(command: &Command) -> String {
    let long = command.clone().render_long_help().to_string();
    let lines = long
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n");
    if command.get_name() == "trailhouse" {
        return lines;
    }
    match (lines.find("\nGlobal options:"), lines.find("\nExamples:")) {
        (Some(global), Some(examples)) => format!("{}{}", &lines[..global], &lines[examples..]),
        _ => lines,
    }
}

fn page() -> String {
    let mut page = "# Commands\n\n\
         The long help of every command, made from the definition of the command line; change that, not this page. `man -l\n\
         docs/man/trailhouse.1` shows the same.\n"
        .to_owned();
    each(&command(), &mut |command| {
        let name = command.get_bin_name().unwrap_or(command.get_name());
        let _ = write!(
            page,
            "\n## {name}\n\n```text\n{}\n```\n",
            help(command).trim_end()
        );
    });
    page
}

/// One page for the program, with a section for each command.
fn man() -> Vec<u8> {
    let mut page = Vec::new();
    let program = command();
    let own = Man::new(program.clone());
    own.render_title(&mut page).unwrap();
    own.render_name_section(&mut page).unwrap();
    own.render_synopsis_section(&mut page).unwrap();
    own.render_description_section(&mut page).unwrap();
    own.render_options_section(&mut page).unwrap();
    page.extend_from_slice(b".SH COMMANDS\n");
    each(&program, &mut |command| {
        if command.get_name() != program.get_name() {
            page.extend_from_slice(section(command).as_bytes());
        }
    });
    for (title, lines) in closing(&program) {
        let title = title.to_uppercase();
        page.extend_from_slice(format!(".SH {title}\n.nf\n{lines}.fi\n").as_bytes());
    }
    page
}

/// A command below the program: how to call it, what it does, its options and examples.
fn section(command: &Command) -> String {
    let own = command.clone().mut_args(|arg| {
        // Described once, for the program.
        let everywhere = arg.is_global_set() || arg.get_id() == "help";
        arg.hide(everywhere)
    });
    let man = Man::new(own);
    let mut parts = Vec::new();
    man.render_synopsis_section(&mut parts).unwrap();
    man.render_description_section(&mut parts).unwrap();
    man.render_options_section(&mut parts).unwrap();
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let mut text = format!(".SS {name}\n");
    for line in String::from_utf8(parts).unwrap().lines() {
        match line {
            ".SH SYNOPSIS" => {}
            ".SH DESCRIPTION" | ".SH OPTIONS" => text.push_str(".PP\n"),
            // Each part begins with a definition that the page has already.
            line if line.starts_with(".ie ") || line.starts_with(".el ") => {}
            line => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    for (title, lines) in closing(command) {
        let _ = write!(text, ".PP\n{title}\n.nf\n{lines}.fi\n");
    }
    text
}

/// What a help text ends with, by title: examples, exit codes. Its lines stay as they are.
fn closing(command: &Command) -> Vec<(String, String)> {
    let text = command.get_after_long_help().map(ToString::to_string);
    let mut parts: Vec<(String, String)> = Vec::new();
    for line in text.unwrap_or_default().lines() {
        match (line.strip_suffix(':'), parts.last_mut()) {
            (Some(title), _) if !line.starts_with(' ') => {
                parts.push((title.to_owned(), String::new()));
            }
            (_, Some((_, lines))) => {
                let line = line
                    .replace('\\', "\\e")
                    .replace('-', "\\-")
                    .replace('\'', "\\(aq");
                let _ = writeln!(lines, "{line}");
            }
            (_, None) => {}
        }
    }
    parts
}

#[test]
fn the_commands_are_current() {
    assert_current("docs/reference/commands.md", &page());
}

#[test]
fn the_man_page_is_current() {
    assert_current("docs/man/trailhouse.1", &String::from_utf8(man()).unwrap());
}
