//! How much memory the state takes, and how much it may.

use super::State;
use crate::ledger::entry::Span;
use crate::plural::thousands;
use schemars::JsonSchema;
use serde::Serialize;

/// The part of `run.memory` that the state may take, which this is the place to say: a quarter. The rest
/// is what a run reads and writes (`source::SHARES`), and loading or saving a state takes
/// little beside it. A state that takes more still works while the process has the memory, so a run goes
/// on, and run, `status` and `doctor` warn.
const STATE_SHARE: u64 = 4;

/// What a list, a map or an allocation takes beside its content, about.
const OVERHEAD: usize = 16;

/// How much memory the folded state of the ledger takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StateSize {
    /// Number of files that the state lists.
    pub files: u64,
    /// Estimated size of the state in memory, in bytes.
    pub bytes: u64,
    /// Memory in bytes that the state is meant to take at most: a quarter of `memory` in `[run]`.
    pub share: u64,
}

impl StateSize {
    /// Of a state in a process that may take so many bytes.
    pub fn of(state: &State, memory: u64) -> Self {
        Self {
            files: state.files_there().count() as u64,
            bytes: state.memory() as u64,
            share: memory / STATE_SHARE,
        }
    }

    /// Whether it takes more than it may.
    pub const fn is_over(&self) -> bool {
        self.bytes > self.share
    }

    /// What is wrong, where it takes more than it may.
    pub fn finding(&self) -> Option<String> {
        self.is_over().then(|| {
            format!(
                "the state of the ledger, with {} files, takes {} MiB of memory, more than its share of \
                 `memory` in [run], {} MiB",
                thousands(self.files),
                self.bytes >> 20,
                self.share >> 20
            )
        })
    }

    /// What to do about it.
    pub fn action(&self) -> String {
        let needed = (self.bytes * STATE_SHARE).next_multiple_of(64 << 20) >> 20;
        format!(
            "set `memory` in [run] to \"{needed}MiB\" and give the container at least as much, or run \
             less often: fewer runs write fewer, larger files"
        )
    }
}

impl State {
    /// Bytes of memory that it takes, about: what grows with the age and the files of a lake.
    fn memory(&self) -> usize {
        let files = self.files_there().map(|live| {
            let heap = match live.file.heap() {
                0 => 0,
                heap => heap + OVERHEAD,
            };
            size_of_val(live) + heap
        });
        let batches = self.batches.iter().map(|batch| {
            let names = batch.batch_id.len() + batch.run_id.len() + batch.source.len();
            let covered = batch.covered.iter();
            let covered = covered.map(|it| size_of_val(it) + it.tenant.len() + OVERHEAD);
            let cuts = size_of_val(batch.cuts.as_slice());
            size_of_val(batch) + names + 4 * OVERHEAD + covered.sum::<usize>() + cuts
        });
        let feeds = self.sources.values().flat_map(|it| it.feeds.values());
        let feeds = feeds.map(|feed| {
            let days = feed.days.values();
            let days =
                days.map(|day| size_of_val(day) + OVERHEAD + windows(day.again.windows().len()));
            let holes = feed.holes.iter();
            let holes = holes.map(|hole| size_of_val(hole) + hole.detail.len() + 2 * OVERHEAD);
            let covered = windows(feed.coverage.windows().len());
            days.sum::<usize>() + holes.sum::<usize>() + covered
        });
        let swept = self.swept.iter();
        let swept = swept.map(|name| size_of_val(name) + name.len() + OVERHEAD);
        let warehouses = self.warehouses.values().flat_map(|it| it.tables.values());
        let warehouses = warehouses.map(|table| {
            let failed = table.failed.len() * (size_of::<super::LoadFailure>() + 2 * OVERHEAD);
            table.loaded.len() * size_of::<Span>() + failed
        });
        let gone = self.retention.gone.spans().count() * size_of::<super::GoneSpan<'_>>();
        let several: [usize; 5] = [
            files.sum(),
            batches.sum(),
            feeds.sum(),
            swept.sum(),
            warehouses.sum(),
        ];
        several.iter().sum::<usize>() + gone
    }
}

const fn windows(count: usize) -> usize {
    count * size_of::<crate::window::Window>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::layout::Table;
    use crate::ledger::digest::Digest;
    use crate::ledger::entry::FileEntry;
    use crate::ledger::state::LiveFile;

    fn with_files(count: u64) -> State {
        let mut state = State::empty();
        let date = "2026-01-01".parse().unwrap();
        let files = (0..count).map(|nth| {
            let run = format!("20260101T000000Z-{nth:08x}");
            let statistics = serde_json::json!({"kept_bytes": 1_000_000, "columns": {
                "tenant": {"min": "main", "max": "main", "nulls": 0},
                "action": {"min": "CREATE", "max": "UPDATE", "nulls": 0},
                "outcome": {"nulls": 900},
                "resource_type": {"min": "EXECUTION", "max": "TRIGGER", "nulls": 0},
                "namespace": {"min": "company.team", "max": "company.team.data", "nulls": 12},
                "workflow": {"min": "a-flow", "max": "z-flow", "nulls": 120},
            }});
            let file = FileEntry {
                path: format!("events/date={date}/cat=execution/src=k/{run}-00000-000.parquet")
                    .into(),
                table: Table::Events,
                date,
                category: Some("execution".into()),
                source: "k".into(),
                bytes: 100_000,
                sha256: Digest::of(run.as_bytes()),
                md5: None,
                rows: 900,
                times: None,
                records_root: Digest::of(b"root"),
                statistics: serde_json::from_value(statistics).unwrap(),
            };
            LiveFile { sequence: 1, file }
        });
        state.files.insert(date, files.collect());
        state
    }

    #[test]
    fn a_file_takes_little() {
        let each = with_files(1_000).memory() / 1_000;
        assert!((200..280).contains(&each), "{each}");
    }

    #[test]
    fn the_share_is_a_quarter_and_passing_it_says_what_to_do() {
        let state = with_files(10_000);
        let memory = state.memory() as u64;
        let enough = StateSize::of(&state, memory * STATE_SHARE);
        assert_eq!(
            (enough.files, enough.share, enough.finding()),
            (10_000, memory, None)
        );
        let little = StateSize::of(&state, memory * STATE_SHARE - STATE_SHARE);
        assert!(little.is_over());
        assert!(
            little
                .finding()
                .unwrap()
                .contains("with 10,000 files, takes 2 MiB of memory")
        );
        // What is recommended is enough.
        let words = little.action();
        let (_, advised) = words.split_once('"').unwrap();
        let advised: u64 = advised.split_once("MiB").unwrap().0.parse().unwrap();
        assert!(!StateSize::of(&state, advised << 20).is_over());
    }
}
