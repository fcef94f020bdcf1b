//! Seeded records of the shape and size that Kestra serves, for the benches.

use std::error::Error;

/// A small generator of numbers (SplitMix64): the same records on every machine.
pub(crate) struct Random(u64);

impl Random {
    /// Numbers that follow from a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// An id of 22 letters and digits, as Kestra makes them.
    fn id(&mut self) -> String {
        const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        (0..22)
            .map(|_| char::from(DIGITS[self.below(62) as usize]))
            .collect()
    }

    /// A record of the shape and size that Kestra serves, and the user joined to it.
    pub(crate) fn record(&mut self, time: &str) -> Result<(String, String), Box<dyn Error>> {
        let (id, person) = (self.id(), self.below(40) * self.below(40) / 40);
        let (flow, team) = (self.below(300), self.below(12));
        let class = "io.kestra.ee.models.audits.details";
        let (action, detail) = match self.below(20) {
            0 => (
                "LOGIN",
                format!(
                    r#""type":"{class}.UserAuditLog","resource":"USER","resourceType":"USER","id":"user{person:018}""#
                ),
            ),
            1 | 2 => (
                "UPDATE",
                format!(
                    r#""type":"{class}.FlowAuditLog","resource":"FLOW","resourceType":"FLOW","id":"flow_{flow:04}_daily_load","namespace":"company.team{team:02}.ingest","flowId":"flow_{flow:04}_daily_load","revision":{}"#,
                    self.below(90)
                ),
            ),
            3 => (
                "READ",
                format!(
                    r#""type":"{class}.SecretAuditLog","resource":"SECRET","resourceType":"SECRET","id":"AWS_ACCESS_KEY_ID","namespace":"company.team{team:02}.ingest""#
                ),
            ),
            _ => {
                let execution = self.id();
                (
                    "CREATE",
                    format!(
                        r#""type":"{class}.ExecutionAuditLog","resource":"EXECUTION","resourceType":"EXECUTION","id":"{execution}","namespace":"company.team{team:02}.ingest","flowId":"flow_{flow:04}_daily_load","executionId":"{execution}","revision":{}"#,
                        self.below(90)
                    ),
                )
            }
        };
        let address = format!("10.{}.{}.{}", team, person % 250, self.below(250));
        let patch = self.below(1000);
        let record = format!(
            r#"{{"tenantId":"main","id":"{id}","type":"{action}","detail":{{{detail}}},"date":"{time}","userId":"user{person:018}","ipAddress":"{address}","appliedPatch":[{{"op":"replace","path":"/tasks/0/message","value":"run {patch} of the \"daily load\""}}]}}"#
        );
        let user = format!(
            r#"{{"type":"STANDARD","username":"person{person}@company.example","email":"person{person}@company.example","instanceOwner":false,"id":"user{person:018}","groupList":[],"providers":[]}}"#
        );
        Ok((record, user))
    }
}
