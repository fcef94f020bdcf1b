use proptest::prelude::*;

use super::tests::{place, redact};
use super::*;
use crate::event::json::{any_json, any_object};

/// The same redaction done the slow way: on a list of members, written again.
fn drop_slowly(object: &str, name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    json::members(object.as_bytes(), 0)
        .unwrap()
        .map(Result::unwrap)
        .filter(|member| *member.key.name() != *name.as_bytes())
        .map(|member| {
            (
                member.key.raw.to_vec(),
                member.value.bytes(object.as_bytes()).to_vec(),
            )
        })
        .collect()
}

fn any_rule() -> impl Strategy<Value = RedactionRule> {
    let token = prop_oneof![
        Just("*"),
        Just("id"),
        Just("a"),
        Just("0"),
        Just("1"),
        Just("")
    ];
    let action = prop_oneof![
        Just(RedactionAction::Drop),
        Just(RedactionAction::Mask),
        Just(RedactionAction::Hmac)
    ];
    (prop::collection::vec(token, 1..4), action)
        .prop_map(|(tokens, action)| place(&format!("/{}", tokens.join("/")), action))
}

proptest! {
    #[test]
    fn dropping_leaves_all_else_byte_exact(object in any_object()) {
        let kept = redact(&[place("/id", RedactionAction::Drop)], &object);
        prop_assert_eq!(json::check(kept.as_bytes()), Ok(JsonKind::Object));
        prop_assert_eq!(drop_slowly(&kept, "id"), drop_slowly(&object, "id"));
        let left = json::members(kept.as_bytes(), 0)?.flatten().any(|m| *m.key.name() == *b"id");
        prop_assert!(!left);
    }

    #[test]
    fn masking_changes_the_values_named_and_no_other_byte(object in any_object()) {
        let kept = redact(&[place("/id", RedactionAction::Mask)], &object);
        let before: Vec<_> = json::members(object.as_bytes(), 0)?.flatten().collect();
        let after: Vec<_> = json::members(kept.as_bytes(), 0)?.flatten().collect();
        prop_assert_eq!(before.len(), after.len());
        let (mut old, mut new) = (0, 0);
        for (before, after) in before.iter().zip(&after) {
            // Up to the value, then the value.
            prop_assert_eq!(
                &object[old..before.key.value_at],
                &kept[new..after.key.value_at]
            );
            if *before.key.name() == *b"id" && before.value.kind != JsonKind::Null {
                prop_assert_eq!(after.value.bytes(kept.as_bytes()), b"\"***\"");
            } else {
                prop_assert_eq!(before.value.bytes(object.as_bytes()), after.value.bytes(kept.as_bytes()));
            }
            (old, new) = (before.value.end, after.value.end);
        }
        prop_assert_eq!(&object[old..], &kept[new..]);
    }

    #[test]
    fn any_rules_keep_any_record_well_formed_and_twice_is_once(
        object in any_object(), rules in prop::collection::vec(any_rule(), 0..4),
    ) {
        let compiled = Redaction::compile(&rules, &super::tests::BARE, Some(&[7; 32])).unwrap();
        if let Err(unfit) = compiled.apply(object.as_bytes()) {
            prop_assert!(compiled.withholds(&unfit));
            return Ok(());
        }
        let kept = redact(&rules, &object);
        prop_assert_eq!(json::check(kept.as_bytes()), Ok(JsonKind::Object));
        // Hashing a hash, or dropping from an array that closed up, goes on changing.
        if rules.iter().all(|rule| rule.action == RedactionAction::Mask) {
            prop_assert_eq!(redact(&rules, &kept), kept);
        }
    }

    #[test]
    fn a_value_under_a_rule_is_gone(value in any_json(), secret in "[A-Z]{12}") {
        let record = format!(r#"{{"k":{value},"a":[{{"id":"{secret}"}},{{"\u0069d":["{secret}"]}}],"z":0}}"#);
        for action in [RedactionAction::Drop, RedactionAction::Mask, RedactionAction::Hmac] {
            let kept = redact(&[place("/a/*/id", action)], &record);
            prop_assert!(!kept.contains(&secret));
            let start = format!(r#"{{"k":{value},"a":[{{"#);
            let end = r#"}],"z":0}"#;
            prop_assert!(kept.starts_with(&start) && kept.ends_with(end));
        }
    }
}
