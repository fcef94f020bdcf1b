//! Who and what there is at the company of the demo: people, service accounts, namespaces, flows,
//! and the names of everything else. Made once per platform from the seed.

use super::super::options::Dialect;
use super::super::record::json_text;
use crate::dice::{Dice, Purpose, Wheel};

const PEOPLE: [(&str, &str); 60] = [
    ("Anna", "Kowalska"),
    ("Jürgen", "Weiß"),
    ("Priya", "Nair"),
    ("Tom", "Baker"),
    ("Łukasz", "Zieliński"),
    ("Mei", "Chen"),
    ("Diego", "Fernández"),
    ("Zoë", "Martin"),
    ("Omar", "Haddad"),
    ("Ingrid", "Solberg"),
    ("Kenji", "Sato"),
    ("Fatima", "Benali"),
    ("Paul", "O'Neill"),
    ("Clara", "Rossi"),
    ("Noah", "Dubois"),
    ("Elif", "Yılmaz"),
    ("Sven", "Lindqvist"),
    ("Grace", "Mensah"),
    ("Ivan", "Petrov"),
    ("Julia", "Novak"),
    ("Ahmed", "Farouk"),
    ("Lena", "Schmidt"),
    ("Marco", "Bianchi"),
    ("Sofia", "Costa"),
    ("Ravi", "Patel"),
    ("Emma", "Jensen"),
    ("Hugo", "Moreau"),
    ("Nadia", "Rahman"),
    ("Peter", "Vogel"),
    ("Chloé", "Lambert"),
    ("Ben", "Carter"),
    ("Yuki", "Tanaka"),
    ("Karin", "Meyer"),
    ("Luis", "García"),
    ("Amara", "Okafor"),
    ("Finn", "Larsen"),
    ("Marta", "Silva"),
    ("Daniel", "Cohen"),
    ("Aisha", "Khan"),
    ("Viktor", "Horvat"),
    ("Laura", "Jones"),
    ("Mateusz", "Wójcik"),
    ("Nina", "Berg"),
    ("Samir", "Aziz"),
    ("Olga", "Ivanova"),
    ("Jack", "Murphy"),
    ("Isabel", "Ruiz"),
    ("Dimitri", "Papadopoulos"),
    ("Hannah", "Fischer"),
    ("Leo", "Wagner"),
    ("Carmen", "Ortega"),
    ("Arjun", "Mehta"),
    ("Freya", "Nielsen"),
    ("George", "Adams"),
    ("Maya", "Levi"),
    ("Stefan", "Popescu"),
    ("Alice", "Roux"),
    ("Bruno", "Alves"),
    ("Tara", "Singh"),
    ("Erik", "Hansen"),
];

const SERVICES: [&str; 10] = [
    "svc-etl",
    "svc-terraform",
    "svc-dbt",
    "svc-ci",
    "svc-reporting",
    "svc-backup",
    "svc-monitoring",
    "svc-ml",
    "svc-legacy-import",
    "svc-gitops",
];

const NAMESPACES: [&str; 24] = [
    "company.data",
    "company.data.ingest",
    "company.data.warehouse",
    "company.finance",
    "company.finance.payments",
    "company.marketing",
    "company.data.quality",
    "company.ml",
    "company.ml.training",
    "company.sales",
    "company.sales.crm",
    "company.finance.ledger",
    "company.platform",
    "company.platform.backup",
    "company.hr",
    "company.ml.features",
    "company.marketing.web",
    "company.security",
    "company.data.archive",
    "company.legal",
    "company.sales.partners",
    "company.finance.reporting",
    "company.platform.cost",
    "sandbox",
];

const VERBS: [&str; 12] = [
    "load",
    "sync",
    "export",
    "refresh",
    "validate",
    "aggregate",
    "import",
    "clean",
    "notify",
    "reconcile",
    "train",
    "archive",
];

const NOUNS: [&str; 16] = [
    "orders",
    "customers",
    "invoices",
    "events",
    "sessions",
    "inventory",
    "contracts",
    "payments",
    "leads",
    "metrics",
    "features",
    "tickets",
    "ledger_entries",
    "products",
    "emails",
    "shipments",
];

/// Names of secrets.
pub(super) const SECRETS: [&str; 14] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "SNOWFLAKE_PASSWORD",
    "STRIPE_API_KEY",
    "GCP_SERVICE_ACCOUNT",
    "SLACK_WEBHOOK_URL",
    "POSTGRES_PASSWORD",
    "SFTP_PRIVATE_KEY",
    "SALESFORCE_TOKEN",
    "DBT_CLOUD_TOKEN",
    "OPENAI_API_KEY",
    "PAGERDUTY_KEY",
    "VAULT_TOKEN",
    "DATADOG_API_KEY",
];

/// Keys of the key-value store.
pub(super) const KEYS: [&str; 10] = [
    "last_run",
    "watermark.orders",
    "feature_flags",
    "cursor/customers",
    "batch_size",
    "exchange_rate:EUR",
    "schema_version",
    "retry_budget",
    "maintenance_window",
    "offset-events",
];

/// Names of groups and roles.
pub(super) const GROUPS: [&str; 8] = [
    "data-engineers",
    "analysts",
    "platform-admins",
    "finance",
    "ml-engineers",
    "auditors",
    "support",
    "contractors",
];

/// Names of roles.
pub(super) const ROLES: [&str; 7] = [
    "Admin",
    "Editor",
    "Launcher",
    "Viewer",
    "Auditor",
    "Developer",
    "Secrets Manager",
];

/// Files in namespaces.
pub(super) const FILES: [&str; 8] = [
    "scripts/transform.py",
    "queries/daily.sql",
    "dbt_project.yml",
    "README.md",
    "config/settings.json",
    "models/orders.sql",
    "scripts/clean up.sh",
    "données/été.csv",
];

/// One who can be the `userId` of a record.
#[derive(Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) ip: String,
    pub(super) service: bool,
    /// The `user` object that the platform joins today; none for a user since deleted.
    pub(super) joined: Option<Vec<u8>>,
}

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) id: String,
    /// Index of the namespace.
    pub(super) namespace: usize,
    pub(super) first_revision: u32,
}

/// Everyone and everything.
#[derive(Debug)]
pub(super) struct Population {
    /// People first, then service accounts.
    pub(super) users: Vec<User>,
    pub(super) flows: Vec<Flow>,
    pub(super) namespaces: &'static [&'static str],
    pub(super) people_by_activity: Wheel,
    pub(super) services_by_activity: Wheel,
    pub(super) flows_by_activity: Wheel,
    pub(super) namespaces_by_activity: Wheel,
}

impl Population {
    /// Number of people; the indices above are service accounts.
    pub(super) const PEOPLE: usize = PEOPLE.len();

    pub(super) fn new(seed: u64, dialect: Dialect, tenants: &[String]) -> Self {
        let mut dice = Dice::of(seed, Purpose::Population, 0);
        let mut users = Vec::with_capacity(PEOPLE.len() + SERVICES.len());
        for (rank, (first, last)) in PEOPLE.iter().enumerate() {
            users.push(person(&mut dice, rank, first, last, dialect, tenants));
        }
        for (rank, name) in SERVICES.iter().enumerate() {
            users.push(service(&mut dice, rank, name, dialect, tenants));
        }
        let flows: Vec<Flow> = (0..VERBS.len() * NOUNS.len())
            .map(|n| Flow {
                // A step of 7 visits every pair once, and no verb or noun crowds the busy ranks.
                id: format!(
                    "{}_{}",
                    VERBS[n * 7 % VERBS.len()],
                    NOUNS[(n * 7 / VERBS.len()) % NOUNS.len()]
                ),
                namespace: n % NAMESPACES.len(),
                first_revision: 1 + dice.below(30) as u32,
            })
            .collect();
        Self {
            people_by_activity: Wheel::zipf(PEOPLE.len(), 1.0),
            services_by_activity: Wheel::zipf(SERVICES.len(), 1.2),
            flows_by_activity: Wheel::zipf(flows.len(), 1.05),
            namespaces_by_activity: Wheel::zipf(NAMESPACES.len(), 0.9),
            namespaces: &NAMESPACES,
            users,
            flows,
        }
    }

    /// The index of a service account by name; the first one where the name is unknown.
    pub(super) fn service(&self, name: &str) -> usize {
        let at = SERVICES.iter().position(|known| *known == name);
        PEOPLE.len() + at.unwrap_or(0)
    }
}

fn person(
    dice: &mut Dice,
    rank: usize,
    first: &str,
    last: &str,
    dialect: Dialect,
    tenants: &[String],
) -> User {
    let id = dice.friendly_id();
    let plain: String = format!("{first}.{last}")
        .to_lowercase()
        .chars()
        .map(ascii)
        .collect();
    let username = format!("{plain}@acme.example");
    let ip = match rank % 9 {
        // Some work from home, some of them over IPv6.
        7 => format!("203.0.113.{}", 1 + dice.below(200)),
        8 => format!(
            "2001:db8:{:x}::{:x}",
            dice.below(0xffff),
            1 + dice.below(0xffff)
        ),
        _ => format!(
            "10.{}.{}.{}",
            4 + rank % 3,
            dice.below(8),
            2 + dice.below(250)
        ),
    };
    // A few have left: their records stay, their accounts do not.
    let deleted = rank % 10 == 6;
    let owner = rank == 2 || rank == 11;
    let joined = (!deleted).then(|| {
        let tenant = tenants.first().map_or("main", String::as_str);
        let mut out = String::from(r#"{"type":"STANDARD","username":"#);
        out.push_str(&json_text(&username));
        out.push_str(r#","email":"#);
        out.push_str(&json_text(&username));
        out.push_str(&format!(
            r#","{}":{owner},"id":"{id}","firstName":{},"lastName":{},"groupList":[{{"tenantId":{},"groupId":"{}","membership":"MEMBER","managedExternally":false}}],"providers":[]}}"#,
            owner_flag(dialect),
            json_text(first),
            json_text(last),
            json_text(tenant),
            dice.friendly_id(),
        ));
        out.into_bytes()
    });
    User {
        id,
        ip,
        service: false,
        joined,
    }
}

/// How a letter of a name is written in an address.
fn ascii(letter: char) -> String {
    let plain = match letter {
        'a'..='z' | '.' => return letter.to_string(),
        'ü' => "ue",
        'ß' => "ss",
        'ł' => "l",
        'ń' => "n",
        'á' => "a",
        'é' | 'ë' => "e",
        'í' | 'ı' => "i",
        'ó' => "o",
        _ => "",
    };
    plain.to_owned()
}

fn service(dice: &mut Dice, rank: usize, name: &str, dialect: Dialect, tenants: &[String]) -> User {
    let id = dice.friendly_id();
    let deleted = name == "svc-legacy-import";
    let tenant = tenants.first().map_or("main", String::as_str);
    let joined = (!deleted).then(|| {
        format!(
            r#"{{"type":"SERVICE_ACCOUNT","username":"{name}","email":"{name}@service-account.acme.example","{}":false,"id":"{id}","name":"{name}","description":"API token only","groupList":[{{"tenantId":{},"groupId":"{}","membership":"MEMBER","managedExternally":true}}],"providers":[]}}"#,
            owner_flag(dialect),
            json_text(tenant),
            dice.friendly_id(),
        )
        .into_bytes()
    });
    User {
        id,
        ip: format!("10.20.0.{}", 10 + rank),
        service: true,
        joined,
    }
}

const fn owner_flag(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::V1 => "superAdmin",
        Dialect::V2 => "instanceOwner",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn flows_have_different_names_and_users_different_ids() {
        let population = Population::new(1, Dialect::V2, &["main".to_owned()]);
        let flows: HashSet<_> = population.flows.iter().map(|flow| &flow.id).collect();
        assert_eq!(flows.len(), population.flows.len());
        let ids: HashSet<_> = population.users.iter().map(|user| &user.id).collect();
        assert_eq!(ids.len(), population.users.len());
        assert!(population.users.iter().any(|user| user.joined.is_none()));
    }

    #[test]
    fn joined_users_are_json_in_the_dialect() {
        for (dialect, flag) in [(Dialect::V1, "superAdmin"), (Dialect::V2, "instanceOwner")] {
            for user in Population::new(1, dialect, &["main".to_owned()]).users {
                let Some(joined) = user.joined else { continue };
                let value: serde_json::Value = serde_json::from_slice(&joined).unwrap();
                assert!(value[flag].is_boolean() && value["email"].is_string());
                assert_eq!(value["id"], *user.id);
            }
        }
    }
}
