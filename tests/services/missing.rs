//! Tests that may find a part missing, and the account of what was missing.

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Trial};

/// Set to `require` where every part must be present, as in continuous integration.
const POLICY: &str = "TRAILHOUSE_SERVICES";

/// Why a test did not pass.
pub(crate) enum Stop {
    /// A part that the test needs cannot be had on this machine; one line says which and why.
    Missing(String),
    /// What was tested is wrong, or the test could not do its work.
    Failed(String),
}

impl<E: Error> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

/// The tests of this binary, and which of them could not be run.
pub(crate) struct Suite {
    trials: Vec<Trial>,
    missing: Arc<Mutex<Vec<(String, String)>>>,
    required: bool,
}

impl Suite {
    /// An empty suite under the policy that the environment asks for.
    pub(crate) fn from_environment() -> Result<Self, String> {
        let policy = env::var_os(POLICY).unwrap_or_default();
        let required = policy == "require";
        if !required && !policy.is_empty() {
            return Err(format!(
                "{POLICY} may be unset or `require`, found `{}`",
                policy.display()
            ));
        }
        Ok(Self {
            trials: Vec::new(),
            missing: Arc::default(),
            required,
        })
    }

    /// Adds a test.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        test: impl FnOnce() -> Result<(), Stop> + Send + 'static,
    ) {
        let name = name.into();
        let missing = Arc::clone(&self.missing);
        let required = self.required;
        let trial = Trial::ignorable_test(name.clone(), move || match test() {
            Ok(()) => Ok(Completion::Completed),
            Err(Stop::Failed(message)) => Err(message.into()),
            Err(Stop::Missing(what)) => {
                missing
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((name, what.clone()));
                if required {
                    Err(format!("missing: {what}").into())
                } else {
                    Ok(Completion::ignored_with(what))
                }
            }
        });
        self.trials.push(trial);
    }

    /// Adds a test that nobody has asked for here. It is no part that is missing.
    pub(crate) fn ignore(&mut self, name: &str, why: &'static str) {
        let ignored = move || Ok(Completion::ignored_with(why));
        self.trials.push(Trial::ignorable_test(name, ignored));
    }

    /// Runs the tests and prints what was missing after everything else.
    pub(crate) fn run(self, arguments: &Arguments) -> ExitCode {
        let conclusion = libtest_mimic::run(arguments, self.trials);
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.sort();
        if !missing.is_empty() {
            println!("not run, because a part is missing on this machine:");
            for (test, what) in missing.iter() {
                println!("    {test}: {what}");
            }
            if !self.required {
                println!("({POLICY}=require makes this a failure)");
            }
        }
        conclusion.exit_code()
    }
}
