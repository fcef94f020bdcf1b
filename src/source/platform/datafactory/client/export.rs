//! The Activity Log as a diagnostic setting exports it: a blob for each hour of each subscription, to which lines of
//! JSON are appended as events are received.
//!
//! ```text
//! resourceId=/SUBSCRIPTIONS/AAAA…/y=2026/m=11/d=20/h=07/m=00/PT1H.json
//! ```
//!
//! The position of a blob is the last instant of its hour, so that one that still grows is not read before it is
//! complete. One that grew later has another version, which a recount finds. Only records of Data Factory are
//! wanted; the others of a blob are left out.

use crate::event::json::{self, JsonKind};
use crate::source::objects::{
    ListedObject, ObjectContent, ObjectTiming, Objects, ReadFailure, not_read, of_bucket,
    version_of,
};
use crate::source::platform::datafactory::mapping::{AzureMapping, is_of_data_factory};
use crate::source::{ClockReading, HoleReason, Mapping, Returned, SourceError, Tenant, Wording};
use crate::store::{Bucket, StoreError, StoredObject};
use crate::waits::Waits;
use crate::window::{Window, midnight};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::TryStreamExt as _;
use sha2::{Digest as _, Sha256};

/// The container of exported events, from its root.
pub struct ActivityExport {
    bucket: Bucket,
    wording: Wording,
    tenants: Vec<Tenant>,
    timing: ObjectTiming,
}

impl ActivityExport {
    /// Reads the events of some subscriptions in the container `insights-activity-logs`.
    ///
    /// # Errors
    /// [`SourceError::Settings`] when no subscription is named.
    pub fn new(
        bucket: Bucket,
        wording: Wording,
        tenants: Vec<Tenant>,
    ) -> Result<Self, SourceError> {
        let is_fit = |tenant: &Tenant| {
            tenant
                .name()
                .is_some_and(|it| !it.is_empty() && !it.contains('/'))
        };
        if tenants.is_empty() || !tenants.iter().all(is_fit) {
            return Err(settings("no subscription is named".to_owned()));
        }
        Ok(Self {
            bucket,
            wording,
            tenants,
            timing: ObjectTiming {
                tick: TimeDelta::microseconds(1),
                // A blob is complete some minutes after its hour.
                arrival: TimeDelta::minutes(15),
                // Blobs stay until a rule of the customer removes them.
                horizon: None,
            },
        })
    }

    fn error(&self, tenant: &Tenant, error: &StoreError) -> SourceError {
        of_bucket(self.wording, &tenant.to_string(), error)
    }

    /// The folders `key=7` of a folder, as numbers in order.
    async fn numbers(
        &self,
        tenant: &Tenant,
        folder: &str,
        key: &str,
    ) -> Result<Vec<u32>, SourceError> {
        let found = self.bucket.folders(folder).await;
        let found = found.map_err(|error| self.error(tenant, &error))?;
        let numbers = found.iter().filter_map(|name| number(name, key));
        let mut numbers: Vec<u32> = numbers.collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The blobs of a date.
    async fn of_date(
        &self,
        tenant: &Tenant,
        date: NaiveDate,
    ) -> Result<Vec<ListedObject>, SourceError> {
        let folder = format!("{}/{}", root(tenant), date.format("y=%Y/m=%m/d=%d"));
        let files = self.bucket.list(&folder, None);
        let listed = files.try_filter_map(|file| {
            let position = position(date, &folder, &file.name);
            async move { Ok(position.map(|position| listed(file, position))) }
        });
        let listed: Result<Vec<_>, _> = listed.try_collect().await;
        listed.map_err(|error| self.error(tenant, &error))
    }
}

fn settings(message: String) -> SourceError {
    SourceError::Settings { message }
}

/// The folder of a subscription.
fn root(tenant: &Tenant) -> String {
    let subscription = tenant.name().unwrap_or_default().to_uppercase();
    format!("resourceId=/SUBSCRIPTIONS/{subscription}")
}

/// The number in a name such as `h=07`.
fn number(name: &str, key: &str) -> Option<u32> {
    name.strip_prefix(key)?.strip_prefix('=')?.parse().ok()
}

/// The last instant of the hour that the name of a blob states; `None` for what is no such blob.
fn position(date: NaiveDate, folder: &str, name: &str) -> Option<DateTime<Utc>> {
    let rest = name.strip_prefix(folder)?.strip_prefix('/')?;
    let parts: Vec<&str> = rest.split('/').collect();
    let [hour, minute, "PT1H.json"] = parts[..] else {
        return None;
    };
    let (hour, minute) = (number(hour, "h")?, number(minute, "m")?);
    let end = TimeDelta::hours(i64::from(hour) + 1) - TimeDelta::microseconds(1);
    (hour < 24 && minute < 60).then(|| midnight(date) + end)
}

fn listed(file: StoredObject, position: DateTime<Utc>) -> ListedObject {
    ListedObject {
        version: version_of(&file).into(),
        key: file.name.into(),
        bytes: file.bytes,
        position,
        modified: file.modified,
    }
}

/// The wanted lines of a blob, in a buffer of their own: those of other providers may be many times as much. A line
/// that ends early is being written.
fn split(content: &[u8]) -> Result<Vec<Returned>, (HoleReason, String)> {
    let mut own = Vec::new();
    let mut places = Vec::new();
    let mut at = match content.starts_with(b"\xef\xbb\xbf") {
        true => 3,
        false => 0,
    };
    loop {
        at += json::start(content.get(at..).unwrap_or_default());
        if at >= content.len() {
            break;
        }
        let line = content[at..].split(|byte| *byte == b'\n').next();
        let line = line.unwrap_or_default().trim_ascii_end();
        let is_last = at + line.len() >= content.trim_ascii_end().len();
        let kind = match json::value_at(line, 0) {
            Ok(value) if value.end == line.len() => Some(value.kind),
            Err(_) if is_last => {
                let detail = format!("it ends early, in the line at byte {at}");
                return Err((HoleReason::CutOff, detail));
            }
            Ok(_) | Err(_) => None,
        };
        if is_of_data_factory(line) {
            let from = own.len();
            own.extend_from_slice(line);
            places.push((from, own.len(), kind == Some(JsonKind::Object)));
        }
        at += line.len();
    }
    let own = Bytes::from(own);
    let records = places.into_iter().map(|(from, to, is_record)| Returned {
        is_record,
        ..Returned::record(own.slice(from..to))
    });
    Ok(records.collect())
}

#[async_trait]
impl Objects for ActivityExport {
    fn timing(&self) -> &ObjectTiming {
        &self.timing
    }

    fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &AzureMapping
    }

    async fn list(
        &self,
        tenant: &Tenant,
        window: Window,
    ) -> Result<Vec<ListedObject>, SourceError> {
        let mut files = self.of_date(tenant, window.from.date_naive()).await?;
        files.retain(|file| window.contains(file.position));
        Ok(files)
    }

    async fn read(
        &self,
        tenant: &Tenant,
        object: &ListedObject,
        most: u64,
    ) -> Result<ObjectContent, ReadFailure> {
        let unreadable = |reason, detail| Err(ReadFailure::Object { reason, detail });
        let read = self.bucket.read_version(&object.key, most).await;
        let (file, stored) =
            read.map_err(|error| not_read(self.wording, &tenant.to_string(), &error))?;
        match split(&stored) {
            Ok(records) => Ok(ObjectContent {
                version: version_of(&file).into(),
                sha256: Sha256::digest(&stored).into(),
                records,
            }),
            Err((reason, detail)) => unreadable(reason, detail),
        }
    }

    async fn oldest(
        &self,
        tenant: &Tenant,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let root = root(tenant);
        for year in self.numbers(tenant, &root, "y").await? {
            let of_year = format!("{root}/y={year:04}");
            for month in self.numbers(tenant, &of_year, "m").await? {
                let of_month = format!("{of_year}/m={month:02}");
                for day in self.numbers(tenant, &of_month, "d").await? {
                    let year = i32::try_from(year).ok();
                    let date = year.and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
                    let Some(date) = date else { continue };
                    if date > until.date_naive() {
                        return Ok(None);
                    }
                    let files = self.of_date(tenant, date).await?;
                    if let Some(first) = files.iter().map(|file| file.position).min() {
                        return Ok(Some(first).filter(|first| *first < until));
                    }
                }
            }
        }
        Ok(None)
    }

    fn wants(&self, record: &[u8]) -> bool {
        is_of_data_factory(record)
    }

    fn clock(&self) -> Option<ClockReading> {
        let theirs = self.bucket.clock().now()?;
        Some(ClockReading {
            theirs,
            ours: Utc::now(),
        })
    }

    fn requests(&self) -> u64 {
        self.bucket.requests().total()
    }

    fn waits(&self) -> Option<&Waits> {
        Some(self.bucket.waits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(content: &str) -> Vec<String> {
        let records = split(content.as_bytes()).unwrap();
        let text = |it: &Returned| String::from_utf8(it.record.to_vec()).unwrap();
        records.iter().map(text).collect()
    }

    #[test]
    fn lines_are_exact_bytes() {
        let one =
            r#"{ "time":"t", "resourceId":"/PROVIDERS/MICROSOFT.DATAFACTORY/x" , "n": 1.50 }"#;
        let other = r#"{"resourceId":"/PROVIDERS/MICROSOFT.COMPUTE/x"}"#;
        let unknown = r#"{"n":2}"#;
        let content = format!("\u{feff}{one}\r\n{other}\r\n\r\n{unknown}\nnonsense\n");
        assert_eq!(texts(&content), [one, unknown, "nonsense"]);
        let records = split(content.as_bytes()).unwrap();
        let are_records: Vec<bool> = records.iter().map(|it| it.is_record).collect();
        assert_eq!(are_records, [true, true, false]);
        // The last line needs no end, and none may be missing.
        assert_eq!(texts(one), [one]);
        assert_eq!(texts(""), [""; 0]);
        let (reason, detail) = split(format!("{one}\r\n{{\"n\":").as_bytes()).unwrap_err();
        assert_eq!(reason, HoleReason::CutOff);
        assert!(detail.contains("at byte"), "{detail}");
    }

    #[test]
    fn a_blob_lies_at_the_end_of_its_hour() {
        let date: NaiveDate = "2026-11-20".parse().unwrap();
        let at = |name: &str| position(date, "f", name).map(|at| at.to_rfc3339());
        let end = "2026-11-20T07:59:59.999999+00:00";
        assert_eq!(at("f/h=07/m=00/PT1H.json").as_deref(), Some(end));
        for name in [
            "f/h=24/m=00/PT1H.json",
            "f/h=07/PT1H.json",
            "f/h=07/m=00/x",
            "g/h=07/m=00/PT1H.json",
        ] {
            assert_eq!(at(name), None, "{name}");
        }
    }
}
