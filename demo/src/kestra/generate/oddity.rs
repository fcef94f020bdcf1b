//! Odd records: what platforms have been seen to return, and what a parser may break on.

use super::super::record::Record;
use super::calendar::cut;
use super::{Scripted, World};
use crate::dice::{Dice, Purpose};
use crate::instant::{MINUTE, write_date};

/// A kind of odd record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// Bytes that are not UTF-8 inside a string.
    InvalidUtf8,
    /// 130 nested arrays: more than many parsers allow.
    Nested130,
    /// 4,000 nested arrays: more than any parser allows.
    Nested4000,
    /// `\u0000` inside a string.
    EscapedNul,
    /// Half of a surrogate pair, escaped.
    LoneSurrogate,
    /// The same key twice, with different values.
    DoubledKey,
    /// Keys that differ in case only.
    KeysByCase,
    /// `1.0`, `1e5`, `-0`, an integer above 2^53, one of 40 digits, `1e400`.
    Numbers,
    /// `detail` is a text.
    DetailText,
    /// `detail` is null.
    DetailNull,
    /// `ipAddress` is a number, `revision` a text, `appliedPatch` an object.
    OtherTypes,
    /// Unusual order of keys and white space between everything.
    Spaced,
    /// Terminal escapes, script tags and direction marks in names.
    Hostile,
    /// `date` is not a date.
    BadDate,
    /// No `date`.
    NoDate,
    /// No `id`.
    NoId,
    /// A string of this many bytes.
    Huge(usize),
}

impl Oddity {
    /// The kinds that `--odd` takes one after the other.
    pub const SEEDED: [Self; 14] = [
        Self::InvalidUtf8,
        Self::Nested4000,
        Self::EscapedNul,
        Self::LoneSurrogate,
        Self::DoubledKey,
        Self::KeysByCase,
        Self::Numbers,
        Self::DetailText,
        Self::DetailNull,
        Self::OtherTypes,
        Self::Spaced,
        Self::Hostile,
        Self::BadDate,
        Self::Nested130,
    ];
}

/// Adds the odd records of the settings, spread over the whole span.
pub(super) fn seeded(world: &World, count: u32, huge: usize, all: &mut Vec<Scripted>) {
    let (start, end) = world.span();
    let kinds = (0..count as usize).map(|nth| Oddity::SEEDED[nth % Oddity::SEEDED.len()]);
    let huge = (huge > 0).then_some(Oddity::Huge(huge));
    for (nth, oddity) in kinds.chain(huge).enumerate() {
        let mut dice = Dice::of(world.seed, Purpose::Oddity, nth as u64);
        let latest = (end - start - MINUTE).max(1);
        let time = cut(start + dice.below(latest as u64) as i64, 3).max(start);
        all.push(world.odd(
            oddity,
            time,
            world.tenants.first().map(String::as_str),
            &mut dice,
        ));
    }
}

impl World {
    /// An odd record at a time.
    pub(in super::super) fn odd(
        &self,
        oddity: Oddity,
        time: i64,
        tenant: Option<&str>,
        dice: &mut Dice,
    ) -> Scripted {
        let user = dice.index(20);
        let record = Record {
            tenant: tenant.map(|name| name.to_owned().into()),
            id: dice.friendly_id().into(),
            action: "UPDATE".into(),
            class: "Namespace".into(),
            permission: "NAMESPACE".into(),
            resource_type: "NAMESPACE".into(),
            detail_id: "company.data".into(),
            namespace: Some("company.data".into()),
            time,
            digits: if cut(time, 3) == time { 3 } else { 9 },
            user_id: self.user_id(user).to_owned().into(),
            ip: Some("10.4.0.12".into()),
            ..Record::default()
        };
        let body = body(self, oddity, &record);
        Scripted {
            record,
            body: Some(body),
            user: Some(user),
        }
    }
}

fn body(world: &World, oddity: Oddity, record: &Record<'_>) -> Vec<u8> {
    let mut plain = Vec::new();
    record.write(world.dialect, &mut plain);
    let id = format!("\"id\":\"{}\",", record.id);
    let mut date = Vec::new();
    write_date(&mut date, record.time, record.digits);
    let date = [b"\"".as_slice(), &date, b"\""].concat();
    let detail = detail(&plain);
    match oddity {
        Oddity::InvalidUtf8 => more(plain, b"\"note\":\"caf\xe9 \xff\xfe \xc3\x28\""),
        Oddity::Nested130 => nested(plain, 130),
        Oddity::Nested4000 => nested(plain, 4_000),
        Oddity::EscapedNul => more(plain, br#""note":"a\u0000b","\u0000key":1"#),
        Oddity::LoneSurrogate => more(plain, br#""note":"half \ud83d alone","low":"\udc00""#),
        Oddity::DoubledKey => more(plain, br#""userId":"second","note":1,"note":2"#),
        Oddity::KeysByCase => more(plain, br#""USERID":"other","Date":"2001-01-01T00:00:00Z","userid":null"#),
        Oddity::Numbers => more(
            plain,
            b"\"a\":1.0,\"b\":1e5,\"c\":-0,\"d\":9007199254740993,\"e\":1234567890123456789012345678901234567890,\"f\":1e400,\"g\":0.1000000000000000055511151231257827",
        ),
        Oddity::DetailText => swap(plain, &detail, b"\"namespace company.data\""),
        Oddity::DetailNull => swap(plain, &detail, b"null"),
        Oddity::OtherTypes => {
            let plain = swap(plain, b"\"ipAddress\":\"10.4.0.12\"", b"\"ipAddress\":174325772");
            let plain = swap(plain, b"\"namespace\":\"company.data\"", b"\"namespace\":[\"company\",\"data\"],\"revision\":\"seven\"");
            more(plain, br#""appliedPatch":{"op":"replace"},"impersonatedBy":false"#)
        }
        Oddity::Spaced => {
            let mut out = b"{ \"userId\" :\t\"".to_vec();
            out.extend_from_slice(record.user_id.as_bytes());
            out.extend_from_slice(b"\" ,\n  \"date\" : ");
            out.extend_from_slice(&date);
            out.extend_from_slice(b",\r\n \"detail\" : ");
            out.extend_from_slice(&detail);
            out.extend_from_slice(format!(" , {} \"type\" : \"UPDATE\"", id.replace(':', " : ")).as_bytes());
            if let Some(tenant) = &record.tenant {
                out.extend_from_slice(format!(" , \"tenantId\":\"{tenant}\"").as_bytes());
            }
            out.extend_from_slice(b" }");
            out
        }
        Oddity::Hostile => more(
            plain,
            "\"note\":\"\\u001b[31mred\\u001b[0m <script>alert(1)</script> \u{202e}txt.exe\u{2066} =cmd|'/c calc'!A1\"".as_bytes(),
        ),
        Oddity::BadDate => swap(plain, &date, b"\"yesterday\""),
        Oddity::NoDate => swap(plain, &[b",\"date\":".as_slice(), &date].concat(), b""),
        Oddity::NoId => swap(plain, id.as_bytes(), b""),
        Oddity::Huge(bytes) => {
            let mut text = b"\"note\":\"".to_vec();
            text.resize(text.len() + bytes, b'x');
            text.push(b'"');
            more(plain, &text)
        }
    }
}

/// The `detail` object of a written record; it holds no other object.
fn detail(plain: &[u8]) -> Vec<u8> {
    let Some(start) = memchr::memmem::find(plain, b"\"detail\":") else {
        return Vec::new();
    };
    let rest = &plain[start + b"\"detail\":".len()..];
    let end = memchr::memchr(b'}', rest).map_or(rest.len(), |at| at + 1);
    rest[..end].to_vec()
}

/// Adds members at the end of an object.
pub(in super::super) fn more(mut object: Vec<u8>, members: &[u8]) -> Vec<u8> {
    object.pop();
    object.push(b',');
    object.extend_from_slice(members);
    object.push(b'}');
    object
}

/// Replaces the first place where `from` stands.
pub(in super::super) fn swap(object: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    match memchr::memmem::find(&object, from) {
        Some(at) if !from.is_empty() => [&object[..at], to, &object[at + from.len()..]].concat(),
        _ => object,
    }
}

fn nested(plain: Vec<u8>, depth: usize) -> Vec<u8> {
    let mut members = b"\"note\":".to_vec();
    members.resize(members.len() + depth, b'[');
    members.resize(members.len() + depth, b']');
    more(plain, &members)
}

#[cfg(test)]
mod tests {
    use super::super::super::options::Options;
    use super::*;
    use crate::instant::nanos;

    fn odd(oddity: Oddity) -> Vec<u8> {
        let world = World::new(
            &Options::default(),
            nanos("2026-11-20T12:00:00Z".parse().unwrap()),
        );
        let mut dice = Dice::of(1, Purpose::Oddity, 0);
        let (start, _) = world.span();
        world
            .odd(oddity, start, Some("main"), &mut dice)
            .body
            .unwrap()
    }

    /// Arrays, objects and strings closed: what a tolerant scanner sees, whatever else is odd.
    fn is_one_object(bytes: &[u8]) -> bool {
        let (mut depth, mut in_string, mut escaped) = (0, false, false);
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at + 1 == bytes.len();
            }
        }
        false
    }

    #[test]
    fn every_oddity_is_still_one_object_and_none_is_plain() {
        let plain = odd(Oddity::Huge(0));
        for oddity in Oddity::SEEDED {
            let bytes = odd(oddity);
            assert!(is_one_object(&bytes), "{oddity:?}");
            assert_ne!(bytes, plain, "{oddity:?}");
        }
    }

    #[test]
    fn each_is_odd_in_its_own_way() {
        let holds = |oddity, needle: &[u8]| memchr::memmem::find(&odd(oddity), needle).is_some();
        assert!(std::str::from_utf8(&odd(Oddity::InvalidUtf8)).is_err());
        assert!(holds(Oddity::Nested4000, &[b'['; 4_000]));
        assert!(holds(Oddity::Numbers, b"\"a\":1.0,\"b\":1e5"));
        assert!(holds(Oddity::DetailText, b"\"detail\":\"namespace"));
        assert!(holds(Oddity::DetailNull, b"\"detail\":null,\"date\":"));
        assert!(holds(Oddity::OtherTypes, b"\"revision\":\"seven\""));
        assert!(holds(Oddity::BadDate, b"\"date\":\"yesterday\""));
        assert!(!holds(Oddity::NoDate, b"\"date\""));
        assert!(holds(Oddity::NoId, b"{\"tenantId\":\"main\",\"type\""));
        assert!(odd(Oddity::Huge(100_000)).len() > 100_000);
    }

    #[test]
    fn what_is_valid_json_says_so() {
        for oddity in [
            Oddity::EscapedNul,
            Oddity::DoubledKey,
            Oddity::KeysByCase,
            Oddity::DetailText,
            Oddity::DetailNull,
            Oddity::OtherTypes,
            Oddity::Spaced,
            Oddity::Hostile,
        ] {
            let value = serde_json::from_slice::<serde_json::Value>(&odd(oddity));
            assert!(value.is_ok(), "{oddity:?}");
        }
    }
}
