//! From rules to places.

use super::{
    ColumnOrigins, Hasher, KeyNames, Origin, Part, Pointers, Redaction, RedactionAction,
    RedactionError, RedactionRule, RedactionTarget, pointer,
};
use crate::event::json::pointer::Pointer;
use crate::event::schema::{Classification, EVENT_COLUMNS};

impl Redaction {
    /// Compiles rules for a platform. `key` is the secret behind hashed values.
    ///
    /// # Errors
    /// Where a rule cannot be applied; see [`RedactionError`].
    pub fn compile(
        rules: &[RedactionRule],
        origins: &dyn ColumnOrigins,
        key: Option<&[u8]>,
    ) -> Result<Self, RedactionError> {
        let mut places = CompiledPlaces::default();
        for rule in rules {
            // Whoever hides something must not believe that it is hidden when nothing is.
            if places.add(rule, origins)? == 0 {
                return Err(RedactionError::Nothing(rule.target.to_string()));
            }
        }
        let hashes = rules
            .iter()
            .any(|rule| rule.action == RedactionAction::Hmac);
        let hasher = match (hashes, key) {
            (true, Some(key)) => Some(Hasher::new(key)?),
            (true, None) => return Err(RedactionError::NoKey),
            (false, _) => None,
        };
        Ok(Self {
            record: places.record.finish(),
            user: places.user.finish(),
            hasher,
            names: match rules {
                [] => KeyNames::all(),
                rules => KeyNames::of(rules, origins),
            },
        })
    }
}

#[derive(Default)]
struct CompiledPlaces {
    record: Collected,
    user: Collected,
}

#[derive(Default)]
struct Collected(Vec<(Pointer, RedactionAction, String)>);

impl Collected {
    /// Adds a place, unless an earlier rule has it already.
    fn add(&mut self, pointer: Pointer, rule: &RedactionRule) {
        if self.0.iter().all(|(known, ..)| *known != pointer) {
            self.0.push((pointer, rule.action, rule.target.to_string()));
        }
    }

    fn finish(self) -> Part {
        let (pointers, actions) = self
            .0
            .into_iter()
            .map(|(pointer, action, rule)| (pointer, (action, rule)))
            .unzip();
        Part {
            pointers: Pointers::new(pointers),
            actions,
        }
    }
}

impl CompiledPlaces {
    /// Adds every place that a rule is about, and says how many there are.
    fn add(
        &mut self,
        rule: &RedactionRule,
        origins: &dyn ColumnOrigins,
    ) -> Result<usize, RedactionError> {
        match &rule.target {
            RedactionTarget::Pointer(text) => self.add_record(text, rule, origins).map(|()| 1),
            RedactionTarget::Column(name) => {
                let column = EVENT_COLUMNS
                    .iter()
                    .find(|column| column.name == name)
                    .ok_or_else(|| RedactionError::UnknownColumn(name.clone()))?;
                if name == "raw" {
                    return Err(RedactionError::WholeRecord);
                }
                if column.required || matches!(name.as_str(), "native_id" | "tenant") {
                    return Err(RedactionError::RequiredColumn(name.clone()));
                }
                self.add_column(name, rule, origins)
            }
            RedactionTarget::Class(Classification::Public) => Err(RedactionError::PublicClass),
            RedactionTarget::Class(class) => {
                let mut added = 0;
                for column in EVENT_COLUMNS.iter().filter(|column| column.class == *class) {
                    added += self.add_column(column.name, rule, origins)?;
                }
                if *class == Classification::Secret {
                    for place in origins.secret() {
                        self.add_record(place, rule, origins)?;
                        added += 1;
                    }
                }
                Ok(added)
            }
        }
    }

    fn add_column(
        &mut self,
        name: &str,
        rule: &RedactionRule,
        origins: &dyn ColumnOrigins,
    ) -> Result<usize, RedactionError> {
        let mut added = 0;
        for origin in origins.of_column(name) {
            match origin {
                Origin::Record(place) => self.add_record(place, rule, origins)?,
                Origin::User(place) => self.user.add(pointer(place)?, rule),
            }
            added += 1;
        }
        Ok(added)
    }

    fn add_record(
        &mut self,
        text: &str,
        rule: &RedactionRule,
        origins: &dyn ColumnOrigins,
    ) -> Result<(), RedactionError> {
        let place = pointer(text)?;
        for identity in origins.identity() {
            if place.reaches(&pointer(identity)?) {
                return Err(RedactionError::Identity {
                    rule: rule.target.to_string(),
                    identity: identity.to_owned(),
                });
            }
        }
        self.record.add(place, rule);
        Ok(())
    }
}
