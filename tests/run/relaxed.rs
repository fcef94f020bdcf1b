//! Rules of redaction change between runs. What was redacted then or is now is no change of the platform's;
//! everything else still is.

use super::harness::{Rig, at, empty, quiet, run, run_well, sound_lake};
use std::sync::Arc;
use std::time::Duration;
use trailhouse::event::redact::{Redaction, RedactionAction, RedactionRule, RedactionTarget};
use trailhouse::source::platform::kestra::mapping::ORIGINS;
use trailhouse_demo::kestra::NewEvent;

const NOW: &str = "2026-11-20T06:00:00Z";
const TIME: &str = "2026-11-20T05:40:00Z";

/// Rules, and the key of hashes.
type Rules<'a> = (&'a [(&'a str, RedactionAction)], u8);

/// A target that does not begin with a slash is a column.
fn redaction((rules, key): Rules<'_>) -> Redaction {
    let rules: Vec<RedactionRule> = rules
        .iter()
        .map(|(target, action)| RedactionRule {
            target: match target.starts_with('/') {
                true => RedactionTarget::Pointer((*target).to_owned()),
                false => RedactionTarget::Column((*target).to_owned()),
            },
            action: *action,
        })
        .collect();
    Redaction::compile(&rules, &ORIGINS, Some(&[key; 32])).unwrap()
}

fn show(rig: &Rig, id: &str, more: &str) {
    let record = format!(
        r#"{{"id":"{id}","tenantId":"main","type":"CREATE","date":"{TIME}","userId":"anna","ipAddress":"10.1.2.3"{more}}}"#
    );
    rig.platform.push(NewEvent {
        id: Some(id.to_owned()),
        record: Some(record.into_bytes()),
        ..NewEvent::at(at(TIME))
    });
}

const RECORDS: [(&str, &str); 4] = [
    ("a", r#","detail":{"id":"f","secret":"s","list":[1,2,3]}"#),
    (
        "b",
        r#","detail":"{\"id\":\"f\",\"secret\":\"s\",\"list\":[1,2,3]}""#,
    ),
    ("c", r#","detail":"n/a""#),
    ("d", ""),
];

/// What is counted when the records are read under one redaction, and then under another.
async fn counts(then: Rules<'_>, now: Rules<'_>, changing: Option<&str>) -> (u64, u64, u64, u64) {
    let rig = Rig::new(&quiet(NOW)).await;
    for (id, more) in RECORDS {
        show(&rig, id, more);
    }
    let store = empty();
    let mut job = rig.job(&store);
    job.sources[0].redaction = Arc::new(redaction(then));
    run_well(&job).await;
    if let Some(more) = changing {
        rig.platform.purge(&["a"]);
        show(&rig, "a", more);
    }
    rig.platform.advance(Duration::from_secs(60));
    job.sources[0].redaction = Arc::new(redaction(now));
    let summary = run(&job).await;
    sound_lake(&store).await;
    let counts = summary.sources[0].counts;
    assert_eq!(counts.returned, 4, "{counts:?}");
    (
        counts.known,
        counts.added,
        counts.quarantined,
        counts.changed + counts.drifted,
    )
}

const NOTHING: Rules<'_> = (&[], 1);
const USER: Rules<'_> = (&[("actor_uid", RedactionAction::Mask)], 1);

#[tokio::test]
async fn a_rule_that_goes_or_comes_changes_no_record() {
    for (then, now) in [
        (USER, NOTHING),
        (NOTHING, USER),
        (USER, (&[("src_ip", RedactionAction::Mask)][..], 1)),
    ] {
        assert_eq!(
            counts(then, now, None).await,
            (4, 0, 0, 0),
            "{then:?} {now:?}"
        );
    }
}

#[tokio::test]
async fn another_key_action_or_name_of_a_rule_changes_no_record() {
    let by_hash: &[_] = &[
        ("actor_uid", RedactionAction::Hmac),
        ("/ipAddress", RedactionAction::Drop),
    ];
    for (then, now) in [
        ((by_hash, 1), (by_hash, 2)),
        ((by_hash, 1), USER),
        (USER, (by_hash, 1)),
        (USER, (&[("/userId", RedactionAction::Mask)][..], 1)),
        (
            (&[("/userId", RedactionAction::Drop)][..], 1),
            (&[("/userId", RedactionAction::Mask)][..], 1),
        ),
    ] {
        assert_eq!(
            counts(then, now, None).await,
            (4, 0, 0, 0),
            "{then:?} {now:?}"
        );
    }
}

#[tokio::test]
async fn places_in_text_and_elements_that_were_dropped_are_no_change() {
    // `c` has text where a member is meant: under the rule its bytes are not kept, and without it they are.
    let secret: &[_] = &[("/detail/secret", RedactionAction::Mask)];
    let dropped: &[_] = &[
        ("/detail/secret", RedactionAction::Drop),
        ("/detail/list/1", RedactionAction::Drop),
    ];
    for (then, now, counted) in [
        ((secret, 1), NOTHING, (3, 1, 0, 0)),
        (NOTHING, (secret, 1), (4, 0, 0, 0)),
        ((secret, 1), (dropped, 1), (4, 0, 0, 0)),
        ((dropped, 1), NOTHING, (3, 1, 0, 0)),
        (NOTHING, (dropped, 1), (4, 0, 0, 0)),
    ] {
        assert_eq!(counts(then, now, None).await, counted, "{then:?} {now:?}");
    }
}

#[tokio::test]
async fn what_changed_elsewhere_is_still_found() {
    let other = r#","detail":{"id":"g","secret":"t","list":[1,2,3]}"#;
    let secret: &[_] = &[
        ("/detail/secret", RedactionAction::Mask),
        ("detail", RedactionAction::Mask),
    ];
    for (then, now, changed) in [
        (USER, NOTHING, 1),
        (NOTHING, USER, 1),
        // All of it lies under the rule.
        (NOTHING, (secret, 1), 0),
        ((secret, 1), NOTHING, 0),
    ] {
        let (known, .., found) = counts(then, now, Some(other)).await;
        assert_eq!((known, found), (4, changed), "{then:?} {now:?}");
    }
}

/// The redaction of the batch counts, not any that ever was.
#[tokio::test]
async fn a_rule_that_was_in_force_before_a_record_came_hides_nothing_of_it() {
    let rig = Rig::new(&quiet(NOW)).await;
    let store = empty();
    let mut job = rig.job(&store);
    show(&rig, "d", "");
    job.sources[0].redaction = Arc::new(redaction(USER));
    run_well(&job).await;
    job.sources[0].redaction = Arc::new(Redaction::none());
    show(&rig, "e", "");
    rig.platform.advance(Duration::from_secs(60));
    run_well(&job).await;
    for id in ["d", "e"] {
        rig.platform.purge(&[id]);
        let record = format!(
            r#"{{"id":"{id}","tenantId":"main","type":"CREATE","date":"{TIME}","userId":"bert","ipAddress":"10.1.2.3"}}"#
        );
        rig.platform.push(NewEvent {
            id: Some(id.to_owned()),
            record: Some(record.into_bytes()),
            ..NewEvent::at(at(TIME))
        });
    }
    rig.platform.advance(Duration::from_secs(60));
    let summary = run(&job).await;
    assert_eq!(summary.sources[0].counts.changed, 1, "that of `e` alone");
}
