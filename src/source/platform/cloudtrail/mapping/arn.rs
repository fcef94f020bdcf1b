//! Names of things of Step Functions.
//!
//! ```text
//! arn:aws:states:eu-central-1:123456789012:stateMachine:daily-load:7
//! arn:aws:states:eu-central-1:123456789012:execution:daily-load:run-1
//! arn:aws:states:eu-central-1:123456789012:express:daily-load:run-1:0f…
//! arn:aws:states:eu-central-1:123456789012:mapRun:daily-load/Each:0f…
//! arn:aws:states:eu-central-1:123456789012:activity:approve
//! ```

use std::borrow::Cow;

/// The parts of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatesArn<'a> {
    /// What it names, as written.
    pub(super) kind: Cow<'a, str>,
    /// Everything after that.
    pub(super) name: Cow<'a, str>,
    /// The state machine that it is, or belongs to.
    pub(super) workflow: Option<Cow<'a, str>>,
}

impl<'a> StatesArn<'a> {
    /// The parts; `None` for names of other services.
    pub(super) fn parse(arn: &Cow<'a, str>) -> Option<Self> {
        let mut parts = arn.splitn(7, ':');
        let (scheme, _partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        if scheme != "arn" || service != "states" {
            return None;
        }
        let (_region, _account) = (parts.next()?, parts.next()?);
        let (kind, name) = (parts.next()?, parts.next()?);
        let has_workflow = matches!(kind, "stateMachine" | "execution" | "express" | "mapRun");
        let workflow = name.split([':', '/']).next().filter(|_| has_workflow);
        let of = |part: &str| -> Cow<'a, str> {
            match arn {
                // Offsets of one are those of the other.
                Cow::Borrowed(whole) => {
                    let from = part.as_ptr() as usize - arn.as_ptr() as usize;
                    whole.get(from..from + part.len()).unwrap_or(whole).into()
                }
                Cow::Owned(_) => part.to_owned().into(),
            }
        };
        Some(Self {
            kind: of(kind),
            name: of(name),
            workflow: workflow.map(of),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_name() {
        for (arn, expected) in [
            (
                "arn:aws:states:eu-central-1:123456789012:stateMachine:daily-load",
                Some(("stateMachine", "daily-load", Some("daily-load"))),
            ),
            (
                "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:daily-load:7",
                Some(("stateMachine", "daily-load:7", Some("daily-load"))),
            ),
            (
                "arn:aws:states:eu-central-1:123456789012:execution:daily-load:run-1",
                Some(("execution", "daily-load:run-1", Some("daily-load"))),
            ),
            (
                "arn:aws:states:eu-central-1:123456789012:mapRun:daily-load/Each:0f",
                Some(("mapRun", "daily-load/Each:0f", Some("daily-load"))),
            ),
            (
                "arn:aws:states:eu-central-1:123456789012:activity:approve",
                Some(("activity", "approve", None)),
            ),
            ("arn:aws:states:eu-central-1:123456789012:activity", None),
            ("arn:aws:s3:::bucket/key", None),
            ("daily-load", None),
            ("", None),
        ] {
            for text in [Cow::Borrowed(arn), Cow::Owned(arn.to_owned())] {
                let found = StatesArn::parse(&text);
                let found = found.as_ref();
                let found = found.map(|it| (&*it.kind, &*it.name, it.workflow.as_deref()));
                assert_eq!(found, expected, "{arn}");
            }
        }
    }
}
