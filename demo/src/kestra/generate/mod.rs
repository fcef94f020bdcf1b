//! The records of the demo platform as a pure function of seed, number, days and end.
//!
//! A record is sixteen bytes ([`Row`]) until it is shown: everything it says follows from the seed
//! and its number. Only scripted records (incidents, oddities, what a test pushes) are kept in
//! full ([`Scripted`]).

mod act;
mod bulk;
mod calendar;
mod compose;
mod incident;
mod oddity;
mod patch;
mod population;

pub use incident::Incident;
pub use oddity::Oddity;
pub(super) use oddity::{more, swap};

use super::options::{Dialect, Options};
use super::record::Record;
use crate::dice::{Dice, Purpose, Wheel};
use crate::instant::{DAY, nanos};
use act::{ACTS, About};
use bulk::Bulk;
use calendar::moments;
use population::Population;

/// Fewer records than this leave no room for incidents to hide in.
const INCIDENTS_FROM: u32 = 5_000;

/// One stored record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// `date` in nanoseconds since 1970.
    pub(super) time: i64,
    /// Number of the record, or index into the scripted ones.
    pub(super) index: u32,
    /// Index into the table of acts.
    act: u8,
    digits: u8,
    /// Index of the tenant, or [`Row::NO_TENANT`].
    pub(super) tenant: u8,
    pub(super) flags: u8,
}

impl Row {
    /// The record belongs to the instance, not to a tenant.
    pub(super) const NO_TENANT: u8 = u8::MAX;
    /// `index` is that of a scripted record.
    pub(super) const SCRIPTED: u8 = 1;
    /// The platform cannot read it.
    pub(super) const POISON: u8 = 2;
    /// Its content changes once it has been shown.
    pub(super) const FICKLE: u8 = 4;
    /// Its content was changed.
    pub(super) const CHANGED: u8 = 8;

    pub(super) const fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A record that does not follow from the seed alone.
#[derive(Debug)]
pub(super) struct Scripted {
    pub(super) record: Record<'static>,
    /// The bytes of the `auditLog` object where they are not what the record would give.
    pub(super) body: Option<Vec<u8>>,
    /// Index of the joined user.
    pub(super) user: Option<usize>,
}

/// Everything that follows from the settings.
#[derive(Debug)]
pub(super) struct World {
    seed: u64,
    pub(super) dialect: Dialect,
    pub(super) tenants: Vec<String>,
    population: Population,
    machine: Wheel,
    human: Wheel,
    by_tenant: Wheel,
    bulk: Bulk,
    start: i64,
    end: i64,
}

/// What a platform starts with.
pub(super) struct Beginning {
    pub(super) rows: Vec<Row>,
    pub(super) scripted: Vec<Scripted>,
    pub(super) incidents: Vec<Incident>,
    /// First number that no record has yet.
    pub(super) next_index: u32,
}

impl World {
    /// The world of these settings, with its records ending at `now` unless they say otherwise.
    pub(super) fn new(options: &Options, now: i64) -> Self {
        let end = options.end.map_or(now, nanos);
        Self {
            seed: options.seed,
            dialect: options.dialect,
            tenants: options.tenants.clone(),
            population: Population::new(options.seed, options.dialect, &options.tenants),
            machine: Wheel::new(ACTS.iter().map(|act| act.machine)),
            human: Wheel::new(ACTS.iter().map(|act| act.human)),
            by_tenant: Wheel::zipf(options.tenants.len(), 1.5),
            bulk: Bulk::new(
                options.data.bulk,
                &mut Dice::of(options.seed, Purpose::Bulk, 0),
            ),
            start: end.saturating_sub(i64::from(options.days) * DAY),
            end,
        }
    }

    /// First and last instant at which records may lie.
    pub(super) const fn span(&self) -> (i64, i64) {
        (self.start, self.end)
    }

    /// The records at the start, sorted by time.
    pub(super) fn beginning(&self, options: &Options) -> Beginning {
        let with_incidents = !options.no_incidents && options.events >= INCIDENTS_FROM;
        let (mut scripted, incidents) = if with_incidents {
            incident::all(self)
        } else {
            (Vec::new(), Vec::new())
        };
        let ordinary = options.events - scripted.len() as u32;
        oddity::seeded(self, options.data.odd, options.data.huge, &mut scripted);
        let mut rows =
            Vec::with_capacity(ordinary as usize + scripted.len() + options.burst as usize);
        moments(self.seed, ordinary, self.start, self.end, |moment| {
            rows.push(self.row(moment.index, moment.time, moment.digits, moment.human));
        });
        let middle = self.start + (self.end - self.start) / 2;
        let burst = calendar::midnight_after(middle).min(self.end - 1);
        let next_index = ordinary + options.burst;
        rows.extend((ordinary..next_index).map(|index| Row {
            act: 0,
            ..self.row(index, burst, 3, false)
        }));
        let scripted_rows = scripted.iter().enumerate();
        rows.extend(
            scripted_rows.map(|(index, scripted)| self.scripted_row(index as u32, scripted)),
        );
        rows.sort_by_key(|row| row.time);
        self.trouble(&mut rows, options);
        Beginning {
            rows,
            scripted,
            incidents,
            next_index,
        }
    }

    /// The row of an ordinary record.
    pub(super) fn row(&self, index: u32, time: i64, digits: u8, human: bool) -> Row {
        let mut dice = Dice::of(self.seed, Purpose::Record, u64::from(index));
        let wheel = if human { &self.human } else { &self.machine };
        let act = wheel.turn(&mut dice);
        // An installation with one tenant files everything under it.
        let instance = ACTS[act].about == About::Instance && self.tenants.len() > 1;
        let tenant = self.by_tenant.turn(&mut dice) as u8;
        Row {
            time,
            index,
            act: act as u8,
            digits: if calendar::cut(time, digits) == time {
                digits
            } else {
                9
            },
            tenant: if instance { Row::NO_TENANT } else { tenant },
            flags: 0,
        }
    }

    /// The row of a scripted record.
    pub(super) fn scripted_row(&self, index: u32, scripted: &Scripted) -> Row {
        let tenant = scripted.record.tenant.as_deref();
        let at = |name: &str| self.tenants.iter().position(|known| known == name);
        Row {
            time: scripted.record.time,
            index,
            act: 0,
            digits: scripted.record.digits,
            tenant: tenant.and_then(at).map_or(Row::NO_TENANT, |at| at as u8),
            flags: Row::SCRIPTED,
        }
    }

    /// Marks the records that will change and those that cannot be read.
    fn trouble(&self, rows: &mut [Row], options: &Options) {
        let mut dice = Dice::of(self.seed, Purpose::Trouble, 0);
        if options.data.change > 0.0 {
            for row in rows.iter_mut() {
                if dice.chance(options.data.change) {
                    row.flags |= Row::FICKLE;
                }
            }
        }
        for _ in 0..options.data.poison {
            let at = dice.index(rows.len());
            if let Some(row) = rows.get_mut(at) {
                row.flags |= Row::POISON;
            }
        }
    }

    /// The `user` object of a user, by index.
    pub(super) fn joined(&self, user: usize) -> Option<&[u8]> {
        self.population.users.get(user)?.joined.as_deref()
    }

    /// The index of the user with this id.
    pub(super) fn user_with_id(&self, id: &str) -> Option<usize> {
        self.population.users.iter().position(|user| user.id == id)
    }

    /// The id of a user, by index.
    fn user_id(&self, user: usize) -> &str {
        self.population
            .users
            .get(user)
            .map_or("system", |user| &user.id)
    }

    /// Whether the platform knows this action or resource as a value of its enums.
    pub(super) fn knows(&self, name: &str) -> bool {
        let known = |act: &act::Act| act.action == name || act.resource(self.dialect) == name;
        ACTS.iter().any(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    fn world(options: &Options) -> (World, Beginning) {
        let end = nanos("2026-11-20T12:00:00Z".parse().unwrap());
        let world = World::new(options, end);
        let beginning = world.beginning(options);
        (world, beginning)
    }

    fn options(events: u32) -> Options {
        Options {
            events,
            ..Options::default()
        }
    }

    #[test]
    fn as_many_records_as_asked_for_sorted_with_different_ids() {
        for events in [0, 1, 4_999, 20_000] {
            let (world, beginning) = world(&options(events));
            assert_eq!(beginning.rows.len(), events as usize);
            assert!(beginning.rows.is_sorted_by_key(|row| row.time));
            let (start, end) = world.span();
            let inside = |row: &Row| (start..end).contains(&row.time);
            assert!(beginning.rows.iter().all(inside));
            let ids: HashSet<_> = (beginning.rows.iter())
                .map(|row| world.id(row, &beginning.scripted).into_owned())
                .collect();
            assert_eq!(ids.len(), events as usize);
        }
    }

    #[test]
    fn the_same_settings_give_the_same_bytes() {
        let bytes = |seed| {
            let (world, beginning) = world(&Options {
                seed,
                ..options(6_000)
            });
            let mut out = Vec::new();
            for row in &beginning.rows {
                world.write(row, &beginning.scripted, &mut out);
            }
            out
        };
        let once = bytes(4);
        assert!(once == bytes(4));
        assert!(once != bytes(5));
    }

    #[test]
    fn records_are_realistic() {
        let (world, beginning) = world(&options(30_000));
        let (mut actions, mut users) = (HashMap::new(), HashMap::new());
        let (mut bytes, mut executions, mut patched, mut unknown) = (0, 0, 0, 0);
        for row in &beginning.rows {
            let mut out = Vec::new();
            world.write(row, &beginning.scripted, &mut out);
            bytes += out.len();
            let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert!(value["detail"]["resource"].is_string());
            executions += usize::from(value["detail"]["resourceType"] == "EXECUTION");
            patched += usize::from(value["appliedPatch"].is_array());
            unknown += usize::from(value.get("traceParent").is_some());
            *actions
                .entry(value["type"].as_str().unwrap().to_owned())
                .or_insert(0u32) += 1;
            *users
                .entry(value["userId"].as_str().unwrap().to_owned())
                .or_insert(0u32) += 1;
            let date: chrono::DateTime<chrono::Utc> =
                value["date"].as_str().unwrap().parse().unwrap();
            assert_eq!(nanos(date), row.time);
        }
        let average = bytes / beginning.rows.len();
        assert!((500..=545).contains(&average), "{average} bytes");
        assert!(executions * 2 > beginning.rows.len());
        assert!(patched * 8 > beginning.rows.len() && unknown > 100);
        for action in [
            "LOGIN",
            "LOGOUT",
            "LOGIN_FAILURE",
            "ACCOUNT_LOCKED",
            "IMPERSONATE",
            "PROMOTE",
            "ARCHIVE",
            "UNKNOWN",
        ] {
            assert!(actions.contains_key(action), "{action}");
        }
        let mut people: Vec<_> = users.into_iter().filter(|(id, _)| id != "system").collect();
        people.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        assert!(people.len() > 50 && people[0].1 > 5 * people[20].1);
    }

    #[test]
    fn records_of_the_instance_have_no_tenant_among_several() {
        let (world, beginning) = world(&Options {
            tenants: vec!["main".to_owned(), "finance".to_owned()],
            ..options(20_000)
        });
        let without = |row: &&Row| row.tenant == Row::NO_TENANT;
        let row = beginning.rows.iter().find(without).unwrap();
        let mut out = Vec::new();
        world.write(row, &beginning.scripted, &mut out);
        assert!(!String::from_utf8(out).unwrap().contains("tenantId"));
        assert!(beginning.rows.iter().any(|row| row.tenant == 1));
    }

    #[test]
    fn the_first_dialect_has_permissions() {
        let (world, beginning) = world(&Options {
            dialect: Dialect::V1,
            ..options(6_000)
        });
        let mut out = Vec::new();
        for row in &beginning.rows {
            world.write(row, &beginning.scripted, &mut out);
        }
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(r#""permission":"KVSTORE","resourceType":"KV_STORE""#));
        assert!(!text.contains(r#""resource":"#));
    }

    #[test]
    fn a_burst_is_one_instant() {
        let (_, beginning) = world(&Options {
            burst: 1_200,
            ..options(1_000)
        });
        let mut by_time = HashMap::new();
        for row in &beginning.rows {
            *by_time.entry(row.time).or_insert(0) += 1;
        }
        assert!(by_time.values().any(|count| *count >= 1_200));
    }
}
