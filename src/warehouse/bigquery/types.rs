//! Names of types.

use crate::event::schema::ColumnType;

/// The name of a column's type in GoogleSQL, and in the schemas that the API takes.
pub const fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "STRING",
        ColumnType::Bytes => "BYTES",
        ColumnType::Integer => "INT64",
        ColumnType::Date => "DATE",
        ColumnType::Timestamp => "TIMESTAMP",
    }
}

/// The API answers with the type names of legacy SQL.
pub(super) fn in_sql(kind: &str) -> &str {
    match kind {
        "INTEGER" => "INT64",
        "FLOAT" => "FLOAT64",
        "BOOLEAN" => "BOOL",
        "RECORD" => "STRUCT",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_described_in_the_words_of_the_service() {
        for kind in [
            ColumnType::Text,
            ColumnType::Bytes,
            ColumnType::Integer,
            ColumnType::Date,
            ColumnType::Timestamp,
        ] {
            assert_eq!(type_name(kind), kind.name());
        }
    }
}
