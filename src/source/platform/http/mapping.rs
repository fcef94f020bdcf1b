//! From one record to one event, by the places that the configuration names.
//!
//! Required of a record are its ids and its time. Whatever else is missing, null or of a kind that its column does
//! not take leaves the column as it is of [an event of which nothing is known](Event::bare): the outcome is unknown
//! unless the description says otherwise, and never follows from anything else.

mod column;
mod instant;

pub use column::{COLUMNS, ColumnSource, DescribedColumn, is_value_of};
pub use instant::RecordInstant;

use crate::event::json::pointer::Pointer;
use crate::event::json::{self, JsonKind, JsonText, JsonValue};
use crate::event::redact::{ColumnOrigins, Origin};
use crate::event::unfit::Unfit;
use crate::event::{Event, record};
use crate::source::{Identity, Mapping, Unidentified};
use std::borrow::Cow;

/// The name of the platform in its column.
pub const PLATFORM: &str = "http";

/// How the records of a described API become events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedMapping {
    /// Its version, which whoever describes it raises with each change.
    pub version: i64,
    /// Where the parts of a record's id are; at least one.
    pub ids: Vec<Pointer>,
    /// Where its time is.
    pub time: Pointer,
    /// How its time is written.
    pub instant: RecordInstant,
    /// Where its tenant is, if it states one.
    pub tenant: Option<Pointer>,
    /// The columns that are filled, each once.
    pub columns: Vec<DescribedColumn>,
}

impl DescribedMapping {
    /// Id, time and tenant, and the time as written.
    fn identity<'a>(
        &self,
        record: &'a [u8],
        source: impl JsonText<'a>,
    ) -> Result<(Identity<'a>, Cow<'a, str>), Unidentified<'a>> {
        let native_id = self.native_id(record, source)?;
        match self.instant.read(self.time.find(record), source) {
            Ok((time, text)) => {
                let tenant = self.tenant.as_ref().and_then(|place| place.find(record));
                let identity = Identity {
                    native_id,
                    time,
                    tenant: json::text_or_number(tenant, source),
                };
                Ok((identity, text))
            }
            Err(unfit) => Err(Unidentified {
                unfit,
                native_id: Some(native_id),
            }),
        }
    }

    /// The id: its only part, or all parts as the tokens of a JSON pointer, which no two lists of parts share.
    fn native_id<'a>(
        &self,
        record: &'a [u8],
        source: impl JsonText<'a>,
    ) -> Result<Cow<'a, str>, Unfit> {
        if let [only] = self.ids.as_slice() {
            return id_part(only.find(record), source);
        }
        let mut id = String::new();
        for place in &self.ids {
            let part = id_part(place.find(record), source)?;
            json::pointer::push_key(&mut id, part.as_bytes());
        }
        Ok(Cow::Owned(id))
    }
}

/// A part of an id: text, or a number as written.
fn id_part<'a>(value: Option<JsonValue>, source: impl JsonText<'a>) -> Result<Cow<'a, str>, Unfit> {
    match value {
        Some(number) if number.kind == JsonKind::Number => number
            .verbatim(source)
            .map(Cow::Borrowed)
            .map_err(Unfit::of_id),
        value => record::id(value, source),
    }
}

impl ColumnOrigins for DescribedMapping {
    fn of_column(&self, column: &str) -> Vec<Origin<'_>> {
        let of_column = self.columns.iter().filter(|it| it.name == column);
        let places = of_column.flat_map(DescribedColumn::places);
        places.map(|place| Origin::Record(place.as_str())).collect()
    }

    fn secret(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The category decides by what rules an event is filed and retained.
    fn identity(&self) -> Vec<&str> {
        let categories = self.columns.iter().filter(|it| it.name == "category");
        let places = self.ids.iter().chain([&self.time]).chain(&self.tenant);
        let places = places.chain(categories.flat_map(DescribedColumn::places));
        places.map(Pointer::as_str).collect()
    }
}

impl Mapping for DescribedMapping {
    fn platform(&self) -> &'static str {
        PLATFORM
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn origins(&self) -> &dyn ColumnOrigins {
        self
    }

    fn identify<'a>(&self, record: &'a [u8]) -> Result<Identity<'a>, Unidentified<'a>> {
        let (identity, _) = self.identity(record, record)?;
        Ok(identity)
    }

    fn normalise<'a>(&self, record: &'a [u8], _: Option<&'a [u8]>) -> Result<Event<'a>, Unfit> {
        let source = record::read(record, |_, _| {})?;
        let identity = self.identity(record, source);
        let (identity, time_text) = identity.map_err(|unidentified| unidentified.unfit)?;
        let mut event = Event {
            native_id: Some(identity.native_id),
            tenant: identity.tenant,
            ..Event::bare(source, identity.time, time_text)
        };
        for column in &self.columns {
            column.fill(&mut event, record, source);
        }
        Ok(event)
    }
}

#[cfg(test)]
mod tests;
