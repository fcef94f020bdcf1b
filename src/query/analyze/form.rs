//! Which form of a function takes some arguments.

use datafusion::sql::sqlparser::ast::{Expr, Interval};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::query::functions::{CallForm, parts};
use crate::query::types::{Type, Typed, common};

/// An argument as it was read.
#[expect(clippy::large_enum_variant, reason = "there are a few for each call")]
pub(super) enum Argument<'e> {
    Value(Typed, &'e Expr),
    /// A part of a date, which is no expression.
    Part(String, Span),
    /// An interval, whose parts the form decides on.
    Interval(&'e Interval),
}

/// What one argument of a form takes.
pub(super) fn wanted(form: &CallForm, at: usize) -> Option<&'static str> {
    let repeated = || form.wanted().last().filter(|last| last.ends_with("..."));
    let found = form.wanted().nth(at).or_else(repeated);
    found.map(|wanted| wanted.trim_end_matches("..."))
}

/// The letters of forms for arguments of one type, whichever it is.
pub(super) const LETTERS: [&str; 3] = ["T", "C", "N"];

pub(super) fn count_fits(form: &CallForm, count: usize) -> bool {
    let least = form.wanted().count();
    count == least || (count >= least && form.arguments.ends_with("..."))
}

/// The one type of all arguments that a form marks with a letter; `None` if they have none.
pub(super) fn common_of(form: &CallForm, read: &[Argument<'_>], letter: &str) -> Option<Type> {
    let of_letter = read
        .iter()
        .enumerate()
        .filter_map(|(at, argument)| match argument {
            Argument::Value(typed, _) if wanted(form, at) == Some(letter) => Some(typed),
            _ => None,
        });
    common(of_letter)
}

pub(super) fn takes(form: &CallForm, read: &[Argument<'_>], exactly: bool) -> bool {
    if LETTERS
        .iter()
        .any(|letter| common_of(form, read, letter).is_none())
    {
        return false;
    }
    read.iter().enumerate().all(|(at, argument)| {
        let Some(wanted) = wanted(form, at) else {
            return false;
        };
        match argument {
            Argument::Part(part, _) => {
                wanted.strip_prefix("PART ").is_some_and(|group| {
                    // A part that no form has is reported as such.
                    parts(group).contains(&part.as_str()) || !exactly
                })
            }
            Argument::Interval(_) => wanted.starts_with("INTERVAL"),
            Argument::Value(typed, _) => match wanted {
                "T" | "ANY" => true,
                "C" => typed.kind.is_comparable(),
                "N" => typed.kind.is_number() || typed.kind == Type::Null,
                "ZONE" | "CONST" | "PATH" | "OLDPATH" => typed.kind == Type::String,
                fixed => Type::named(fixed).is_some_and(|kind| {
                    if exactly {
                        typed.kind == kind
                    } else {
                        matches!(typed.coerced(&kind), Ok(Some(_)))
                    }
                }),
            },
        }
    })
}

/// How forms are written, for people.
pub(super) fn written(forms: &[&'static CallForm]) -> String {
    let mut all: Vec<String> = forms.iter().map(|form| signature(form)).collect();
    all.dedup();
    all.truncate(4);
    format!("write {}", all.join(" or "))
}

/// `DATE_TRUNC(DATE, part)`
pub(in crate::query) fn signature(form: &CallForm) -> String {
    let arguments: Vec<String> = form
        .wanted()
        .map(|wanted| {
            let (plain, more) = match wanted.strip_suffix("...") {
                Some(plain) => (plain, ", …"),
                None => (wanted, ""),
            };
            let shown = match plain {
                "T" | "C" | "ANY" => "value",
                "N" => "number",
                "ZONE" => "zone",
                "PATH" | "OLDPATH" => "path",
                "CONST" => "'text'",
                plain if plain.starts_with("PART") => "part",
                plain if plain.starts_with("INTERVAL") => "INTERVAL n part",
                plain => plain,
            };
            format!("{shown}{more}")
        })
        .collect();
    format!("{}({})", form.name, arguments.join(", "))
}

/// Names as a sentence lists them.
pub(super) fn listed(names: &[&str]) -> String {
    let plain = names.iter().filter(|name| !name.contains('('));
    plain.copied().collect::<Vec<_>>().join(", ")
}
