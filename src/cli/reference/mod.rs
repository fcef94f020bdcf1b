//! The references in `docs/reference` and the man page, made from what the program knows.
//!
//! Each test compares a page with what is made now. After a change,
//! `TRAILHOUSE_GOLDEN=write cargo test --lib reference` writes them.

mod columns;
#[cfg(all(feature = "demo", feature = "query"))]
mod commands;
mod configuration;
#[cfg(all(feature = "demo", feature = "query"))]
mod examples;
mod exit_codes;
#[cfg(all(feature = "demo", feature = "query"))]
mod output;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of the repository.
fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares a page with what it should be, or writes it.
fn assert_current(page: &str, made: &str) {
    let path = in_repository(page);
    if std::env::var("TRAILHOUSE_GOLDEN").is_ok_and(|word| word == "write") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "{page} is not current: TRAILHOUSE_GOLDEN=write cargo test --lib reference writes it"
    );
}

/// A table in Markdown.
struct MarkdownTable(String);

impl MarkdownTable {
    fn new(heads: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.row(heads);
        let rule = vec!["---"; heads.len()].join("|");
        let _ = writeln!(table.0, "|{rule}|");
        table
    }

    fn row(&mut self, cells: &[impl AsRef<str>]) {
        self.0.push('|');
        for cell in cells {
            let cell = cell.as_ref().replace('|', "\\|").replace('\n', " ");
            match cell.is_empty() {
                true => self.0.push_str(" |"),
                false => drop(write!(self.0, " {cell} |")),
            }
        }
        self.0.push('\n');
    }
}

/// Text as code; nothing where it is empty.
fn code(text: &str) -> String {
    match text.is_empty() {
        true => String::new(),
        false => format!("`{text}`"),
    }
}
