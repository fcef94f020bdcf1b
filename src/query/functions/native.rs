//! Functions of GoogleSQL that are written here, as functions of the engine.
//!
//! Each works on one row: NULL for any argument gives NULL, and an argument that it does not take gives a
//! [`QueryError::Value`], which says what to write instead. It is never taken for an error of a file. With `SAFE.`
//! before its name it gives NULL instead.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Date32Builder, Float64Builder,
    Int64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{
    DataType, Date32Type, Field, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use regex::Regex;

use super::fault::FunctionFault;
use super::instant::{self, Zone};
use super::path::Path;
use crate::query::error::QueryError;
use crate::query::types::Type;

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ArgumentCell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    Owned(String),
    Bytes(&'a [u8]),
    OwnedBytes(Vec<u8>),
    Date(i32),
    Datetime(i64),
    Timestamp(i64),
    Texts(Vec<Option<String>>),
}

pub(super) type NativeAnswer = Result<ArgumentCell<'static>, FunctionFault>;

/// What was made of constant arguments for the row before: patterns, paths and zones.
#[derive(Default)]
pub(super) struct KeptText {
    pattern: Option<(String, Regex)>,
    path: Option<(String, Path)>,
    zone: Option<(String, Zone)>,
}

impl KeptText {
    pub(super) fn pattern(&mut self, text: &str) -> Result<&Regex, FunctionFault> {
        kept(&mut self.pattern, text, |text| {
            Regex::new(text).map_err(|error| {
                let last = error.to_string();
                let last = last.lines().last().unwrap_or_default();
                let why = last.trim_start_matches("error: ");
                FunctionFault::new(
                    format!("'{text}' is not a regular expression: {why}"),
                    "fix the pattern; characters such as ( + . are escaped in a raw string, such as r'\\('",
                )
            })
        })
    }

    pub(super) fn path(
        &mut self,
        text: &str,
        parse: fn(&str) -> Result<Path, FunctionFault>,
    ) -> Result<&Path, FunctionFault> {
        kept(&mut self.path, text, parse)
    }

    pub(super) fn zone(&mut self, name: &str) -> Result<Zone, FunctionFault> {
        kept(&mut self.zone, name, instant::zone).copied()
    }
}

fn kept<'k, T>(
    slot: &'k mut Option<(String, T)>,
    text: &str,
    make: impl FnOnce(&str) -> Result<T, FunctionFault>,
) -> Result<&'k T, FunctionFault> {
    if slot.as_ref().is_none_or(|(known, _)| known != text) {
        *slot = Some((text.to_owned(), make(text)?));
    }
    slot.as_ref().map(|(_, made)| made).ok_or_else(|| {
        FunctionFault::new(
            "a constant could not be prepared",
            "report this to the maintainers of trailhouse",
        )
    })
}

/// A function that is written here.
#[derive(Clone, Copy)]
pub(in crate::query) struct Native {
    /// Its name for the engine, which no statement can write.
    pub(super) name: &'static str,
    /// What it returns.
    pub(super) returns: fn() -> Type,
    pub(super) call: fn(&[ArgumentCell<'_>], &mut KeptText) -> NativeAnswer,
    /// Whether it fails on some values.
    pub(in crate::query) fails: bool,
}

/// Before the names of functions that give NULL instead of an error.
pub(in crate::query) const SAFE: &str = "safe_";

impl Native {
    /// The function for the engine, and its `SAFE.` twin.
    pub(super) fn functions(self) -> [ScalarUDF; 2] {
        [false, true].map(|safe| {
            ScalarUDF::new_from_impl(NativeFunction {
                name: if safe {
                    format!("{SAFE}{}", self.name)
                } else {
                    self.name.to_owned()
                },
                safe,
                signature: Signature::variadic_any(Volatility::Immutable),
                native: self,
            })
        })
    }
}

struct NativeFunction {
    name: String,
    safe: bool,
    signature: Signature,
    native: Native,
}

impl std::fmt::Debug for NativeFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl PartialEq for NativeFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for NativeFunction {}

impl std::hash::Hash for NativeFunction {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for NativeFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(&(self.native.returns)()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constants: Vec<bool> = args
            .args
            .iter()
            .map(|arg| matches!(arg, ColumnarValue::Scalar(_)))
            .collect();
        let scalar = constants.iter().all(|constant| *constant);
        let rows = if scalar { 1 } else { args.number_rows };
        let arrays = args
            .args
            .iter()
            .map(|arg| {
                let array = match arg {
                    ColumnarValue::Scalar(value) => value.to_array_of_size(1)?,
                    ColumnarValue::Array(array) => Arc::clone(array),
                };
                match array.data_type() {
                    DataType::List(_) => Ok(arrow::compute::cast(&array, &texts_type())?),
                    _ => Ok(array),
                }
            })
            .collect::<Result<Vec<ArrayRef>>>()?;
        let mut out = ArgumentColumn::new(&(self.native.returns)());
        let mut kept = KeptText::default();
        let mut cells = Vec::with_capacity(arrays.len());
        for row in 0..rows {
            cells.clear();
            for (array, constant) in arrays.iter().zip(&constants) {
                cells.push(cell(array, if *constant { 0 } else { row })?);
            }
            if cells.contains(&ArgumentCell::Null) {
                out.push(ArgumentCell::Null)?;
                continue;
            }
            match (self.native.call)(&cells, &mut kept) {
                Ok(value) => out.push(value)?,
                Err(_) if self.safe => out.push(ArgumentCell::Null)?,
                Err(FunctionFault { reason, fix }) => {
                    let error = QueryError::Value { reason, fix };
                    return Err(DataFusionError::External(Box::new(error)));
                }
            }
        }
        let array = out.finish();
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &array, 0,
            )?));
        }
        Ok(ColumnarValue::Array(array))
    }
}

fn arrow_type(kind: &Type) -> DataType {
    match kind {
        Type::Null | Type::Int64 => DataType::Int64,
        Type::Bool => DataType::Boolean,
        Type::Float64 => DataType::Float64,
        Type::String => DataType::Utf8,
        Type::Bytes => DataType::Binary,
        Type::Date => DataType::Date32,
        Type::Datetime => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Array(_) => texts_type(),
    }
}

/// All lists are those of text here.
fn texts_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

fn cell(array: &ArrayRef, row: usize) -> Result<ArgumentCell<'_>> {
    if array.is_null(row) {
        return Ok(ArgumentCell::Null);
    }
    Ok(match array.data_type() {
        DataType::Null => ArgumentCell::Null,
        DataType::Boolean => ArgumentCell::Bool(array.as_boolean().value(row)),
        DataType::Int64 => ArgumentCell::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => ArgumentCell::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => ArgumentCell::Text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => ArgumentCell::Text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => ArgumentCell::Text(array.as_string_view().value(row)),
        DataType::Binary => ArgumentCell::Bytes(array.as_binary::<i32>().value(row)),
        DataType::Date32 => ArgumentCell::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            match zone {
                Some(_) => ArgumentCell::Timestamp(micros),
                None => ArgumentCell::Datetime(micros),
            }
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let items = items.as_string::<i32>();
            ArgumentCell::Texts(items.iter().map(|item| item.map(str::to_owned)).collect())
        }
        other => return internal_err!("a function was given {other}"),
    })
}

/// The results of a function, row by row.
enum ArgumentColumn {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Time(TimestampMicrosecondBuilder),
    Texts(ListBuilder<StringBuilder>),
}

impl ArgumentColumn {
    fn new(kind: &Type) -> Self {
        match kind {
            Type::Bool => Self::Bool(BooleanBuilder::new()),
            Type::Null | Type::Int64 => Self::Int(Int64Builder::new()),
            Type::Float64 => Self::Float(Float64Builder::new()),
            Type::String => Self::Text(StringBuilder::new()),
            Type::Bytes => Self::Bytes(BinaryBuilder::new()),
            Type::Date => Self::Date(Date32Builder::new()),
            Type::Datetime | Type::Timestamp => {
                Self::Time(TimestampMicrosecondBuilder::new().with_data_type(arrow_type(kind)))
            }
            Type::Array(_) => Self::Texts(ListBuilder::new(StringBuilder::new())),
        }
    }

    fn push(&mut self, cell: ArgumentCell<'_>) -> Result<()> {
        match (self, cell) {
            (Self::Bool(out), ArgumentCell::Bool(value)) => out.append_value(value),
            (Self::Bool(out), ArgumentCell::Null) => out.append_null(),
            (Self::Int(out), ArgumentCell::Int(value)) => out.append_value(value),
            (Self::Int(out), ArgumentCell::Null) => out.append_null(),
            (Self::Float(out), ArgumentCell::Float(value)) => out.append_value(value),
            (Self::Float(out), ArgumentCell::Null) => out.append_null(),
            (Self::Text(out), ArgumentCell::Text(value)) => out.append_value(value),
            (Self::Text(out), ArgumentCell::Owned(value)) => out.append_value(value),
            (Self::Text(out), ArgumentCell::Null) => out.append_null(),
            (Self::Bytes(out), ArgumentCell::Bytes(value)) => out.append_value(value),
            (Self::Bytes(out), ArgumentCell::OwnedBytes(value)) => out.append_value(value),
            (Self::Bytes(out), ArgumentCell::Null) => out.append_null(),
            (Self::Date(out), ArgumentCell::Date(value)) => out.append_value(value),
            (Self::Date(out), ArgumentCell::Null) => out.append_null(),
            (Self::Time(out), ArgumentCell::Datetime(value) | ArgumentCell::Timestamp(value)) => {
                out.append_value(value);
            }
            (Self::Time(out), ArgumentCell::Null) => out.append_null(),
            (Self::Texts(out), ArgumentCell::Texts(items)) => out.append_value(items),
            (Self::Texts(out), ArgumentCell::Null) => out.append_null(),
            (_, other) => return internal_err!("a function gave {other:?}"),
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Bool(mut out) => Arc::new(out.finish()),
            Self::Int(mut out) => Arc::new(out.finish()),
            Self::Float(mut out) => Arc::new(out.finish()),
            Self::Text(mut out) => Arc::new(out.finish()),
            Self::Bytes(mut out) => Arc::new(out.finish()),
            Self::Date(mut out) => Arc::new(out.finish()),
            Self::Time(mut out) => Arc::new(out.finish()),
            Self::Texts(mut out) => Arc::new(out.finish()),
        }
    }
}
