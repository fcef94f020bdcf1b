//! Names of rows: unique, readable, and the same whenever and however a record is read.
//!
//! `event_uid` is `source/tenant/native id`, for example `kestra-prod/main/2YkiECb7oEsrdPgqwxFadW`.
//! Each part is percent-encoded (RFC 3986): all but letters, digits, `-`, `.`, `_` and `~` become
//! `%XX` for each byte of their UTF-8, so the two slashes are the only ones and different parts
//! never give the same name. A record without a tenant has an empty second part, and so has one
//! whose tenant is the empty text.

/// The `event_uid` of a record with an id of its own. `tenant` is what the record itself states,
/// not where it was asked for, so that a record has one name however it is read.
pub fn event_uid(source: &str, tenant: Option<&str>, native_id: &str) -> String {
    let mut uid =
        String::with_capacity(source.len() + tenant.map_or(0, str::len) + native_id.len() + 2);
    push_event_uid(&mut uid, source, tenant, native_id);
    uid
}

/// Appends what [`event_uid`] returns, for callers that reuse one buffer.
pub fn push_event_uid(uid: &mut String, source: &str, tenant: Option<&str>, native_id: &str) {
    push_encoded(uid, source);
    uid.push('/');
    push_encoded(uid, tenant.unwrap_or_default());
    uid.push('/');
    push_encoded(uid, native_id);
}

/// The `record_uid` of a quarantined record: its hash stands where the id would. What tenant it is of is
/// not known, since it could not be read.
pub fn record_uid(source: &str, sha256: [u8; 32]) -> String {
    event_uid(source, None, &hex::encode(sha256))
}

/// The unreserved characters of RFC 3986.
static UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    loop {
        table[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

#[inline]
fn is_unreserved(byte: u8) -> bool {
    UNRESERVED[usize::from(byte)]
}

fn push_encoded(uid: &mut String, part: &str) {
    if part.bytes().all(is_unreserved) {
        uid.push_str(part);
        return;
    }
    for byte in part.bytes() {
        if is_unreserved(byte) {
            uid.push(char::from(byte));
        } else {
            const DIGITS: [char; 16] = [
                '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
            ];
            uid.push('%');
            uid.extend([byte >> 4, byte & 0xf].map(|digit| DIGITS[usize::from(digit)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{event_uid, record_uid};
    use proptest::prelude::*;

    #[test]
    fn examples() {
        for (source, tenant, id, uid) in [
            (
                "kestra-prod",
                Some("main"),
                "2YkiE",
                "kestra-prod/main/2YkiE",
            ),
            ("kestra-prod", None, "2YkiE", "kestra-prod//2YkiE"),
            ("s", Some("a/b"), "c", "s/a%2Fb/c"),
            ("s", Some("a"), "b/c", "s/a/b%2Fc"),
            ("s", Some("%2F"), "ü\0 ", "s/%252F/%C3%BC%00%20"),
        ] {
            assert_eq!(event_uid(source, tenant, id), uid);
        }
        assert_eq!(
            record_uid("s", [0xab; 32]),
            format!("s//{}", "ab".repeat(32))
        );
    }

    proptest! {
        #[test]
        fn different_parts_have_different_names(
            a in ("[a/%]{0,3}|.{0,3}", "[a/%]{0,3}|.{0,3}", "[a/%]{0,3}|.{0,3}"),
            b in ("[a/%]{0,3}|.{0,3}", "[a/%]{0,3}|.{0,3}", "[a/%]{0,3}|.{0,3}"),
        ) {
            let uid = |p: &(String, String, String)| event_uid(&p.0, Some(&p.1), &p.2);
            prop_assert_eq!(a == b, uid(&a) == uid(&b));
            prop_assert_eq!(uid(&a).matches('/').count(), 2);
        }
    }
}
