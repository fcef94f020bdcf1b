//! Enterprise Edition 2.x: `filters[field][OPERATION]=value`, with groups
//! `filters[or][0][field][OPERATION]=value`. Everything that is not of this form is ignored,
//! parameters of the other dialect too, unless the platform was told to refuse those.

use super::super::record::Column;
use super::{Condition, DateOp, Refusal, TextOp, date, detail_equals};
use std::collections::BTreeMap;

/// Operations by name, in the order in which messages list them.
const OPERATIONS: [&str; 13] = [
    "EQUALS",
    "NOT_EQUALS",
    "GREATER_THAN",
    "LESS_THAN",
    "GREATER_THAN_OR_EQUAL_TO",
    "LESS_THAN_OR_EQUAL_TO",
    "IN",
    "NOT_IN",
    "STARTS_WITH",
    "ENDS_WITH",
    "CONTAINS",
    "REGEX",
    "PREFIX",
];

const NAMES: &[&str] = &[
    "EQUALS",
    "NOT_EQUALS",
    "CONTAINS",
    "STARTS_WITH",
    "ENDS_WITH",
    "REGEX",
    "IN",
    "NOT_IN",
    "PREFIX",
];
const IDS: &[&str] = &[
    "EQUALS",
    "NOT_EQUALS",
    "CONTAINS",
    "STARTS_WITH",
    "ENDS_WITH",
    "REGEX",
    "IN",
    "NOT_IN",
];
const EXECUTIONS: &[&str] = &[
    "EQUALS",
    "NOT_EQUALS",
    "CONTAINS",
    "STARTS_WITH",
    "ENDS_WITH",
    "IN",
    "NOT_IN",
];
const DATES: &[&str] = &[
    "GREATER_THAN_OR_EQUAL_TO",
    "GREATER_THAN",
    "LESS_THAN_OR_EQUAL_TO",
    "LESS_THAN",
    "EQUALS",
    "NOT_EQUALS",
];

/// What a field of the audit log filters, and the operations it takes.
const FIELDS: [(&str, Target, &[&str]); 11] = [
    ("q", Target::Free, &["EQUALS", "NOT_EQUALS"]),
    ("namespace", Target::Text(Column::Namespace), NAMES),
    ("flowId", Target::Text(Column::Flow), NAMES),
    ("executionId", Target::Text(Column::Execution), EXECUTIONS),
    ("id", Target::Text(Column::Id), IDS),
    ("userId", Target::Text(Column::UserId), &["EQUALS"]),
    ("action", Target::Text(Column::Action), IDS),
    ("resources", Target::Text(Column::Resource), &["IN"]),
    ("details", Target::Detail, &["EQUALS"]),
    // Both names mean the one date of a record.
    ("startDate", Target::Date, DATES),
    ("endDate", Target::Date, DATES),
];

/// Fields that other resources can be filtered by.
#[rustfmt::skip]
const FOREIGN: [&str; 46] = [
    "scope", "kind", "labels", "tags", "metadata", "flowRevision", "assetId", "type", "created",
    "updated", "expirationDate", "state", "status", "severity", "assignee", "email", "timeRange",
    "parentId", "triggerExecutionId", "triggerId", "triggerState", "taskId", "taskRunId",
    "attemptNumber", "childFilter", "workerId", "existingOnly", "level", "path", "parentPath",
    "version", "enabled", "username", "name", "groupList", "external_id", "expired_at",
    "instance_owner", "source", "locked", "lastTriggeredDate", "nextExecutionDate", "artifactId",
    "policyScope", "enforcement", "resource",
];

/// Groups may be nested this deep.
const DEEPEST: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Target {
    Free,
    Text(Column),
    Detail,
    Date,
}

pub(super) fn conditions(
    parameters: &[(String, String)],
    reject_legacy: bool,
) -> Result<Vec<Condition>, Refusal> {
    if reject_legacy {
        refuse_legacy(parameters)?;
    }
    let mut root = Node::default();
    for (name, value) in parameters {
        let Some(path) = path(name) else { continue };
        let Some((groups, field, operation, nested)) = split(&path) else {
            continue;
        };
        if groups.len() > DEEPEST {
            return Err(illegal(format!(
                "QueryFilter nesting depth exceeds maximum of {DEEPEST}"
            )));
        }
        let condition = condition(field, operation, nested.as_deref(), value)?;
        let mut node = &mut root;
        for group in groups {
            node = node.groups.entry(group).or_default();
        }
        node.conditions.push(condition);
    }
    Ok(root.into_conditions())
}

#[derive(Debug, Default)]
struct Node {
    conditions: Vec<Condition>,
    /// By logical operator (true is `or`) and index.
    groups: BTreeMap<(bool, u32), Node>,
}

impl Node {
    fn into_conditions(self) -> Vec<Condition> {
        let mut all = self.conditions;
        let (mut and, mut or) = (Vec::new(), Vec::new());
        for ((is_or, _), node) in self.groups {
            let branch = Condition::All(node.into_conditions());
            if is_or {
                or.push(branch)
            } else {
                and.push(branch)
            }
        }
        if !and.is_empty() {
            all.push(Condition::All(and));
        }
        if !or.is_empty() {
            all.push(Condition::Any(or));
        }
        all
    }
}

/// The bracketed segments of `filters[a][b]…`.
fn path(name: &str) -> Option<Vec<&str>> {
    let inner = name.strip_prefix("filters[")?.strip_suffix(']')?;
    Some(inner.split("][").collect())
}

type Split<'a> = (Vec<(bool, u32)>, &'a str, &'a str, Option<String>);

/// Groups, field, operation and the key inside a map; none where it is not a filter at all.
fn split<'a>(path: &[&'a str]) -> Option<Split<'a>> {
    let mut groups = Vec::new();
    let mut rest = path;
    while let [logical, index, tail @ ..] = rest {
        let is_or = logical.eq_ignore_ascii_case("or");
        let index = index.parse::<u32>();
        match index {
            Ok(index) if is_or || logical.eq_ignore_ascii_case("and") => {
                groups.push((is_or, index));
                rest = tail;
            }
            _ => break,
        }
    }
    match rest {
        [field, operation] => Some((groups, field, operation, None)),
        [field, operation, nested @ ..] if !nested.is_empty() => {
            Some((groups, field, operation, Some(nested.join("]["))))
        }
        _ => None,
    }
}

fn condition(
    field: &str,
    operation: &str,
    nested: Option<&str>,
    value: &str,
) -> Result<Condition, Refusal> {
    let known = FIELDS.iter().find(|(name, ..)| *name == field);
    if known.is_none() && !FOREIGN.contains(&field) {
        return Err(illegal(format!(
            "Unsupported enum value '{field}' for 'field'"
        )));
    }
    if !OPERATIONS.contains(&operation) {
        return Err(illegal(format!(
            "No enum constant io.kestra.core.models.QueryFilter.Op.{operation}"
        )));
    }
    let Some((_, target, operations)) = known else {
        return Err(invalid(format!(
            "Field {field} is not supported for resource AUDIT_LOG. Supported fields are {}",
            FIELDS.map(|(name, ..)| name).join(", ")
        )));
    };
    if !operations.contains(&operation) {
        return Err(invalid(format!(
            "Operation {operation} is not supported for field {field}. Supported operations are {}",
            operations.join(", ")
        )));
    }
    match target {
        Target::Date => Ok(Condition::Date(date_op(operation), date(field, value)?)),
        Target::Free => Ok(Condition::Free {
            needle: value.to_lowercase(),
            negated: operation == "NOT_EQUALS",
        }),
        Target::Detail => match nested {
            Some(key) => Ok(detail_equals(key, value)),
            None => Err(illegal("details needs a key".to_owned())),
        },
        Target::Text(column) => text(*column, operation, value),
    }
}

fn date_op(operation: &str) -> DateOp {
    match operation {
        "GREATER_THAN_OR_EQUAL_TO" => DateOp::AtLeast,
        "GREATER_THAN" => DateOp::Above,
        "LESS_THAN_OR_EQUAL_TO" => DateOp::AtMost,
        "LESS_THAN" => DateOp::Below,
        "NOT_EQUALS" => DateOp::NotEqual,
        _ => DateOp::Equal,
    }
}

fn text(column: Column, operation: &str, value: &str) -> Result<Condition, Refusal> {
    let one = || vec![value.to_owned()];
    // The platform takes lists with or without brackets.
    let list = || {
        let bare = value.replace(['[', ']'], "");
        bare.split(',').map(str::to_owned).collect::<Vec<_>>()
    };
    let (op, values) = match operation {
        "EQUALS" => (TextOp::In, one()),
        "NOT_EQUALS" => (TextOp::NotIn, one()),
        "IN" => (TextOp::In, list()),
        "NOT_IN" => (TextOp::NotIn, list()),
        "CONTAINS" => (TextOp::Contains, one()),
        "STARTS_WITH" => (TextOp::StartsWith, one()),
        "ENDS_WITH" => (TextOp::EndsWith, one()),
        "PREFIX" => (TextOp::Prefix, one()),
        other => {
            return Err(illegal(format!("the demo platform does not know {other}")));
        }
    };
    Ok(Condition::Text(column, op, values))
}

fn refuse_legacy(parameters: &[(String, String)]) -> Result<(), Refusal> {
    let legacy =
        |name: &&str| FIELDS.iter().any(|(field, ..)| field == name) || FOREIGN.contains(name);
    let mut found: Vec<&str> = parameters
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(legacy)
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
    use super::super::{Query, parse};
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
                "filters[startDate][GREATER_THAN]=1970-01-01T00:00:01Z",
                (1_000_000_001, i64::MAX),
            ),
            (
                "filters[endDate][LESS_THAN_OR_EQUAL_TO]=1970-01-01T00:00:01Z",
                (i64::MIN, 1_000_000_000),
            ),
            (
                "filters[startDate][LESS_THAN]=1970-01-01T00:00:01Z",
                (i64::MIN, 999_999_999),
            ),
            (
                "filters[endDate][EQUALS]=1970-01-01T00:00:01.5Z",
                (1_500_000_000, 1_500_000_000),
            ),
            (
                "filters%5BstartDate%5D%5BLESS_THAN%5D=1970-01-01T00:00Z&filters[endDate][GREATER_THAN]=1969-12-31T23:59:59.999999998Z",
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
                "filters[action][NOT_IN]=[LOGIN,LOGOUT]&filters[action][NOT_EQUALS]=READ",
                Ok(2),
            ),
            ("filters[resources][IN]=FLOW", Ok(1)),
            (
                "filters[namespace][PREFIX]=company&filters[flowId][STARTS_WITH]=load",
                Ok(2),
            ),
            ("filters[details][EQUALS][namespace]=company", Ok(1)),
            ("filters[startDate][NOT_EQUALS]=2026-01-01T00:00:00Z", Ok(1)),
            (
                "filters[or][0][action][EQUALS]=LOGIN&filters[or][1][and][0][action][EQUALS]=LOGOUT",
                Ok(1),
            ),
            ("filters[resources][EQUALS]=FLOW", Err(400)),
            ("filters[userId][IN]=a", Err(400)),
            ("filters[state][EQUALS]=RUNNING", Err(400)),
            ("filters[shoe][EQUALS]=x", Err(422)),
            ("filters[type][EQUALS]=LOGIN", Err(400)),
            ("filters[action][SOUNDS_LIKE]=x", Err(422)),
            ("filters[action][REGEX]=L.*", Err(422)),
            ("filters[startDate][LESS_THAN]=tomorrow", Err(422)),
            (
                "filters[and][0][or][0][and][0][or][0][id][EQUALS]=x",
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
