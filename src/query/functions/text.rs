//! Functions of text, bytes and arrays.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::cast::text_of;
use super::native::{Answer, Cell, Fault, Kept};

fn bytes_of<'c>(cell: Option<&'c Cell<'_>>) -> Option<&'c [u8]> {
    match cell? {
        Cell::Text(text) => Some(text.as_bytes()),
        Cell::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

/// `BYTE_LENGTH` of text and bytes
pub(super) fn byte_length(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let length = bytes_of(cells.first()).and_then(|bytes| i64::try_from(bytes.len()).ok());
    Ok(length.map_or(Cell::Null, Cell::Int))
}

/// `CONCAT(…)` and `||`: all values as one text.
pub(super) fn concat(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let all = cells.iter().map(text_of).collect::<Option<String>>();
    Ok(all.map_or(Cell::Null, Cell::Owned))
}

/// `SUBSTR(text, position[, length])`: positions count from 1, and from the end if negative.
pub(super) fn substr(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let (Some(Cell::Text(text)), Some(Cell::Int(position))) = (cells.first(), cells.get(1)) else {
        return Ok(Cell::Null);
    };
    let length = match cells.get(2) {
        Some(Cell::Int(length)) if *length < 0 => {
            return Err(Fault::new(
                "SUBSTR does not take a negative length",
                "write a length of 0 or more, or SAFE.SUBSTR to get NULL",
            ));
        }
        Some(Cell::Int(length)) => usize::try_from(*length).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let count = text.chars().count();
    let from_start = |position: i64| usize::try_from(position - 1).unwrap_or(usize::MAX);
    let skip = match position {
        0 => 0,
        1.. => from_start(*position),
        _ => count.saturating_sub(usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    Ok(Cell::Owned(text.chars().skip(skip).take(length).collect()))
}

fn end(cells: &[Cell<'_>], name: &str, of: fn(&str, usize) -> String) -> Answer {
    match cells {
        [Cell::Text(_), Cell::Int(length)] if *length < 0 => Err(Fault::new(
            format!("{name} does not take a negative length"),
            format!("write a length of 0 or more, or SAFE.{name} to get NULL"),
        )),
        [Cell::Text(text), Cell::Int(length)] => {
            let length = usize::try_from(*length).unwrap_or(usize::MAX);
            Ok(Cell::Owned(of(text, length)))
        }
        _ => Ok(Cell::Null),
    }
}

pub(super) fn left(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    end(cells, "LEFT", |text, length| {
        text.chars().take(length).collect()
    })
}

pub(super) fn right(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    end(cells, "RIGHT", |text, length| {
        let skip = text.chars().count().saturating_sub(length);
        text.chars().skip(skip).collect()
    })
}

pub(super) fn contains_substr(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let (Some(within), Some(Cell::Text(wanted))) = (cells.first().and_then(text_of), cells.get(1))
    else {
        return Ok(Cell::Null);
    };
    Ok(Cell::Bool(
        within.to_lowercase().contains(&wanted.to_lowercase()),
    ))
}

/// `SPLIT(text[, separator])`
pub(super) fn split(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let (Some(Cell::Text(text)), separator) = (cells.first(), cells.get(1)) else {
        return Ok(Cell::Null);
    };
    let own = |part: &str| Some(part.to_owned());
    Ok(Cell::Texts(match separator {
        Some(Cell::Text("")) => text.chars().map(|c| Some(c.to_string())).collect(),
        Some(Cell::Text(separator)) => text.split(separator).map(own).collect(),
        _ => text.split(',').map(own).collect(),
    }))
}

pub(super) fn regexp_contains(cells: &[Cell<'_>], kept: &mut Kept) -> Answer {
    let [Cell::Text(text), Cell::Text(pattern), ..] = cells else {
        return Ok(Cell::Null);
    };
    Ok(Cell::Bool(kept.pattern(pattern)?.is_match(text)))
}

/// The one group of a match, or all of it.
fn group<'t>(captures: &regex::Captures<'t>) -> Result<Option<&'t str>, Fault> {
    match captures.len() {
        1 => Ok(captures.get(0).map(|found| found.as_str())),
        2 => Ok(captures.get(1).map(|found| found.as_str())),
        _ => Err(Fault::new(
            "the regular expression has more than one group",
            "keep one group and write the others as (?:…)",
        )),
    }
}

pub(super) fn regexp_extract(cells: &[Cell<'_>], kept: &mut Kept) -> Answer {
    let [Cell::Text(text), Cell::Text(pattern), ..] = cells else {
        return Ok(Cell::Null);
    };
    let found = kept.pattern(pattern)?.captures(text);
    let found = found
        .map(|captures| group(&captures))
        .transpose()?
        .flatten();
    Ok(found.map_or(Cell::Null, |found| Cell::Owned(found.to_owned())))
}

pub(super) fn regexp_extract_all(cells: &[Cell<'_>], kept: &mut Kept) -> Answer {
    let [Cell::Text(text), Cell::Text(pattern), ..] = cells else {
        return Ok(Cell::Null);
    };
    let found = kept.pattern(pattern)?.captures_iter(text);
    let found = found.map(|captures| Ok(group(&captures)?.map(str::to_owned)));
    Ok(Cell::Texts(found.collect::<Result<_, Fault>>()?))
}

/// `REGEXP_REPLACE(text, pattern, replacement)`; `\1` in the replacement is the first group.
pub(super) fn regexp_replace(cells: &[Cell<'_>], kept: &mut Kept) -> Answer {
    let [
        Cell::Text(text),
        Cell::Text(pattern),
        Cell::Text(replacement),
        ..,
    ] = cells
    else {
        return Ok(Cell::Null);
    };
    let mut template = String::new();
    let mut characters = replacement.chars();
    while let Some(c) = characters.next() {
        match (c, c == '\\') {
            ('$', _) => template.push_str("$$"),
            (_, true) => match characters.next() {
                Some(digit) if digit.is_ascii_digit() => {
                    template.push_str(&format!("${{{digit}}}"))
                }
                Some('\\') => template.push('\\'),
                _ => {
                    return Err(Fault::new(
                        format!("'{replacement}' has a backslash that is not an escape"),
                        "write \\1 for a group and \\\\ for a backslash, in a raw string such as r'\\1'",
                    ));
                }
            },
            (c, _) => template.push(c),
        }
    }
    let replaced = kept.pattern(pattern)?.replace_all(text, template.as_str());
    Ok(Cell::Owned(replaced.into_owned()))
}

/// `SAFE_CONVERT_BYTES_TO_STRING(bytes)`: each sequence of bytes that is not UTF-8 becomes U+FFFD, so the content of a
/// record in quarantine can be read whatever is wrong with it.
pub(super) fn bytes_to_string(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let bytes = bytes_of(cells.first());
    Ok(bytes.map_or(Cell::Null, |bytes| {
        Cell::Owned(String::from_utf8_lossy(bytes).into_owned())
    }))
}

pub(super) fn to_hex(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    Ok(bytes_of(cells.first()).map_or(Cell::Null, |bytes| Cell::Owned(hex::encode(bytes))))
}

pub(super) fn to_base64(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    Ok(bytes_of(cells.first()).map_or(Cell::Null, |bytes| Cell::Owned(STANDARD.encode(bytes))))
}

pub(super) fn md5(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let bytes = bytes_of(cells.first());
    Ok(bytes.map_or(Cell::Null, |bytes| {
        Cell::OwnedBytes(Md5::digest(bytes).to_vec())
    }))
}

pub(super) fn sha256(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let bytes = bytes_of(cells.first());
    Ok(bytes.map_or(Cell::Null, |bytes| {
        Cell::OwnedBytes(Sha256::digest(bytes).to_vec())
    }))
}

pub(super) fn array_length(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    Ok(match cells.first() {
        Some(Cell::Texts(items)) => Cell::Int(i64::try_from(items.len()).unwrap_or(i64::MAX)),
        _ => Cell::Null,
    })
}

/// `ARRAY_TO_STRING(array, separator[, null])`
pub(super) fn array_to_string(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let [Cell::Texts(items), Cell::Text(separator), rest @ ..] = cells else {
        return Ok(Cell::Null);
    };
    let null = match rest {
        [Cell::Text(null)] => Some(*null),
        _ => None,
    };
    let texts = items.iter().filter_map(|item| item.as_deref().or(null));
    Ok(Cell::Owned(texts.collect::<Vec<_>>().join(separator)))
}

/// An item of an array by its place from 0; `array[OFFSET(0)]`
pub(super) fn array_at(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let [Cell::Texts(items), Cell::Int(at)] = cells else {
        return Ok(Cell::Null);
    };
    match usize::try_from(*at).ok().and_then(|at| items.get(at)) {
        Some(item) => Ok(item.clone().map_or(Cell::Null, Cell::Owned)),
        None => Err(Fault::new(
            format!(
                "the array has {} items, so there is no offset {at}",
                items.len()
            ),
            "write [SAFE_OFFSET(…)] to get NULL",
        )),
    }
}

/// `value IN UNNEST(array)`; unknown where the array has a NULL and not the value
pub(super) fn array_has(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let [Cell::Text(wanted), Cell::Texts(items)] = cells else {
        return Ok(Cell::Null);
    };
    if items.iter().flatten().any(|item| item == wanted) {
        return Ok(Cell::Bool(true));
    }
    let unknown = items.iter().any(Option::is_none);
    Ok(if unknown {
        Cell::Null
    } else {
        Cell::Bool(false)
    })
}
