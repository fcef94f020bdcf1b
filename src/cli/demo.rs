//! `trailhouse demo`: the whole tour on one machine.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::net::TcpListener;
use url::Url;

use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::key_file::{self, unwritable};
use super::output::{Ending, OutputDocument};
use super::page::Page;
use super::progress::Unit;
use super::{CliContext, block_on};
use crate::config::{Config, SecretRef, Signing, SourceChoices, Template};
use crate::run::{Job, RunOptions, Summary};
use crate::source::platform::PLATFORMS;
use crate::source::platform::demo::{self, Options, Platform, TOKEN_FILE};
use crate::window::format_instant;

/// See the whole product on this machine, without any cloud
///
/// Serves a demo platform on a loopback address until the run is done, makes keys, writes a commented
/// trailhouse.toml, runs the job, prints what it did, and names the next commands to try. Run it again
/// to see that a second run reads little and adds only what has settled since.
///
/// Changes: only DIR, which it creates. A directory that it did not create is refused.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse demo
  trailhouse demo /tmp/audit --events 1000000 --days 90")]
pub(crate) struct DemoArgs {
    /// Directory for configuration, key and lake
    #[arg(value_name = "DIR", default_value = "./trailhouse-demo")]
    pub(crate) dir: PathBuf,
    /// Number of events of the demo platform
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub(crate) events: u32,
    /// Days over which they are spread
    #[arg(long, value_name = "DAYS", default_value_t = 28, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) days: u32,
    /// The same seed makes the same events
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// A file in the directory of a demo says that it is one.
const MARK: &str = ".trailhouse-demo";
const KEY_FILE: &str = "writer.key";
const CONFIG_FILE: &str = "trailhouse.toml";

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<Toured>("demo");
}

pub(super) fn execute(args: DemoArgs, context: &CliContext) -> Result<Ending, Report> {
    let dir = own_directory(&args.dir)?;
    let toured = block_on(tour(&args, &dir, context))??;
    let failures = super::run::failures(&toured.summary);
    Ok(Ending::with_failures(toured, failures))
}

/// Serves the platform, writes what is missing, runs the job once.
async fn tour(args: &DemoArgs, dir: &Path, context: &CliContext) -> Result<Toured, Failure> {
    let began = Began::read_or_begin(dir)?;
    let options = Options {
        seed: args.seed,
        events: args.events,
        days: args.days,
        end: Some(began.0),
        ..Options::default()
    };
    let platform =
        Platform::new(&options).map_err(|error| Failure::from_error(ExitKind::Usage, &error))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(|error| {
            Failure::from_error(ExitKind::Unforeseen, &error)
                .action("free a port on 127.0.0.1, then run again")
        })?;
    let serving = platform
        .serve(listener)
        .map_err(|error| Failure::from_error(ExitKind::Unforeseen, &error))?;
    let config_path = write_files(dir, &serving.url())?;
    let config = Config::load(&config_path)?;
    let job = Job::open(&config, &[]).map_err(Failure::from)?;
    let progress = context.progress(Unit::Records);
    job.listen_to_waits(&progress.waits());
    let options = RunOptions::default();
    let summary = super::run::run(&job, &options, config.run.deadline, &progress).await;
    drop(progress);
    if let Err(error) = serving.shutdown().await {
        tracing::debug!("the demo platform ended with {error}");
    }
    Ok(Toured {
        directory: dir.to_owned(),
        config: config_path,
        key: dir.join(format!("{KEY_FILE}.pub")),
        summary: summary?,
    })
}

/// When the demo began: its platform's records end then, also when it is run again.
struct Began(DateTime<Utc>);

impl Began {
    fn read_or_begin(dir: &Path) -> Result<Self, Failure> {
        let mark = dir.join(MARK);
        let text = std::fs::read_to_string(&mark).map_err(|error| unwritable(&mark, &error))?;
        if let Ok(began) = text.trim().parse() {
            return Ok(Self(began));
        }
        let now = Utc::now();
        std::fs::write(&mark, format!("{}\n", format_instant(now)))
            .map_err(|error| unwritable(&mark, &error))?;
        Ok(Self(now))
    }
}

/// The directory, if it is ours: new, or made by a demo before.
fn own_directory(dir: &Path) -> Result<PathBuf, Failure> {
    let mark = dir.join(MARK);
    let foreign = match std::fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_some() && !mark.exists(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(unwritable(dir, &error)),
    };
    if foreign {
        let happened = format!(
            "{} is not empty and was not created by `trailhouse demo`",
            dir.display()
        );
        return Err(Failure::new(ExitKind::Usage, happened)
            .kept("nothing was changed")
            .action("choose another directory: `trailhouse demo DIR`"));
    }
    std::fs::create_dir_all(dir).map_err(|error| unwritable(dir, &error))?;
    if !mark.exists() {
        std::fs::write(&mark, "").map_err(|error| unwritable(&mark, &error))?;
    }
    dir.canonicalize().map_err(|error| unwritable(dir, &error))
}

/// Writes key, token and configuration. The address of the platform is another one each time, so
/// the configuration is written each time; nothing else is ever written twice.
fn write_files(dir: &Path, url: &str) -> Result<PathBuf, Failure> {
    let key = dir.join(KEY_FILE);
    if !key.exists() {
        key_file::create("trailhouse-demo/writer", &key)?;
    }
    let token = dir.join(TOKEN_FILE);
    if !token.exists() {
        key_file::write_secret(&token, "demo-token")?;
    }
    let lake = dir.join("lake");
    std::fs::create_dir_all(&lake).map_err(|error| unwritable(&lake, &error))?;
    let lake = Url::from_directory_path(&lake)
        .map_err(|()| Failure::new(ExitKind::Usage, format!("{} has no URL", lake.display())))?;
    let template = Template {
        lake: lake.to_string(),
        signing: Signing::Key {
            key: SecretRef::File(KEY_FILE.into()),
            public_key: None,
        },
        source: source(url)?,
    };
    let path = dir.join(CONFIG_FILE);
    std::fs::write(&path, template.render()).map_err(|error| unwritable(&path, &error))?;
    Ok(path)
}

/// The demo platform at this address, as a source.
fn source(url: &str) -> Result<SourceChoices, Failure> {
    let unforeseen = |happened: String| Failure::new(ExitKind::Unforeseen, happened);
    let mut platforms = PLATFORMS.iter();
    let platform = platforms.find(|platform| platform.name == demo::PLATFORM);
    let platform =
        platform.ok_or_else(|| unforeseen(format!("there is no platform `{}`", demo::PLATFORM)))?;
    let mut choices = SourceChoices::new(platform);
    for (setting, value) in demo::settings(url) {
        let chosen = choices.set(setting, value);
        chosen.map_err(|error| unforeseen(error.to_string()))?;
    }
    Ok(choices)
}

/// Where the demo was set up, and what its run did.
#[derive(Debug, Serialize, JsonSchema)]
struct Toured {
    /// Absolute path of the directory that holds the demo: lake, keys and configuration.
    directory: PathBuf,
    /// Path of the configuration file.
    config: PathBuf,
    /// Path of the file with the verifier key, to be passed to `verify --public-key`.
    key: PathBuf,
    /// What the run did, as `trailhouse run` prints it.
    summary: Summary,
}

impl OutputDocument for Toured {
    fn text(&self, page: &mut Page) {
        self.summary.text(page);
        page.heading("next");
        let config = shown(&self.config);
        let program = shown(&std::env::current_exe().unwrap_or_else(|_| "trailhouse".into()));
        page.command(&format!("{program} -c {config} status"));
        #[cfg(feature = "query")]
        page.command(&format!(
            "{program} -c {config} query \"SELECT category, outcome, COUNT(*) AS events FROM audit_events GROUP BY category, outcome ORDER BY events DESC\""
        ));
        page.command(&format!(
            "{program} verify --copy {} --public-key {} --deep",
            shown(&self.directory.join("lake")),
            shown(&self.key)
        ));
    }
}

/// A path as it is typed: relative to where the user stands, where that is shorter.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let path = here
        .and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned))
        .unwrap_or_else(|| path.to_owned());
    path.display().to_string()
}
