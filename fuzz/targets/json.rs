//! The JSON reader accepts what an independent parser accepts, and its walks agree with its check.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use trailhouse::event::json::{self, FaultKind, JsonKind};

fuzz_target!(|bytes: &[u8]| {
    let checked = json::check(bytes);
    // The other parser has no limit of depth and does not check UTF-8.
    let theirs = serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
    let ours = match checked {
        Ok(_) => true,
        Err(fault) if fault.kind == FaultKind::TooDeep => return,
        Err(_) => false,
    };
    assert_eq!(ours, theirs && std::str::from_utf8(bytes).is_ok());
    let space = bytes.iter().take_while(|b| b.is_ascii_whitespace()).count();
    if let Ok(kind) = checked {
        let (skipped, end) = json::value_end(bytes, space).expect("a checked value can be skipped");
        assert_eq!(skipped, kind);
        assert!(bytes[end..].iter().all(u8::is_ascii_whitespace));
    }
    let walked = json::utf8(bytes)
        .and_then(json::checked_members)
        .and_then(json::Members::finish);
    assert_eq!(walked.is_ok(), checked == Ok(JsonKind::Object));
    for member in json::members(bytes, space).into_iter().flatten().flatten() {
        assert!(member.value.end <= bytes.len());
        assert_eq!(member.value.text(bytes), {
            json::decode(member.value.bytes(bytes))
        });
    }
    for value in json::elements(bytes, space).into_iter().flatten().flatten() {
        assert!(value.end <= bytes.len());
    }
});
