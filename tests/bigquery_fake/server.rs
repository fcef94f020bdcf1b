//! HTTP: routes, credentials, and connections that can be cut.

use super::faults::{Call, Fault, Wire};
use super::reply::{Refusal, Reply};
use super::state::State;
use super::{jobs, tables};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::http::{Method, Request, Response, header};
use axum::serve::{IncomingStream, Listener};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Serves until the task is ended.
pub(super) async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    let routes = Router::new().fallback(
        move |ConnectInfo(scissors): ConnectInfo<Scissors>, request: Request<Body>| {
            answer(Arc::clone(&state), scissors, request)
        },
    );
    let routes = routes.into_make_service_with_connect_info::<Scissors>();
    axum::serve(Cuttable(listener), routes).await.unwrap();
}

async fn answer(
    state: Arc<Mutex<State>>,
    scissors: Scissors,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let header = |name| {
        let value = head.headers.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let asked = Asked {
        method: head.method,
        path: head.uri.path().trim_matches('/').to_owned(),
        query: url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        if_match: header(header::IF_MATCH),
        content_type: header(header::CONTENT_TYPE).unwrap_or_default(),
        authorization: header(header::AUTHORIZATION),
        body,
    };
    let (reply, wire) = decide(&mut state.lock().unwrap(), &asked);
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    match wire {
        Wire::Whole => {}
        Wire::Cut => scissors.0.store(true, Ordering::SeqCst),
        Wire::CutInside => {
            let half = Bytes::from(reply.body[..reply.body.len() / 2].to_owned());
            let parts = [Ok(half), Err(io::Error::from(io::ErrorKind::BrokenPipe))];
            return response
                .body(Body::from_stream(futures::stream::iter(parts)))
                .unwrap();
        }
    }
    response.body(Body::from(reply.body)).unwrap()
}

/// One request, taken apart.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) if_match: Option<String>,
    pub(super) content_type: String,
    authorization: Option<String>,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Refusal::invalid("Invalid JSON payload received."))
    }
}

/// Which call a request is, its project and the names that follow.
fn route(asked: &Asked) -> Option<(Call, &str, Vec<&str>)> {
    let uploads = asked.path.starts_with("upload/");
    let path = asked.path.strip_prefix("upload/").unwrap_or(&asked.path);
    let path = path.strip_prefix("bigquery/v2/projects/")?;
    let (project, rest) = path.split_once('/')?;
    let parts: Vec<&str> = rest.split('/').collect();
    let (call, names) = match (asked.method.as_str(), &parts[..]) {
        ("POST", ["jobs"]) if uploads => (Call::StartUpload, vec![]),
        _ if uploads => return None,
        ("POST", ["jobs"]) => (jobs::kind_of(asked), vec![]),
        ("GET", ["jobs", id]) => (Call::GetJob, vec![*id]),
        ("GET", ["queries", id]) => (Call::GetRows, vec![*id]),
        ("POST", ["datasets"]) => (Call::CreateDataset, vec![]),
        ("GET", ["datasets", dataset]) => (Call::GetDataset, vec![*dataset]),
        ("POST", ["datasets", dataset, "tables"]) => (Call::CreateTable, vec![*dataset]),
        (method, ["datasets", dataset, "tables", table]) => {
            let call = match method {
                "GET" => Call::GetTable,
                "PATCH" => Call::PatchTable,
                "DELETE" => Call::DeleteTable,
                _ => return None,
            };
            (call, vec![*dataset, *table])
        }
        _ => return None,
    };
    Some((call, project, names))
}

fn decide(state: &mut State, asked: &Asked) -> (Reply, Wire) {
    let Some((call, project, names)) = route(asked) else {
        return (Reply::page(404), Wire::Whole);
    };
    let fault = state.faults.meet(call);
    if let Some(instead) = fault.as_ref().and_then(Fault::instead) {
        return instead;
    }
    if !state.admits(asked.authorization.as_deref()) {
        let refusal = Refusal::new("authError", "Invalid Credentials");
        return (Reply::refused(&refusal), Wire::Whole);
    }
    let answered = match (call, &names[..]) {
        (Call::GetDataset, [dataset]) => tables::get_dataset(state, project, dataset),
        (Call::CreateDataset, _) => tables::create_dataset(state, project, asked),
        (Call::GetTable, [dataset, table]) => tables::get(state, project, dataset, table),
        (Call::CreateTable, [dataset]) => tables::create(state, project, dataset, asked),
        (Call::PatchTable, [dataset, table]) => {
            tables::patch(state, (project, dataset, table), asked)
        }
        (Call::DeleteTable, [dataset, table]) => tables::delete(state, project, dataset, table),
        (Call::GetJob, [id]) => jobs::get(state, project, id, asked),
        (Call::GetRows, [id]) => jobs::rows(state, project, id, asked),
        _ => jobs::insert(state, project, asked, call, fault.as_ref()),
    };
    let reply = Reply::from(answered);
    match &fault {
        Some(fault) => fault.after(reply),
        None => (reply, Wire::Whole),
    }
}

/// Cuts a connection: nothing more is written to it.
#[derive(Debug, Clone)]
struct Scissors(Arc<AtomicBool>);

struct Cuttable(TcpListener);

struct Line {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

impl Listener for Cuttable {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            if let Ok((stream, address)) = self.0.accept().await {
                let _ = stream.set_nodelay(true);
                let cut = Arc::default();
                return (Line { stream, cut }, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Cuttable>> for Scissors {
    fn connect_info(stream: IncomingStream<'_, Cuttable>) -> Self {
        Self(Arc::clone(&stream.io().cut))
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        content: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.cut.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, content)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
