//! The rows of a scripted platform, and how they are read as records.

use crate::event::Event;
use crate::event::redact::{ColumnOrigins, Origins};
use crate::event::unfit::{Reason, Unfit};
use crate::source::{Axis, Identity, Mapping, PlatformWords, Returned, SourceError, Unidentified};
use crate::window::Window;
use bytes::Bytes;
use chrono::{DateTime, Utc};

/// Nanoseconds of a tick, the smallest step of time that is asked for.
pub(in crate::source) const TICK: i64 = 1_000;

/// One row. Its record is `id@nanoseconds`, or `?id` where it has no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct ScriptedRow {
    pub(in crate::source) id: String,
    /// When the act was, in nanoseconds since 1970.
    pub(in crate::source) time: i128,
    /// How many nanoseconds later it reached the platform's log.
    pub(in crate::source) delay: i64,
    pub(in crate::source) kind: RowKind,
    pub(in crate::source) action: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum RowKind {
    Plain,
    /// The platform cannot read it.
    Poison,
    /// The platform fails with this status when it is in a response.
    Fails(u16),
    /// It fills a response alone.
    Giant,
    /// Nobody can tell its id or time.
    Unfit,
}

/// A plain row that reached the log at once.
pub(in crate::source) fn row(id: impl Into<String>, time: impl Into<i128>) -> ScriptedRow {
    ScriptedRow {
        id: id.into(),
        time: time.into(),
        delay: 0,
        kind: RowKind::Plain,
        action: 0,
    }
}

/// An instant in nanoseconds since 1970.
pub(in crate::source) fn at(nanos: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanos)
}

/// A window from one instant to another.
pub(in crate::source) fn window(from: i64, to: i64) -> Window {
    Window::new(at(from), at(to)).unwrap()
}

/// An instant of any year that can be written.
fn instant(nanos: i128) -> DateTime<Utc> {
    let second = 1_000_000_000;
    let seconds = i64::try_from(nanos.div_euclid(second)).unwrap();
    let rest = u32::try_from(nanos.rem_euclid(second)).unwrap();
    DateTime::from_timestamp(seconds, rest).unwrap()
}

impl ScriptedRow {
    /// When the act was.
    pub(in crate::source) fn instant(&self) -> DateTime<Utc> {
        instant(self.time)
    }

    /// Where it lies.
    pub(in crate::source) fn position(&self, axis: Axis) -> DateTime<Utc> {
        match axis {
            Axis::Event => self.instant(),
            Axis::Arrival => instant(self.time + i128::from(self.delay)),
        }
    }

    /// Its record.
    pub(in crate::source) fn text(&self) -> String {
        match self.kind {
            RowKind::Unfit => format!("?{}", self.id),
            _ => format!("{}@{}", self.id, self.time),
        }
    }

    /// As a platform returns it that is read on this axis.
    pub(in crate::source) fn returned(&self, axis: Axis) -> Returned {
        Returned {
            arrived: (axis == Axis::Arrival).then(|| self.position(axis)),
            ..Returned::record(Bytes::from(self.text()))
        }
    }
}

impl RowKind {
    /// Why a response with such a row fails, if it does.
    pub(in crate::source) fn failure(self) -> Option<SourceError> {
        let message = PlatformWords::default();
        match self {
            Self::Plain | Self::Unfit => None,
            Self::Poison => Some(SourceError::UnreadableRecord { message }),
            Self::Fails(status) => Some(SourceError::ServerFailure {
                status,
                tries: 1,
                message,
            }),
            Self::Giant => Some(SourceError::TooLarge { cap: 1000 }),
        }
    }
}

/// Rows as records and events.
pub(in crate::source) struct ScriptedMapping {
    /// Whether events have another id than their records.
    pub(in crate::source) misled: bool,
}

impl Mapping for ScriptedMapping {
    fn platform(&self) -> &'static str {
        "scripted"
    }

    fn version(&self) -> i64 {
        1
    }

    fn origins(&self) -> &dyn ColumnOrigins {
        &Origins {
            columns: &[],
            secret: &[],
            identity: &[],
        }
    }

    fn identify<'a>(&self, record: &'a [u8]) -> Result<Identity<'a>, Unidentified<'a>> {
        let text = std::str::from_utf8(record).unwrap();
        let (id, time) = text.split_once('@').ok_or(Unfit::because(Reason::NoId))?;
        Ok(Identity {
            native_id: id.into(),
            time: instant(time.parse().unwrap()),
            tenant: None,
        })
    }

    fn normalise<'a>(&self, record: &'a [u8], _: Option<&'a [u8]>) -> Result<Event<'a>, Unfit> {
        let identity = self.identify(record).map_err(|nameless| nameless.unfit)?;
        let raw = std::str::from_utf8(record).unwrap();
        Ok(Event {
            native_id: Some(match self.misled {
                true => "another".into(),
                false => identity.native_id,
            }),
            ..Event::bare(raw, identity.time, raw.into())
        })
    }
}
