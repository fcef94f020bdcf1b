//! The statements that delete take exactly what a decision names.

use super::state::{LIMITS, date, file, state};
use crate::ledger::entry::FileEntry;
use crate::ledger::state::{State, Wholes};
use crate::policy::{AsOf, Conditions, Policy, Rule};
use crate::retention::plan;
use crate::warehouse::Deletion;
use crate::warehouse::deciding::expire::deletions;
use chrono::NaiveDate;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn policy(rules: Vec<(Conditions, &str)>, default: &str) -> Policy {
    let rules = rules.into_iter().enumerate();
    Policy {
        rules: rules
            .map(|(nth, (conditions, keep))| Rule {
                name: format!("r{nth}"),
                conditions,
                keep: keep.parse().unwrap(),
            })
            .collect(),
        default: default.parse().unwrap(),
        platforms: [("k".to_owned(), "kestra".to_owned())].into(),
    }
}

fn of_category(category: &str) -> Conditions {
    Conditions {
        category: vec![category.to_owned()],
        ..Conditions::default()
    }
}

fn decided(lake: &State, policy: &Policy, as_of: NaiveDate) -> Vec<Deletion> {
    let parts = plan(lake, policy, AsOf::date(as_of)).due;
    let wholes = Wholes::of(lake, &parts);
    deletions(
        lake,
        crate::lake::layout::Table::Events,
        &parts,
        &wholes,
        &LIMITS,
    )
}

#[test]
fn whole_dates_go_as_partitions_and_equal_neighbours_together() {
    let lake = state(vec![
        (
            1,
            vec![file("a", 1, "execution", 1), file("b", 2, "execution", 1)],
        ),
        (
            2,
            vec![file("c", 2, "other", 1), file("d", 3, "execution", 1)],
        ),
        (
            3,
            vec![file("e", 3, "other", 1), file("f", 4, "execution", 1)],
        ),
    ]);
    let execution = policy(vec![(of_category("execution"), "1d")], "400d");
    let found = decided(&lake, &execution, date(10));
    let spans: Vec<_> = found
        .iter()
        .map(|it| (it.first, it.last, it.conditions.len()))
        .collect();
    assert_eq!(
        spans,
        [
            // Of the first there is nothing else, and the second and third are alike.
            (date(1), date(1), 0),
            (date(2), date(3), 1),
            (date(4), date(4), 0),
        ]
    );
    let all = decided(&lake, &policy(vec![], "1d"), date(10));
    assert_eq!((all[0].first, all[0].last), (date(1), date(4)));
    assert_eq!(all.len(), 1);
}

/// A file of a tenant, or of several.
fn of_tenant(
    name: &str,
    day: u32,
    category: &str,
    source: &str,
    tenant: Option<&str>,
) -> FileEntry {
    let mut file = file(name, day, category, 1);
    file.source = source.into();
    let (min, max) = tenant.map_or(("a", "b"), |tenant| (tenant, tenant));
    file.statistics = serde_json::from_value(serde_json::json!({
        "kept_bytes": 1, "columns": { "tenant": { "min": min, "max": max, "nulls": 0 } },
    }))
    .unwrap();
    file
}

fn takes(deletion: &Deletion, file: &FileEntry, batch: &str) -> bool {
    let conditions = &deletion.conditions;
    deletion.first <= file.date
        && file.date <= deletion.last
        && (conditions.is_empty()
            || conditions.iter().any(|condition| {
                condition.category.as_deref() == file.category.as_deref()
                    && file.source == condition.source
                    && (condition.batches.is_empty()
                        || condition.batches.iter().any(|it| it == batch))
            }))
}

const CATEGORIES: [&str; 3] = ["execution", "authentication", "other"];
const TENANTS: [Option<&str>; 3] = [Some("a"), Some("b"), None];
const KEEPS: [&str; 4] = ["1d", "4d", "8d", "forever"];

proptest! {
    #[test]
    fn rows_of_what_is_decided_are_taken_and_no_others(
        files in prop::collection::vec(
            (1_u64..6, 1_u32..9, 0_usize..3, 0_usize..2, 0_usize..3),
            1..60,
        ),
        rules in prop::collection::vec((0_usize..3, prop::option::of(0_usize..2), 0_usize..4), 0..4),
        default in 0_usize..4,
    ) {
        let mut entries: Vec<(u64, Vec<FileEntry>)> = (1..6).map(|it| (it, vec![])).collect();
        for (nth, (entry, day, category, source, tenant)) in files.into_iter().enumerate() {
            let source = ["k", "other-source"][source];
            let (category, tenant) = (CATEGORIES[category], TENANTS[tenant]);
            let file = of_tenant(&format!("f{nth}"), day, category, source, tenant);
            entries[usize::try_from(entry).unwrap() - 1].1.push(file);
        }
        let lake = state(entries);
        let rules = rules.into_iter().map(|(category, tenant, keep)| {
            let tenant = tenant.map(|it| ["a", "b"][it].to_owned());
            let conditions = Conditions {
                tenant: tenant.into_iter().collect(),
                ..of_category(CATEGORIES[category])
            };
            (conditions, KEEPS[keep])
        });
        let policy = policy(rules.collect(), KEEPS[default]);
        let parts = plan(&lake, &policy, AsOf::date(date(10))).due;
        let statements = decided(&lake, &policy, date(10));
        for live in lake.live_files() {
            let batch = format!("b{}", live.sequence);
            let named = parts.iter().filter(|it| it.takes(live.sequence, &live.file)).count();
            prop_assert!(named <= 1);
            let taken = statements.iter().any(|it| takes(it, &live.file, &batch));
            prop_assert_eq!(taken, named == 1, "{:?}", live.file);
        }
        let numbers: u64 = parts.iter().map(|part| part.files).sum();
        let named = lake.live_files().filter(|live| {
            parts.iter().any(|part| part.takes(live.sequence, &live.file))
        });
        prop_assert_eq!(numbers, named.count() as u64);
        let places: BTreeSet<_> = parts.iter().map(|part| part.place()).collect();
        prop_assert_eq!(places.len(), parts.len());
    }
}
