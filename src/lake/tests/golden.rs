//! Files of every schema version stay readable. The golden files were written by the first release
//! of their version and are never written again.

use std::path::PathBuf;

use arrow::array::{ArrayRef, RecordBatch};
use bytes::Bytes;
use futures::TryStreamExt as _;
use sha2::{Digest, Sha256};

use crate::lake::layout::{DataFile, Partition, Table};
use crate::lake::{EncodedFile, FileFacts, FileReader, FileWriter, InstantRange, verify_file};
use crate::store::Bucket;

use super::sample::{self, belonging, date, execution_file};

const SALT: [u8; 32] = [0x5a; 32];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn quarantine_file() -> DataFile {
    sample::file(Partition::quarantine(date(), "kestra-prod").unwrap())
}

fn rows(table: Table) -> RecordBatch {
    match table {
        Table::Events => sample::events(date(), 40, 1),
        Table::Quarantine => sample::quarantine(date(), 3),
        Table::Objects => sample::objects(date()),
    }
}

fn encoded(table: Table) -> EncodedFile {
    let file = match table {
        Table::Events => execution_file(),
        Table::Quarantine => quarantine_file(),
        Table::Objects => sample::file(Partition::objects(date(), "aws-states").unwrap()),
    };
    let mut writer = FileWriter::new(file, belonging(), SALT);
    writer.push(&rows(table)).unwrap();
    writer.finish().unwrap()
}

fn golden(table: Table) -> PathBuf {
    folder().join(match table {
        Table::Events => "events-v1.parquet",
        Table::Quarantine => "quarantine-v1.parquet",
        Table::Objects => "objects-v1.parquet",
    })
}

/// What the first ledger entries would state about the golden files.
fn stated(table: Table) -> FileFacts {
    let (bytes, sha256, root) = match table {
        Table::Events => (EVENTS_BYTES, EVENTS_SHA256, EVENTS_ROOT),
        Table::Quarantine => (QUARANTINE_BYTES, QUARANTINE_SHA256, QUARANTINE_ROOT),
        Table::Objects => (OBJECTS_BYTES, OBJECTS_SHA256, OBJECTS_ROOT),
    };
    let hash = |text: &str| hex::decode(text).unwrap().try_into().unwrap();
    let computed = encoded(table).facts;
    let times = InstantRange {
        first: "2026-11-23T00:00:00Z".parse().unwrap(),
        last: "2026-11-23T23:24:00Z".parse().unwrap(),
    };
    FileFacts {
        bytes,
        sha256: hash(sha256),
        md5: None,
        records_root: hash(root),
        times: match table {
            Table::Events => Some(times),
            Table::Quarantine => None,
            Table::Objects => computed.times,
        },
        ..computed
    }
}

const EVENTS_BYTES: u64 = 18_474;
const EVENTS_SHA256: &str = "d0c229e2576f64dfdaa2186fefe7b6e7d2bded286bfed3149accf91a5aa71f49";
const EVENTS_ROOT: &str = "a1971856770d4bd032cddc932a1a8a47c4087c1353b4a0fadfb10255aeccf265";
const QUARANTINE_BYTES: u64 = 4_144;
const QUARANTINE_SHA256: &str = "c018eb43d0be03012cfae9bc6a00eb879c117d27347358397d6562a6c17e51e3";
const QUARANTINE_ROOT: &str = "a48c7c812ba5dfcbe0f25b3c42f02e64de7a846165b9c9e5f42ef6468eb74a17";
const OBJECTS_BYTES: u64 = 4_172;
const OBJECTS_SHA256: &str = "87b4283f39cf1d1d1789dd8c537ec97fc1c5355883f69fd00d6c73295266e34b";
const OBJECTS_ROOT: &str = "7c2809dc99dedb6917a53c30712ad9cd043187ee22cb6b6397d474a94f3b5718";

#[tokio::test]
async fn version_1_stays_readable() {
    for table in Table::ALL {
        let content = Bytes::from(std::fs::read(golden(table)).unwrap());
        let facts = stated(table);
        let bucket = Bucket::memory();
        bucket
            .create(&facts.file.to_string(), content)
            .await
            .unwrap();
        let mismatches = verify_file(&bucket, &facts, &belonging()).await.unwrap();
        assert_eq!(mismatches, []);

        let rows = rows(table);
        let schema = rows.schema();
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let reader = FileReader::new(&bucket, facts.signed()).unwrap();
        let batches = reader.columns(&names, None).await.unwrap();
        let batches: Vec<RecordBatch> = batches.try_collect().await.unwrap();
        let read: Vec<ArrayRef> = batches[0].columns().to_vec();
        assert_eq!((batches.len(), read.as_slice()), (1, rows.columns()));
    }
}

/// Writes the golden files of a new version; run by name, once.
#[test]
#[ignore = "writes files"]
fn write_golden_files() {
    std::fs::create_dir_all(folder()).unwrap();
    for table in Table::ALL {
        let file = encoded(table);
        std::fs::write(golden(table), &file.content).unwrap();
        println!(
            "{table:?} {} {} {}",
            file.content.len(),
            hex::encode(Sha256::digest(&file.content)),
            hex::encode(file.facts.records_root)
        );
    }
}
