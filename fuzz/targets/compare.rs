//! Comparing two readings never fails, and a record is the same as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trailhouse::event::compare::{RecordChange, changed};
use trailhouse::event::json;
use trailhouse::event::json::pointer::Pointers;
use trailhouse::event::redact::KeyNames;

fuzz_target!(|bytes: &[u8]| {
    let cut = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len() / 2);
    let (first, now) = bytes.split_at(cut);
    let now = now.strip_prefix(b"\0").unwrap_or(now);
    let (none, names) = (Pointers::default(), KeyNames::all());
    let _ = changed(first, now, &none, &names);
    let spaced = [b" ", first].concat();
    if json::check(first).is_ok() {
        assert_eq!(changed(first, &spaced, &none, &names), RecordChange::Same);
    }
});
