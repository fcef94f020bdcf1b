//! Checks places in requests and responses: JSON pointers, headers, and where values go.

use super::tables::PlaceTable;
use crate::event::json::pointer::Pointer;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::source::platform::http::client::RequestPlace;
use reqwest::header::{AUTHORIZATION, HeaderName};

/// Where values go in requests, so that no two go to one place.
pub(super) struct RequestPlaces {
    /// Whether requests have a body.
    pub(super) is_post: bool,
    /// Each place that is taken, and which setting takes it.
    pub(super) taken: Vec<(RequestPlace, SettingPlace)>,
}

impl RequestPlaces {
    /// Takes a place, unless another value goes there.
    pub(super) fn take(
        &mut self,
        checks: &mut Checks<'_, '_>,
        taken: RequestPlace,
        place: &SettingPlace,
    ) -> Option<RequestPlace> {
        let is_over = |known: &RequestPlace| match (known, &taken) {
            (RequestPlace::Body(one), RequestPlace::Body(other)) => {
                one.reaches(other) || other.reaches(one)
            }
            (one, other) => one == other,
        };
        if self.taken.iter().any(|(known, _)| is_over(known)) {
            checks.problem(
                place,
                "is a place where another value goes",
                "let each value go to a place of its own",
            );
            return None;
        }
        self.taken.push((taken.clone(), place.clone()));
        Some(taken)
    }

    fn check(
        &mut self,
        checks: &mut Checks<'_, '_>,
        table: &PlaceTable,
        place: &SettingPlace,
    ) -> Option<RequestPlace> {
        // The schema allows exactly one of them and has reported the rest.
        let taken = match (&table.query, &table.body, &table.header) {
            (Some(name), None, None) if !name.is_empty() => RequestPlace::Query(name.clone()),
            (Some(_), None, None) => {
                let place = place.key("query");
                checks.problem(&place, "is empty", "write the name of the parameter");
                return None;
            }
            (None, Some(_), None) if !self.is_post => {
                checks.problem(
                    &place.key("body"),
                    "is a place in the body, and the request has none",
                    "write method = \"POST\" in [source.request], or `query`",
                );
                return None;
            }
            (None, Some(pointer), None) => {
                let at = place.key("body");
                let pointer = pointer_at(checks, pointer, &at)?;
                if pointer.depth() == 0 {
                    checks.problem(&at, "is the whole body", "write for example \"/from\"");
                    return None;
                }
                RequestPlace::Body(pointer)
            }
            (None, None, Some(name)) => {
                RequestPlace::Header(header_name(checks, name, &place.key("header"))?)
            }
            _ => return None,
        };
        self.take(checks, taken, place)
    }

    /// The same of a place that may be missing; the outer `None` where a problem was reported.
    pub(super) fn check_any(
        &mut self,
        checks: &mut Checks<'_, '_>,
        table: Option<&PlaceTable>,
        place: &SettingPlace,
    ) -> Option<Option<RequestPlace>> {
        match table {
            None => Some(None),
            Some(table) => self.check(checks, table, place).map(Some),
        }
    }
}

/// A JSON pointer to one place.
pub(super) fn pointer_at(
    checks: &mut Checks<'_, '_>,
    text: &str,
    place: &SettingPlace,
) -> Option<Pointer> {
    const FORM: &str = "write for example \"/data/id\"; `~` is ~0 and `/` in a name ~1";
    match Pointer::parse(text) {
        Ok(pointer) if pointer.is_exact() => Some(pointer),
        Ok(_) => {
            checks.problem(place, "has a `*`, and must name one place", FORM);
            None
        }
        Err(_) => {
            checks.problem(place, "is not a JSON pointer", FORM);
            None
        }
    }
}

/// The same of a pointer that may be missing.
pub(super) fn pointer_if_any(
    checks: &mut Checks<'_, '_>,
    text: Option<&String>,
    place: &SettingPlace,
) -> Option<Option<Pointer>> {
    match text {
        None => Some(None),
        Some(text) => pointer_at(checks, text, place).map(Some),
    }
}

/// A header that a credential does not go in.
pub(super) fn header_name(
    checks: &mut Checks<'_, '_>,
    name: &str,
    place: &SettingPlace,
) -> Option<HeaderName> {
    let (what, action) = match HeaderName::from_bytes(name.as_bytes()) {
        Ok(AUTHORIZATION) => (
            "is the header of the credential",
            "move it to `auth`, by reference",
        ),
        Ok(name) => return Some(name),
        Err(_) => (
            "is not the name of a header",
            "write for example \"X-Page\"",
        ),
    };
    checks.problem(place, what, action);
    None
}
