//! JSON out of text: `JSON_VALUE`, `JSON_QUERY`, their array forms, and the older `JSON_EXTRACT…`.
//!
//! As in BigQuery, scalars come without quotes and escapes, numbers and booleans as they are written; objects and
//! arrays come without the spaces between their parts. A path that leads nowhere, JSON `null` and text that is not
//! JSON give NULL. Of a doubled key the first counts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::fault::FunctionFault;
use super::native::{ArgumentCell, KeptText, NativeAnswer};
use super::path::{Path, parse_legacy, parse_standard};

/// The JSON at the end of the path. All of the text is read, so text that is not JSON gives `None` wherever its fault is.
fn find<'j>(json: &'j str, path: &[String]) -> Option<&'j RawValue> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let found = PathWalk(path).deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    found
}

struct PathWalk<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for PathWalk<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            return serde::Deserialize::deserialize(from).map(Some);
        }
        from.deserialize_any(self)
    }
}

impl<'de> serde::de::Visitor<'de> for PathWalk<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let mut seen = false;
        while let Some(key) = map.next_key::<String>()? {
            match self.0.split_first() {
                Some((wanted, rest)) if !seen && *wanted == key => {
                    seen = true;
                    found = map.next_value_seed(PathWalk(rest))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let wanted = self.0.first().and_then(|step| step.parse::<usize>().ok());
        for at in 0.. {
            let next = match self.0.split_first() {
                Some((_, rest)) if wanted == Some(at) => {
                    let item = items.next_element_seed(PathWalk(rest))?;
                    item.map(|item| found = item)
                }
                _ => items.next_element::<IgnoredAny>()?.map(drop),
            };
            if next.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A scalar as text: strings without quotes and escapes; `None` for `null`, objects and arrays.
fn scalar(raw: &str) -> Option<String> {
    match raw.as_bytes().first() {
        // A string that is no text, such as half a surrogate pair, has no value.
        Some(b'"') => serde_json::from_str(raw).ok(),
        Some(b'{' | b'[' | b'n') | None => None,
        Some(_) => Some(raw.to_owned()),
    }
}

/// JSON without the spaces between its parts.
fn compact(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in raw.chars() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            out.push(c);
        } else if !c.is_ascii_whitespace() {
            quoted = c == '"';
            out.push(c);
        }
    }
    out
}

/// The items of a JSON array.
fn items(raw: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw).ok()
}

fn at<'c>(
    cells: &'c [ArgumentCell<'_>],
    kept: &mut KeptText,
    parse: fn(&str) -> Result<Path, FunctionFault>,
) -> Result<Option<&'c str>, FunctionFault> {
    let (Some(ArgumentCell::Text(json)), path) = (cells.first(), cells.get(1)) else {
        return Ok(None);
    };
    let path = match path {
        Some(ArgumentCell::Text(path)) => kept.path(path, parse)?.as_slice(),
        _ => &[],
    };
    Ok(find(json, path).map(RawValue::get))
}

fn value_with(
    cells: &[ArgumentCell<'_>],
    kept: &mut KeptText,
    parse: fn(&str) -> Result<Path, FunctionFault>,
) -> NativeAnswer {
    let found = at(cells, kept, parse)?.and_then(scalar);
    Ok(found.map_or(ArgumentCell::Null, ArgumentCell::Owned))
}

fn query_with(
    cells: &[ArgumentCell<'_>],
    kept: &mut KeptText,
    parse: fn(&str) -> Result<Path, FunctionFault>,
) -> NativeAnswer {
    let found = at(cells, kept, parse)?.filter(|raw| *raw != "null");
    Ok(found.map_or(ArgumentCell::Null, |raw| ArgumentCell::Owned(compact(raw))))
}

/// Each item as text; NULL where one of them is an object or an array.
fn values_with(
    cells: &[ArgumentCell<'_>],
    kept: &mut KeptText,
    parse: fn(&str) -> Result<Path, FunctionFault>,
) -> NativeAnswer {
    let texts = at(cells, kept, parse)?.and_then(items).and_then(|items| {
        let text = |item: &RawValue| match item.get() {
            "null" => Some(None),
            raw => scalar(raw).map(Some),
        };
        items.into_iter().map(text).collect::<Option<Vec<_>>>()
    });
    Ok(texts.map_or(ArgumentCell::Null, ArgumentCell::Texts))
}

fn queries_with(
    cells: &[ArgumentCell<'_>],
    kept: &mut KeptText,
    parse: fn(&str) -> Result<Path, FunctionFault>,
) -> NativeAnswer {
    let texts = at(cells, kept, parse)?.and_then(items).map(|items| {
        let texts = items.into_iter().map(|item| Some(compact(item.get())));
        texts.collect()
    });
    Ok(texts.map_or(ArgumentCell::Null, ArgumentCell::Texts))
}

pub(super) fn json_value(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    value_with(cells, kept, parse_standard)
}

pub(super) fn json_query(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    query_with(cells, kept, parse_standard)
}

pub(super) fn json_value_array(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    values_with(cells, kept, parse_standard)
}

pub(super) fn json_query_array(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    queries_with(cells, kept, parse_standard)
}

pub(super) fn json_extract(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    query_with(cells, kept, parse_legacy)
}

pub(super) fn json_extract_scalar(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    value_with(cells, kept, parse_legacy)
}

pub(super) fn json_extract_array(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    queries_with(cells, kept, parse_legacy)
}

pub(super) fn json_extract_string_array(
    cells: &[ArgumentCell<'_>],
    kept: &mut KeptText,
) -> NativeAnswer {
    values_with(cells, kept, parse_legacy)
}

/// Text as a JSON string.
pub(super) fn to_json_string(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let Some(ArgumentCell::Text(text)) = cells.first() else {
        return Ok(ArgumentCell::Null);
    };
    let quoted = serde_json::to_string(text);
    quoted.map(ArgumentCell::Owned).map_err(|error| {
        FunctionFault::new(
            error.to_string(),
            "report this to the maintainers of trailhouse",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str, path: &str) -> Option<String> {
        find(json, &parse_standard(path).unwrap()).and_then(|raw| scalar(raw.get()))
    }

    #[test]
    fn a_path_leads_to_a_scalar_or_to_nothing() {
        let json = r#"{"a":{"b":"x\n\u00e4","n":1.50,"t":true,"z":null,"o":{},"l":[1,[2,"y"]]},
            "a":{"b":"second"},"d d":"space","e.f":"dot","big":123456789012345678901234567890}"#;
        for (path, found) in [
            ("$.a.b", Some("x\nä")),
            ("$.a.n", Some("1.50")),
            ("$.a.t", Some("true")),
            ("$.a.z", None),
            ("$.a.o", None),
            ("$.a.l", None),
            ("$.a.l[0]", Some("1")),
            ("$.a.l[1][1]", Some("y")),
            ("$.a.l[7]", None),
            ("$.a.b.c", None),
            ("$.a[0]", None),
            ("$.a.l.b", None),
            ("$.missing", None),
            ("$", None),
            ("$.\"d d\"", Some("space")),
            ("$.d d", Some("space")),
            ("$.\"e.f\"", Some("dot")),
            ("$.big", Some("123456789012345678901234567890")),
        ] {
            assert_eq!(value(json, path).as_deref(), found, "{path}");
        }
        for (json, found) in [
            ("\"x\"", Some("x")),
            (" 7 ", Some("7")),
            ("null", None),
            ("", None),
            ("{\"a\":1", None),
            ("7 8", None),
        ] {
            assert_eq!(value(json, "$").as_deref(), found, "{json}");
        }
        // The fault comes after what was found.
        assert_eq!(value(r#"{"a":1,"b":}"#, "$.a"), None);
        assert_eq!(value(r#"{"a":"\ud800"}"#, "$.a"), None);
    }

    #[test]
    fn spaces_within_strings_stay() {
        assert_eq!(
            compact("{ \"a b\" : [ 1 , \"x \\\" y\" ] }"),
            "{\"a b\":[1,\"x \\\" y\"]}"
        );
    }
}
