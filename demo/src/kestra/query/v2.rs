//! Enterprise Edition 2.x: `filters[field][OPERATION]=value`, and alternatives
//! `filters[or][0][field][OPERATION]=value`. Everything that is not of this form is ignored,
//! parameters of the other dialect too, unless the platform was told to refuse those.

use super::super::record::Column;
use super::{Condition, Query, Refusal, date};
use std::collections::BTreeMap;

/// What a field of the audit log filters, and the operations it takes here.
const FIELDS: [(&str, Target, &[&str]); 8] = [
    (
        "namespace",
        Target::Text(Column::Namespace),
        &["EQUALS", "PREFIX"],
    ),
    ("id", Target::Text(Column::Id), &["EQUALS"]),
    ("userId", Target::Text(Column::UserId), &["EQUALS"]),
    ("action", Target::Text(Column::Action), &["EQUALS", "IN"]),
    ("resources", Target::Text(Column::Resource), &["IN"]),
    ("details", Target::Detail, &["EQUALS"]),
    // Both names mean the one date of a record.
    ("startDate", Target::Date, DATES),
    ("endDate", Target::Date, DATES),
];

const DATES: &[&str] = &["GREATER_THAN_OR_EQUAL_TO", "LESS_THAN"];

/// Parameters of the other dialect that releases since August 2026 refuse.
const LEGACY: [&str; 11] = [
    "q",
    "namespace",
    "flowId",
    "executionId",
    "id",
    "userId",
    "type",
    "resources",
    "details",
    "startDate",
    "endDate",
];

#[derive(Debug, Clone, Copy)]
enum Target {
    Text(Column),
    Detail,
    Date,
}

pub(super) fn filter(
    parameters: &[(String, String)],
    reject_legacy: bool,
    query: &mut Query,
) -> Result<(), Refusal> {
    if reject_legacy {
        refuse_legacy(parameters)?;
    }
    let mut alternatives: BTreeMap<&str, Vec<Condition>> = BTreeMap::new();
    for (name, value) in parameters {
        let Some(path) = path(name) else { continue };
        match path[..] {
            ["or", index, field, operation] if is_index(index) => {
                let condition = condition(field, operation, None, value)?;
                alternatives.entry(index).or_default().push(condition);
            }
            ["or" | "and", index, ..] if is_index(index) => {
                return Err(illegal(format!("Unsupported group '{name}'")));
            }
            [field @ ("startDate" | "endDate"), operation] => {
                narrow(query, field, operation, value)?;
            }
            [field, operation] => {
                query
                    .conditions
                    .push(condition(field, operation, None, value)?);
            }
            [field, operation, key] => {
                query
                    .conditions
                    .push(condition(field, operation, Some(key), value)?);
            }
            _ => {}
        }
    }
    // An alternative of several conditions is one that no client sends.
    if alternatives.values().any(|all| all.len() > 1) {
        return Err(illegal("Unsupported group of several filters".to_owned()));
    }
    if !alternatives.is_empty() {
        let any = alternatives.into_values().flatten().collect();
        query.conditions.push(Condition::Any(any));
    }
    Ok(())
}

/// The bracketed segments of `filters[a][b]…`.
fn path(name: &str) -> Option<Vec<&str>> {
    let inner = name.strip_prefix("filters[")?.strip_suffix(']')?;
    Some(inner.split("][").collect())
}

fn is_index(text: &str) -> bool {
    text.parse::<u32>().is_ok()
}

/// What the field filters, if it takes this operation.
fn target(field: &str, operation: &str) -> Result<Target, Refusal> {
    let known = FIELDS.iter().find(|(name, ..)| *name == field);
    let Some((_, target, operations)) = known else {
        return Err(illegal(format!(
            "Unsupported enum value '{field}' for 'field'"
        )));
    };
    if !operations.contains(&operation) {
        return Err(invalid(format!(
            "Operation {operation} is not supported for field {field}. Supported operations are {}",
            operations.join(", ")
        )));
    }
    Ok(*target)
}

fn narrow(query: &mut Query, field: &str, operation: &str, value: &str) -> Result<(), Refusal> {
    target(field, operation)?;
    let at = date(field, value)?;
    if operation == "LESS_THAN" {
        query.to = query.to.min(at.saturating_sub(1));
    } else {
        query.from = query.from.max(at);
    }
    Ok(())
}

fn condition(
    field: &str,
    operation: &str,
    key: Option<&str>,
    value: &str,
) -> Result<Condition, Refusal> {
    match (target(field, operation)?, key) {
        (Target::Detail, Some("namespace")) => Ok(Condition::equals(Column::Namespace, value)),
        // A field that the platform does not index matches nothing.
        (Target::Detail, Some(_)) => Ok(Condition::Never),
        (Target::Detail, None) => Err(illegal("details needs a key".to_owned())),
        (Target::Text(column), None) => Ok(match operation {
            "PREFIX" => Condition::Below(column, value.to_owned()),
            // The platform takes lists with or without brackets.
            "IN" => {
                let bare = value.replace(['[', ']'], "");
                Condition::In(column, bare.split(',').map(str::to_owned).collect())
            }
            _ => Condition::equals(column, value),
        }),
        (Target::Text(_), Some(_)) | (Target::Date, _) => {
            Err(illegal(format!("Unsupported filter on '{field}'")))
        }
    }
}

fn refuse_legacy(parameters: &[(String, String)]) -> Result<(), Refusal> {
    let mut found: Vec<&str> = parameters
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| LEGACY.contains(name))
        .collect();
    found.sort_unstable();
    found.dedup();
    match found.first() {
        None => Ok(()),
        Some(first) => Err(illegal(format!(
            "Legacy filter parameter(s) [{}] are no longer supported and would have been silently ignored. Use the bracket format instead, e.g. filters[{first}][EQUALS]=value.",
            found.join(", ")
        ))),
    }
}

fn illegal(message: String) -> Refusal {
    Refusal::new(422, format!("Illegal argument: {message}"))
}

fn invalid(message: String) -> Refusal {
    Refusal::new(400, format!("Invalid query filters: {message}"))
}

#[cfg(test)]
mod tests {
    use super::super::super::generate::World;
    use super::super::super::options::Options;
    use super::super::parse;
    use super::*;

    fn read(query: &str) -> Result<Query, Refusal> {
        parse(&World::new(&Options::default(), 0), query, false)
    }

    #[test]
    fn dates_become_bounds() {
        for (query, bounds) in [
            (
                "filters[startDate][GREATER_THAN_OR_EQUAL_TO]=1970-01-01T00:00:01Z",
                (1_000_000_000, i64::MAX),
            ),
            (
                "filters[startDate][LESS_THAN]=1970-01-01T00:00:01Z",
                (i64::MIN, 999_999_999),
            ),
            (
                "filters%5BstartDate%5D%5BLESS_THAN%5D=1970-01-01T00:00Z&filters[endDate][GREATER_THAN_OR_EQUAL_TO]=1969-12-31T23:59:59.999999999Z",
                (-1, -1),
            ),
        ] {
            let read = read(query).unwrap();
            assert_eq!((read.from, read.to), bounds, "{query}");
            assert!(read.conditions.is_empty());
        }
    }

    #[test]
    fn filters_are_read_or_refused() {
        for (query, expected) in [
            ("filters[action][IN]=LOGIN,LOGOUT", Ok(1)),
            (
                "filters[action][IN]=[LOGIN,LOGOUT]&filters[action][EQUALS]=LOGIN",
                Ok(2),
            ),
            ("filters[resources][IN]=FLOW", Ok(1)),
            ("filters[namespace][PREFIX]=company", Ok(1)),
            ("filters[details][EQUALS][namespace]=company", Ok(1)),
            (
                "filters[or][0][action][EQUALS]=LOGIN&filters[or][1][namespace][EQUALS]=company",
                Ok(1),
            ),
            ("filters[startDate][EQUALS]=2026-01-01T00:00:00Z", Err(400)),
            ("filters[action][NOT_IN]=LOGIN", Err(400)),
            ("filters[resources][EQUALS]=FLOW", Err(400)),
            ("filters[userId][IN]=a", Err(400)),
            ("filters[action][SOUNDS_LIKE]=x", Err(400)),
            ("filters[flowId][EQUALS]=x", Err(422)),
            ("filters[shoe][EQUALS]=x", Err(422)),
            ("filters[details][EQUALS]=x", Err(422)),
            ("filters[startDate][LESS_THAN]=tomorrow", Err(422)),
            ("filters[and][0][action][EQUALS]=x", Err(422)),
            ("filters[or][0][and][0][id][EQUALS]=x", Err(422)),
            (
                "filters[or][0][action][EQUALS]=x&filters[or][0][id][EQUALS]=y",
                Err(422),
            ),
            // The trap: what is not of the form is ignored without a word.
            (
                "startDate=2026-01-01T00:00:00Z&resources=FLOW&type=NOPE",
                Ok(0),
            ),
            ("filters[startDate]=2026-01-01T00:00:00Z", Ok(0)),
            ("filter[startDate][LESS_THAN]=2026-01-01T00:00:00Z", Ok(0)),
        ] {
            let read = read(query)
                .map(|read| read.conditions.len())
                .map_err(|refusal| refusal.status);
            assert_eq!(read, expected, "{query}");
        }
    }

    #[test]
    fn legacy_parameters_are_refused_where_the_release_does() {
        let world = World::new(&Options::default(), 0);
        let refusal = parse(&world, "startDate=x&page=1", true).unwrap_err();
        assert_eq!(refusal.status, 422);
        assert!(
            refusal
                .message
                .contains("[startDate] are no longer supported")
        );
        assert!(parse(&world, "page=1&size=5&sort=date:asc", true).is_ok());
    }
}
