//! Rules that cannot do anything, and names that nobody knows.

use crate::ledger::entry::FileEntry;
use crate::ledger::state::State;
use crate::policy::{Policy, Rule};
use schemars::JsonSchema;
use serde::Serialize;

/// A rule that has no effect or names something unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RuleFinding {
    /// Name of the rule.
    pub rule: String,
    /// Whether the rule has no effect at all at present.
    pub idle: bool,
    /// What is wrong with the rule, in words.
    pub finding: String,
}

/// Sources of a list that neither the configuration nor the ledger knows.
pub fn unknown_sources<'n>(
    names: &'n [String],
    configured: &[&str],
    state: &State,
) -> Vec<&'n str> {
    let known = |name: &str| configured.contains(&name) || state.sources.contains_key(name);
    let names = names.iter().map(String::as_str);
    names.filter(|name| !known(name)).collect()
}

/// Rules that cannot do anything on a lake, and rules with names that nobody knows. A rule that decides
/// over any live file is never called idle, nor is one that merely has no files yet.
pub fn rule_findings(policy: &Policy, state: &State) -> Vec<RuleFinding> {
    let mut decides = vec![false; policy.rules.len()];
    let mut unclear_tenant = decides.clone();
    for live in state.live_files() {
        let file = &live.file;
        let subject = file.subject();
        if let Some(rule) = policy.verdict(&subject).rule {
            decides[rule] = true;
        }
        for (number, rule) in policy.rules.iter().enumerate() {
            unclear_tenant[number] |= !unclear_tenant[number]
                && !rule.conditions.tenant.is_empty()
                && subject.tenant.is_none()
                && policy.may_be_about_but_for_tenant(rule, &subject)
                && rule.conditions.tenant.iter().any(|it| may_have(file, it));
        }
    }
    let mut findings = Vec::new();
    for (number, rule) in policy.rules.iter().enumerate() {
        let mut found = |idle: bool, finding: String| {
            findings.push(RuleFinding {
                rule: rule.name.clone(),
                idle: idle && !decides[number],
                finding,
            });
        };
        for (all, names, kind) in unknown_names(policy, rule, state) {
            let names = names.join(", ");
            found(
                all,
                format!(
                    "it names {kind} {names}, found in neither the configuration nor the ledger"
                ),
            );
        }
        if decides[number] {
            continue;
        }
        let before = policy.rules[..number].iter();
        let mut before = before.filter(|other| other.conditions.cover(&rule.conditions));
        if let Some(other) = before.next() {
            found(
                true,
                format!(
                    "the earlier rule {} covers everything that it covers",
                    other.name
                ),
            );
        }
        if unclear_tenant[number] {
            found(
                true,
                "the files that it could cover hold records of several tenants, or do not state a \
                 tenant: they are kept as long as the longest rule that could cover them says"
                    .to_owned(),
            );
        }
    }
    findings
}

/// Names of a rule that nobody knows, by kind, and whether they are all of that kind.
fn unknown_names<'r>(
    policy: &'r Policy,
    rule: &'r Rule,
    state: &'r State,
) -> Vec<(bool, Vec<&'r str>, &'static str)> {
    let conditions = &rule.conditions;
    let configured: Vec<&str> = policy.platforms.keys().map(String::as_str).collect();
    let sources = unknown_sources(&conditions.source, &configured, state);
    let every_platform_is_known = state
        .sources
        .keys()
        .all(|source| policy.platforms.contains_key(source));
    let platforms = conditions.platform.iter().map(String::as_str);
    let platforms: Vec<&str> = platforms
        .filter(|name| {
            every_platform_is_known && policy.platforms.values().all(|known| known != name)
        })
        .collect();
    let tenants = conditions.tenant.iter().map(String::as_str);
    let tenants: Vec<&str> = tenants
        .filter(|name| !tenant_is_known(state, name))
        .collect();
    [
        (&conditions.source, sources, "source"),
        (&conditions.platform, platforms, "platform"),
        (&conditions.tenant, tenants, "tenant"),
    ]
    .into_iter()
    .filter(|(_, unknown, _)| !unknown.is_empty())
    .map(|(named, unknown, kind)| (unknown.len() == named.len(), unknown, kind))
    .collect()
}

/// Whether anything has been read of a tenant, or may have been. Before anything is read every tenant may
/// come.
fn tenant_is_known(state: &State, tenant: &str) -> bool {
    let mut feeds = state
        .sources
        .values()
        .flat_map(|source| source.feeds.keys());
    let mut files = state.live_files().peekable();
    files.peek().is_none()
        || feeds.any(|name| name == tenant)
        || files.any(|live| may_have(&live.file, tenant))
}

/// Whether a file may have rows of a tenant, as far as it says.
fn may_have(file: &FileEntry, tenant: &str) -> bool {
    let range = file.statistics.range("tenant");
    let bounds = range.and_then(|range| range.min.zip(range.max));
    bounds.is_none_or(|(min, max)| min <= tenant && tenant <= max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::layout::Table;
    use crate::ledger::digest::Digest;
    use crate::ledger::entry::StatedStatistics;
    use crate::ledger::state::{LiveFile, SourceState};
    use crate::policy::Conditions;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// A lake of one source, `a`, whose files have tenants between these.
    fn lake(tenants: &[(&str, &str)]) -> State {
        let mut state = State::empty();
        state.sources.insert("a".to_owned(), SourceState::default());
        for (number, (min, max)) in tenants.iter().enumerate() {
            let statistics: StatedStatistics = serde_json::from_value(serde_json::json!({
                "kept_bytes": 1,
                "columns": { "tenant": { "min": min, "max": max, "nulls": 0 } },
            }))
            .unwrap();
            let file = FileEntry {
                path: number.to_string().into(),
                table: Table::Events,
                date: "2026-01-01".parse().unwrap(),
                category: Some("execution".into()),
                source: "a".into(),
                bytes: 1,
                sha256: Digest::of(b"file"),
                md5: None,
                rows: 1,
                times: None,
                records_root: Digest::of(b"root"),
                statistics,
            };
            let files = state.files.entry(file.date).or_default();
            files.push(LiveFile { sequence: 1, file });
        }
        state
    }

    fn policy(rules: Vec<Conditions>) -> Policy {
        let rules = rules
            .into_iter()
            .enumerate()
            .map(|(number, conditions)| Rule {
                name: format!("r{number}"),
                conditions,
                keep: "30d".parse().unwrap(),
            });
        Policy {
            rules: rules.collect(),
            default: "400d".parse().unwrap(),
            platforms: [("a".to_owned(), "kestra".to_owned())].into(),
        }
    }

    fn of_tenant(tenant: &str) -> Conditions {
        Conditions {
            tenant: words(&[tenant]),
            ..Conditions::default()
        }
    }

    fn of_category(category: &str) -> Conditions {
        Conditions {
            category: words(&[category]),
            ..Conditions::default()
        }
    }

    fn of_source(sources: &[&str]) -> Conditions {
        Conditions {
            source: words(sources),
            ..Conditions::default()
        }
    }

    #[test]
    fn a_rule_that_cannot_do_anything_is_named_with_the_reason() {
        let mixed = [("finance", "main")];
        let apart = [("finance", "finance"), ("main", "main")];
        for (what, rules, tenants, found) in [
            (
                "several tenants",
                vec![of_tenant("finance")],
                &mixed[..],
                Some("several tenants"),
            ),
            ("a tenant apart", vec![of_tenant("finance")], &apart, None),
            (
                "no such tenant",
                vec![of_tenant("sales")],
                &apart,
                Some("tenant sales"),
            ),
            ("nothing read yet", vec![of_tenant("sales")], &[], None),
            (
                "no such source",
                vec![of_source(&["b"])],
                &apart,
                Some("source b"),
            ),
            (
                "none of its records yet",
                vec![of_category("data_access")],
                &apart,
                None,
            ),
            (
                "behind another",
                vec![of_category("execution"), of_category("execution")],
                &apart,
                Some("the earlier rule r0"),
            ),
            (
                "no such platform",
                vec![Conditions {
                    platform: words(&["airflow"]),
                    ..Conditions::default()
                }],
                &apart,
                Some("platform airflow"),
            ),
        ] {
            let findings = rule_findings(&policy(rules), &lake(tenants));
            let said: Vec<&str> = findings.iter().map(|it| it.finding.as_str()).collect();
            match found {
                Some(found) => {
                    assert!(said.iter().any(|it| it.contains(found)), "{what}: {said:?}");
                    assert!(findings.iter().all(|it| it.idle), "{what}: {findings:?}");
                }
                None => assert!(said.is_empty(), "{what}: {said:?}"),
            }
        }
    }

    #[test]
    fn a_rule_that_does_something_is_not_idle_whatever_else_it_names() {
        let state = lake(&[("main", "main")]);
        let findings = rule_findings(&policy(vec![of_source(&["a", "b"])]), &state);
        assert_eq!(findings.len(), 1);
        assert!(!findings[0].idle && findings[0].finding.contains("source b"));
    }

    #[test]
    fn a_source_is_known_by_the_configuration_or_the_ledger() {
        let names = words(&["a", "b", "c"]);
        assert_eq!(unknown_sources(&names, &["b"], &lake(&[])), ["c"]);
    }
}
