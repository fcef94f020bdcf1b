//! The classes of OCSF 1.8 that events are of, and what 1.9 calls them.

/// A class of events.
#[derive(Debug, PartialEq, Eq)]
pub struct OcsfClass {
    /// Its number.
    pub uid: i64,
    /// Its name.
    pub name: &'static str,
    /// The number of its category.
    pub category_uid: i64,
    /// The name of its category.
    pub category_name: &'static str,
    /// Its activities by number; 0 and 99 are those of every class.
    activities: &'static [(i64, &'static str)],
    /// The class and its number in 1.9, where they are others.
    pub in_1_9: Option<(i64, &'static str)>,
}

impl OcsfClass {
    /// The class with this number. A number that is not in the table, from a newer version of this program,
    /// is exported as API Activity, which fits every act.
    pub fn of(uid: i64) -> &'static Self {
        let known = CLASSES.iter().find(|class| class.uid == uid);
        known.unwrap_or(const { &API_ACTIVITY })
    }

    /// The activity as this class knows it: a number that it does not know is 99, other.
    pub fn activity(&self, id: i64) -> (i64, &'static str) {
        let known = [(0, "Unknown")];
        let mut all = known.iter().chain(self.activities);
        all.find(|(known, _)| *known == id)
            .copied()
            .unwrap_or((99, "Other"))
    }
}

const IAM: &str = "Identity & Access Management";

/// What every act fits into.
const API_ACTIVITY: OcsfClass = OcsfClass {
    uid: 6003,
    name: "API Activity",
    category_uid: 6,
    category_name: "Application Activity",
    activities: &[(1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete")],
    in_1_9: None,
};

/// The classes that events are of. 1.9 joins Account Change and User Access Management into User Management.
pub static CLASSES: [OcsfClass; 4] = [
    OcsfClass {
        uid: 3001,
        name: "Account Change",
        category_uid: 3,
        category_name: IAM,
        activities: &[
            (1, "Create"),
            (2, "Enable"),
            (3, "Password Change"),
            (4, "Password Reset"),
            (5, "Disable"),
            (6, "Delete"),
            (7, "Attach Policy"),
            (8, "Detach Policy"),
            (9, "Lock"),
            (10, "MFA Factor Enable"),
            (11, "MFA Factor Disable"),
            (12, "Unlock"),
        ],
        in_1_9: Some((3007, "User Management")),
    },
    OcsfClass {
        uid: 3002,
        name: "Authentication",
        category_uid: 3,
        category_name: IAM,
        activities: &[
            (1, "Logon"),
            (2, "Logoff"),
            (3, "Authentication Ticket"),
            (4, "Service Ticket Request"),
            (5, "Service Ticket Renew"),
            (6, "Preauth"),
            (7, "Account Switch"),
        ],
        in_1_9: None,
    },
    OcsfClass {
        uid: 3005,
        name: "User Access Management",
        category_uid: 3,
        category_name: IAM,
        activities: &[(1, "Assign Privileges"), (2, "Revoke Privileges")],
        in_1_9: Some((3007, "User Management")),
    },
    API_ACTIVITY,
];
