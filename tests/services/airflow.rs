//! A real Airflow 3: what its own database logged is in the lake, event by event, what its lists leave out as well.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::job::{PROGRAM, document, finished, trailhouse};
use crate::missing::{Stop, Suite};
use crate::process::Server;
use crate::python::Environment;
use crate::stores::{Place, runtime};

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("airflow::every_event_that_it_logged_is_in_the_lake", events);
}

/// Users of the simple auth manager, with their roles; the password is the name twice.
const USERS: &str = "admin:admin,op:op,bob:viewer";

const DAGS: &str = r#"from datetime import datetime

from airflow.sdk import dag, task


def make(name):
    @dag(dag_id=name, schedule=None, start_date=datetime(2026, 1, 1), catchup=False)
    def audited():
        @task
        def hello():
            print("hello")

        hello()

    return audited()


kept = make("kept")
dropped = make("dropped")
"#;

/// An Airflow on a port of its own, on SQLite in a folder that goes with it.
struct Airflow {
    environment: Environment,
    home: TempDir,
    port: u16,
    server: Server,
}

impl Airflow {
    fn start() -> Result<Self, Stop> {
        let environment = Environment::new("airflow")?;
        let home = tempfile::tempdir()?;
        let dags = home.path().join("dags");
        fs::create_dir(&dags)?;
        fs::write(dags.join("audited.py"), DAGS)?;
        let names = USERS.split(',').filter_map(|user| user.split_once(':'));
        let passwords: BTreeMap<&str, String> =
            names.map(|(name, _)| (name, password(name))).collect();
        fs::write(
            home.path().join("passwords.json"),
            serde_json::to_vec(&passwords)?,
        )?;
        let port = free_port()?;
        let airflow = |arguments: &[&str]| command(&environment, home.path(), port, arguments);
        finished(&mut airflow(&["db", "migrate"]))?;
        finished(&mut airflow(&["dags", "reserialize"]))?;
        let mut server = airflow(&["api-server", "--host", "127.0.0.1", "--workers", "1"]);
        server.args(["--port", &port.to_string()]);
        let server = Server::start(server)?;
        Ok(Self {
            environment,
            home,
            port,
            server,
        })
    }

    /// Has the scheduler look so often for what is to be run, and run it.
    fn schedule(&self, rounds: u32) -> Result<(), Stop> {
        let rounds = rounds.to_string();
        let arguments = ["scheduler", "--skip-serve-logs", "--num-runs", &rounds];
        let mut scheduler = command(&self.environment, self.home.path(), self.port, &arguments);
        finished(&mut scheduler).map(drop)
    }

    /// Calls the interface as a user, and returns the status.
    fn call(
        &self,
        user: &User,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<StatusCode, Stop> {
        let url = format!("{}/api/v2/{path}", self.server.url());
        let mut request = client()?.request(method, url).bearer_auth(&user.token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        Ok(runtime()?.block_on(request.send())?.status())
    }

    fn sign_in(&self, name: &str) -> Result<User, Stop> {
        let login = json!({ "username": name, "password": password(name) });
        let request = client()?
            .post(format!("{}/auth/token", self.server.url()))
            .header("content-type", "application/json")
            .body(login.to_string());
        let answer = runtime()?.block_on(async { request.send().await?.bytes().await })?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let token = answer["access_token"].as_str();
        let token = token.ok_or_else(|| Stop::Failed(format!("no token for {name}: {answer}")))?;
        Ok(User {
            token: token.to_owned(),
        })
    }

    /// What its database has, by id.
    fn log(&self) -> Result<BTreeMap<i64, Value>, Stop> {
        let mut script = self.environment.script("airflow_log.py");
        let output = finished(script.arg(self.home.path().join("airflow.db")))?;
        let rows: Vec<Value> = serde_json::from_slice(&output.stdout)?;
        let by_id = rows
            .into_iter()
            .filter_map(|row| Some((row["id"].as_i64()?, row)));
        Ok(by_id.collect())
    }
}

struct User {
    token: String,
}

fn password(name: &str) -> String {
    name.repeat(2)
}

fn client() -> Result<reqwest::Client, Stop> {
    Ok(reqwest::Client::builder().no_proxy().build()?)
}

/// A port that nothing listens on now. The server takes no port 0.
fn free_port() -> Result<u16, Stop> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The program of an Airflow whose server listens on this port.
fn command(environment: &Environment, home: &Path, port: u16, arguments: &[&str]) -> Command {
    let mut command = environment.program("airflow");
    command.args(arguments);
    let passwords = home.join("passwords.json").display().to_string();
    let execution = format!("http://127.0.0.1:{port}/execution/");
    let secret = "a-secret-of-a-test-that-is-long-enough-for-hs512-signatures-0123456789";
    for (name, value) in [
        ("AIRFLOW_HOME", home.display().to_string().as_str()),
        ("AIRFLOW__CORE__LOAD_EXAMPLES", "False"),
        ("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", &execution),
        ("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", USERS),
        (
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
            &passwords,
        ),
        ("AIRFLOW__API_AUTH__JWT_SECRET", secret),
        ("AIRFLOW__API__SECRET_KEY", "a-secret-of-a-test"),
        ("NO_PROXY", "127.0.0.1,localhost"),
    ] {
        command.env(name, value);
    }
    command
}

/// People change things, one of them without the right to, some of them in vain.
fn act(airflow: &Airflow, has_dropped: bool) -> Result<(), Stop> {
    let (admin, op, bob) = (
        airflow.sign_in("admin")?,
        airflow.sign_in("op")?,
        airflow.sign_in("bob")?,
    );
    let secret = json!({ "key": "db_password", "value": "s3cret", "description": "demo" });
    let connection = json!({
        "connection_id": "pg1", "conn_type": "postgres", "host": "db.example", "password": "pw",
        "extra": "{\"sslmode\":\"require\"}",
    });
    let pool = json!({ "name": "p1", "slots": 3 });
    let bulk = json!({ "actions": [
        { "action": "create", "entities": [{ "key": "a", "value": "1" }, { "key": "b", "value": "2" }] },
    ] });
    let run = json!({ "logical_date": null, "conf": { "k": "v" } });
    let pause = |paused: bool| json!({ "is_paused": paused });
    let of_dropped = if has_dropped { 200 } else { 404 };
    let (post, patch, delete) = (Method::POST, Method::PATCH, Method::DELETE);
    for (user, method, path, body, status) in [
        (&admin, &post, "variables", Some(&secret), 201),
        (&admin, &patch, "variables/db_password", Some(&secret), 200),
        (&admin, &post, "variables", Some(&secret), 409),
        (&bob, &delete, "variables/db_password", None, 403),
        (&admin, &delete, "variables/db_password", None, 204),
        (&admin, &delete, "variables/nosuch", None, 404),
        (&admin, &patch, "variables", Some(&bulk), 200),
        (&admin, &post, "connections", Some(&connection), 201),
        (&bob, &delete, "connections/pg1", None, 403),
        (&admin, &delete, "connections/pg1", None, 204),
        (&admin, &post, "pools", Some(&pool), 201),
        (&admin, &delete, "pools/p1", None, 204),
        (&op, &patch, "dags/kept", Some(&pause(false)), 200),
        (&op, &patch, "dags/dropped", Some(&pause(false)), of_dropped),
        (&op, &post, "dags/kept/dagRuns", Some(&run), 200),
        (&op, &post, "dags/dropped/dagRuns", Some(&run), of_dropped),
        (&bob, &post, "dags/kept/dagRuns", Some(&run), 403),
        (&op, &post, "dags/nosuch/dagRuns", Some(&run), 404),
        (&op, &patch, "dags/dropped", Some(&pause(true)), of_dropped),
    ] {
        let answered = airflow.call(user, method.clone(), path, body)?;
        assert_eq!(answered.as_u16(), status, "{method} {path}");
    }
    Ok(())
}

/// A folder with a key and a configuration, for a job that reads `airflow` up to now.
fn job(airflow: &Airflow) -> Result<(TempDir, PathBuf), Stop> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    fs::create_dir(&lake)?;
    let key = folder.path().join("writer.key");
    finished(
        Command::new(PROGRAM)
            .args(["keygen", "--name", "test/writer", "-o"])
            .arg(&key),
    )?;
    fs::write(folder.path().join("airflow.password"), password("admin"))?;
    let config = format!(
        r#"version = 1
[lake]
{lake}
[signing]
key = {{ file = "writer.key" }}
[[source]]
id = "airflow-test"
platform = "airflow"
url = "{url}"
dialect = "v2"
auth = {{ password = {{ username = "admin", password = {{ file = "airflow.password" }} }} }}
start = "earliest"
settle = "0s"
"#,
        lake = Place::on_disk(&lake).table(),
        url = airflow.server.url(),
    );
    fs::write(folder.path().join("trailhouse.toml"), config)?;
    let path = folder.path().to_owned();
    Ok((folder, path))
}

/// Reads all that happened until now.
fn run(folder: &Path, arguments: &[&str]) -> Result<Value, Stop> {
    // Servers tell the time in whole seconds, and a run reads up to the earliest clock.
    thread::sleep(Duration::from_secs(2));
    document(folder, &[&["run"], arguments].concat())
}

/// What the lake has, by the platform's id.
fn lake(folder: &Path) -> Result<BTreeMap<i64, Value>, Stop> {
    const SQL: &str =
        "SELECT raw, outcome, category, actor_uid, actor_type, resource_uid FROM audit_events";
    let output = finished(&mut trailhouse(folder, &["query", SQL]))?;
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let mut by_id = BTreeMap::new();
    for mut row in rows {
        let raw: Value = serde_json::from_str(row["raw"].as_str().unwrap_or_default())?;
        let id = raw["event_log_id"].as_i64();
        row["raw"] = raw;
        let before = id.and_then(|id| by_id.insert(id, row));
        assert!(before.is_none(), "{before:?} is there twice");
    }
    Ok(by_id)
}

/// The lake has what the database has, and nothing else.
fn agree(airflow: &Airflow, folder: &Path) -> Result<usize, Stop> {
    let (log, lake) = (airflow.log()?, lake(folder)?);
    let ids = |rows: &BTreeMap<i64, Value>| rows.keys().copied().collect::<Vec<_>>();
    assert_eq!(ids(&lake), ids(&log));
    for (id, logged) in &log {
        let kept = &lake[id]["raw"];
        for column in ["dag_id", "run_id", "event", "owner", "extra"] {
            assert_eq!(kept[column], logged[column], "{column} of {id}");
        }
        // SQLite writes "2026-11-24 20:47:32.381597".
        let time = logged["dttm"]
            .as_str()
            .unwrap_or_default()
            .replace(' ', "T");
        let when = kept["when"].as_str().unwrap_or_default();
        assert!(when.starts_with(&time), "{when} of {id} is not {time}");
    }
    Ok(log.len())
}

fn events() -> Result<(), Stop> {
    let airflow = Airflow::start()?;
    act(&airflow, true)?;
    airflow.schedule(30)?;
    let (_guard, folder) = job(&airflow)?;
    let doctor = trailhouse(&folder, &["doctor"]).output()?;
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("applies filters"), "{said}");
    let first = run(&folder, &[])?;
    let logged = agree(&airflow, &folder)?;
    assert_eq!(
        first["sources"][0]["counts"]["added"].as_u64(),
        Some(logged as u64),
        "{first}"
    );
    let rows = lake(&folder)?;
    let of = |event: &str, owner: &str| -> Vec<&Value> {
        let is_it = |row: &&Value| row["raw"]["event"] == event && row["raw"]["owner"] == owner;
        rows.values().filter(is_it).collect()
    };
    // What was denied is logged like what was done, and is no success.
    let denied = of("delete_variable", "bob");
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0]["outcome"], "unknown");
    assert_eq!(denied[0]["resource_uid"], "db_password");
    // Only a task is said to have succeeded.
    let succeeded = rows.values().filter(|row| row["outcome"] == "success");
    let succeeded: Vec<&Value> = succeeded.collect();
    assert!(!succeeded.is_empty());
    for row in succeeded {
        assert_eq!(row["raw"]["task_id"], "hello", "{row}");
        assert_eq!(row["raw"]["event"], "success", "{row}");
        assert_eq!(row["actor_type"], "system", "{row}");
    }
    assert_eq!(of("delete_variable", "admin").len(), 2);

    // A DAG is deleted: the list lacks all of its events, and the lake does not.
    let admin = airflow.sign_in("admin")?;
    let deleted = airflow.call(&admin, Method::DELETE, "dags/dropped", None)?;
    assert!(deleted.is_success(), "{deleted}");
    act(&airflow, false)?;
    let second = run(&folder, &["--recount", "30d"])?;
    let counts = &second["sources"][0]["counts"];
    assert_eq!(counts["changed"].as_u64(), Some(0), "{second}");
    assert!(agree(&airflow, &folder)? > logged);
    // A lake that begins now has the same.
    let (_guard, fresh) = job(&airflow)?;
    run(&fresh, &[])?;
    agree(&airflow, &fresh)?;
    let hidden = lake(&fresh)?;
    let of_deleted = hidden
        .values()
        .filter(|row| row["raw"]["dag_id"] == "dropped")
        .count();
    assert!(of_deleted >= 4, "{of_deleted}");
    let status = document(&fresh, &["status"])?;
    assert_eq!(status["exit_code"].as_u64(), Some(0), "{status}");
    Ok(())
}
