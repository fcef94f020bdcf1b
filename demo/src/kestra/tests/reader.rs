//! A reader against the whole of the trouble: the switches must be such that care gets through.

use super::*;

/// A reader that takes only windows answered whole, and asks again until they are.
async fn read_whole(rig: &Rig, from: DateTime<Utc>, to: DateTime<Utc>, kept: &mut HashSet<String>) {
    let mut open = vec![(from, to)];
    while let Some((from, to)) = open.pop() {
        let query = format!("{}&size=1000&sort=date:asc", window(from, to));
        let path = format!("{SEARCH}?{query}");
        let mut tries = 0;
        loop {
            tries += 1;
            assert!(tries < 20, "{query}");
            let Ok(answer) = rig.ask(&path, "demo-token").await else {
                continue;
            };
            if answer.status != 200 {
                continue;
            }
            let text = String::from_utf8_lossy(&answer.body);
            let total: u64 = text
                .rsplit_once(":")
                .unwrap()
                .1
                .trim_end_matches('}')
                .parse()
                .unwrap();
            if total > 1_000 {
                let middle = from + (to - from) / 2;
                open.extend([(from, middle), (middle, to)]);
                break;
            }
            let ids: Vec<&str> = text.split("{\"auditLog\":").skip(1).map(row_id).collect();
            let distinct: HashSet<_> = ids.iter().copied().collect();
            if ids.len() as u64 == total && distinct.len() == ids.len() {
                kept.extend(distinct.into_iter().map(str::to_owned));
                break;
            }
        }
    }
}

/// The id in the text of a record, wherever the key stands; ids of details come after it or do not
/// look like one.
fn row_id(text: &str) -> &str {
    let values = text.match_indices("\"id\"").map(|(at, key)| {
        let value = &text[at + key.len()..];
        value.trim_start_matches([' ', ':', '"'])
    });
    let is_id =
        |text: &str| text.len() > 22 && text.bytes().take(22).all(|b| b.is_ascii_alphanumeric());
    let mut ids = values.filter(|text| is_id(text));
    &ids.next().unwrap()[..22]
}

#[tokio::test]
async fn a_careful_reader_gets_through_all_trouble() {
    let mut rough = options().with_all_trouble();
    rough.events = 12_000;
    // More at one instant than a page holds is another matter.
    rough.burst = 0;
    rough.faults.slow_by = Duration::from_millis(1);
    let rig = Rig::new(rough).await;
    let end = at(END);
    rig.platform.set_now(end + TimeDelta::days(1));
    let mut kept = HashSet::new();
    read_whole(&rig, end - TimeDelta::days(5), end, &mut kept).await;
    // Rows inserted behind the reader are a gap; it reads again in quiet.
    rig.platform
        .set_faults(|faults| *faults = Faults::default());
    read_whole(&rig, end - TimeDelta::days(5), end, &mut kept).await;
    let there = rig.platform.ids(Some("main"));
    assert!(there.len() > 11_900);
    assert!(there.iter().all(|id| kept.contains(id)));
    let shown: HashSet<String> = rig
        .platform
        .shown()
        .into_iter()
        .map(|shown| shown.id)
        .collect();
    assert!(kept.is_subset(&shown));
    let counts = rig.platform.counts();
    assert!(counts.by_status.len() >= 3, "{counts:?}");
}
