//! What a job needs around it: a platform, a lake, a staging bucket, a warehouse and its judge.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::judge::Judge;
use crate::bigquery::BigQuery;
use crate::job::{PROGRAM, job, trailhouse};
use crate::localbucket::LocalBucket;
use crate::missing::Stop;
use crate::process::Server;
use crate::stores::Place;

pub(super) const PROJECT: &str = "acme-audit";
/// Where the emulator has everything.
pub(super) const LOCATION: &str = "US";
const STAGING: &str = "staging";

/// The parts of others that a job with a lake on disk loads with.
pub(super) struct Cloud {
    pub(super) bigquery: BigQuery,
    pub(super) judge: Judge,
    staging: LocalBucket,
}

impl Cloud {
    pub(super) fn start() -> Result<Self, Stop> {
        let staging = LocalBucket::start()?;
        fs::create_dir(staging.root().join(STAGING))?;
        let bigquery = BigQuery::start(staging.root())?;
        let judge = judge_of(&bigquery)?;
        Ok(Self {
            bigquery,
            judge,
            staging,
        })
    }

    /// A `[[warehouse]]` of a dataset of this emulator.
    pub(super) fn warehouse(&self, name: &str, dataset: &str) -> String {
        self.warehouse_at(name, dataset, self.bigquery.url())
    }

    /// The same behind another address.
    pub(super) fn warehouse_at(&self, name: &str, dataset: &str, endpoint: &str) -> String {
        let staging = format!(
            "staging = {{ url = \"gs://{STAGING}/copies\", options = {{ google_base_url = \"{}\" }} }}\n",
            self.staging.url()
        );
        warehouse(name, dataset, endpoint) + &staging
    }

    /// Names of the copies that lie at the staging location.
    pub(super) fn copies(&self) -> Result<Vec<PathBuf>, Stop> {
        let mut copies = Vec::new();
        let mut folders = vec![self.staging.root().join(STAGING)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    copies.push(path);
                }
            }
        }
        Ok(copies)
    }
}

pub(super) fn judge_of(bigquery: &BigQuery) -> Result<Judge, Stop> {
    let script = bigquery.script("warehouse_judge.py");
    Judge::start(script, &[PROJECT, LOCATION, bigquery.url()])
}

/// A `[[warehouse]]` without staging.
pub(super) fn warehouse(name: &str, dataset: &str, endpoint: &str) -> String {
    format!(
        "[[warehouse]]\nname = \"{name}\"\nkind = \"bigquery\"\nproject = \"{PROJECT}\"\n\
         dataset = \"{dataset}\"\nlocation = \"{LOCATION}\"\nauth = {{ none = true }}\n\
         labels = {{ team = \"security\" }}\nendpoint = \"{endpoint}\"\nretry_for = \"20s\"\n"
    )
}

/// A platform with a few hundred records, some of them so odd that they are quarantined.
pub(super) fn platform(seed: u32, days: u32) -> Result<Server, Stop> {
    let mut command = Command::new(PROGRAM);
    command
        .args(["demo-platform", "--listen", "127.0.0.1:0"])
        .args(["--days", &days.to_string()])
        .args(["--events", "300", "--odd", "12", "--no-incidents"])
        .args(["--seed", &seed.to_string()])
        // Old enough to be read: nothing is left for a later run.
        .arg("--end")
        .arg((chrono::Utc::now() - chrono::TimeDelta::hours(1)).to_rfc3339());
    Server::start(command)
}

/// A folder with a configuration and a key, and where the objects of its lake are files.
pub(super) struct Job {
    folder: TempDir,
    pub(super) lake: PathBuf,
    platforms: Vec<Server>,
}

impl Job {
    /// A job with a lake on disk that has no warehouse yet, and an entry for each of so many days.
    pub(super) fn on_disk(days: u32) -> Result<Self, Stop> {
        let folder = tempfile::tempdir()?;
        let lake = folder.path().join("lake");
        fs::create_dir(&lake)?;
        let place = Place::on_disk(&lake);
        Self::new(folder, lake, platform(1, days)?, &place)
    }

    pub(super) fn new(
        folder: TempDir,
        lake: PathBuf,
        platform: Server,
        place: &Place,
    ) -> Result<Self, Stop> {
        job(folder.path(), &platform, place)?;
        Ok(Self {
            folder,
            lake,
            platforms: vec![platform],
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self) -> PathBuf {
        self.path().join("trailhouse.toml")
    }

    /// Adds tables to the configuration.
    pub(super) fn configure(&self, tables: &str) -> Result<(), Stop> {
        let text = fs::read_to_string(self.config())?;
        Ok(fs::write(self.config(), text + tables)?)
    }

    /// Changes words of the configuration.
    pub(super) fn reconfigure(&self, from: &str, to: &str) -> Result<(), Stop> {
        let text = fs::read_to_string(self.config())?;
        assert!(text.contains(from), "{text}");
        Ok(fs::write(self.config(), text.replace(from, to))?)
    }

    /// A second source, whose records come in with the next run.
    pub(super) fn add_source(&mut self, id: &str, seed: u32) -> Result<(), Stop> {
        let platform = platform(seed, 8)?;
        self.configure(&format!(
            "[[source]]\nid = \"{id}\"\nplatform = \"kestra\"\nurl = \"{}\"\ndialect = \"v2\"\n\
             tenants = [\"main\"]\nauth = {{ bearer = {{ env = \"KESTRA_TOKEN\" }} }}\n\
             start = \"earliest\"\n",
            platform.url()
        ))?;
        self.platforms.push(platform);
        Ok(())
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        trailhouse(self.path(), arguments)
    }

    /// Runs the program to its end.
    pub(super) fn tell(&self, arguments: &[&str]) -> Result<Told, Stop> {
        Told::of(arguments, self.command(arguments).output()?)
    }

    /// Runs the program, which has to end with this code.
    pub(super) fn ends(&self, code: i32, arguments: &[&str]) -> Result<Value, Stop> {
        self.tell(arguments)?.ends(code)
    }

    /// Runs the program, which has to die at a failpoint.
    pub(super) fn dies(&self, at: &str, arguments: &[&str]) -> Result<(), Stop> {
        let mut command = self.command(arguments);
        let died = command.env("TRAILHOUSE_FAILPOINT", at).output()?;
        let told = String::from_utf8_lossy(&died.stderr).into_owned();
        assert_eq!(died.status.code(), None, "{at}: {told}");
        Ok(())
    }

    /// The id that a rebuild of what differs has to be confirmed by.
    pub(super) fn plan(&self) -> Result<String, Stop> {
        let said = self.ends(8, &["warehouse", "rebuild"])?;
        Ok(said["plan"].as_str().unwrap_or_default().to_owned())
    }
}

/// How the program ended and what it said.
#[derive(Debug)]
pub(super) struct Told {
    asked: String,
    pub(super) code: Option<i32>,
    pub(super) said: Value,
    errors: String,
}

impl Told {
    pub(super) fn of(arguments: &[&str], output: Output) -> Result<Self, Stop> {
        Ok(Self {
            asked: arguments.join(" "),
            code: output.status.code(),
            said: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// What it said, if it ended with this code.
    pub(super) fn ends(self, code: i32) -> Result<Value, Stop> {
        if self.code == Some(code) {
            return Ok(self.said);
        }
        Err(Stop::Failed(format!(
            "{} ended with {:?}, not {code}:\n{:#}\n{}",
            self.asked, self.code, self.said, self.errors
        )))
    }
}
