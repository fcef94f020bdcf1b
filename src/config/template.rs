//! Writes a first configuration file, with the choices explained where they are made.

mod source;
#[cfg(test)]
mod tests;

pub use source::{ChoiceError, SourceChoices};

use std::fmt::Write;

use super::{SecretRef, Signing};
use crate::settings::inline::as_toml;

/// The choices of a first configuration. Everything else is written as a comment with its default.
#[derive(Debug, Clone)]
pub struct Template {
    /// Address of the lake.
    pub lake: String,
    /// How entries are signed; paths are written as they are.
    pub signing: Signing,
    /// What is read.
    pub source: SourceChoices,
}

impl Template {
    /// The text of the file. Values are quoted but not checked; parse the text to do that.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            r#"# Configuration of trailhouse. `trailhouse schema config` explains every key;
# lines that are commented out show the default, or an example of what has none.
version = 1

[lake]
# Where the lake is kept: gs://bucket/prefix, s3://bucket/prefix, az://container/prefix or
# file:///absolute/path. Credentials come from the environment, as for any tool of that cloud.
url = {lake}

[signing]"#,
            lake = quote(&self.lake),
        )?;
        match &self.signing {
            Signing::Key { key, public_key } => {
                writeln!(
                    out,
                    "# Every ledger entry is signed with this key. Keep a copy in a safe place: without it nobody\n\
                     # can add to the lake. The verifier key beside it is public: checking and querying the lake\n\
                     # need only that, as `public_key` instead of `key`.\n\
                     key = {}",
                    secret(key)
                )?;
                if let Some(place) = public_key {
                    writeln!(out, "public_key = {}", secret(place))?;
                }
            }
            Signing::PublicKey(place) => writeln!(
                out,
                "# Only entries signed by this key are trusted. Without a signing key nothing can be added.\n\
                 public_key = {}",
                secret(place)
            )?,
            Signing::Unsigned => writeln!(
                out,
                "# For experiments only: unsigned entries prove nothing. Create a key with\n\
                 # `trailhouse keygen -o trailhouse.key` before you read real data.\n\
                 unsigned = true\n\
                 # key = {{ file = \"trailhouse.key\" }}"
            )?,
        }
        writeln!(out)?;
        self.source.write(out)?;
        writeln!(
            out,
            r#"
# [run]
# deadline = "50m"         # No new work after this; work in progress is committed
# memory = "256MiB"        # Total memory of a run
# chunk_rows = 250000      # Maximum rows of one ledger entry
# chunk_time = "5m"        # Maximum time between two commits

# To fill BigQuery, add a warehouse; docs/bigquery.md shows all steps from an empty project.
# [[warehouse]]
# name = "bq"
# kind = "bigquery"
# project = "acme-audit"
# dataset = "audit"
# location = "EU"
# auth = {{ default = true }}

# How long records are kept. Nothing is deleted before a person has confirmed the first plan:
# `trailhouse retention plan`, then `trailhouse retention apply --confirm …`.
# [retention]
# default = "400d"         # d, mo and y of the calendar, or "forever"
# in_run = true            # Each run deletes what is due; otherwise `retention apply` does

# Certificate authorities to trust in addition to those of the machine. Proxies come from HTTPS_PROXY and NO_PROXY.
# [network]
# ca_file = "/etc/trailhouse/ca.pem"

# Redaction happens before anything is written, and the ledger records what was done.
# [[redaction.rule]]
# {redacted}
# action = "drop""#,
            redacted = self.redacted(),
        )
    }

    /// What a redaction rule is about, as an example.
    fn redacted(&self) -> String {
        let profile = self.source.platform().profile;
        let Some(mapping) = profile.mapping else {
            // Which columns have anything to hide is described, too.
            return "pointers = [\"/user/email\"]".to_owned();
        };
        match mapping.origins().secret().as_slice() {
            [] => "classification = \"sensitive\"".to_owned(),
            places => format!("pointers = {}", as_toml(&places.into())),
        }
    }
}

fn secret(place: &SecretRef) -> String {
    match place {
        SecretRef::Env(name) => format!("{{ env = {} }}", quote(name)),
        SecretRef::File(path) => format!("{{ file = {} }}", quote(&path.to_string_lossy())),
    }
}

fn quote(text: &str) -> String {
    as_toml(&text.into())
}
