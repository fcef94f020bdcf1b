//! Certificates, authorities and proxies, seen from the program as a process.

#![cfg(unix)]

use super::process::Place;
use crate::cli::{code, json, told, trailhouse};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;
use std::sync::{Arc, Mutex};

/// A server that answers every request alike and keeps the heads of the requests.
struct Server {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answer: &str, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (heads.clone(), answer.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer, tls) = (kept.clone(), answer.clone(), tls.clone());
                std::thread::spawn(move || match tls {
                    Some(config) => {
                        let session = ServerConnection::new(config).unwrap();
                        serve(StreamOwned::new(session, stream), &answer, &kept);
                    }
                    None => serve(stream, &answer, &kept),
                });
            }
        });
        Self { address, heads }
    }

    fn plain(answer: &str) -> Self {
        Self::new(answer, None)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(mut stream: impl Read + Write, answer: &str, heads: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            // TLS, where there is none.
            Ok(1) if head.is_empty() && byte == [0x16] => break,
            Ok(1) => head.push(byte[0]),
            // A handshake that failed leaves no head, but is a visit all the same.
            _ => break,
        }
    }
    heads
        .lock()
        .unwrap()
        .push(String::from_utf8_lossy(&head).into_owned());
    let _ = stream.write_all(answer.as_bytes());
    let _ = stream.flush();
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn empty_page() -> String {
    answer("200 OK", "application/json", r#"{"results":[],"total":0}"#)
}

/// An authority of our own.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    fn server(&self, host: &str, years: (i32, i32)) -> Server {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Server::new(&empty_page(), Some(Arc::new(config)))
    }
}

/// A place that reads from a platform and trusts the authority.
fn place(platform: &str, authority: Option<&Authority>) -> Place {
    let place = Place::reading(platform, "");
    if let Some(authority) = authority {
        std::fs::write(place.path().join("ca.pem"), &authority.pem).unwrap();
        add(&place, "[network]\nca_file = \"ca.pem\"\n");
    }
    place
}

fn add(place: &Place, more: &str) {
    let path = place.path().join("trailhouse.toml");
    let mut config = std::fs::read_to_string(&path).unwrap();
    config.push_str(more);
    std::fs::write(&path, config).unwrap();
}

/// Adds a warehouse at an address, of which nothing else can be reached.
fn add_warehouse(place: &Place, endpoint: &str, auth: &str) {
    let staging =
        r#"{ url = "gs://staging/copies", options = { google_base_url = "http://127.0.0.1:9" } }"#;
    add(
        place,
        &format!(
            "[[warehouse]]\nname = \"bq\"\nkind = \"bigquery\"\nproject = \"acme-audit\"\n\
             dataset = \"audit\"\nlocation = \"EU\"\nendpoint = \"{endpoint}\"\nauth = {{ {auth} = true }}\n\
             staging = {staging}\n"
        ),
    );
}

const PROXIES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

fn does(place: &Place, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = trailhouse(place.path());
    for name in PROXIES {
        command.env_remove(name);
    }
    command.env("HOME", place.path());
    command.env_remove("SSL_CERT_DIR");
    command.args(args).args(["--output", "json"]);
    command.envs(variables.iter().copied());
    command.output().unwrap()
}

fn failure_of_source(output: &Output) -> (String, String, String) {
    let summary = json(output);
    let failure = &summary["sources"][0]["failure"];
    let text = |key: &str| failure[key].as_str().unwrap_or_default().to_owned();
    (text("code"), text("message"), text("action"))
}

#[test]
fn ca_file_adds_an_authority_to_those_of_the_machine() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", (2020, 2999));
    let url = format!("https://{}", server.address);
    let output = does(&place(&url, Some(&authority)), &["run"], &[]);
    assert_eq!(code(&output), 0, "{}", told(&output));
    let output = does(&place(&url, Some(&authority)), &["doctor"], &[]);
    let shown = told(&output);
    assert!(shown.contains(" of this machine, 1 of "), "{shown}");
    assert!(shown.contains("way to source kestra-test"), "{shown}");
    // SSL_CERT_FILE replaces the roots of the machine, and `ca_file` adds to what it names.
    let place = place(&url, Some(&authority));
    let other = place.path().join("other.pem");
    std::fs::write(&other, Authority::new().pem).unwrap();
    let other = [("SSL_CERT_FILE", other.to_str().unwrap())];
    let shown = told(&does(&place, &["doctor"], &other));
    assert!(shown.contains("1 of this machine, 1 of "), "{shown}");
}

#[test]
fn a_certificate_that_is_not_in_order_is_final_at_once_and_says_what_to_do() {
    let authority = Authority::new();
    let valid = (2020, 2999);
    for (host, years, trusted, message, action) in [
        (
            "127.0.0.1",
            valid,
            false,
            "not trusted here",
            "`ca_file` in [network]",
        ),
        (
            "127.0.0.1",
            (2020, 2021),
            true,
            "has expired",
            "set the clock",
        ),
        (
            "127.0.0.1",
            (2900, 2999),
            true,
            "not valid yet",
            "set the clock",
        ),
        (
            "kestra.example.com",
            valid,
            true,
            "another host",
            "use a host name that the certificate is valid for",
        ),
    ] {
        let server = authority.server(host, years);
        let url = format!("https://{}", server.address);
        let place = place(&url, trusted.then_some(&authority));
        let output = does(&place, &["run"], &[]);
        assert_eq!(code(&output), 3, "{}", told(&output));
        let (code, said, to_do) = failure_of_source(&output);
        assert_eq!(code, "certificate", "{said}");
        assert!(said.contains(message), "{said}");
        assert!(to_do.contains(action), "{to_do}");
        // The certificate is shown once: nothing is tried again.
        assert_eq!(server.heads().len(), 1, "{said}");
    }
}

#[test]
fn a_port_without_tls_is_told_from_one_that_is_down() {
    let server = Server::plain(&empty_page());
    let place = place(&format!("https://{}", server.address), None);
    let output = does(&place, &["run"], &[]);
    let (code, said, to_do) = failure_of_source(&output);
    assert_eq!(code, "tls", "{said}");
    assert!(to_do.contains("http://"), "{to_do}");
}

#[test]
fn a_store_whose_certificate_is_not_trusted_is_a_matter_of_configuration() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", (2020, 2999));
    let place = Place::reading("http://127.0.0.1:9", "");
    let path = place.path().join("trailhouse.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let lines = config.lines().map(|line| match line.starts_with("url = \"file://") {
        true => format!(
            "url = \"s3://lake\"\noptions = {{ aws_region = \"x\", aws_endpoint = \"https://{}\" }}",
            server.address
        ),
        false => line.to_owned(),
    });
    let config: Vec<String> = lines.collect();
    std::fs::write(&path, config.join("\n")).unwrap();
    let credentials = [
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret-key"),
    ];
    let output = does(&place, &["status"], &credentials);
    assert_eq!(code(&output), 2, "{}", told(&output));
    let error = &json(&output)["error"];
    assert!(
        error["do"]
            .as_str()
            .unwrap()
            .contains("`ca_file` in [network]")
    );
    assert_eq!(server.heads().len(), 1);
}

#[test]
fn a_warehouse_whose_certificate_is_not_trusted_is_refused_at_once() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", (2020, 2999));
    let platform = Server::plain(&empty_page());
    let place = place(&format!("http://{}", platform.address), None);
    add_warehouse(&place, &format!("https://{}", server.address), "none");
    let output = does(&place, &["doctor"], &[]);
    let shown = told(&output);
    assert!(shown.contains("not trusted here"), "{shown}");
    assert!(shown.contains("`ca_file` in [network]"), "{shown}");
    assert_eq!(server.heads().len(), 1, "{shown}");
}

#[test]
fn a_proxy_that_wants_credentials_is_named_as_one() {
    let page = answer("407 Proxy Authentication Required", "text/html", "<html>");
    let proxy = Server::plain(&page);
    let named = format!("http://{}", proxy.address);
    for url in ["http://kestra.invalid", "https://kestra.invalid"] {
        let output = does(&place(url, None), &["run"], &[("ALL_PROXY", &named)]);
        let (code, said, to_do) = failure_of_source(&output);
        assert_eq!(code, "proxy_refused", "{url}: {said}");
        assert!(said.contains("proxy") && said.contains("407"), "{said}");
        assert!(to_do.contains("variable that names the proxy"), "{to_do}");
    }
    assert_eq!(proxy.heads().len(), 2);
}

#[test]
fn a_page_of_a_proxy_is_not_taken_for_a_missing_permission() {
    let proxy = Server::plain(&answer("403 Forbidden", "text/html", "<html>denied</html>"));
    let named = format!("http://anna:s3cret-word@{}", proxy.address);
    let place = place("http://kestra.invalid", None);
    let output = does(&place, &["run"], &[("http_proxy", &named)]);
    let (code, said, to_do) = failure_of_source(&output);
    assert_eq!(code, "not_the_interface", "{said}");
    assert!(said.contains("came through the proxy"), "{said}");
    assert!(said.contains(&proxy.address), "{said}");
    assert!(!to_do.contains("permission"), "{to_do}");
    assert!(!told(&output).contains("s3cret-word"));
}

#[test]
fn a_variable_that_names_no_proxy_is_refused_by_name() {
    let place = place("http://127.0.0.1:9", None);
    for name in ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"] {
        let output = does(&place, &["run"], &[(name, "proxy example:s3cret-word@x")]);
        assert_eq!(code(&output), 2, "{}", told(&output));
        assert!(told(&output).contains(name));
        assert!(!told(&output).contains("s3cret-word"));
    }
    // Who talks to nobody is not concerned.
    let output = does(&place, &["schema", "config"], &[("http_proxy", "no url")]);
    assert_eq!(code(&output), 0);
}

#[test]
fn tokens_of_the_machine_are_never_asked_for_through_a_proxy() {
    let proxy = Server::plain(&answer("403 Forbidden", "text/html", "<html>"));
    let named = format!("http://{}", proxy.address);
    let token = r#"{"access_token":"ya29.x","expires_in":3600,"token_type":"Bearer"}"#;
    let metadata = Server::plain(&answer("200 OK", "application/json", token));
    let service = Server::plain(&answer("404 Not Found", "application/json", "{}"));
    let platform = Server::plain(&empty_page());
    let place = place(&format!("http://{}", platform.address), None);
    add_warehouse(&place, &format!("http://{}", service.address), "default");
    let variables = [
        ("ALL_PROXY", named.as_str()),
        ("NO_PROXY", "example.com"),
        ("GCE_METADATA_HOST", &metadata.address),
    ];
    let output = does(&place, &["doctor"], &variables);
    let asked = metadata.heads();
    assert!(
        asked.iter().any(|head| head.contains("/token")),
        "{asked:?} {}",
        told(&output)
    );
    assert!(proxy.heads().is_empty(), "{:?}", proxy.heads());
    let shown = told(&output);
    assert!(
        shown.contains(&format!(
            "oauth2.googleapis.com, proxy {named}, from ALL_PROXY"
        )),
        "{shown}"
    );
    assert!(
        shown.contains("127.0.0.1, direct: never through a proxy"),
        "{shown}"
    );
}

#[test]
fn a_platform_on_this_machine_is_asked_straight() {
    let proxy = Server::plain(&answer("403 Forbidden", "text/html", "<html>"));
    let platform = Server::plain(&empty_page());
    let place = place(&format!("http://{}", platform.address), None);
    let named = format!("http://{}", proxy.address);
    let output = does(&place, &["run"], &[("ALL_PROXY", &named)]);
    assert_eq!(code(&output), 0, "{}", told(&output));
    assert!(proxy.heads().is_empty());
}
