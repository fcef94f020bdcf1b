use super::*;
use crate::lake::{ColumnStatistics, FileStatistics};
use proptest::prelude::*;

fn file(date: NaiveDate, nth: u32) -> FileEntry {
    let path = format!(
        "events/date={date}/cat=execution/src=kestra-prod/20260101T000000Z-{:08x}-{nth:05}-000.parquet",
        nth / 7
    );
    let midnight = midnight(date);
    let statistics = FileStatistics {
        kept_bytes: 300_000 + u64::from(nth),
        columns: [
            ("tenant".to_owned(), range(Some("main"), Some("main"), 0)),
            (
                "namespace".to_owned(),
                range(Some("a"), Some("b"), nth.into()),
            ),
            ("outcome".to_owned(), range(None, None, 7)),
            ("workflow".to_owned(), range(None, Some("z"), u64::MAX)),
        ]
        .into(),
    };
    FileEntry {
        path: path.as_str().into(),
        table: Table::Events,
        date,
        category: Some("execution".into()),
        source: "kestra-prod".into(),
        bytes: 40_000 + u64::from(nth),
        sha256: Digest::of(path.as_bytes()),
        md5: nth.is_multiple_of(2).then_some(Md5([nth as u8; 16])),
        rows: 500,
        times: Some(InstantRange {
            first: midnight + TimeDelta::microseconds(nth.into()),
            last: midnight + TimeDelta::microseconds(i64::from(nth) + 900_000_000),
        }),
        records_root: Digest::of(&nth.to_le_bytes()),
        statistics: statistics.into(),
    }
}

fn range(min: Option<&str>, max: Option<&str>, nulls: u64) -> ColumnStatistics {
    ColumnStatistics {
        min: min.map(str::to_owned),
        max: max.map(str::to_owned),
        nulls,
    }
}

fn live(sequence: u64, file: FileEntry) -> LiveFile {
    LiveFile { sequence, file }
}

/// Files of every form that an entry may give them.
pub(crate) fn files() -> CachedFiles {
    let date: NaiveDate = "2026-01-02".parse().unwrap();
    let odd = [
        FileEntry {
            path: "quarantine/date=2026-01-02/src=k/20260101T000000Z-00000001-00000-001.parquet"
                .into(),
            table: Table::Quarantine,
            category: None,
            source: "k".into(),
            times: None,
            ..file(date, 1)
        },
        FileEntry {
            path: "objects/date=2026-01-02/src=k/20260101T000000Z-00000001-00000-002.parquet"
                .into(),
            table: Table::Objects,
            category: None,
            source: "k".into(),
            ..file(date, 7)
        },
        // A category and a name that this program does not know, and a name of another date.
        FileEntry {
            category: Some("haunting".into()),
            ..file(date, 2)
        },
        FileEntry {
            path: "elsewhere".into(),
            ..file(date, 3)
        },
        FileEntry {
            path: "".into(),
            ..file(date, 4)
        },
        FileEntry {
            path: file(date.succ_opt().unwrap(), 5).path,
            ..file(date, 5)
        },
        // Finer times, and a range that says nothing.
        FileEntry {
            times: Some(InstantRange {
                first: "2026-01-02T00:00:00.000000001Z".parse().unwrap(),
                last: "2026-01-01T23:59:59.999999999Z".parse().unwrap(),
            }),
            statistics: FileStatistics::default().into(),
            bytes: u64::MAX,
            rows: 0,
            ..file(date, 6)
        },
    ];
    let odd = odd.into_iter().map(|odd| live(3, odd));
    let many = (0..10_000).map(|nth| live(u64::from(nth / 7), file(date, nth)));
    let early: NaiveDate = "0001-01-01".parse().unwrap();
    let late: NaiveDate = "9999-12-31".parse().unwrap();
    [
        (date, odd.chain(many).collect()),
        (early, vec![live(u64::MAX, file(early, 1))]),
        (late, vec![live(0, file(late, 1))]),
    ]
    .into()
}

fn written(files: &CachedFiles) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(files, &mut bytes).unwrap();
    bytes
}

#[test]
fn files_come_back() {
    for files in [CachedFiles::new(), files()] {
        let mut bytes = written(&files);
        bytes.extend_from_slice(b"rest");
        let mut rest = &*bytes;
        assert_eq!(read(&mut rest).unwrap(), files);
        assert_eq!(rest, b"rest");
    }
}

#[test]
fn a_file_of_another_date_than_its_list_keeps_its_own() {
    let mut files = files();
    let date: NaiveDate = "2026-01-02".parse().unwrap();
    let strange = file("2020-02-29".parse().unwrap(), 1);
    files.get_mut(&date).unwrap().push(live(1, strange));
    assert_eq!(read(&mut &*written(&files)).unwrap(), files);
}

/// 120 bytes for each file were promised, 80 of which are digests.
#[test]
fn a_file_takes_few_bytes() {
    let of_date: Vec<LiveFile> = files().remove(&"2026-01-02".parse().unwrap()).unwrap();
    let files: CachedFiles = [("2026-01-02".parse().unwrap(), of_date)].into();
    let packed = zstd::encode_all(&*written(&files), 3).unwrap();
    assert!(packed.len() < 120 * 10_000, "{}", packed.len());
}

proptest! {
    #[test]
    fn what_is_damaged_is_read_or_refused(at in 0usize..4_000, to in any::<u8>(), end in 0usize..6_000) {
        let date: NaiveDate = "2026-01-02".parse().unwrap();
        let some = (0..20).map(|nth| live(1, file(date, nth)));
        let mut bytes = written(&[(date, some.collect())].into());
        let at = at % bytes.len();
        bytes[at] = to;
        drop(read(&mut &*bytes));
        drop(read(&mut &bytes[..end.min(bytes.len())]));
    }
}
