//! Suggestions for a name that does not exist: which of the known names was probably meant.

use std::fmt;

/// How many names are offered.
const OFFERED: usize = 3;

/// The likeness, from 0 to 1, from which a name is offered.
const LEAST: f64 = 0.8;

/// Known names like the wanted one, the most similar first, at most three; case does not matter.
pub(crate) fn similar<'n>(wanted: &str, known: &[&'n str]) -> Vec<&'n str> {
    let wanted = wanted.to_lowercase();
    let mut near: Vec<(f64, &str)> = known
        .iter()
        .filter(|known| !known.is_empty())
        .map(|known| (likeness(&wanted, &known.to_lowercase()), *known))
        .filter(|(likeness, _)| *likeness >= LEAST)
        .collect();
    near.sort_by(|(one, a), (other, b)| other.total_cmp(one).then(a.cmp(b)));
    near.dedup_by(|(_, a), (_, b)| a == b);
    near.truncate(OFFERED);
    near.into_iter().map(|(_, name)| name).collect()
}

/// The known name that was most probably meant.
pub(crate) fn nearest<'n>(wanted: &str, known: &[&'n str]) -> Option<&'n str> {
    similar(wanted, known).first().copied()
}

/// The question to ask about similar names; `None` where there are none.
pub(crate) fn did_you_mean<N: AsRef<str>>(near: &[N]) -> Option<String> {
    let names: Vec<String> = near
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    let (last, rest) = names.split_last()?;
    Some(match rest {
        [] => format!("did you mean {last}?"),
        _ => format!("did you mean {} or {last}?", rest.join(", ")),
    })
}

fn likeness(wanted: &str, known: &str) -> f64 {
    let like = strsim::jaro_winkler(wanted, known);
    // A part of a name counts as similar even where the rest is long.
    let part = wanted.len() > 2 && (known.contains(wanted) || wanted.contains(known));
    if part { like.max(0.9) } else { like }
}

/// A name on the command line that nothing has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    kind: &'static str,
    given: String,
    known: Vec<String>,
}

impl UnknownName {
    /// The first of the given names that is not known, if there is one. `kind` is a noun: `source`.
    pub(crate) fn first_of<'k>(
        kind: &'static str,
        given: &[String],
        known: impl IntoIterator<Item = &'k str>,
    ) -> Option<Self> {
        let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        let given = given.iter().find(|name| !known.contains(*name))?.clone();
        Some(Self { kind, given, known })
    }

    /// What to give instead: the names like it, or all where no name is like it.
    pub(crate) fn advice(&self) -> String {
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        did_you_mean(&similar(&self.given, &known)).unwrap_or_else(|| match known.len() {
            0 => format!("the configuration has no {}", self.kind),
            _ => format!("use one of: {}", known.join(", ")),
        })
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} is called `{}`", self.kind, self.given)
    }
}

impl std::error::Error for UnknownName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_names_come_first() {
        let known = ["url", "id", "platform", "settle", "overlap", "kestra-prod"];
        for (wanted, name) in [
            ("uri", Some("url")),
            ("URL", Some("url")),
            ("platfrom", Some("platform")),
            ("overlp", Some("overlap")),
            ("kestr", Some("kestra-prod")),
            ("bucket", None),
            ("", None),
        ] {
            assert_eq!(nearest(wanted, &known), name, "{wanted}");
        }
        assert_eq!(
            similar(
                "actor",
                &["actor_uid", "actor_name", "actor_email", "action"]
            ),
            ["actor_uid", "actor_email", "actor_name"]
        );
        assert_eq!(similar("a", &["", "b"]), [""; 0]);
    }

    #[test]
    fn names_are_listed_as_a_question() {
        assert_eq!(did_you_mean::<&str>(&[]), None);
        assert_eq!(did_you_mean(&["a"]).unwrap(), "did you mean `a`?");
        let three = did_you_mean(&["a", "b", "c"]).unwrap();
        assert_eq!(three, "did you mean `a`, `b` or `c`?");
    }

    #[test]
    fn an_unknown_name_gets_advice() {
        let unknown = |given: &str, known: &[&'static str]| {
            let given = [given.to_owned()];
            let unknown = UnknownName::first_of("source", &given, known.iter().copied()).unwrap();
            format!("{unknown}; {}", unknown.advice())
        };
        assert_eq!(
            unknown("kestr", &["kestra-prod", "airflow"]),
            "no source is called `kestr`; did you mean `kestra-prod`?"
        );
        assert_eq!(
            unknown("x", &["kestra-prod", "airflow"]),
            "no source is called `x`; use one of: kestra-prod, airflow"
        );
        assert_eq!(
            unknown("x", &[]),
            "no source is called `x`; the configuration has no source"
        );
        let given = ["a".to_owned()];
        assert_eq!(UnknownName::first_of("source", &given, ["a"]), None);
    }
}
