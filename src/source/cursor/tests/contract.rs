//! The contract of feeds, kept over a platform that behaves and over one that does not.

use super::*;
use crate::source::conformance::{check_feed, check_under_faults};
use crate::source::scripted::known;
use std::collections::BTreeSet;

#[tokio::test]
async fn it_keeps_the_contract_of_feeds() {
    let mut poisoned = rows(150);
    for bad in [20, 21, 99] {
        poisoned[bad].kind = RowKind::Poison;
    }
    let calm = Faults::default;
    let cases = [
        (Vec::new(), calm()),
        (rows(150), calm()),
        (poisoned, calm()),
        (
            rows(90),
            Faults {
                unstable: true,
                jitter: true,
                trailing: 3,
                ..calm()
            },
        ),
        (
            rows(90),
            Faults {
                doubled: ["r7".to_owned(), "r80".to_owned()].into(),
                ..calm()
            },
        ),
    ];
    for axis in [Axis::Event, Axis::Arrival] {
        for (rows, faults) in &cases {
            let known = known(rows, axis);
            let chain = ScriptedChain::new(chaining(axis, 10), rows.clone(), faults.clone());
            let source = Cursor::new(chain);
            let checked = check_feed(&source, &main(), window(0, 200 * TICK), &known).await;
            assert_eq!(checked, Ok(()), "{axis:?} {faults:?}");
        }
    }
}

#[tokio::test]
async fn it_keeps_the_contract_under_faults() {
    let asked = window(0, 200 * TICK);
    let set = |numbers: &[u64]| numbers.iter().copied().collect::<BTreeSet<u64>>();
    let calm = Faults::default;
    let late = RowChange::Insert(row("late", 50 * TICK));
    for faults in [
        Faults {
            empty: set(&[1, 2, 3, 6, 7, 30]),
            ..calm()
        },
        Faults {
            repeated: set(&[2, 9, 10]),
            ..calm()
        },
        Faults {
            expired: set(&[3, 4, 20]),
            unstable: true,
            ..calm()
        },
        Faults {
            token_life: Some(4),
            ..calm()
        },
        Faults {
            partial: set(&[2]),
            ..calm()
        },
        Faults {
            cut: set(&[1, 5, 6]),
            ..calm()
        },
        Faults {
            forgets: true,
            ..calm()
        },
        Faults {
            stutters: true,
            unstable: true,
            ..calm()
        },
        Faults {
            changes: [(12, vec![late])].into(),
            unstable: true,
            ..calm()
        },
    ] {
        for axis in [Axis::Event, Axis::Arrival] {
            let mut known = known(&rows(90), axis);
            let chain = ScriptedChain::new(chaining(axis, 10), rows(90), faults.clone());
            let source = Cursor::new(chain);
            if !faults.changes.is_empty() {
                // It may be there or not; where it is, it is real.
                known.records.remove("r50");
                let checked = check_under_faults(&source, &main(), asked, &known).await;
                let only_late = |broken: &str| broken.contains("r50") || broken.contains("late");
                assert!(checked.is_ok() || only_late(&checked.unwrap_err().what));
                continue;
            }
            let checked = check_under_faults(&source, &main(), asked, &known).await;
            assert_eq!(checked, Ok(()), "{axis:?} {faults:?}");
        }
    }
}
