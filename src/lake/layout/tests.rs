use super::*;
use proptest::prelude::*;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn run() -> RunId {
    RunId::new("2026-11-24T03:15:00.9Z".parse().unwrap(), 0x1a2b_3c4d)
}

#[test]
fn names_read_as_documented() {
    let events = Partition::events(date("2026-11-23"), Category::Execution, "kestra-prod").unwrap();
    let quarantine = Partition::quarantine(date("2026-11-23"), "kestra-prod").unwrap();
    let objects = Partition::objects(date("2026-11-23"), "aws-states").unwrap();
    let name = |partition| DataFile {
        partition,
        run: run(),
        chunk: 3,
        part: 12,
    };
    let table = [
        (
            name(events).to_string(),
            "events/date=2026-11-23/cat=execution/src=kestra-prod/20261124T031500Z-1a2b3c4d-00003-012.parquet",
        ),
        (
            name(quarantine).to_string(),
            "quarantine/date=2026-11-23/src=kestra-prod/20261124T031500Z-1a2b3c4d-00003-012.parquet",
        ),
        (
            name(objects).to_string(),
            "objects/date=2026-11-23/src=aws-states/20261124T031500Z-1a2b3c4d-00003-012.parquet",
        ),
    ];
    for (written, documented) in table {
        assert_eq!(written, documented);
    }
}

#[test]
fn names_lead_back_to_their_meaning() {
    assert_eq!(run().to_string().parse(), Ok(run()));
    let text = serde_json::to_string(&run()).unwrap();
    assert_eq!(text, "\"20261124T031500Z-1a2b3c4d\"");
    assert_eq!(serde_json::from_str::<RunId>(&text).unwrap(), run());
}

#[test]
fn other_spellings_are_refused() {
    let good =
        "events/date=2026-11-23/cat=execution/src=k/20261124T031500Z-1a2b3c4d-00003-012.parquet";
    assert!(good.parse::<DataFile>().is_ok());
    let bad = [
        good.replace("1a2b3c4d", "1A2B3C4D"),
        good.replace("00003", "3"),
        good.replace("00003", "000003"),
        good.replace("-012", "-+12"),
        good.replace("events/", "quarantine/"),
        good.replace("events/", "objects/"),
        good.replace("cat=execution", "cat=unheard_of"),
        good.replace("2026-11-23", "2026-11-31"),
        good.replace("2026-11-23", "2026-11-3"),
        good.replace("T03", "T25"),
        good.replace("src=k", "src="),
        good.replace("src=k", "src=.."),
        good.replace("src=k", "src=a%2Fb"),
        good.replace(".parquet", ".parquet#1"),
        format!("{good}/x"),
        format!("/{good}"),
        String::new(),
    ];
    for name in bad {
        assert!(name.parse::<DataFile>().is_err(), "{name}");
    }
}

#[test]
fn source_ids_must_be_one_plain_segment() {
    for id in [
        "",
        ".",
        "..",
        "-a",
        "a/b",
        "a b",
        "ä",
        "a#1",
        &"x".repeat(65),
    ] {
        assert!(
            Partition::quarantine(date("2026-01-01"), id).is_err(),
            "{id}"
        );
    }
    assert!(Partition::quarantine(date("2026-01-01"), "Kestra_1.prod-eu").is_ok());
    let far = NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap();
    assert!(Partition::quarantine(far, "k").is_err());
}

proptest! {
    #[test]
    fn every_data_file_name_leads_back(
        day in 0i32..3_650_000, cat in 0usize..8, source in "[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
        second in 0i64..4_000_000_000, nonce: u32, chunk: u32, part: u32,
    ) {
        let date = NaiveDate::from_num_days_from_ce_opt(day + 1).unwrap();
        let partition = match Category::ALL.get(cat) {
            Some(category) => Partition::events(date, *category, &source).unwrap(),
            None => Partition::quarantine(date, &source).unwrap(),
        };
        let run = RunId::new(DateTime::from_timestamp(second, 0).unwrap(), nonce);
        let file = DataFile { partition, run, chunk, part };
        prop_assert_eq!(file.to_string().parse(), Ok(file));
    }

    #[test]
    fn runs_sort_by_time(a in 0i64..4_000_000_000, b in 0i64..4_000_000_000, nonce: u32) {
        let run = |second| RunId::new(DateTime::from_timestamp(second, 0).unwrap(), nonce);
        prop_assert_eq!(run(a).cmp(&run(b)), run(a).to_string().cmp(&run(b).to_string()));
    }
}
