//! Trouble, switch by switch.

use super::*;

#[tokio::test]
async fn queued_faults_spoil_exactly_their_requests() {
    let rig = Rig::new(options()).await;
    let platform = &rig.platform;
    let page = "sort=date:asc&size=100";
    let good = rig.search(page).await;

    platform.queue(
        Fault::Status {
            code: 429,
            retry_after: RetryAfter::HttpDate,
        },
        2,
    );
    for _ in 0..2 {
        let answer = rig.search(page).await;
        assert_eq!(answer.status, 429);
        assert_eq!(
            answer.header("retry-after"),
            Some("Fri, 20 Nov 2026 12:00:01 GMT")
        );
    }
    platform.queue(Fault::Cut(0.5), 1);
    let path = format!("{SEARCH}?{page}");
    assert!(rig.ask(&path, "demo-token").await.is_err());
    platform.queue(Fault::Truncated(0.5), 1);
    let answer = rig.search(page).await;
    assert_eq!(answer.status, 200);
    assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
    platform.queue(Fault::HtmlPage, 1);
    let answer = rig.search(page).await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );

    platform.queue(Fault::Duplicate, 1);
    let ids = rig.search(page).await.ids();
    let distinct: HashSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (101, 100));
    platform.queue(Fault::Missing, 1);
    let answer = rig.search(page).await;
    assert_eq!((answer.ids().len(), answer.total()), (99, 3_000));
    platform.queue(Fault::WrongTotal(-7), 1);
    assert_eq!(rig.search(page).await.total(), 2_993);
    let nothing = window(at("2999-01-01T00:00:00Z"), at("3000-01-01T00:00:00Z"));
    assert_eq!(rig.search(&nothing).await.total(), 0);
    platform.queue_for("2999", Fault::IgnoreFilters, 1);
    assert_eq!(rig.search(page).await.body, good.body);
    assert_eq!(rig.search(&nothing).await.total(), 3_000);
    platform.queue(Fault::None, 1);
    assert_eq!(platform.queued(), 1);
    assert_eq!(rig.search(page).await.body, good.body);
    assert_eq!(platform.queued(), 0);
}

#[tokio::test]
async fn rows_come_and_go_between_pages() {
    let rig = Rig::new(options()).await;
    let window = window(at("2026-11-18T00:00:00Z"), at("2026-11-19T00:00:00Z"));
    let query = format!("{window}&size=1");
    let before = rig.search(&query).await.total();
    rig.platform.queue(Fault::Insert, 3);
    rig.platform.queue(Fault::Purge, 1);
    for (nth, expected) in [before, before + 1, before + 2, before + 3]
        .iter()
        .enumerate()
    {
        assert_eq!(rig.search(&query).await.total(), *expected, "{nth}");
    }
    assert_eq!(rig.search(&query).await.total(), before + 2);
    assert_eq!(rig.platform.counts().counts, 6);
}

#[tokio::test]
async fn what_tests_push_purge_double_poison_and_change() {
    let rig = Rig::new(options()).await;
    let platform = &rig.platform;
    let day = at("2026-11-21T00:00:00Z");
    let query = format!("{}&size=100", window(day, day + TimeDelta::days(1)));
    let pushed = platform.push(NewEvent {
        user: "anna".to_owned(),
        ip: Some("192.0.2.1".to_owned()),
        ..NewEvent::at(day)
    });
    let early = platform.push(NewEvent {
        visible: Visible::WhenDue,
        ..NewEvent::at(day + TimeDelta::hours(1))
    });
    let counted = platform.push(NewEvent {
        visible: Visible::AfterRequests(2),
        ..NewEvent::at(day + TimeDelta::hours(2))
    });
    assert_eq!(rig.search(&query).await.ids(), [pushed.as_str()]);
    rig.search(&query).await;
    assert_eq!(
        rig.search(&query).await.ids(),
        [pushed.clone(), counted.clone()]
    );
    platform.advance(Duration::from_secs(14 * 3_600));
    let all = [pushed.clone(), early.clone(), counted.clone()];
    assert_eq!(rig.search(&query).await.ids(), all);

    let was = platform.current(&pushed).unwrap();
    assert_eq!(platform.change(&[&pushed], &Change::Gone), 1);
    let is = platform.current(&pushed).unwrap();
    assert!(was != is && !String::from_utf8(is.clone()).unwrap().contains("192.0.2.1"));
    rig.search(&query).await;
    let shown = platform.shown();
    let shown = shown.iter().find(|shown| shown.id == pushed).unwrap();
    assert_eq!(shown.versions, [was, is]);
    assert!(shown.whole);

    assert_eq!(platform.poison(&[&early]), 1);
    assert_eq!(rig.search(&query).await.status, 423);
    assert_eq!(rig.search(&format!("{query}&page=9")).await.status, 200);
    assert_eq!(platform.cure(&[&early]), 1);
    assert_eq!(platform.double(&[&early]), 1);
    let doubled = rig.search(&query).await;
    assert_eq!((doubled.total(), doubled.ids().len()), (4, 4));
    assert_eq!(platform.purge(&[&early, &counted]), 3);
    assert_eq!(rig.search(&query).await.ids(), [pushed.as_str()]);
    assert_eq!(platform.purge_before(at("2027-01-01T00:00:00Z")), 3_001);
    assert_eq!(platform.current(&pushed), None);
}

#[tokio::test]
async fn bytes_are_served_as_pushed() {
    let rig = Rig::new(options()).await;
    let day = at("2026-11-22T00:00:00Z");
    let bytes = b"{ \"id\":\"x\",\"a\":1.0, \"a\":1e5,\"b\":\"\\u0000\xff\" }".to_vec();
    rig.platform.push(NewEvent {
        record: Some(bytes.clone()),
        id: Some("x".to_owned()),
        ..NewEvent::at(day)
    });
    rig.platform.push(NewEvent {
        oddity: Some(Oddity::Nested4000),
        ..NewEvent::at(day)
    });
    let answer = rig.search(&window(day, day + TimeDelta::days(1))).await;
    assert!(memchr::memmem::find(&answer.body, &bytes).is_some());
    assert!(memchr::memmem::find(&answer.body, &[b'['; 4_000]).is_some());
    let shown = rig.platform.shown();
    assert!(shown.iter().any(|shown| shown.versions == [bytes.clone()]));
}

#[tokio::test]
async fn a_huge_record_and_odd_ones_are_there() {
    let mut odd = options();
    odd.data.odd = 14;
    odd.data.huge = 3 << 20;
    let rig = Rig::new(odd).await;
    let mut bytes = 0;
    for page in 1..=4 {
        bytes += rig
            .search(&format!("size=1000&page={page}"))
            .await
            .body
            .len();
    }
    assert!(bytes > 3 << 20);
    assert_eq!(rig.platform.shown().len(), 3_015);
}

#[tokio::test]
async fn standing_switches_can_be_turned_while_serving() {
    let rig = Rig::new(options()).await;
    rig.platform.set_faults(|faults| {
        faults.total_cap = Some(1_000);
        faults.skew = -3_600;
    });
    let answer = rig.search("size=10").await;
    assert_eq!(answer.total(), 1_000);
    assert_eq!(answer.header("date"), Some("Fri, 20 Nov 2026 11:00:00 GMT"));
    rig.platform
        .set_faults(|faults| faults.ignore_filters = true);
    let nothing = window(at("2999-01-01T00:00:00Z"), at("3000-01-01T00:00:00Z"));
    assert_eq!(rig.search(&nothing).await.total(), 1_000);
    rig.platform.set_faults(|faults| faults.always = Some(404));
    assert_eq!(rig.search("size=10").await.status, 404);
    rig.platform.set_faults(|faults| {
        *faults = Faults {
            reject_legacy: true,
            ..Faults::default()
        }
    });
    assert_eq!(
        rig.search("startDate=2026-01-01T00:00:00Z").await.status,
        422
    );
}

#[tokio::test]
async fn a_token_dies_in_the_middle() {
    let mut short = options();
    short.access.token_requests = Some(2);
    short.access.tokens.push("second-token".into());
    let rig = Rig::new(short).await;
    let mut statuses = Vec::new();
    for token in ["demo-token", "demo-token", "demo-token", "second-token"] {
        statuses.push(rig.ask(SEARCH, token).await.unwrap().status);
    }
    assert_eq!(statuses, [200, 200, 401, 200]);
}

#[tokio::test]
async fn a_hanging_answer_ends_with_the_server() {
    let rig = Rig::new(options()).await;
    rig.platform.queue(Fault::Hang, 1);
    rig.platform
        .queue(Fault::Slow(Duration::from_secs(3_600)), 1);
    let url = format!("{}{SEARCH}", rig.serving.url());
    let ask = || {
        let request = rig.client.get(&url).bearer_auth("demo-token");
        tokio::spawn(async move {
            request
                .send()
                .await
                .map(|response| response.status().as_u16())
        })
    };
    let (first, second) = (ask(), ask());
    while rig.platform.queued() > 0 {
        tokio::task::yield_now().await;
    }
    rig.serving.shutdown().await.unwrap();
    let mut statuses = [
        first.await.unwrap().unwrap(),
        second.await.unwrap().unwrap(),
    ];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 503]);
}
