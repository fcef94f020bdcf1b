//! Which names of members may be told.

use super::{ColumnOrigins, Origin, RedactionRule, RedactionTarget, pointer};
use crate::event::schema::EVENT_COLUMNS;
use std::collections::BTreeSet;

/// The names of members that may stand in a ledger entry.
///
/// **The rule.** A pointer to what changed holds keys, and keys can be personal: `/detail/anna@example.com`.
/// So under redaction only names are told that are no content of a record: those that the platform's own
/// places have, and those that the rules themselves name. Any other is `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyNames(Option<BTreeSet<String>>);

impl KeyNames {
    /// Nothing is redacted, so all names are told.
    pub const fn all() -> Self {
        Self(None)
    }

    /// The names in a platform's places and in rules.
    pub(super) fn of(rules: &[RedactionRule], origins: &dyn ColumnOrigins) -> Self {
        let columns = EVENT_COLUMNS.iter();
        let of_columns = columns.flat_map(|column| origins.of_column(column.name));
        let of_columns = of_columns.map(|(Origin::Record(place) | Origin::User(place))| place);
        let fixed = origins.secret().into_iter().chain(origins.identity());
        let of_rules = rules.iter().filter_map(|rule| match &rule.target {
            RedactionTarget::Pointer(text) => Some(text.as_str()),
            RedactionTarget::Column(_) | RedactionTarget::Class(_) => None,
        });
        let places = of_columns.chain(fixed).chain(of_rules);
        let pointers = places.filter_map(|place| pointer(place).ok());
        let names =
            pointers.flat_map(|pointer| pointer.names().map(str::to_owned).collect::<Vec<_>>());
        Self(Some(names.collect()))
    }

    /// Whether this name may be told.
    pub fn may_tell(&self, name: &[u8]) -> bool {
        match &self.0 {
            None => true,
            Some(names) => std::str::from_utf8(name).is_ok_and(|name| names.contains(name)),
        }
    }
}
