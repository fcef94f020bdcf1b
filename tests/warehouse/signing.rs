//! Who the adapter says it is: every way of signing in, against a service that gives tokens on this
//! machine.

use super::bigquery::Stand;
use crate::bigquery_fake::{BigQueryFake, Call, Options};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use trailhouse::warehouse::bigquery::{Auth, BigQuery, GoogleAuth, LazySecret};
use trailhouse::warehouse::{Class, Warehouse};

const REFRESH: &str = "1//refresh-s3cret";
const SUBJECT: &str = "subject-s3cret";

/// Gives tokens `token-1`, `token-2` … and keeps what it was asked.
struct Tokens {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Tokens {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Tokens {
    async fn start(refuse: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let routes = Router::new().fallback(move |request: Request<Body>| {
            let kept = Arc::clone(&kept);
            async move {
                let (head, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                let body = String::from_utf8(body.to_vec()).unwrap();
                let signed = head.headers.get("authorization");
                let signed = signed.map_or("", |value| value.to_str().unwrap());
                let mut kept = kept.lock().unwrap();
                kept.push(format!("{} {signed} {body}", head.uri.path()));
                if let Some(said) = refuse {
                    return (StatusCode::BAD_REQUEST, said.to_owned());
                }
                let token = format!("token-{}", kept.len());
                (StatusCode::OK, given(head.uri.path(), &token).to_string())
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, asked, task }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// An answer with a token in the form of whoever is asked.
fn given(path: &str, token: &str) -> Value {
    if path.contains("generateAccessToken") {
        return json!({"accessToken": token, "expireTime": "2099-01-01T00:00:00Z"});
    }
    json!({
        "access_token": token,
        "expires_in": 3600,
        "token_type": "Bearer",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    })
}

fn user(tokens: &Tokens) -> Value {
    json!({
        "type": "authorized_user",
        "client_id": "client.apps.example",
        "client_secret": "client-s3cret",
        "refresh_token": REFRESH,
        "token_uri": format!("{}/token", tokens.url),
    })
}

fn federated(tokens: &Tokens, dir: &Path) -> Value {
    let subject = dir.join("subject");
    std::fs::write(&subject, SUBJECT).unwrap();
    json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{}/sts", tokens.url),
        "credential_source": {"file": subject},
    })
}

fn acting(tokens: &Tokens) -> String {
    let account = "exporter@acme-audit.iam.gserviceaccount.com";
    format!(
        "{}/v1/projects/-/serviceAccounts/{account}:generateAccessToken",
        tokens.url
    )
}

fn google(credentials: Option<LazySecret>) -> Auth {
    Auth::Google(GoogleAuth {
        credentials,
        impersonate: None,
    })
}

async fn client(fake: &BigQueryFake, credentials: &Value) -> BigQuery {
    let mut settings = fake.settings();
    let json = credentials.to_string();
    settings.auth = google(Some(LazySecret::new(move || Ok(json.clone().into()))));
    settings.retry.patience = Duration::ZERO;
    BigQuery::open(settings).await.unwrap()
}

#[tokio::test]
async fn a_user_signs_in_and_both_clients_send_the_token() {
    let (stand, tokens) = (Stand::new().await, Tokens::start(None).await);
    stand.fake.demand_token("token-1");
    let warehouse = client(&stand.fake, &user(&tokens)).await;
    assert_eq!(
        tokens.asked(),
        Vec::<String>::new(),
        "nobody is asked too early"
    );
    // Typed, then raw.
    assert_eq!(warehouse.dataset().await, Ok(None));
    assert_eq!(warehouse.table("t").await, Ok(None));
    assert_eq!(tokens.asked().len(), 1, "a token is kept");
    assert!(tokens.asked()[0].contains("refresh"));
}

#[tokio::test]
async fn a_token_that_is_refused_is_fetched_anew_once() {
    let (stand, tokens) = (Stand::new().await, Tokens::start(None).await);
    stand.fake.demand_token("token-2");
    let warehouse = client(&stand.fake, &user(&tokens)).await;
    assert_eq!(warehouse.table("t").await, Ok(None), "raw");
    assert_eq!(tokens.asked().len(), 2);
    assert_eq!(stand.fake.count(Call::GetTable), 2);
    stand.fake.demand_token("token-3");
    assert_eq!(warehouse.dataset().await, Ok(None), "typed");
    assert_eq!(tokens.asked().len(), 3);
    // One that stays refused is an end, not a loop.
    stand.fake.demand_token("none");
    let error = warehouse.table("t").await.unwrap_err();
    assert_eq!(error.class, Class::Denied);
    assert_eq!(tokens.asked().len(), 4);
    assert!(
        !format!("{error} {error:?} {warehouse:?}").contains("token-"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_workload_signs_in_with_what_its_platform_gives_it() {
    let (stand, tokens) = (Stand::new().await, Tokens::start(None).await);
    let dir = tempfile::tempdir().unwrap();
    let mut credentials = federated(&tokens, dir.path());
    stand.fake.demand_token("token-1");
    let warehouse = client(&stand.fake, &credentials).await;
    assert_eq!(warehouse.table("t").await, Ok(None));
    assert!(tokens.asked()[0].starts_with("/sts ") && tokens.asked()[0].contains(SUBJECT));

    // The same, acting as a service account.
    credentials["service_account_impersonation_url"] = json!(acting(&tokens));
    stand.fake.demand_token("token-3");
    let warehouse = client(&stand.fake, &credentials).await;
    assert_eq!(warehouse.table("t").await, Ok(None));
    assert!(tokens.asked()[2].contains("generateAccessToken Bearer token-2"));
}

/// The key signs for itself; nobody is asked for a token.
#[tokio::test]
async fn a_service_account_signs_its_own_token() {
    let stand = Stand::new().await;
    let kind = "PRIVATE KEY";
    let key = include_str!("key_of_nobody.txt").trim();
    let warehouse = client(
        &stand.fake,
        &json!({
            "type": "service_account",
            "project_id": "acme-audit",
            "private_key_id": "1",
            "private_key": format!("-----BEGIN {kind}-----\n{key}\n-----END {kind}-----\n"),
            "client_email": "exporter@acme-audit.iam.gserviceaccount.com",
        }),
    )
    .await;
    assert_eq!(warehouse.table("t").await, Ok(None));
    let sent = stand.fake.authorization().unwrap();
    let token = sent.strip_prefix("Bearer ").unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims);
    let claims: Value = serde_json::from_slice(&claims.unwrap()).unwrap();
    assert_eq!(claims["iss"], "exporter@acme-audit.iam.gserviceaccount.com");
    assert_eq!(
        claims["scope"],
        "https://www.googleapis.com/auth/cloud-platform"
    );
    assert!(!format!("{warehouse:?}").contains(token));
}

#[tokio::test]
async fn a_user_acts_as_a_service_account() {
    let (stand, tokens) = (Stand::new().await, Tokens::start(None).await);
    let credentials = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": acting(&tokens),
        "source_credentials": user(&tokens),
    });
    stand.fake.demand_token("token-2");
    let warehouse = client(&stand.fake, &credentials).await;
    assert_eq!(warehouse.table("t").await, Ok(None));
    let asked = tokens.asked();
    assert!(
        asked[1].contains("generateAccessToken Bearer token-1"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn credentials_that_are_refused_are_an_access_error_without_secrets() {
    let said = r#"{"error": "invalid_grant", "error_description": "1//refresh-s3cret expired"}"#;
    let (stand, tokens) = (Stand::new().await, Tokens::start(Some(said)).await);
    let dir = tempfile::tempdir().unwrap();
    for credentials in [user(&tokens), federated(&tokens, dir.path())] {
        let warehouse = client(&stand.fake, &credentials).await;
        let error = warehouse.table("t").await.unwrap_err();
        assert_eq!(error.class, Class::Denied, "{error}");
        assert!(error.said.starts_with("signing in: "), "{error}");
        if credentials["type"] == "authorized_user" {
            assert!(
                !format!("{error:?} {warehouse:?}").contains("s3cret"),
                "{error}"
            );
        }
    }
    assert_eq!(stand.fake.calls(), 0, "nothing is sent unsigned");
}

#[tokio::test]
async fn credentials_that_are_none_are_refused_without_secrets() {
    let stand = Stand::new().await;
    let table = [
        json!("s3cret"),
        json!({"private_key": "s3cret"}),
        json!({"type": "service_account", "private_key": ["s3cret-key"]}),
        json!({"type": "service_account", "client_email": "a@b", "private_key_id": "1",
               "private_key": "-----BEGIN PRIVATE KEY-----\ns3cret-key\n-----END PRIVATE KEY-----\n",
               "project_id": "p"}),
        json!({"type": "external_account", "audience": "x"}),
        json!({"type": "impersonated_service_account"}),
        json!({"type": "authorized_user", "refresh_token": 5, "client_secret": "s3cret-client"}),
        json!({"type": "gdch_service_account", "private_key": "s3cret-key"}),
        json!({"type": "tomorrow"}),
    ];
    for credentials in table {
        let warehouse = client(&stand.fake, &credentials).await;
        for error in [
            warehouse.table("t").await.unwrap_err(),
            warehouse.dataset().await.unwrap_err(),
        ] {
            assert_eq!(error.class, Class::Denied, "{credentials}: {error}");
            assert!(
                !format!("{error:?} {warehouse:?}").contains("s3cret"),
                "{error}"
            );
        }
    }
    assert_eq!(stand.fake.calls(), 0);
}

/// The default looks at the environment, which belongs to a whole process: this test is run in
/// another one, as it was started, with an environment of its own.
#[tokio::test]
#[ignore = "run by the test below, with an environment of its own"]
async fn signs_in_as_the_environment_says() {
    let endpoint = std::env::var("TRAILHOUSE_TEST_ENDPOINT").unwrap();
    let unused = tempfile::tempdir().unwrap();
    let fake = BigQueryFake::start(Options::new(unused.path())).await;
    let mut settings = fake.settings();
    settings.endpoint = Some(endpoint.parse().unwrap());
    settings.auth = google(None);
    let warehouse = BigQuery::open(settings).await.unwrap();
    assert_eq!(warehouse.table("t").await, Ok(None));
    assert_eq!(warehouse.dataset().await, Ok(None));
}

async fn as_the_environment_says(fake: &BigQueryFake, home: &TempDir, name: &str, value: &str) {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child
        .args(["--ignored", "--exact"])
        .arg("warehouse::signing::signs_in_as_the_environment_says")
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
        .env("HOME", home.path())
        .env("TRAILHOUSE_TEST_ENDPOINT", fake.url())
        .env("NO_PROXY", "*")
        .env(name, value);
    // This thread answers what the other process asks.
    let output = tokio::task::spawn_blocking(move || child.output());
    let output = output.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[tokio::test]
async fn the_default_is_the_file_that_the_environment_names_or_the_metadata_server() {
    let (stand, tokens) = (Stand::new().await, Tokens::start(None).await);
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("credentials.json");
    std::fs::write(&file, user(&tokens).to_string()).unwrap();
    stand.fake.demand_token("token-1");
    let named = file.to_str().unwrap();
    as_the_environment_says(&stand.fake, &home, "GOOGLE_APPLICATION_CREDENTIALS", named).await;

    let tokens = Tokens::start(None).await;
    let host = tokens.url.trim_start_matches("http://");
    as_the_environment_says(&stand.fake, &home, "GCE_METADATA_HOST", host).await;
    let asked = tokens.asked();
    assert!(asked[0].starts_with("/computeMetadata/v1/"), "{asked:?}");
}
