//! Which rows a search finds, in which order, and which of them are on the page.

use super::super::generate::{Row, Scripted, World};
use super::{Condition, Order, Query};
use crate::dice::{Dice, Purpose};
use std::borrow::Cow;

/// What rows are looked at with.
pub(in super::super) struct Sight<'a> {
    pub(in super::super) world: &'a World,
    pub(in super::super) scripted: &'a [Scripted],
    /// Where rows of equal date change places, the number of the request.
    pub(in super::super) shuffle: Option<u64>,
}

/// The page of a search.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Selection {
    pub(in super::super) rows: Vec<Row>,
    pub(in super::super) total: u64,
}

/// Finds the page of a search among rows sorted by time.
///
/// A search by time alone costs two binary searches and the page; anything else looks at the rows
/// inside the bounds of time.
pub(in super::super) fn select(sight: &Sight<'_>, rows: &[Row], query: &Query) -> Selection {
    let low = rows.partition_point(|row| row.time < query.from);
    let high = rows.partition_point(|row| row.time <= query.to).max(low);
    let inside = &rows[low..high];
    let found: Cow<'_, [Row]> = if query.conditions.is_empty() {
        Cow::Borrowed(inside)
    } else {
        let matches = |row: &&Row| query.conditions.iter().all(|one| sight.holds(one, row));
        Cow::Owned(inside.iter().filter(matches).copied().collect())
    };
    let total = found.len() as u64;
    let from = (query.page - 1).saturating_mul(query.size).min(total) as usize;
    let to = (from as u64 + query.size).min(total) as usize;
    Selection {
        rows: sight.page(&found, from, to, query.order),
        total,
    }
}

impl Sight<'_> {
    fn page(&self, found: &[Row], from: usize, to: usize, order: Order) -> Vec<Row> {
        match order {
            Order::Ascending => self.with_ties(found, from, to),
            // The same page counted from the early end.
            Order::Descending => {
                let mut page = self.with_ties(found, found.len() - to, found.len() - from);
                page.reverse();
                page
            }
        }
    }

    /// Rows `from..to` in order of time, ties as the request has it.
    fn with_ties(&self, found: &[Row], from: usize, to: usize) -> Vec<Row> {
        let Some(request) = self.shuffle.filter(|_| from < to) else {
            return found[from..to].to_vec();
        };
        // Whole groups of equal time, also those that the page cuts.
        let first = found.partition_point(|row| row.time < found[from].time);
        let last = found.partition_point(|row| row.time <= found[to - 1].time);
        let mut ordered = found[first..last].to_vec();
        for group in ordered.chunk_by_mut(|a, b| a.time == b.time) {
            group.sort_by_cached_key(|row| {
                let which = (u64::from(row.index) << 8) | u64::from(row.flags);
                Dice::of(request, Purpose::Ties, which).bits()
            });
        }
        ordered[from - first..to - first].to_vec()
    }

    fn holds(&self, condition: &Condition, row: &Row) -> bool {
        let column = |column| self.world.column(row, self.scripted, column);
        match condition {
            Condition::Any(any) => any.iter().any(|one| self.holds(one, row)),
            Condition::Never => false,
            Condition::In(name, values) => {
                column(*name).is_some_and(|text| values.iter().any(|value| text == *value))
            }
            Condition::Below(name, value) => column(*name).is_some_and(|text| {
                text.strip_prefix(value.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::options::Options;
    use super::super::super::record::Column;
    use super::super::parse;
    use super::*;
    use crate::instant::{DAY, instant, nanos};
    use crate::kestra::tests::rfc3339;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static PLACE: LazyLock<(World, Vec<Row>, Vec<Scripted>)> = LazyLock::new(|| {
        let options = Options {
            events: 6_000,
            days: 7,
            burst: 300,
            ..Options::default()
        };
        let world = World::new(&options, nanos("2026-11-20T12:00:00Z".parse().unwrap()));
        let beginning = world.beginning(&options);
        (world, beginning.rows, beginning.scripted)
    });

    fn ask(query: &str, shuffle: Option<u64>) -> Selection {
        let (world, rows, scripted) = &*PLACE;
        let sight = Sight {
            world,
            scripted,
            shuffle,
        };
        select(&sight, rows, &parse(world, query, false).unwrap())
    }

    fn texts(selection: &Selection, column: Column) -> Vec<Option<String>> {
        let (world, _, scripted) = &*PLACE;
        let text = |row| world.column(row, scripted, column).map(Cow::into_owned);
        selection.rows.iter().map(text).collect()
    }

    #[test]
    fn filters_find_what_they_name() {
        type Fits = fn(&str) -> bool;
        let cases: [(&str, Column, Fits); 6] = [
            ("filters[action][EQUALS]=LOGIN", Column::Action, |text| {
                text == "LOGIN"
            }),
            (
                "filters[resources][IN]=SECRET,FLOW",
                Column::Resource,
                |text| text == "SECRET" || text == "FLOW",
            ),
            (
                "filters[namespace][PREFIX]=company.ml",
                Column::Namespace,
                |text| text == "company.ml" || text.starts_with("company.ml."),
            ),
            (
                "filters[namespace][EQUALS]=company.ml",
                Column::Namespace,
                |text| text == "company.ml",
            ),
            ("filters[userId][EQUALS]=system", Column::UserId, |text| {
                text == "system"
            }),
            (
                "filters[details][EQUALS][namespace]=company.ml",
                Column::Namespace,
                |text| text == "company.ml",
            ),
        ];
        for (filter, column, fits) in cases {
            let found = ask(&format!("{filter}&size=1000"), None);
            assert!(found.total > 0, "{filter}");
            for text in texts(&found, column) {
                assert!(text.as_deref().is_some_and(fits), "{filter}: {text:?}");
            }
        }
    }

    #[test]
    fn columns_agree_with_the_bytes() {
        let (world, rows, scripted) = &*PLACE;
        for row in rows.iter().step_by(7) {
            let mut out = Vec::new();
            world.write(row, scripted, &mut out);
            let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
            for (column, pointer) in [
                (Column::Id, "/id"),
                (Column::Action, "/type"),
                (Column::UserId, "/userId"),
                (Column::Resource, "/detail/resourceType"),
                (Column::Namespace, "/detail/namespace"),
            ] {
                let text = world.column(row, scripted, column);
                assert_eq!(
                    text.as_deref(),
                    value.pointer(pointer).and_then(|v| v.as_str())
                );
            }
        }
    }

    #[test]
    fn groups_are_alternatives() {
        let either = ask(
            "filters[or][0][action][EQUALS]=LOGIN&filters[or][1][action][EQUALS]=LOGOUT",
            None,
        );
        let login = ask("filters[action][EQUALS]=LOGIN", None);
        let logout = ask("filters[action][EQUALS]=LOGOUT", None);
        assert_eq!(either.total, login.total + logout.total);
    }

    #[test]
    fn pages_cut_the_whole_and_the_last_is_short() {
        for sort in ["date:asc", "date:desc"] {
            let all = ask(&format!("sort={sort}&size=1000"), None);
            let mut united = all.rows.clone();
            for page in 2..=8 {
                let next = ask(&format!("sort={sort}&size=1000&page={page}"), None);
                assert_eq!(next.total, all.total);
                united.extend(next.rows);
            }
            assert_eq!(united.len() as u64, all.total, "{sort}");
            let mut seen: Vec<_> = united.iter().map(|row| (row.index, row.flags)).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), united.len(), "{sort}");
            if sort == "date:desc" {
                assert!(united.is_sorted_by(|a, b| a.time >= b.time));
            }
        }
    }

    #[test]
    fn ties_move_only_within_their_instant() {
        let order = |query: &str, request| {
            let page = ask(query, Some(request)).rows;
            page.iter()
                .map(|row| (row.time, row.index))
                .collect::<Vec<_>>()
        };
        let plain = "sort=date:asc&size=1000&page=4";
        assert_ne!(order(plain, 1), order(plain, 2));
        let times = |request| {
            order(plain, request)
                .iter()
                .map(|row| row.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(times(1), times(2));
    }

    proptest! {
        #[test]
        fn a_window_is_found_exactly(from in 0i64..7 * DAY, length in 0i64..2 * DAY, size in 1u64..50, page in 1u64..5) {
            let (world, rows, _) = &*PLACE;
            let low = world.span().0 + from;
            let (low, high) = (low, low + length);
            let query = format!(
                "filters[startDate][GREATER_THAN_OR_EQUAL_TO]={}&filters[startDate][LESS_THAN]={}&size={size}&page={page}&sort=date:asc",
                rfc3339(instant(low)), rfc3339(instant(high))
            );
            let found = ask(&query, None);
            let expected: Vec<_> = rows.iter().filter(|row| (low..high).contains(&row.time)).copied().collect();
            prop_assert_eq!(found.total, expected.len() as u64);
            let skip = ((page - 1) * size) as usize;
            let expected: Vec<_> = expected.into_iter().skip(skip).take(size as usize).collect();
            prop_assert_eq!(found.rows, expected);
        }
    }
}
