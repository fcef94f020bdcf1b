//! The steps of a put on a disk that loses power. A process that dies leaves what it wrote to the
//! kernel, so killing one shows little; here a model of a disk takes the steps that a real put took and
//! loses, at every step, every set of changes that were not flushed.

use std::collections::BTreeMap;

use super::power_loss::{Act, steps};

/// What the model knows of the content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Old,
    /// Written and not flushed: power loss leaves anything of it.
    Unflushed,
    New,
}

/// A name appears, or with no target disappears, in a directory. Directories are numbered down from
/// the bucket's own, which is 0, to the last, which holds the object.
#[derive(Debug, Clone, Copy)]
struct Change {
    directory: usize,
    name: &'static str,
    there: bool,
}

#[derive(Debug, Default)]
struct Disk {
    /// Changes that survive.
    flushed: Vec<Change>,
    /// Changes that may survive, each by itself.
    pending: Vec<Change>,
    directories: usize,
    data: Option<Content>,
}

const OBJECT: &str = "object";
const TEMPORARY: &str = "object#";
/// The name of the next directory down.
const DOWN: &str = "down";
/// How many directories `ledger/entry/…` lies below the bucket's own.
const DEPTH: usize = 2;

impl Disk {
    fn change(&mut self, directory: usize, name: &'static str, there: bool) {
        self.pending.push(Change {
            directory,
            name,
            there,
        });
    }

    fn flush(&mut self, directory: usize) {
        let (flushed, pending): (Vec<Change>, Vec<Change>) = self
            .pending
            .drain(..)
            .partition(|change| change.directory == directory);
        self.flushed.extend(flushed);
        self.pending = pending;
    }

    fn take(&mut self, step: &str) {
        match step {
            "disk.put.before" | "disk.put.after_directories" => {}
            "disk.directory.after_make" => {
                self.change(self.directories, DOWN, true);
                self.directories += 1;
            }
            // The first is the one above the bucket.
            "disk.directory.after_sync" => {
                if let Some(above) = self.directories.checked_sub(1) {
                    self.flush(above);
                }
            }
            "disk.put.after_write" => {
                self.data = Some(Content::Unflushed);
                self.change(DEPTH, TEMPORARY, true);
            }
            // A file is flushed without its name.
            "disk.put.after_sync" => self.data = Some(Content::New),
            "disk.put.after_link" => self.change(DEPTH, OBJECT, true),
            "disk.put.after_unlink" => self.change(DEPTH, TEMPORARY, false),
            "disk.put.after_rename" => {
                self.change(DEPTH, TEMPORARY, false);
                self.change(DEPTH, OBJECT, true);
            }
            "disk.put.after_directory_sync" => self.flush(DEPTH),
            other => panic!("what is {other}?"),
        }
    }

    /// What may be found under the object's name if the power fails now: one for each set of pending
    /// changes that survives.
    fn outcomes(&self, before: Option<Content>) -> Vec<Option<Content>> {
        let sets = 0..1_u32 << self.pending.len();
        sets.map(|set| {
            let survivors = self.pending.iter().enumerate();
            let survivors = survivors.filter(|(nth, _)| set & (1 << nth) != 0);
            let mut names = BTreeMap::new();
            for change in self
                .flushed
                .iter()
                .chain(survivors.map(|(_, change)| change))
            {
                names.insert((change.directory, change.name), change.there);
            }
            let there = |directory, name| names.get(&(directory, name)) == Some(&true);
            let reachable = before.is_some() || (0..DEPTH).all(|level| there(level, DOWN));
            if reachable && there(DEPTH, OBJECT) {
                self.data
            } else {
                before
            }
        })
        .collect()
    }
}

#[test]
fn power_loss_at_any_step_leaves_the_whole_object_or_what_was_there() {
    for act in [Act::Create, Act::Replace] {
        let before = (act == Act::Replace).then_some(Content::Old);
        let mut disk = Disk::default();
        let (mut open, mut last) = (0, Vec::new());
        for step in steps(act) {
            disk.take(&step);
            last = disk.outcomes(before);
            for found in &last {
                let sound = *found == before || *found == Some(Content::New);
                assert!(sound, "{act:?} {step}: {found:?}");
            }
            open += usize::from(last.len() > 1);
        }
        assert!(open > 3, "the model loses something at some steps");
        assert_eq!(last, [Some(Content::New)], "a put that returned is durable");
        assert_eq!(disk.directories, DEPTH);
    }
}

/// The model finds what it is there to find.
#[test]
fn steps_in_another_order_are_found_out() {
    let good = steps(Act::Create);
    let place = |step: &str| good.iter().position(|taken| taken == step).unwrap();
    let torn = |steps: &[String]| {
        let mut disk = Disk::default();
        steps.iter().any(|step| {
            disk.take(step);
            disk.outcomes(None).contains(&Some(Content::Unflushed))
        })
    };
    assert!(!torn(&good));
    let mut named_first = good.clone();
    named_first.swap(place("disk.put.after_sync"), place("disk.put.after_link"));
    assert!(torn(&named_first), "named before it is flushed");

    for forgotten in ["disk.put.after_directory_sync", "disk.directory.after_sync"] {
        let mut disk = Disk::default();
        for step in good.iter().filter(|step| *step != forgotten) {
            disk.take(step);
        }
        let found = disk.outcomes(None);
        assert!(found.contains(&None), "lost though it returned: {found:?}");
    }
}
