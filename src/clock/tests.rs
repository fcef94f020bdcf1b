//! What clocks say together, as a table, and what no order of entries can make of them.

use super::*;
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The true time of these tests.
fn noon() -> DateTime<Utc> {
    at("2026-05-01T12:00:00Z")
}

const STORE: Witness = Witness::Store;

fn source(id: &str) -> Witness {
    Witness::Source(id.to_owned())
}

/// What a witness says whose clock is so many seconds ahead of noon.
fn says(witness: &Witness, seconds: i64) -> WitnessReading {
    WitnessReading {
        witness: witness.clone(),
        at: noon() + TimeDelta::seconds(seconds),
    }
}

/// A ledger with entries of this many dates up to `last`, each a day after the one before.
fn ledger(last: DateTime<Utc>, days: u32, witnesses: &[Witness]) -> LedgerTime {
    let first = last - TimeDelta::days(i64::from(days) - 1);
    let mut ledger = LedgerTime::begin(first, witnesses);
    for day in 1..days {
        ledger.note(first + TimeDelta::days(i64::from(day)), witnesses);
    }
    ledger
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// Borne out by so many witnesses.
    BorneOut(usize),
    Unproven,
    /// By so many witnesses, and by the ledger or not.
    Contradicted(usize, bool),
}

fn standing_of(now: &Now) -> Expected {
    match now.standing() {
        ClockStanding::BorneOut(witnesses) => Expected::BorneOut(witnesses.len()),
        ClockStanding::Unproven(_) => Expected::Unproven,
        ClockStanding::Contradicted(found) => {
            let witnesses = now.contradicted_by_witnesses().len();
            Expected::Contradicted(witnesses, found.len() > witnesses)
        }
    }
}

#[test]
fn the_table_of_who_bears_out_or_contradicts_the_clock() {
    use Expected::{BorneOut, Contradicted, Unproven};
    let (a, b, c) = (source("a"), source("b"), source("c"));
    let year = 365 * 86_400;
    let daily = |ago: i64| ledger(noon() - TimeDelta::days(ago), 10, &[]);
    let seen = |ago: i64| ledger(noon() - TimeDelta::days(ago), 10, &[STORE]);
    let future = ledger(noon() + TimeDelta::days(3650), 1, &[]);
    let future_seen = ledger(noon() + TimeDelta::days(3650), 1, std::slice::from_ref(&a));
    // The machine always says noon, so a witness that is ahead means a machine that is behind.
    for (what, readings, ledger, expected, outvoted) in [
        // Witnesses that agree.
        (
            "store",
            vec![says(&STORE, 0)],
            Some(seen(0)),
            BorneOut(1),
            0,
        ),
        (
            "store within tolerance",
            vec![says(&STORE, -300)],
            Some(seen(0)),
            BorneOut(1),
            0,
        ),
        (
            "store and source",
            vec![says(&STORE, 2), says(&a, -2)],
            Some(seen(0)),
            BorneOut(2),
            0,
        ),
        (
            "a source on a disk",
            vec![says(&a, 0)],
            Some(daily(0)),
            BorneOut(1),
            0,
        ),
        (
            "off for months, with a witness",
            vec![says(&a, 0)],
            Some(daily(90)),
            BorneOut(1),
            0,
        ),
        ("the first run", vec![says(&a, 0)], None, BorneOut(1), 0),
        ("the first run of all alone", vec![], None, BorneOut(0), 0),
        // Witnesses that differ.
        (
            "the only witness",
            vec![says(&a, year)],
            Some(daily(0)),
            Contradicted(1, false),
            0,
        ),
        (
            "the store",
            vec![says(&STORE, -301)],
            Some(seen(0)),
            Contradicted(1, false),
            0,
        ),
        (
            "the store, not a source",
            vec![says(&STORE, year), says(&a, 0)],
            Some(seen(0)),
            Contradicted(1, false),
            0,
        ),
        (
            "both",
            vec![says(&STORE, year), says(&a, year)],
            Some(seen(0)),
            Contradicted(2, false),
            0,
        ),
        (
            "a source, not the store",
            vec![says(&STORE, 0), says(&a, year)],
            Some(seen(0)),
            BorneOut(1),
            1,
        ),
        (
            "all sources, not the store",
            vec![says(&STORE, 0), says(&a, year), says(&b, year)],
            Some(seen(0)),
            BorneOut(1),
            2,
        ),
        (
            "one of two sources",
            vec![says(&a, 0), says(&b, -year)],
            Some(daily(0)),
            BorneOut(1),
            1,
        ),
        (
            "one of three sources",
            vec![says(&a, 0), says(&b, -year), says(&c, 0)],
            Some(daily(0)),
            BorneOut(2),
            1,
        ),
        (
            "two of three sources",
            vec![says(&a, 0), says(&b, year), says(&c, year)],
            Some(daily(0)),
            Contradicted(2, false),
            0,
        ),
        // Nobody tells the time.
        ("the same day", vec![], Some(daily(0)), BorneOut(0), 0),
        (
            "a long weekend later",
            vec![],
            Some(daily(3)),
            BorneOut(0),
            0,
        ),
        ("four days later", vec![], Some(daily(4)), Unproven, 0),
        ("25 days later", vec![], Some(daily(25)), Unproven, 0),
        ("ten years later", vec![], Some(daily(3650)), Unproven, 0),
        (
            "two days after the first entry",
            vec![],
            Some(ledger(noon() - TimeDelta::days(2), 1, &[])),
            Unproven,
            0,
        ),
        (
            "a day after the first entry",
            vec![],
            Some(ledger(noon() - TimeDelta::days(1), 1, &[])),
            BorneOut(0),
            0,
        ),
        // Behind the ledger.
        (
            "behind entries without a witness",
            vec![],
            Some(future.clone()),
            Contradicted(0, true),
            0,
        ),
        (
            "the same, with a witness",
            vec![says(&a, 0)],
            Some(future),
            BorneOut(1),
            0,
        ),
        (
            "behind an entry with a witness",
            vec![],
            Some(future_seen.clone()),
            Contradicted(0, true),
            0,
        ),
        (
            "the same, with a witness",
            vec![says(&STORE, 0)],
            Some(future_seen.clone()),
            Contradicted(0, true),
            0,
        ),
        (
            "behind everything",
            vec![says(&a, year)],
            Some(future_seen),
            Contradicted(1, true),
            0,
        ),
    ] {
        let now = judge(noon(), &readings, ledger.as_ref());
        assert_eq!(standing_of(&now), expected, "{what}");
        assert_eq!(now.outvoted().len(), outvoted, "{what}");
        assert_eq!(now.objections().is_empty(), now.is_borne_out(), "{what}");
        assert_eq!(now.borne_out_by().is_some(), now.is_borne_out(), "{what}");
        if now.is_borne_out() {
            assert_eq!(now.proven(), now.at(), "{what}");
        } else {
            assert!(now.proven() <= now.at(), "{what}");
            assert!(now.witnesses().is_empty(), "{what}");
        }
    }
}

#[test]
fn now_is_the_earliest_of_the_clocks_that_agree() {
    let readings = [
        says(&STORE, -90),
        says(&source("a"), 200),
        says(&source("b"), -9_000),
    ];
    let now = judge(noon() + TimeDelta::microseconds(1_900), &readings, None);
    // A header has whole seconds.
    assert_eq!(now.at(), at("2026-05-01T11:58:31Z"));
    let alone = judge(noon() + TimeDelta::microseconds(1_900), &[], None);
    assert_eq!(alone.at(), at("2026-05-01T12:00:00.001Z"));
}

#[test]
fn objections_say_what_differs_by_how_much() {
    let old = ledger(noon() - TimeDelta::days(25), 10, &[]);
    assert_eq!(
        judge(noon(), &[], Some(&old)).objections(),
        [
            "the clock says 2026-05-01T12:00:00Z, 25 days after the last time that the ledger shows \
             (2026-04-06T12:00:00Z), and neither the store nor a source states the time"
        ]
    );
    assert_eq!(
        judge(noon(), &[says(&source("a"), -7_200)], None).objections(),
        [
            "the clock of this machine says 2026-05-01T12:00:00Z, and that of source a says \
             2026-05-01T10:00:00Z, 2 hours earlier"
        ]
    );
}

#[test]
fn an_entry_of_a_doubted_clock_is_no_evidence_for_it() {
    let mut shown = ledger(noon(), 10, &[]);
    let ahead = noon() + TimeDelta::days(25);
    // However many such entries follow each other, day after day.
    for day in 0..60 {
        let at = ahead + TimeDelta::days(day);
        assert!(!shown.bears_out(at), "day {day}");
        shown.note(at, &[]);
    }
    assert_eq!(shown.reached(), noon());
    // With the clock right again everything goes on.
    let tomorrow = noon() + TimeDelta::days(1);
    assert!(judge(tomorrow, &[], Some(&shown)).is_borne_out());
    // A person or a witness can bear the jump out.
    let mut confirmed = shown.clone();
    confirmed.confirm(ahead);
    assert!(judge(ahead + TimeDelta::days(1), &[], Some(&confirmed)).is_borne_out());
    shown.note(ahead, &[STORE]);
    assert!(judge(ahead + TimeDelta::days(1), &[], Some(&shown)).is_borne_out());
}

#[test]
fn a_person_is_the_way_out_of_a_ledger_that_is_ahead() {
    let ahead = noon() + TimeDelta::days(3650);
    let mut shown = ledger(ahead, 3, &[source("a")]);
    assert!(
        !judge(noon(), &[says(&source("a"), 0)], Some(&shown))
            .contradictions()
            .is_empty()
    );
    shown.confirm(noon());
    assert_eq!((shown.reached(), shown.witnessed()), (noon(), Some(noon())));
    let later = noon() + TimeDelta::days(1);
    assert!(judge(later, &[], Some(&shown)).is_borne_out());
}

#[test]
fn entries_that_came_during_a_run_neither_contradict_it_nor_are_missed() {
    let before = ledger(noon() - TimeDelta::days(25), 10, &[]);
    let unproven = judge(noon(), &[], Some(&before));
    assert!(!unproven.is_borne_out());
    let mut after = before.clone();
    after.note(noon() + TimeDelta::hours(3), &[STORE]);
    let again = unproven.again(&after);
    assert!(again.is_borne_out() && again.contradictions().is_empty());
    // What somebody has confirmed meanwhile counts, too.
    let proven = judge(noon(), &[], Some(&after));
    let mut earlier = after.clone();
    earlier.confirm(noon() - TimeDelta::days(300));
    assert!(!proven.again(&earlier).is_borne_out());
}

/// A clock that is wrong, by steps of days: right mostly, behind, weeks ahead, years ahead.
fn offsets() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => Just(0_i64),
        1 => -4_000_i64..-4,
        1 => 20_i64..40,
        1 => 3_000_i64..4_000,
    ]
}

proptest! {
    /// A clock that jumps in any way between runs, a witness that now and then tells the time, and a judge
    /// that is asked before each entry: no time ahead of the true one is ever borne out, and once the clock
    /// is right its time is never contradicted.
    #[test]
    fn no_time_that_has_not_come_is_ever_borne_out(
        runs in prop::collection::vec((offsets(), 0_i64..4, any::<bool>()), 1..60),
    ) {
        let mut truth = noon();
        let mut shown = LedgerTime::begin(truth, &[]);
        for (offset, days, witness) in runs {
            truth += TimeDelta::days(days);
            let machine = truth + TimeDelta::days(offset);
            let readings: Vec<WitnessReading> = witness
                .then(|| WitnessReading { witness: source("a"), at: truth })
                .into_iter()
                .collect();
            let now = judge(machine, &readings, Some(&shown));
            prop_assert!(now.proven() <= truth, "{now:?}");
            prop_assert!(shown.reached() <= truth);
            if offset == 0 {
                prop_assert!(now.contradictions().is_empty(), "{now:?}");
                prop_assert!(!witness || now.is_borne_out());
            }
            if now.contradictions().is_empty() {
                shown.note(now.at(), now.witnesses());
            }
        }
    }
}
