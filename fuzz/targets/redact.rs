//! Redaction keeps well-formed records well-formed, and no rule leaves what it names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trailhouse::event::json;
use trailhouse::event::redact::{RedactionAction, Redaction, RedactionRule, RedactionTarget};
use trailhouse::source::platform::kestra::mapping::ORIGINS;

fuzz_target!(|bytes: &[u8]| {
    let [choice, record @ ..] = bytes else {
        return;
    };
    let action = [RedactionAction::Drop, RedactionAction::Mask, RedactionAction::Hmac][usize::from(choice % 3)];
    let places = ["/a", "/detail/*", "/appliedPatch/*/value", "/a/0", "/x/*/*"];
    let rules: Vec<_> = places
        .iter()
        .enumerate()
        .filter(|(number, _)| choice >> (number + 2) & 1 == 1)
        .map(|(_, place)| RedactionRule {
            target: RedactionTarget::Pointer((*place).to_owned()),
            action,
        })
        .collect();
    let redaction = Redaction::compile(&rules, &ORIGINS, Some(&[7; 32])).expect("rules that fit");
    let Ok(kept) = redaction.apply(record) else {
        // Not well-formed, or a rule leads into a text that is not JSON.
        let leads_on = |rule: &RedactionRule| matches!(&rule.target, RedactionTarget::Pointer(text) if text.matches('/').count() > 1);
        assert!(rules.iter().any(leads_on) || json::check(record) != Ok(json::JsonKind::Object));
        return;
    };
    if redaction.is_none() {
        assert_eq!(&*kept, record);
        return;
    }
    assert_eq!(json::check(&kept), Ok(json::JsonKind::Object));
    if action == RedactionAction::Drop
        && rules
            .iter()
            .any(|r| r.target == RedactionTarget::Pointer("/a".into()))
    {
        let space = kept.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let members = json::members(&kept, space).into_iter().flatten().flatten();
        assert!(
            members
                .into_iter()
                .all(|member| *member.key.name() != *b"a")
        );
    }
});
