//! From rules to places.

use super::{
    Action, Hasher, Origin, Origins, Part, Pointers, Redaction, RedactionError, Rule, Target,
    pointer,
};
use crate::event::json::pointer::Pointer;
use crate::event::schema::{Classification, EVENT_COLUMNS};

impl Redaction {
    /// Compiles rules for a platform. `key` is the secret behind hashed values.
    ///
    /// # Errors
    /// Where a rule cannot be applied; see [`RedactionError`].
    pub fn compile(
        rules: &[Rule],
        origins: &Origins,
        key: Option<&[u8]>,
    ) -> Result<Self, RedactionError> {
        let mut places = Places::default();
        for rule in rules {
            places.add(rule, origins)?;
        }
        let hashes = rules.iter().any(|rule| rule.action == Action::Hmac);
        let hasher = match (hashes, key) {
            (true, Some(key)) => Some(Hasher::new(key)?),
            (true, None) => return Err(RedactionError::NoKey),
            (false, _) => None,
        };
        Ok(Self {
            record: places.record.finish(),
            user: places.user.finish(),
            hasher,
        })
    }
}

#[derive(Default)]
struct Places {
    record: Collected,
    user: Collected,
}

#[derive(Default)]
struct Collected(Vec<(Pointer, Action, String)>);

impl Collected {
    /// Adds a place, unless an earlier rule has it already.
    fn add(&mut self, pointer: Pointer, rule: &Rule) {
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

impl Places {
    fn add(&mut self, rule: &Rule, origins: &Origins) -> Result<(), RedactionError> {
        match &rule.target {
            Target::Pointer(text) => self.add_record(text, rule, origins),
            Target::Column(name) => {
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
            Target::Class(Classification::Public) => Err(RedactionError::PublicClass),
            Target::Class(class) => {
                for column in EVENT_COLUMNS.iter().filter(|column| column.class == *class) {
                    self.add_column(column.name, rule, origins)?;
                }
                if *class == Classification::Secret {
                    for place in origins.secret {
                        self.add_record(place, rule, origins)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn add_column(
        &mut self,
        name: &str,
        rule: &Rule,
        origins: &Origins,
    ) -> Result<(), RedactionError> {
        let places = origins.columns.iter().filter(|(column, _)| *column == name);
        for origin in places.flat_map(|(_, origins)| *origins) {
            match origin {
                Origin::Record(place) => self.add_record(place, rule, origins)?,
                Origin::User(place) => self.user.add(pointer(place)?, rule),
            }
        }
        Ok(())
    }

    fn add_record(
        &mut self,
        text: &str,
        rule: &Rule,
        origins: &Origins,
    ) -> Result<(), RedactionError> {
        let place = pointer(text)?;
        for identity in origins.identity {
            if place.reaches(&pointer(identity)?) {
                return Err(RedactionError::Identity {
                    pointer: text.to_owned(),
                    identity,
                });
            }
        }
        self.record.add(place, rule);
        Ok(())
    }
}
