//! Of each platform: any bytes are an event or unfit; an event's identity is what the cheap look says; its row is made.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trailhouse::event::RowContext;
use trailhouse::event::columns::EventColumns;
use trailhouse::event::uid::event_uid;
use trailhouse::source::Mapping;
use trailhouse::source::platform::PLATFORMS;

fuzz_target!(|bytes: &[u8]| {
    for platform in PLATFORMS {
        if let Some(mapping) = platform.profile.mapping {
            one(mapping, bytes);
        }
    }
});

fn one(mapping: &dyn Mapping, bytes: &[u8]) {
    let identity = mapping.identify(bytes);
    let Ok(event) = mapping.normalise(bytes, Some(bytes)) else {
        return;
    };
    let identity = identity.expect("an event has an identity");
    assert_eq!(Some(&identity.native_id), event.native_id.as_ref());
    assert_eq!(
        (identity.time, &identity.tenant),
        (event.time, &event.tenant)
    );
    let uid = event_uid("s", event.tenant.as_deref(), &identity.native_id);
    assert_eq!(uid.matches('/').count(), 2);
    let mut columns = EventColumns::new(RowContext {
        ingested_at: event.time,
        batch_id: "b".to_owned(),
        source: "s".to_owned(),
        platform: mapping.platform(),
        mapping_version: mapping.version(),
    });
    assert_eq!(event.raw.as_bytes(), bytes);
    columns.push(&event, &uid).expect("one row fits");
    assert_eq!(
        columns.finish().expect("columns fit the schema").num_rows(),
        1
    );
}
