use super::*;
use crate::http::auth::Signer;
use crate::http::{
    Auth, Client, ClientCredentials, HttpRequest, HttpSettings, LazySecret, PasswordLogin,
};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex as StdMutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const SECRET: &str = "s3cret/&=";

/// A token endpoint that answers from a script, the last answer again and again, and an interface that takes
/// only one token.
struct Double {
    base: Url,
    state: Shared,
    task: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Shared(Arc<StdMutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<(u16, String)>,
    /// Content types and bodies of requests for tokens.
    requests: Vec<(String, String)>,
    /// The header that the interface takes.
    taken: String,
    /// How often the interface was asked.
    asked: usize,
}

impl Drop for Double {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Double {
    async fn start(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        Self::start_with(
            answers
                .into_iter()
                .map(|(status, body)| (status, body.to_string())),
        )
        .await
    }

    async fn start_with(answers: impl IntoIterator<Item = (u16, String)>) -> Self {
        let state = Shared::default();
        state.0.lock().unwrap().answers = answers.into_iter().collect();
        let router = Router::new()
            .route("/token", post(give))
            .route("/records", get(show))
            .with_state(state.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            base: base.parse().unwrap(),
            state,
            task,
        }
    }

    fn url(&self) -> Url {
        self.base.join("token?tenant=hidden").unwrap()
    }

    fn requests(&self) -> Vec<(String, String)> {
        self.state.0.lock().unwrap().requests.clone()
    }

    fn client_credentials(&self) -> Auth {
        Auth::ClientCredentials(ClientCredentials {
            token_url: self.url(),
            client_id: "app".to_owned(),
            client_secret: LazySecret::new(|| Ok(SecretString::from(SECRET))),
            scope: Some("audit.read audit.list".to_owned()),
            extra: [("audience".to_owned(), "https://api.example".to_owned())].into(),
        })
    }

    fn password(&self) -> Auth {
        Auth::Password(PasswordLogin {
            url: self.url(),
            username: "auditor".to_owned(),
            password: LazySecret::new(|| Ok(SecretString::from(SECRET))),
        })
    }

    fn signer(&self) -> Signer {
        Signer::new(&self.client_credentials(), Duration::from_secs(5))
    }
}

async fn give(State(state): State<Shared>, headers: HeaderMap, body: String) -> impl IntoResponse {
    let mut script = state.0.lock().unwrap();
    let kind = headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    script.requests.push((kind, body));
    let last = script.answers.len() == 1;
    let answer = match last {
        true => script.answers[0].clone(),
        false => script.answers.pop_front().unwrap(),
    };
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::from_u16(answer.0).unwrap(), kind, answer.1)
}

async fn show(State(state): State<Shared>, headers: HeaderMap) -> StatusCode {
    let mut script = state.0.lock().unwrap();
    script.asked += 1;
    match headers[header::AUTHORIZATION] == script.taken.as_str() {
        true => StatusCode::OK,
        false => StatusCode::UNAUTHORIZED,
    }
}

fn token(name: &str, expires_in: u64) -> (u16, Value) {
    let body = json!({ "access_token": name, "token_type": "Bearer", "expires_in": expires_in });
    (200, body)
}

async fn shown(signer: &Signer) -> String {
    signer.proof().await.unwrap().token().unwrap().to_owned()
}

/// Lets time pass without waiting for it.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn client_credentials_are_asked_for_as_rfc_6749_says() {
    let double = Double::start([token("t1", 3600)]).await;
    let signer = double.signer();
    assert_eq!(shown(&signer).await, "t1");
    assert_eq!(shown(&signer).await, "t1");
    let form = "grant_type=client_credentials&client_id=app&client_secret=s3cret%2F%26%3D\
                &scope=audit.read+audit.list&audience=https%3A%2F%2Fapi.example";
    let asked = (
        "application/x-www-form-urlencoded".to_owned(),
        form.to_owned(),
    );
    assert_eq!(double.requests(), [asked]);
    let said = signer.secrets().line("t1 for s3cret/&= or s3cret%2F%26%3D");
    assert_eq!(said, "[credential] for [credential] or [credential]");
}

#[tokio::test]
async fn a_password_is_sent_as_json_and_the_token_says_how_long_it_is_good() {
    let claims = URL_SAFE_NO_PAD.encode(json!({ "iat": 1_000, "exp": 4_600 }).to_string());
    let jwt = format!("e30.{claims}.c2ln");
    let double = Double::start([(201, json!({ "access_token": jwt })), token("t2", 3600)]).await;
    let signer = Signer::new(&double.password(), Duration::from_secs(5));
    assert_eq!(shown(&signer).await, jwt);
    pass(Duration::from_secs(3_500)).await;
    assert_eq!(shown(&signer).await, jwt);
    pass(Duration::from_secs(60)).await;
    assert_eq!(shown(&signer).await, "t2");
    let (kind, body) = &double.requests()[0];
    assert_eq!(kind, "application/json");
    let sent: Value = serde_json::from_str(body).unwrap();
    assert_eq!(sent, json!({ "username": "auditor", "password": SECRET }));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let double = Double::start([token("t1", 3600), token("t2", 3600)]).await;
    let signer = double.signer();
    assert_eq!(shown(&signer).await, "t1");
    pass(Duration::from_secs(3_530)).await;
    assert_eq!(shown(&signer).await, "t1");
    pass(Duration::from_secs(20)).await;
    assert_eq!(shown(&signer).await, "t2");
    assert_eq!(double.requests().len(), 2);
}

#[tokio::test]
async fn a_token_that_does_not_say_when_it_ends_is_kept_until_it_is_refused() {
    let double = Double::start([(200, json!({ "access_token": "t1" })), token("t2", 1)]).await;
    let signer = double.signer();
    let first = signer.proof().await.unwrap();
    pass(Duration::from_secs(1_000_000)).await;
    assert_eq!(shown(&signer).await, "t1");
    assert_eq!(signer.renewed(&first).await.unwrap().token(), Some("t2"));
}

#[tokio::test]
async fn a_token_that_is_still_good_serves_while_there_is_no_other() {
    let busy = (503, json!({}));
    let double = Double::start([token("t1", 3600), busy.clone(), busy, token("t2", 3600)]).await;
    let signer = double.signer();
    let first = signer.proof().await.unwrap();
    pass(Duration::from_secs(3_545)).await;
    assert_eq!(shown(&signer).await, "t1");
    assert_eq!(shown(&signer).await, "t1");
    assert_eq!(double.requests().len(), 2, "not tried again at once");
    // One that was refused is no longer good.
    let refused = signer.renewed(&first).await.err().unwrap();
    assert!(refused.passes);
    assert!(
        refused.said.ends_with("/token failed with status 503"),
        "{}",
        refused.said
    );
    pass(Duration::from_secs(11)).await;
    assert_eq!(shown(&signer).await, "t2");
}

#[tokio::test]
async fn requests_at_the_same_time_share_a_token_and_a_failure() {
    let answers = [
        token("t1", 3600),
        token("t2", 3600),
        (400, json!({})),
        token("t3", 60),
    ];
    let double = Double::start(answers).await;
    let signer = double.signer();
    let proofs = futures::future::join_all((0..8).map(|_| signer.proof())).await;
    assert!(
        proofs
            .iter()
            .all(|proof| proof.as_ref().unwrap().token() == Some("t1"))
    );
    let first = signer.proof().await.unwrap();
    let renewed = futures::future::join_all((0..8).map(|_| signer.renewed(&first))).await;
    assert!(
        renewed
            .iter()
            .all(|proof| proof.as_ref().unwrap().token() == Some("t2"))
    );
    assert_eq!(double.requests().len(), 2);
    let second = signer.proof().await.unwrap();
    let failed = futures::future::join_all((0..8).map(|_| signer.renewed(&second))).await;
    assert!(
        failed
            .iter()
            .all(|proof| proof.as_ref().is_err_and(|error| !error.passes))
    );
    assert_eq!(double.requests().len(), 3);
    assert_eq!(signer.renewed(&second).await.unwrap().token(), Some("t3"));
}

#[tokio::test]
async fn a_refused_login_is_final_and_names_the_setting() {
    let says = |error: &str| json!({ "error": error, "error_description": format!("no {SECRET}") });
    let client = "check `client_id` and `client_secret` of `auth.client_credentials`";
    for (status, body, ends) in [
        (
            401,
            says("invalid_client"),
            format!("refused with status 401: invalid_client: no [credential]; {client}"),
        ),
        (400, says("unauthorized_client"), client.to_owned()),
        (
            400,
            says("invalid_scope"),
            "check `scope` of `auth.client_credentials`".to_owned(),
        ),
        (
            403,
            json!("away"),
            format!("refused with status 403: \"away\"; {client}"),
        ),
        (
            404,
            json!({}),
            "status 404 and no token; check `token_url` of `auth.client_credentials`".to_owned(),
        ),
        (
            200,
            json!({ "ok": true }),
            "check `token_url` of `auth.client_credentials`".to_owned(),
        ),
        (
            302,
            json!({}),
            "check `token_url` of `auth.client_credentials`".to_owned(),
        ),
        (
            200,
            json!({ "access_token": "t", "token_type": "mac" }),
            "only bearer tokens are supported".to_owned(),
        ),
    ] {
        let double = Double::start([(status, body)]).await;
        let refused = double.signer().proof().await.err().unwrap();
        assert!(!refused.passes, "{}", refused.said);
        assert!(refused.said.ends_with(&ends), "{}", refused.said);
        assert!(
            refused.said.starts_with("signing in: http://127.0.0.1:"),
            "{}",
            refused.said
        );
        assert!(!refused.said.contains("hidden"), "{}", refused.said);
    }
    let double = Double::start([(401, json!({ "detail": "Invalid credentials" }))]).await;
    let signer = Signer::new(&double.password(), Duration::from_secs(5));
    let refused = signer.proof().await.err().unwrap();
    let ends =
        "status 401: Invalid credentials; check `username` and `password` of `auth.password`";
    assert!(
        !refused.passes && refused.said.ends_with(ends),
        "{}",
        refused.said
    );
}

#[tokio::test]
async fn what_may_pass_is_said_to() {
    for status in [408, 425, 429, 500, 503] {
        let double = Double::start([(status, json!({}))]).await;
        assert!(
            double.signer().proof().await.err().unwrap().passes,
            "{status}"
        );
    }
    // A page of something on the way, once the endpoint is known to be there.
    let page = "<html>busy</html>".to_owned();
    let answers = [
        (200, token("t1", 60).1.to_string()),
        (403, page.clone()),
        (200, page),
    ];
    let double = Double::start_with(answers).await;
    let signer = double.signer();
    let first = signer.proof().await.unwrap();
    for _ in 0..2 {
        assert!(signer.renewed(&first).await.err().unwrap().passes);
    }
    // Nobody listens.
    let url = double.url();
    drop(double);
    let auth = Auth::Password(PasswordLogin {
        url,
        username: "auditor".to_owned(),
        password: LazySecret::new(|| Ok(SecretString::from(SECRET))),
    });
    let signer = Signer::new(&auth, Duration::from_secs(5));
    assert!(signer.proof().await.err().unwrap().passes);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_final() {
    let auth = Auth::Password(PasswordLogin {
        url: "http://127.0.0.1:1/token".parse().unwrap(),
        username: "auditor".to_owned(),
        password: LazySecret::new(|| Err("environment variable `P` is not set".to_owned())),
    });
    let signer = Signer::new(&auth, Duration::from_secs(5));
    let refused = signer.proof().await.err().unwrap();
    assert_eq!(refused.said, "environment variable `P` is not set");
    assert!(!refused.passes);
}

#[tokio::test]
async fn a_client_renews_a_token_that_is_refused() {
    let double = Double::start([token("t1", 3600), token("t2", 3600)]).await;
    double.state.0.lock().unwrap().taken = "Bearer t2".to_owned();
    let settings = HttpSettings::new(double.base.clone(), double.client_credentials());
    let client = Client::new(settings).unwrap();
    let request = HttpRequest::get(double.base.join("records").unwrap());
    for asked in [2, 3] {
        assert_eq!(client.exchange(&request).await.unwrap().status, 200);
        assert_eq!(double.state.0.lock().unwrap().asked, asked);
    }
    assert_eq!(double.requests().len(), 2);
}
