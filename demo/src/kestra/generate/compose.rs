//! From a row to what the record says.

use super::super::record::{Column, Record};
use super::act::{ACTS, About, Act, Patches, Who};
use super::patch;
use super::population::{FILES, GROUPS, KEYS, Population, ROLES, SECRETS};
use super::{Row, Scripted, World};
use crate::dice::{Dice, Purpose};
use std::borrow::Cow;

/// People who administer, by index.
const ADMINS: [usize; 3] = [2, 11, 19];

/// Who did it to what: the part of a record that filters ask for most, made without any text.
struct Cast {
    /// The acting user, none for the platform itself.
    user: Option<usize>,
    namespace: Option<usize>,
    flow: Option<usize>,
    /// Where the draws for the rest go on.
    dice: Dice,
}

impl World {
    /// Appends the `auditLog` object of a row.
    pub(in super::super) fn write(&self, row: &Row, scripted: &[Scripted], out: &mut Vec<u8>) {
        match self.scripted(row, scripted) {
            Some(scripted) => scripted.write(self, out),
            None => self.record(row).write(self.dialect, out),
        }
    }

    /// The index of the user who acted.
    pub(in super::super) fn user_of(&self, row: &Row, scripted: &[Scripted]) -> Option<usize> {
        match self.scripted(row, scripted) {
            Some(scripted) => scripted.user,
            None => self.cast(row).user,
        }
    }

    /// The id of a row.
    pub(in super::super) fn id<'a>(&self, row: &Row, scripted: &'a [Scripted]) -> Cow<'a, str> {
        match self.scripted(row, scripted) {
            Some(scripted) => Cow::Borrowed(&scripted.record.id),
            None => {
                let mut dice = Dice::of(self.seed, Purpose::Id, u64::from(row.index));
                Cow::Owned(dice.friendly_id())
            }
        }
    }

    /// The text of a column of a row, as filters see it.
    pub(in super::super) fn column<'a>(
        &'a self,
        row: &Row,
        scripted: &'a [Scripted],
        column: Column,
    ) -> Option<Cow<'a, str>> {
        if let Some(scripted) = self.scripted(row, scripted) {
            return scripted.record.column(column);
        }
        let act = self.act(row);
        match column {
            Column::Id => Some(self.id(row, scripted)),
            Column::Action => Some(act.action.into()),
            Column::Resource => Some(act.resource(self.dialect).into()),
            Column::UserId => Some(
                self.cast(row)
                    .user
                    .map_or("system", |user| self.user_id(user))
                    .into(),
            ),
            Column::Namespace => Some(self.population.namespaces[self.cast(row).namespace?].into()),
        }
    }

    fn scripted<'a>(&self, row: &Row, scripted: &'a [Scripted]) -> Option<&'a Scripted> {
        if row.is(Row::SCRIPTED) {
            scripted.get(row.index as usize)
        } else {
            None
        }
    }

    fn act(&self, row: &Row) -> &'static Act {
        &ACTS[usize::from(row.act)]
    }

    fn cast(&self, row: &Row) -> Cast {
        let act = self.act(row);
        let population = &self.population;
        // The row's own draws came from number `index`; these are of another stream.
        let mut dice = Dice::of(self.seed ^ 1, Purpose::Record, u64::from(row.index));
        let user = match act.who {
            Who::System => None,
            Who::Service => {
                Some(Population::PEOPLE + population.services_by_activity.turn(&mut dice))
            }
            Who::Person => Some(population.people_by_activity.turn(&mut dice)),
            Who::Admin => Some(ADMINS[dice.index(ADMINS.len())]),
        };
        let (mut namespace, mut flow) = (None, None);
        match act.about {
            About::Execution | About::Flow | About::Trigger => {
                let chosen = population.flows_by_activity.turn(&mut dice);
                flow = Some(chosen);
                namespace = Some(population.flows[chosen].namespace);
            }
            About::Secret | About::Key | About::File | About::Placed => {
                namespace = Some(population.namespaces_by_activity.turn(&mut dice));
            }
            _ => {}
        }
        Cast {
            user,
            namespace,
            flow,
            dice,
        }
    }

    /// Everything but patches and unknown fields.
    fn heading<'a>(&'a self, row: &Row, act: &'static Act, cast: &mut Cast) -> Record<'a> {
        let dice = &mut cast.dice;
        let flow = cast.flow.map(|flow| &self.population.flows[flow]);
        let mut execution = None;
        let mut revision = None;
        let detail_id: Cow<'a, str> = match act.about {
            About::Execution => {
                revision = flow.map(|flow| flow.first_revision + self.growth(row));
                let id = self.execution_id(act, row, dice);
                execution = Some(Cow::Owned(id.clone()));
                id.into()
            }
            About::Flow => {
                revision = flow.map(|flow| flow.first_revision + self.growth(row));
                flow.map_or("", |flow| flow.id.as_str()).into()
            }
            About::Trigger => dice.one_of(&["schedule", "webhook", "flow", "poll"]).into(),
            About::Secret => dice.one_of(&SECRETS).into(),
            About::Key => dice.one_of(&KEYS).into(),
            About::File => dice.one_of(&FILES).into(),
            About::Group => dice.one_of(&GROUPS).into(),
            About::Role => dice.one_of(&ROLES).into(),
            About::Oneself => cast.user.map_or("system", |user| self.user_id(user)).into(),
            About::Person => self.user_id(dice.index(Population::PEOPLE)).into(),
            About::Service => {
                let services = self.population.users.len() - Population::PEOPLE;
                self.user_id(Population::PEOPLE + dice.index(services))
                    .into()
            }
            About::Opaque | About::Placed | About::Instance => dice.friendly_id().into(),
        };
        let user = cast.user.map(|user| &self.population.users[user]);
        let ip = user.map(|user| {
            let elsewhere = !user.service && dice.chance(0.06);
            if elsewhere {
                Cow::Owned(format!("198.51.100.{}", 1 + dice.below(250)))
            } else {
                Cow::Borrowed(user.ip.as_str())
            }
        });
        let impersonated = act.who == Who::Person && dice.chance(0.004);
        Record {
            tenant: self
                .tenants
                .get(usize::from(row.tenant))
                .map(|name| name.as_str().into()),
            id: self.id(row, &[]).into_owned().into(),
            action: act.action.into(),
            class: act.class.into(),
            permission: act.permission(self.dialect).into(),
            resource_type: act.resource(self.dialect).into(),
            detail_id,
            namespace: cast
                .namespace
                .map(|at| self.population.namespaces[at].into()),
            flow: flow.map(|flow| flow.id.as_str().into()),
            execution,
            revision,
            time: row.time,
            digits: row.digits,
            user_id: user.map_or("system", |user| &user.id).into(),
            ip,
            impersonated_by: impersonated.then(|| self.user_id(ADMINS[dice.index(3)]).into()),
            ..Record::default()
        }
    }

    fn record<'a>(&'a self, row: &Row) -> Record<'a> {
        let act = self.act(row);
        let mut cast = self.cast(row);
        let mut record = self.heading(row, act, &mut cast);
        let dice = &mut cast.dice;
        record.patches = match act.patches {
            Patches::None => None,
            Patches::State => Some(patch::state(dice, row.time)),
            Patches::Edit => Some(patch::edit(dice, record.revision.unwrap_or(1))),
            Patches::Whole => Some(patch::whole(
                dice,
                &record.detail_id,
                record.namespace.as_deref().unwrap_or("company"),
                record.tenant.as_deref().unwrap_or("main"),
            )),
            Patches::Permissions => Some(patch::permissions(dice)),
            Patches::Members => Some(patch::members(self.user_id(dice.index(Population::PEOPLE)))),
            Patches::Value => Some(patch::value(dice, row.time)),
        };
        record.detail_more = self.undeclared(act, dice);
        self.bulk.append(dice, record.detail_more.to_mut());
        if dice.chance(0.02) {
            record.more = format!(
                r#","traceParent":"00-{:016x}{:016x}-{:016x}-01","schemaVersion":3"#,
                dice.bits(),
                dice.bits(),
                dice.bits()
            )
            .into();
        }
        record
    }

    /// Fields of `detail` that the published schema does not name.
    fn undeclared(&self, act: &Act, dice: &mut Dice) -> Cow<'static, str> {
        match act.about {
            About::Execution if act.action == "CREATE" && act.who == Who::System => {
                let trigger = dice.one_of(&["schedule", "schedule", "schedule", "webhook", "flow"]);
                format!(
                    r#","triggerId":"{trigger}","labels":[{{"key":"system.correlationId","value":"{}"}},{{"key":"team","value":"{}"}}]"#,
                    dice.friendly_id(),
                    dice.one_of(&GROUPS),
                )
                .into()
            }
            About::Execution if dice.chance(0.5) => {
                format!(r#","durationMs":{}"#, dice.below(600_000)).into()
            }
            About::Oneself if dice.chance(0.7) => {
                let provider = dice.one_of(&["oidc", "oidc", "basic", "ldap"]);
                let agent = dice.one_of(&[
                    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
                    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15",
                    "python-requests/2.32.3",
                ]);
                format!(r#","provider":"{provider}","userAgent":"{agent}""#).into()
            }
            _ => Cow::Borrowed(""),
        }
    }

    /// What is done to an execution is done to one that was created a little earlier.
    fn execution_id(&self, act: &Act, row: &Row, dice: &mut Dice) -> String {
        let number = if act.action == "CREATE" {
            u64::from(row.index)
        } else {
            u64::from(row.index).saturating_sub(1 + dice.below(40))
        };
        Dice::of(self.seed, Purpose::Execution, number).friendly_id()
    }

    /// Revisions made since the start: about one a day.
    fn growth(&self, row: &Row) -> u32 {
        let days = row.time.saturating_sub(self.start) / super::DAY;
        u32::try_from(days).unwrap_or(0)
    }
}

impl Scripted {
    fn write(&self, world: &World, out: &mut Vec<u8>) {
        match &self.body {
            Some(body) => out.extend_from_slice(body),
            None => self.record.write(world.dialect, out),
        }
    }
}
