//! `trailhouse doctor`: tries what a run needs and names what is missing.

mod secrets;
mod warehouse;
mod ways;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;

use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::output::{Ending, OutputDocument};
use super::page::{Mark, Page};
use super::progress::{RunProgress, Unit};
use super::{CliContext, block_on, clock};
use crate::clock::Now;
use crate::config::format_size;
use crate::config::{Config, Signing};
use crate::ledger::entry::Trust;
use crate::ledger::log::Log;
use crate::ledger::names::proof_name;
use crate::ledger::state::{State, StateSize};
use crate::plural::{counted, thousands};
use crate::policy::Policy;
use crate::retention::{RuleFinding, rule_findings};
use crate::run::{
    Asking, JobError, JobSource, LedgerAccess, look_at_clocks, open_bucket, open_sources,
    open_to_read, open_to_write, open_warehouses,
};
use crate::source::ProofLimit;
use crate::store::{Bucket, Removal, prove_create_once};
use crate::window::format_instant;

/// Check configuration, clock, sources, store, key and warehouses
///
/// Tries everything that a run needs and names what is missing, each finding once, with what to do: the
/// configuration, the secrets it refers to, this machine's clock against those of the sources and the
/// store, the sources' permissions and dialect, whether the store refuses to create an object twice, the
/// signing key, and for each warehouse its tables, whether jobs may be started, and the staging location.
/// Where [signing] names only a public key, only what reading needs is tried.
///
/// Changes: creates one object under the lake's prefix and one at each staging location, and removes
/// them where the store allows; nothing where [signing] names only a public key. Ends with exit code 10
/// where it found something.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse doctor
  trailhouse -c /etc/trailhouse/trailhouse.toml doctor")]
pub(crate) struct DoctorArgs {}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<DoctorReport>("doctor");
}

pub(super) fn execute(_args: DoctorArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let progress = context.progress(Unit::Nothing);
    let checked = block_on(check(&config, &progress))?;
    drop(progress);
    let failures: Vec<Failure> = checked
        .checks
        .iter()
        .filter_map(|check| {
            let finding = check.finding.as_ref()?;
            let failure = Failure::new(ExitKind::Findings, format!("{}: {finding}", check.what));
            Some(match &check.action {
                Some(action) => failure.action(action.clone()),
                None => failure,
            })
        })
        .collect();
    Ok(Ending::findings(checked, failures))
}

/// What `doctor` checked.
#[derive(Debug, Serialize, JsonSchema)]
struct DoctorReport {
    /// Every check in the order in which it was made, passed or not.
    checks: Vec<DoctorCheck>,
}

/// One check.
#[derive(Debug, Serialize, JsonSchema)]
struct DoctorCheck {
    /// What was checked, such as a source, the store or a secret.
    what: String,
    /// What is wrong; absent if the check passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<String>,
    /// What to do about the finding; absent if the check passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    /// What a passed check found out, such as an address or a number; absent if there is nothing to add.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl DoctorReport {
    fn good(&mut self, what: impl Into<String>, detail: impl Into<String>) {
        self.checks.push(DoctorCheck {
            what: what.into(),
            finding: None,
            action: None,
            detail: Some(detail.into()),
        });
    }

    fn bad(&mut self, what: impl Into<String>, finding: String, action: &str) {
        self.checks.push(DoctorCheck {
            what: what.into(),
            finding: Some(finding),
            action: Some(action.to_owned()),
            detail: None,
        });
    }

    /// What cannot even be opened, with the advice that every command gives.
    fn unusable(&mut self, what: &str, error: JobError) {
        let failure = Failure::from(error);
        let action = failure.action.unwrap_or_default();
        self.bad(what, failure.happened.into(), &action);
    }
}

async fn check(config: &Config, progress: &RunProgress) -> DoctorReport {
    let mut checked = DoctorReport { checks: Vec::new() };
    let sources = counted(config.sources.len() as u64, "source", "sources");
    checked.good("configuration", sources);
    ways::check(config, &mut checked);
    secrets::check(config, &mut checked);
    let trust = check_keys(config, &mut checked);
    let only_reads = matches!(config.signing, Signing::PublicKey(_));
    let (mut lake, mut state) = (None, None);
    match open_bucket(config) {
        Ok(bucket) => {
            progress.message("checking the lake");
            bucket.waits().listen_as("the lake", &progress.waits());
            let fit = only_reads || check_store(&bucket, &mut checked).await;
            if fit && !only_reads && config.retain_in_run {
                check_deleting(&bucket, &mut checked).await;
            }
            if let (true, Some(trust)) = (fit, trust) {
                state = check_ledger(&bucket, trust, &mut checked).await;
            }
            lake = Some(bucket);
        }
        Err(error) => checked.unusable("store", error),
    }
    if let Some(state) = &state {
        check_memory(state, config.run.memory, &mut checked);
    }
    if let (Some(policy), Some(state)) = (&config.retention, &state) {
        check_rules(policy, state, &mut checked);
    }
    let mut sources = Vec::new();
    if !only_reads {
        match open_sources(config, &[], Asking::Briefly) {
            Ok(opened) => sources = opened,
            Err(error) => checked.unusable("sources", error),
        }
    }
    for source in &sources {
        progress.message(&format!("checking source {}", source.id));
        source.listen_to_waits(&progress.waits());
        check_source(source, &mut checked).await;
    }
    if let Some(bucket) = &lake {
        let now = look_at_clocks(chrono::Utc::now(), bucket, &sources, state.as_ref());
        check_clock(&now, state.is_some(), &mut checked);
    }
    if only_reads {
        return checked;
    }
    let lake_id = state.map(|state| state.lake_id);
    match open_warehouses(config, &[], Asking::Briefly).await {
        Ok(warehouses) => {
            for projection in &warehouses {
                progress.message(&format!("checking warehouse {}", projection.name));
                if let Some(waits) = projection.warehouse.waits() {
                    waits.listen_as(&projection.name, &progress.waits());
                }
                warehouse::check(projection, lake_id.as_deref(), &mut checked).await;
            }
        }
        Err(error) => checked.unusable("warehouses", error),
    }
    checked
}

/// Whose signatures are believed, where the keys can be used at all.
fn check_keys(config: &Config, checked: &mut DoctorReport) -> Option<Trust> {
    const MADE: &str = "use keys made by `trailhouse keygen`";
    let trust = match open_to_read(config) {
        Ok(trust) => trust,
        Err(error) => {
            let which = match config.signing {
                Signing::Key {
                    public_key: None, ..
                } => "signing key",
                _ => "verifier key",
            };
            checked.bad(which, error.to_string(), MADE);
            return None;
        }
    };
    match open_to_write(config) {
        Ok(LedgerAccess::Write(key)) => checked.good("signing key", key.verifier().to_string()),
        Ok(LedgerAccess::Read(_) | LedgerAccess::Unsigned) => checked.bad(
            "signing key",
            "entries are not signed: anyone who can write to the bucket can forge them".to_owned(),
            "make a key with `trailhouse keygen` and name it in [signing]; a lake that was founded \
             unsigned stays unsigned",
        ),
        Err(JobError::NoSigningKey) => {
            if let Trust::Keys(keys) = &trust {
                for key in keys {
                    checked.good("verifier key", key.to_string());
                }
            }
            checked.good(
                "signing key",
                "none: the lake can only be read, and what only a run needs is not checked",
            );
        }
        Err(error) => checked.bad("signing key", error.to_string(), MADE),
    }
    Some(trust)
}

/// Whether the store can hold a ledger.
async fn check_store(bucket: &Bucket, checked: &mut DoctorReport) -> bool {
    let what = format!("store {}", bucket.url());
    // Unique, so that two doctors at once do not meet.
    let nonce = chrono::Utc::now().timestamp_nanos_opt().unwrap_or_default();
    let name = proof_name(&format!("doctor-{nonce}"));
    let contents = [
        Bytes::from_static(b"first\n"),
        Bytes::from_static(b"second\n"),
    ];
    match prove_create_once(bucket, &name, &contents[0], &contents[1]).await {
        Ok(()) => {
            checked.good(
                &what,
                "refuses to create an object twice, as the ledger needs",
            );
            if let Err(error) = bucket.delete(&name).await {
                checked.good(
                    "tidying",
                    format!("`{name}` was left behind, since it cannot be deleted: {error}"),
                );
            }
            true
        }
        Err(error) => {
            let action = "the run needs to list, read and create objects under the lake's prefix";
            checked.bad(&what, error.to_string(), action);
            false
        }
    }
}

/// Whether what a run with `in_run` deletes can be deleted, tried beside the files of quarantine.
async fn check_deleting(bucket: &Bucket, checked: &mut DoctorReport) {
    let nonce = chrono::Utc::now().timestamp_nanos_opt().unwrap_or_default();
    let name = format!("quarantine/doctor-{nonce}");
    let tried = async {
        bucket
            .create(&name, Bytes::from_static(b"doctor\n"))
            .await?;
        bucket.remove(&name).await
    };
    let until = |until: Option<chrono::DateTime<chrono::Utc>>| {
        until.map_or_else(String::new, |until| {
            format!(" before {}", format_instant(until))
        })
    };
    match tried.await {
        Ok(Removal::Gone | Removal::Missing) => {
            checked.good("deleting", "files of the lake can be deleted");
        }
        Ok(Removal::Hidden { until: end }) => checked.good(
            "deleting",
            format!(
                "files of the lake can be deleted, and the store keeps older versions, which are not deleted{}",
                match until(end) {
                    before if before.is_empty() => String::new(),
                    before => before,
                }
            ),
        ),
        Ok(Removal::Locked { until: end, .. }) => checked.good(
            "deleting",
            format!("the store deletes nothing{}, so retention waits", until(end)),
        ),
        Err(error) => checked.bad(
            "deleting",
            error.to_string(),
            "give the run the right to delete under events/ and quarantine/, or leave in_run out of \
             [retention] and let another identity run `trailhouse retention apply`",
        ),
    }
}

/// The state of the lake, if there is one that can be believed.
async fn check_ledger(bucket: &Bucket, trust: Trust, checked: &mut DoctorReport) -> Option<State> {
    match Log::read_only(bucket.clone(), trust).load().await {
        Ok(Some(state)) => {
            checked.good(
                "ledger",
                format!("lake {}, entry {}", state.lake_id, state.head.sequence),
            );
            return Some(state);
        }
        Ok(None) => checked.good("ledger", "none yet: the first run founds the lake"),
        Err(error) => checked.bad(
            "ledger",
            error.to_string(),
            "check it with `trailhouse verify`",
        ),
    }
    None
}

/// Whether the state leaves a run the memory that it needs.
fn check_memory(state: &State, memory: u64, checked: &mut DoctorReport) {
    let size = StateSize::of(state, memory);
    match size.finding() {
        Some(finding) => checked.bad("memory", finding, &size.action()),
        None => checked.good(
            "memory",
            format!(
                "the ledger's state of {} takes {} of its share of {}",
                counted(size.files, "file", "files"),
                format_size(size.bytes),
                format_size(size.share)
            ),
        ),
    }
}

/// Rules of retention that do nothing, or name what nobody knows.
fn check_rules(policy: &Policy, state: &State, checked: &mut DoctorReport) {
    let findings = rule_findings(policy, state);
    for RuleFinding { rule, finding, .. } in &findings {
        let action = "change the rule, or take it out of [retention]";
        checked.bad(
            format!("rule {rule} of [retention]"),
            finding.clone(),
            action,
        );
    }
    if findings.is_empty() {
        let rules = counted(policy.rules.len() as u64, "rule", "rules");
        checked.good("retention", format!("{rules} and the default"));
    }
}

/// How this machine's clock stands, and whose is wrong.
fn check_clock(now: &Now, has_ledger: bool, checked: &mut DoctorReport) {
    if let Some(by) = clock::borne_out_by(now, has_ledger) {
        checked.good("clock", by);
    }
    for failure in clock::findings(now) {
        let action = failure.action.unwrap_or_default();
        checked.bad("clock", failure.happened.into(), &action);
    }
}

async fn check_source(source: &JobSource, checked: &mut DoctorReport) {
    let feed = &*source.source;
    let limits = &feed.capabilities().limits;
    let filters = match limits.contains(&ProofLimit::NoWindowFilter) {
        true => "answers, without a filter of time",
        false => "applies filters",
    };
    for tenant in feed.tenants() {
        let what = format!("source {} tenant {tenant}", source.id);
        let asked = async {
            feed.control_request(tenant).await?;
            feed.oldest(tenant, chrono::Utc::now()).await
        };
        match asked.await {
            Ok(Some(oldest)) => checked.good(
                what,
                format!(
                    "{filters}; the oldest record is of {}",
                    format_instant(oldest)
                ),
            ),
            Ok(None) => checked.good(what, format!("{filters}; it has no records yet")),
            Err(error) => checked.bad(what, error.to_string(), error.advice()),
        }
    }
    let what = format!("source {}", source.id);
    for limit in limits {
        match limit.action() {
            Some(action) => checked.bad(&what, limit.to_string(), action),
            None => checked.good(&what, limit.said()),
        }
    }
    match feed.remarks().await {
        Ok(remarks) => {
            for remark in remarks {
                checked.bad(&what, remark.said, remark.action);
            }
        }
        Err(error) => checked.bad(&what, error.to_string(), error.advice()),
    }
}

impl OutputDocument for DoctorReport {
    fn text(&self, page: &mut Page) {
        for check in &self.checks {
            let what = &check.what;
            match &check.finding {
                Some(finding) => page.mark(Mark::Found, &format!("{what}: {finding}")),
                None => {
                    let detail = check.detail.as_deref().unwrap_or_default();
                    page.mark(Mark::Fine, &format!("{what}: {detail}"));
                }
            }
            if let Some(action) = &check.action {
                page.mark(Mark::Continued, &format!("do: {action}"));
            }
        }
        let found = self.checks.iter().filter(|it| it.finding.is_some()).count() as u64;
        let all = self.checks.len() as u64;
        match found {
            0 => page.good(&format!("all {} passed", counted(all, "check", "checks"))),
            _ => page.line(&format!(
                "{} of {} found something",
                thousands(found),
                counted(all, "check", "checks")
            )),
        }
    }
}
