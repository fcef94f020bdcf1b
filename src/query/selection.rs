//! What people pick events by, as a statement.

use chrono::NaiveDate;
use std::fmt::Write as _;

/// A choice of events. Conditions on different columns must all hold; of several values of one column, any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// First date, in UTC.
    pub from: Option<NaiveDate>,
    /// Last date, in UTC.
    pub to: Option<NaiveDate>,
    /// Columns, of which one must have one of the values.
    pub values: Vec<(Vec<&'static str>, Vec<String>)>,
}

impl Selection {
    /// The statement that selects these events with all columns, in GoogleSQL.
    pub fn sql(&self) -> String {
        let mut conditions = Vec::new();
        if let Some(from) = self.from {
            conditions.push(format!("dt >= DATE '{from}'"));
        }
        if let Some(to) = self.to {
            conditions.push(format!("dt <= DATE '{to}'"));
        }
        for (columns, values) in &self.values {
            if values.is_empty() {
                continue;
            }
            let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
            let values = values.join(", ");
            let any = columns
                .iter()
                .map(|column| format!("{column} IN ({values})"));
            let any: Vec<String> = any.collect();
            conditions.push(match any.len() {
                1 => any.concat(),
                _ => format!("({})", any.join(" OR ")),
            });
        }
        let mut sql = "SELECT * FROM audit_events".to_owned();
        if !conditions.is_empty() {
            // Writing into a String cannot fail.
            let _ = write!(sql, " WHERE {}", conditions.join(" AND "));
        }
        sql
    }
}

/// A text as GoogleSQL writes it between single quotes.
fn literal(text: &str) -> String {
    let mut literal = "'".to_owned();
    for c in text.chars() {
        match c {
            '\'' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\0'..='\u{1f}' | '\u{7f}' => {
                let _ = write!(literal, "\\x{:02x}", u32::from(c));
            }
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_joined_and_texts_cannot_end_early() {
        assert_eq!(Selection::default().sql(), "SELECT * FROM audit_events");
        let selection = Selection {
            from: NaiveDate::from_ymd_opt(2026, 11, 1),
            to: NaiveDate::from_ymd_opt(2026, 11, 2),
            values: vec![
                (
                    vec!["category"],
                    vec!["execution".to_owned(), "other".to_owned()],
                ),
                (vec!["source"], Vec::new()),
                (
                    vec!["actor_uid", "actor_name"],
                    vec!["O'Neil \\ \n\u{1}".to_owned()],
                ),
            ],
        };
        assert_eq!(
            selection.sql(),
            "SELECT * FROM audit_events WHERE dt >= DATE '2026-11-01' AND dt <= DATE '2026-11-02' \
             AND category IN ('execution', 'other') AND (actor_uid IN ('O\\'Neil \\\\ \\n\\x01') OR actor_name IN ('O\\'Neil \\\\ \\n\\x01'))"
        );
    }
}
