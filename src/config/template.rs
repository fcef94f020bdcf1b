//! Writes a first configuration file, with the choices explained where they are made.

use std::fmt::Write;

use crate::source::platform::kestra::{Dialect, Tenants};

use super::{Auth, SecretRef, Signing};

/// The choices of a first configuration. Everything else is written as a comment with its default.
#[derive(Debug, Clone)]
pub struct Template {
    /// Address of the lake.
    pub lake: String,
    /// How entries are signed; paths are written as they are.
    pub signing: Signing,
    /// Id of the source.
    pub source: String,
    /// Address of the platform.
    pub url: String,
    /// Which form of the API it speaks.
    pub dialect: Dialect,
    /// What to read.
    pub tenants: Tenants,
    /// How to sign in.
    pub auth: Auth<SecretRef>,
    /// First date, or "earliest".
    pub start: String,
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
        let dialect = match self.dialect {
            Dialect::V1 => "v1",
            Dialect::V2 => "v2",
        };
        writeln!(
            out,
            r#"# Configuration of trailhouse. `trailhouse schema config` explains every key;
# lines that are commented out show the default.
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
        writeln!(
            out,
            r#"
[[source]]
# Name of this source in columns, paths and the ledger. It can never change.
id = {id}
platform = "kestra"
url = {url}
# Version of the server's API: "v1" for Enterprise Edition up to 1.3, "v2" for 2.x.
dialect = "{dialect}""#,
            id = quote(&self.source),
            url = quote(&self.url),
        )?;
        match &self.tenants {
            Tenants::All => writeln!(out, "all_tenants = true # or: tenants = [\"main\"]")?,
            Tenants::Named(names) => {
                let names: Vec<String> = names.iter().map(|name| quote(name)).collect();
                writeln!(
                    out,
                    "tenants = [{}] # or: all_tenants = true, with the token of an instance owner",
                    names.join(", ")
                )?;
            }
        }
        let auth = match &self.auth {
            Auth::Bearer(place) => format!("{{ bearer = {} }}", secret(place)),
            Auth::Basic { username, password } => format!(
                "{{ basic = {{ username = {}, password = {} }} }}",
                quote(username),
                secret(password)
            ),
            Auth::Google(google) => match &google.credentials {
                Some(place) => format!("{{ service_account = {} }}", secret(place)),
                None => "{ default = true }".to_owned(),
            },
            Auth::None => "{ none = true }".to_owned(),
        };
        writeln!(
            out,
            r#"# Secrets are never written here, only where they are: {{ env = "NAME" }} or {{ file = "PATH" }}.
auth = {auth}
# First date to read, or "earliest" for the oldest record that the platform still has.
start = {start}
# settle = "5m"            # minimum age of a record before it is first read
# overlap = "30m"          # how much is read again, to find late records
# page_size = 1000
# concurrency = 4
# request_timeout = "2m"
# retry_for = "5m"         # how long to retry while the platform is failing or busy
# max_response = "32MiB"

# [run]
# deadline = "50m"         # no new work after this; work in progress is committed
# memory = "256MiB"
# chunk_rows = 250000      # maximum rows of one ledger entry
# chunk_time = "5m"        # maximum time between two commits

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
# in_run = true            # each run deletes what is due; otherwise `retention apply` does

# Certificate authorities to trust in addition to those of the machine. Proxies come from HTTPS_PROXY and NO_PROXY.
# [network]
# ca_file = "/etc/trailhouse/ca.pem"

# Redaction happens before anything is written, and the ledger records what was done.
# [[redaction.rule]]
# pointers = ["/appliedPatch", "/revertPatch"]
# action = "drop""#,
            start = quote(&self.start),
        )
    }
}

fn secret(place: &SecretRef) -> String {
    match place {
        SecretRef::Env(name) => format!("{{ env = {} }}", quote(name)),
        SecretRef::File(path) => format!("{{ file = {} }}", quote(&path.to_string_lossy())),
    }
}

/// Writes text as a TOML basic string.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::config::{Config, Start, StoreOption};
    use crate::source::platform::kestra::KestraSettings;

    fn template() -> Template {
        Template {
            lake: "gs://bucket/lake".to_owned(),
            signing: Signing::Key {
                key: SecretRef::File(PathBuf::from("trailhouse.key")),
                public_key: None,
            },
            source: "kestra-prod".to_owned(),
            url: "https://kestra.example.com/base".to_owned(),
            dialect: Dialect::V2,
            tenants: Tenants::Named(vec!["main".to_owned(), "b_2".to_owned()]),
            auth: Auth::Bearer(SecretRef::Env("KESTRA_TOKEN".to_owned())),
            start: "earliest".to_owned(),
        }
    }

    fn parse(template: &Template) -> Config {
        Config::parse(
            template.render().as_bytes(),
            Path::new("/etc/t/trailhouse.toml"),
        )
        .unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let config = parse(&template());
        let source = &config.sources[0];
        let kestra: &KestraSettings = source.platform.as_any().downcast_ref().unwrap();
        assert_eq!(config.lake.url.as_str(), "gs://bucket/lake");
        assert!(
            config
                .lake
                .options
                .values()
                .all(|v| matches!(v, StoreOption::Text(_)))
        );
        assert_eq!(
            config.signing,
            Signing::Key {
                key: SecretRef::File(PathBuf::from("/etc/t/trailhouse.key")),
                public_key: None,
            }
        );
        assert_eq!(source.id, "kestra-prod");
        assert_eq!(kestra.url.as_str(), "https://kestra.example.com/base");
        assert_eq!(kestra.tenants, template().tenants);
        assert_eq!(kestra.auth, template().auth);
        assert_eq!(source.start, Start::Earliest);
        assert!(config.warnings.is_empty());
    }

    #[test]
    fn every_choice_can_be_written() {
        let config = parse(&Template {
            signing: Signing::Unsigned,
            tenants: Tenants::All,
            dialect: Dialect::V1,
            auth: Auth::Basic {
                username: "a \"quoted\" \\ näme".to_owned(),
                password: SecretRef::File(PathBuf::from("C:\\secret")),
            },
            start: "2026-01-01".to_owned(),
            ..template()
        });
        let platform = &config.sources[0].platform;
        let kestra: &KestraSettings = platform.as_any().downcast_ref().unwrap();
        assert_eq!(config.signing, Signing::Unsigned);
        assert_eq!(kestra.tenants, Tenants::All);
        let Auth::Basic { username, .. } = &kestra.auth else {
            panic!("{:?}", kestra.auth);
        };
        assert_eq!(username, "a \"quoted\" \\ näme");
        parse(&Template {
            auth: Auth::None,
            ..template()
        });
        let place = SecretRef::File(PathBuf::from("/etc/t/trailhouse.key.pub"));
        for signing in [
            Signing::PublicKey(place.clone()),
            Signing::Key {
                key: SecretRef::Env("KEY".to_owned()),
                public_key: Some(place),
            },
        ] {
            let template = Template {
                signing: signing.clone(),
                ..template()
            };
            assert_eq!(parse(&template).signing, signing);
        }
    }

    #[test]
    fn the_lines_commented_out_are_the_defaults() {
        let commented = template().render();
        let active: String = commented
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest)
                    if rest.starts_with('[')
                        || rest.contains(" = ")
                            && !rest.contains('`')
                            && !rest.contains("{ env") =>
                {
                    rest
                }
                _ => line,
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        let path = Path::new("trailhouse.toml");
        let written = Config::parse(active.as_bytes(), path).unwrap();
        let default = Config::parse(commented.as_bytes(), path).unwrap();
        assert_eq!(written.run, default.run);
        assert_eq!(written.sources[0].requests, default.sources[0].requests);
        assert_eq!(written.sources[0].settle, default.sources[0].settle);
        assert_eq!(written.sources[0].overlap, default.sources[0].overlap);
        assert_eq!(written.redaction.rules.len(), 2);
        assert_eq!(written.warehouses.len(), 1);
    }
}
