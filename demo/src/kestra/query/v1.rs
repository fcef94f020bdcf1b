//! Enterprise Edition up to 1.3: flat parameters. Parameters of the other dialect are unknown
//! here and, like all unknown ones, ignored.

use super::super::generate::World;
use super::super::record::Column;
use super::{Condition, Query, Refusal, date};

/// Filters of the platform that this double does not have.
const UNSERVED: [&str; 7] = [
    "namespace",
    "flowId",
    "executionId",
    "userId",
    "id",
    "q",
    "details",
];

pub(super) fn filter(
    world: &World,
    parameters: &[(String, String)],
    query: &mut Query,
) -> Result<(), Refusal> {
    let mut resources = Vec::new();
    for (name, value) in parameters {
        match name.as_str() {
            // A closed interval: both edges are inside.
            "startDate" => query.from = query.from.max(date(name, value)?),
            "endDate" => query.to = query.to.min(date(name, value)?),
            "type" => {
                let action = known(world, name, value)?;
                query
                    .conditions
                    .push(Condition::In(Column::Action, vec![action]));
            }
            "resources" => {
                for resource in value.split(',') {
                    resources.push(known(world, name, resource)?);
                }
            }
            _ if UNSERVED.contains(&name.as_str()) || name.starts_with("details[") => {
                return Err(Refusal::conversion(name, value));
            }
            _ => {}
        }
    }
    if !resources.is_empty() {
        query
            .conditions
            .push(Condition::In(Column::Resource, resources));
    }
    Ok(())
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
    use super::super::parse;
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
            ("resources=FLOW,EXECUTION&resources=KV_STORE", 1),
            ("type=LOGIN&resources=FLOW", 2),
            // The trap: unknown parameters are ignored.
            ("filters[startDate][LESS_THAN]=2026-01-01T00:00:00Z", 0),
            ("resources[]=FLOW&action=LOGIN", 0),
        ] {
            assert_eq!(read(query).unwrap().conditions.len(), conditions, "{query}");
        }
    }

    #[test]
    fn what_is_not_served_or_not_of_its_type_is_refused() {
        for query in [
            "type=NOPE",
            "resources=NOPE",
            "startDate=yesterday",
            "endDate=2026-01-01",
            "namespace=company.data",
            "details[namespace]=n",
            "q=anna",
        ] {
            assert_eq!(read(query).unwrap_err().status, 422, "{query}");
        }
    }
}
