//! Asks on a terminal for what the flags left open, and asks again until an answer fits.

use std::io::{self, BufRead, Write};
use std::path::Path;

use super::{InitArgs, lake_url};
use crate::cli::escape::escape;
use crate::config::{Auth, Config, ConfigProblem, SecretRef, Template};
use crate::source::platform::kestra::{Dialect, Tenants};

/// A conversation over any pair of streams.
pub(super) struct Interview<R, W> {
    answers: R,
    questions: W,
}

impl<R: BufRead, W: Write> Interview<R, W> {
    pub(super) fn new(answers: R, questions: W) -> Self {
        Self { answers, questions }
    }

    /// Asks for everything that no flag has decided.
    ///
    /// # Errors
    /// The streams fail, or the answers end before the questions.
    pub(super) fn fill(&mut self, template: &mut Template, args: &InitArgs) -> io::Result<()> {
        writeln!(self.questions, "Enter keeps the answer in brackets.")?;
        if args.lake.is_none() {
            let question = "Where is the lake kept? A gs://, s3:// or az:// URL, or a directory";
            self.ask(
                question,
                "./lake",
                template,
                ("[lake]", "url"),
                |template, answer| {
                    template.lake = lake_url(answer);
                    Ok(())
                },
            )?;
        }
        if args.url.is_none() {
            let question = "What is the address of the Kestra server, without /api?";
            self.ask(
                question,
                "",
                template,
                (SOURCE, "url"),
                |template, answer| {
                    answer.clone_into(&mut template.url);
                    Ok(())
                },
            )?;
        }
        if args.dialect.is_none() {
            let question = "Which form has its API? v2 for Enterprise Edition 2, v1 up to 1.3";
            self.ask(
                question,
                "v2",
                template,
                (SOURCE, "dialect"),
                |template, answer| {
                    template.dialect = match answer {
                        "v1" => Dialect::V1,
                        "v2" => Dialect::V2,
                        _ => return Err("write v1 or v2"),
                    };
                    Ok(())
                },
            )?;
        }
        if args.tenant.is_empty() && !args.all_tenants {
            let question = "Which tenants? Ids separated by commas, or * for all";
            self.ask(
                question,
                "main",
                template,
                (SOURCE, "tenants"),
                |template, answer| {
                    template.tenants = match answer {
                        "*" => Tenants::All,
                        names => {
                            let names = names.split(',').map(|name| name.trim().to_owned());
                            Tenants::Named(names.collect())
                        }
                    };
                    Ok(())
                },
            )?;
        }
        if !args.sign_in_given() {
            let question = "Which environment variable will hold the API token?";
            self.ask(
                question,
                "KESTRA_TOKEN",
                template,
                (SOURCE, "auth"),
                |template, answer| {
                    template.auth = Auth::Bearer(SecretRef::Env(answer.to_owned()));
                    Ok(())
                },
            )?;
        }
        if args.start.is_none() {
            let question = "First date to read? YYYY-MM-DD, or earliest";
            self.ask(
                question,
                "earliest",
                template,
                (SOURCE, "start"),
                |template, answer| {
                    answer.clone_into(&mut template.start);
                    Ok(())
                },
            )?;
        }
        if args.source.is_none() {
            let question = "Permanent name for this source?";
            self.ask(
                question,
                "kestra",
                template,
                (SOURCE, "id"),
                |template, answer| {
                    answer.clone_into(&mut template.source);
                    Ok(())
                },
            )?;
        }
        Ok(())
    }

    /// Asks one question until `accept` and the checks of the configuration are content.
    fn ask(
        &mut self,
        question: &str,
        default: &str,
        template: &mut Template,
        place: (&str, &str),
        accept: impl Fn(&mut Template, &str) -> Result<(), &'static str>,
    ) -> io::Result<()> {
        loop {
            let hint = match default {
                "" => " ".to_owned(),
                default => format!(" [{default}]: "),
            };
            write!(self.questions, "{question}{hint}")?;
            self.questions.flush()?;
            let mut line = String::new();
            if self.answers.read_line(&mut line)? == 0 {
                writeln!(self.questions)?;
                return Err(io::Error::other("the answers ended before the questions"));
            }
            let answer = match line.trim() {
                "" if default.is_empty() => continue,
                "" => default,
                answer => answer,
            };
            let mut attempt = template.clone();
            let complaint = match accept(&mut attempt, answer) {
                Err(complaint) => complaint.to_owned(),
                Ok(()) => match wrong(&attempt, place) {
                    Some(problem) => format!("{}; {}", problem.what, problem.action),
                    None => {
                        *template = attempt;
                        return Ok(());
                    }
                },
            };
            writeln!(self.questions, "  {}", escape(&complaint))?;
        }
    }
}

const SOURCE: &str = "[[source]]";

/// What the checks of the configuration say about the key that has just been answered.
fn wrong(template: &Template, (table, key): (&str, &str)) -> Option<ConfigProblem> {
    let error = Config::parse(template.render().as_bytes(), Path::new("")).err()?;
    let concerns = |problem: &&ConfigProblem| {
        let in_table = problem
            .table
            .as_deref()
            .is_some_and(|t| t.starts_with(table));
        let on_key = problem.key.as_deref().is_some_and(|k| k.starts_with(key));
        in_table && on_key
    };
    error.problems().iter().find(concerns).cloned()
}
