//! What goes by itself, what has to be confirmed, and what nobody can delete.

use super::super::stand::Stand;
use super::keeping::{apply, apply_confirmed, confirmation, date, hold, place, policy, try_apply};
use chrono::TimeDelta;
use std::collections::BTreeSet;
use trailhouse::decision::DecisionError;
use trailhouse::ledger::entry::Body;
use trailhouse::ledger::log::{Commit, EntryDraft};
use trailhouse::ledger::state::State;
use trailhouse::policy::AsOf;
use trailhouse::retention::plan;
use trailhouse::run::RunError;

#[tokio::test]
async fn what_is_due_goes_from_lake_and_warehouse_and_nothing_else_does() {
    let stand = Stand::new().await;
    stand.run().await;
    // 2026-03-04: executions of the 1st and 2nd are older than a day.
    let rules = policy(&[("execution", "1d")], "400d");
    let job = stand.loader();
    let first = apply(&job, &rules).await;
    let asked = first.to_confirm.expect("the rule is new");
    assert!(first.decided.is_empty() && asked.rules[0].reasons[0].contains("new"));
    let before = stand.partitions().await;
    assert_eq!(asked.plan, confirmation(&job, &rules).await.plan);

    let done = apply_confirmed(&job, &rules).await;
    assert!(done.failures.is_empty(), "{:?}", done.failures);
    let [of] = &done.carried_out[..] else {
        panic!("{:?}", done.carried_out);
    };
    assert!(of.done && of.left.is_empty());
    let [decided] = &done.decided[..] else {
        panic!("{:?}", done.decided);
    };
    let files = of.files.as_ref().unwrap();
    assert_eq!(files.removed, decided.amount.files);
    let rows: Option<u64> = of.warehouses[0].tables.iter().map(|table| table.rows).sum();
    assert_eq!(rows, Some(decided.amount.rows));
    stand.assert_one_story("after the rules were applied").await;
    let gone: BTreeSet<_> = before
        .difference(&stand.partitions().await)
        .cloned()
        .collect();
    let execution = |day| (date(day), "execution".to_owned());
    assert_eq!(
        gone,
        BTreeSet::from([execution("2026-03-01"), execution("2026-03-02")])
    );

    // The next day one date more is due, by a rule that is known: it goes by itself.
    stand
        .rig
        .platform
        .advance(std::time::Duration::from_secs(86_400));
    let next = apply(&job, &rules).await;
    assert!(next.to_confirm.is_none(), "{:?}", next.to_confirm);
    assert_eq!(next.decided.len(), 1);
    stand.assert_one_story("a day later").await;
    let again = apply(&job, &rules).await;
    assert!(again.decided.is_empty() && again.carried_out.is_empty());

    // Whole dates.
    let all = policy(&[("execution", "1d")], "1d");
    let asked = apply(&job, &all).await.to_confirm.expect("it keeps less");
    assert!(asked.rules.iter().any(|rule| rule.rule == "default"));
    apply_confirmed(&job, &all).await;
    stand.assert_one_story("after whole dates went").await;
    assert!(stand.partitions().await.is_empty());
    assert!(stand.fake.rows("audit_events").is_empty());
}

#[tokio::test]
async fn a_hold_keeps_what_any_rule_would_take_until_it_is_released() {
    let stand = Stand::new().await;
    stand.run().await;
    let job = stand.loader();
    let before = stand.partitions().await;
    place(&job, hold("A", "2026-03-02", "2026-03-02", &[])).await;
    place(&job, hold("B", "2026-03-01", "2026-03-02", &["execution"])).await;
    let rules = policy(&[], "0d");
    apply_confirmed(&job, &rules).await;
    stand.assert_one_story("with two holds").await;
    let left = stand.partitions().await;
    let held: BTreeSet<_> = before
        .into_iter()
        .filter(|(day, category)| {
            // Nobody knows what quarantine is about.
            let in_doubt = category == "execution" || category == "quarantine";
            *day == date("2026-03-02") || (*day == date("2026-03-01") && in_doubt)
        })
        .collect();
    assert_eq!(left, held);
    for case in ["B", "A"] {
        let release = trailhouse::ledger::entry::Release {
            case: case.to_owned(),
            reason: "settled".to_owned(),
            by: "anna".to_owned(),
        };
        trailhouse::run::record(&job, Body::Release(Box::new(release)))
            .await
            .unwrap();
    }
    apply_confirmed(&job, &rules).await;
    stand.assert_one_story("after the release").await;
    assert!(stand.partitions().await.is_empty());
}

#[tokio::test]
async fn a_plan_that_is_not_true_any_more_is_refused() {
    let stand = Stand::new().await;
    stand.run().await;
    let job = stand.loader();
    let rules = policy(&[("execution", "1d")], "400d");
    let confirmed = confirmation(&job, &rules).await;
    let before = stand.data().await;
    place(&job, hold("A", "2026-03-01", "2026-03-01", &[])).await;
    let refused = try_apply(&job, &rules, Some(&confirmed)).await;
    assert!(matches!(
        refused,
        Err(RunError::Decision(DecisionError::Stale(_)))
    ));
    let other = policy(&[("execution", "1d")], "2d");
    let refused = try_apply(&job, &other, Some(&confirmed)).await;
    assert!(matches!(
        refused,
        Err(RunError::Decision(DecisionError::Stale(_)))
    ));
    assert_eq!(stand.data().await, before);
    apply_confirmed(&job, &rules).await;
    stand.assert_one_story("after the new plan").await;
}

/// Nothing goes by a clock that the ledger does not bear out, unless somebody has looked.
#[tokio::test]
async fn a_clock_ten_years_off_deletes_nothing() {
    let stand = Stand::new().await;
    stand.run().await;
    let job = stand.loader();
    let rules = policy(&[("execution", "1d")], "400d");
    apply_confirmed(&job, &rules).await;
    let before = stand.data().await;
    let now = stand.rig.platform.now();
    let ahead = |days| stand.rig.platform.set_now(now + TimeDelta::days(days));
    ahead(-3_650);
    let behind = try_apply(&job, &rules, None).await;
    assert!(matches!(behind, Err(RunError::Clock(_))), "{behind:?}");
    assert_eq!(stand.data().await, before);
    for days in [25, 3_650] {
        ahead(days);
        let summary = apply(&job, &rules).await;
        assert!(summary.decided.is_empty(), "{days}: {summary:?}");
        assert_eq!(summary.to_confirm.unwrap().clock.len(), 1, "{days}");
        assert_eq!(stand.data().await, before);
    }
    stand.rig.platform.set_now(now);
    stand.assert_one_story("with the right clock again").await;
}

/// The fold refuses what no honest writer decides, so nobody can be made to carry it out.
#[tokio::test]
async fn a_decision_that_breaks_a_rule_of_the_ledger_is_refused() {
    let stand = Stand::new().await;
    let job = stand.loader();
    place(&job, hold("A", "2026-03-01", "2026-03-01", &[])).await;
    let mut state = stand.state().await;
    let rules = policy(&[("execution", "1d")], "400d");
    let as_of = date("2026-03-04");
    let good = trailhouse::ledger::entry::Retention {
        as_of,
        policy: rules.clone(),
        parts: plan(&state, &rules, AsOf::date(as_of)).due,
        warehouses: vec![],
        plan: "p".to_owned(),
        confirmed_by: Some("anna".to_owned()),
    };
    let held = plan(
        &State {
            holds: Default::default(),
            ..state.clone()
        },
        &rules,
        AsOf::date(as_of),
    )
    .due;
    assert!(held.len() > good.parts.len());
    let with = |change: &dyn Fn(&mut trailhouse::ledger::entry::Retention)| {
        let mut bad = good.clone();
        change(&mut bad);
        bad
    };
    let bad = [
        ("held", with(&|it| it.parts = held.clone())),
        ("empty", with(&|it| it.parts.clear())),
        ("of tomorrow", with(&|it| it.as_of = date("2026-03-05"))),
        ("unconfirmed", with(&|it| it.confirmed_by = None)),
        (
            "not due",
            with(&|it| it.policy = policy(&[("execution", "30d")], "400d")),
        ),
        (
            "of another rule",
            with(&|it| it.parts[0].rule = "default".to_owned()),
        ),
        ("miscounted", with(&|it| it.parts[0].rows += 1)),
        ("twice", with(&|it| it.parts.push(it.parts[0].clone()))),
        (
            "of nothing",
            with(&|it| it.parts[0].source = "other".to_owned()),
        ),
    ];
    let log = job.log();
    let draft = |decision: &trailhouse::ledger::entry::Retention| EntryDraft {
        run_id: "20260304T000000Z-00000000".into(),
        written_at: stand.rig.platform.now(),
        witnesses: Vec::new(),
        config_sha256: job.config_sha256,
        body: Body::Retention(Box::new(decision.clone())),
    };
    for (what, decision) in &bad {
        let refused = log.commit(&mut state, &draft(decision)).await;
        assert!(refused.is_err(), "{what}: {refused:?}");
    }
    let done = log.commit(&mut state, &draft(&good)).await.unwrap();
    assert!(matches!(done, Commit::Done));
}
