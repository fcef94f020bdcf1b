//! Functions of text, bytes and arrays.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::cast::text_of;
use super::fault::FunctionFault;
use super::native::{ArgumentCell, KeptText, NativeAnswer};

fn bytes_of<'c>(cell: Option<&'c ArgumentCell<'_>>) -> Option<&'c [u8]> {
    match cell? {
        ArgumentCell::Text(text) => Some(text.as_bytes()),
        ArgumentCell::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

/// `BYTE_LENGTH` of text and bytes
pub(super) fn byte_length(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let length = bytes_of(cells.first()).and_then(|bytes| i64::try_from(bytes.len()).ok());
    Ok(length.map_or(ArgumentCell::Null, ArgumentCell::Int))
}

/// `CONCAT(…)` and `||`: all values as one text.
pub(super) fn concat(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let all = cells.iter().map(text_of).collect::<Option<String>>();
    Ok(all.map_or(ArgumentCell::Null, ArgumentCell::Owned))
}

/// `SUBSTR(text, position[, length])`: positions count from 1, and from the end if negative.
pub(super) fn substr(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let (Some(ArgumentCell::Text(text)), Some(ArgumentCell::Int(position))) =
        (cells.first(), cells.get(1))
    else {
        return Ok(ArgumentCell::Null);
    };
    let length = match cells.get(2) {
        Some(ArgumentCell::Int(length)) if *length < 0 => {
            return Err(FunctionFault::new(
                "SUBSTR does not take a negative length",
                "write a length of 0 or more, or SAFE.SUBSTR to get NULL",
            ));
        }
        Some(ArgumentCell::Int(length)) => usize::try_from(*length).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let count = text.chars().count();
    let from_start = |position: i64| usize::try_from(position - 1).unwrap_or(usize::MAX);
    let skip = match position {
        0 => 0,
        1.. => from_start(*position),
        _ => count.saturating_sub(usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    Ok(ArgumentCell::Owned(
        text.chars().skip(skip).take(length).collect(),
    ))
}

fn end(cells: &[ArgumentCell<'_>], name: &str, of: fn(&str, usize) -> String) -> NativeAnswer {
    match cells {
        [ArgumentCell::Text(_), ArgumentCell::Int(length)] if *length < 0 => {
            Err(FunctionFault::new(
                format!("{name} does not take a negative length"),
                format!("write a length of 0 or more, or SAFE.{name} to get NULL"),
            ))
        }
        [ArgumentCell::Text(text), ArgumentCell::Int(length)] => {
            let length = usize::try_from(*length).unwrap_or(usize::MAX);
            Ok(ArgumentCell::Owned(of(text, length)))
        }
        _ => Ok(ArgumentCell::Null),
    }
}

pub(super) fn left(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    end(cells, "LEFT", |text, length| {
        text.chars().take(length).collect()
    })
}

pub(super) fn right(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    end(cells, "RIGHT", |text, length| {
        let skip = text.chars().count().saturating_sub(length);
        text.chars().skip(skip).collect()
    })
}

pub(super) fn contains_substr(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let (Some(within), Some(ArgumentCell::Text(wanted))) =
        (cells.first().and_then(text_of), cells.get(1))
    else {
        return Ok(ArgumentCell::Null);
    };
    Ok(ArgumentCell::Bool(
        within.to_lowercase().contains(&wanted.to_lowercase()),
    ))
}

/// `SPLIT(text[, separator])`
pub(super) fn split(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let (Some(ArgumentCell::Text(text)), separator) = (cells.first(), cells.get(1)) else {
        return Ok(ArgumentCell::Null);
    };
    let own = |part: &str| Some(part.to_owned());
    Ok(ArgumentCell::Texts(match separator {
        Some(ArgumentCell::Text("")) => text.chars().map(|c| Some(c.to_string())).collect(),
        Some(ArgumentCell::Text(separator)) => text.split(separator).map(own).collect(),
        _ => text.split(',').map(own).collect(),
    }))
}

pub(super) fn regexp_contains(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    let [ArgumentCell::Text(text), ArgumentCell::Text(pattern), ..] = cells else {
        return Ok(ArgumentCell::Null);
    };
    Ok(ArgumentCell::Bool(kept.pattern(pattern)?.is_match(text)))
}

/// The one group of a match, or all of it.
fn group<'t>(captures: &regex::Captures<'t>) -> Result<Option<&'t str>, FunctionFault> {
    match captures.len() {
        1 => Ok(captures.get(0).map(|found| found.as_str())),
        2 => Ok(captures.get(1).map(|found| found.as_str())),
        _ => Err(FunctionFault::new(
            "the regular expression has more than one group",
            "keep one group and write the others as (?:…)",
        )),
    }
}

pub(super) fn regexp_extract(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    let [ArgumentCell::Text(text), ArgumentCell::Text(pattern), ..] = cells else {
        return Ok(ArgumentCell::Null);
    };
    let found = kept.pattern(pattern)?.captures(text);
    let found = found
        .map(|captures| group(&captures))
        .transpose()?
        .flatten();
    Ok(found.map_or(ArgumentCell::Null, |found| {
        ArgumentCell::Owned(found.to_owned())
    }))
}

pub(super) fn regexp_extract_all(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    let [ArgumentCell::Text(text), ArgumentCell::Text(pattern), ..] = cells else {
        return Ok(ArgumentCell::Null);
    };
    let found = kept.pattern(pattern)?.captures_iter(text);
    let found = found.map(|captures| Ok(group(&captures)?.map(str::to_owned)));
    Ok(ArgumentCell::Texts(
        found.collect::<Result<_, FunctionFault>>()?,
    ))
}

/// `REGEXP_REPLACE(text, pattern, replacement)`; `\1` in the replacement is the first group.
pub(super) fn regexp_replace(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    let [
        ArgumentCell::Text(text),
        ArgumentCell::Text(pattern),
        ArgumentCell::Text(replacement),
        ..,
    ] = cells
    else {
        return Ok(ArgumentCell::Null);
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
                    return Err(FunctionFault::new(
                        format!("'{replacement}' has a backslash that is not an escape"),
                        "write \\1 for a group and \\\\ for a backslash, in a raw string such as r'\\1'",
                    ));
                }
            },
            (c, _) => template.push(c),
        }
    }
    let replaced = kept.pattern(pattern)?.replace_all(text, template.as_str());
    Ok(ArgumentCell::Owned(replaced.into_owned()))
}

/// `SAFE_CONVERT_BYTES_TO_STRING(bytes)`: each sequence of bytes that is not UTF-8 becomes U+FFFD, so the content of a
/// record in quarantine can be read whatever is wrong with it.
pub(super) fn bytes_to_string(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let bytes = bytes_of(cells.first());
    Ok(bytes.map_or(ArgumentCell::Null, |bytes| {
        ArgumentCell::Owned(String::from_utf8_lossy(bytes).into_owned())
    }))
}

pub(super) fn to_hex(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    Ok(bytes_of(cells.first()).map_or(ArgumentCell::Null, |bytes| {
        ArgumentCell::Owned(hex::encode(bytes))
    }))
}

pub(super) fn to_base64(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    Ok(bytes_of(cells.first()).map_or(ArgumentCell::Null, |bytes| {
        ArgumentCell::Owned(STANDARD.encode(bytes))
    }))
}

pub(super) fn md5(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let bytes = bytes_of(cells.first());
    Ok(bytes.map_or(ArgumentCell::Null, |bytes| {
        ArgumentCell::OwnedBytes(Md5::digest(bytes).to_vec())
    }))
}

pub(super) fn sha256(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let bytes = bytes_of(cells.first());
    Ok(bytes.map_or(ArgumentCell::Null, |bytes| {
        ArgumentCell::OwnedBytes(Sha256::digest(bytes).to_vec())
    }))
}

pub(super) fn array_length(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    Ok(match cells.first() {
        Some(ArgumentCell::Texts(items)) => {
            ArgumentCell::Int(i64::try_from(items.len()).unwrap_or(i64::MAX))
        }
        _ => ArgumentCell::Null,
    })
}

/// `ARRAY_TO_STRING(array, separator[, null])`
pub(super) fn array_to_string(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let [
        ArgumentCell::Texts(items),
        ArgumentCell::Text(separator),
        rest @ ..,
    ] = cells
    else {
        return Ok(ArgumentCell::Null);
    };
    let null = match rest {
        [ArgumentCell::Text(null)] => Some(*null),
        _ => None,
    };
    let texts = items.iter().filter_map(|item| item.as_deref().or(null));
    Ok(ArgumentCell::Owned(
        texts.collect::<Vec<_>>().join(separator),
    ))
}

/// An item of an array by its place from 0; `array[OFFSET(0)]`
pub(super) fn array_at(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let [ArgumentCell::Texts(items), ArgumentCell::Int(at)] = cells else {
        return Ok(ArgumentCell::Null);
    };
    match usize::try_from(*at).ok().and_then(|at| items.get(at)) {
        Some(item) => Ok(item.clone().map_or(ArgumentCell::Null, ArgumentCell::Owned)),
        None => Err(FunctionFault::new(
            format!(
                "the array has {} items, so there is no offset {at}",
                items.len()
            ),
            "write [SAFE_OFFSET(…)] to get NULL",
        )),
    }
}

/// `value IN UNNEST(array)`; unknown where the array has a NULL and not the value
pub(super) fn array_has(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let [ArgumentCell::Text(wanted), ArgumentCell::Texts(items)] = cells else {
        return Ok(ArgumentCell::Null);
    };
    if items.iter().flatten().any(|item| item == wanted) {
        return Ok(ArgumentCell::Bool(true));
    }
    let unknown = items.iter().any(Option::is_none);
    Ok(if unknown {
        ArgumentCell::Null
    } else {
        ArgumentCell::Bool(false)
    })
}
