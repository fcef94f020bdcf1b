//! The long-term store of the unified audit: a ZIP file for each UTC day.

use super::platform::{Desk, Inner};
use crate::instant::DAY;
use chrono::{DateTime, Utc};
use rawzip::{CompressionMethod, Error, ZipArchiveWriter};
use std::io::Write as _;

/// For how many days the store keeps events.
const KEPT_DAYS: i64 = 730;

/// Why there is no file.
pub(super) enum NoFile {
    /// The request is wrong.
    Refused(String),
    /// It takes too long to make.
    TooLong,
}

impl Desk {
    /// The file of the days from one bound to another, both taken as whole days, and how many events it has.
    pub(super) fn archive(
        &self,
        inner: &Inner,
        tenant: Option<&str>,
        pairs: &[(String, String)],
    ) -> Result<(Vec<u8>, u64), NoFile> {
        let (mut from, mut to) = (None, None);
        for (name, value) in pairs {
            let day = || {
                let at: Result<DateTime<Utc>, _> = value.parse();
                at.map(|at| Some(at.date_naive()))
                    .map_err(|_| NoFile::Refused(format!("{value} is no time.")))
            };
            match name.as_str() {
                "from" => from = day()?,
                "to" => to = day()?,
                _ => return Err(NoFile::Refused(format!("Unknown parameter {name}."))),
            }
        }
        let (Some(from), Some(to)) = (from, to) else {
            return Err(NoFile::Refused("from and to are required.".to_owned()));
        };
        let now = inner.clock.now();
        let first = now - KEPT_DAYS * DAY;
        let mut files = Vec::new();
        let mut rows = 0;
        for day in from.iter_days().take_while(|day| *day <= to).take(40) {
            if self.trouble.slow_days.contains(&day) {
                return Err(NoFile::TooLong);
            }
            let of_day = self.events.iter().filter(|event| {
                event.tenant.as_deref() == tenant
                    && event.archived() <= now
                    && event.created >= first
                    && event.created.div_euclid(DAY) == i64::from(day.to_epoch_days())
            });
            let texts: Vec<&str> = of_day.map(|event| event.stored.as_str()).collect();
            if texts.is_empty() {
                continue;
            }
            rows += texts.len() as u64;
            let text = format!("\u{feff}[{}]", texts.join(",\r\n")).into_bytes();
            let text = match self.trouble.flat_files {
                true => (format!("{day}.txt"), text),
                false => (
                    format!("{day}.zip"),
                    zip(&[("events.txt".to_owned(), text)]),
                ),
            };
            files.push(text);
        }
        Ok((zip(&files), rows))
    }
}

/// A ZIP file, which is empty where that fails.
fn zip(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let write = || -> Result<Vec<u8>, Error> {
        let mut file = Vec::new();
        let mut archive = ZipArchiveWriter::new(&mut file);
        for (name, content) in entries {
            let (mut entry, config) = archive
                .new_file(name)
                .compression_method(CompressionMethod::STORE)
                .start()?;
            let mut writer = config.wrap(&mut entry);
            writer.write_all(content)?;
            let (_, descriptor) = writer.finish()?;
            entry.finish(descriptor)?;
        }
        archive.finish()?;
        Ok(file)
    };
    write().unwrap_or_default()
}
