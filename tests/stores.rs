//! What lake and ledger need of a store, tried over HTTP on a strict double of Google Cloud Storage;
//! and the double itself, which must not be kinder than what it stands for.

use crate::gcs::{Account, Asked, Server};
use axum::http::Method;
use bytes::Bytes;
use reqwest::{RequestBuilder, StatusCode};
use std::time::Duration;
use tempfile::TempDir;
use trailhouse::store::{
    Bucket, CreateError, Created, Keeps, Patience, Removal, StoreError, StoreNonconformance,
    check_objects, check_store, create, prove_kept,
};

/// A server with one empty bucket, `lake`. The folder goes with it.
pub struct Cloud {
    pub server: Server,
    _folder: TempDir,
}

impl Cloud {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("lake")).unwrap();
        Self {
            server: Server::start(folder.path()).unwrap(),
            _folder: folder,
        }
    }

    /// The bucket as an account sees it.
    pub fn bucket(&self, account: Account) -> Bucket {
        let options = self.server.options(account);
        let options = options.map(|(name, value)| (name.to_owned(), value));
        Bucket::open("gs://lake/trailhouse", &options.into()).unwrap()
    }

    fn request(&self, method: Method, target: &str) -> RequestBuilder {
        let url = format!("{}/{target}", self.server.url());
        let client = reqwest::Client::new().request(method, url);
        client.bearer_auth(Account::All.token())
    }

    /// Puts an object under a condition; none without one.
    async fn put(&self, key: &str, condition: Option<u64>, content: &'static str) -> (u16, u64) {
        let mut request = self.request(Method::PUT, &format!("lake/{key}"));
        if let Some(generation) = condition {
            request = request.header("x-goog-if-generation-match", generation);
        }
        let answer = request.body(content).send().await.unwrap();
        let generation = answer.headers().get("x-goog-generation");
        let generation = generation.map_or(0, |value| value.to_str().unwrap().parse().unwrap());
        (answer.status().as_u16(), generation)
    }

    async fn status(&self, request: RequestBuilder) -> u16 {
        request.send().await.unwrap().status().as_u16()
    }

    /// The puts so far.
    pub fn puts(&self) -> Vec<Asked> {
        let mut asked = self.server.asked();
        asked.retain(|asked| asked.method == Method::PUT);
        asked
    }
}

const PATIENT: Patience = Patience {
    attempts: 5,
    wait: Duration::from_millis(20),
};

fn contents() -> (Bytes, Bytes) {
    (Bytes::from_static(b"first"), Bytes::from_static(b"other"))
}

#[tokio::test]
async fn the_double_keeps_generations() {
    let cloud = Cloud::start();
    let (created, first) = cloud.put("a/b", Some(0), "one").await;
    assert!(created == 200 && first > 0);
    assert_eq!(cloud.put("a/b", Some(0), "two").await.0, 412);
    assert_eq!(cloud.put("a/b", Some(first + 9), "two").await.0, 412);
    let file = cloud.server.folder("lake").join("a/b");
    assert_eq!(std::fs::read(&file).unwrap(), b"one", "a plain file");
    let (replaced, second) = cloud.put("a/b", Some(first), "two").await;
    assert!(replaced == 200 && second > first);
    assert_eq!(cloud.put("a/b", Some(first), "three").await.0, 412);
    assert_eq!(cloud.put("a/b", None, "four").await.0, 200);
    assert_eq!(std::fs::read(&file).unwrap(), b"four");
    // What was deleted has no generation any more, and its name gets a new one.
    let delete = || cloud.request(Method::DELETE, "lake/a/b");
    assert_eq!(cloud.status(delete()).await, 204);
    assert_eq!(cloud.status(delete()).await, 404);
    let (again, third) = cloud.put("a/b", Some(0), "five").await;
    assert!(again == 200 && third > second);
}

#[tokio::test]
async fn the_double_keeps_noncurrent_versions() {
    let cloud = Cloud::start();
    cloud.server.behaviour().versioning = true;
    let (_, first) = cloud.put("a", None, "one").await;
    let (_, second) = cloud.put("a", Some(first), "two").await;
    let deleted = cloud.request(Method::DELETE, "lake/a");
    assert_eq!(cloud.status(deleted).await, 204);
    let get = async |target: &str| {
        let answer = cloud.request(Method::GET, target).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get("lake/a").await.0, 404);
    for (generation, content) in [(first, "one"), (second, "two")] {
        let target = format!("lake/a?generation={generation}");
        assert_eq!(get(&target).await, (200, content.to_owned()));
    }
    assert!(!cloud.server.folder("lake").join("a").exists());
    let listed = get("lake?list-type=2").await.1;
    assert!(!listed.contains("<Key>"), "{listed}");
    // A new object of that name is another generation.
    let (created, third) = cloud.put("a", Some(0), "three").await;
    assert!(created == 200 && third > second);
}

#[tokio::test]
async fn the_double_is_no_kinder_than_it_must_be() {
    let cloud = Cloud::start();
    cloud.put("a%2Fb", None, "0123456789").await;
    let get = |target: &str| cloud.request(Method::GET, target);
    let put = || cloud.request(Method::PUT, "lake/c").body("x");
    let url = |target: &str| format!("{}/{target}", cloud.server.url());
    let nobody = reqwest::Client::new();
    let table = [
        (nobody.get(url("lake/a/b")), 401),
        (nobody.get(url("lake/a/b")).bearer_auth(""), 401),
        (nobody.get(url("lake/a/b")).bearer_auth("wrong"), 401),
        (get("lake/a/b"), 200),
        (get("lake/absent"), 404),
        (get("another/a/b"), 404),
        (get("lake/a/../a/b?x=1"), 501),
        (get("lake/a/b?generation=7"), 404),
        (get("lake/a/b").header("if-match", "x"), 412),
        (get("lake/a/b").header("range", "bytes=10-"), 416),
        (get("lake"), 501),
        (get("lake?list-type=2&fetch-owner=true"), 501),
        (put().header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="), 400),
        (
            put().header("x-goog-hash", "md5=ndTkYSaMgDT1yFZOFVxnpg=="),
            200,
        ),
        (put().header("x-goog-hash", "crc32c=AAAAAA=="), 501),
        (put().header("x-goog-if-generation-match", "any"), 400),
        (put().header("x-goog-copy-source", "lake/a/b"), 501),
        (cloud.request(Method::POST, "lake/c?uploads="), 501),
        (cloud.request(Method::DELETE, "lake"), 501),
    ];
    for (request, status) in table {
        let shown = format!("{request:?}");
        assert_eq!(cloud.status(request).await, status, "{shown}");
    }
    for (range, status, content) in [
        ("bytes=2-4", StatusCode::PARTIAL_CONTENT, "234"),
        ("bytes=8-99", StatusCode::PARTIAL_CONTENT, "89"),
        ("bytes=-3", StatusCode::PARTIAL_CONTENT, "789"),
        ("lines=1-2", StatusCode::OK, "0123456789"),
    ] {
        let answer = get("lake/a/b").header("range", range).send().await.unwrap();
        assert_eq!(answer.status(), status, "{range}");
        assert_eq!(answer.text().await.unwrap(), content, "{range}");
    }
}

#[tokio::test]
async fn the_double_lists_in_pages() {
    let cloud = Cloud::start();
    for key in ["a/1", "a/2", "a/b/3", "a/c&d", "b"] {
        cloud.put(key, None, "x").await;
    }
    let list = async |query: &str| {
        let target = format!("lake?list-type=2&{query}");
        let answer = cloud.request(Method::GET, &target).send().await.unwrap();
        answer.text().await.unwrap()
    };
    let told = |xml: &str, tag: &str| -> Vec<String> {
        let start = format!("<{tag}>");
        let pieces = xml.split(&start).skip(1);
        pieces
            .map(|piece| piece.split('<').next().unwrap().to_owned())
            .collect()
    };
    let mut found = Vec::new();
    let mut query = "prefix=a/&max-keys=2".to_owned();
    loop {
        let xml = list(&query).await;
        found.push(told(&xml, "Key"));
        let Some(token) = told(&xml, "NextContinuationToken").pop() else {
            break;
        };
        query = format!("prefix=a/&max-keys=2&continuation-token={token}");
    }
    assert_eq!(found, [["a/1", "a/2"], ["a/b/3", "a/c&amp;d"]]);
    let folders = list("prefix=a/&delimiter=/&start-after=a/1").await;
    assert_eq!(told(&folders, "Key"), ["a/2", "a/c&amp;d"]);
    assert_eq!(told(&folders, "Prefix"), ["a/", "a/b/"]);
}

/// Also for an account that may not delete, and where a listing takes many pages.
#[tokio::test]
async fn a_strict_gcs_does_what_the_ledger_needs() {
    for account in [Account::All, Account::CreateOnly] {
        let cloud = Cloud::start();
        cloud.server.behaviour().page = 1;
        let bucket = cloud.bucket(account);
        check_store(&bucket, "doctor/1").await.unwrap();
        let puts = cloud.puts();
        assert!(puts.len() > 5);
        assert!(puts.iter().all(|put| put.with_checksum));
        // A refused second create is told as what it is: 412, or 403 where an account that may not
        // write over anything learns no more.
        let refused = match account {
            Account::CreateOnly => 403,
            _ => 412,
        };
        let told = puts.iter().filter(|put| put.status == refused);
        assert_eq!(told.count(), 1);
    }
}

/// The proof creates one name twice in a moment, and the client waits until it is told the truth.
#[tokio::test]
async fn a_store_that_allows_one_change_a_second_is_proven_all_the_same() {
    let cloud = Cloud::start();
    cloud.server.behaviour().pace = Duration::from_secs(1);
    check_store(&cloud.bucket(Account::All), "doctor/1")
        .await
        .unwrap();
    let puts = cloud.puts();
    assert!(puts.iter().any(|put| put.status == 429), "{puts:?}");
}

#[tokio::test]
async fn what_a_retention_policy_or_an_account_keeps_is_neither_written_over_nor_deleted() {
    let (content, other) = contents();
    let cloud = Cloud::start();
    let bucket = cloud.bucket(Account::CreateOnly);
    prove_kept(&bucket, "by-account", &content, &other)
        .await
        .unwrap();

    let bucket = cloud.bucket(Account::All);
    let kept = prove_kept(&bucket, "by-nobody", &content, &other).await;
    assert!(
        matches!(kept, Err(StoreNonconformance::Broken { .. })),
        "{kept:?}"
    );

    cloud.server.behaviour().retention = Some(Duration::from_secs(3_600));
    prove_kept(&bucket, "by-policy", &content, &other)
        .await
        .unwrap();
    let refused = bucket.delete("by-policy").await.unwrap_err().to_string();
    assert!(
        refused.contains("retention policy"),
        "names the setting: {refused}"
    );
    check_store(&bucket, "doctor/1").await.unwrap();

    let reader = cloud.bucket(Account::ReadOnly);
    assert_eq!(reader.read("by-policy", 9).await.unwrap(), content);
    let refused = reader.create("new", content).await.unwrap_err();
    assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
}

#[tokio::test]
async fn what_remains_of_a_removed_object_is_told() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket(Account::All);
    let create = async |name: &str| bucket.create(name, contents().0).await.unwrap();
    create("plain").await;
    // Every object has a generation, so the object does not show whether there are versions.
    assert_eq!(bucket.keeps("plain").await.unwrap(), Keeps::default());
    assert_eq!(bucket.remove("plain").await.unwrap(), Removal::Gone);
    assert_eq!(bucket.remove("plain").await.unwrap(), Removal::Missing);

    // The client repeats a delete whose answer was lost, and finds nothing to delete.
    create("lost").await;
    cloud.server.answer_instead(Method::DELETE, 503, true);
    assert_eq!(bucket.remove("lost").await.unwrap(), Removal::Gone);

    create("held").await;
    let key = "trailhouse/held".to_owned();
    cloud.server.behaviour().held.insert(key);
    match bucket.remove("held").await.unwrap() {
        Removal::Locked { until: None, said } => assert!(said.contains("hold"), "{said}"),
        other => panic!("{other:?}"),
    }
    create("kept").await;
    cloud.server.behaviour().retention = Some(Duration::from_secs(3_600));
    match bucket.remove("kept").await.unwrap() {
        Removal::Locked { until, said } => {
            let rest = until.unwrap() - chrono::Utc::now();
            assert!((3_500..=3_600).contains(&rest.num_seconds()), "{rest}");
            assert!(said.contains("retention policy"), "{said}");
        }
        other => panic!("{other:?}"),
    }
    // Who may not delete is told that, whatever else would be in the way.
    for account in [Account::CreateOnly, Account::ReadOnly] {
        let refused = cloud.bucket(account).remove("kept").await.unwrap_err();
        assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
        assert!(refused.to_string().contains("objects.delete"), "{refused}");
    }
    assert_eq!(bucket.read("kept", 9).await.unwrap(), contents().0);

    // Under versioning neither is in the way, and nothing is deleted.
    cloud.server.behaviour().versioning = true;
    for name in ["kept", "held"] {
        let removed = bucket.remove(name).await.unwrap();
        assert_eq!(removed, Removal::Hidden { until: None }, "{name}");
        assert_eq!(bucket.remove(name).await.unwrap(), Removal::Missing);
    }
    check_store(&bucket, "doctor/1").await.unwrap();
}

#[tokio::test]
async fn a_stranger_is_told_so() {
    let cloud = Cloud::start();
    let mut options = cloud.server.options(Account::All).to_vec();
    options[1].1 = "another-token".to_owned();
    let options = options
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    let bucket = Bucket::open("gs://lake", &options.collect()).unwrap();
    let refused = check_objects(&bucket, "a").await.unwrap_err().to_string();
    assert!(refused.contains("Invalid Credentials"), "{refused}");
    assert!(!refused.contains("another-token"), "{refused}");
}

/// Of creates that meet, one is told 200 and the others 409 while it is under way or 412 after. Who
/// hears 409 finds nothing to read yet, and must ask again rather than guess.
#[tokio::test(flavor = "multi_thread")]
async fn of_creates_that_meet_one_wins_and_the_others_know_it() {
    let cloud = Cloud::start();
    cloud.server.behaviour().pause = Duration::from_millis(30);
    for account in [Account::All, Account::CreateOnly] {
        let name = format!("ledger/entry/{account:?}.note");
        let creators = (0..8).map(|who| {
            let (bucket, name) = (cloud.bucket(account), name.clone());
            async move {
                let content = Bytes::from(format!("creator {who}"));
                (create(&bucket, &name, &content, PATIENT).await, content)
            }
        });
        let made = futures::future::join_all(creators).await;
        let (won, lost): (Vec<_>, Vec<_>) = made.into_iter().partition(|(made, _)| made.is_ok());
        assert_eq!(won.len(), 1, "{won:?}");
        for (made, _) in lost {
            assert!(matches!(made, Err(CreateError::Taken { .. })), "{made:?}");
        }
        let bucket = cloud.bucket(account);
        assert_eq!(bucket.read(&name, 99).await.unwrap(), won[0].1);
    }
    let puts = cloud.puts();
    let told = |status| puts.iter().filter(|put| put.status == status).count();
    assert_eq!((told(200), told(409) > 0), (2, true), "{puts:?}");
}

/// Whatever the answer, and whether or not it took place, it is found out whose the object is.
#[tokio::test]
async fn a_lost_answer_of_a_strict_gcs_is_found_out() {
    let cloud = Cloud::start();
    let (content, other) = contents();
    for account in [Account::All, Account::CreateOnly] {
        let bucket = cloud.bucket(account);
        for status in [403, 409, 412, 429, 503] {
            for takes_place in [true, false] {
                let name = format!("{account:?}-{status}-{takes_place}");
                let lose = || {
                    let server = &cloud.server;
                    server.answer_instead(Method::PUT, status, takes_place);
                };
                lose();
                let made = create(&bucket, &name, &content, PATIENT).await.unwrap();
                let read_back = made == Created::ReadBack;
                assert_eq!(read_back, takes_place, "{name}");

                let theirs = format!("{name}-theirs");
                bucket.create(&theirs, other.clone()).await.unwrap();
                lose();
                let made = create(&bucket, &theirs, &content, PATIENT).await;
                assert!(matches!(made, Err(CreateError::Taken { .. })), "{made:?}");
                assert_eq!(bucket.read(&theirs, 9).await.unwrap(), other);
            }
        }
    }
}
