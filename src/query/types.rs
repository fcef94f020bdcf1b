//! Types of GoogleSQL, and which of them become which without a `CAST`.
//!
//! The rule, which [`common`] and [`Typed::coerced`] own: `INT64` becomes `FLOAT64` and `DATE` becomes `DATETIME`
//! anywhere; NULL becomes anything; and only a *literal* of text becomes a `DATE`, `DATETIME`, `TIMESTAMP` or `BYTES`. A
//! column or a result of type `STRING` never does, and neither does a number.

use std::fmt;

use datafusion::sql::sqlparser::ast::{self, Expr};

use super::functions::instant;

/// A type, as far as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Type {
    /// That of a bare NULL.
    Null,
    Bool,
    Int64,
    Float64,
    String,
    Bytes,
    Date,
    Datetime,
    Timestamp,
    Array(Box<Type>),
}

/// How the types of columns and casts are written.
const NAMES: &[(&str, Type)] = &[
    ("BOOL", Type::Bool),
    ("INT64", Type::Int64),
    ("FLOAT64", Type::Float64),
    ("STRING", Type::String),
    ("BYTES", Type::Bytes),
    ("DATE", Type::Date),
    ("DATETIME", Type::Datetime),
    ("TIMESTAMP", Type::Timestamp),
];

impl Type {
    /// The type of a name in upper case.
    pub(super) fn named(name: &str) -> Option<Self> {
        if let Some(item) = name
            .strip_prefix("ARRAY<")
            .and_then(|rest| rest.strip_suffix('>'))
        {
            return Some(Self::Array(Box::new(Self::named(item)?)));
        }
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, found)| found.clone())
    }

    /// Whether a literal of text may stand for a value of the type.
    pub(super) fn is_written_as_text(&self) -> bool {
        matches!(
            self,
            Self::Date | Self::Datetime | Self::Timestamp | Self::Bytes
        )
    }

    /// Whether values can be compared, grouped and sorted.
    pub(super) fn is_comparable(&self) -> bool {
        !matches!(self, Self::Array(_))
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Int64 | Self::Float64)
    }

    /// Whether any value of the type may stand where another type is wanted.
    fn becomes(&self, other: &Self) -> bool {
        self == other
            || matches!(
                (self, other),
                (Self::Int64, Self::Float64) | (Self::Date, Self::Datetime) | (Self::Null, _)
            )
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Array(item) => write!(f, "ARRAY<{item}>"),
            other => {
                let name = NAMES.iter().find(|(_, known)| known == other);
                f.write_str(name.map_or("STRING", |(name, _)| name))
            }
        }
    }
}

/// What a literal says, where that decides on coercion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Literal {
    /// `'text'`
    Text(String),
    /// `5`, `1.5`, `TRUE`, `DATE '…'`
    Other,
}

/// An expression with its type, in the words of the engine.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) kind: Type,
    pub(super) expr: Expr,
    pub(super) literal: Option<Literal>,
}

/// A literal of text that no value of the wanted type is written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotWrittenSo {
    pub(super) text: String,
    pub(super) wanted: Type,
}

impl Typed {
    pub(super) fn new(kind: Type, expr: Expr) -> Self {
        Self {
            kind,
            expr,
            literal: None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.literal {
            Some(Literal::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether [`Typed::coerced`] gives something, whatever the literal says.
    pub(super) fn becomes(&self, wanted: &Type) -> bool {
        self.kind.becomes(wanted) || (wanted.is_written_as_text() && self.text().is_some())
    }

    /// The expression as one of another type; `None` where only a `CAST` makes it one.
    ///
    /// # Errors
    /// A literal that is no date or time.
    pub(super) fn coerced(&self, wanted: &Type) -> Result<Option<Self>, NotWrittenSo> {
        if self.kind == *wanted {
            return Ok(Some(self.clone()));
        }
        if let (Some(text), true) = (self.text(), wanted.is_written_as_text()) {
            let canonical = match wanted {
                Type::Bytes => Some(text.to_owned()),
                Type::Date => instant::parse_date(text).map(instant::date_text),
                Type::Datetime => instant::parse_datetime(text).map(instant::datetime_text),
                _ => instant::parse_timestamp(text, chrono_tz::UTC).map(instant::timestamp_text),
            };
            let Some(canonical) = canonical else {
                return Err(NotWrittenSo {
                    text: text.to_owned(),
                    wanted: wanted.clone(),
                });
            };
            return Ok(Some(Self {
                kind: wanted.clone(),
                expr: cast(text_literal(&canonical), wanted),
                literal: Some(Literal::Other),
            }));
        }
        if !self.kind.becomes(wanted) {
            return Ok(None);
        }
        Ok(Some(Self {
            kind: wanted.clone(),
            expr: cast(self.expr.clone(), wanted),
            literal: self.literal.clone(),
        }))
    }
}

/// The one type that all of some expressions become, `None` if there is none. Literals of text follow the others.
pub(super) fn common<'t>(all: impl IntoIterator<Item = &'t Typed>) -> Option<Type> {
    let mut found = Type::Null;
    let mut texts = false;
    for typed in all {
        if typed.text().is_some() {
            texts = true;
        } else if typed.kind.becomes(&found) && found != Type::Null {
            // The wider type is known already.
        } else if found.becomes(&typed.kind) {
            found = typed.kind.clone();
        } else {
            return None;
        }
    }
    match found {
        Type::Null if texts => Some(Type::String),
        found if !texts || found == Type::String || found.is_written_as_text() => Some(found),
        _ => None,
    }
}

/// Text as the engine writes it.
pub(super) fn text_literal(text: &str) -> Expr {
    Expr::value(ast::Value::SingleQuotedString(text.to_owned()))
}

/// The engine's own cast, for values that always fit.
pub(super) fn cast(expr: Expr, to: &Type) -> Expr {
    let data_type = match to {
        Type::Bool => ast::DataType::Boolean,
        Type::Null | Type::Int64 => ast::DataType::BigInt(None),
        Type::Float64 => ast::DataType::Double(ast::ExactNumberInfo::None),
        Type::Bytes => ast::DataType::Bytea,
        Type::Date => ast::DataType::Date,
        Type::Datetime => ast::DataType::Timestamp(Some(6), ast::TimezoneInfo::None),
        Type::Timestamp => ast::DataType::Timestamp(Some(6), ast::TimezoneInfo::WithTimeZone),
        Type::String | Type::Array(_) => ast::DataType::Varchar(None),
    };
    Expr::Cast {
        kind: ast::CastKind::Cast,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    }
}
