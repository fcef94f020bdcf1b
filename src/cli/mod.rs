//! The command line: what users type, and what they read.
//!
//! Each command has a file with its arguments and its help, and a function that returns an
//! [`Ending`] or a [`Report`]; only [`main`] writes them. Results
//! go to stdout; the log, progress and failures go to stderr.

mod clock;
mod completions;
mod date;
#[cfg(feature = "demo")]
mod demo;
#[cfg(feature = "demo")]
mod demo_platform;
mod doctor;
mod documents;
mod environment;
mod escape;
pub mod exit;
#[cfg(feature = "query")]
mod export;
pub mod failure;
mod failures;
mod hold;
mod import;
mod init;
mod key_file;
mod keygen;
mod logging;
mod new_file;
mod origin;
pub mod output;
pub mod page;
mod panic;
mod plan;
pub mod progress;
#[cfg(feature = "query")]
mod query;
#[cfg(test)]
mod reference;
mod remap;
mod retention;
mod run;
mod schema;
mod status;
mod stderr;
mod stop;
mod style;
mod sweep;
mod verify;
mod warehouse;
mod width;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::runtime::Builder;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};

use crate::config::Config;
use exit::ExitKind;
use failure::{Failure, Report};
use output::{Ending, Format, Output};
use progress::{ProgressChoice, ProgressKind, RunProgress, Unit};
use stop::{AtFirst, at_first, or_dropped};
use style::{ColorChoice, Style};

/// Keep every audit record of an orchestration platform, provably
///
/// trailhouse reads audit records from orchestration platforms, keeps every one of them in a
/// tamper-evident, date-partitioned Parquet lake, and answers SQL over it. One scheduled command does
/// the work: `trailhouse run`.
#[derive(Debug, Parser)]
#[command(
    name = "trailhouse",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_long_help = closing_help()
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What the help of the program ends with.
fn closing_help() -> String {
    let mut help = "Exit codes:\n".to_owned();
    for kind in ExitKind::BY_CODE {
        let _ = write!(help, "{:>4}  {}", kind.code(), kind.meaning());
        match kind.advice() {
            "" => help.push('\n'),
            advice => drop(writeln!(help, "; {advice}")),
        }
    }
    help.push_str(
        "With several failures, the exit code is the first of 6, 5, 1, 4, 3, 7, 8, 10; JSON output lists all.\n\n",
    );
    help.push_str(FIRST_STEPS);
    help
}

const FIRST_STEPS: &str = "\
First steps:
  trailhouse demo               see the whole product on this machine, without any cloud
  trailhouse init               write a configuration and make a signing key
  trailhouse doctor             check what is missing
  trailhouse run                read, keep, commit";

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Configuration file
    ///
    /// The environment variable TRAILHOUSE_CONFIG sets it, too.
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = "TRAILHOUSE_CONFIG",
        default_value = "./trailhouse.toml",
        hide_env = true,
        value_hint = ValueHint::FilePath
    )]
    config: PathBuf,
    /// Form of the result: text or json [default: text]
    ///
    /// With json, stdout holds one document and nothing else, for failures too.
    #[arg(
        long,
        global = true,
        value_name = "FORM",
        value_enum,
        default_value_t = Format::Text,
        hide_default_value = true,
        hide_possible_values = true
    )]
    output: Format,
    /// Only print results and errors
    ///
    /// No log and no progress. Commands that do work and report it (run, warehouse load, retention apply,
    /// sweep) print nothing unless something failed; commands that answer a question print the answer.
    /// --output json always prints its document.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Log more on stderr; -vv and -vvv log still more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t = ColorChoice::Auto,
        hide_short_help = true
    )]
    color: ColorChoice,
    /// When to show progress on stderr
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t = ProgressChoice::Auto,
        hide_short_help = true
    )]
    progress: ProgressChoice,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(feature = "demo")]
    Demo(demo::DemoArgs),
    #[cfg(feature = "demo")]
    DemoPlatform(demo_platform::DemoPlatformArgs),
    Init(init::InitArgs),
    Keygen(keygen::KeygenArgs),
    Plan(plan::PlanArgs),
    Run(run::RunArgs),
    Import(import::ImportArgs),
    Status(status::StatusArgs),
    Verify(verify::VerifyArgs),
    Warehouse(warehouse::WarehouseArgs),
    Retention(retention::RetentionArgs),
    Hold(hold::HoldArgs),
    Sweep(sweep::SweepArgs),
    Remap(remap::RemapArgs),
    Clock(clock::ClockArgs),
    Doctor(doctor::DoctorArgs),
    #[cfg(feature = "query")]
    Query(query::QueryArgs),
    #[cfg(feature = "query")]
    Export(export::ExportArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
}

impl Command {
    /// Whether it may talk to anybody beyond this machine.
    fn talks(&self) -> bool {
        match self {
            Self::Init(_) | Self::Keygen(_) | Self::Schema(_) | Self::Completions(_) => false,
            #[cfg(feature = "demo")]
            Self::DemoPlatform(_) => false,
            _ => true,
        }
    }
}

/// What every command is given.
pub(crate) struct CliContext {
    /// Path of the configuration file; it need not exist.
    pub(crate) config: PathBuf,
    /// Where results go.
    pub(crate) output: Output,
    progress: ProgressKind,
}

impl CliContext {
    fn new(global: Global) -> Self {
        let verbose = global.verbose > 0;
        Self {
            config: global.config,
            output: Output::new(global.output, global.quiet, global.color),
            progress: ProgressKind::choose(global.progress, global.quiet, verbose),
        }
    }

    /// Reads the configuration and logs its warnings.
    pub(crate) fn load_config(&self) -> Result<Config, Failure> {
        let config = Config::load(&self.config)?;
        if let Some(ca_file) = &config.ca_file {
            environment::trust(ca_file)?;
        }
        for warning in &config.warnings {
            let path = self.config.display();
            tracing::warn!("{path}: {warning}; {}", warning.action);
        }
        Ok(config)
    }

    /// A new progress handle, which shows itself as the user wants it.
    fn progress(&self, unit: Unit) -> RunProgress {
        RunProgress::new(self.progress, unit)
    }
}

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if completions::answered(&arguments) {
        return ExitCode::SUCCESS;
    }
    let early = Early::from(&arguments);
    panic::install_hook();
    stop::listen();
    let kind = std::panic::catch_unwind(|| start(&arguments, early)).unwrap_or_else(|_| {
        // The hook has told people; programs are told here.
        if early.output == Format::Json {
            let output = Output::new(early.output, false, early.color);
            output.finish(Err(panic::failure().into()));
        }
        ExitKind::Unforeseen
    });
    kind.into()
}

fn start(arguments: &[OsString], early: Early) -> ExitKind {
    let color = match early.color {
        ColorChoice::Auto => clap::ColorChoice::Auto,
        ColorChoice::Always => clap::ColorChoice::Always,
        ColorChoice::Never => clap::ColorChoice::Never,
    };
    let parsed = Cli::command()
        .color(color)
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && early.output == Format::Json => {
            let output = Output::new(early.output, false, early.color);
            return output.finish(Err(usage(&error).into()));
        }
        Err(error) => {
            let kind = match error.use_stderr() {
                true => ExitKind::Usage,
                false => ExitKind::Done,
            };
            // Where nobody reads it there is nobody left to tell.
            let _ = error.print();
            return kind;
        }
    };
    let global = &cli.global;
    let stderr = std::io::stderr();
    let style = Style::for_stream(global.color, &stderr);
    logging::start(global.quiet, global.verbose, style, !stderr.is_terminal());
    let context = CliContext::new(cli.global);
    let result = execute(cli.command, &context);
    context.output.finish(result)
}

/// Runs a future to its end on a runtime of its own, or until somebody asks to stop.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let _at_first = at_first(AtFirst::Drop);
    run_on(&mut Builder::new_multi_thread(), or_dropped(future))?
}

/// The same on this thread and one more, which does the work that would keep others waiting. The
/// allocator keeps freed memory by thread, so more threads would take a run beyond its memory, and
/// gain little: one half of a run waits for the network.
fn block_on_two_threads<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let _at_first = at_first(AtFirst::Drop);
    run_on(&mut two_threads(), or_dropped(future))?
}

/// The same for a future that hears by itself that somebody asks to stop, and then commits what it has.
fn block_on_to_the_end<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let _at_first = at_first(AtFirst::Commit);
    run_on(&mut two_threads(), future)
}

fn two_threads() -> Builder {
    let mut builder = Builder::new_current_thread();
    builder.max_blocking_threads(1);
    builder
}

fn run_on<T>(builder: &mut Builder, future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(ExitKind::Unforeseen, &error))?;
    let done = runtime.block_on(future);
    // A thread that waits for a name server or a disk keeps nobody waiting.
    runtime.shutdown_background();
    Ok(done)
}

fn execute(command: Command, context: &CliContext) -> Result<Ending, Report> {
    if command.talks() {
        environment::prepare_proxies()?;
    }
    match command {
        Command::Init(args) => init::execute(args, context),
        Command::Keygen(args) => keygen::execute(args, context),
        Command::Schema(args) => schema::execute(args),
        Command::Completions(args) => completions::execute(args),
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::execute(args, context),
        #[cfg(feature = "demo")]
        Command::DemoPlatform(args) => demo_platform::execute(args, context),
        Command::Plan(args) => plan::execute(args, context),
        Command::Run(args) => run::execute(args, context),
        Command::Import(args) => import::execute(args, context),
        Command::Status(args) => status::execute(args, context),
        Command::Verify(args) => verify::execute(args, context),
        Command::Warehouse(args) => warehouse::execute(args, context),
        Command::Retention(args) => retention::execute(args, context),
        Command::Hold(args) => hold::execute(args, context),
        Command::Sweep(args) => sweep::execute(args, context),
        Command::Remap(args) => remap::execute(args, context),
        Command::Clock(args) => clock::execute(args, context),
        Command::Doctor(args) => doctor::execute(args, context),
        #[cfg(feature = "query")]
        Command::Query(args) => query::execute(args, context),
        #[cfg(feature = "query")]
        Command::Export(args) => export::execute(args, context),
    }
}

/// What each command prints with `--output json`, in the order of the help. `query` prints the rows of its
/// statement, `export` events, and `schema config` and `schema output` print JSON Schemas.
fn describe(catalogue: &mut documents::Catalogue) {
    #[cfg(feature = "demo")]
    demo::describe(catalogue);
    #[cfg(feature = "demo")]
    demo_platform::describe(catalogue);
    init::describe(catalogue);
    keygen::describe(catalogue);
    plan::describe(catalogue);
    run::describe(catalogue);
    import::describe(catalogue);
    status::describe(catalogue);
    verify::describe(catalogue);
    warehouse::describe(catalogue);
    retention::describe(catalogue);
    hold::describe(catalogue);
    sweep::describe(catalogue);
    remap::describe(catalogue);
    clock::describe(catalogue);
    doctor::describe(catalogue);
    schema::describe(catalogue);
    completions::describe(catalogue);
}

/// A usage error as a failure; only its first line is needed, since clap goes on with usage and
/// advice for people.
fn usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or("wrong usage");
    let happened = first.strip_prefix("error: ").unwrap_or(first);
    Failure::new(ExitKind::Usage, happened)
        .kept("nothing was read or written")
        .action("see `trailhouse --help`, or `--help` of the command")
}

/// What must be known before the arguments are parsed, since an error in parsing needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Early {
    output: Format,
    color: ColorChoice,
}

impl Early {
    fn from(arguments: &[OsString]) -> Self {
        let mut early = Self {
            output: Format::Text,
            color: ColorChoice::Auto,
        };
        let mut words = arguments.iter().skip(1).filter_map(|word| word.to_str());
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word, None),
            };
            match name {
                "--" => break,
                "--output" => match value.or_else(|| words.next()) {
                    Some("json") => early.output = Format::Json,
                    _ => early.output = Format::Text,
                },
                "--color" => match value.or_else(|| words.next()) {
                    Some("always") => early.color = ColorChoice::Always,
                    Some("never") => early.color = ColorChoice::Never,
                    _ => early.color = ColorChoice::Auto,
                },
                _ => {}
            }
        }
        early
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn output_and_colour_are_known_before_parsing() {
        for (line, output, color) in [
            ("trailhouse run", Format::Text, ColorChoice::Auto),
            (
                "trailhouse --output json --bad",
                Format::Json,
                ColorChoice::Auto,
            ),
            (
                "trailhouse run --output=json --color never",
                Format::Json,
                ColorChoice::Never,
            ),
            (
                "trailhouse --color=always -- --output json",
                Format::Text,
                ColorChoice::Always,
            ),
            ("trailhouse --output", Format::Text, ColorChoice::Auto),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(Early::from(&words), Early { output, color }, "{line}");
        }
    }
}
