//! The client of a trail's bucket.

mod file;
mod key;
#[cfg(test)]
mod tests;

use super::mapping::CloudTrailMapping;
use crate::foreign::Secrets;
use crate::source::objects::{ListedObject, ObjectContent, ObjectTiming, Objects, ReadFailure};
use crate::source::{ClockReading, HoleReason, Mapping, SourceError, Tenant, Wording};
use crate::store::{Bucket, StoreError, StoredObject};
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::TryStreamExt as _;
use key::{FeedFolder, ROOT, TRAIL, account_folder, is_account, is_organisation};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// The service whose records are read unless others are wanted.
const STEP_FUNCTIONS: &str = "states.amazonaws.com";

/// The services whose records are wanted, as `eventSource` names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventSources {
    /// Every record.
    All,
    /// Those of these services. A record that names no service is wanted, too.
    Only(Vec<Box<str>>),
}

impl Default for EventSources {
    /// Step Functions alone.
    fn default() -> Self {
        Self::Only(vec![STEP_FUNCTIONS.into()])
    }
}

/// A trail's bucket.
pub struct CloudTrail {
    bucket: Bucket,
    wanted: Arc<EventSources>,
    wording: Wording,
    tenants: Vec<Tenant>,
    timing: ObjectTiming,
}

impl CloudTrail {
    /// Reads feeds of the trails that deliver to `bucket`, the folder that holds `AWSLogs`. A feed is one
    /// account in one region, `123456789012/eu-central-1`, behind the id of the organisation in the trail of
    /// one: `o-abc123/123456789012/eu-central-1`.
    ///
    /// # Errors
    /// [`SourceError::Settings`] when there is no feed, or one with another name.
    pub fn new(
        bucket: Bucket,
        wanted: EventSources,
        wording: Wording,
        tenants: Vec<Tenant>,
    ) -> Result<Self, SourceError> {
        if tenants.is_empty() {
            return Err(settings("no account and region is given"));
        }
        for tenant in &tenants {
            folder_of(tenant)?;
        }
        Ok(Self {
            bucket,
            wanted: Arc::new(wanted),
            wording,
            tenants,
            timing: ObjectTiming {
                // How far apart the files of a minute are.
                tick: TimeDelta::microseconds(1),
                // Usually five minutes, of which nothing is promised.
                arrival: TimeDelta::minutes(15),
                // Files stay until a rule of the customer removes them.
                horizon: None,
            },
        })
    }

    /// The feeds that a bucket has files of, in order of their names.
    ///
    /// # Errors
    /// Those of [`Objects::list`].
    pub async fn discover(bucket: &Bucket, wording: Wording) -> Result<Vec<Tenant>, SourceError> {
        let folders = |folder: String| async move {
            let found = bucket.folders(&folder).await;
            found.map_err(|error| source_error(wording, ROOT, error))
        };
        let mut accounts = Vec::new();
        for folder in folders(ROOT.to_owned()).await? {
            if is_account(&folder) {
                accounts.push((None, folder));
            } else if is_organisation(&folder) {
                let of_organisation = folders(format!("{ROOT}/{folder}")).await?;
                let of_organisation = of_organisation.into_iter().filter(|it| is_account(it));
                accounts.extend(of_organisation.map(|account| (Some(folder.clone()), account)));
            }
        }
        let mut tenants = Vec::new();
        for (organisation, account) in accounts {
            let of_account = account_folder(organisation.as_deref(), &account);
            for region in folders(format!("{of_account}/{TRAIL}")).await? {
                let feed = FeedFolder {
                    organisation: organisation.clone(),
                    account: account.clone(),
                    region,
                };
                tenants.push(Tenant::Named(feed.to_string()));
            }
        }
        tenants.sort();
        Ok(tenants)
    }

    fn error(&self, tenant: &Tenant, error: StoreError) -> SourceError {
        source_error(self.wording, &tenant.to_string(), error)
    }

    /// The folders of a folder whose names are numbers, in order.
    async fn numbers(&self, tenant: &Tenant, folder: &str) -> Result<Vec<u32>, SourceError> {
        let found = self.bucket.folders(folder).await;
        let found = found.map_err(|error| self.error(tenant, error))?;
        let mut numbers: Vec<u32> = found.iter().filter_map(|name| name.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The files in the folder of a date, from `from` on.
    async fn of_date(
        &self,
        tenant: &Tenant,
        folder: &FeedFolder,
        date: NaiveDate,
        from: Option<DateTime<Utc>>,
    ) -> Result<Vec<ListedObject>, SourceError> {
        let after = from.and_then(|from| folder.before(from));
        let files = self.bucket.list(&folder.of_date(date), after.as_deref());
        let listed = files.try_filter_map(|file| async move {
            let position = folder.position(date, &file.name);
            Ok(position.map(|position| listed(file, position)))
        });
        let listed = listed.try_collect().await;
        listed.map_err(|error| self.error(tenant, error))
    }

    /// The position of the oldest file in the folder of a date.
    async fn first_of_date(
        &self,
        tenant: &Tenant,
        folder: &FeedFolder,
        date: NaiveDate,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let files = self.of_date(tenant, folder, date, None).await?;
        Ok(files.iter().map(|file| file.position).min())
    }
}

fn settings(message: &str) -> SourceError {
    SourceError::Settings {
        message: message.to_owned(),
    }
}

fn folder_of(tenant: &Tenant) -> Result<FeedFolder, SourceError> {
    let folder = tenant.name().and_then(FeedFolder::of_name);
    folder.ok_or_else(|| {
        settings("a feed is named by account and region, as in 123456789012/eu-central-1")
    })
}

fn listed(file: StoredObject, position: DateTime<Utc>) -> ListedObject {
    ListedObject {
        version: version(&file).into(),
        key: file.name.into(),
        bytes: file.bytes,
        position,
        modified: file.modified,
    }
}

/// What tells the content of a file from any other: the entity tag, or where there is none the time at which
/// it was written and its size.
fn version(file: &StoredObject) -> String {
    let written = || format!("{}-{}", file.modified.timestamp_micros(), file.bytes);
    file.tag.clone().unwrap_or_else(written)
}

/// What a failure of the bucket means for a feed.
fn source_error(wording: Wording, feed: &str, error: StoreError) -> SourceError {
    // The store has taken the secrets out of its words.
    let words = |said: &str| wording.of(said, &Secrets::default());
    let tenant = feed.to_owned();
    match &error {
        StoreError::Denied { said, .. } => SourceError::BucketForbidden {
            tenant,
            message: words(said),
        },
        StoreError::NotFound { said, .. } => SourceError::BucketNotFound {
            tenant,
            message: words(said),
        },
        StoreError::NoConnection { why, said, .. } => SourceError::NoConnection {
            why: *why,
            message: words(said),
        },
        StoreError::Unclear { .. } => SourceError::Unreachable {
            tries: 1,
            message: error.to_string(),
        },
        StoreError::Missing { .. }
        | StoreError::Altered { .. }
        | StoreError::AlreadyExists { .. }
        | StoreError::Unsupported { .. }
        | StoreError::Refused { .. }
        | StoreError::TooLarge { .. }
        | StoreError::Name { .. } => settings(&error.to_string()),
    }
}

#[async_trait]
impl Objects for CloudTrail {
    fn timing(&self) -> &ObjectTiming {
        &self.timing
    }

    fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &CloudTrailMapping
    }

    async fn list(
        &self,
        tenant: &Tenant,
        window: Window,
    ) -> Result<Vec<ListedObject>, SourceError> {
        let folder = folder_of(tenant)?;
        let date = window.from.date_naive();
        let files = self.of_date(tenant, &folder, date, Some(window.from));
        let mut files = files.await?;
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
        let (file, stored) = match self.bucket.read_version(&object.key, most).await {
            Ok(read) => read,
            Err(error @ StoreError::NotFound { .. }) => {
                return unreadable(HoleReason::Gone, error.to_string());
            }
            Err(error @ StoreError::TooLarge { .. }) => {
                return unreadable(HoleReason::TooLarge, error.to_string());
            }
            Err(error @ StoreError::Denied { .. }) => {
                return Err(ReadFailure::Denied(self.error(tenant, error)));
            }
            Err(error) => return Err(ReadFailure::Feed(self.error(tenant, error))),
        };
        let wanted = Arc::clone(&self.wanted);
        let work = move || {
            let content = file::decode(&stored, most)?;
            let records = file::split(&content, &wanted)?;
            Ok((Sha256::digest(&stored).into(), records))
        };
        let taken_apart = tokio::task::spawn_blocking(work).await;
        let taken_apart: Result<_, file::TrailFault> = match taken_apart {
            Ok(taken_apart) => taken_apart,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Err(ReadFailure::Feed(SourceError::Stopped)),
            },
        };
        match taken_apart {
            Ok((sha256, records)) => Ok(ObjectContent {
                version: version(&file).into(),
                sha256,
                records,
            }),
            Err(fault) => unreadable(fault.reason(), fault.to_string()),
        }
    }

    async fn oldest(
        &self,
        tenant: &Tenant,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let folder = folder_of(tenant)?;
        let path = folder.path();
        for year in self.numbers(tenant, &path).await? {
            for month in self.numbers(tenant, &format!("{path}/{year:04}")).await? {
                let of_month = format!("{path}/{year:04}/{month:02}");
                for day in self.numbers(tenant, &of_month).await? {
                    let date = i32::try_from(year).ok();
                    let date = date.and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
                    let Some(date) = date else { continue };
                    if date > until.date_naive() {
                        return Ok(None);
                    }
                    // A folder may hold nothing but other files.
                    if let Some(first) = self.first_of_date(tenant, &folder, date).await? {
                        return Ok(Some(first).filter(|first| *first < until));
                    }
                }
            }
        }
        Ok(None)
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
