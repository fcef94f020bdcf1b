//! `trailhouse demo-platform`: serves the demo platform alone.

use schemars::JsonSchema;
use serde::Serialize;
use trailhouse_demo::listen;

use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::output::{Ending, OutputDocument};
use super::page::Page;
use super::stop::asked_to_stop;
use super::{CliContext, block_on_to_the_end};
use crate::plural::thousands;
use crate::source::platform::demo::{ABOUT, Options, Platform};

/// Serve only the demo platform
#[derive(Debug, clap::Args)]
#[command(long_about = ABOUT, after_help = MORE, after_long_help = "\
Examples:
  trailhouse demo-platform --listen 127.0.0.1:8080
  trailhouse demo-platform --listen 127.0.0.1:0 --events 1000000 --days 90 --dialect v1
  trailhouse demo-platform --all-trouble --seed 7")]
pub(crate) struct DemoPlatformArgs {
    #[command(flatten)]
    options: Options,
}

/// What `-h` leaves out.
const MORE: &str = "\
Access: 6 more options, for tokens and passwords, and
trouble: 25 switches that make records and requests fail: see --help";

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.bare::<Listening>("demo-platform");
}

pub(super) fn execute(args: DemoPlatformArgs, context: &CliContext) -> Result<Ending, Report> {
    let options = args.options;
    let platform = Platform::new(&options).map_err(|error| {
        Failure::from_error(ExitKind::Usage, &error).kept("nothing was changed")
    })?;
    let output = context.output;
    let served = async {
        let serving = platform.serve(listen(options.listen).await?)?;
        output.show(&Listening {
            url: serving.url(),
            token: "demo-token",
            tenants: options.tenants.join(", "),
            events: options.events,
        });
        serving.until(asked_to_stop()).await
    };
    block_on_to_the_end(served)?.map_err(|error| {
        Failure::from_error(ExitKind::Usage, &error)
            .kept("nothing was changed")
            .action("choose another address with --listen; port 0 takes a free one")
    })?;
    Ok(Ending::written())
}

/// Printed once, when the platform accepts connections.
#[derive(Debug, Serialize, JsonSchema)]
struct Listening {
    /// Base URL of the platform, without `/api`.
    url: String,
    /// API token that the platform accepts.
    token: &'static str,
    /// Ids of its tenants, separated by a comma and a space.
    tenants: String,
    /// Number of audit records that the platform has for all tenants together.
    events: u32,
}

impl OutputDocument for Listening {
    fn text(&self, page: &mut Page) {
        page.line(&format!("listening on {}", self.url));
        page.field("tenant", &self.tenants);
        page.field("token", self.token);
        page.field("records", &thousands(self.events));
    }
}
