//! Odd records among good neighbours, and records that must be redacted before they are written.

use super::harness::{Rig, at, empty, quiet, run, run_well, sound_lake};
use super::lake::{everything, objects};
use chrono::TimeDelta;
use std::sync::Arc;
use std::time::Duration;
use trailhouse::event::redact::{Redaction, RedactionAction, RedactionRule, RedactionTarget};
use trailhouse::event::schema::Classification;
use trailhouse::ledger::entry::RecountVerdict;
use trailhouse::source::platform::kestra::Dialect;
use trailhouse::source::platform::kestra::mapping::ORIGINS;
use trailhouse::source::{Tenant, Wording};
use trailhouse_demo::kestra::{NewEvent, Oddity};

const NOW: &str = "2026-11-20T06:00:00Z";

#[tokio::test]
async fn an_odd_record_harms_no_neighbour_and_is_quarantined_once_with_its_bytes() {
    let rig = Rig::new(&quiet(NOW)).await;
    let begin = at("2026-11-20T05:30:00Z");
    rig.fill(begin, at("2026-11-20T05:50:00Z"), 60);
    let unfit = [
        (Oddity::InvalidUtf8, "not_utf8"),
        (Oddity::Nested4000, "too_deep"),
        (Oddity::Huge(20 << 20), "too_large"),
        (Oddity::BadDate, "time_unreadable"),
        (Oddity::NoDate, "no_time"),
        (Oddity::NoId, "no_id"),
    ];
    let fit = [
        Oddity::EscapedNul,
        Oddity::LoneSurrogate,
        Oddity::DoubledKey,
        Oddity::KeysByCase,
        Oddity::Numbers,
        Oddity::DetailText,
        Oddity::DetailNull,
        Oddity::OtherTypes,
        Oddity::Spaced,
        Oddity::Hostile,
        Oddity::Nested130,
        Oddity::Huge(1 << 20),
    ];
    let odd = unfit.iter().map(|(oddity, _)| *oddity).chain(fit);
    for (minute, oddity) in (0..).zip(odd) {
        rig.platform.push(NewEvent {
            oddity: Some(oddity),
            ..NewEvent::at(begin + TimeDelta::minutes(minute))
        });
    }
    let store = empty();
    let job = rig.job(&store);
    let first = run_well(&job).await;
    let lake = sound_lake(&store).await;
    lake.assert_holds_what_was_shown(&rig.platform, "after the first run");
    assert_eq!(lake.rows().len(), 60 + fit.len());
    let mut reasons: Vec<&str> = lake.unfit().iter().map(|it| &*it.reason).collect();
    reasons.sort_unstable();
    let mut expected = unfit.map(|(_, reason)| reason);
    expected.sort_unstable();
    assert_eq!(reasons, expected);
    assert_eq!(first.sources[0].counts.quarantined, unfit.len() as u64);

    // The overlap reads all of them again.
    rig.platform.advance(Duration::from_secs(300));
    let second = run_well(&job).await;
    let counts = &second.sources[0].counts;
    assert_eq!(
        (counts.added, counts.quarantined, counts.changed),
        (0, 0, 0)
    );
    assert!(counts.known > 0);
    sound_lake(&store)
        .await
        .assert_holds_what_was_shown(&rig.platform, "read again");
}

/// A slice may span dates where records are rare. A record whose time cannot be read must then be
/// filed under the date that a later, narrower reading finds it on: else it is kept twice, and one
/// date seems to have a gap and another to have been purged.
#[tokio::test]
async fn a_record_without_a_readable_time_is_kept_once_whatever_slices_it_is_read_in() {
    let rig = Rig::new(&quiet(NOW)).await;
    rig.fill(at("2026-11-17T06:00:00Z"), at("2026-11-20T05:00:00Z"), 40);
    let odd = [
        ("2026-11-18T00:00:01Z", Oddity::NoDate),
        ("2026-11-18T16:20:00Z", Oddity::BadDate),
        ("2026-11-19T23:59:59Z", Oddity::BadDate),
    ];
    for (instant, oddity) in odd {
        rig.platform.push(NewEvent {
            oddity: Some(oddity),
            ..NewEvent::at(at(instant))
        });
    }
    let store = empty();
    let job = rig.job(&store);
    let first = run_well(&job).await;
    assert_eq!(first.sources[0].counts.quarantined, 3);
    // Every date that was read before it had settled is read again, each in a slice of its own.
    for _ in 0..4 {
        rig.platform.advance(Duration::from_secs(24 * 3600));
        let again = &run_well(&job).await.sources[0];
        assert_eq!(again.counts.quarantined, 0, "{:?}", again.counts);
        let off = again
            .recounts
            .iter()
            .find(|recount| recount.verdict != RecountVerdict::Matched);
        assert!(off.is_none(), "{off:?}");
    }
    let lake = sound_lake(&store).await;
    assert_eq!((lake.rows().len(), lake.unfit().len()), (40, 3));
}

#[tokio::test]
async fn a_record_larger_than_a_response_is_a_hole_and_the_rest_is_read() {
    let rig = Rig::new(&quiet(NOW)).await;
    rig.fill(at("2026-11-20T05:00:00Z"), at("2026-11-20T05:50:00Z"), 60);
    rig.platform.push(NewEvent {
        oddity: Some(Oddity::Huge(3 << 20)),
        ..NewEvent::at(at("2026-11-20T05:20:10Z"))
    });
    let mut settings = rig.settings();
    settings.response_bytes = 1 << 20;
    let main = || vec![Tenant::Named("main".to_owned())];
    let store = empty();
    let small = rig.source_with(settings, Dialect::V2, main());
    let summary = run(&rig.job_of(&store, vec![small])).await;
    let source = &summary.sources[0];
    assert!(
        source.failure.is_none() && source.gaps.is_empty(),
        "{source:?}"
    );
    assert_eq!(source.holes.len(), 1, "{:?}", source.holes);
    assert_eq!(source.holes[0].reason, "too_large");
    assert_eq!(sound_lake(&store).await.rows().len(), 60);

    run_well(&rig.job_of(&store, vec![rig.source(main())])).await;
    assert_eq!(sound_lake(&store).await.rows().len(), 61);
}

/// Together they are larger than a response of several records may be, and no window is smaller.
#[tokio::test]
async fn large_records_of_one_instant_are_read_one_by_one() {
    let rig = Rig::new(&quiet(NOW)).await;
    rig.fill(at("2026-11-20T05:00:00Z"), at("2026-11-20T05:50:00Z"), 60);
    for _ in 0..4 {
        rig.platform.push(NewEvent {
            oddity: Some(Oddity::Huge(6 << 20)),
            ..NewEvent::at(at("2026-11-20T05:20:10Z"))
        });
    }
    let store = empty();
    run_well(&rig.job(&store)).await;
    let lake = sound_lake(&store).await;
    lake.assert_holds_what_was_shown(&rig.platform, "four of one instant");
    assert_eq!(lake.rows().len(), 64);
}

/// Whether `needle` is anywhere in `bytes`.
fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

#[tokio::test]
async fn what_is_redacted_is_nowhere_in_the_bucket() {
    const SECRET: &str = "hunter2-never-store-me";
    const ADDRESS: &str = "198.51.100.77";
    let rig = Rig::new(&quiet(NOW)).await;
    let time = at("2026-11-20T05:40:00Z");
    let date = "2026-11-20T05:40:00Z";
    let bodies = [
        format!(
            r#"{{"id":"a","type":"UPDATE","detail":{{"resourceType":"SECRET","id":"x"}},"date":"{date}","userId":"u","ipAddress":"{ADDRESS}","appliedPatch":[{{"op":"add","value":"{SECRET}"}}]}}"#
        ),
        format!(
            r#"{{"id":"b","type":"UPDATE","appliedPatch":"{SECRET}","appliedPatch":{{"again":"{SECRET}"}},"date":"{date}","custom":{{"deep":["{SECRET}"]}}}}"#
        ),
        format!(r#"{{"id":"c","type":"UPDATE","applied\u0050atch":"{SECRET}","date":"{date}"}}"#),
        // An object that comes as text, and text where an object is meant.
        format!(
            r#"{{"id":"e","type":"UPDATE","date":"{date}","custom":"{{\"deep\":\"{SECRET}\"}}"}}"#
        ),
        format!(r#"{{"id":"f","type":"UPDATE","date":"{date}","custom":"deep={SECRET}"}}"#),
        // Nothing can be said of where a secret is in these.
        format!(r#"{{"id":"d","appliedPatch":"{SECRET}" nonsense}}"#),
        format!(r#"{{"appliedPatch":"{SECRET}","date":"{date}"}}"#),
        format!(r#""{SECRET}""#),
    ];
    for (nth, body) in bodies.iter().enumerate() {
        rig.platform.push(NewEvent {
            id: Some(format!("platform-{nth}")),
            record: Some(body.clone().into_bytes()),
            ..NewEvent::at(time)
        });
    }
    rig.platform.push(NewEvent {
        record: Some([b"\xff".as_slice(), SECRET.as_bytes()].concat()),
        ..NewEvent::at(time)
    });
    let rule = |target, action| RedactionRule { target, action };
    let rules = [
        rule(
            RedactionTarget::Class(Classification::Secret),
            RedactionAction::Drop,
        ),
        rule(
            RedactionTarget::Pointer("/custom/deep".to_owned()),
            RedactionAction::Mask,
        ),
        rule(
            RedactionTarget::Column("src_ip".to_owned()),
            RedactionAction::Hmac,
        ),
    ];
    let hmac_key = [9_u8; 32];
    let redaction = Redaction::compile(&rules, &ORIGINS, Some(&hmac_key)).unwrap();
    let store = empty();
    let mut job = rig.job(&store);
    job.sources[0].redaction = Arc::new(redaction);
    run_well(&job).await;
    let lake = sound_lake(&store).await;
    assert!(lake.rows().len() + lake.unfit().len() >= 6, "{lake:?}");
    assert!(
        lake.rows().contains_key("kestra-test//a"),
        "{:?}",
        lake.rows()
    );

    assert!(lake.rows().contains_key("kestra-test//e"));
    let unfit = lake.unfit();
    let withheld = |reason: &str| unfit.iter().any(|row| row.reason == reason);
    assert!(withheld("not_redactable"));

    let mut places = objects(&store).await;
    places.extend(everything(&store).await);
    for (name, bytes) in &places {
        assert!(!holds(bytes, SECRET), "{name} holds the secret");
        assert!(!holds(bytes, ADDRESS), "{name} holds the address");
    }
    let state = places
        .iter()
        .find(|(name, _)| name.starts_with("rows of events"));
    assert!(
        holds(state.unwrap().1, "kestra-test//a"),
        "the rows were looked at"
    );
}

/// The message of a failure may cite what redaction keeps out of everything else.
#[tokio::test]
async fn what_the_platform_says_is_not_kept_under_redaction() {
    const WORDS: &str = "unable to read a stored row";
    const SAID: &str = "the source cannot read one of its own records (423)";
    let rules = [RedactionRule {
        target: RedactionTarget::Column("src_ip".to_owned()),
        action: RedactionAction::Mask,
    }];
    for redaction in [
        Redaction::none(),
        Redaction::compile(&rules, &ORIGINS, None).unwrap(),
    ] {
        let rig = Rig::new(&quiet(NOW)).await;
        let id = rig.platform.push(NewEvent::at(at("2026-11-20T05:40:00Z")));
        rig.platform.poison(&[id]);
        let wording = Wording::under(&redaction);
        let main = vec![Tenant::Named("main".to_owned())];
        let mut source = Rig::source_of(rig.settings(), wording, Dialect::V2, main);
        let kept = redaction.is_none();
        source.redaction = Arc::new(redaction);
        let store = empty();
        let summary = run(&rig.job_of(&store, vec![source])).await;
        let holes = &summary.sources[0].holes;
        assert_eq!(holes.len(), 1);
        assert!(holes[0].detail.starts_with(SAID), "{}", holes[0].detail);
        assert_eq!(holes[0].detail == SAID, !kept, "{}", holes[0].detail);
        let summary = serde_json::to_string(&summary).unwrap();
        assert_eq!(summary.contains(WORDS), kept, "{summary}");
        let objects = objects(&store).await;
        let found = objects.values().any(|bytes| holds(bytes, WORDS));
        assert_eq!(found, kept);
    }
}

/// An id that makes its columns larger than a row may be: BigQuery would refuse the whole load.
#[tokio::test]
async fn an_id_that_makes_a_row_too_large_goes_to_quarantine_and_its_neighbours_do_not() {
    let rig = Rig::new(&quiet(NOW)).await;
    rig.fill(at("2026-11-19T06:00:00Z"), at("2026-11-20T05:00:00Z"), 20);
    rig.platform.push(NewEvent {
        // Each of these letters takes six bytes in `event_uid`.
        id: Some("\u{e9}".repeat(7 << 20)),
        ..NewEvent::at(at("2026-11-19T12:00:30Z"))
    });
    let store = empty();
    let job = rig.job(&store);
    let first = run_well(&job).await;
    assert_eq!(first.sources[0].counts.quarantined, 1);
    let lake = sound_lake(&store).await;
    assert_eq!(lake.rows().len(), 20);
    assert_eq!(lake.unfit()[0].reason, "too_large");
    assert_eq!(lake.unfit()[0].native_id, None, "it is in the bytes");
    let again = run_well(&job).await;
    assert_eq!(again.sources[0].counts.quarantined, 0);
}
