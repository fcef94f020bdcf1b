//! Google's own client, asked again and again.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::missing::Stop;

/// The script that has the client; it ends with this value.
pub(super) struct Judge {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Judge {
    /// Starts `warehouse_judge.py` with its arguments.
    pub(super) fn start(mut script: Command, arguments: &[&str]) -> Result<Self, Stop> {
        let mut child = script
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let Some((stdin, stdout)) = pipes else {
            return Err(Stop::Failed("the judge has no pipes".to_owned()));
        };
        Ok(Self {
            child,
            pipes: Mutex::new((stdin, BufReader::new(stdout))),
        })
    }

    /// What it answers to a request, which the service must not refuse.
    pub(super) fn ask(&self, request: &Value) -> Result<Value, Stop> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let (stdin, stdout) = &mut *pipes;
        writeln!(stdin, "{request}")?;
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line)
            .map_err(|_| Stop::Failed(format!("{request}: the judge ended")))?;
        match said.get("answer") {
            Some(answer) => Ok(answer.clone()),
            None => Err(Stop::Failed(format!("{request}: {said}"))),
        }
    }

    /// Runs a statement and returns its answer.
    pub(super) fn sql(&self, sql: &str) -> Result<Value, Stop> {
        self.ask(&json!({ "do": "sql", "sql": sql }))
    }

    /// Changes rows, of which there must be some. Returns how many.
    pub(super) fn change(&self, sql: &str) -> Result<u64, Stop> {
        let said = self.sql(sql)?;
        let affected = said["affected"].as_u64().unwrap_or(0);
        assert!(affected > 0, "{sql}: {said}");
        Ok(affected)
    }

    /// Demands that the tables hold exactly the rows of the ledger, and says how many: of events and
    /// of quarantine.
    pub(super) fn assert_holds(
        &self,
        dataset: &str,
        lake: &Path,
        when: &str,
    ) -> Result<(u64, u64), Stop> {
        let said = self.ask(&json!({ "do": "holds", "dataset": dataset, "lake": lake }))?;
        let rows = |table: &str| {
            let said = &said[table];
            let none = json!([]);
            assert_eq!(said["missing"], none, "{when}: {table}: {said}");
            assert_eq!(said["surplus"], none, "{when}: {table}: {said}");
            assert_eq!(said["wanted"], said["found"], "{when}: {table}: {said}");
            said["found"].as_u64().unwrap_or(0)
        };
        let found = (rows("audit_events"), rows("audit_quarantine"));
        let uids = said["audit_events"]["uids"].as_u64();
        assert_eq!(uids, Some(found.0), "{when}: {said}");
        Ok(found)
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        // Both fail only where the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
