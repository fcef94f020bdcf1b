//! Literals of GoogleSQL: numbers, text with its escapes, dates and times.

use datafusion::sql::sqlparser::ast::{DataType, Expr, TypedString, Value, ValueWithSpan};

use super::Analyzer;
use crate::query::error::QueryError;
use crate::query::functions::path::quoted_end;
use crate::query::types::{Literal, Type, Typed, cast, text_literal};

/// How a literal of text is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LiteralForm {
    Escaped,
    Raw,
}

/// The text of a literal, or why it is none.
fn decoded(text: &str, form: LiteralForm) -> Result<String, String> {
    if form == LiteralForm::Raw {
        return Ok(text.to_owned());
    }
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(escape) = rest.next() else {
            return Err("a backslash at its end".to_owned());
        };
        let mut code = |digits: usize, radix: u32| {
            let text: String = rest.by_ref().take(digits).collect();
            let full = text.chars().count() == digits;
            let code = u32::from_str_radix(&text, radix).ok().filter(|_| full);
            code.and_then(char::from_u32)
                .ok_or_else(|| format!("an escape \\{escape}{text} that is not a character"))
        };
        out.push(match escape {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' | '?' | '"' | '\'' | '`' => escape,
            'x' | 'X' => code(2, 16)?,
            'u' => code(4, 16)?,
            'U' => code(8, 16)?,
            '0'..='3' => {
                let rest: String = rest.by_ref().take(2).collect();
                let code = u32::from_str_radix(&format!("{escape}{rest}"), 8);
                let code = code.ok().and_then(char::from_u32);
                code.ok_or_else(|| format!("an escape \\{escape}{rest} that is not a character"))?
            }
            other => return Err(format!("an escape \\{other} that means nothing")),
        });
    }
    Ok(out)
}

impl Analyzer<'_> {
    /// The text of a literal; `None` for other values.
    pub(super) fn text_of(&self, value: &ValueWithSpan) -> Result<Option<String>, QueryError> {
        let (text, form) = match &value.value {
            Value::SingleQuotedString(text) => {
                if quoted_end(text, '\'').is_some() {
                    return Err(self.doubled(value));
                }
                (text, LiteralForm::Escaped)
            }
            Value::DoubleQuotedString(text) => {
                if quoted_end(text, '"').is_some() {
                    return Err(self.doubled(value));
                }
                (text, LiteralForm::Escaped)
            }
            Value::TripleSingleQuotedString(text) | Value::TripleDoubleQuotedString(text) => {
                (text, LiteralForm::Escaped)
            }
            Value::SingleQuotedRawStringLiteral(text)
            | Value::DoubleQuotedRawStringLiteral(text)
            | Value::TripleSingleQuotedRawStringLiteral(text)
            | Value::TripleDoubleQuotedRawStringLiteral(text) => (text, LiteralForm::Raw),
            _ => return Ok(None),
        };
        decoded(text, form).map(Some).map_err(|why| {
            self.refuse(
                value.span,
                format!("the text has {why}"),
                "write \\\\ for a backslash, or a raw string with r before the quote, such as r'\\d+'",
            )
        })
    }

    fn doubled(&self, value: &ValueWithSpan) -> QueryError {
        self.refuse(
            value.span,
            "a quote in text is not doubled in GoogleSQL",
            "write \\' for it, or the text in double quotes: \"it's\"",
        )
    }

    pub(super) fn literal(&self, value: &ValueWithSpan) -> Result<Typed, QueryError> {
        if let Some(text) = self.text_of(value)? {
            return Ok(Typed {
                kind: Type::String,
                expr: text_literal(&text),
                literal: Some(Literal::Text(text)),
            });
        }
        let kind = match &value.value {
            Value::Number(text, false) => {
                if text.contains(['.', 'e', 'E']) {
                    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                    if number.is_none() {
                        return Err(self.refuse(
                            value.span,
                            format!("{text} is no FLOAT64"),
                            "write a smaller number",
                        ));
                    }
                    let kind = Type::Float64;
                    let expr = cast(Expr::value(value.value.clone()), &kind);
                    let literal = Some(Literal::Other);
                    return Ok(Typed {
                        kind,
                        expr,
                        literal,
                    });
                }
                if text.parse::<i64>().is_err() {
                    return Err(self.refuse(
                        value.span,
                        format!("{text} is outside INT64"),
                        "write it as text in quotes, or as a FLOAT64 with .0 behind it",
                    ));
                }
                Type::Int64
            }
            Value::HexStringLiteral(text) => {
                let Ok(number) = i64::from_str_radix(text, 16) else {
                    return Err(self.refuse(
                        value.span,
                        format!("0x{text} is outside INT64"),
                        "write a smaller number",
                    ));
                };
                return Ok(Typed {
                    kind: Type::Int64,
                    expr: super::engine::number(number),
                    literal: Some(Literal::Other),
                });
            }
            Value::Boolean(_) => Type::Bool,
            Value::Null => Type::Null,
            Value::SingleQuotedByteStringLiteral(text)
            | Value::DoubleQuotedByteStringLiteral(text) => {
                let text = decoded(text, LiteralForm::Escaped).map_err(|why| {
                    self.refuse(
                        value.span,
                        format!("the bytes have {why}"),
                        "write \\\\ for a backslash",
                    )
                })?;
                return Ok(Typed {
                    kind: Type::Bytes,
                    expr: cast(text_literal(&text), &Type::Bytes),
                    literal: Some(Literal::Other),
                });
            }
            Value::Placeholder(name) => {
                return Err(self.unsupported(
                    value.span,
                    &format!("the parameter {name}"),
                    "write the value in its place",
                ));
            }
            _ => return Err(self.unsupported(value.span, "this literal", "")),
        };
        Ok(Typed {
            kind,
            expr: Expr::value(value.value.clone()),
            literal: Some(Literal::Other),
        })
    }

    /// `DATE '…'`, `TIMESTAMP '…'`, `DATETIME '…'`
    pub(super) fn typed_literal(&self, literal: &TypedString) -> Result<Typed, QueryError> {
        let kind = match &literal.data_type {
            DataType::Date => Type::Date,
            DataType::Datetime(None) => Type::Datetime,
            DataType::Timestamp(None, _) => Type::Timestamp,
            other => {
                return Err(self.unsupported(
                    literal.value.span,
                    &format!("a literal of type {other}"),
                    "write a number, text in quotes, DATE '…', DATETIME '…' or TIMESTAMP '…'",
                ));
            }
        };
        let value = self.literal(&literal.value)?;
        match value.coerced(&kind) {
            Ok(Some(typed)) => Ok(typed),
            Ok(None) => {
                Err(self.unsupported(literal.value.span, "this literal", "write text in quotes"))
            }
            Err(why) => Err(self.not_written_so(literal.value.span, &why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_googlesql() {
        for (written, text) in [
            (r"a\nb", "a\nb"),
            (r"\x41\u00e4\101", "AäA"),
            (r#"it\'s \"so\""#, "it's \"so\""),
            (r"\\d", r"\d"),
        ] {
            assert_eq!(decoded(written, LiteralForm::Escaped).as_deref(), Ok(text));
        }
        for written in [r"\d", r"\", r"\x4", r"\uD800"] {
            assert!(decoded(written, LiteralForm::Escaped).is_err(), "{written}");
        }
        assert_eq!(decoded(r"\d", LiteralForm::Raw).as_deref(), Ok(r"\d"));
    }
}
