//! `appliedPatch` and `revertPatch`: RFC 6902 patches as Kestra stores them with a change.

use super::super::record::json_text;
use crate::dice::Dice;
use crate::instant::{HOUR, write_date};

/// Forward and backward patch as JSON text.
type Pair = (String, String);

const STATES: [(&str, &str); 6] = [
    ("CREATED", "RUNNING"),
    ("RUNNING", "SUCCESS"),
    ("RUNNING", "FAILED"),
    ("RUNNING", "KILLED"),
    ("FAILED", "RESTARTED"),
    ("RUNNING", "WARNING"),
];

const MESSAGES: [&str; 6] = [
    "Loaded {{ outputs.count.rowCount }} rows",
    "Starting \"{{ flow.id }}\"",
    "select *\nfrom staging.orders\nwhere updated_at > '{{ trigger.date }}'",
    "Rückmeldung an {{ vars.team }} ✔",
    "python main.py --since {{ execution.startDate }}",
    "retry in 5 min",
];

/// An execution changes state.
pub(super) fn state(dice: &mut Dice, time: i64) -> Pair {
    let (from, to) = STATES[dice.index(STATES.len())];
    let history = 1 + dice.below(4);
    let date = dated(time);
    (
        format!(
            r#"[{{"op":"replace","path":"/state/current","value":"{to}"}},{{"op":"add","path":"/state/histories/{history}","value":{{"state":"{to}","date":"{date}"}}}}]"#
        ),
        format!(
            r#"[{{"op":"replace","path":"/state/current","value":"{from}"}},{{"op":"remove","path":"/state/histories/{history}","value":null}}]"#
        ),
    )
}

/// A flow gets a new revision with a changed task.
pub(super) fn edit(dice: &mut Dice, revision: u32) -> Pair {
    let before = dice.index(MESSAGES.len());
    let after = (before + 1 + dice.index(MESSAGES.len() - 1)) % MESSAGES.len();
    let task = dice.below(5);
    let one_way = |message: &str, revision: u32| {
        format!(
            r#"[{{"op":"replace","path":"/tasks/{task}/message","value":{}}},{{"op":"replace","path":"/revision","value":{revision}}}]"#,
            json_text(message)
        )
    };
    (
        one_way(MESSAGES[after], revision),
        one_way(MESSAGES[before], revision.saturating_sub(1)),
    )
}

/// A flow is created: nothing is replaced by the whole of it.
pub(super) fn whole(dice: &mut Dice, flow: &str, namespace: &str, tenant: &str) -> Pair {
    let mut tasks = String::new();
    for task in 0..2 + dice.below(12) {
        if task > 0 {
            tasks.push(',');
        }
        tasks.push_str(&format!(
            r#"{{"id":"step_{task}","type":"io.kestra.plugin.core.log.Log","message":{},"retry":{{"type":"constant","interval":"PT{}S","maxAttempts":3}}}}"#,
            json_text(MESSAGES[dice.index(MESSAGES.len())]),
            5 + dice.below(300),
        ));
    }
    let whole = format!(
        r#"[{{"op":"replace","path":"","value":{{"id":{},"namespace":{},"tenantId":{},"revision":1,"tasks":[{tasks}],"triggers":[{{"id":"schedule","type":"io.kestra.plugin.core.trigger.Schedule","cron":"*/15 * * * *"}}],"disabled":false,"deleted":false}}}}]"#,
        json_text(flow),
        json_text(namespace),
        json_text(tenant),
    );
    (
        whole,
        r#"[{"op":"replace","path":"","value":""}]"#.to_owned(),
    )
}

/// A role is given a permission.
pub(super) fn permissions(dice: &mut Dice) -> Pair {
    let resource = dice.one_of(&["SECRET", "FLOW", "EXECUTION", "KVSTORE", "AUDITLOG"]);
    (
        format!(
            r#"[{{"op":"add","path":"/permissions/{resource}","value":["CREATE","READ","UPDATE","DELETE"]}}]"#
        ),
        format!(r#"[{{"op":"replace","path":"/permissions/{resource}","value":["READ"]}}]"#),
    )
}

/// A group gets a member.
pub(super) fn members(member: &str) -> Pair {
    let member = json_text(member);
    (
        format!(
            r#"[{{"op":"add","path":"/members/-","value":{{"userId":{member},"membership":"MEMBER"}}}}]"#
        ),
        r#"[{"op":"remove","path":"/members/-","value":null}]"#.to_owned(),
    )
}

/// One plain value changes.
pub(super) fn value(dice: &mut Dice, time: i64) -> Pair {
    let (path, before, after) = match dice.below(4) {
        0 | 1 => {
            let next = 1 + dice.below(24) as i64;
            ("/nextExecutionDate", dated(time), dated(time + next * HOUR))
        }
        2 => {
            let version = dice.below(300);
            (
                "/metadata/version",
                version.to_string(),
                (version + 1).to_string(),
            )
        }
        _ => {
            let texts = ["owned by finance", "see runbook 12", "deprecated", ""];
            let before = dice.index(texts.len());
            let after = texts[(before + 1) % texts.len()];
            ("/description", texts[before].to_owned(), after.to_owned())
        }
    };
    let one_way =
        |value: &str| format!(r#"[{{"op":"replace","path":"{path}","value":"{value}"}}]"#);
    (one_way(&after), one_way(&before))
}

fn dated(time: i64) -> String {
    let mut date = Vec::with_capacity(24);
    write_date(&mut date, time, 3);
    date.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Purpose;

    #[test]
    fn every_patch_is_a_list_of_operations() {
        for index in 0..40 {
            let mut dice = Dice::of(1, Purpose::Record, index);
            let pairs = [
                state(&mut dice, 0),
                edit(&mut dice, 7),
                whole(&mut dice, "f\"", "n", "main"),
                permissions(&mut dice),
                members("u"),
                value(&mut dice, 0),
            ];
            for text in pairs.iter().flat_map(|(applied, revert)| [applied, revert]) {
                let value: serde_json::Value = serde_json::from_str(text).unwrap();
                for operation in value.as_array().unwrap() {
                    assert!(operation["op"].is_string() && operation["path"].is_string());
                }
            }
        }
    }
}
