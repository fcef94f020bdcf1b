//! The views: the files of `sql/views`, which are GoogleSQL and which the embedded engine runs as they are. A
//! view of BigQuery must name its tables with project and dataset.

use crate::warehouse::contract::{TableKind, ViewShape};

macro_rules! views {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../sql/views/", $name, ".sql")))),*]
    };
}

/// Name and text of each.
const VIEWS: &[(&str, &str)] = views![
    "executions_by_trigger",
    "failed_logins",
    "last_workflow_change",
    "privilege_changes",
    "recent_changes_by_person",
    "source_completeness",
    "source_lag",
];

/// Every view, its tables named by `sql_name`.
pub(super) fn all(sql_name: impl Fn(&str) -> String) -> Vec<ViewShape> {
    VIEWS
        .iter()
        .map(|(name, text)| ViewShape {
            name: (*name).to_owned(),
            description: question(text),
            sql: qualified(text, &sql_name),
        })
        .collect()
}

/// The first line of a file, which says what it answers.
fn question(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("--").trim().to_owned()
}

/// A statement with whole names of tables, which a view must have. In our files the name of a table
/// is never anything else, but in comments, where it does no harm.
fn qualified(text: &str, sql_name: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    while let Some(start) = rest.find(is_word) {
        let (before, word_on) = rest.split_at(start);
        let end = word_on.find(|c| !is_word(c)).unwrap_or(word_on.len());
        let (word, after) = word_on.split_at(end);
        out.push_str(before);
        match TableKind::ALL.iter().find(|kind| kind.table() == word) {
            Some(kind) => out.push_str(&sql_name(kind.table())),
            None => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_view() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/views");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let names: Vec<String> = VIEWS
            .iter()
            .map(|(name, _)| format!("{name}.sql"))
            .collect();
        assert_eq!(names, files);
    }

    #[test]
    fn tables_get_their_whole_names_and_nothing_else_changes() {
        let name = |table: &str| format!("`p.d.{table}`");
        assert_eq!(
            qualified(
                "SELECT audit_events_x, dt FROM audit_events\nJOIN audit_batches",
                name
            ),
            "SELECT audit_events_x, dt FROM `p.d.audit_events`\nJOIN `p.d.audit_batches`"
        );
        for view in all(name) {
            assert!(view.description.ends_with('?'), "{}", view.description);
            assert!(view.sql.contains("`p.d.audit_"), "{}", view.name);
        }
    }
}
