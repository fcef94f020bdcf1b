//! INV-22: replacing files by files with the same records.

use super::{Violation, names_are_new, times_lie_on_date};
use crate::lake::layout::{FilePath, Table};
use crate::ledger::entry::{Done, Entry, FileEntry, Remap, Remapped};
use crate::ledger::state::State;
use chrono::NaiveDate;
use std::collections::{BTreeMap, HashMap, HashSet};

/// INV-22, and INV-6, INV-8, INV-14 and INV-17 for the new files, for a `remap` entry on top of `state`.
///
/// # Errors
/// The first of them that does not hold.
pub fn remap_fits(state: &State, entry: &Entry, remap: &Remap) -> Result<(), Violation> {
    names_are_new(state, &remap.batch_id, &remap.files)?;
    for file in &remap.files {
        times_lie_on_date(file)?;
    }
    let says = |what: &'static str| Violation::Remap {
        source_id: remap.source.clone(),
        what,
    };
    if remap.replaced.is_empty() {
        return Err(says("it replaces nothing"));
    }
    let new: HashMap<&FilePath, &FileEntry> =
        remap.files.iter().map(|file| (&file.path, file)).collect();
    let of_source = |file: &FileEntry| file.table == Table::Events && *file.source == *remap.source;
    if !remap.files.iter().all(of_source) {
        return Err(says("a new file is not one of the source's events"));
    }
    // A hold ends by a time that is borne out.
    let shown = state.shown_by(entry).date_naive();
    let mut rows: BTreeMap<NaiveDate, i128> = BTreeMap::new();
    let mut seen = HashSet::new();
    for replaced in &remap.replaced {
        let of_date = state.files.get(&replaced.date).into_iter().flatten();
        let mut of_path = of_date.filter(|live| live.file.path == replaced.path);
        let Some(live) = of_path.next() else {
            return Err(says("a file that it replaces is not in the lake"));
        };
        let file = &live.file;
        if live.sequence != replaced.sequence || !of_source(file) || !seen.insert(&replaced.path) {
            return Err(says(
                "a file that it replaces is another one, or named twice",
            ));
        }
        if !state.protection(&file.subject(), shown).cases.is_empty() {
            return Err(says("a file that it replaces is under hold"));
        }
        if let Some(path) = &replaced.by {
            let same = new.get(path).is_some_and(|new| {
                let of = |file: &FileEntry| (file.date, file.rows, file.records_root);
                of(new) == of(file) && new.category == file.category
            });
            if !same {
                return Err(says(
                    "a file does not have the records of the one it replaces",
                ));
            }
        }
        *rows.entry(file.date).or_default() += i128::from(file.rows);
    }
    for file in &remap.files {
        *rows.entry(file.date).or_default() -= i128::from(file.rows);
    }
    if rows.values().any(|left| *left != 0) {
        return Err(says("a date has another number of rows afterwards"));
    }
    Ok(())
}

/// INV-12 for what was done of a replacement.
pub(super) fn remapped_fits(state: &State, done: &Done, remapped: &Remapped) -> bool {
    let Some(open) = state.remaps.get(&done.decision) else {
        return false;
    };
    let names: HashSet<&FilePath> = open.files.iter().map(|live| &live.file.path).collect();
    let refused = remapped.files.iter().flat_map(|files| &files.refused);
    let mut refused = refused.map(|file| file.path.as_str());
    let given_up = remapped.given_up.as_ref().map(|it| &it.warehouse);
    let replaced = remapped.warehouse.as_ref().map(|it| &it.warehouse);
    let mut warehouses = given_up.into_iter().chain(replaced);
    refused.all(|path| names.contains(&FilePath::from(path)))
        && warehouses.all(|name| open.warehouses.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::digest::Digest;
    use crate::ledger::entry::{Body, ReplacedFile};
    use crate::ledger::state::{HoldState, LiveFile};
    use crate::policy::Hold;
    use chrono::DateTime;

    fn file(path: &str, category: &str, rows: u64, root: &str) -> FileEntry {
        FileEntry {
            path: format!("events/date=2026-01-01/cat={category}/src=k/{path}")
                .as_str()
                .into(),
            table: Table::Events,
            date: "2026-01-01".parse().unwrap(),
            category: Some(category.into()),
            source: "k".into(),
            bytes: 10,
            sha256: Digest::of(path.as_bytes()),
            md5: None,
            rows,
            times: Some(crate::lake::InstantRange {
                first: "2026-01-01T01:00:00Z".parse().unwrap(),
                last: "2026-01-01T02:00:00Z".parse().unwrap(),
            }),
            records_root: Digest::of(root.as_bytes()),
            statistics: Default::default(),
        }
    }

    fn lake() -> State {
        let mut state = State::empty();
        let live = |file| LiveFile { sequence: 1, file };
        let files = [
            file("a", "other", 5, "root a"),
            file("b", "execution", 7, "root b"),
        ];
        let date = "2026-01-01".parse().unwrap();
        state.files.insert(date, files.map(live).into());
        state
    }

    /// A replacement of the first file by one with the same records.
    fn fitting() -> Remap {
        let (old, new) = (
            file("a", "other", 5, "root a"),
            file("c", "other", 5, "root a"),
        );
        Remap {
            source: "k".to_owned(),
            platform: "kestra".to_owned(),
            batch_id: "batch".to_owned(),
            schema_version: 1,
            mapping_version: 2,
            changed: BTreeMap::new(),
            redaction: Vec::new(),
            replaced: vec![ReplacedFile {
                sequence: 1,
                date: old.date,
                path: old.path,
                by: Some(new.path.clone()),
            }],
            files: vec![new],
            warehouses: Vec::new(),
            plan: "plan".to_owned(),
        }
    }

    fn judged(state: &State, change: impl FnOnce(&mut Remap)) -> Result<(), Violation> {
        let mut remap = fitting();
        change(&mut remap);
        let entry = Entry {
            sequence: 2,
            previous: None,
            run_id: "run".to_owned(),
            written_at: DateTime::UNIX_EPOCH,
            witnesses: Some(Vec::new()),
            writer: "test".to_owned(),
            config_sha256: Digest::of(b""),
            body: Body::Remap(Box::new(remap.clone())),
        };
        remap_fits(state, &entry, &remap)
    }

    #[test]
    fn records_stay_and_files_are_those_of_the_lake() {
        let state = lake();
        assert_eq!(judged(&state, |_| {}), Ok(()));
        // Rows of two categories now.
        let split = |it: &mut Remap| {
            it.replaced[0].by = None;
            it.files = vec![
                file("c", "other", 2, "root c"),
                file("c", "authentication", 3, "root d"),
            ];
        };
        assert_eq!(judged(&state, split), Ok(()));

        type Change = fn(&mut Remap);
        let wrong: [(&str, Change); 9] = [
            ("nothing", |it| it.replaced.clear()),
            ("another root", |it| {
                it.files[0].records_root = Digest::of(b"x")
            }),
            ("fewer rows", |it| it.files[0].rows = 4),
            ("fewer rows of a date", |it| {
                it.replaced[0].by = None;
                it.files[0].rows = 4;
            }),
            ("a file that is not there", |it| {
                it.replaced[0].path = "events/x".into()
            }),
            ("another entry", |it| it.replaced[0].sequence = 9),
            ("named twice", |it| it.replaced.push(it.replaced[0].clone())),
            ("another source", |it| it.files[0].source = "other".into()),
            ("a name that is taken", |it| {
                it.files[0].path = file("b", "execution", 7, "").path;
            }),
        ];
        for (what, change) in wrong {
            assert!(judged(&state, change).is_err(), "{what}");
        }
    }

    #[test]
    fn what_is_held_is_not_replaced() {
        let mut state = lake();
        let date = "2026-01-01".parse().unwrap();
        let hold = Hold {
            case: "case".to_owned(),
            from: date,
            to: date,
            categories: Vec::new(),
            sources: Vec::new(),
            reason: "a lawsuit".to_owned(),
            by: "counsel".to_owned(),
            until: None,
        };
        let held = HoldState::placed(&hold, DateTime::UNIX_EPOCH);
        state.holds.insert(1, held);
        assert!(judged(&state, |_| {}).is_err());
    }
}
