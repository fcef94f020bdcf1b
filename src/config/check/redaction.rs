//! Checks `[redaction]` and spreads its rules out: one for each column, class and pointer.

use super::Checks;
use crate::config::file::{ClassificationName, RedactionTable, RuleTable};
use crate::config::{RedactionConfig, SourceConfig};
use crate::event::redact::{self, RedactionAction, RedactionError, RedactionRule, RedactionTarget};
use crate::event::schema::{Classification, Column, EVENT_COLUMNS};
use crate::settings::problem::SettingPlace;
use crate::similar::nearest;
use crate::source::Mapping;
use crate::source::platform::{PLATFORMS, SourceTable};

/// Columns that `event_uid` repeats in readable form, so that hiding them would hide nothing.
const PARTS_OF_UID: [&str; 2] = ["native_id", "tenant"];

/// A platform by its name for people, and what its records are made of.
type Redactable<'a> = (&'static str, &'a dyn Mapping);

const REMOVE: &str = "remove it from this rule";

/// Checks the rules, also against each platform in `tables`, and the mappings that `sources` describe: one that can do nothing there would
/// leave its writer in the belief that something is hidden.
pub(super) fn check(
    checks: &mut Checks<'_, '_>,
    table: &RedactionTable,
    tables: &[SourceTable],
    sources: &[SourceConfig],
) -> Option<RedactionConfig> {
    let mut platforms: Vec<Redactable<'_>> = Vec::new();
    for profile in tables.iter().map(SourceTable::profile) {
        let Some(mapping) = profile.mapping else {
            continue;
        };
        if !platforms.iter().any(|(title, _)| *title == profile.title) {
            platforms.push((profile.title, mapping));
        }
    }
    for source in sources {
        let mapping = source.platform.mapping();
        let mut profiles = PLATFORMS.iter();
        let profile = profiles.find(|it| it.name == mapping.platform());
        if let Some(profile) = profile.filter(|it| it.profile.mapping.is_none()) {
            platforms.push((profile.profile.title, mapping));
        }
    }
    let place = SettingPlace::at("redaction");
    let before = checks.problems.len();
    let key_place = place.key("hmac_key");
    let hmac_key = match &table.hmac_key {
        Some(key) => checks.secret(key, &key_place),
        None => None,
    };
    let mut rules = Vec::new();
    for (index, rule) in table.rule.iter().enumerate() {
        let place = place.key("rule").index(index);
        self::rule(checks, rule, &place, &platforms, &mut rules);
    }
    let hashes = |rule: &RuleTable| rule.action == RedactionAction::Hmac;
    match (&table.hmac_key, table.rule.iter().any(hashes)) {
        (None, true) => checks.problem(
            &key_place,
            "is missing, but a rule has the action \"hmac\"",
            "add for example hmac_key = { env = \"TRAILHOUSE_REDACTION_KEY\" }",
        ),
        (Some(_), false) => checks.warn(&key_place, "is not used by any rule", "remove it"),
        _ => {}
    }
    (checks.problems.len() == before).then_some(RedactionConfig { hmac_key, rules })
}

/// Checks one table and adds a rule for each thing that it names.
fn rule(
    checks: &mut Checks<'_, '_>,
    table: &RuleTable,
    place: &SettingPlace,
    platforms: &[Redactable<'_>],
    rules: &mut Vec<RedactionRule>,
) {
    let targets: Vec<(SettingPlace, Option<RedactionTarget>)> =
        match (&table.columns, table.classification, &table.pointers) {
            (Some(names), None, None) => (names.iter().enumerate())
                .map(|(index, name)| {
                    let place = place.key("columns").index(index);
                    let target = column(checks, name, &place)
                        .map(|name| RedactionTarget::Column(name.to_owned()));
                    (place, target)
                })
                .collect(),
            (None, Some(class), None) => {
                let class = match class {
                    ClassificationName::Sensitive => Classification::Sensitive,
                    ClassificationName::Secret => Classification::Secret,
                };
                let target = RedactionTarget::Class(class);
                vec![(place.key("classification"), Some(target))]
            }
            (None, None, Some(pointers)) => (pointers.iter().enumerate())
                .map(|(index, pointer)| {
                    let place = place.key("pointers").index(index);
                    let target = pointer_to(checks, pointer, &place);
                    (place, target)
                })
                .collect(),
            _ => {
                checks.problem(
                    place,
                    "needs exactly one of `columns`, `classification` or `pointers`",
                    "split it into one [[redaction.rule]] for each",
                );
                return;
            }
        };
    for (place, target) in targets {
        let Some(target) = target else { continue };
        if let Some((what, action)) = cannot_apply(&target, platforms) {
            checks.problem(&place, what, action);
        } else if rules.iter().any(|rule| rule.target == target) {
            checks.problem(
                &place,
                "is in an earlier rule too",
                "remove it from one of them",
            );
        } else if checks.is_written(&place) {
            rules.push(RedactionRule {
                target,
                action: table.action,
            });
        }
    }
}

fn column(checks: &mut Checks<'_, '_>, name: &str, place: &SettingPlace) -> Option<&'static str> {
    let Some(column) = EVENT_COLUMNS.iter().find(|column| column.name == name) else {
        let names: Vec<&str> = EVENT_COLUMNS.iter().map(|column| column.name).collect();
        let action = match nearest(name, &names) {
            Some(near) => format!("write \"{near}\""),
            None => "choose one that `trailhouse schema events` lists".to_owned(),
        };
        checks.problem(place, format!("\"{name}\" is not a column"), action);
        return None;
    };
    if let Some((why, action)) = refusal(column) {
        checks.problem(place, format!("`{name}` cannot be redacted: {why}"), action);
        return None;
    }
    Some(column.name)
}

/// Why a rule cannot be applied to records of one of these platforms, if so, and what to do instead.
fn cannot_apply(
    target: &RedactionTarget,
    platforms: &[Redactable<'_>],
) -> Option<(String, &'static str)> {
    let rule = RedactionRule {
        target: target.clone(),
        action: RedactionAction::Drop,
    };
    let subject = match target {
        RedactionTarget::Column(name) => format!("`{name}` "),
        RedactionTarget::Class(_) | RedactionTarget::Pointer(_) => String::new(),
    };
    platforms.iter().find_map(|(name, mapping)| {
        match redact::Redaction::compile(std::slice::from_ref(&rule), mapping.origins(), None) {
            Ok(_) => None,
            Err(RedactionError::Identity { identity, .. }) => Some((
                format!(
                    "{subject}reaches `{identity}`, by which events of {name} are identified and filed"
                ),
                REMOVE,
            )),
            Err(RedactionError::Nothing(_)) => Some((
                format!("{subject}is never filled from records of {name}: the rule would have no effect"),
                "remove it, or name the places in the record with `pointers`",
            )),
            Err(error) => Some((error.to_string(), REMOVE)),
        }
    })
}

/// Why a column cannot be redacted, if so, and what to do instead.
fn refusal(column: &Column) -> Option<(&'static str, &'static str)> {
    if column.name == "raw" {
        let instead = "name places in it with `pointers`, such as \"/appliedPatch\"";
        Some(("it is the record", instead))
    } else if PARTS_OF_UID.contains(&column.name) {
        Some(("it is part of event_uid, which identifies records", REMOVE))
    } else if column.required {
        Some(("the lake is built on it", REMOVE))
    } else {
        None
    }
}

fn pointer_to(
    checks: &mut Checks<'_, '_>,
    pointer: &str,
    place: &SettingPlace,
) -> Option<RedactionTarget> {
    if let Some((what, action)) = wrong_pointer(pointer) {
        checks.problem(place, what, action);
        return None;
    }
    Some(RedactionTarget::Pointer(pointer.to_owned()))
}

/// What is wrong with a JSON pointer (RFC 6901, section 3), if anything.
fn wrong_pointer(pointer: &str) -> Option<(&'static str, &'static str)> {
    const FORM: &str = "write for example \"/appliedPatch\" or \"/detail/value\"";
    if pointer.is_empty() {
        return Some((
            "points to the whole record",
            "name places in it, such as \"/appliedPatch\"",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_follow_rfc_6901() {
        for pointer in ["/a", "/", "/a/0", "/a~1b/c~0d", "/ä ö", "/a/*/b"] {
            assert_eq!(wrong_pointer(pointer), None, "{pointer}");
        }
        for pointer in ["", "a", "$.a", "/a~", "/a~2", "#/a"] {
            assert!(wrong_pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn what_the_lake_is_built_on_and_what_kestra_has_not_cannot_be_redacted() {
        let platforms: [Redactable; 1] =
            [("Kestra", &crate::source::platform::kestra::KestraMapping)];
        let free: Vec<&str> = EVENT_COLUMNS
            .iter()
            .filter(|column| refusal(column).is_none())
            .map(|column| column.name)
            .filter(|name| {
                cannot_apply(&RedactionTarget::Column((*name).to_owned()), &platforms).is_none()
            })
            .collect();
        assert_eq!(
            free,
            [
                "actor_uid",
                "actor_name",
                "actor_email",
                "actor_impersonated_by",
                "src_ip",
                "resource_type",
                "resource_uid",
                "namespace",
                "workflow",
                "execution_uid",
                "revision",
                "detail",
            ]
        );
        for class in [Classification::Sensitive, Classification::Secret] {
            assert!(cannot_apply(&RedactionTarget::Class(class), &platforms).is_none());
        }
    }
}
