//! `trailhouse init`.

mod interview;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::ArgGroup;
use schemars::JsonSchema;
use serde::Serialize;
use url::Url;

use super::CliContext;
use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, FailureDetail, Report};
use super::key_file::{self, unwritable};
use super::keygen::KeygenRole;
use super::output::{Ending, Format, OutputDocument};
use super::page::Page;
use crate::config::{Auth, Config, ConfigError, SecretRef, Signing, Template, TextKind};
use crate::ledger::key::SigningKey;
use crate::source::platform::kestra::{Dialect, Tenants};
use crate::store::Bucket;
use interview::Interview;

/// Write a first configuration and make a signing key
///
/// Takes what is needed from flags and, on a terminal, asks for the rest. The file has comments:
/// every setting is explained, and settings that were not chosen are shown with their defaults.
///
/// Changes: writes the configuration file (-c, else ./trailhouse.toml), the signing key, which only
/// its owner can read, and the verifier key beside it. An existing key file is used and never
/// overwritten; an existing configuration is replaced only with --force. Asks no server.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("sign_in").args(["token_env", "token_file", "username", "no_auth"]),
    group = ArgGroup::new("password").args(["password_env", "password_file"]).requires("username"),
    after_long_help = "\
Examples:
  trailhouse init
  trailhouse init --lake gs://acme-audit/trailhouse --url https://kestra.example.com --dialect v2
  trailhouse -c /etc/trailhouse/trailhouse.toml init --lake /var/lib/trailhouse \\
      --url https://kestra.example.com --dialect v1 --all-tenants --token-file /etc/trailhouse/token"
)]
pub(crate) struct InitArgs {
    /// URL or folder of the lake
    ///
    /// A gs://, s3://, az:// or file:// URL, or a folder.
    #[arg(long, value_name = "URL|DIR")]
    lake: Option<String>,
    /// Address of the Kestra server, without /api
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// v1 for Enterprise Edition up to 1.3, v2 for 2.x
    #[arg(long, value_name = "FORM", value_parser = ["v1", "v2"], hide_possible_values = true)]
    dialect: Option<String>,
    /// Permanent name of the source [default: kestra]
    ///
    /// Lower-case letters, digits and hyphens. The lake and the ledger keep it, so it cannot be changed
    /// later.
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// Tenant to read; may be repeated [default: main]
    #[arg(long, value_name = "ID", conflicts_with = "all_tenants")]
    tenant: Vec<String>,
    /// Read every tenant
    #[arg(long)]
    all_tenants: bool,
    /// Variable with the token [default: KESTRA_TOKEN]
    ///
    /// Name of the environment variable that holds the API token.
    #[arg(long, value_name = "NAME")]
    token_env: Option<String>,
    /// File with the API token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Sign in by user name and password
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Password variable [default: KESTRA_PASSWORD]
    ///
    /// Name of the environment variable that holds the password.
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
    /// File with the password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Do not sign in
    #[arg(long)]
    no_auth: bool,
    /// First date to read [default: earliest]
    #[arg(long, value_name = "DATE")]
    start: Option<String>,
    /// File of the signing key
    ///
    /// Relative to the folder of the configuration.
    #[arg(long, value_name = "FILE", default_value = "trailhouse.key")]
    key: PathBuf,
    /// Name of the key [default: trailhouse-writer]
    ///
    /// Signatures show it.
    #[arg(long, value_name = "NAME", default_value = KeygenRole::Writer.key_name(), hide_default_value = true)]
    key_name: String,
    /// Sign nothing: for experiments only
    #[arg(long, conflicts_with_all = ["key", "key_name"])]
    unsigned: bool,
    /// Replace a configuration file that exists
    #[arg(long)]
    force: bool,
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.bare::<Written>("init");
}

pub(super) fn execute(args: InitArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = &context.config;
    if !args.force && config.symlink_metadata().is_ok() {
        return Err(exists(config).into());
    }
    let missing = args.missing();
    let mut template = args.template();
    if !missing.is_empty() {
        let text = context.output.format() == Format::Text;
        if !(text && io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Err(needs(&missing).into());
        }
        let mut interview = Interview::new(io::stdin().lock(), io::stderr());
        interview.fill(&mut template, &args).map_err(|error| {
            Failure::from_error(ExitKind::Usage, &error)
                .kept("nothing was written")
                .action(
                    "answer the questions, or give the flags that `trailhouse init --help` lists",
                )
        })?;
    }
    let text = template.render();
    Config::parse(text.as_bytes(), config).map_err(not_valid)?;
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
        next: next(config, &template),
    }))
}

impl InitArgs {
    /// The flags that have no default and were not given.
    fn missing(&self) -> Vec<&'static str> {
        [
            ("--lake", self.lake.is_none()),
            ("--url", self.url.is_none()),
            ("--dialect", self.dialect.is_none()),
        ]
        .into_iter()
        .filter_map(|(flag, missing)| missing.then_some(flag))
        .collect()
    }

    /// The configuration as far as flags decide it; examples stand where they do not.
    fn template(&self) -> Template {
        let text = |value: &Option<String>, default: &str| match value {
            Some(value) => value.clone(),
            None => default.to_owned(),
        };
        let secret = |env: &Option<String>, file: &Option<PathBuf>, default: &str| match file {
            Some(path) => SecretRef::File(path.clone()),
            None => SecretRef::Env(text(env, default)),
        };
        Template {
            lake: lake_url(&text(&self.lake, "./lake")),
            signing: match self.unsigned {
                true => Signing::Unsigned,
                false => Signing::Key {
                    key: SecretRef::File(self.key.clone()),
                    public_key: None,
                },
            },
            source: text(&self.source, "kestra"),
            url: text(&self.url, "https://kestra.example.com"),
            dialect: match self.dialect.as_deref() {
                Some("v1") => Dialect::V1,
                _ => Dialect::V2,
            },
            tenants: match (self.all_tenants, self.tenant.is_empty()) {
                (true, _) => Tenants::All,
                (false, true) => Tenants::Named(vec!["main".to_owned()]),
                (false, false) => Tenants::Named(self.tenant.clone()),
            },
            auth: match &self.username {
                Some(username) => Auth::Basic {
                    username: username.clone(),
                    password: secret(&self.password_env, &self.password_file, "KESTRA_PASSWORD"),
                },
                None if self.no_auth => Auth::None,
                None => Auth::Bearer(secret(&self.token_env, &self.token_file, "KESTRA_TOKEN")),
            },
            start: text(&self.start, "earliest"),
        }
    }

    /// Whether any flag says how to sign in.
    fn sign_in_given(&self) -> bool {
        self.token_env.is_some()
            || self.token_file.is_some()
            || self.username.is_some()
            || self.no_auth
    }
}

/// A URL as it is; a path as a `file://` URL.
fn lake_url(text: &str) -> String {
    if text.contains("://") {
        return text.to_owned();
    }
    let url = std::path::absolute(text)
        .ok()
        .and_then(|path| Url::from_file_path(path).ok());
    url.map_or_else(|| text.to_owned(), String::from)
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

fn needs(missing: &[&str]) -> Failure {
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
fn not_valid(error: ConfigError) -> Failure {
    let details = error.problems().iter().map(|problem| FailureDetail {
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

fn next(config: &Path, template: &Template) -> Vec<String> {
    let named = match config == Path::new("./trailhouse.toml") {
        true => String::new(),
        false => format!(" -c {}", config.display()),
    };
    let mut steps = Vec::new();
    let secret = match &template.auth {
        Auth::Bearer(place) => Some(("the API token", place)),
        Auth::Basic { password, .. } => Some(("the password", password)),
        Auth::Google(google) => google
            .credentials
            .as_ref()
            .map(|place| ("the credentials", place)),
        Auth::None => None,
    };
    match secret {
        Some((what, SecretRef::Env(name))) => steps.push(format!("export {name}=…  # {what}")),
        Some((what, SecretRef::File(path))) => {
            steps.push(format!("put {what} into {}", path.display()));
        }
        None => {}
    }
    for command in ["doctor", "run"] {
        steps.push(format!("trailhouse{named} {command}"));
    }
    steps
}

#[cfg(test)]
mod tests;
