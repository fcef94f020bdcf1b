//! How holds stand, and what goes by itself, by clocks that are borne out and others.

use super::*;

#[test]
fn a_hold_stands_as_its_last_date_and_the_clock_say() {
    let open = hold("A", "2026-01-01", "2026-01-31");
    let ending = Hold {
        until: Some(date("2026-03-01")),
        ..open.clone()
    };
    let released = crate::ledger::state::Released {
        sequence: 9,
        at: DateTime::UNIX_EPOCH,
        reason: "over".to_owned(),
        by: "anna".to_owned(),
    };
    for (hold, released, due, holds, expected) in [
        (
            &open,
            None,
            "2036-01-01",
            "2036-01-01",
            HoldStanding::InForce,
        ),
        (
            &ending,
            None,
            "2026-03-01",
            "2026-03-01",
            HoldStanding::InForce,
        ),
        (
            &ending,
            None,
            "2026-03-02",
            "2026-03-02",
            HoldStanding::Ended,
        ),
        (
            &ending,
            None,
            "2036-03-02",
            "2026-03-01",
            HoldStanding::EndUnproven,
        ),
        (
            &ending,
            Some(&released),
            "2026-02-01",
            "2026-02-01",
            HoldStanding::Released,
        ),
        (
            &ending,
            Some(&released),
            "2036-02-01",
            "2026-02-01",
            HoldStanding::Released,
        ),
    ] {
        let held = HoldState {
            hold: hold.clone(),
            at: DateTime::UNIX_EPOCH,
            released: released.cloned(),
        };
        let as_of = AsOf {
            due: date(due),
            holds: date(holds),
        };
        let found = held.standing(as_of);
        assert_eq!(found, expected, "{due} {holds}");
        let protects = matches!(found, HoldStanding::InForce | HoldStanding::EndUnproven);
        assert_eq!(held.is_in_force(as_of.holds), protects, "{due} {holds}");
        // What is shown as protected is what protects.
        let day = file(date("2026-01-10"), Some("execution"), "kestra");
        let mut lake = state(vec![day.clone()], vec![]);
        lake.holds.insert(2, held.clone());
        assert_eq!(
            protected(&lake, &held, as_of.holds).files,
            u64::from(protects)
        );
        let cases = lake.protection(&day.subject(), as_of.holds).cases;
        assert_eq!(!cases.is_empty(), protects);
    }
}

#[test]
fn a_hold_that_would_never_be_in_force_is_refused() {
    let today = date("2026-03-10");
    for (until, fits) in [
        (None, true),
        (Some("2026-03-09"), false),
        (Some("2026-03-10"), true),
        (Some("2027-01-01"), true),
    ] {
        let hold = Hold {
            until: until.map(date),
            ..hold("A", "2026-01-01", "2026-01-31")
        };
        let checked = hold.check(today);
        assert_eq!(checked.is_ok(), fits, "{until:?}");
        if let Err(error) = checked {
            assert!(matches!(error, HoldError::Ended { .. }), "{error}");
        }
    }
}

#[test]
fn nothing_goes_by_itself_at_a_time_that_nothing_bears_out() {
    let lake = state(
        vec![
            file(date("2026-01-01"), Some("execution"), "kestra"),
            file(date("2026-01-01"), Some("access_control"), "kestra"),
        ],
        vec![],
    );
    let rules = || vec![rule("executions", categories(&["execution"]), "0d")];
    let policy = policy(rules(), "30d");
    let mut lake = lake;
    lake.retention.policy = Some(policy.clone());
    let at = |text: &str| text.parse::<DateTime<chrono::Utc>>().unwrap();
    let now = at("2026-05-01T12:00:00Z");
    for (seen, goes, asked) in [
        // The rule that keeps nothing always waits for somebody.
        ("2026-05-01T00:00:00Z", 1, 1),
        ("2026-04-01T00:00:00Z", 0, 2),
        ("2036-05-01T00:00:00Z", 0, 2),
    ] {
        let ledger = crate::clock::LedgerTime::begin(at(seen), &[]);
        let now = crate::clock::judge(now, &[], Some(&ledger));
        let plan = plan(&lake, &policy, AsOf::now(&now));
        let unattended = plan.unattended(&now);
        assert_eq!(unattended.parts.len(), goes, "{seen}");
        assert_eq!(unattended.amount.files, goes as u64, "{seen}");
        assert_eq!(unattended.to_confirm.len(), asked, "{seen}");
        assert_eq!(unattended.clock.is_empty(), goes > 0, "{seen}");
    }
}
