//! What the errors of the program mean for the person who runs it: exit code, what was kept, what to do.

use super::exit::ExitKind;
use super::failure::Failure;
use crate::clock::Contradiction;
use crate::decision::DecisionError;
use crate::decision::remap::RemapError;
use crate::index::LoadIndexError;
use crate::lake::ReadError;
use crate::ledger::log::LogError;
use crate::report::verify::VerifyError;
use crate::run::{JobError, RunError};
use crate::store::{CreateError, StoreError, StoreMeaning, StorePurpose, WHEN_CHANGED};

/// What to do where nothing confirms the clock.
pub(super) const CONFIRM_CLOCK: &str = "if the clock is right, confirm it with `trailhouse clock confirm --today DATE --reason TEXT`; otherwise set it";

/// What to do about a clock that something contradicts.
fn clock_action(found: &[Contradiction]) -> String {
    let witnesses: Vec<String> = found
        .iter()
        .filter_map(|it| match it {
            Contradiction::Witness { theirs, .. } => Some(theirs.witness.to_string()),
            Contradiction::Ledger { .. } => None,
        })
        .collect();
    match &witnesses[..] {
        [] => CONFIRM_CLOCK.to_owned(),
        _ => format!(
            "set whichever clock is wrong: this machine's or that of {}; `trailhouse clock show` compares them",
            witnesses.join(" and of ")
        ),
    }
}

const COMMITTED: &str = "everything committed so far";

const FIX_CONFIGURATION: &str = "fix the configuration; `trailhouse doctor` checks all of it";

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        if let JobError::Secret(error) = error {
            return error.into();
        }
        if let JobError::Unknown(unknown) = &error {
            return Self::new(ExitKind::Usage, unknown.to_string())
                .kept("nothing was read or written")
                .action(unknown.advice());
        }
        let action = match &error {
            JobError::Lake(open) | JobError::Staging { source: open, .. } => {
                open.action().unwrap_or(FIX_CONFIGURATION)
            }
            JobError::Key(_) => "give a key created by `trailhouse keygen`",
            JobError::PublicKey { .. } => {
                "give the .pub file that `trailhouse keygen` or `init` wrote, or the key that keygen printed"
            }
            JobError::NoSigningKey => {
                "add for example key = { env = \"TRAILHOUSE_SIGNING_KEY\" } to [signing], with the key \
                 that founded the lake"
            }
            JobError::KeysDiffer { .. } => {
                "set `public_key` to the .pub file that belongs to `key`, or remove it"
            }
            _ => FIX_CONFIGURATION,
        }
        .to_owned();
        Self::from_error(ExitKind::Usage, &error)
            .kept("nothing was read or written")
            .action(action)
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        if let LogError::OtherKey { given, .. } = &error {
            let action = format!(
                "check which key is right: if it is the other one, give that as --public-key or in [signing]; \
                 if {given} is the key that you were given for this lake, page security: the ledger was replaced"
            );
            return Self::from_error(ExitKind::Integrity, &error)
                .kept("nothing was changed")
                .action(action);
        }
        if error.is_integrity() {
            return Self::from_error(ExitKind::Integrity, &error)
                .kept("nothing was written since this was found")
                .action(
                    "do not rerun; if the key in [signing] or in --public-key is not the one that founded \
                     the lake, restore that key; otherwise leave the bucket as it is and find out who \
                     changed it (`trailhouse verify` checks all of it)",
                );
        }
        match error {
            LogError::ReadOnly => Self::from_error(ExitKind::Usage, &error)
                .kept("nothing was written")
                .action("set `key` in [signing] to the signing key"),
            LogError::Unfit(_) => Self::from_error(ExitKind::Usage, &error)
                .kept("no lake was founded")
                .action(
                    "use a store that supports conditional writes, or a file system with hard links; a \
                     rerun will not help",
                ),
            LogError::Store(ref store)
            | LogError::Unclear {
                source: CreateError::Store(ref store),
                ..
            } => of_store(&error, store),
            LogError::TooLong { .. } => Self::from_error(ExitKind::Usage, &error)
                .kept(COMMITTED)
                .action("reduce `chunk_rows` in [run]"),
            _ => Self::from_error(ExitKind::Destination, &error)
                .kept(COMMITTED)
                .action("rerun; nothing was lost"),
        }
    }
}

/// A failure of the store of the lake, by what it means.
fn of_store(error: &dyn std::error::Error, store: &StoreError) -> Failure {
    let kind = match store.meaning() {
        StoreMeaning::Integrity => ExitKind::Integrity,
        StoreMeaning::Configuration => ExitKind::Usage,
        StoreMeaning::Permission | StoreMeaning::Passing => ExitKind::Destination,
    };
    Failure::from_error(kind, error)
        .kept(COMMITTED)
        .action(store.advice(StorePurpose::Lake))
}

impl From<DecisionError> for Failure {
    fn from(error: DecisionError) -> Self {
        match error {
            DecisionError::Ledger(error) => error.into(),
            DecisionError::UnprovenClock(_) => Self::from_error(ExitKind::Confirmation, &error)
                .kept("nothing was written or deleted")
                .action(CONFIRM_CLOCK),
            DecisionError::Overtaken => Self::from_error(ExitKind::Superseded, &error)
                .kept("nothing was changed")
                .action("make the plan again and check it"),
            DecisionError::Stale(_) => Self::from_error(ExitKind::Confirmation, &error)
                .kept("nothing was deleted")
                .action("read the plan again, and confirm what it shows now"),
            DecisionError::Remap(error) => error.into(),
            DecisionError::Plan(_) => Self::from_error(ExitKind::Unforeseen, &error)
                .kept(COMMITTED)
                .action("report this to the maintainers of trailhouse; a rerun is safe"),
        }
    }
}

impl From<RemapError> for Failure {
    fn from(error: RemapError) -> Self {
        match error {
            RemapError::Read(ref read) if read.is_integrity() => altered_lake(&error),
            RemapError::Layout(_) | RemapError::Column(_) => altered_lake(&error),
            RemapError::Read(ReadError::Store(ref store))
            | RemapError::Upload(CreateError::Store(ref store)) => of_store(&error, store),
            RemapError::Read(_) | RemapError::Upload(_) => {
                Self::from_error(ExitKind::Destination, &error)
                    .kept(COMMITTED)
                    .action("rerun; nothing was lost")
            }
            RemapError::Stopped => Self::from_error(ExitKind::Superseded, &error)
                .kept(COMMITTED)
                .action("run the same command again for a new plan, with fewer dates or a longer --deadline"),
            RemapError::Write(_) | RemapError::TooLarge | RemapError::Arrow(_) => {
                Self::from_error(ExitKind::Unforeseen, &error)
                    .kept(COMMITTED)
                    .action("report this to the maintainers of trailhouse; a rerun is safe")
            }
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Log(error) => error.into(),
            RunError::Decision(error) => error.into(),
            RunError::Index(error) => match error {
                LoadIndexError::Log(error) => error.into(),
                LoadIndexError::Read(error) => RunError::Read(error).into(),
                LoadIndexError::Layout(error) => RunError::Layout(error).into(),
                LoadIndexError::Copy { .. } => Self::from_error(ExitKind::Integrity, &error)
                    .kept(COMMITTED)
                    .action(
                        "find out who changed the bucket; the id index only repeats what is in the files, so \
                         it can be deleted, and the next run rebuilds it",
                    ),
            },
            RunError::Clock(ref found) => Self::from_error(ExitKind::Usage, &error)
                .kept("nothing was written or deleted")
                .action(clock_action(found)),
            RunError::OtherDate { .. } => Self::from_error(ExitKind::Usage, &error)
                .kept("nothing was written")
                .action("set the clock of this machine, or give today's date in UTC"),
            RunError::Hold(_) => {
                Self::from_error(ExitKind::Usage, &error).kept("nothing was changed")
            }
            RunError::NoLake => Self::from_error(ExitKind::Usage, &error)
                .kept("nothing was changed")
                .action("create it with `trailhouse run` or `trailhouse warehouse init`"),
            RunError::PastRetention(ref starts) => {
                let action = match &starts[..] {
                    [one] => format!("set `start` to \"{}\", or keep records longer", one.kept_from),
                    _ => "set `start` of each to the first date that is kept, or keep records longer"
                        .to_owned(),
                };
                Self::from_error(ExitKind::Usage, &error)
                    .kept("nothing was read or written for any source")
                    .action(action)
            }
            RunError::Randomness(_)
            | RunError::Cancelled
            | RunError::Rows(_)
            | RunError::Write(_)
            | RunError::Compare(_) => Self::from_error(ExitKind::Unforeseen, &error)
                .kept(COMMITTED)
                .action("report this to the maintainers of trailhouse; a rerun is safe"),
            RunError::Layout(_) => Self::from_error(ExitKind::Integrity, &error)
                .kept(COMMITTED)
                .action("run `trailhouse verify`"),
            RunError::Read(ref read) if read.is_integrity() => altered_lake(&error),
            RunError::GoneMeanwhile { .. } => Self::from_error(ExitKind::Superseded, &error)
                .kept(COMMITTED)
                .action("run again"),
            RunError::Read(ReadError::Store(ref store))
            | RunError::Upload(CreateError::Store(ref store)) => of_store(&error, store),
            RunError::Read(_) | RunError::Upload(_) => {
                Self::from_error(ExitKind::Destination, &error)
                    .kept(COMMITTED)
                    .action("rerun; nothing was lost")
            }
        }
    }
}

/// A file of the lake is missing, or does not match the ledger.
pub(super) fn altered_lake(error: &dyn std::error::Error) -> Failure {
    Failure::from_error(ExitKind::Integrity, error)
        .kept("nothing was written since this was found")
        .action(WHEN_CHANGED)
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Log(error) => error.into(),
            VerifyError::NoLedger(_) => Self::from_error(ExitKind::Usage, &error)
                .action("give the directory that contains `ledger/`"),
            VerifyError::Read(ref read) if read.is_integrity() => altered_lake(&error),
            VerifyError::Store(ref store) | VerifyError::Read(ReadError::Store(ref store))
                if store.meaning() == StoreMeaning::Configuration =>
            {
                of_store(&error, store)
            }
            VerifyError::Store(_) | VerifyError::Read(_) => {
                Self::from_error(ExitKind::Destination, &error)
                    .kept("nothing was changed")
                    .action("rerun; the store did not respond, so nothing is known about the lake")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::PastStart;

    #[test]
    fn what_a_store_refuses_for_good_is_not_called_passing() {
        let (action, object) = ("create", "s3://b/ledger/x".to_owned());
        let said = "why".to_owned();
        for (store, code, advice) in [
            (
                StoreError::Unclear {
                    action,
                    object: object.clone(),
                    said: said.clone(),
                },
                4,
                "rerun; nothing was lost",
            ),
            (
                StoreError::Denied {
                    action,
                    object: object.clone(),
                    said: said.clone(),
                },
                4,
                "grant the identity",
            ),
            (
                StoreError::Refused {
                    action,
                    object: object.clone(),
                    said: said.clone(),
                },
                2,
                "a rerun will not help",
            ),
            (
                StoreError::Unsupported {
                    action,
                    object: object.clone(),
                    said: said.clone(),
                },
                2,
                "conditional writes",
            ),
            (
                StoreError::NotFound {
                    object: object.clone(),
                    said: said.clone(),
                },
                2,
                "the bucket does not exist",
            ),
            (StoreError::Missing { object, said }, 6, "do not rerun"),
        ] {
            let unclear = LogError::Unclear {
                sequence: 7,
                source: CreateError::Store(store.clone()),
            };
            for failure in [
                Failure::from(LogError::Store(store.clone())),
                Failure::from(unclear),
                Failure::from(RunError::Upload(CreateError::Store(store.clone()))),
                Failure::from(RunError::Read(ReadError::Store(store.clone()))),
            ] {
                let action = failure.action.as_deref().unwrap();
                assert_eq!(failure.exit_code, code, "{failure:?}");
                assert!(action.contains(advice), "{failure:?}");
            }
        }
    }

    #[test]
    fn a_start_that_contradicts_the_rules_is_a_matter_of_configuration() {
        let start = |source: &str, tenants: &[&str], kept_from: &str| PastStart {
            source: source.to_owned(),
            tenants: tenants.iter().map(|it| (*it).to_owned()).collect(),
            start: "2024-01-01".parse().unwrap(),
            kept_from: kept_from.parse().unwrap(),
        };
        let one = start("a", &[], "2025-10-23");
        let failure = Failure::from(RunError::PastRetention(vec![one.clone()]));
        assert_eq!(failure.exit_code, 2);
        assert_eq!(
            &*failure.happened,
            "source a would read from 2024-01-01 on, and nothing of it from before 2025-10-23 is kept"
        );
        assert_eq!(
            failure.action.as_deref(),
            Some("set `start` to \"2025-10-23\", or keep records longer")
        );
        let two = vec![one, start("b", &["x", "y"], "2025-01-01")];
        let failure = Failure::from(RunError::PastRetention(two));
        assert!(failure.happened.contains("; source b would read x, y from"));
    }
}
