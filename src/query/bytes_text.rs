//! `SAFE_CONVERT_BYTES_TO_STRING(bytes)`: text out of bytes that may not be UTF-8.
//!
//! As in BigQuery, each sequence of bytes that is not UTF-8 becomes U+FFFD, so the content of a record in
//! quarantine can be read whatever is wrong with it.

use arrow::array::{ArrayRef, AsArray as _, StringArray};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// The function for the engine.
pub(super) fn function() -> ScalarUDF {
    ScalarUDF::new_from_impl(BytesToText {
        signature: Signature::exact(vec![DataType::Binary], Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct BytesToText {
    signature: Signature,
}

impl ScalarUDFImpl for BytesToText {
    fn name(&self) -> &str {
        "safe_convert_bytes_to_string"
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
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = arrays.first().map_or_else(no_text, texts_of);
        if scalar {
            let text = ScalarValue::try_from_array(&texts, 0)?;
            return Ok(ColumnarValue::Scalar(text));
        }
        Ok(ColumnarValue::Array(texts))
    }
}

fn no_text() -> ArrayRef {
    Arc::new(StringArray::new_null(1))
}

fn texts_of(bytes: &ArrayRef) -> ArrayRef {
    let bytes = bytes.as_binary::<i32>();
    let texts = bytes.iter().map(|bytes| bytes.map(String::from_utf8_lossy));
    Arc::new(texts.collect::<StringArray>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::BinaryArray;

    /// The documented result of GoogleSQL: each invalid sequence becomes U+FFFD.
    #[test]
    fn what_is_no_text_is_replaced() {
        let bytes: ArrayRef = Arc::new(BinaryArray::from_opt_vec(vec![
            Some(b"caf\xc3\xa9"),
            Some(b"caf\xe9!"),
            Some(b"\xff\xfe"),
            Some(b""),
            None,
        ]));
        let texts = texts_of(&bytes);
        let texts: Vec<Option<&str>> = texts.as_string::<i32>().iter().collect();
        assert_eq!(
            texts,
            [
                Some("café"),
                Some("caf\u{fffd}!"),
                Some("\u{fffd}\u{fffd}"),
                Some(""),
                None
            ]
        );
    }
}
