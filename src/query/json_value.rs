//! `JSON_VALUE(json_text, path)`: one scalar out of JSON text.
//!
//! As in BigQuery, strings come without quotes and escapes, numbers and booleans as they are
//! written, and NULL for JSON `null`, for an object or an array, for a path that leads nowhere and
//! for text that is not JSON. Of a doubled key the first counts. The path is `$` followed by
//! `.key`, `."any key"`, `['any key']` or `[0]`; without a path it is `$`.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::cast::as_string_array;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use datafusion::scalar::ScalarValue;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;

/// The function for the engine.
pub(super) fn function() -> ScalarUDF {
    let texts = |count| TypeSignature::Exact(vec![DataType::Utf8; count]);
    ScalarUDF::new_from_impl(JsonValue {
        signature: Signature::one_of(vec![texts(1), texts(2)], Volatility::Immutable),
        aliases: ["json_extract_scalar".to_owned()],
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonValue {
    signature: Signature,
    aliases: [String; 1],
}

impl ScalarUDFImpl for JsonValue {
    fn name(&self) -> &str {
        "json_value"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let mut values = args.args.into_iter();
        let (Some(json), path) = (values.next(), values.next()) else {
            return exec_err!("JSON_VALUE takes JSON text and a path");
        };
        let json = json.into_array(rows)?;
        let json = as_string_array(&json)?;
        let found = match path {
            None => select_all(json, |_| Ok(Some(&[])))?,
            Some(ColumnarValue::Scalar(ScalarValue::Utf8(path))) => {
                let steps = path.as_deref().map(parse_path).transpose()?;
                select_all(json, |_| Ok(steps.as_deref()))?
            }
            Some(paths) => {
                let paths = paths.into_array(rows)?;
                let paths = as_string_array(&paths)?;
                let steps = paths
                    .iter()
                    .map(|path| path.map(parse_path).transpose())
                    .collect::<Result<Vec<_>>>()?;
                select_all(json, |row| Ok(steps.get(row).and_then(Option::as_deref)))?
            }
        };
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &found, 0,
            )?));
        }
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

fn select_all<'p>(
    json: &StringArray,
    path: impl Fn(usize) -> Result<Option<&'p [Step]>>,
) -> Result<StringArray> {
    let mut found = StringBuilder::new();
    for row in 0..json.len() {
        let value = match path(row)? {
            Some(steps) if json.is_valid(row) => select(json.value(row), steps),
            _ => None,
        };
        found.append_option(value);
    }
    Ok(found.finish())
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

fn parse_path(path: &str) -> Result<Vec<Step>> {
    match steps(path) {
        Some(steps) => Ok(steps),
        None => {
            exec_err!("`{path}` is no JSON path; write $.key, $.\"any key\", $['any key'] or $[0]")
        }
    }
}

fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path.trim().strip_prefix('$')?;
    while !rest.is_empty() {
        let step;
        (step, rest) = if let Some(quoted) = rest.strip_prefix(".\"") {
            let (key, rest) = quoted.split_once('"')?;
            (Step::Key(key.to_owned()), rest)
        } else if let Some(quoted) = rest.strip_prefix("['") {
            let (key, rest) = quoted.split_once("']")?;
            (Step::Key(key.to_owned()), rest)
        } else if let Some(index) = rest.strip_prefix('[') {
            let (index, rest) = index.split_once(']')?;
            (Step::Index(index.trim().parse().ok()?), rest)
        } else {
            let plain = rest.strip_prefix('.')?;
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            let (key, rest) = plain.split_at(end);
            if key.is_empty() {
                return None;
            }
            (Step::Key(key.to_owned()), rest)
        };
        steps.push(step);
    }
    Some(steps)
}

/// The scalar at the end of the path. All of the text is read, so that text which is not JSON gives
/// NULL wherever its fault is.
fn select(json: &str, steps: &[Step]) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let found = Walk(steps).deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    found
}

struct Walk<'p>(&'p [Step]);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            let raw = <&RawValue>::deserialize(from)?.get();
            return Ok(match raw.as_bytes().first() {
                // A string that is no text, such as half a surrogate pair, has no value.
                Some(b'"') => serde_json::from_str(raw).ok(),
                Some(b'{' | b'[' | b'n') | None => None,
                Some(_) => Some(raw.to_owned()),
            });
        }
        from.deserialize_any(self)
    }
}

impl<'de> serde::de::Visitor<'de> for Walk<'_> {
    type Value = Option<String>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let mut seen = false;
        while let Some(key) = map.next_key::<String>()? {
            match self.0.split_first() {
                Some((Step::Key(wanted), rest)) if !seen && *wanted == key => {
                    seen = true;
                    found = map.next_value_seed(Walk(rest))?;
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
        for at in 0.. {
            let next = match self.0.split_first() {
                Some((Step::Index(wanted), rest)) if *wanted == at => {
                    let item = items.next_element_seed(Walk(rest))?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
            ("$['e.f']", Some("dot")),
            ("$.big", Some("123456789012345678901234567890")),
        ] {
            let steps = parse_path(path).unwrap();
            assert_eq!(select(json, &steps).as_deref(), found, "{path}");
        }
        for (json, found) in [
            ("\"x\"", Some("x")),
            (" 7 ", Some("7")),
            ("null", None),
            ("", None),
            ("{\"a\":1", None),
            ("7 8", None),
        ] {
            assert_eq!(select(json, &[]).as_deref(), found, "{json}");
        }
        // The fault comes after what was found.
        assert_eq!(select(r#"{"a":1,"b":}"#, &parse_path("$.a").unwrap()), None);
        assert_eq!(
            select(r#"{"a":"\ud800"}"#, &parse_path("$.a").unwrap()),
            None
        );
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in [
            "", "a", "$a", "$.", "$.a..b", "$[x]", "$['a", "$.\"a", "$[-1]",
        ] {
            assert!(parse_path(path).is_err(), "{path}");
        }
    }
}
