//! Enough of the XML interface that S3 and GCS share to run the client against it on loopback, and to
//! look at the headers that it sends. The double that is strict about GCS is `tests/gcs`.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

/// The date that every answer carries.
pub(super) const DATE: &str = "Mon, 23 Nov 2026 10:00:00 GMT";

#[derive(Debug, Default)]
pub(super) struct Cloud {
    objects: Mutex<BTreeMap<String, Bytes>>,
    /// Headers of every put.
    pub(super) puts: Mutex<Vec<HeaderMap>>,
    /// How the next puts are answered instead, and whether they take place all the same.
    pub(super) unclear: Mutex<VecDeque<(u16, bool)>>,
    /// Of a list of deletes each is refused, as under a policy that keeps objects.
    pub(super) keeps: AtomicBool,
    /// Headers that every answer has besides.
    pub(super) about: Mutex<HeaderMap>,
    /// What is deleted stays as a version.
    pub(super) versioned: AtomicBool,
    /// How requests for a version are answered instead.
    pub(super) of_version: Mutex<Option<u16>>,
    /// With what Azure refuses each of a list of deletes.
    pub(super) conflict: Mutex<Option<&'static str>>,
    deleted: Mutex<BTreeMap<String, Bytes>>,
    /// All requests are refused with a message that quotes a secret.
    pub(super) refuse: AtomicU32,
}

pub(super) async fn serve() -> (Arc<Cloud>, SocketAddr) {
    let cloud = Arc::new(Cloud::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&cloud));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (cloud, address)
}

fn error(status: u16, code: &str, message: &str) -> (StatusCode, String) {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    (StatusCode::from_u16(status).unwrap(), body)
}

async fn answer(
    State(cloud): State<Arc<Cloud>>,
    method: Method,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut response = if cloud.refuse.load(Ordering::SeqCst) > 0 {
        error(403, "AccessDenied", "key hunter2-secret may not").into_response()
    } else {
        cloud.act(&method, uri.path(), &query, headers, body)
    };
    let answered = response.headers_mut();
    answered.extend(cloud.about.lock().unwrap().clone());
    answered.insert("date", DATE.parse().unwrap());
    answered.insert("etag", "\"1\"".parse().unwrap());
    answered.insert("last-modified", DATE.parse().unwrap());
    response
}

impl Cloud {
    fn act(
        &self,
        method: &Method,
        path: &str,
        query: &HashMap<String, String>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        let key = decoded(path.trim_start_matches("/bucket").trim_start_matches('/'));
        let mut objects = self.objects.lock().unwrap();
        match *method {
            Method::PUT => {
                let create = headers.get("if-none-match").is_some_and(|tag| tag == "*")
                    || headers
                        .get("x-goog-if-generation-match")
                        .is_some_and(|tag| tag == "0");
                self.puts.lock().unwrap().push(headers);
                if create && objects.contains_key(&key) {
                    return error(412, "PreconditionFailed", "it is there").into_response();
                }
                match self.unclear.lock().unwrap().pop_front() {
                    None => {
                        objects.insert(key, body);
                        StatusCode::OK.into_response()
                    }
                    Some((status, takes_place)) => {
                        if takes_place {
                            objects.insert(key, body);
                        }
                        error(status, "SlowDown", "later").into_response()
                    }
                }
            }
            Method::DELETE => match objects.remove(&key) {
                Some(body) => {
                    self.keep_version(&key, body);
                    StatusCode::NO_CONTENT.into_response()
                }
                None => error(404, "NoSuchKey", "not there").into_response(),
            },
            Method::POST if query.get("comp").is_some_and(|what| what == "batch") => {
                let body = String::from_utf8_lossy(&body);
                let mut lines = body.lines().filter_map(|line| line.strip_prefix("DELETE "));
                let path = lines.next().unwrap().split(' ').next().unwrap();
                assert_eq!(lines.next(), None, "one by one");
                let key = decoded(path.trim_start_matches("/bucket").trim_start_matches('/'));
                let conflict = *self.conflict.lock().unwrap();
                let status = match (conflict, objects.contains_key(&key)) {
                    (Some(said), _) => format!("409 {said}"),
                    (None, true) => "202 Accepted".to_owned(),
                    (None, false) => "404 The specified blob does not exist.".to_owned(),
                };
                if conflict.is_none()
                    && let Some(body) = objects.remove(&key)
                {
                    self.keep_version(&key, body);
                }
                let parts = format!(
                    "--b\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\nHTTP/1.1 {status}\r\n\
                     x-ms-version: 2023-11-03\r\n\r\n\r\n--b--\r\n"
                );
                let kind = [("content-type", "multipart/mixed; boundary=b")];
                (StatusCode::ACCEPTED, kind, parts).into_response()
            }
            Method::POST if query.contains_key("delete") => {
                let body = String::from_utf8_lossy(&body);
                let mut deleted = String::new();
                for key in body.split("<Key>").skip(1) {
                    let key = key.split("</Key>").next().unwrap();
                    if self.keeps.load(Ordering::SeqCst) {
                        write!(deleted, "<Error><Key>{key}</Key><Code>AccessDenied</Code><Message>kept</Message></Error>").unwrap();
                        continue;
                    }
                    if let Some(body) = objects.remove(key) {
                        self.keep_version(key, body);
                    }
                    write!(deleted, "<Deleted><Key>{key}</Key></Deleted>").unwrap();
                }
                format!("<DeleteResult>{deleted}</DeleteResult>").into_response()
            }
            _ if ["versionId", "versionid", "generation"]
                .iter()
                .any(|version| query.contains_key(*version)) =>
            {
                if let Some(status) = *self.of_version.lock().unwrap() {
                    return StatusCode::from_u16(status).unwrap().into_response();
                }
                let deleted = self.deleted.lock().unwrap();
                match objects.get(&key).or(deleted.get(&key)) {
                    Some(body) => body.clone().into_response(),
                    None => error(404, "NoSuchVersion", "not there").into_response(),
                }
            }
            _ if query.contains_key("list-type") => list(&objects, query).into_response(),
            _ => match objects.get(&key) {
                Some(body) => body.clone().into_response(),
                None => error(404, "NoSuchKey", "not there").into_response(),
            },
        }
    }
}

impl Cloud {
    fn keep_version(&self, key: &str, body: Bytes) {
        if self.versioned.load(Ordering::SeqCst) {
            self.deleted.lock().unwrap().insert(key.to_owned(), body);
        }
    }

    /// Adds a header to every answer from now on.
    pub(super) fn tell(&self, name: &'static str, value: &'static str) {
        let value = value.parse().unwrap();
        self.about.lock().unwrap().insert(name, value);
    }
}

/// The two clients escape different characters of a path.
fn decoded(path: &str) -> String {
    let query = format!("key={path}");
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.next().unwrap().1.into_owned()
}

fn list(objects: &BTreeMap<String, Bytes>, query: &HashMap<String, String>) -> String {
    let prefix = query.get("prefix").map_or("", String::as_str);
    let after = query.get("start-after").map_or("", String::as_str);
    let mut xml = "<ListBucketResult>".to_owned();
    for (key, body) in objects {
        if key.starts_with(prefix) && key.as_str() > after {
            let size = body.len();
            write!(
                xml,
                "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>1</ETag><LastModified>2026-11-23T10:00:00.000Z</LastModified></Contents>"
            )
            .unwrap();
        }
    }
    xml + "</ListBucketResult>"
}
