//! Asked to stop while it waits for somebody, the program ends within seconds, and at once when it is
//! asked again. The bounds here are generous: what is tested against would take minutes or for ever.

#![cfg(unix)]

use super::process::Place;
use crate::cli::{code, json, told, trailhouse};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Longer than any grace that is given, and much shorter than any wait that is interrupted.
const SOON: Duration = Duration::from_secs(45);

/// A server that does one thing with every connection.
struct Tiresome {
    address: String,
    connected: Receiver<()>,
}

impl Tiresome {
    fn new(behave: impl Fn(TcpStream) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (tell, connected) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let behave = behave.clone();
                std::thread::spawn(move || behave(stream));
                if tell.send(()).is_err() {
                    return;
                }
            }
        });
        Self { address, connected }
    }

    /// Takes the connection and never says anything: no answer, and no TLS either.
    fn silent() -> Self {
        Self::new(|mut stream| {
            let mut buffer = [0; 1024];
            while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
        })
    }

    /// Wants to be asked again in ten minutes.
    fn busy() -> Self {
        Self::new(|mut stream| {
            let mut buffer = [0; 8192];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(
                b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 600\r\nContent-Length: 0\r\n\
                  Connection: close\r\n\r\n",
            );
        })
    }

    /// Sends a byte now and then.
    fn trickling() -> Self {
        Self::new(|mut stream| {
            let mut buffer = [0; 8192];
            let _ = stream.read(&mut buffer);
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                         Content-Length: 1000000\r\n\r\n{";
            let mut sent = stream.write_all(head);
            while sent.is_ok() {
                std::thread::sleep(Duration::from_millis(200));
                sent = stream.write_all(b" ");
            }
        })
    }

    fn wait_until_asked(&self, child: &mut Child) {
        while self
            .connected
            .recv_timeout(Duration::from_millis(100))
            .is_err()
        {
            assert!(child.try_wait().unwrap().is_none(), "it asks nobody");
        }
        // Until it waits for the answer, or between two tries.
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn tell(child: &Child, signal: &str) {
    let kill = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
}

/// How it ended, soon.
fn ended(child: Child) -> Output {
    let began = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(began.elapsed() < SOON, "{}", told(&output));
    output
}

/// The place with its lake at another address, which speaks like S3.
fn with_lake_at(place: &Place, address: &str) {
    let path = place.path().join("trailhouse.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let lines = config
        .lines()
        .map(|line| match line.starts_with("url = \"file://") {
            true => format!(
                "url = \"s3://lake\"\noptions = {{ aws_region = \"eu-central-1\", aws_endpoint = \
             \"http://{address}\" }}"
            ),
            false => line.to_owned(),
        });
    let config: Vec<String> = lines.collect();
    std::fs::write(&path, config.join("\n")).unwrap();
}

fn spawn(place: &Place, args: &[&str]) -> Child {
    let mut command = trailhouse(place.path());
    command.args(args).env("NO_PROXY", "127.0.0.1");
    command.env("AWS_ACCESS_KEY_ID", "key");
    command.env("AWS_SECRET_ACCESS_KEY", "secret-key");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn a_wait_for_the_source_hears_the_request() {
    for source in [Tiresome::busy(), Tiresome::silent(), Tiresome::trickling()] {
        let place = Place::reading(&format!("http://{}", source.address), "");
        let mut child = place.run().spawn().unwrap();
        source.wait_until_asked(&mut child);
        tell(&child, "-TERM");
        let output = ended(child);
        assert_eq!(code(&output), 3, "{}", told(&output));
        let summary = json(&output);
        assert_eq!(summary["stopped"], true);
        assert!(summary["sources"][0]["failure"].is_null());
        assert_eq!(summary["sources"][0]["complete"], false);
    }
}

#[test]
fn a_handshake_that_never_ends_hears_it_too() {
    let source = Tiresome::silent();
    let place = Place::reading(&format!("https://{}", source.address), "");
    let mut child = place.run().spawn().unwrap();
    source.wait_until_asked(&mut child);
    tell(&child, "-INT");
    let output = ended(child);
    assert_eq!(code(&output), 3, "{}", told(&output));
}

#[test]
fn a_wait_for_the_store_ends_within_its_grace() {
    for (store, cut_off) in [(Tiresome::silent(), true), (Tiresome::busy(), false)] {
        let place = Place::reading("http://127.0.0.1:9", "");
        with_lake_at(&place, &store.address);
        let mut child = spawn(&place, &["run", "--output", "json"]);
        store.wait_until_asked(&mut child);
        tell(&child, "-TERM");
        let output = ended(child);
        assert_eq!(code(&output), 4, "{}", told(&output));
        let said = json(&output)["error"]["happened"].to_string();
        // The client may have given up by itself before.
        assert!(said.contains("asked to stop") || !cut_off, "{said}");
    }
}

#[test]
fn the_second_request_ends_it_at_once() {
    let store = Tiresome::silent();
    let place = Place::reading("http://127.0.0.1:9", "");
    with_lake_at(&place, &store.address);
    for (signals, ends_with) in [(["-TERM", "-TERM"], 143), (["-TERM", "-INT"], 130)] {
        let mut child = spawn(&place, &["run"]);
        store.wait_until_asked(&mut child);
        tell(&child, signals[0]);
        std::thread::sleep(Duration::from_millis(500));
        tell(&child, signals[1]);
        let output = ended(child);
        assert_eq!(code(&output), ends_with, "{}", told(&output));
        assert!(told(&output).contains("second request to stop"));
    }
}

#[test]
fn every_other_command_ends_at_the_first_request() {
    let store = Tiresome::silent();
    let place = Place::reading("http://127.0.0.1:9", "");
    with_lake_at(&place, &store.address);
    let commands: [&[&str]; 7] = [
        &["doctor", "--output", "json"],
        &["status", "--output", "json"],
        &["plan", "--output", "json"],
        &["clock", "show", "--output", "json"],
        &["hold", "list", "--output", "json"],
        &["sweep", "--output", "json"],
        #[cfg(feature = "query")]
        &["query", "SELECT 1", "--output", "json"],
    ];
    for args in commands {
        let mut child = spawn(&place, args);
        store.wait_until_asked(&mut child);
        tell(&child, "-TERM");
        let output = ended(child);
        assert_eq!(code(&output), 143, "{args:?}: {}", told(&output));
        let said = json(&output);
        assert_eq!(said["exit_code"], 143, "{args:?}");
        assert_eq!(said["error"]["kind"], "terminated", "{args:?}");
    }
}

#[cfg(feature = "query")]
#[test]
fn a_command_that_reads_stdin_ends_at_the_first_request() {
    let place = Place::reading("http://127.0.0.1:9", "");
    let mut command = trailhouse(place.path());
    command.args(["query"]).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdin = child.stdin.take();
    std::thread::sleep(Duration::from_secs(2));
    tell(&child, "-TERM");
    let output = ended(child);
    drop(stdin);
    assert_eq!(code(&output), 143, "{}", told(&output));
}

#[test]
fn a_wait_for_the_warehouse_ends_within_its_grace() {
    for service in [Tiresome::silent(), Tiresome::busy()] {
        let platform = Tiresome::new(|mut stream| {
            let mut buffer = [0; 8192];
            let _ = stream.read(&mut buffer);
            let body = "{\"results\":[],\"total\":0}";
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes());
        });
        let place = Place::reading(&format!("http://{}", platform.address), "");
        let path = place.path().join("trailhouse.toml");
        let mut config = std::fs::read_to_string(&path).unwrap();
        config.push_str(&format!(
            "[[warehouse]]\nname = \"bq\"\nkind = \"bigquery\"\nproject = \"acme-audit\"\n\
             dataset = \"audit\"\nlocation = \"EU\"\nendpoint = \"http://{}\"\n\
             auth = {{ none = true }}\n\
             staging = {{ url = \"gs://staging/copies\", options = {{ google_base_url = \"http://{}\" }} }}\n",
            service.address, service.address
        ));
        std::fs::write(&path, config).unwrap();
        let mut child = spawn(&place, &["run", "--output", "json"]);
        service.wait_until_asked(&mut child);
        tell(&child, "-TERM");
        let output = ended(child);
        let summary = json(&output);
        assert_eq!(summary["stopped"], true, "{}", told(&output));
        // Founded, and the receipt is written: nothing of the lake is lost.
        assert!(place.entries() >= 2, "{}", told(&output));
    }
}
