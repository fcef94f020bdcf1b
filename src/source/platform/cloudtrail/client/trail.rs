//! The client of a trail's bucket.
//!
//! Files are found by their names: `key` tells those of a trail from digests, insights and whatever else lies in
//! the same folders, [`file`] takes one apart.

mod key;
#[cfg(test)]
mod tests;

use super::super::mapping::CloudTrailMapping;
use super::digest::{DigestPlace, PublicKeys, follow};
use super::{EventSources, FeedPlace, ROOT, account_folder, file, is_account, settings};
use crate::plural::counted;
use crate::source::objects::{
    ListedObject, ObjectContent, ObjectTiming, Objects, OriginRequest, ReadFailure, not_read,
    of_bucket, version_of,
};
use crate::source::{
    ClockReading, Mapping, OriginSteps, SourceError, SourceRemark, Tenant, Wording,
};
use crate::store::{Bucket, StoreError, StoredObject};
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use key::{TRAIL, is_organisation};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// A trail's bucket.
pub struct CloudTrail {
    bucket: Bucket,
    wanted: Arc<EventSources>,
    wording: Wording,
    tenants: Vec<Tenant>,
    timing: ObjectTiming,
    warns_of_unread: bool,
    /// Who gives the keys that digests are signed with; nothing is followed without.
    keys: Option<Arc<PublicKeys>>,
}

/// Most feeds that a remark names.
const NAMED: usize = 10;

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
            FeedPlace::of(tenant)?;
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
            warns_of_unread: true,
            keys: None,
        })
    }

    /// The same, which follows the digests that lie beside the files, signed with these keys.
    #[must_use]
    pub fn following_digests(self, keys: PublicKeys) -> Self {
        Self {
            keys: Some(Arc::new(keys)),
            ..self
        }
    }

    /// The same, which says nothing of accounts and regions that are in the bucket and are not read.
    #[must_use]
    pub fn without_remarks(self) -> Self {
        Self {
            warns_of_unread: false,
            ..self
        }
    }

    /// The feeds that a bucket has files of, in order of their names.
    ///
    /// # Errors
    /// Those of [`Objects::list`].
    pub async fn discover(bucket: &Bucket, wording: Wording) -> Result<Vec<Tenant>, SourceError> {
        let folders = |folder: String| async move {
            let found = bucket.folders(&folder).await;
            found.map_err(|error| of_bucket(wording, ROOT, &error))
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
                let feed = FeedPlace {
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
        of_bucket(self.wording, &tenant.to_string(), &error)
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
        folder: &FeedPlace,
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
        folder: &FeedPlace,
        date: NaiveDate,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let files = self.of_date(tenant, folder, date, None).await?;
        Ok(files.iter().map(|file| file.position).min())
    }
}

/// What is to be said of the feeds that a bucket has, of which these are read.
fn remark(found: &[Tenant], read: &[Tenant]) -> Option<SourceRemark> {
    if found.is_empty() {
        return Some(SourceRemark {
            said: format!("there are no files of a trail in {ROOT} at the location"),
            action: "check that the location is what stands before AWSLogs: bucket and prefix of the trail",
        });
    }
    let unread: Vec<String> = found
        .iter()
        .filter(|tenant| !read.contains(tenant))
        .map(Tenant::to_string)
        .collect();
    let more = match unread.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!unread.is_empty()).then(|| SourceRemark {
        said: format!(
            "the bucket has files of {} that this source does not read: {}{more}",
            counted(unread.len() as u64, "other feed", "other feeds"),
            unread[..unread.len().min(NAMED)].join(", ")
        ),
        action: "add them to accounts and regions, or write warn_unread = false",
    })
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

    fn wants(&self, record: &[u8]) -> bool {
        file::is_wanted(record, &self.wanted)
    }

    async fn list(
        &self,
        tenant: &Tenant,
        window: Window,
    ) -> Result<Vec<ListedObject>, SourceError> {
        let folder = FeedPlace::of(tenant)?;
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
        let read = self.bucket.read_version(&object.key, most).await;
        let (file, stored) =
            read.map_err(|error| not_read(self.wording, &tenant.to_string(), &error))?;
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
                version: version_of(&file).into(),
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
        let folder = FeedPlace::of(tenant)?;
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

    /// Accounts and regions whose files are there and are not read: somebody may have forgotten them.
    async fn remarks(&self) -> Result<Vec<SourceRemark>, SourceError> {
        if !self.warns_of_unread {
            return Ok(Vec::new());
        }
        let found = match Self::discover(&self.bucket, self.wording).await {
            Ok(found) => found,
            // An identity that may list these folders alone is right, and need not know of others.
            Err(SourceError::BucketForbidden { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(remark(&found, &self.tenants).into_iter().collect())
    }

    fn origins(&self, request: OriginRequest) -> OriginSteps {
        let (Some(keys), Ok(feed)) = (&self.keys, FeedPlace::of(&request.tenant)) else {
            return futures::stream::empty().boxed();
        };
        let place = DigestPlace {
            bucket: self.bucket.clone(),
            wording: self.wording,
            feed,
            keys: Arc::clone(keys),
        };
        follow(place, request)
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
