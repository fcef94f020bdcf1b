//! Any text is an instant or an error, and an instant is the one that another parser reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trailhouse::event::time::parse;

fuzz_target!(|text: &str| {
    if let Ok(time) = parse(text) {
        let again = time.to_rfc3339();
        assert_eq!(parse(&again), Ok(time));
    }
});
