//! The blobs that diagnostic settings write: lines of JSON, appended for an hour by when events were received.

use super::event::Event;
use crate::instant::instant;
use bytes::Bytes;
use std::collections::BTreeMap;

/// Every blob as it is at an instant, by its name in the container. `copies` settings write each event, one
/// after the other.
pub(super) fn blobs(
    subscription: &str,
    events: &[Event],
    now: i64,
    copies: usize,
) -> BTreeMap<String, Bytes> {
    let mut received: Vec<&Event> = events.iter().filter(|it| it.submitted <= now).collect();
    received.sort_by_key(|event| (event.submitted, &event.id));
    let mut blobs: BTreeMap<String, String> = BTreeMap::new();
    for event in received {
        let hour = instant(event.submitted).format("y=%Y/m=%m/d=%d/h=%H/m=00/PT1H.json");
        let name = format!(
            "resourceId=/SUBSCRIPTIONS/{}/{hour}",
            subscription.to_uppercase()
        );
        let blob = blobs.entry(name).or_default();
        for _ in 0..copies {
            blob.push_str(&event.line);
            blob.push_str("\r\n");
        }
    }
    let finished = blobs.into_iter();
    finished
        .map(|(name, blob)| (name, Bytes::from(blob)))
        .collect()
}
