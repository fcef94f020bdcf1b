//! What a certificate says, in words.

use crate::cli::page::{Align, Page, PageTable};
use crate::cli::retention::recoverable_said;
use crate::config::format_size;
use crate::lake::layout::Table as LakeTable;
use crate::ledger::entry::Recoverable;
use crate::plural::counted;
use crate::policy::Conditions;
use crate::report::certificate::{
    Asked, Certificate, CertifiedDecision, CertifiedPart, CertifiedRule, EmptiedTable, EntryRef,
    Standing, Stays, WholeDecision,
};
use crate::window::format_instant;

/// Parts and files of a decision that are shown; --output json has all.
const SHOWN: usize = 40;

/// What was asked for: `2026-01-01`, `2026-01-01 to 2026-01-31 by rule executions`.
pub(super) fn asked(asked: &Asked) -> String {
    let dates = match (asked.from, asked.to) {
        (Some(from), Some(to)) if from == to => Some(from.to_string()),
        (Some(from), Some(to)) => Some(format!("{from} to {to}")),
        (Some(from), None) => Some(format!("{from} and later")),
        (None, Some(to)) => Some(format!("{to} and earlier")),
        (None, None) => None,
    };
    let rule = asked.rule.as_ref().map(|rule| format!("rule {rule}"));
    let all: Vec<String> = dates.into_iter().chain(rule).collect();
    all.join(" by ")
}

/// What the lake still has of a date.
pub(super) fn stays(stays: &Stays) -> String {
    let held = match stays.held_by.is_empty() {
        true => String::new(),
        false => format!("; held for {}", stays.held_by.join(", ")),
    };
    format!(
        "{} in {} of {} are in the lake{held}",
        counted(stays.rows, "row", "rows"),
        counted(stays.files, "file", "files"),
        table_name(stays.table)
    )
}

/// The certificate in brief, for who has just made it.
pub(super) fn brief(certificate: &Certificate, page: &mut Page) {
    page.field("asked for", &asked(&certificate.asked));
    page.field("ledger", &entry_said(&certificate.head));
    for decision in &certificate.decisions {
        page.heading(&format!("decided by entry {}", decision.entry.sequence));
        page.field("when", &when(decision));
        page.field("listed", &listed(decision));
        text_of_whole(&decision.whole_decision, page);
    }
    text_of_stays(certificate, page);
}

/// All that it says, but for the files of long lists.
pub(super) fn full(certificate: &Certificate, page: &mut Page) {
    page.heading(&format!("certificate of lake {}", certificate.lake_id));
    let made = format_instant(certificate.made_at);
    page.field("made", &format!("{made}, by {}", certificate.writer));
    page.field("asked for", &asked(&certificate.asked));
    page.field("ledger", &entry_said(&certificate.head));
    page.field("", &certificate.head.sha256.to_string());
    if !certificate.signed {
        page.warning("the entries of its ledger are not signed: it proves nothing");
    }
    for decision in &certificate.decisions {
        text_of_decision(decision, page);
    }
    text_of_stays(certificate, page);
    page.line("");
    page.line(
        "It says what the ledger held of this, and the holder of the key vouches for it. It does not prove that",
    );
    page.line(
        "nobody had made a copy, nor that a service has erased what it said it deleted, nor anything later.",
    );
}

fn text_of_decision(decision: &CertifiedDecision, page: &mut Page) {
    page.heading(&format!("decided by entry {}", decision.entry.sequence));
    page.field("when", &when(decision));
    page.field("entry file", &decision.entry.sha256.to_string());
    let confirmed = match &decision.confirmed_by {
        Some(by) => format!("by {by}, plan {}", decision.plan),
        None => format!(
            "by no person: the rules alone decided; plan {}",
            decision.plan
        ),
    };
    page.field("confirmed", &confirmed);
    for rule in &decision.rules {
        page.field("rule", &rule_said(rule));
    }
    page.field("listed", &listed(decision));
    text_of_parts(&decision.parts, page);
    text_of_files(&decision.parts, page);
    page.line("");
    text_of_whole(&decision.whole_decision, page);
}

fn text_of_parts(parts: &[CertifiedPart], page: &mut Page) {
    let mut table = PageTable::new([
        ("  date", Align::Left),
        ("category", Align::Left),
        ("source", Align::Left),
        ("tenant", Align::Left),
        ("rule", Align::Left),
        ("kept until", Align::Left),
        ("rows", Align::Right),
        ("files", Align::Right),
        ("size", Align::Right),
    ]);
    for part in parts.iter().take(SHOWN) {
        table.row([
            format!("  {}", part.date),
            part.category
                .clone()
                .unwrap_or_else(|| part.table.folder().to_owned()),
            part.source.clone(),
            part.tenant.clone().unwrap_or_else(|| "-".to_owned()),
            part.rule.clone(),
            part.last_day.to_string(),
            part.rows.to_string(),
            part.files.len().to_string(),
            format_size(part.bytes),
        ]);
    }
    page.line("");
    page.table(&table);
    more(parts.len(), page);
}

fn text_of_files(parts: &[CertifiedPart], page: &mut Page) {
    let files = || parts.iter().flat_map(|part| &part.files);
    page.line("");
    for file in files().take(SHOWN) {
        page.line(&format!("  {}", file.path));
        page.line(&format!(
            "    {}, {} in {}; named by entry {}",
            standing_said(file.standing),
            counted(file.rows, "row", "rows"),
            counted(file.bytes, "byte", "bytes"),
            file.named_by.sequence
        ));
        page.line(&format!("    sha256       {}", file.sha256));
        page.line(&format!("    records root {}", file.records_root));
        page.line(&format!("    entry file   {}", file.named_by.sha256));
    }
    more(files().count(), page);
}

fn more(all: usize, page: &mut Page) {
    if all > SHOWN {
        let more = all - SHOWN;
        page.line(&format!("  and {more} more; --output json has all"));
    }
}

/// What is known of a decision as a whole, and that it is.
fn text_of_whole(whole: &WholeDecision, page: &mut Page) {
    if !whole.all_parts_listed {
        page.line(
            "  of the whole decision, which has more parts than are listed: entries do not divide these \
             numbers",
        );
    }
    let done: Vec<String> = whole.done.iter().map(entry_said).collect();
    match done.is_empty() {
        true => page.field("carried out", "no entry records it yet"),
        false => page.field("carried out", &done.join("; ")),
    }
    for emptied in &whole.warehouses {
        let tables: Vec<String> = emptied.tables.iter().map(rows_said).collect();
        let tables = match tables.is_empty() {
            true => "no table was there".to_owned(),
            false => tables.join(", "),
        };
        page.field(
            "warehouse",
            &format!(
                "{} ({}) held none of it any more according to entry {}; deleted: {tables}",
                emptied.warehouse, emptied.target, emptied.done
            ),
        );
    }
    for given_up in &whole.given_up {
        let said = &given_up.said;
        page.warning(&format!(
            "warehouse {} was given up by {} (entry {}): {}; what it still holds of it is unknown",
            said.warehouse, said.by, given_up.done, said.reason
        ));
    }
    if let Some(removal) = &whole.removal {
        let removed = counted(removal.removed, "file", "files");
        let missing = match removal.missing {
            0 => String::new(),
            missing => format!("; {} gone already", counted(missing, "was", "were")),
        };
        let size = format_size(removal.bytes);
        page.field("lake", &format!("{removed} removed, {size}{missing}"));
        if removal.hidden > 0 {
            page.warning(&format!(
                "the bucket kept {} of them as older versions: they are not deleted",
                removal.hidden
            ));
        }
        if removal.refused > 0 {
            let refused = counted(removal.refused, "file", "files");
            page.warning(&format!(
                "the store did not allow {refused} to be deleted yet"
            ));
        }
    }
    if let Some(pending) = &whole.pending {
        let warehouses = pending.warehouses.iter();
        let warehouses = warehouses.map(|name| format!("warehouse {name}"));
        let files = counted(pending.files, "file", "files");
        let files = (pending.files > 0).then(|| format!("{files} of the lake"));
        let left: Vec<String> = warehouses.chain(files).collect();
        page.warning(&format!("not done yet: {}", left.join(", ")));
    }
    for recoverable in &whole.recoverable {
        let said = recoverable_said(&Recoverable {
            place: recoverable.place.clone(),
            by: recoverable.by,
            until: recoverable.until,
        });
        page.field(
            "recoverable",
            &format!("{}: {said} (entry {})", recoverable.place, recoverable.done),
        );
    }
    if whole.recoverable.is_empty() && !whole.done.is_empty() {
        page.field("recoverable", "no known way to recover it");
    }
}

fn text_of_stays(certificate: &Certificate, page: &mut Page) {
    if certificate.stays.is_empty() {
        return;
    }
    page.heading("not gone");
    for of_date in certificate.stays.iter().take(SHOWN) {
        page.field(&of_date.date.to_string(), &stays(of_date));
    }
    more(certificate.stays.len(), page);
}

fn when(decision: &CertifiedDecision) -> String {
    let written = format_instant(decision.entry.written_at);
    format!("{written}, of what was due as of {}", decision.as_of)
}

fn listed(decision: &CertifiedDecision) -> String {
    let parts = &decision.parts;
    let rows: u64 = parts.iter().map(|part| part.rows).sum();
    let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    let files: usize = parts.iter().map(|part| part.files.len()).sum();
    let whole = &decision.whole_decision;
    let of = match whole.all_parts_listed {
        true => "the whole decision".to_owned(),
        false => format!("{} of its {} parts", parts.len(), whole.parts),
    };
    let gone = standings(parts);
    format!(
        "{of}: {} in {}, {}; {gone}",
        counted(rows, "row", "rows"),
        counted(files as u64, "file", "files"),
        format_size(bytes)
    )
}

/// How many of the listed files are gone.
fn standings(parts: &[CertifiedPart]) -> String {
    let files = || parts.iter().flat_map(|part| &part.files);
    let all = files().count() as u64;
    let gone = files().filter(|file| file.standing == Standing::Gone);
    match gone.count() as u64 {
        gone if gone == all => "all of these files are gone".to_owned(),
        0 => "none of these files is gone".to_owned(),
        gone => format!("{gone} of these files are gone"),
    }
}

fn standing_said(standing: Standing) -> String {
    match standing {
        Standing::Gone => "gone".to_owned(),
        Standing::Pending => "not removed yet".to_owned(),
        Standing::Refused { until: Some(until) } => {
            format!("the store keeps it until {}", format_instant(until))
        }
        Standing::Refused { until: None } => {
            "the store keeps it, and does not say until when".to_owned()
        }
    }
}

fn rows_said(table: &EmptiedTable) -> String {
    let rows = table.rows.map_or_else(
        || "an unknown number of rows".to_owned(),
        |rows| counted(rows, "row", "rows"),
    );
    format!("{rows} of {}", table_name(table.table))
}

fn table_name(table: LakeTable) -> &'static str {
    match table {
        LakeTable::Events => "audit_events",
        LakeTable::Quarantine => "audit_quarantine",
        LakeTable::Objects => "audit_objects",
    }
}

fn entry_said(entry: &EntryRef) -> String {
    let written = format_instant(entry.written_at);
    format!("entry {} of {written}", entry.sequence)
}

fn rule_said(rule: &CertifiedRule) -> String {
    let about = match &rule.conditions {
        None => "what no rule matches".to_owned(),
        Some(conditions) => conditions_said(conditions),
    };
    format!("{}: {about}; keep {}", rule.rule, rule.keep)
}

fn conditions_said(conditions: &Conditions) -> String {
    let all = [
        ("category", &conditions.category),
        ("platform", &conditions.platform),
        ("source", &conditions.source),
        ("tenant", &conditions.tenant),
    ];
    let named = all.iter().filter(|(_, names)| !names.is_empty());
    let named: Vec<String> = named
        .map(|(what, names)| format!("{what} {}", names.join(" or ")))
        .collect();
    match named.is_empty() {
        true => "everything".to_owned(),
        false => named.join(", "),
    }
}
