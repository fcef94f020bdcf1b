//! The arguments of `init`, and the choices that they are.

use std::path::PathBuf;

use clap::ArgGroup;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};
use url::Url;

use super::questions::{flag_of, user_key};
use crate::cli::keygen::KeygenRole;
use crate::config::{ChoiceError, SecretRef, Signing, SourceChoices, Template};
use crate::source::platform::{PLATFORMS, PlatformProfile, RegisteredPlatform, Unanswered};

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
    after_long_help = closing_help()
)]
pub(crate) struct InitArgs {
    /// URL or folder of the lake
    ///
    /// A gs://, s3://, az:// or file:// URL, or a folder.
    #[arg(long, value_name = "URL|DIR")]
    pub(super) lake: Option<String>,
    /// Kind of platform to read
    ///
    /// One of those listed below. By default `init` asks on a terminal, and takes the first elsewhere.
    #[arg(long, value_name = "NAME", value_parser = platform_names(), hide_possible_values = true)]
    pub(super) platform: Option<&'static RegisteredPlatform>,
    /// Address of the platform (`url`)
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Version of its API (`dialect`)
    #[arg(long, value_name = "FORM")]
    dialect: Option<String>,
    /// Permanent name of the source (`id`)
    ///
    /// Lower-case letters, digits and hyphens. The lake and the ledger keep it, so it cannot be changed
    /// later. By default it is the name of the platform.
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// Tenant to read (`tenants`); may be repeated
    #[arg(long, value_name = "ID", conflicts_with = "all_tenants")]
    tenant: Vec<String>,
    /// Read every tenant (`all_tenants`)
    #[arg(long)]
    all_tenants: bool,
    /// Variable with the API token
    ///
    /// Name of the environment variable that holds it. The usual ones are listed below.
    #[arg(long, value_name = "NAME")]
    token_env: Option<String>,
    /// File with the API token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Sign in by user name and password
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Variable with the password
    ///
    /// Name of the environment variable that holds it. The usual ones are listed below.
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
    /// File with the password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Do not sign in
    #[arg(long)]
    no_auth: bool,
    /// First date to read (`start`) [default: earliest]
    #[arg(long, value_name = "DATE")]
    start: Option<String>,
    /// Any other setting of the source; may be repeated
    ///
    /// KEY is a key of [[source]], with dots for inner tables: auth.bearer.file=/run/token. VALUE is as in the
    /// file, and text needs no quotes. `trailhouse schema config` lists the keys.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = assignment)]
    settings: Vec<(String, String)>,
    /// File of the signing key
    ///
    /// Relative to the folder of the configuration.
    #[arg(long, value_name = "FILE", default_value = "trailhouse.key")]
    pub(super) key: PathBuf,
    /// Name of the key [default: trailhouse-writer]
    ///
    /// Signatures show it.
    #[arg(long, value_name = "NAME", default_value = KeygenRole::Writer.key_name(), hide_default_value = true, hide_short_help = true)]
    pub(super) key_name: String,
    /// Sign nothing: for experiments only
    #[arg(long, conflicts_with_all = ["key", "key_name"])]
    pub(super) unsigned: bool,
    /// Replace a configuration file that exists
    #[arg(long)]
    pub(super) force: bool,
}

/// What the long help ends with: examples, and each platform with what it needs.
fn closing_help() -> String {
    let mut help = EXAMPLES.to_owned();
    for platform in PLATFORMS {
        let about = platform.about.trim_end_matches('.');
        help.push_str(&format!("\n  {:<12} {about}", platform.name));
        let PlatformProfile {
            questions, sign_in, ..
        } = platform.profile;
        let flags = |kind: Unanswered| -> Vec<String> {
            let asked = questions
                .iter()
                .filter(|question| question.unanswered == kind);
            let flags = asked.map(|question| {
                let flag = flag_of(platform, question.setting);
                match (kind, question.proposal) {
                    (Unanswered::Proposal, Some(proposal)) => format!("{flag} {proposal}"),
                    _ => flag,
                }
            });
            flags.collect()
        };
        let ways = sign_in.iter().map(|way| match way.env() {
            Some(env) => format!("{} ({env})", way.key()),
            None => way.key().to_owned(),
        });
        for (what, list) in [
            ("needs", flags(Unanswered::Missing)),
            ("by default", flags(Unanswered::Proposal)),
            ("signs in by", ways.collect()),
        ] {
            if !list.is_empty() {
                help.push_str(&format!("\n  {:<12} {what}: {}", "", list.join(", ")));
            }
        }
    }
    help
}

const EXAMPLES: &str = "\
Examples:
  trailhouse init
  trailhouse init --lake gs://acme-audit/trailhouse --url https://kestra.example.com --dialect v2
  trailhouse -c /etc/trailhouse/trailhouse.toml init --lake /var/lib/trailhouse \\
      --url https://kestra.example.com --dialect v1 --all-tenants --token-file /etc/trailhouse/token
  trailhouse init --platform kestra --lake ./lake --set url=https://kestra.example.com \\
      --set dialect=v2 --set 'tenants=[\"main\", \"data\"]' --set page_size=500

Platforms:";

fn platform_names() -> impl TypedValueParser<Value = &'static RegisteredPlatform> {
    let names = PLATFORMS.iter().map(|platform| {
        PossibleValue::new(platform.name).help(platform.about.trim_end_matches('.'))
    });
    PossibleValuesParser::new(names).map(|name| {
        let found = PLATFORMS.iter().find(|platform| platform.name == name);
        // The parser takes only these names.
        found.unwrap_or(&PLATFORMS[0])
    })
}

/// The two sides of the first equals sign.
fn assignment(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("write KEY=VALUE"),
    }
}

impl InitArgs {
    /// The platform that is named, or else the first.
    pub(super) fn platform_or_first(&self) -> &'static RegisteredPlatform {
        self.platform.unwrap_or(&PLATFORMS[0])
    }

    /// The configuration as far as flags decide it.
    ///
    /// # Errors
    /// A setting is given twice, or a key or value is none.
    pub(super) fn template(
        &self,
        platform: &'static RegisteredPlatform,
    ) -> Result<Template, ChoiceError> {
        Ok(Template {
            lake: lake_url(self.lake.as_deref().unwrap_or("./lake")),
            signing: match self.unsigned {
                true => Signing::Unsigned,
                false => Signing::Key {
                    key: SecretRef::File(self.key.clone()),
                    public_key: None,
                },
            },
            source: self.choices(platform)?,
        })
    }

    fn choices(&self, platform: &'static RegisteredPlatform) -> Result<SourceChoices, ChoiceError> {
        let mut choices = SourceChoices::new(platform);
        let file = |path: &Option<PathBuf>| Some(json!(path.as_ref()?.to_string_lossy()));
        let text = |text: &Option<String>| text.as_ref().map(|text| json!(text));
        let yes = |flag: bool| flag.then_some(Value::Bool(true));
        let tenants = (!self.tenant.is_empty()).then(|| json!(self.tenant));
        let user = user_key(platform);
        let username = format!("auth.{user}.username");
        let password_env = format!("auth.{user}.password.env");
        let password_file = format!("auth.{user}.password.file");
        for (setting, value) in [
            ("url", text(&self.url)),
            ("dialect", text(&self.dialect)),
            ("id", text(&self.source)),
            ("tenants", tenants),
            ("all_tenants", yes(self.all_tenants)),
            ("auth.bearer.env", text(&self.token_env)),
            ("auth.bearer.file", file(&self.token_file)),
            (username.as_str(), text(&self.username)),
            (password_env.as_str(), text(&self.password_env)),
            (password_file.as_str(), file(&self.password_file)),
            ("auth.none", yes(self.no_auth)),
            ("start", text(&self.start)),
        ] {
            if let Some(value) = value {
                choices.set(setting, value)?;
            }
        }
        for (key, value) in &self.settings {
            choices.set_text(key, value)?;
        }
        Ok(choices)
    }
}

/// A URL as it is; a path as a `file://` URL.
pub(super) fn lake_url(text: &str) -> String {
    if text.contains("://") {
        return text.to_owned();
    }
    let url = std::path::absolute(text)
        .ok()
        .and_then(|path| Url::from_file_path(path).ok());
    url.map_or_else(|| text.to_owned(), String::from)
}
