//! An emulator of BigQuery that reads `gs://` from a folder.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::missing::Stop;
use crate::process::Server;
use crate::python::Environment;

/// local-bigquery on loopback, without any data; it ends with this value.
///
/// It takes any credentials and makes a project when it is first named. What it gets wrong of BigQuery
/// and is put right stands in the script that starts it. What stays wrong, so that no test may rest on
/// it: every job and table is in the location `US`, whatever was asked for; `table$20261123` is a table
/// of that name, not a partition; partitions never expire; nothing costs any bytes; a column of the
/// files that the schema of a load leaves out is left out.
pub(crate) struct BigQuery {
    // Dropped in this order: the server has ended when its folder is removed.
    server: Server,
    environment: Environment,
    _data: TempDir,
}

impl BigQuery {
    /// Starts it. `gs://bucket/name` is then the file `<gcs>/bucket/name`.
    pub(crate) fn start(gcs: &Path) -> Result<Self, Stop> {
        let environment = Environment::new("local_bigquery")?;
        let data = tempfile::tempdir()?;
        let mut command = environment.script("local_bigquery_server.py");
        command.arg(data.path()).arg(gcs);
        Ok(Self {
            server: Server::start(command)?,
            environment,
            _data: data,
        })
    }

    /// The root of its REST interface, `http://127.0.0.1:<port>`, to which clients add
    /// `/bigquery/v2`.
    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    /// A script of ours that has Google's client of BigQuery.
    pub(crate) fn script(&self, name: &str) -> Command {
        self.environment.script(name)
    }
}
