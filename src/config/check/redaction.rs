//! Checks `[redaction]` and resolves its rules to one action a column and a list of pointers.

use std::collections::BTreeMap;

use super::Checks;
use crate::config::file::{ActionName, ClassificationName, RedactionTable, RuleTable};
use crate::config::problem::Place;
use crate::config::shape::nearest;
use crate::config::{Redaction, RedactionAction};
use crate::event::schema::{Classification, Column, ColumnType, EVENT_COLUMNS};

/// Columns that `event_uid` repeats in readable form, so that hiding them would hide nothing.
const PARTS_OF_UID: [&str; 2] = ["native_id", "tenant"];

pub(super) fn check(checks: &mut Checks<'_, '_>, table: &RedactionTable) -> Option<Redaction> {
    let place = Place::at("redaction");
    let before = checks.problems.len();
    let key_place = place.key("hmac_key");
    let hmac_key = match &table.hmac_key {
        Some(key) => checks.secret(key, &key_place),
        None => None,
    };
    let mut redaction = Redaction {
        hmac_key,
        columns: BTreeMap::new(),
        pointers: Vec::new(),
    };
    for (index, rule) in table.rule.iter().enumerate() {
        let place = place.key("rule").index(index);
        self::rule(checks, rule, &place, &mut redaction);
    }
    let hmac_used = table
        .rule
        .iter()
        .any(|rule| matches!(rule.action, ActionName::Hmac));
    match (&table.hmac_key, hmac_used) {
        (None, true) => checks.problem(
            &key_place,
            "is missing, and a rule has the action \"hmac\"",
            "add for example hmac_key = { env = \"TRAILHOUSE_REDACTION_KEY\" }",
        ),
        (Some(_), false) => checks.warn(&key_place, "is not used by any rule", "remove it"),
        _ => {}
    }
    warn_about_raw(checks, &place, &redaction);
    (checks.problems.len() == before).then_some(redaction)
}

fn rule(checks: &mut Checks<'_, '_>, rule: &RuleTable, place: &Place, redaction: &mut Redaction) {
    let action = match rule.action {
        ActionName::Drop => RedactionAction::Drop,
        ActionName::Mask => RedactionAction::Mask,
        ActionName::Hmac => RedactionAction::Hmac,
    };
    match (&rule.columns, rule.classification, &rule.pointers) {
        (Some(names), None, None) => {
            for (index, name) in names.iter().enumerate() {
                let place = place.key("columns").index(index);
                let Some(column) = column(checks, name, &place) else {
                    continue;
                };
                if redaction.columns.contains_key(column.name) {
                    checks.warn(
                        &place,
                        format!("`{name}` is decided by an earlier rule already"),
                        "remove it here, or move this rule up",
                    );
                    continue;
                }
                redaction.columns.insert(column.name, action);
            }
        }
        (None, Some(class), None) => {
            let class = match class {
                ClassificationName::Sensitive => Classification::Sensitive,
                ClassificationName::Secret => Classification::Secret,
            };
            let all = EVENT_COLUMNS.iter();
            for column in all.filter(|column| column.class == class && refusal(column).is_none()) {
                redaction.columns.entry(column.name).or_insert(action);
            }
        }
        (None, None, Some(pointers)) => {
            for (index, pointer) in pointers.iter().enumerate() {
                let place = place.key("pointers").index(index);
                if let Some((what, mend)) = wrong_pointer(pointer) {
                    checks.problem(&place, what, mend);
                } else if redaction.pointers.iter().any(|(known, _)| known == pointer) {
                    checks.problem(
                        &place,
                        format!("\"{pointer}\" is named by two rules"),
                        "keep one of them",
                    );
                } else {
                    redaction.pointers.push((pointer.clone(), action));
                }
            }
        }
        _ => checks.problem(
            place,
            "needs exactly one of `columns`, `classification` and `pointers`",
            "split it into one [[redaction.rule]] for each",
        ),
    }
}

fn column(checks: &mut Checks<'_, '_>, name: &str, place: &Place) -> Option<&'static Column> {
    let Some(column) = EVENT_COLUMNS.iter().find(|column| column.name == name) else {
        let names: Vec<&str> = EVENT_COLUMNS.iter().map(|column| column.name).collect();
        let action = match nearest(name, &names) {
            Some(near) => format!("write \"{near}\""),
            None => "choose one that `trailhouse schema events` lists".to_owned(),
        };
        checks.problem(place, format!("\"{name}\" is not a column"), action);
        return None;
    };
    if let Some(why) = refusal(column) {
        checks.problem(
            place,
            format!("`{name}` cannot be redacted: {why}"),
            "remove it from this rule",
        );
        return None;
    }
    Some(column)
}

/// Why a column cannot be redacted, if so.
fn refusal(column: &Column) -> Option<&'static str> {
    if PARTS_OF_UID.contains(&column.name) {
        Some("it is a part of event_uid, which tells records apart")
    } else if column.kind != ColumnType::Text
        || (column.required && column.class == Classification::Public)
    {
        Some("the lake is built on it")
    } else {
        None
    }
}

/// What is wrong with a JSON pointer (RFC 6901, section 3), if anything.
fn wrong_pointer(pointer: &str) -> Option<(&'static str, &'static str)> {
    const FORM: &str = "write for example \"/appliedPatch\" or \"/detail/value\"";
    if pointer.is_empty() {
        return Some((
            "points at the whole record",
            "name the column `raw` in a rule of its own",
        ));
    }
    if !pointer.starts_with('/') {
        return Some((
            "is not a JSON pointer: it does not start with a slash",
            FORM,
        ));
    }
    let escapes = pointer.split('~').skip(1);
    if escapes
        .into_iter()
        .any(|after| !after.starts_with(['0', '1']))
    {
        return Some((
            "is not a JSON pointer: a tilde is not followed by 0 or 1",
            "write ~0 for a tilde and ~1 for a slash inside a name",
        ));
    }
    None
}

/// A column made from the record says again what `raw` says, so hiding the column alone may hide
/// nothing.
fn warn_about_raw(checks: &mut Checks<'_, '_>, place: &Place, redaction: &Redaction) {
    let covered = redaction.columns.contains_key("raw") || !redaction.pointers.is_empty();
    let hidden: Vec<&str> = redaction.columns.keys().copied().collect();
    if !covered && !hidden.is_empty() {
        checks.warn(
            place,
            format!(
                "`raw` may still hold what is hidden in {}",
                hidden.join(", ")
            ),
            "add a rule with pointers to the same values, or one for the column `raw`",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_follow_rfc_6901() {
        for pointer in ["/a", "/", "/a/0", "/a~1b/c~0d", "/ä ö"] {
            assert_eq!(wrong_pointer(pointer), None, "{pointer}");
        }
        for pointer in ["", "a", "$.a", "/a~", "/a~2", "#/a"] {
            assert!(wrong_pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn what_the_lake_is_built_on_cannot_be_redacted() {
        let free: Vec<&str> = EVENT_COLUMNS
            .iter()
            .filter(|column| refusal(column).is_none())
            .map(|column| column.name)
            .collect();
        assert_eq!(
            free,
            [
                "action",
                "outcome_code",
                "outcome_detail",
                "actor_uid",
                "actor_name",
                "actor_email",
                "actor_impersonated_by",
                "src_ip",
                "user_agent",
                "resource_type",
                "resource_uid",
                "resource_name",
                "namespace",
                "workflow",
                "execution_uid",
                "revision",
                "correlation_uid",
                "region",
                "account",
                "detail",
                "raw",
            ]
        );
    }
}
