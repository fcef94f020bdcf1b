//! Checks `[[source]]`.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use url::Url;

use super::Checks;
use crate::config::file::{AuthTable, PlatformName, SourceTable};
use crate::config::problem::Place;
use crate::config::{
    Auth, Kestra, Platform, Requests, SecretRef, Source, Start, Tenants, parse_size,
};
use crate::http::is_loopback;
use crate::source::platform::kestra::Dialect;

/// What Kestra 2 allows; a larger page is refused with 422.
const KESTRA_V2_PAGE: u32 = 1_000;

pub(super) fn check_all(
    checks: &mut Checks<'_, '_>,
    tables: &[SourceTable],
    memory: Option<u64>,
) -> Option<Vec<Source>> {
    if tables.is_empty() {
        checks.problem(
            &Place::at("source"),
            "is empty: there is nothing to read",
            "add a [[source]] table; `trailhouse init` writes one",
        );
        return None;
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sources = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        let place = Place::at("source").index(index);
        let id_place = place.key("id");
        if checks.is_written(&id_place)
            && let Some(first) = seen.insert(&table.id, index)
        {
            checks.problem(
                &id_place,
                format!("is also the id of [[source]] number {}", first + 1),
                "give each source its own id, and keep the ids of sources that have been read",
            );
        }
        let source = check(checks, table, &place);
        if let (Some(memory), Ok(max_response)) = (memory, parse_size(&table.max_response.0)) {
            check_response(checks, max_response, memory, &place);
        }
        sources.push(source);
    }
    sources.into_iter().collect()
}

fn check_response(checks: &mut Checks<'_, '_>, max_response: u64, memory: u64, place: &Place) {
    // A record of this size is held three times over while it becomes rows and a file, and so may be
    // the next one.
    if max_response > memory / 8 {
        checks.problem(
            &place.key("max_response"),
            "is more than an eighth of the memory of a run",
            "reduce it, or increase `memory` in [run]",
        );
    }
}

fn check(checks: &mut Checks<'_, '_>, table: &SourceTable, place: &Place) -> Option<Source> {
    let id = id(checks, &table.id, &place.key("id"));
    let platform = match table.platform {
        PlatformName::Kestra => kestra(checks, table, place).map(Platform::Kestra),
    };
    let start = start(checks, &table.start, &place.key("start"));
    let none = Duration::ZERO;
    let settle = checks.duration(&table.settle, &place.key("settle"), none);
    let overlap = checks.duration(&table.overlap, &place.key("overlap"), none);
    let requests = requests(checks, table, place);
    Some(Source {
        id: id?,
        platform: platform?,
        start: start?,
        settle: settle?,
        overlap: overlap?,
        requests: requests?,
    })
}

pub(super) fn id(checks: &mut Checks<'_, '_>, id: &str, place: &Place) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = id.starts_with('-') || id.ends_with('-');
    if id.is_empty() || id.len() > 63 || ends || !id.chars().all(allowed) {
        checks.problem(
            place,
            "is not a valid id",
            "use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
        );
        return None;
    }
    Some(id.to_owned())
}

fn start(checks: &mut Checks<'_, '_>, text: &str, place: &Place) -> Option<Start> {
    if text == "earliest" {
        return Some(Start::Earliest);
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        // chrono takes "2026-1-1" too; one way to write a date is enough.
        .filter(|date| date.to_string() == text)
        .map(|date| date.and_time(NaiveTime::MIN).and_utc());
    let instant = date.or_else(|| {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|instant| instant.with_timezone(&Utc))
    });
    if instant.is_none() {
        checks.problem(
            place,
            format!("\"{text}\" is not a date"),
            "write \"YYYY-MM-DD\", an instant such as \"2026-01-01T06:00:00Z\", or \"earliest\"",
        );
    }
    instant.map(Start::At)
}

fn requests(checks: &mut Checks<'_, '_>, table: &SourceTable, place: &Place) -> Option<Requests> {
    let second = Duration::from_secs(1);
    let timeout = checks.duration(
        &table.request_timeout,
        &place.key("request_timeout"),
        second,
    );
    let retry_for = checks.duration(&table.retry_for, &place.key("retry_for"), Duration::ZERO);
    let max_response = checks.size(&table.max_response, &place.key("max_response"), 64 << 10);
    Some(Requests {
        page_size: table.page_size,
        concurrency: table.concurrency,
        timeout: timeout?,
        retry_for: retry_for?,
        max_response: max_response?,
    })
}

fn kestra(checks: &mut Checks<'_, '_>, table: &SourceTable, place: &Place) -> Option<Kestra> {
    let url = address(checks, &table.url, &place.key("url"));
    let is_v2 = table.dialect == Some(Dialect::V2) && checks.is_written(&place.key("dialect"));
    if is_v2 && table.page_size > KESTRA_V2_PAGE {
        checks.problem(
            &place.key("page_size"),
            format!("is more than the {KESTRA_V2_PAGE} records that Kestra 2 allows"),
            format!("write {KESTRA_V2_PAGE} or less"),
        );
    }
    let tenants = tenants(checks, table, place);
    let auth = auth(checks, &table.auth, &place.key("auth"));
    if let (Some(url), Some(auth)) = (&url, &auth)
        && url.scheme() == "http"
        && !is_loopback(url)
        && *auth != Auth::None
    {
        checks.warn(
            &place.key("url"),
            "sends the credential over the network unencrypted",
            "use https",
        );
    }
    Some(Kestra {
        url: url?,
        // Required for this platform by the schema, which has reported it.
        dialect: table.dialect?,
        tenants: tenants?,
        auth: auth?,
    })
}

fn address(checks: &mut Checks<'_, '_>, text: &str, place: &Place) -> Option<Url> {
    const FORM: &str = "write for example \"https://kestra.example.com\"";
    let Ok(mut url) = Url::parse(text) else {
        checks.problem(place, "is not a URL", FORM);
        return None;
    };
    let path = url.path().trim_end_matches('/').to_owned();
    let wrong = if !matches!(url.scheme(), "http" | "https") {
        Some(("is neither https nor http", FORM))
    } else if !url.username().is_empty() || url.password().is_some() {
        Some(("contains credentials", "move them to `auth`, by reference"))
    } else if url.query().is_some() || url.fragment().is_some() {
        Some(("contains a query or a fragment", FORM))
    } else if ["/api", "/api/v1", "/ui"]
        .iter()
        .any(|end| path.ends_with(end))
    {
        Some((
            "is not the address of the server alone",
            "remove `/api` or `/ui` and what follows",
        ))
    } else {
        None
    };
    if let Some((wrong, action)) = wrong {
        checks.problem(place, wrong, action);
        return None;
    }
    url.set_path(&path);
    Some(url)
}

fn tenants(checks: &mut Checks<'_, '_>, table: &SourceTable, place: &Place) -> Option<Tenants> {
    let all = &place.key("all_tenants");
    let names = match (&table.tenants, table.all_tenants) {
        (None, Some(true)) => return Some(Tenants::All),
        (Some(_), Some(true)) => {
            checks.problem(
                all,
                "is true, but `tenants` is also set",
                "keep one of them: all_tenants = true, or the list",
            );
            return None;
        }
        (None, Some(false)) => {
            checks.problem(
                all,
                "is false, but there are no `tenants`",
                "write for example tenants = [\"main\"], or all_tenants = true",
            );
            return None;
        }
        // The schema asks for one of them and has reported this.
        (None, None) => return None,
        (Some(names), None | Some(false)) => names,
    };
    let before = checks.problems.len();
    for (index, name) in names.iter().enumerate() {
        let place = place.key("tenants").index(index);
        // The name becomes a segment of a URL path and a part of event_uid.
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
            checks.problem(
                &place,
                "is not the id of a tenant",
                "use letters, digits, hyphens, underscores and dots, not starting with a dot",
            );
        } else if names[..index].contains(name) {
            checks.problem(&place, "is listed twice", "remove it");
        }
    }
    (checks.problems.len() == before).then(|| Tenants::Named(names.clone()))
}

fn auth(checks: &mut Checks<'_, '_>, table: &AuthTable, place: &Place) -> Option<Auth<SecretRef>> {
    if let Some(bearer) = &table.bearer {
        return checks
            .secret(bearer, &place.key("bearer"))
            .map(Auth::Bearer);
    }
    if let Some(basic) = &table.basic {
        let place = place.key("basic");
        let name = &basic.username;
        // RFC 7617, section 2: the first colon ends the user name.
        let valid = !name.is_empty() && !name.contains(|c: char| c == ':' || c.is_control());
        if !valid {
            checks.problem(
                &place.key("username"),
                "is not a user name",
                "write a name without colons and control characters",
            );
        }
        let password = checks.secret(&basic.password, &place.key("password"))?;
        return valid.then(|| Auth::Basic {
            username: name.clone(),
            password,
        });
    }
    match table.none {
        Some(true) => Some(Auth::None),
        Some(false) => {
            checks.problem(
                &place.key("none"),
                "is false, but no credential is given",
                "write for example auth = { bearer = { env = \"KESTRA_TOKEN\" } }",
            );
            None
        }
        // The schema asks for exactly one way and has reported this.
        None => None,
    }
}
