//! `docs/reference/exit-codes.md`: exit codes, and the codes of failures in JSON output and in receipts.

use std::fmt::Write as _;
use std::fs;

use super::super::exit::ExitKind;
use super::{MarkdownTable, assert_current, code, in_repository};
use crate::event::unfit::{Reason, Unfit};
use crate::source::SourceError;
use crate::warehouse::ProjectionError;

/// What a command ends with that did not begin, did not end, or has nothing to report.
const NEVER_WITH_OTHERS: [ExitKind; 4] = [
    ExitKind::Usage,
    ExitKind::Interrupted,
    ExitKind::Terminated,
    ExitKind::Done,
];

/// The rows of exit codes, as the README has them, too.
fn rows() -> Vec<[String; 4]> {
    let rows = ExitKind::BY_CODE.iter().map(|kind| {
        [
            kind.code().to_string(),
            code(kind.name()),
            kind.meaning().to_owned(),
            kind.advice().to_owned(),
        ]
    });
    rows.collect()
}

/// A table of failures: the code, an example and the advice of each.
fn failures<'a>(examples: impl Iterator<Item = (&'a str, String, &'a str)>) -> String {
    let mut table = MarkdownTable::new(&["code", "example", "what to do"]);
    for (name, example, advice) in examples {
        table.row(&[code(name), example, advice.to_owned()]);
    }
    table.0
}

fn page() -> String {
    let mut page = "# Exit codes and failure codes\n\n\
         Made from the program's own lists; change those, not this page. [Troubleshooting](../troubleshooting.md) says more\n\
         about the failures that are met most.\n\n\
         ## Exit codes\n\n"
        .to_owned();
    let mut table = MarkdownTable::new(&["exit code", "`kind` in JSON", "meaning", "what to do"]);
    for row in rows() {
        table.row(&row);
    }
    page.push_str(&table.0);
    let severe: Vec<String> = ExitKind::BY_SEVERITY
        .iter()
        .filter(|kind| !NEVER_WITH_OTHERS.contains(kind))
        .map(|kind| kind.code().to_string())
        .collect();
    let _ = write!(
        page,
        "\nWith several failures, the exit code is the most severe one, in the order {}. JSON output lists all of\n\
         them in `errors`.\n\n\
         Exit code 8 is that of `retention apply` and `warehouse rebuild` without `--confirm`, of a run whose rules must be\n\
         confirmed, and of `sweep` while nothing confirms the clock. Exit code 10 is that of `doctor` and `clock show` if they\n\
         find something, of a run that met a changed record, of a warehouse that differs from the ledger, and of a hold that\n\
         is too late or names an unknown source.\n",
        severe.join(", ")
    );

    page.push_str(
        "\n## Failures of sources\n\n\
         `code` of a failed source or feed. The texts are examples; reasons of holes are in\n\
         [troubleshooting](../troubleshooting.md).\n\n",
    );
    let examples = SourceError::examples();
    let examples = examples.iter();
    page.push_str(&failures(
        examples.map(|it| (it.code(), it.to_string(), it.advice())),
    ));

    page.push_str(
        "\n## Failures of warehouses\n\n\
         `code` of a failed warehouse or table. The texts are examples.\n\n",
    );
    let examples = ProjectionError::examples();
    let examples = examples.iter();
    page.push_str(&failures(
        examples.map(|it| (it.code(), it.to_string(), it.advice())),
    ));

    page.push_str(
        "\n## Reasons of quarantine\n\n\
         `reason` in `audit_quarantine`.\n\n",
    );
    let mut table = MarkdownTable::new(&["reason", "meaning"]);
    for reason in Reason::ALL {
        table.row(&[code(reason.code()), Unfit::because(reason).to_string()]);
    }
    page.push_str(&table.0);
    page
}

#[test]
fn the_codes_are_current() {
    assert_current("docs/reference/exit-codes.md", &page());
}

#[test]
fn the_readme_has_every_exit_code() {
    let readme = fs::read_to_string(in_repository("README.md")).unwrap();
    for kind in ExitKind::BY_CODE {
        let advice = match kind.advice() {
            "" => " |".to_owned(),
            advice => format!(" {advice} |"),
        };
        let row = format!("| {} | {} |{advice}\n", kind.code(), kind.meaning());
        assert!(readme.contains(&row), "{row}");
    }
}
