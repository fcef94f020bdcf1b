//! `trailhouse completions`.

use clap::CommandFactory;
use clap_complete::Shell;
use serde::Serialize;

use super::failure::Report;
use super::output::{Document, Ending};
use super::page::Page;

/// Print a script that completes commands in a shell
///
/// Changes: nothing; where the script belongs depends on the shell.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse completions bash > ~/.local/share/bash-completion/completions/trailhouse
  trailhouse completions zsh > ~/.zfunc/_trailhouse
  trailhouse completions fish > ~/.config/fish/completions/trailhouse.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

#[derive(Serialize)]
struct Script {
    shell: String,
    script: String,
}

impl Document for Script {
    fn text(&self, page: &mut Page) {
        page.verbatim(&self.script);
    }
}

pub(super) fn execute(args: Args) -> Result<Ending, Report> {
    let mut script = Vec::new();
    let mut command = super::Cli::command();
    clap_complete::generate(args.shell, &mut command, "trailhouse", &mut script);
    Ok(Ending::bare(Script {
        shell: args.shell.to_string(),
        script: String::from_utf8_lossy(&script).into_owned(),
    }))
}
