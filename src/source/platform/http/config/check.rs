//! Checks a description as a whole: whatever can be known to be wrong before the API is asked.

use super::places::{RequestPlaces, header_name, pointer_at, pointer_if_any};
use super::tables::{
    OneOrMore, PagingTable, RecordsTable, RequestMethod, RequestTable, TokenTable, WindowTable,
};
use super::{DescribedApi, HttpTable, columns};
use crate::event::json::pointer::Pointer;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::source::ProofLimit;
use crate::source::platform::address::check_address;
use crate::source::platform::http::client::{
    DescribedPaging, DescribedRecords, DescribedRequest, DescribedWindow, FeedDescription,
    PagingKind, RecordsFormat, RequestPlace, TENANT, TokenPlace, WindowFormat, put_at,
};
use crate::source::platform::http::mapping::DescribedMapping;
use crate::source::platform::http::profile::PROFILE;
use crate::source::platform::sign_in;
use reqwest::header::HeaderValue;
use serde_json::Value;
use std::sync::Arc;

/// Checks a whole `[[source]]`; `None` where a problem was reported.
pub(super) fn api(
    checks: &mut Checks<'_, '_>,
    table: &HttpTable,
    place: &SettingPlace,
) -> Option<DescribedApi> {
    const FORM: &str = "write for example \"https://api.example.com\"";
    let before = checks.problems.len();
    let url = check_address(checks, &table.url, FORM, &place.key("url"));
    let (ways, auth_place) = (PROFILE.sign_in, place.key("auth"));
    let auth = sign_in::check(checks, &table.auth, ways, url.as_ref(), &auth_place);
    if let (Some(url), Some(auth)) = (&url, &auth) {
        sign_in::warn_if_unencrypted(checks, url, auth, &place.key("url"));
    }
    let mut places = RequestPlaces {
        is_post: table.request.method == RequestMethod::Post,
        taken: Vec::new(),
    };
    let request = request(checks, &table.request, &mut places, &place.key("request"));
    tenants(checks, table, place);
    let window = window(
        checks,
        table.window.as_ref(),
        &mut places,
        &place.key("window"),
    );
    let usual = PagingTable::default();
    let paging = table.paging.as_ref().unwrap_or(&usual);
    let paging_place = place.key("paging");
    let paging = self::paging(checks, paging, &mut places, &paging_place);
    let records = records(checks, &table.records, &place.key("records"));
    let mapping = mapping(checks, table, place);
    if let (Some(request), Some(paging), Some(records)) = (&request, &paging, &records) {
        body_places(checks, request, &places);
        by_line(checks, records, paging, place);
    }
    if checks.problems.len() > before {
        return None;
    }
    let description = FeedDescription {
        request: request?,
        window: window?,
        paging: paging?,
        records: records?,
    };
    warn(checks, &description, place);
    Some(DescribedApi {
        url: url?,
        auth: auth?,
        description,
        mapping: Arc::new(mapping?),
        tenants: table.tenants.clone().unwrap_or_default(),
        requests_per_minute: table.requests_per_minute,
    })
}

/// What is allowed and proves less than it seems.
fn warn(checks: &mut Checks<'_, '_>, description: &FeedDescription, place: &SettingPlace) {
    let limits = description.limits();
    let records = place.key("records");
    if limits.contains(&ProofLimit::NoOrder) {
        checks.warn(
            &records,
            "has no `order`, and [source.window] has no `from`: each window reads the whole list",
            "describe one of them, if the API has either",
        );
    }
    if description.records.total.is_some() && limits.contains(&ProofLimit::NoTotal) {
        checks.warn(
            &records.key("total"),
            "is not used: windows cannot be asked for exactly",
            "describe `from` and `to` of [source.window], with an inclusive end only in microseconds; or remove it",
        );
    }
}

fn request(
    checks: &mut Checks<'_, '_>,
    table: &RequestTable,
    places: &mut RequestPlaces,
    place: &SettingPlace,
) -> Option<DescribedRequest> {
    let path = &table.path;
    let has_steps = path.split('/').any(|segment| matches!(segment, "." | ".."));
    if !path.starts_with('/') || path.contains(['?', '#', '\\']) || has_steps {
        checks.problem(
            &place.key("path"),
            "is not a path",
            "write for example \"/v1/audit-logs\"; parameters belong to `query`",
        );
    }
    for name in table.query.keys() {
        let taken = RequestPlace::Query(name.clone());
        places.take(checks, taken, &place.key("query").key(name));
    }
    let mut headers = Vec::new();
    for (name, value) in &table.headers {
        let place = place.key("headers").key(name);
        let header = header_name(checks, name, &place);
        let Ok(value) = HeaderValue::from_str(value) else {
            checks.problem(
                &place,
                "is not the value of a header",
                "write visible ASCII characters",
            );
            continue;
        };
        if let Some(name) = header {
            places.take(checks, RequestPlace::Header(name.clone()), &place);
            headers.push((name, value));
        }
    }
    if table.body.is_some() && !places.is_post {
        checks.problem(
            &place.key("body"),
            "is the body of a request without one",
            "write method = \"POST\", or remove it",
        );
    }
    let body = table.body.clone().unwrap_or_default();
    let tenant = places.check_any(checks, table.tenant.as_ref(), &place.key("tenant"));
    Some(DescribedRequest {
        path: path.clone(),
        query: table.query.clone().into_iter().collect(),
        headers,
        body: places.is_post.then_some(Value::Object(body)),
        tenant: tenant?,
    })
}

/// Whether all values that go into the body find their places there.
fn body_places(checks: &mut Checks<'_, '_>, request: &DescribedRequest, places: &RequestPlaces) {
    let mut body = request.body.clone().unwrap_or_default();
    for (taken, place) in &places.taken {
        if let RequestPlace::Body(pointer) = taken
            && !put_at(&mut body, pointer, Value::Null)
        {
            checks.problem(
                &place.key("body"),
                "leads through something in `body` that is not a table",
                "name a place in a table, or one that does not exist yet",
            );
        }
    }
}

/// Whether tenants are named and go somewhere.
fn tenants(checks: &mut Checks<'_, '_>, table: &HttpTable, place: &SettingPlace) {
    let (in_path, tenant) = (table.request.path.contains(TENANT), &table.request.tenant);
    let Some(names) = &table.tenants else {
        let key = match (in_path, tenant) {
            (true, _) => "path",
            (false, Some(_)) => "tenant",
            (false, None) => return,
        };
        checks.problem(
            &place.key("request").key(key),
            "has a place for a tenant, and no tenant is named",
            "add for example tenants = [\"main\"] to [[source]]",
        );
        return;
    };
    if in_path == tenant.is_some() {
        let what = match in_path {
            true => "go to two places",
            false => "go nowhere",
        };
        checks.problem(
            &place.key("tenants"),
            what,
            "write either {tenant} in `path` of [source.request], or `tenant` there",
        );
    }
    for (index, name) in names.iter().enumerate() {
        let place = place.key("tenants").index(index);
        // The name becomes a segment of a path and a part of event_uid.
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
            checks.problem(
                &place,
                "is not the name of a tenant",
                "use letters, digits, hyphens, underscores and dots, not starting with a dot",
            );
        } else if names[..index].contains(name) {
            checks.problem(&place, "is listed twice", "remove it");
        }
    }
}

fn window(
    checks: &mut Checks<'_, '_>,
    table: Option<&WindowTable>,
    places: &mut RequestPlaces,
    place: &SettingPlace,
) -> Option<DescribedWindow> {
    let Some(table) = table else {
        return Some(DescribedWindow {
            from: None,
            to: None,
            from_inclusive: true,
            to_inclusive: false,
            // Windows are cut here, as finely as anything is.
            format: WindowFormat::Micros,
            digits: 0,
        });
    };
    let from = places.check_any(checks, table.from.as_ref(), &place.key("from"));
    let to = places.check_any(checks, table.to.as_ref(), &place.key("to"));
    if table.from.is_none() && table.to.is_none() {
        checks.problem(
            place,
            "says where neither the start nor the end of a window goes",
            "add `from`, `to` or both, or remove the table",
        );
    }
    Some(DescribedWindow {
        from: from?,
        to: to?,
        from_inclusive: table.from_inclusive,
        to_inclusive: table.to_inclusive,
        format: table.format,
        digits: table.digits,
    })
}

fn paging(
    checks: &mut Checks<'_, '_>,
    table: &PagingTable,
    places: &mut RequestPlaces,
    place: &SettingPlace,
) -> Option<DescribedPaging> {
    let kind = table.kind;
    let (needs_token, needs_send) = match kind {
        PagingKind::None | PagingKind::Link => (false, false),
        PagingKind::Offset | PagingKind::Page => (false, true),
        PagingKind::Token => (true, true),
        PagingKind::NextUrl => (true, false),
    };
    if checks.is_written(&place.key("kind")) {
        let rows = [
            (
                "token",
                table.token.is_some(),
                needs_token,
                "token = { body = \"/next\" }",
            ),
            (
                "send",
                table.send.is_some(),
                needs_send,
                "send = { query = \"page\" }",
            ),
            (
                "more",
                table.more.is_some(),
                table.more.is_some() && kind != PagingKind::None,
                "",
            ),
        ];
        for (key, is_there, is_needed, example) in rows {
            if is_there && !is_needed {
                checks.problem(
                    &place.key(key),
                    "is not used by this `kind` of paging",
                    "remove it, or write the kind that uses it",
                );
            } else if is_needed && !is_there {
                checks.problem(
                    &place.key(key),
                    "is missing, and this `kind` of paging needs it",
                    format!("add for example {example}"),
                );
            }
        }
    }
    let token = match &table.token {
        None => Some(None),
        Some(token) => token_place(checks, token, &place.key("token")).map(Some),
    };
    if kind == PagingKind::NextUrl && matches!(token, Some(Some(TokenPlace::LastRecord(_)))) {
        checks.problem(
            &place.key("token").key("last_record"),
            "is not where an address is",
            "write `body` or `header`",
        );
    }
    let send = places.check_any(checks, table.send.as_ref(), &place.key("send"));
    let size = places.check_any(checks, table.size.as_ref(), &place.key("size"));
    let more = pointer_if_any(checks, table.more.as_ref(), &place.key("more"));
    Some(DescribedPaging {
        kind,
        token: token?,
        send: send?,
        size: size?,
        page_size: table.page_size,
        first_page: table.first_page,
        more: more?,
    })
}

fn token_place(
    checks: &mut Checks<'_, '_>,
    table: &TokenTable,
    place: &SettingPlace,
) -> Option<TokenPlace> {
    match (&table.body, &table.header, &table.last_record) {
        (Some(pointer), None, None) => {
            pointer_at(checks, pointer, &place.key("body")).map(TokenPlace::Body)
        }
        (None, Some(name), None) => {
            header_name(checks, name, &place.key("header")).map(TokenPlace::Header)
        }
        (None, None, Some(pointer)) => {
            pointer_at(checks, pointer, &place.key("last_record")).map(TokenPlace::LastRecord)
        }
        // The schema allows exactly one of them and has reported the rest.
        _ => None,
    }
}

fn records(
    checks: &mut Checks<'_, '_>,
    table: &RecordsTable,
    place: &SettingPlace,
) -> Option<DescribedRecords> {
    let root = Pointer::parse("").ok()?;
    let items = pointer_if_any(checks, table.items.as_ref(), &place.key("items"));
    if table.items.is_none() && table.format == RecordsFormat::Json {
        checks.problem(
            &place.key("items"),
            "is missing: nothing says where records are in a response",
            "add for example items = \"/data\", or items = \"\" if the response is the array",
        );
    }
    let record = pointer_if_any(checks, table.record.as_ref(), &place.key("record"));
    let total = pointer_if_any(checks, table.total.as_ref(), &place.key("total"));
    let failure = pointer_if_any(checks, table.failure.as_ref(), &place.key("failure"));
    if table.total_cap.is_some() && table.total.is_none() {
        checks.problem(
            &place.key("total_cap"),
            "is the limit of a total that is not described",
            "add `total`, or remove it",
        );
    }
    Some(DescribedRecords {
        format: table.format,
        items: items?.unwrap_or_else(|| root.clone()),
        record: record?.unwrap_or(root),
        total: total?,
        total_cap: table.total_cap,
        order: table.order,
        failure: failure?,
    })
}

/// Records on lines have no document around them.
fn by_line(
    checks: &mut Checks<'_, '_>,
    records: &DescribedRecords,
    paging: &DescribedPaging,
    place: &SettingPlace,
) {
    if records.format != RecordsFormat::Lines {
        return;
    }
    let of_records = place.key("records");
    let of_paging = place.key("paging");
    let in_body = !matches!(&paging.token, None | Some(TokenPlace::Header(_)));
    for (is_there, place) in [
        (records.items.depth() > 0, of_records.key("items")),
        (records.record.depth() > 0, of_records.key("record")),
        (records.total.is_some(), of_records.key("total")),
        (records.failure.is_some(), of_records.key("failure")),
        (paging.more.is_some(), of_paging.key("more")),
        (in_body, of_paging.key("token")),
    ] {
        if is_there {
            checks.problem(
                &place,
                "is a place in a document, and records come as lines",
                "remove it, or write format = \"json\" in [source.records]",
            );
        }
    }
}

fn mapping(
    checks: &mut Checks<'_, '_>,
    table: &HttpTable,
    place: &SettingPlace,
) -> Option<DescribedMapping> {
    let (records, of_records) = (&table.records, place.key("records"));
    let id_place = of_records.key("id");
    let ids = records.id.texts();
    let ids: Vec<Option<Pointer>> = ids
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let place = match &records.id {
                OneOrMore::One(_) => id_place.clone(),
                OneOrMore::More(_) => id_place.index(index),
            };
            inner_pointer(checks, text, &place)
        })
        .collect();
    let time = inner_pointer(checks, &records.time, &of_records.key("time"));
    let tenant = pointer_if_any(checks, records.tenant.as_ref(), &of_records.key("tenant"));
    let columns = columns::check(checks, &table.columns, &place.key("columns"));
    Some(DescribedMapping {
        version: i64::from(table.mapping_version),
        ids: ids.into_iter().collect::<Option<_>>()?,
        time: time?,
        instant: records.time_format,
        tenant: tenant?,
        columns: columns?,
    })
}

/// A pointer to something in a record, which is not the record itself.
fn inner_pointer(checks: &mut Checks<'_, '_>, text: &str, place: &SettingPlace) -> Option<Pointer> {
    let pointer = pointer_at(checks, text, place)?;
    if pointer.depth() == 0 {
        checks.problem(place, "is the whole record", "write for example \"/id\"");
        return None;
    }
    Some(pointer)
}
