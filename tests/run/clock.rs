//! Runs of a machine whose clock is wrong, beside sources whose clocks are right, wrong, or not to be had.

use super::harness::{Rig, SOURCE, empty, key, quiet, run, sound_lake, try_run};
use super::lake::objects;
use crate::faulty_store::FaultyStore;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use trailhouse::clock::Clock;
use trailhouse::decision::plan_id;
use trailhouse::decision::retention::{Confirmation, RetentionSummary};
use trailhouse::ledger::entry::{ClockConfirmation, Hold};
use trailhouse::ledger::note;
use trailhouse::ledger::state::State;
use trailhouse::policy::{AsOf, Policy};
use trailhouse::retention::plan;
use trailhouse::run::{
    Job, JobSource, RunError, RunOptions, Summary, Unobserved, confirm_clock, look_at_clocks,
    place_hold, retain,
};
use trailhouse::source::Tenant;
use trailhouse::source::Wording;
use trailhouse::source::http::HttpSettings;
use trailhouse::source::platform::kestra::Dialect;
use trailhouse_demo::kestra::Platform;

/// A machine's clock: so many seconds off from the true time, which is the platform's.
#[derive(Clone)]
pub(super) struct Machine {
    platform: Platform,
    offset: Arc<AtomicI64>,
}

impl Machine {
    pub(super) fn new(rig: &Rig) -> Self {
        Self {
            platform: rig.platform.clone(),
            offset: Arc::default(),
        }
    }

    pub(super) fn set(&self, offset: TimeDelta) {
        self.offset.store(offset.num_seconds(), Ordering::Relaxed);
    }

    fn source(&self, settings: HttpSettings) -> JobSource {
        let clock = self.clone();
        let settings = HttpSettings {
            now: Arc::new(move || clock.now()),
            ..settings
        };
        let main = Tenant::Named("main".to_owned());
        Rig::source_of(settings, Wording::Kept, Dialect::V2, vec![main])
    }

    /// The platform as it is.
    pub(super) fn reachable(&self, rig: &Rig) -> JobSource {
        self.source(rig.settings())
    }

    /// A source of which nothing answers.
    pub(super) fn down(&self, rig: &Rig) -> JobSource {
        // Reserved, and refused at once.
        let base = "http://127.0.0.1:1".parse().unwrap();
        let mut settings = HttpSettings {
            base,
            ..rig.settings()
        };
        settings.retry.patience = Duration::from_millis(5);
        self.source(settings)
    }

    /// The same job on this machine.
    pub(super) fn with(&self, job: Job) -> Job {
        Job {
            clock: Arc::new(self.clone()),
            ..job
        }
    }

    /// A job on this machine.
    pub(super) fn job(&self, rig: &Rig, store: &FaultyStore, sources: Vec<JobSource>) -> Job {
        self.with(rig.job_of(store, sources))
    }
}

impl Clock for Machine {
    fn now(&self) -> DateTime<Utc> {
        self.platform.now() + TimeDelta::seconds(self.offset.load(Ordering::Relaxed))
    }
}

const YEARS: TimeDelta = TimeDelta::days(3_650);
const WEEKS: TimeDelta = TimeDelta::days(25);
const WRONG: [TimeDelta; 3] = [YEARS, WEEKS, TimeDelta::hours(-7)];

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn policy(keep: &str) -> Policy {
    Policy {
        rules: Vec::new(),
        default: keep.parse().unwrap(),
        platforms: [(SOURCE.to_owned(), "kestra".to_owned())].into(),
    }
}

/// A lake of seven dates, whose rule somebody has confirmed; of one date a hold keeps everything
/// for ten days.
struct Stand {
    rig: Rig,
    machine: Machine,
    store: FaultyStore,
}

const HELD: &str = "2026-03-05";

impl Stand {
    async fn new() -> Self {
        let rig = Rig::new(&quiet("2026-03-09T00:30:00Z")).await;
        let now = rig.platform.now();
        rig.fill(now - TimeDelta::days(7), now - TimeDelta::hours(1), 140);
        let machine = Machine::new(&rig);
        let stand = Self {
            rig,
            machine,
            store: empty(),
        };
        run(&stand.reading()).await;
        stand.hold(HELD, "2026-03-19").await;
        stand.apply_confirmed("6d").await.unwrap();
        stand
    }

    /// A job with a source that answers.
    fn reading(&self) -> Job {
        let source = self.machine.reachable(&self.rig);
        self.machine.job(&self.rig, &self.store, vec![source])
    }

    /// The same, which deletes what is due.
    fn retaining(&self) -> Job {
        Job {
            retention: Some(policy("6d")),
            retain: true,
            ..self.reading()
        }
    }

    /// The same, whose source does not answer.
    fn alone(&self) -> Job {
        let source = self.machine.down(&self.rig);
        Job {
            retention: Some(policy("6d")),
            retain: true,
            ..self.machine.job(&self.rig, &self.store, vec![source])
        }
    }

    fn without_sources(&self) -> Job {
        self.machine.job(&self.rig, &self.store, Vec::new())
    }

    async fn hold(&self, day: &str, until: &str) {
        let hold = Hold {
            case: "CASE-1".to_owned(),
            from: date(day),
            to: date(day),
            categories: Vec::new(),
            sources: Vec::new(),
            reason: "a letter".to_owned(),
            by: "anna".to_owned(),
            until: Some(date(until)),
        };
        place_hold(&self.without_sources(), hold).await.unwrap();
    }

    async fn apply(&self, keep: &str) -> Result<RetentionSummary, RunError> {
        let (_stop, stopped) = watch::channel(false);
        let job = self.without_sources();
        retain(&job, &policy(keep), None, stopped, &Unobserved).await
    }

    /// Applies a policy as somebody does who has read the plan of now.
    async fn apply_confirmed(&self, keep: &str) -> Result<RetentionSummary, RunError> {
        let job = self.without_sources();
        let state = self.state().await;
        let now = look_at_clocks(job.clock.now(), &job.bucket, &[], Some(&state));
        let plan = plan(&state, &policy(keep), AsOf::now(&now));
        let confirmation = Confirmation {
            plan: plan_id(&state.lake_id, &plan).unwrap(),
            by: "anna".to_owned(),
        };
        let (_stop, stopped) = watch::channel(false);
        retain(
            &job,
            &policy(keep),
            Some(&confirmation),
            stopped,
            &Unobserved,
        )
        .await
    }

    async fn confirm_clock(&self, job: &Job, today: NaiveDate) -> Result<(), RunError> {
        let confirmation = ClockConfirmation {
            by: "anna".to_owned(),
            reason: "by the calendar".to_owned(),
        };
        confirm_clock(job, today, confirmation).await.map(drop)
    }

    async fn state(&self) -> State {
        let log = self.without_sources().log();
        log.load().await.unwrap().unwrap()
    }

    async fn dates(&self) -> BTreeSet<NaiveDate> {
        self.state().await.files.into_keys().collect()
    }

    fn today(&self) -> NaiveDate {
        self.rig.platform.now().date_naive()
    }

    fn a_day_later(&self) {
        let before = self.rig.platform.now();
        self.rig.platform.advance(Duration::from_secs(86_400));
        self.rig
            .fill(before, self.rig.platform.now() - TimeDelta::hours(1), 20);
    }
}

fn refused(ended: Result<Summary, RunError>) -> bool {
    matches!(ended, Err(RunError::Clock(_)))
}

#[tokio::test]
async fn a_clock_that_the_source_contradicts_writes_nothing_however_often_it_runs() {
    let stand = Stand::new().await;
    let (dates, before) = (stand.dates().await, objects(&stand.store).await);
    for offset in WRONG {
        stand.machine.set(offset);
        for _ in 0..3 {
            let ended = try_run(&stand.retaining(), &RunOptions::default()).await;
            assert!(refused(ended), "{offset}");
        }
        assert_eq!(objects(&stand.store).await, before, "{offset}");
    }
    stand.machine.set(TimeDelta::zero());
    for _ in 0..3 {
        stand.a_day_later();
    }
    let summary = run(&stand.retaining()).await;
    let retention = summary.retention.unwrap();
    assert_eq!(retention.decided.len(), 1, "{retention:?}");
    assert!(retention.held.rows > 0);
    let left = stand.dates().await;
    let gone: Vec<_> = dates.difference(&left).map(NaiveDate::to_string).collect();
    assert_eq!(gone, ["2026-03-03", "2026-03-04"]);
    assert!(left.contains(&date(HELD)));
    sound_lake(&stand.store).await;
}

/// Its entries are no evidence for it, so that later runs, however many, believe it no more than the first.
#[tokio::test]
async fn a_clock_that_nobody_bears_out_deletes_nothing_and_is_not_believed_later() {
    for offset in [YEARS, WEEKS] {
        let stand = Stand::new().await;
        let dates = stand.dates().await;
        stand.machine.set(offset);
        for day in 0..6 {
            let summary = run(&stand.alone()).await;
            assert_eq!(summary.clock.standing, "unproven", "{offset} {day}");
            let retention = summary.retention.unwrap();
            assert!(retention.decided.is_empty(), "{offset} {day}");
            assert_eq!(retention.to_confirm.unwrap().clock.len(), 1);
            let applied = stand.apply("6d").await.unwrap();
            assert!(applied.decided.is_empty() && applied.to_confirm.is_some());
            stand.rig.platform.advance(Duration::from_secs(86_400));
        }
        assert_eq!(stand.dates().await, dates, "{offset}");
        // The clock is right again, and a source says so: the rule goes on where it stood.
        stand.machine.set(TimeDelta::zero());
        let summary = run(&stand.retaining()).await;
        assert_eq!(summary.clock.standing, "borne_out", "{offset}");
        let retention = summary.retention.unwrap();
        assert!(retention.to_confirm.is_none() && retention.decided.len() == 1);
        let left = stand.dates().await;
        assert!(left.contains(&date(HELD)) && left.len() < dates.len());
        sound_lake(&stand.store).await;
    }
}

/// Who confirms a plan under such a clock confirms what is due by it, and not that a hold has ended.
#[tokio::test]
async fn a_hold_does_not_end_by_a_clock_that_nobody_bears_out() {
    let stand = Stand::new().await;
    stand.machine.set(WEEKS);
    let done = stand.apply_confirmed("6d").await.unwrap();
    assert_eq!(done.decided.len(), 1);
    assert!(done.held.rows > 0);
    assert_eq!(stand.dates().await, BTreeSet::from([date(HELD)]));
    sound_lake(&stand.store).await;
    // Once somebody has looked at a calendar it does.
    stand.rig.platform.advance(Duration::from_secs(25 * 86_400));
    stand.machine.set(TimeDelta::zero());
    let job = stand.without_sources();
    let wrong = stand
        .confirm_clock(&job, stand.today() + TimeDelta::days(1))
        .await;
    assert!(
        matches!(wrong, Err(RunError::OtherDate { .. })),
        "{wrong:?}"
    );
    stand.confirm_clock(&job, stand.today()).await.unwrap();
    assert_eq!(stand.apply("6d").await.unwrap().decided.len(), 1);
    assert!(stand.dates().await.is_empty());
    sound_lake(&stand.store).await;
}

#[tokio::test]
async fn a_job_that_was_off_for_months_goes_on_if_somebody_else_tells_the_time() {
    // With seven dates at most, so that nothing but the clock could need a person.
    let stand = Stand::new().await;
    stand.rig.platform.advance(Duration::from_secs(90 * 86_400));
    let alone = stand.apply("6d").await.unwrap();
    assert!(alone.decided.is_empty() && alone.to_confirm.is_some());
    let summary = run(&stand.retaining()).await;
    assert_eq!(summary.clock.standing, "borne_out");
    let retention = summary.retention.unwrap();
    assert!(retention.to_confirm.is_none(), "{retention:?}");
    assert!(stand.dates().await.is_empty(), "the hold has ended, too");
    sound_lake(&stand.store).await;
}

#[tokio::test]
async fn of_several_sources_only_the_one_with_a_wrong_clock_fails() {
    let stand = Stand::new().await;
    let other = Rig::new(&quiet("2026-03-09T00:30:00Z")).await;
    other.platform.set_faults(|faults| faults.skew = -7_200);
    let mut wrong = stand.machine.reachable(&other);
    "wrong".clone_into(&mut wrong.id);
    let right = stand.machine.reachable(&stand.rig);
    let job = stand
        .machine
        .job(&stand.rig, &stand.store, vec![right, wrong]);
    let summary = run(&job).await;
    let failure = |nth: usize| {
        summary.sources[nth]
            .failure
            .as_ref()
            .map(|it| it.code.as_str())
    };
    assert_eq!((failure(0), failure(1)), (None, Some("clock_skew")));
    assert!(summary.sources[0].complete);
    assert_eq!(summary.clock.standing, "borne_out");
    assert_eq!(summary.clock.witnesses.len(), 1);
}

#[tokio::test]
async fn a_clock_behind_the_newest_entry_writes_nothing_until_somebody_says_that_it_is_right() {
    let stand = Stand::new().await;
    let before = objects(&stand.store).await;
    stand.machine.set(-YEARS);
    for job in [stand.alone(), stand.retaining()] {
        assert!(refused(try_run(&job, &RunOptions::default()).await));
    }
    let applied = stand.apply_confirmed("6d").await;
    assert!(matches!(applied, Err(RunError::Clock(_))), "{applied:?}");
    let job = stand.retaining();
    let contradicted = stand
        .confirm_clock(&job, job.clock.now().date_naive())
        .await;
    assert!(
        matches!(contradicted, Err(RunError::Clock(_))),
        "a source says otherwise"
    );
    assert_eq!(objects(&stand.store).await, before);
}

/// A machine and a source on it whose clocks were wrong together: the ledger has believed the source. With
/// both clocks right it contradicts them, until a person says so; then everything is read that was covered
/// before it had come.
#[tokio::test]
async fn a_lake_that_ran_years_ahead_with_its_source_recovers() {
    let stand = Stand::new().await;
    let now = stand.rig.platform.now();
    stand.rig.platform.set_now(now + YEARS);
    run(&stand.reading()).await;
    stand.rig.platform.set_now(now);
    stand.a_day_later();
    let ended = try_run(&stand.retaining(), &RunOptions::default()).await;
    assert!(refused(ended));
    let job = stand.retaining();
    stand.confirm_clock(&job, stand.today()).await.unwrap();
    for _ in 0..5 {
        let summary = run(&stand.reading()).await;
        let source = &summary.sources[0];
        assert!(source.failure.is_none() && source.complete, "{source:?}");
        assert!(source.gaps.is_empty(), "{:?}", source.recounts);
        stand.a_day_later();
    }
    run(&stand.reading()).await;
    let lake = sound_lake(&stand.store).await;
    let kept: BTreeSet<&str> = lake.rows().into_values().collect();
    let platform = &stand.rig.platform;
    let all = platform.ids(None).into_iter();
    let all = all.map(|id| String::from_utf8(platform.current(&id).unwrap()).unwrap());
    // The first date went by rule when the stand was made.
    let missing: Vec<String> = all
        .filter(|record| !record.contains("\"2026-03-02T") && !kept.contains(record.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Writes the newest entry again as format version 1 had it, with another time.
async fn rewrite_newest_as_version_1(stand: &Stand, written_at: DateTime<Utc>) {
    let sequence = stand.state().await.head.sequence;
    let path = Path::from(format!("ledger/entry/{sequence:020}.note"));
    let bytes = stand.store.get(&path).await.unwrap().bytes().await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut entry: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    entry["version"] = 1.into();
    entry["written_at"] = trailhouse::window::format_instant(written_at).into();
    entry.as_object_mut().unwrap().remove("witnesses");
    let signed = note::sign(format!("{entry}\n"), Some(&key())).unwrap();
    stand.store.put(&path, signed.into()).await.unwrap();
    let caches: Vec<_> = objects(&stand.store).await.into_keys().collect();
    for cache in caches
        .iter()
        .filter(|name| name.starts_with("ledger/state/"))
    {
        stand
            .store
            .delete(&Path::from(cache.as_str()))
            .await
            .unwrap();
    }
}

/// What a version of the program has written that believed any clock: it is no evidence either way.
#[tokio::test]
async fn entries_of_version_1_of_a_wrong_clock_are_no_evidence() {
    let stand = Stand::new().await;
    let now = stand.rig.platform.now();
    rewrite_newest_as_version_1(&stand, now + YEARS).await;
    let state = stand.state().await;
    assert_eq!(state.head.written_at, now + YEARS);
    assert_eq!(state.clock.reached().date_naive(), now.date_naive());
    // Ten years ahead nothing goes, although the newest entry says the same.
    stand.machine.set(YEARS);
    let applied = stand.apply("6d").await.unwrap();
    assert!(applied.decided.is_empty() && applied.to_confirm.is_some());
    // With the right clock everything goes on, with a witness and without.
    stand.machine.set(TimeDelta::zero());
    stand.a_day_later();
    assert_eq!(stand.apply("6d").await.unwrap().decided.len(), 1);
    let summary = run(&stand.retaining()).await;
    assert_eq!(summary.clock.standing, "borne_out");
    assert!(stand.dates().await.contains(&date(HELD)));
}
