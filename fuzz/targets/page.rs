//! Any body is a page or an error, and what comes out of a page are parts of it, in order.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use trailhouse::source::platform::kestra::client::page;

fuzz_target!(|bytes: &[u8]| {
    let body = Bytes::copy_from_slice(bytes);
    let Ok(page) = page::parse(&body, 1000) else {
        return;
    };
    let mut from = body.as_ptr() as usize;
    for returned in page.records {
        let at = returned.record.as_ptr() as usize;
        assert!(from <= at && at + returned.record.len() <= body.as_ptr() as usize + body.len());
        assert!(!returned.is_record || returned.record.starts_with(b"{"));
        from = at;
    }
});
