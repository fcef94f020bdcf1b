//! Serde form of what may not be known: the value, or the word `unknown`, since what is left out of a
//! certificate could be taken for nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum Word {
    #[serde(rename = "unknown")]
    Unknown,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum Said<T> {
    Known(T),
    Not(Word),
}

impl<T> From<Option<T>> for Said<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Not(Word::Unknown), Self::Known)
    }
}

impl<T> From<Said<T>> for Option<T> {
    fn from(said: Said<T>) -> Self {
        match said {
            Said::Known(value) => Some(value),
            Said::Not(Word::Unknown) => None,
        }
    }
}

/// Of a number of rows.
pub(super) mod rows {
    use super::Said;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        rows: &Option<u64>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        Said::from(*rows).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<u64>, D::Error> {
        Ok(Said::deserialize(from)?.into())
    }
}

/// Of an instant.
pub(super) mod until {
    use super::Said;
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct StatedInstant(#[serde(with = "crate::window::instant")] DateTime<Utc>);

    pub(in super::super) fn serialize<S: Serializer>(
        until: &Option<DateTime<Utc>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        Said::from(until.map(StatedInstant)).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        let said: Option<StatedInstant> = Said::deserialize(from)?.into();
        Ok(said.map(|StatedInstant(at)| at))
    }
}
