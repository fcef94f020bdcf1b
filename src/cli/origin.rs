//! How commands tell of evidence of origin: what platforms prove of their objects, and what does not hold.

use super::exit::ExitKind;
use super::failure::{Failure, FailureDetail};
use super::page::Page;
use crate::origin::{OriginCheck, OriginState};
use crate::plural::counted;
use crate::report::verify::VerifiedOrigin;
use crate::window::format_instant;

/// What does not hold of what a platform proves of its objects.
pub(super) fn failure(check: &OriginCheck) -> Option<Failure> {
    let details = check.findings.iter().map(|finding| FailureDetail {
        place: Some(finding.object.clone()),
        happened: finding.fault.said().to_owned(),
        action: None,
    });
    let happened = format!(
        "{} of source {} tenant {} not what the platform proves",
        counted(check.found, "object is", "objects are"),
        check.source,
        check.tenant
    );
    (check.found > 0).then(|| {
        Failure::new(ExitKind::Findings, happened)
            .details(details)
            .kept("the findings are in the ledger, and the rows that were read stay")
            .action("find out who can write to the bucket of the platform, and what was changed")
    })
}

/// What a source's platform proves, in one line.
pub(super) fn of_run(check: &OriginCheck) -> String {
    format!(
        "tenant {}: {} proven by {}{}",
        check.tenant,
        counted(check.objects, "object", "objects"),
        counted(check.lists, "signed list", "signed lists"),
        match check.found {
            0 => String::new(),
            found => format!("; {}", counted(found, "finding", "findings")),
        }
    )
}

/// What the platform proves of its objects, in one line; and the newest finding.
pub(super) fn text_of_feed(origin: &OriginState, page: &mut Page) {
    let until = origin.chains.iter().map(|chain| chain.until).max();
    page.field(
        "origin",
        &format!(
            "{} proven by {}{}",
            counted(origin.objects, "object", "objects"),
            counted(origin.lists, "signed list", "signed lists"),
            until.map_or_else(String::new, |until| format!(
                " up to {}",
                format_instant(until)
            ))
        ),
    );
    if let Some(newest) = origin.findings.last() {
        page.warning(&format!(
            "{} of origin, the newest of {}: {} {}",
            counted(origin.found, "finding", "findings"),
            format_instant(newest.until),
            newest.object,
            newest.fault.said()
        ));
    }
}

/// What runs checked of what platforms prove.
pub(super) fn of_lake(origin: &VerifiedOrigin) -> String {
    let found = match origin.found {
        0 => "nothing that does not hold".to_owned(),
        found => format!(
            "{} named by `status`",
            counted(found, "finding", "findings")
        ),
    };
    format!(
        "{} proven by {} of their platform when they were read, {found}",
        counted(origin.objects, "object", "objects"),
        counted(origin.lists, "signed list", "signed lists")
    )
}
