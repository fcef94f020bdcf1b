//! Checks the description of columns.

use super::places::pointer_at;
use super::tables::{ColumnRule, ColumnTable, DescribedValue};
use crate::event::{ActorType, Category, Outcome};
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::similar::nearest;
use crate::source::platform::http::mapping::{COLUMNS, ColumnSource, DescribedColumn, is_value_of};
use std::collections::BTreeMap;

/// Checks all columns; `None` where a problem was reported.
pub(super) fn check(
    checks: &mut Checks<'_, '_>,
    columns: &BTreeMap<String, ColumnTable>,
    place: &SettingPlace,
) -> Option<Vec<DescribedColumn>> {
    let described: Vec<Option<DescribedColumn>> = columns
        .iter()
        .map(|(name, table)| column(checks, name, table, &place.key(name)))
        .collect();
    described.into_iter().collect()
}

fn column(
    checks: &mut Checks<'_, '_>,
    name: &str,
    table: &ColumnTable,
    place: &SettingPlace,
) -> Option<DescribedColumn> {
    let Some(known) = COLUMNS.into_iter().find(|known| *known == name) else {
        let action = match (name, nearest(name, &COLUMNS)) {
            ("native_id" | "event_time" | "event_time_text" | "tenant", _) => {
                "remove it; `id`, `time` and `tenant` of [source.records] fill it".to_owned()
            }
            (_, Some(near)) => format!("write `{near}`"),
            _ => format!("write one of: {}", COLUMNS.join(", ")),
        };
        checks.problem(place, "is not a column that can be described", action);
        return None;
    };
    let sources = match table {
        ColumnTable::Pointer(pointer) => vec![Some(ColumnSource::Place {
            place: pointer_at(checks, pointer, place)?,
            table: None,
            otherwise: None,
        })],
        ColumnTable::Rule(rule) => vec![source(checks, known, rule, place)],
        ColumnTable::First(rules) => rules
            .iter()
            .enumerate()
            .map(|(index, rule)| source(checks, known, rule, &place.index(index)))
            .collect(),
    };
    Some(DescribedColumn {
        name: known,
        sources: sources.into_iter().collect::<Option<_>>()?,
    })
}

fn source(
    checks: &mut Checks<'_, '_>,
    column: &str,
    rule: &ColumnRule,
    place: &SettingPlace,
) -> Option<ColumnSource> {
    match (&rule.pointer, &rule.value) {
        (Some(pointer), None) => {
            let at = pointer_at(checks, pointer, &place.key("pointer"));
            let table = rule.map.as_ref().map(|map| {
                let place = place.key("map");
                let rows = map.iter().map(|(from, to)| {
                    let to = value(checks, column, to, &place.key(from))?;
                    Some((from.clone(), to))
                });
                let rows: Vec<Option<(String, String)>> = rows.collect();
                rows.into_iter().collect::<Option<BTreeMap<_, _>>>()
            });
            let otherwise = rule.otherwise.as_ref();
            let otherwise = otherwise.map(|it| value(checks, column, it, &place.key("otherwise")));
            Some(ColumnSource::Place {
                place: at?,
                table: match table {
                    Some(table) => Some(table?),
                    None => None,
                },
                otherwise: match otherwise {
                    Some(otherwise) => Some(otherwise?),
                    None => None,
                },
            })
        }
        (None, Some(constant)) if rule.map.is_none() && rule.otherwise.is_none() => {
            let constant = value(checks, column, constant, &place.key("value"))?;
            Some(ColumnSource::Constant(constant))
        }
        _ => {
            checks.problem(
                place,
                "needs either a `pointer`, perhaps with `map` and `otherwise`, or a `value`",
                "write for example { pointer = \"/type\", map = { CREATE = \"Create\" } }",
            );
            None
        }
    }
}

/// A value that its column takes.
fn value(
    checks: &mut Checks<'_, '_>,
    column: &str,
    value: &DescribedValue,
    place: &SettingPlace,
) -> Option<String> {
    let value = value.text();
    if is_value_of(column, &value) {
        return Some(value);
    }
    let action = match column {
        "category" => format!(
            "write one of: {}",
            Category::ALL.map(Category::name).join(", ")
        ),
        "outcome" => {
            let all = [Outcome::Success, Outcome::Failure, Outcome::Unknown];
            format!("write one of: {}", all.map(Outcome::name).join(", "))
        }
        "actor_type" => {
            let all = [
                ActorType::User,
                ActorType::Service,
                ActorType::System,
                ActorType::Unknown,
            ];
            format!("write one of: {}", all.map(ActorType::name).join(", "))
        }
        "detail" => "write the JSON pointer of an object in the record".to_owned(),
        _ => "write a whole number from 0".to_owned(),
    };
    checks.problem(place, format!("is not a value of `{column}`"), action);
    None
}
