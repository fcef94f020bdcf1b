//! The double of Kestra that `trailhouse demo` reads, and how it is configured.

pub(crate) use trailhouse_demo::kestra::{Options, Platform};

use serde_json::{Value, json};

/// Its name in the configuration.
pub(crate) const PLATFORM: &str = "kestra";

/// File of its token, beside the configuration.
pub(crate) const TOKEN_FILE: &str = "kestra.token";

/// What `demo-platform` is, for its help.
pub(crate) const ABOUT: &str = "\
Serve only the demo platform

Serves generated audit records over the Kestra Enterprise audit-log API on a loopback address until it is stopped; the \
same seed gives the same records. The switches for trouble make it misbehave as real platforms do: late records, \
unstable order, records that cannot be read, refusals, cut connections. Prints the address, the token and the number of \
records once it listens.

Changes: nothing.";

/// The settings that read it at `url`.
pub(crate) fn settings(url: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("id", json!("kestra-demo")),
        ("url", json!(url)),
        ("dialect", json!("v2")),
        ("tenants", json!(["main"])),
        ("auth.bearer.file", json!(TOKEN_FILE)),
        ("start", json!("earliest")),
    ]
}
