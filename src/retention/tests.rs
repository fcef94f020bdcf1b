//! Rules, holds and plans over small lakes and over random ones.

use super::*;
use crate::lake::layout::Table;
use crate::ledger::digest::Digest;
use crate::ledger::entry::{FileEntry, StatedStatistics};
use crate::ledger::state::{HoldState, LiveFile, State};
use crate::policy::{AsOf, Conditions, Hold, HoldError, HoldStanding, Keep, Policy, Rule};
use chrono::{DateTime, Days, NaiveDate};
use proptest::prelude::*;

mod standing;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn keep(text: &str) -> Keep {
    text.parse().unwrap()
}

fn file(day: NaiveDate, category: Option<&str>, source: &str) -> FileEntry {
    let name = format!("{day}{category:?}{source}");
    FileEntry {
        path: name.as_str().into(),
        table: match category {
            Some(_) => Table::Events,
            None => Table::Quarantine,
        },
        date: day,
        category: category.map(Into::into),
        source: source.into(),
        bytes: 100,
        sha256: Digest::of(name.as_bytes()),
        md5: None,
        rows: 10,
        times: None,
        records_root: Digest::of(b"root"),
        statistics: StatedStatistics::default(),
    }
}

fn of_tenants(mut file: FileEntry, min: &str, max: &str) -> FileEntry {
    let range: StatedStatistics = serde_json::from_value(serde_json::json!({
        "kept_bytes": 1, "columns": { "tenant": { "min": min, "max": max, "nulls": 0 } },
    }))
    .unwrap();
    file.statistics = range;
    file
}

fn state(files: Vec<FileEntry>, holds: Vec<Hold>) -> State {
    let mut state = State::empty();
    for file in files {
        let live = LiveFile { sequence: 1, file };
        state.files.entry(live.file.date).or_default().push(live);
    }
    for (sequence, hold) in (2..).zip(holds) {
        let held = HoldState {
            hold,
            at: DateTime::UNIX_EPOCH,
            released: None,
        };
        state.holds.insert(sequence, held);
    }
    state
}

fn rule(name: &str, conditions: Conditions, kept: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        conditions,
        keep: keep(kept),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn categories(names: &[&str]) -> Conditions {
    Conditions {
        category: words(names),
        ..Conditions::default()
    }
}

fn policy(rules: Vec<Rule>, default: &str) -> Policy {
    Policy {
        rules,
        default: keep(default),
        platforms: [
            ("kestra-prod", "kestra"),
            ("kestra", "kestra"),
            ("air", "airflow"),
        ]
        .map(|(source, platform)| (source.to_owned(), platform.to_owned()))
        .into(),
    }
}

fn hold(case: &str, from: &str, to: &str) -> Hold {
    Hold {
        case: case.to_owned(),
        from: date(from),
        to: date(to),
        categories: Vec::new(),
        sources: Vec::new(),
        reason: "why".to_owned(),
        by: "anna".to_owned(),
        until: None,
    }
}

#[test]
fn the_first_rule_that_fits_decides() {
    let policy = policy(
        vec![
            rule(
                "prod",
                Conditions {
                    source: words(&["kestra-prod"]),
                    ..categories(&["execution"])
                },
                "90d",
            ),
            rule("all executions", categories(&["execution"]), "30d"),
            rule(
                "airflow",
                Conditions {
                    platform: words(&["airflow"]),
                    ..Conditions::default()
                },
                "7y",
            ),
        ],
        "400d",
    );
    let day = date("2026-01-01");
    for (category, source, expected) in [
        ("execution", "kestra-prod", Some(0)),
        // One name is not the beginning of another.
        ("execution", "kestra", Some(1)),
        ("authentication", "kestra-prod", None),
        ("execution", "air", Some(1)),
        ("authentication", "air", Some(2)),
    ] {
        let verdict = policy.verdict(&file(day, Some(category), source).subject());
        assert_eq!(verdict.rule, expected, "{category} of {source}");
    }
}

#[test]
fn where_nobody_knows_which_rule_fits_the_longest_counts() {
    let rules = || {
        vec![
            rule("executions", categories(&["execution"]), "30d"),
            rule("rights", categories(&["access_control"]), "10y"),
            rule(
                "finance",
                Conditions {
                    tenant: words(&["finance"]),
                    ..Conditions::default()
                },
                "5y",
            ),
            rule(
                "all of kestra",
                Conditions {
                    platform: words(&["kestra"]),
                    ..Conditions::default()
                },
                "1y",
            ),
        ]
    };
    let policy = policy(rules(), "20y");
    let day = date("2026-01-01");
    let of = |file: &FileEntry| policy.verdict(&file.subject()).rule;
    // What has no category, or one that says nothing.
    for category in [None, Some("other"), Some("tomorrow")] {
        assert_eq!(
            of(&file(day, category, "kestra-prod")),
            Some(1),
            "{category:?}"
        );
    }
    // A source that is not configured any more may be of any platform.
    assert_eq!(
        of(&file(day, Some("execution"), "gone")),
        Some(0),
        "it fits whatever the platform"
    );
    assert_eq!(
        of(&file(day, Some("authentication"), "gone")),
        None,
        "20 years"
    );
    // Rows of several tenants; those of one alone.
    let login = || file(day, Some("authentication"), "kestra-prod");
    assert_eq!(of(&of_tenants(login(), "finance", "main")), Some(2));
    assert_eq!(of(&of_tenants(login(), "main", "main")), Some(3));
    assert_eq!(of(&of_tenants(login(), "finance", "finance")), Some(2));
    assert_eq!(of(&login()), Some(2), "no tenant is stated");
}

#[test]
fn a_date_is_due_on_the_day_after_its_last() {
    let lake = state(
        vec![file(date("2026-01-01"), Some("execution"), "kestra")],
        vec![],
    );
    let policy = policy(vec![], "90d");
    for (as_of, due) in [("2026-04-01", 0), ("2026-04-02", 1)] {
        let plan = plan(&lake, &policy, AsOf::date(date(as_of)));
        assert_eq!(plan.due.len(), due, "{as_of}");
        assert_eq!(plan.total().rows, 10 * due as u64);
    }
    let early = plan(&lake, &policy, AsOf::date(date("2026-01-05")));
    let standing = &early.rules[0];
    assert_eq!(standing.next_due, Some(date("2026-04-02")));
    assert_eq!(standing.oldest_kept, Some(date("2026-01-01")));
}

#[test]
fn a_hold_wins_over_every_rule_while_it_is_in_force() {
    let day = date("2026-01-10");
    let files = vec![
        file(day, Some("execution"), "kestra"),
        file(day, Some("authentication"), "kestra"),
        file(day, Some("execution"), "air"),
        file(day, None, "kestra"),
    ];
    let narrow = Hold {
        categories: words(&["authentication"]),
        sources: words(&["kestra"]),
        ..hold("A-1", "2026-01-10", "2026-01-10")
    };
    let ending = Hold {
        until: Some(date("2026-06-01")),
        ..hold("B-2", "2025-12-01", "2026-01-31")
    };
    let lake = state(files, vec![narrow, ending]);
    let policy = policy(vec![], "1d");
    let during = plan(&lake, &policy, AsOf::date(date("2026-06-01")));
    assert!(during.due.is_empty(), "{:?}", during.due);
    assert_eq!(during.held.len(), 4);
    let both = during
        .held
        .iter()
        .filter(|held| held.cases == ["A-1", "B-2"]);
    // The log-ins, and what is in quarantine, of which nobody knows whether it is one.
    assert_eq!(both.count(), 2);
    let after = plan(&lake, &policy, AsOf::date(date("2026-06-02")));
    assert_eq!((after.due.len(), after.held.len()), (2, 2));
    assert_eq!(after.rules[0].kept.files, 2);

    let mut released = lake;
    for held in released.holds.values_mut() {
        held.released = Some(crate::ledger::state::Released {
            sequence: 9,
            at: DateTime::UNIX_EPOCH,
            reason: "over".to_owned(),
            by: "anna".to_owned(),
        });
    }
    assert_eq!(
        plan(&released, &policy, AsOf::date(date("2026-06-02")))
            .due
            .len(),
        4
    );
}

#[test]
fn much_at_once_and_nothing_kept_need_somebody_who_looks() {
    let days = |count: u64| {
        let first = date("2026-01-01");
        let files = (0..count).map(|day| file(first + Days::new(day), Some("execution"), "kestra"));
        state(files.collect(), vec![])
    };
    let as_of = date("2026-03-01");
    let confirm = |count, kept, before: Option<&str>| {
        let mut lake = days(count);
        lake.retention.policy = before.map(|kept| policy(vec![], kept));
        let plan = plan(&lake, &policy(vec![], kept), AsOf::date(as_of));
        plan.rules[0].confirm.clone()
    };
    assert!(confirm(7, "1d", Some("1d")).is_empty());
    assert_eq!(confirm(8, "1d", Some("1d")).len(), 1);
    assert_eq!(confirm(1, "0d", Some("0d")), ["it keeps nothing"]);
    assert!(confirm(8, "400d", None).is_empty(), "nothing is due");
    assert_eq!(
        confirm(1, "1d", None),
        ["it is new: there is no earlier decision"]
    );
    assert_eq!(
        confirm(1, "1d", Some("400d")),
        ["the rules keep less of this data than at the last decision"]
    );
    assert!(
        confirm(1, "10d", Some("20d")).is_empty(),
        "due all the same"
    );
}

#[test]
fn a_hold_that_means_nothing_is_refused() {
    assert_eq!(
        hold("A", "2026-01-01", "2026-01-01").check(date("2026-03-01")),
        Ok(())
    );
    assert_eq!(
        hold(" ", "2026-01-01", "2026-01-01").check(date("2026-03-01")),
        Err(HoldError::NoCase)
    );
    let turned = hold("A", "2026-01-02", "2026-01-01").check(date("2026-03-01"));
    assert!(matches!(turned, Err(HoldError::Dates { .. })));
    let silent = Hold {
        reason: String::new(),
        ..hold("A", "2026-01-01", "2026-01-01")
    };
    assert_eq!(silent.check(date("2026-03-01")), Err(HoldError::NoReason));
}

const CATEGORIES: [Option<&str>; 5] = [
    Some("execution"),
    Some("access_control"),
    Some("other"),
    Some("tomorrow"),
    None,
];
const SOURCES: [&str; 4] = ["kestra", "kestra-prod", "air", "gone"];

fn some_keep() -> impl Strategy<Value = Keep> {
    prop_oneof![
        (0_u32..60).prop_map(Keep::Days),
        (0_u32..4).prop_map(Keep::Months),
        (0_u32..2).prop_map(Keep::Years),
        Just(Keep::Forever),
    ]
}

fn some(names: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(names), 0..3)
        .prop_map(|names| names.iter().map(|name| (*name).to_owned()).collect())
}

prop_compose! {
    fn some_rule()(
        category in some(&["execution", "access_control", "other"]),
        platform in some(&["kestra", "airflow"]),
        source in some(&SOURCES),
        keep in some_keep(),
    ) -> Rule {
        Rule {
            name: "r".to_owned(),
            conditions: Conditions { category, platform, source, tenant: vec![] },
            keep,
        }
    }
}

prop_compose! {
    fn some_hold()(
        from in 0_u64..90,
        days in 0_u64..20,
        categories in some(&["execution", "access_control"]),
        sources in some(&SOURCES),
        until in prop::option::of(0_u64..200),
    ) -> Hold {
        let first = date("2026-01-01");
        Hold {
            categories,
            sources,
            from: first + Days::new(from),
            to: first + Days::new(from + days),
            until: until.map(|until| first + Days::new(until)),
            ..hold("C", "2026-01-01", "2026-01-01")
        }
    }
}

proptest! {
    /// Whatever the rules, holds and dates: what is held is never due, what is due is past the last
    /// day of every rule that could apply to it, every file is accounted for once, and time or a
    /// further hold only ever work in one direction.
    #[test]
    fn nothing_held_is_due_and_nothing_is_due_early(
        rules in prop::collection::vec(some_rule(), 0..4),
        default in some_keep(),
        holds in prop::collection::vec(some_hold(), 0..4),
        files in prop::collection::vec((0_u64..90, 0_usize..5, 0_usize..4), 1..30),
        as_of in 0_u64..200,
        doubt in prop_oneof![Just(0_u64), 0_u64..300],
    ) {
        let first = date("2026-01-01");
        let files: Vec<FileEntry> = files
            .into_iter()
            .map(|(day, category, source)| {
                file(first + Days::new(day), CATEGORIES[category], SOURCES[source])
            })
            .collect();
        let policy = Policy { rules, ..policy(vec![], &default.to_string()) };
        let as_of = first + Days::new(as_of);
        let lake = state(files.clone(), holds.clone());
        // How far the clock is ahead of what bears it out: holds end by the latter.
        let true_date = as_of - Days::new(doubt);
        let plan = plan(&lake, &policy, AsOf { due: as_of, holds: true_date });
        prop_assert_eq!(plan.holds_as_of, (doubt > 0).then_some(true_date));

        let accounted: u64 = plan.rules.iter().map(|rule| rule.due.files + rule.kept.files).sum();
        prop_assert_eq!(accounted, files.len() as u64);
        for file in &files {
            let due = plan.due.iter().any(|due| {
                due.date == file.date
                    && due.category.as_deref() == file.category.as_deref()
                    && file.source == due.source
            });
            let held = holds.iter().any(|hold| {
                hold.until.is_none_or(|until| true_date <= until) && hold.protects(&file.subject())
            });
            prop_assert!(!(due && held), "held and due: {:?}", file);
            // By the text of the policy alone: every rule that might fit, up to one that must.
            let mut over = true;
            for rule in policy.rules.iter().map(Some).chain([None]) {
                let (fits, kept) = match rule {
                    None => (Some(true), policy.default),
                    Some(rule) => (fits(rule, file, &policy), rule.keep),
                };
                if fits != Some(false) {
                    over &= kept.last_day(file.date).is_some_and(|last| last < as_of);
                }
                if fits == Some(true) {
                    break;
                }
            }
            prop_assert_eq!(due, over && !held, "{:?}", file);
        }
        // A day later at least as much is due where no hold ends; another hold makes it no more.
        let total = |plan: &RetentionPlan| plan.total().files;
        let lasting: Vec<Hold> = holds.iter().cloned().map(|hold| Hold { until: None, ..hold }).collect();
        let lake = state(files.clone(), lasting.clone());
        let today = super::plan(&lake, &policy, AsOf::date(as_of));
        let tomorrow = super::plan(&lake, &policy, AsOf::date(as_of + Days::new(1)));
        prop_assert!(total(&tomorrow) >= total(&today));
        let more = [lasting, vec![hold("D", "2026-01-01", "2026-02-01")]].concat();
        prop_assert!(total(&super::plan(&state(files, more), &policy, AsOf::date(as_of))) <= total(&today));
    }
}

/// Whether a rule fits: surely, surely not, or nobody knows. Written apart from the code it tests.
fn fits(rule: &Rule, file: &FileEntry, policy: &Policy) -> Option<bool> {
    let known = match file.category.as_deref() {
        Some(category @ ("execution" | "access_control")) => Some(category),
        _ => None,
    };
    let platform = policy
        .platforms
        .get(file.source.as_str())
        .map(String::as_str);
    let one = |wanted: &[String], known: Option<&str>| match (wanted.is_empty(), known) {
        (true, _) => Some(true),
        (false, None) => None,
        (false, Some(known)) => Some(wanted.contains(&known.to_owned())),
    };
    let answers = [
        one(&rule.conditions.category, known),
        one(&rule.conditions.platform, platform),
        one(&rule.conditions.source, Some(&file.source)),
    ];
    if answers.contains(&Some(false)) {
        Some(false)
    } else if answers.contains(&None) {
        None
    } else {
        Some(true)
    }
}
