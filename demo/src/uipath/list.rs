//! Orchestrator's `/odata/AuditLogs`.

use super::filter::Filter;
use super::platform::Desk;
use super::record::Record;
use crate::dice::{Dice, Purpose};
use crate::faults::Fault;

/// Most records of a page.
const PAGE_CAP: usize = 1_000;

/// A request, understood.
#[derive(Debug)]
pub(super) struct ListQuestion {
    filter: Filter,
    top: usize,
    skip: usize,
    newest_first: bool,
    by_id: bool,
    expands: bool,
    counts: bool,
}

impl ListQuestion {
    /// Understands the parameters of a request.
    pub(super) fn parse(pairs: &[(String, String)], no_id_filter: bool) -> Result<Self, String> {
        let mut question = Self {
            filter: Filter::parse("")?,
            top: PAGE_CAP,
            skip: 0,
            newest_first: false,
            by_id: false,
            expands: false,
            counts: false,
        };
        for (name, value) in pairs {
            let wrong =
                || format!("The value '{value}' of the query option '{name}' is not valid.");
            match name.as_str() {
                "$filter" => question.filter = Filter::parse(value)?,
                "$top" => question.top = value.parse().map_err(|_| wrong())?,
                "$skip" => question.skip = value.parse().map_err(|_| wrong())?,
                "$expand" if value == "Entities" => question.expands = true,
                "$count" => question.counts = value == "true",
                "$orderby" => {
                    let (field, order) = value.split_once(' ').unwrap_or((value, "asc"));
                    if !["Id", "ExecutionTime"].contains(&field)
                        || !["asc", "desc"].contains(&order)
                    {
                        return Err(wrong());
                    }
                    question.by_id = field == "Id";
                    question.newest_first = order == "desc";
                }
                _ => return Err(format!("The query parameter '{name}' is not supported.")),
            }
        }
        if question.top > PAGE_CAP {
            return Err(format!(
                "The limit of '{PAGE_CAP}' for Top query has been exceeded."
            ));
        }
        if no_id_filter && question.filter.after.is_some() {
            return Err("The property 'Id' cannot be used in the $filter query option.".to_owned());
        }
        Ok(question)
    }
}

impl Desk {
    /// The body of a page, and how many records it has.
    pub(super) fn list(
        &self,
        seed: u64,
        now: i64,
        question: &ListQuestion,
        faults: &[Fault],
    ) -> (String, u64) {
        let ignores = self.faults.ignore_filters || faults.contains(&Fault::IgnoreFilters);
        let mut found: Vec<&Record> = self
            .records
            .iter()
            .filter(|record| record.written <= now && (ignores || question.filter.selects(record)))
            .collect();
        match question.by_id {
            true => found.sort_by_key(|record| record.id),
            false => found.sort_by_key(|record| (record.executed, record.id)),
        }
        if question.newest_first {
            found.reverse();
        }
        let mut dice = Dice::of(seed, Purpose::Ties, self.counts.searches);
        if self.trouble.unordered {
            found.sort_by_cached_key(|record| {
                Dice::of(seed ^ self.counts.searches, Purpose::Ties, record.id as u64).bits()
            });
        }
        let count = found.len();
        let mut page: Vec<&Record> = found
            .into_iter()
            .skip(question.skip)
            .take(question.top)
            .collect();
        if faults.contains(&Fault::Duplicate) && !page.is_empty() {
            page.push(page[dice.index(page.len())]);
        }
        if faults.contains(&Fault::Missing) {
            page.pop();
        }
        let texts: Vec<String> = page
            .iter()
            .map(|record| match question.expands {
                true => record.text.clone(),
                false => without_entities(&record.text),
            })
            .collect();
        let counted = match question.counts && !self.trouble.no_count {
            true => format!("\"@odata.count\":{count},"),
            false => String::new(),
        };
        let body = format!(
            "{{\"@odata.context\":\"https://cloud.uipath.com/acme/production/orchestrator_/odata/$metadata#AuditLogs\",{counted}\"value\":[{}]}}",
            texts.join(",")
        );
        (body, page.len() as u64)
    }
}

/// A record whose entities were not asked for.
fn without_entities(text: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(mut value) => {
            value["Entities"] = serde_json::json!([]);
            value.to_string()
        }
        Err(_) => text.to_owned(),
    }
}
