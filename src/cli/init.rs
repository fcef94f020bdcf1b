//! `trailhouse init`.

mod args;
mod interview;
mod questions;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::CliContext;
use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, FailureDetail, Report};
use super::key_file::{self, unwritable};
use super::output::{Ending, Format, OutputDocument};
use super::page::Page;
use crate::config::{ChoiceError, Config, ConfigProblem, SecretRef, Template, TextKind};
use crate::ledger::key::SigningKey;
use crate::settings::NamedSecret;
use crate::source::platform::{PLATFORMS, Question};
use crate::store::Bucket;
pub(crate) use args::InitArgs;
use interview::Interview;

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.bare::<Written>("init");
}

pub(super) fn execute(args: InitArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = &context.config;
    if !args.force && config.symlink_metadata().is_ok() {
        return Err(exists(config).into());
    }
    let template = template(&args, context)?;
    let text = template.render();
    let parsed =
        Config::parse(text.as_bytes(), config).map_err(|error| not_valid(error.problems()))?;
    let key = match args.unsigned {
        true => None,
        false => Some(signing_key(&args, config)?),
    };
    write_config(config, &text, args.force).map_err(|failure| match &key {
        Some(key) if key.made => failure.kept(format!("the key `{}`", key.file.display())),
        _ => failure.kept("nothing was written"),
    })?;
    // Here and never in `run`: a disk that is not mounted must not look like a new lake.
    Bucket::prepare(&template.lake).map_err(|error| {
        Failure::from_error(ExitKind::Usage, &error)
            .kept(format!("the configuration `{}`", config.display()))
            .action("make the directory of the lake, or name another one")
    })?;
    Ok(Ending::bare(Written {
        config: config.clone(),
        key,
        next: next(config, &parsed),
    }))
}

/// The choices of flags and, on a terminal, of answers.
fn template(args: &InitArgs, context: &CliContext) -> Result<Template, Failure> {
    let given = args.template(args.platform_or_first());
    let given = given.map_err(not_chosen)?;
    let missing = match questions::complete(&given.source) {
        Ok(source) if args.lake.is_some() => return Ok(Template { source, ..given }),
        Ok(_) => Vec::new(),
        Err(missing) => missing,
    };
    let text = context.output.format() == Format::Text;
    if !(text && io::stdin().is_terminal() && io::stderr().is_terminal()) {
        refuse_wrong_flags(&given)?;
        return Err(needs(&missing_flags(args, &missing)));
    }
    let not_answered = |error: io::Error| {
        Failure::from_error(ExitKind::Usage, &error)
            .kept("nothing was written")
            .action("answer the questions, or give the flags that `trailhouse init --help` lists")
    };
    let interview = Interview::begin(io::stdin().lock(), io::stderr());
    let mut interview = interview.map_err(not_answered)?;
    let platform = match args.platform {
        Some(platform) => platform,
        None => interview.platform(PLATFORMS).map_err(not_answered)?,
    };
    let mut template = args.template(platform).map_err(not_chosen)?;
    refuse_wrong_flags(&template)?;
    interview
        .fill(&mut template, args.lake.is_none())
        .map_err(not_answered)?;
    Ok(template)
}

/// Reports what is wrong with what was given, before anything is said of what was not.
fn refuse_wrong_flags(template: &Template) -> Result<(), Failure> {
    let Err(error) = Config::parse(template.render().as_bytes(), Path::new("")) else {
        return Ok(());
    };
    let given = |problem: &&ConfigProblem| {
        let of_source = problem
            .table
            .as_deref()
            .is_some_and(|it| it.starts_with("[[source]]"));
        let key = problem.key.as_deref().unwrap_or_default();
        let key = key.split('[').next().unwrap_or_default();
        of_source && template.source.has(key)
    };
    let wrong: Vec<&ConfigProblem> = error.problems().iter().filter(given).collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(not_valid(wrong)),
    }
}

/// The flags that have no default and were not given.
fn missing_flags(args: &InitArgs, missing: &[Question]) -> Vec<String> {
    let platform = args.platform_or_first();
    let lake = args.lake.is_none().then(|| "--lake".to_owned());
    let flags = missing
        .iter()
        .map(|question| questions::flag_of(platform, question.setting));
    lake.into_iter().chain(flags).collect()
}

fn not_chosen(error: ChoiceError) -> Failure {
    let action = match &error {
        ChoiceError::Twice(_) => "give it once, by its flag or by --set",
        ChoiceError::NotAKey(_) => {
            "write --set KEY=VALUE with a key that `trailhouse schema config` lists"
        }
        ChoiceError::NotAValue(_) => {
            "write the value as in the configuration file, in quotes for the shell"
        }
        ChoiceError::Platform => "choose the platform with --platform",
    };
    Failure::from_error(ExitKind::Usage, &error)
        .kept("nothing was written")
        .action(action)
}

/// The key that signs the ledger.
#[derive(Debug, Serialize, JsonSchema)]
struct InitKey {
    /// Path of the file with the signing key, which is secret.
    file: PathBuf,
    /// Path of the file with the verifier key, which is not secret.
    public_file: PathBuf,
    /// The verifier key itself (C2SP signed-note).
    verifier_key: String,
    /// Whether `init` created the key; false if the file existed and was kept.
    made: bool,
}

fn signing_key(args: &InitArgs, config: &Path) -> Result<InitKey, Failure> {
    let file = config.parent().unwrap_or(Path::new("")).join(&args.key);
    let made = file.symlink_metadata().is_err();
    let key = match made {
        true => key_file::create(&args.key_name, &file)?,
        false => existing_key(&file)?,
    };
    Ok(InitKey {
        public_file: key_file::public_path(&file),
        verifier_key: key.verifier().to_string(),
        file,
        made,
    })
}

fn existing_key(file: &Path) -> Result<SigningKey, Failure> {
    let text = SecretRef::File(file.to_owned()).load(TextKind::Key)?;
    let key = SigningKey::parse(&text).map_err(|error| {
        let mut failure = Failure::new(
            ExitKind::Usage,
            format!("`{}` exists and is not a signing key", file.display()),
        );
        failure.causes.push(error.to_string());
        failure
            .kept("the existing file is unchanged, nothing was written")
            .action("choose another file with --key")
    })?;
    key_file::complete(&key, file)?;
    Ok(key)
}

/// Writes the configuration in one step, so that nobody reads half of it.
fn write_config(path: &Path, text: &str, replace: bool) -> Result<(), Failure> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let part = folder.join(name);
    let written = (|| {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match replace {
            true => fs::rename(&part, path),
            // A link, unlike a rename, does not replace a file that came in the meantime.
            false => fs::hard_link(&part, path).and_then(|()| fs::remove_file(&part)),
        }
    })();
    written.map_err(|error: io::Error| {
        let _ = fs::remove_file(&part);
        match error.kind() {
            io::ErrorKind::AlreadyExists => exists(path),
            _ => unwritable(path, &error),
        }
    })
}

fn exists(path: &Path) -> Failure {
    Failure::new(
        ExitKind::Usage,
        format!("configuration file `{}` already exists", path.display()),
    )
    .kept("the existing file is unchanged, nothing was written")
    .action("choose another file with --config, or replace this one with --force")
}

fn needs(missing: &[String]) -> Failure {
    let happened = format!(
        "missing: {}; there is no terminal to ask on",
        missing.join(", ")
    );
    Failure::new(ExitKind::Usage, happened)
        .kept("nothing was written")
        .action("give these flags; `trailhouse init --help` explains them")
}

/// The flags together make no valid configuration. Line numbers would be those of a file that was
/// not written, so they are left out.
fn not_valid<'a>(problems: impl IntoIterator<Item = &'a ConfigProblem>) -> Failure {
    let details = problems.into_iter().map(|problem| FailureDetail {
        place: problem.key.as_ref().map(|key| format!("`{key}`")),
        happened: problem.what.clone(),
        action: Some(problem.action.clone()),
    });
    Failure::new(
        ExitKind::Usage,
        "these answers do not make a valid configuration",
    )
    .details(details)
    .kept("nothing was written")
    .action("give other flags; `trailhouse init --help` explains them")
}

/// What `init` wrote.
#[derive(Debug, Serialize, JsonSchema)]
struct Written {
    /// Path of the configuration file that was written.
    config: PathBuf,
    /// The key that signs the ledger; `null` if the lake is unsigned.
    key: Option<InitKey>,
    /// What to do next, in order: commands, or where to put a secret.
    next: Vec<String>,
}

impl OutputDocument for Written {
    fn text(&self, page: &mut Page) {
        page.good(&format!("wrote `{}`", self.config.display()));
        if let Some(key) = &self.key {
            let did = if key.made { "made" } else { "kept" };
            page.good(&format!("{did} the signing key `{}`", key.file.display()));
            page.line(&format!("verifier key: {}", key.verifier_key));
        }
        page.heading("next");
        for step in &self.next {
            page.command(step);
        }
    }
}

fn next(path: &Path, config: &Config) -> Vec<String> {
    let named = match path == Path::new("./trailhouse.toml") {
        true => String::new(),
        false => format!(" -c {}", path.display()),
    };
    let mut steps = Vec::new();
    let secrets = config
        .sources
        .iter()
        .flat_map(|source| source.platform.secrets());
    for NamedSecret { noun, place, .. } in secrets {
        steps.push(match place {
            SecretRef::Env(name) => format!("export {name}=…  # the {noun}"),
            SecretRef::File(path) => format!("put the {noun} into {}", path.display()),
        });
    }
    for command in ["doctor", "run"] {
        steps.push(format!("trailhouse{named} {command}"));
    }
    steps
}

#[cfg(test)]
mod tests;
