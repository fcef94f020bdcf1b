//! Why a record cannot become an event.

use std::fmt;

use super::json::{DecodeError, FaultKind, JsonFault, MAX_DEPTH};
use super::time::TimeError;

/// The largest record, in bytes, that becomes an event: 16 MiB. Whoever reads a row of a Parquet
/// file must hold it whole, and the columns made from a record may hold most of it once more. A
/// larger record is kept in quarantine, in parts.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

/// The most bytes that all columns of an event may have together: 48 MB. BigQuery refuses a load with
/// a row above 50 MB as a whole, and a record below [`MAX_RECORD_BYTES`] can come near that, since its
/// id is in three columns and may grow threefold where it is encoded.
pub const MAX_ROW_BYTES: usize = 48_000_000;

/// The kinds of reason, each with a code that is stored in `audit_quarantine` and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The item of the response holds no record where the platform puts it.
    NoRecord,
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The bytes are not JSON.
    NotJson,
    /// The record nests too deep.
    TooDeep,
    /// The record is too large for one row.
    TooLarge,
    /// The record is JSON, but no object.
    NotAnObject,
    /// The record has no id.
    NoId,
    /// The id is not text.
    IdNotText,
    /// The record has no time.
    NoTime,
    /// The time is not text.
    TimeNotText,
    /// The time cannot be read.
    TimeUnreadable,
    /// The time is outside the years that can be stored.
    TimeOutOfRange,
    /// A rule of redaction leads into a text that is not JSON, or to more values than one record may have.
    NotRedactable,
    /// Another reading of a record that became an event, with a value that is different or gone.
    /// It is kept as evidence and is no record of its own.
    Changed,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::NoRecord,
        Self::NotUtf8,
        Self::NotJson,
        Self::TooDeep,
        Self::TooLarge,
        Self::NotAnObject,
        Self::NoId,
        Self::IdNotText,
        Self::NoTime,
        Self::TimeNotText,
        Self::TimeUnreadable,
        Self::TimeOutOfRange,
        Self::NotRedactable,
        Self::Changed,
    ];

    /// The stored code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoRecord => "no_record",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::NotAnObject => "not_an_object",
            Self::NoId => "no_id",
            Self::IdNotText => "id_not_text",
            Self::NoTime => "no_time",
            Self::TimeNotText => "time_not_text",
            Self::TimeUnreadable => "time_unreadable",
            Self::TimeOutOfRange => "time_out_of_range",
            Self::NotRedactable => "not_redactable",
            Self::Changed => "changed",
        }
    }
}

/// A record that cannot become an event, and why. Its text holds no content of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit {
    /// The kind of reason.
    pub reason: Reason,
    fault: Option<JsonFault>,
}

impl Unfit {
    /// The reason alone.
    pub const fn because(reason: Reason) -> Self {
        Self {
            reason,
            fault: None,
        }
    }

    /// What a failed decoding of the id means.
    pub const fn of_id(error: DecodeError) -> Self {
        Self::because(match error {
            DecodeError::NotUtf8 => Reason::NotUtf8,
            DecodeError::LoneSurrogate | DecodeError::NotAString => Reason::IdNotText,
        })
    }

    /// What a failed decoding of the time means.
    pub const fn of_time_text(error: DecodeError) -> Self {
        Self::because(match error {
            DecodeError::NotUtf8 => Reason::NotUtf8,
            DecodeError::LoneSurrogate | DecodeError::NotAString => Reason::TimeNotText,
        })
    }
}

impl From<JsonFault> for Unfit {
    fn from(fault: JsonFault) -> Self {
        let reason = match fault.kind {
            FaultKind::NotUtf8 => Reason::NotUtf8,
            FaultKind::TooDeep => Reason::TooDeep,
            FaultKind::Ended
            | FaultKind::Expected(_)
            | FaultKind::ControlCharacter
            | FaultKind::BadEscape
            | FaultKind::Trailing => Reason::NotJson,
        };
        Self {
            reason,
            fault: Some(fault),
        }
    }
}

impl From<TimeError> for Unfit {
    fn from(error: TimeError) -> Self {
        Self::because(match error {
            TimeError::Unreadable => Reason::TimeUnreadable,
            TimeError::OutOfRange => Reason::TimeOutOfRange,
        })
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::NoRecord => f.write_str("the item holds no record"),
            Reason::NotUtf8 => f.write_str("the record is not UTF-8"),
            Reason::NotJson => f.write_str("the record is not JSON"),
            Reason::TooDeep => write!(f, "the record nests deeper than {MAX_DEPTH} levels"),
            Reason::TooLarge => write!(
                f,
                "the record is larger than {MAX_RECORD_BYTES} bytes, or its columns are larger than \
                 {MAX_ROW_BYTES} together"
            ),
            Reason::NotAnObject => f.write_str("the record is not an object"),
            Reason::NoId => f.write_str("the record has no id"),
            Reason::IdNotText => f.write_str("the id is not text"),
            Reason::NoTime => f.write_str("the record has no time"),
            Reason::TimeNotText => f.write_str("the time is not text"),
            Reason::TimeUnreadable => f.write_str("the time is not a date and time with zone"),
            Reason::TimeOutOfRange => f.write_str("the time is not in the years 0001 to 9999"),
            Reason::NotRedactable => f.write_str(
                "a rule of redaction leads into text that is not JSON, or to more than 100,000 values",
            ),
            Reason::Changed => f.write_str("the record was first read with other content"),
        }?;
        match self.fault {
            Some(JsonFault {
                kind: FaultKind::NotUtf8 | FaultKind::TooDeep,
                at,
            }) => write!(f, ": at byte {at}"),
            Some(fault) => write!(f, ": {fault}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Unfit {}
