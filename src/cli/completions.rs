//! `trailhouse completions`, and what the scripts of shells ask for.
//!
//! The script of a shell calls the program with [`VARIABLE`] set and the words typed so far. Names come from
//! the configuration that these words mean; no store, source or warehouse is asked, and whatever is wrong
//! ends in no candidates.

#[cfg(feature = "query")]
use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_complete::engine::CompletionCandidate;
#[cfg(feature = "query")]
use clap_complete::engine::{PathCompleter, ValueCompleter};
use clap_complete::env::{CompleteEnv, Shells};
use schemars::JsonSchema;
use serde::Serialize;

use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::output::{Ending, OutputDocument};
use super::page::Page;
use crate::config::Config;
use crate::policy::CATEGORIES;

/// Set by the script of a shell to the shell's name.
const VARIABLE: &str = "TRAILHOUSE_COMPLETE";

/// Name of the program in scripts.
const PROGRAM: &str = "trailhouse";

/// Where the views are, from the root of the repository.
#[cfg(feature = "query")]
const VIEWS: &str = "sql/views";

/// Print a script that completes commands and names in a shell
///
/// Completes commands and options, the names of sources, warehouses, categories and rules of the
/// configuration that the command line names, and files. Reads only the configuration.
///
/// Changes: nothing; where the script belongs depends on the shell.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse completions bash > ~/.local/share/bash-completion/completions/trailhouse
  trailhouse completions zsh > ~/.zfunc/_trailhouse
  trailhouse completions fish > ~/.config/fish/completions/trailhouse.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

/// A completion script.
#[derive(Serialize, JsonSchema)]
struct CompletionScript {
    /// Name of the shell, such as `bash`.
    shell: String,
    /// Text of the script, to be saved where the shell loads completions from.
    script: String,
}

impl OutputDocument for CompletionScript {
    fn text(&self, page: &mut Page) {
        page.verbatim(&self.script);
    }
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.bare::<CompletionScript>("completions");
}

pub(super) fn execute(args: CompletionsArgs) -> Result<Ending, Report> {
    let shell = args.shell.to_string();
    let script = script(&shell).ok_or_else(|| {
        Failure::new(
            ExitKind::Unforeseen,
            format!("there is no script for {shell}"),
        )
    })?;
    Ok(Ending::bare(CompletionScript { shell, script }))
}

/// The script that has a shell ask this program for candidates.
fn script(shell: &str) -> Option<String> {
    let mut script = Vec::new();
    Shells::builtins()
        .completer(shell)?
        .write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)
        .ok()?;
    let mut script = String::from_utf8(script).ok()?;
    if shell == "zsh" {
        // As a file of $fpath, its first call is to complete already.
        script.push_str(
            "if [ \"$funcstack[1]\" = \"_trailhouse\" ]; then\n    \
             _clap_dynamic_completer_trailhouse \"$@\"\nfi\n",
        );
    }
    Some(script)
}

/// Answers the script of a shell, if that is what called. Says nothing where it cannot.
pub(super) fn answered(arguments: &[OsString]) -> bool {
    if std::env::var_os(VARIABLE).is_none_or(|shell| shell.is_empty()) {
        return false;
    }
    let here = std::env::current_dir().ok();
    let completed = CompleteEnv::with_factory(super::Cli::command)
        .var(VARIABLE)
        .bin(PROGRAM)
        .completer(PROGRAM)
        .try_complete(arguments.to_vec(), here.as_deref());
    completed.unwrap_or(true)
}

/// Ids of the configured sources.
pub(super) fn sources() -> Vec<CompletionCandidate> {
    named(|config| config.sources.iter().map(|it| it.id.clone()).collect())
}

/// Names of the configured warehouses.
pub(super) fn warehouses() -> Vec<CompletionCandidate> {
    named(|config| config.warehouses.iter().map(|it| it.name.clone()).collect())
}

/// Names of the rules of retention.
pub(super) fn rules() -> Vec<CompletionCandidate> {
    named(|config| {
        let rules = config.retention.iter().flat_map(|policy| &policy.rules);
        let names = rules.map(|rule| rule.name.clone());
        names.chain(["default".to_owned()]).collect()
    })
}

/// Categories that a rule or a hold can name.
pub(super) fn categories() -> Vec<CompletionCandidate> {
    CATEGORIES.iter().map(CompletionCandidate::new).collect()
}

/// Files, and the views of the repository before all others.
#[cfg(feature = "query")]
pub(super) fn sql_files(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let listed = std::fs::read_dir(VIEWS).into_iter().flatten().flatten();
    let mut views: Vec<String> = listed
        .map(|entry| format!("{VIEWS}/{}", entry.file_name().to_string_lossy()))
        .filter(|path| path.ends_with(".sql") && path.starts_with(&*typed))
        .collect();
    views.sort_unstable();
    let mut candidates: Vec<CompletionCandidate> =
        views.into_iter().map(CompletionCandidate::new).collect();
    for other in PathCompleter::file().complete(current) {
        if candidates
            .iter()
            .all(|it| it.get_value() != other.get_value())
        {
            candidates.push(other);
        }
    }
    candidates
}

fn named(names: impl Fn(&Config) -> Vec<String>) -> Vec<CompletionCandidate> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let path = config_of(&arguments);
    let config = Config::load(&path).ok();
    let names = config.as_ref().map(names).unwrap_or_default();
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// The configuration that the words typed so far mean.
fn config_of(arguments: &[OsString]) -> PathBuf {
    let mut words = arguments.iter().skip_while(|word| *word != "--").skip(1);
    let mut named = None;
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "-c" || text == "--config" {
            named = words.next().map(PathBuf::from);
        } else if let Some(path) = text.strip_prefix("--config=") {
            named = Some(PathBuf::from(path));
        }
    }
    named
        .or_else(|| std::env::var_os("TRAILHOUSE_CONFIG").map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from("trailhouse.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_name_the_configuration() {
        for (words, path) in [
            ("trailhouse -- trailhouse -c a.toml run --source", "a.toml"),
            (
                "trailhouse -- trailhouse run --config=b.toml --source",
                "b.toml",
            ),
            (
                "trailhouse -- trailhouse --config c.toml -c d.toml",
                "d.toml",
            ),
        ] {
            let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            assert_eq!(config_of(&words), PathBuf::from(path));
        }
    }
}
