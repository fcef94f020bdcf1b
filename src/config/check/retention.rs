//! Checks `[retention]`.

use super::Checks;
use crate::config::SourceConfig;
use crate::config::file::{KeepText, MatchTable, RetentionTable};
use crate::policy::{CATEGORIES, Conditions, Keep, Policy, Rule, is_known_category};
use crate::settings::problem::SettingPlace;
use crate::similar::{did_you_mean, nearest, similar};
use crate::source::Tenant;
use crate::source::platform::PLATFORMS;

pub(super) fn check(
    checks: &mut Checks<'_, '_>,
    table: &RetentionTable,
    sources: &[SourceConfig],
) -> Option<Policy> {
    let place = SettingPlace::at("retention");
    let default = keep(checks, &table.default, &place.key("default"));
    let mut rules = Vec::with_capacity(table.rule.len());
    let mut names: Vec<String> = Vec::new();
    for (index, rule) in table.rule.iter().enumerate() {
        let place = place.key("rule").index(index);
        let name = rule
            .name
            .clone()
            .unwrap_or_else(|| format!("rule {}", index + 1));
        let name_place = place.key("name");
        if name == "default" {
            checks.problem(
                &name_place,
                "is the name of the default of [retention]",
                "choose another name",
            );
        } else if checks.is_written(&name_place) {
            if names.contains(&name) {
                checks.problem(
                    &name_place,
                    "is the name of an earlier rule",
                    "give each rule its own name",
                );
            }
            names.push(name.clone());
        }
        let kept = keep(checks, &rule.keep, &place.key("keep"));
        let conditions = conditions(checks, &rule.r#match, &place.key("match"), sources);
        rules.push(kept.zip(conditions).map(|(keep, conditions)| Rule {
            name,
            conditions,
            keep,
        }));
    }
    let platforms = sources.iter().map(|source| {
        (
            source.id.clone(),
            source.platform.mapping().platform().to_owned(),
        )
    });
    Some(Policy {
        rules: rules.into_iter().collect::<Option<Vec<Rule>>>()?,
        default: default?,
        platforms: platforms.collect(),
    })
}

fn keep(checks: &mut Checks<'_, '_>, text: &KeepText, place: &SettingPlace) -> Option<Keep> {
    match text.0.parse() {
        Ok(keep) => Some(keep),
        Err(error) => {
            checks.problem(
                place,
                format!("\"{}\" is not a retention period: {error}", text.0),
                "write for example \"90d\", \"18mo\", \"7y\" or \"forever\"",
            );
            None
        }
    }
}

/// The tenants that a source reads; `None` where it reads all.
fn tenants_of(source: &SourceConfig) -> Option<Vec<String>> {
    let tenants = source.platform.tenants().into_iter();
    tenants
        .map(|tenant| match tenant {
            Tenant::Named(name) => Some(name),
            Tenant::All => None,
        })
        .collect()
}

fn conditions(
    checks: &mut Checks<'_, '_>,
    table: &MatchTable,
    place: &SettingPlace,
    sources: &[SourceConfig],
) -> Option<Conditions> {
    let before = checks.problems.len();
    let lists = [
        &table.category,
        &table.platform,
        &table.source,
        &table.tenant,
    ];
    if lists.iter().all(|list| list.is_empty()) {
        checks.problem(
            place,
            "has no conditions, so the rule would apply to everything",
            "set `default` of [retention] instead",
        );
    }
    for (index, name) in table.category.iter().enumerate() {
        if !is_known_category(name) {
            checks.problem(
                &place.key("category").index(index),
                format!("`{name}` is not a category that a rule can name"),
                did_you_mean(&similar(name, &CATEGORIES)).unwrap_or_else(|| {
                    format!(
                        "use one of: {}; records of any other category are kept as long as the longest \
                         rule that could apply to them",
                        CATEGORIES.join(", ")
                    )
                }),
            );
        }
    }
    for (index, name) in table.platform.iter().enumerate() {
        if PLATFORMS.iter().all(|platform| platform.name != name) {
            let names = PLATFORMS.iter().map(|platform| platform.name);
            let quoted: Vec<String> = names.map(|it| format!("\"{it}\"")).collect();
            checks.problem(
                &place.key("platform").index(index),
                format!("`{name}` is not a platform that trailhouse reads"),
                format!("write {}", quoted.join(" or ")),
            );
        }
    }
    let ids: Vec<&str> = sources.iter().map(|source| source.id.as_str()).collect();
    for (index, id) in table.source.iter().enumerate() {
        if sources.iter().all(|source| source.id != *id) {
            checks.warn(
                &place.key("source").index(index),
                format!("`{id}` is not configured as a source"),
                match nearest(id, &ids) {
                    Some(near) => format!(
                        "write \"{near}\", or keep it if the lake has older records of `{id}`"
                    ),
                    None => {
                        "keep it if the lake has older records of it, or fix the name".to_owned()
                    }
                },
            );
        }
    }
    let named: Option<Vec<String>> = sources
        .iter()
        .map(tenants_of)
        .collect::<Option<Vec<_>>>()
        .map(|it| it.concat());
    for (index, name) in table.tenant.iter().enumerate() {
        if named.as_ref().is_some_and(|named| !named.contains(name)) {
            checks.warn(
                &place.key("tenant").index(index),
                format!("no source reads the tenant `{name}`"),
                "keep it if the lake has older records of it, or fix the name",
            );
        }
    }
    (checks.problems.len() == before).then(|| Conditions {
        category: table.category.clone(),
        platform: table.platform.clone(),
        source: table.source.clone(),
        tenant: table.tenant.clone(),
    })
}
