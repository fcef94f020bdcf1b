//! `trailhouse plan`: what a run would do.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::output::{Document, Ending};
use super::page::Page;
use super::{Context, block_on};
use crate::run::{FeedPlan, Job, JobSource, RunOptions, SourceFailure, SourcePlan};
use crate::source::{Scope, SourceError, count};
use crate::window::format_instant;

/// Show what `run` would read and write
///
/// Reads the ledger and asks each source for counts, then prints the windows that a run
/// would read now. Reads no records.
///
/// Changes: nothing. Needs no signing key: `public_key` in [signing] is enough.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse plan
  trailhouse plan --source kestra-prod --output json")]
pub(crate) struct Args {
    /// Only this source; may be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) source: Vec<String>,
}

pub(super) fn execute(args: Args, context: &Context) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let job = Job::open_to_plan(&config, &args.source).map_err(Failure::from)?;
    let planned = block_on(async {
        let (opened, plan) = crate::run::plan(&job, &RunOptions::default())
            .await
            .map_err(Failure::from)?;
        let mut sources = Vec::with_capacity(plan.sources.len());
        for (source, planned) in job.sources.iter().zip(plan.sources) {
            let failure = opened.failures.get(&source.id);
            sources.push(estimate(source, planned, failure).await);
        }
        Ok::<_, Failure>(Plan {
            now: plan.now,
            base_sequence: plan.base_sequence,
            sources,
        })
    })??;
    let failures: Vec<Failure> = planned
        .sources
        .iter()
        .filter_map(|source| {
            let failure = source.failure.as_ref()?;
            let id = &source.source;
            Some(
                Failure::new(
                    ExitKind::Source,
                    format!("source {id} cannot be read: {}", failure.message),
                )
                .kept("nothing was changed")
                .action(failure.action.clone()),
            )
        })
        .collect();
    Ok(Ending::with_failures(planned, failures))
}

/// Asks a source how many records the planned windows hold.
async fn estimate(source: &JobSource, plan: SourcePlan, failure: Option<&SourceError>) -> Planned {
    let mut failure = failure.map(SourceFailure::from);
    let mut feeds = Vec::with_capacity(plan.feeds.len());
    for feed in plan.feeds {
        let mut records = Some(0);
        for window in &feed.windows {
            if failure.is_some() {
                records = None;
                break;
            }
            let tenant = crate::run::tenant_of(&feed.tenant);
            match count(&*source.source, &tenant, *window).await {
                Ok(counted) => records = records.map(|sum| sum + counted.rows),
                // A window that cannot be read cannot be counted either, which `run` gets through.
                Err(error) if error.scope() == Scope::Window => records = None,
                Err(error) => failure = Some(SourceFailure::from(&error)),
            }
        }
        feeds.push(PlannedFeed { feed, records });
    }
    Planned {
        source: plan.source,
        failure,
        feeds,
    }
}

/// What `run` would do.
#[derive(Debug, Serialize)]
struct Plan {
    #[serde(with = "crate::window::instant")]
    now: DateTime<Utc>,
    base_sequence: Option<u64>,
    sources: Vec<Planned>,
}

#[derive(Debug, Serialize)]
struct Planned {
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<SourceFailure>,
    feeds: Vec<PlannedFeed>,
}

#[derive(Debug, Serialize)]
struct PlannedFeed {
    #[serde(flatten)]
    feed: FeedPlan,
    /// Records that the source counts in the windows; absent where it could not be asked.
    records: Option<u64>,
}

impl Document for Plan {
    fn text(&self, page: &mut Page) {
        match self.base_sequence {
            Some(sequence) => page.field("ledger", &format!("entry {sequence}")),
            None => page.field("ledger", "none yet: the run would found the lake"),
        }
        page.field("now", &format_instant(self.now));
        for source in &self.sources {
            for PlannedFeed { feed, records } in &source.feeds {
                page.heading(&format!("source {} tenant {}", source.source, feed.tenant));
                for (name, windows) in [
                    ("read first", &feed.new),
                    ("read again", &feed.again),
                    ("try again", &feed.holes),
                    ("count again", &feed.recounts),
                ] {
                    for window in windows {
                        page.field(name, &window.to_string());
                    }
                }
                if let Some(records) = records {
                    page.field("records", &format!("{records} in what would be read"));
                }
            }
        }
        page.field("deletes", "nothing");
    }
}
