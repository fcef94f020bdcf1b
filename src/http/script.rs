//! A server on loopback that answers from a script, for tests.

use super::{Auth, HttpSettings, Retry};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

/// Answers each request with the next reply, the last one again and again, and keeps the heads of
/// the requests.
pub(crate) struct Server {
    pub(crate) base: Url,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(replies: Vec<impl Into<Vec<u8>>>) -> Self {
        let replies: Vec<Vec<u8>> = replies.into_iter().map(Into::into).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = heads.clone();
        let task = tokio::spawn(async move {
            let mut next = 0;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(head) = read_head(&mut stream).await else {
                    continue;
                };
                kept.lock().unwrap().push(head);
                let reply = &replies[next.min(replies.len() - 1)];
                next += 1;
                // The client may have hung up: that is what some tests are about.
                let _ = stream.write_all(reply).await;
                let _ = stream.shutdown().await;
            }
        });
        Self {
            base: base.parse().unwrap(),
            heads,
            task,
        }
    }

    /// Settings of a client of this server that hardly waits between two tries.
    pub(crate) fn settings(&self) -> HttpSettings {
        HttpSettings {
            retry: Retry {
                first: Duration::from_millis(1),
                longest: Duration::from_millis(1),
                ..Retry::default()
            },
            ..HttpSettings::new(self.base.clone(), Auth::None)
        }
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
}

pub(crate) fn reply(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

pub(crate) fn json(body: &str) -> String {
    reply("200 OK", "Content-Type: application/json\r\n", body)
}
