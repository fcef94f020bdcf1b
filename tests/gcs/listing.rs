//! Listings, version 2, in pages.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use chrono::{DateTime, SecondsFormat, Utc};

use super::objects::{Meta, Refusal, refuse};

const KNOWN: [&str; 6] = [
    "list-type",
    "prefix",
    "delimiter",
    "start-after",
    "continuation-token",
    "max-keys",
];

/// One page of the objects of a bucket, at most `page` names, as its XML.
pub(super) fn list(
    bucket: &str,
    objects: &BTreeMap<String, Meta>,
    query: &HashMap<String, String>,
    page: usize,
) -> Result<String, Refusal> {
    if let Some(unknown) = query.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(refuse(
            501,
            "NotImplemented",
            format!("parameter {unknown}"),
        ));
    }
    let given = |key: &str| query.get(key).map_or("", String::as_str);
    if given("list-type") != "2" {
        return Err(refuse(501, "NotImplemented", "listings of version 1"));
    }
    let after = match given("continuation-token") {
        "" => given("start-after").to_owned(),
        token => decoded(token)?,
    };
    let page = match given("max-keys") {
        "" => page,
        keys => keys
            .parse::<usize>()
            .map_err(|_| refuse(400, "InvalidArgument", "max-keys"))?
            .min(page),
    };
    let (prefix, delimiter) = (given("prefix"), given("delimiter"));
    let mut rest = items(objects, prefix, delimiter)
        .into_iter()
        // After a name within a folder, the folder as a whole has been told already.
        .filter(|(name, item)| match item {
            Some(_) => name.as_str() > after.as_str(),
            None => name.as_str() > after.as_str() && !after.starts_with(name.as_str()),
        });
    let shown: Vec<_> = rest.by_ref().take(page).collect();
    let next = rest.next().and(shown.last()).map(|(name, _)| name);

    let mut xml = format!(
        "<?xml version='1.0' encoding='UTF-8'?>\
         <ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'><Name>{}</Name>\
         <Prefix>{}</Prefix><KeyCount>{}</KeyCount><IsTruncated>{}</IsTruncated>",
        escaped(bucket),
        escaped(prefix),
        shown.len(),
        next.is_some(),
    );
    if let Some(next) = next {
        let token = BASE64_URL_SAFE.encode(next);
        push(
            &mut xml,
            format_args!("<NextContinuationToken>{token}</NextContinuationToken>"),
        );
    }
    for (name, item) in &shown {
        let name = escaped(name);
        match item {
            None => push(
                &mut xml,
                format_args!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"),
            ),
            Some(meta) => {
                let modified = DateTime::<Utc>::from(meta.modified);
                let modified = modified.to_rfc3339_opts(SecondsFormat::Millis, true);
                let bytes = meta.bytes;
                push(
                    &mut xml,
                    format_args!(
                        "<Contents><Key>{name}</Key><LastModified>{modified}</LastModified>\
                         <Size>{bytes}</Size></Contents>"
                    ),
                );
            }
        }
    }
    xml.push_str("</ListBucketResult>");
    Ok(xml)
}

/// Names under a prefix in order: objects, and without a value the folders that a delimiter makes.
fn items<'a>(
    objects: &'a BTreeMap<String, Meta>,
    prefix: &str,
    delimiter: &str,
) -> BTreeMap<String, Option<&'a Meta>> {
    let within = objects.iter().filter(|(key, _)| key.starts_with(prefix));
    within
        .map(|(key, meta)| {
            let rest = &key[prefix.len()..];
            match rest.find(delimiter) {
                Some(at) if !delimiter.is_empty() => {
                    let end = prefix.len() + at + delimiter.len();
                    (key[..end].to_owned(), None)
                }
                _ => (key.clone(), Some(meta)),
            }
        })
        .collect()
}

fn decoded(token: &str) -> Result<String, Refusal> {
    BASE64_URL_SAFE
        .decode(token)
        .ok()
        .and_then(|name| String::from_utf8(name).ok())
        .ok_or_else(|| refuse(400, "InvalidArgument", "continuation-token"))
}

fn push(xml: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = xml.write_fmt(text);
}

/// Text as it stands in XML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
