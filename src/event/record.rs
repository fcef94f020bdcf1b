//! What every mapping asks of a record, whatever its platform: a JSON object that fits into a row, with an id and a
//! time. The rest of a record may be anything.

use super::json::{self, JsonText, JsonValue, Members, present};
use super::time;
use super::unfit::{MAX_RECORD_BYTES, Reason, Unfit};
use chrono::{DateTime, Utc};
use std::borrow::Cow;

/// A record as text, and a walk over its members that checks them; it must be [finished](Members::finish).
///
/// # Errors
/// What is too large for a row, not UTF-8, or not an object.
pub fn checked(record: &[u8]) -> Result<(&str, Members<'_>), Unfit> {
    if record.len() > MAX_RECORD_BYTES {
        return Err(Unfit::because(Reason::TooLarge));
    }
    let source = json::utf8(record)?;
    match json::checked_members(source) {
        Ok(members) => Ok((source, members)),
        Err(_) => {
            json::check(record)?;
            Err(Unfit::because(Reason::NotAnObject))
        }
    }
}

/// A record as text, all of whose members were checked and shown to `note`.
///
/// # Errors
/// Those of [`checked`]; what is not JSON or nests too deep.
pub fn read(record: &[u8], mut note: impl FnMut(&[u8], JsonValue)) -> Result<&str, Unfit> {
    let (source, mut members) = checked(record)?;
    while let Some(key) = members.next_key()? {
        let value = members.cross()?;
        note(&key.name(), value);
    }
    members.finish()?;
    Ok(source)
}

/// Shows the members of a record to `note` until that has seen enough, without judging the rest.
///
/// # Errors
/// Where members do not follow each other before that.
pub fn find(
    record: &[u8],
    mut has_enough: impl FnMut(&[u8], JsonValue) -> bool,
) -> Result<(), Unfit> {
    let mut members = json::members(record, json::start(record))?;
    while let Some(key) = members.next_key()? {
        let value = members.cross()?;
        if has_enough(&key.name(), value) {
            break;
        }
    }
    Ok(())
}

/// The text of a member that names the record.
///
/// # Errors
/// [`Reason::NoId`] where it is missing, null or empty; see [`Unfit::of_id`].
#[inline]
pub fn id<'a>(value: Option<JsonValue>, source: impl JsonText<'a>) -> Result<Cow<'a, str>, Unfit> {
    let id = present(value).ok_or(Unfit::because(Reason::NoId))?;
    let text = id.text(source).map_err(Unfit::of_id)?;
    match text.is_empty() {
        true => Err(Unfit::because(Reason::NoId)),
        false => Ok(text),
    }
}

/// The instant that a member states, and its text.
///
/// # Errors
/// [`Reason::NoTime`] where it is missing or null; see [`Unfit::of_time_text`] and [`time::parse`].
#[inline]
pub fn instant<'a>(
    value: Option<JsonValue>,
    source: impl JsonText<'a>,
) -> Result<(DateTime<Utc>, Cow<'a, str>), Unfit> {
    let time = present(value).ok_or(Unfit::because(Reason::NoTime))?;
    let text = time.text(source).map_err(Unfit::of_time_text)?;
    Ok((time::parse(&text)?, text))
}
