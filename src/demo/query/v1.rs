//! Enterprise Edition up to 1.3: flat parameters. Parameters of the other dialect are unknown
//! here and, like all unknown ones, ignored.

use super::super::generate::World;
use super::super::record::Column;
use super::{Condition, DateOp, Refusal, TextOp, date, detail_equals};

pub(super) fn conditions(
    world: &World,
    parameters: &[(String, String)],
) -> Result<Vec<Condition>, Refusal> {
    let mut all = Vec::new();
    let mut resources = Vec::new();
    for (name, value) in parameters {
        let one = |column, op| Condition::Text(column, op, vec![value.clone()]);
        match name.as_str() {
            // A closed interval: both edges are inside.
            "startDate" => all.push(Condition::Date(DateOp::AtLeast, date(name, value)?)),
            "endDate" => all.push(Condition::Date(DateOp::AtMost, date(name, value)?)),
            "namespace" => all.push(one(Column::Namespace, TextOp::Prefix)),
            "flowId" => all.push(one(Column::Flow, TextOp::In)),
            "executionId" => all.push(one(Column::Execution, TextOp::In)),
            "userId" => all.push(one(Column::UserId, TextOp::In)),
            "id" => all.push(one(Column::Id, TextOp::In)),
            "type" => all.push(Condition::Text(
                Column::Action,
                TextOp::In,
                vec![known(world, name, value)?],
            )),
            "resources" => {
                for resource in value.split(',') {
                    resources.push(known(world, name, resource)?);
                }
            }
            "q" => all.push(Condition::Free {
                needle: value.to_lowercase(),
                negated: false,
            }),
            "details" => match value.split_once(':') {
                Some((field, value)) => all.push(detail_equals(field, value)),
                None => return Err(Refusal::conversion(name, value)),
            },
            _ => {
                let field = name
                    .strip_prefix("details[")
                    .and_then(|rest| rest.strip_suffix(']'));
                all.extend(field.map(|field| detail_equals(field, value)));
            }
        }
    }
    if !resources.is_empty() {
        all.push(Condition::Text(Column::Resource, TextOp::In, resources));
    }
    Ok(all)
}

/// A value of a closed enum.
fn known(world: &World, parameter: &str, value: &str) -> Result<String, Refusal> {
    if world.knows(value) {
        Ok(value.to_owned())
    } else {
        Err(Refusal::conversion(parameter, value))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::options::{Dialect, Options};
    use super::super::{Query, parse};
    use super::*;

    fn read(query: &str) -> Result<Query, Refusal> {
        let options = Options {
            dialect: Dialect::V1,
            ..Options::default()
        };
        parse(&World::new(&options, 0), query, false)
    }

    #[test]
    fn the_interval_is_closed() {
        let read =
            read("startDate=1970-01-01T00:00:01Z&endDate=1970-01-01T01:00:02%2B01:00").unwrap();
        assert_eq!((read.from, read.to), (1_000_000_000, 2_000_000_000));
    }

    #[test]
    fn each_parameter_is_read() {
        for (query, conditions) in [
            ("namespace=company.data", 1),
            ("resources=FLOW,EXECUTION&resources=KV_STORE", 1),
            ("type=LOGIN&userId=u&id=i", 3),
            ("flowId=a&executionId=b", 2),
            ("q=anna", 1),
            ("details[namespace]=n&details=flowId:f", 2),
            // The trap: unknown parameters are ignored.
            ("filters[startDate][LESS_THAN]=2026-01-01T00:00:00Z", 0),
            ("resources[]=FLOW&action=LOGIN", 0),
        ] {
            assert_eq!(read(query).unwrap().conditions.len(), conditions, "{query}");
        }
    }

    #[test]
    fn values_outside_an_enum_and_bad_dates_are_refused() {
        for query in [
            "type=NOPE",
            "resources=NOPE",
            "startDate=yesterday",
            "endDate=2026-01-01",
            "details=x",
        ] {
            assert_eq!(read(query).unwrap_err().status, 422, "{query}");
        }
    }
}
