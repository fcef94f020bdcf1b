//! `trailhouse keygen`.

use std::path::PathBuf;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;

use super::CliContext;
use super::documents::Catalogue;
use super::failure::Report;
use super::key_file;
use super::output::{Ending, OutputDocument};
use super::page::Page;

/// Create a signing key and print its verifier key
///
/// The key is an Ed25519 key in the text form of signed notes (C2SP, Go's sumdb/note). FILE gets
/// the private key and can be read by its owner only; FILE.pub gets the verifier key, which is
/// public and also printed: anyone who checks the lake needs it.
///
/// Changes: writes FILE and FILE.pub. Never overwrites a file.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse keygen -o /etc/trailhouse/writer.key
  trailhouse keygen --role officer --name acme-officer-1 -o officer.key")]
pub(crate) struct KeygenArgs {
    /// File for the private key
    #[arg(short, long = "out", value_name = "FILE")]
    out: PathBuf,
    /// What the key is for; sets only the default name, since the ledger grants the role
    #[arg(long, value_enum, default_value_t = KeygenRole::Writer)]
    role: KeygenRole,
    /// Name in signatures, without spaces and plus signs [default: trailhouse-ROLE]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum KeygenRole {
    /// Scheduled runs
    Writer,
    /// Decisions of people: holds, releases, erasure
    Officer,
    /// Changes of keys; kept offline
    Root,
}

impl KeygenRole {
    /// The name of a key of this role, where the user gave none.
    pub(super) fn key_name(self) -> &'static str {
        match self {
            Self::Writer => "trailhouse-writer",
            Self::Officer => "trailhouse-officer",
            Self::Root => "trailhouse-root",
        }
    }
}

/// A key pair that was created.
#[derive(Serialize, JsonSchema)]
struct KeygenDocument {
    /// What the key is for.
    role: KeygenRole,
    /// Name of the key, which its signatures carry.
    name: String,
    /// Path of the file with the signing key, which is secret.
    file: PathBuf,
    /// Path of the file with the verifier key, which is not secret.
    public_file: PathBuf,
    /// The verifier key itself (C2SP signed-note).
    verifier_key: String,
}

impl OutputDocument for KeygenDocument {
    fn text(&self, page: &mut Page) {
        page.line(&self.verifier_key);
    }
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.bare::<KeygenDocument>("keygen");
}

pub(super) fn execute(args: KeygenArgs, context: &CliContext) -> Result<Ending, Report> {
    let name = match args.name {
        Some(name) => name,
        None => args.role.key_name().to_owned(),
    };
    let key = key_file::create(&name, &args.out)?;
    let public_file = key_file::public_path(&args.out);
    context.output.note(&format!(
        "wrote `{}` (keep it secret) and `{}`; the verifier key:",
        args.out.display(),
        public_file.display()
    ));
    Ok(Ending::bare(KeygenDocument {
        role: args.role,
        name,
        file: args.out,
        public_file,
        verifier_key: key.verifier().to_string(),
    }))
}
