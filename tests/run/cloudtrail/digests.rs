//! The digests of trails, over the keys that the service lists.

use super::super::harness::{at, empty, job_at, run, sound_lake, verified};
use super::{ACCOUNT, Delivery, NOW, REGION, ServiceClock, client, feed, job_source};
use crate::faulty_store::FaultyStore;
use chrono::TimeDelta;
use std::sync::Arc;
use tokio::net::TcpListener;
use trailhouse::origin::{OriginCheck, OriginFault};
use trailhouse::run::Summary;
use trailhouse::source::Wording;
use trailhouse::source::objects::ObjectFeed;
use trailhouse::source::platform::cloudtrail::client::digest::PublicKeys;
use trailhouse::source::platform::cloudtrail::{CloudTrail, EventSources};
use trailhouse_demo::Serving;
use trailhouse_demo::cloudtrail::{Delivered, DigestChain, DigestKey, Trail};

/// Digests that are followed, over the keys that the service lists.
struct Followed {
    delivery: Delivery,
    serving: Serving,
    store: FaultyStore,
}

impl Followed {
    async fn new(keeps_metadata: bool) -> Self {
        let delivery = Delivery::made(None, keeps_metadata).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            serving: delivery.api.serve(listener).unwrap(),
            delivery,
            store: empty(),
        }
    }

    async fn run(&self) -> Summary {
        let delivery = &self.delivery;
        let client = client(&delivery.api, &self.serving, "AKIADEMO", REGION);
        let keys = PublicKeys::new([(REGION.to_owned(), client)].into());
        let trail = CloudTrail::new(
            delivery.bucket.clone(),
            EventSources::default(),
            Wording::Kept,
            vec![feed()],
        );
        let trail = trail.unwrap().following_digests(keys);
        let clock = Arc::new(ServiceClock(delivery.api.clone()));
        let source = job_source(ObjectFeed::new(trail));
        run(&job_at(clock, &self.store, vec![source])).await
    }

    async fn check(&self) -> OriginCheck {
        let mut summary = self.run().await;
        let source = summary.sources.remove(0);
        assert!(source.failure.is_none(), "{:?}", source.failure);
        let check = source.origins.into_iter().next();
        check.unwrap_or_else(|| panic!("{:?}", source.warnings))
    }

    /// The log files that digests name.
    fn named(&self) -> u64 {
        let contents = self.delivery.digests.iter().map(|digest| {
            let digest: serde_json::Value = serde_json::from_slice(&digest.content).unwrap();
            digest["logFiles"].as_array().unwrap().len() as u64
        });
        contents.sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_is_proven_and_the_chain_goes_on() {
    for keeps_metadata in [true, false] {
        let followed = Followed::new(keeps_metadata).await;
        let digests = followed.delivery.digests.len() as u64;
        let check = followed.check().await;
        // The signature of the newest digest of a copied trail is still to come.
        let lists = digests - u64::from(!keeps_metadata);
        assert_eq!((check.lists, check.found), (lists, 0), "{check:?}");
        assert!(check.objects > 20 && check.unread == 0, "{check:?}");
        let named = followed.named();
        assert!(
            check.objects == named || !keeps_metadata,
            "{named} {check:?}"
        );
        let lake = sound_lake(&followed.store).await;
        let tenant = format!("{ACCOUNT}/{REGION}");
        let known = lake.state.feed("aws-test", &tenant).unwrap();
        let origin = known.origin.as_ref().unwrap();
        assert_eq!(origin.chains[0].name, format!("main@{REGION}"));
        assert_eq!(origin.objects, check.objects);
        // What was followed is not followed again.
        let again = followed.run().await;
        assert!(again.sources[0].origins.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_altered_or_deleted_is_found() {
    let followed = Followed::new(true).await;
    let delivery = &followed.delivery;
    let [altered, deleted] = [3, 5].map(|at| &delivery.files[at]);
    let of_digests = [20, 40].map(|at| &delivery.digests[at]);
    // A file with other records, one that is gone, a digest that is gone and one that says something else.
    let other = delivery.trail.log_file(at(NOW), "x", &["{}".to_owned()]);
    let other = Delivered {
        key: altered.key.clone(),
        ..other
    };
    delivery.put(&other).await;
    delivery.bucket.delete(&deleted.key).await.unwrap();
    delivery.bucket.delete(&of_digests[0].key).await.unwrap();
    let content = String::from_utf8(of_digests[1].content.to_vec()).unwrap();
    let content = content.replace("\"newestEventTime\":null", "\"newestEventTime\":\"\"");
    let forged = Delivered {
        stored: trailhouse_demo::cloudtrail::gzip(content.as_bytes()),
        ..of_digests[1].clone()
    };
    delivery.put(&forged).await;
    let check = followed.check().await;
    let mut found: Vec<(OriginFault, &str)> = check
        .findings
        .iter()
        .map(|finding| (finding.fault, finding.object.as_str()))
        .collect();
    found.sort_by_key(|(fault, _)| format!("{fault:?}"));
    assert_eq!(
        found,
        [
            (OriginFault::ListAltered, of_digests[1].key.as_str()),
            (OriginFault::ListMissing, of_digests[0].key.as_str()),
            (OriginFault::ObjectAltered, altered.key.as_str()),
            (OriginFault::ObjectMissing, deleted.key.as_str()),
        ]
    );
    assert_eq!(check.lists, delivery.digests.len() as u64 - 2);
    let verified = verified(&followed.store).await;
    assert_eq!(verified.origin.map(|origin| origin.found), Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_held_against_what_was_delivered() {
    let followed = Followed::new(true).await;
    let delivery = &followed.delivery;
    let file = &delivery.files[7];
    let other = delivery
        .trail
        .log_file(at(NOW), "x", &["{\"eventID\":\"forged\"}".to_owned()]);
    let other = Delivered {
        key: file.key.clone(),
        ..other
    };
    // Nobody gives keys while it is read, and it is put right before they are there.
    let expired = |expired| {
        delivery
            .api
            .set_trouble(|_, trouble| trouble.expired = expired)
    };
    expired(true);
    delivery.put(&other).await;
    let first = followed.run().await;
    assert!(first.sources[0].origins.is_empty());
    let said = first.sources[0].warnings.join(" ");
    assert!(
        said.contains("cannot follow what the platform proves"),
        "{said}"
    );
    expired(false);
    delivery.put(file).await;
    let check = followed.check().await;
    assert_eq!((check.found, check.unread), (1, 0), "{check:?}");
    assert_eq!(check.findings[0].fault, OriginFault::ReadOtherwise);
    assert_eq!(check.findings[0].object, file.key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_waits_for_its_predecessor() {
    let followed = Followed::new(true).await;
    let delivery = &followed.delivery;
    let newest = delivery.digests.len() - 1;
    let late = &delivery.digests[newest - 1];
    delivery.bucket.delete(&late.key).await.unwrap();
    let check = followed.check().await;
    assert_eq!((check.lists, check.found), (newest as u64 - 1, 0));
    delivery.put(late).await;
    let check = followed.check().await;
    assert_eq!((check.lists, check.found), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_that_a_stranger_signed_is_found() {
    let followed = Followed::new(true).await;
    let delivery = &followed.delivery;
    let stranger = DigestKey::of_stranger().unwrap();
    let begin = at("2026-11-13T00:30:00Z");
    let mut chain = DigestChain::begin(&delivery.trail, &stranger, begin);
    let forged = chain.next(begin + TimeDelta::hours(1), &[]);
    assert_eq!(forged.key, delivery.digests[0].key);
    delivery.put(&forged).await;
    let check = followed.check().await;
    assert_eq!(check.findings[0].fault, OriginFault::ListAltered);
    assert_eq!(check.findings[0].object, forged.key);
    // The one after it names another predecessor, and is itself what was signed.
    assert_eq!(check.lists, delivery.digests.len() as u64 - 1);
}

/// Two trails may deliver to one bucket; one was stopped for a day, and its key is listed in another form.
#[tokio::test(flavor = "multi_thread")]
async fn each_trail_has_a_chain_and_a_stop_ends_none() {
    let followed = Followed::new(true).await;
    let delivery = &followed.delivery;
    let second = Trail {
        name: "all_of_it".to_owned(),
        home: "us-east-1".to_owned(),
        ..delivery.trail.clone()
    };
    let key = DigestKey::of_service().unwrap().wrapped();
    let mut chain = DigestChain::begin(&second, &key, at("2026-11-14T00:10:00Z"));
    let mut digests = chain.hourly(at("2026-11-15T00:10:00Z"), &[]);
    chain.restart(at("2026-11-16T00:10:00Z"));
    digests.extend(chain.hourly(at("2026-11-17T00:10:00Z"), &[]));
    for digest in &digests {
        delivery.put(digest).await;
    }
    // What AWS makes up later is no part of a chain.
    let span = (at("2026-11-15T05:10:00Z"), at("2026-11-15T06:10:00Z"));
    delivery.put(&chain.backfill(span, &[], at(NOW))).await;
    let mut summary = followed.run().await;
    let source = summary.sources.remove(0);
    let check = &source.origins[0];
    let all = delivery.digests.len() + digests.len();
    assert_eq!((check.lists, check.found), (all as u64, 0), "{check:?}");
    let names: Vec<&str> = check.chains.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["all_of_it@us-east-1", "main@eu-central-1"]);
    let lagging = "the newest signed list of all_of_it@us-east-1";
    assert!(
        source.warnings.iter().any(|it| it.contains(lagging)),
        "{:?}",
        source.warnings
    );
}
