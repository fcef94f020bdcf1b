//! Asks on a terminal for what the flags left open, and asks again until an answer fits.

use std::io::{self, BufRead, Write};
use std::path::Path;

use super::args::lake_url;
use super::questions::{answered, of_feed, of_platform, of_way, take_way, way_of, ways_to_choose};
use crate::cli::escape::escape;
use crate::config::{Config, ConfigProblem, Template};
use crate::similar::nearest;
use crate::source::platform::{Question, RegisteredPlatform, SignInWay, Unanswered};

/// A conversation over any pair of streams.
pub(super) struct Interview<R, W> {
    answers: R,
    questions: W,
}

/// What Enter means.
#[derive(Clone, Copy)]
enum Enter<'a> {
    /// Nothing: the question is asked again.
    Nothing,
    /// This answer.
    Answer(&'a str),
    /// That there is no answer.
    NoAnswer,
}

impl<R: BufRead, W: Write> Interview<R, W> {
    /// Begins a conversation.
    ///
    /// # Errors
    /// The streams fail.
    pub(super) fn begin(answers: R, mut questions: W) -> io::Result<Self> {
        writeln!(questions, "Enter keeps the answer in brackets.")?;
        Ok(Self { answers, questions })
    }

    /// Asks which platform is read, where there are several. Enter keeps the first.
    ///
    /// # Errors
    /// The streams fail, or the answers end before the questions.
    pub(super) fn platform(
        &mut self,
        platforms: &'static [RegisteredPlatform],
    ) -> io::Result<&'static RegisteredPlatform> {
        let first = &platforms[0];
        if platforms.len() == 1 {
            return Ok(first);
        }
        for platform in platforms {
            let about = platform.about.trim_end_matches('.');
            writeln!(self.questions, "  {:<12} {about}", platform.name)?;
        }
        let names: Vec<&str> = platforms.iter().map(|platform| platform.name).collect();
        let enter = Enter::Answer(first.name);
        let asked = self.ask("Which platform is read?", enter, |answer| {
            let found = platforms.iter().find(|platform| platform.name == answer);
            found.ok_or_else(|| not_one_of(answer, &names))
        })?;
        Ok(asked.unwrap_or(first))
    }

    /// Asks for everything that no flag has decided.
    ///
    /// # Errors
    /// The streams fail, or the answers end before the questions.
    pub(super) fn fill(&mut self, template: &mut Template, asks_lake: bool) -> io::Result<()> {
        if asks_lake {
            self.lake(template)?;
        }
        for question in of_platform(&template.source) {
            self.question(template, &question)?;
        }
        let way = match ways_to_choose(&template.source) {
            [] => way_of(&template.source),
            ways => self.way(ways)?,
        };
        if let Some(way) = way {
            take_way(&mut template.source, way).map_err(io::Error::other)?;
        }
        for question in of_way(&template.source, way) {
            self.question(template, &question)?;
        }
        for question in of_feed(&template.source) {
            self.question(template, &question)?;
        }
        Ok(())
    }

    fn lake(&mut self, template: &mut Template) -> io::Result<()> {
        let question = "Where is the lake kept? A gs://, s3:// or az:// URL, or a directory";
        let attempt = |answer: &str| {
            let lake = lake_url(answer);
            let attempt = Template {
                lake,
                ..template.clone()
            };
            match wrong(&attempt, "[lake]", |key| key == "url") {
                Some(problem) => Err(problem),
                None => Ok(attempt),
            }
        };
        if let Some(attempt) = self.ask(question, Enter::Answer("./lake"), attempt)? {
            *template = attempt;
        }
        Ok(())
    }

    /// Asks how to sign in; Enter keeps the usual way.
    fn way(&mut self, ways: &[SignInWay]) -> io::Result<Option<SignInWay>> {
        let list: Vec<String> = ways
            .iter()
            .map(|way| format!("{} ({})", way.key(), way.about()))
            .collect();
        let keys: Vec<&str> = ways.iter().map(|way| way.key()).collect();
        let question = format!("How to sign in: {}?", list.join(", "));
        let enter = keys
            .first()
            .map_or(Enter::Nothing, |key| Enter::Answer(key));
        self.ask(&question, enter, |answer| {
            let found = ways.iter().find(|way| way.key() == answer).copied();
            found.ok_or_else(|| not_one_of(answer, &keys))
        })
    }

    fn question(&mut self, template: &mut Template, question: &Question) -> io::Result<()> {
        let enter = match (question.proposal, question.unanswered) {
            (Some(proposal), _) => Enter::Answer(proposal),
            (None, Unanswered::LeftOut) => Enter::NoAnswer,
            (None, _) => Enter::Nothing,
        };
        let concerns = |key: &str| question.settings().any(|setting| key.starts_with(setting));
        let attempt = |answer: &str| {
            let source = answered(&template.source, question, answer);
            let source = source.map_err(|error| error.to_string())?;
            let attempt = Template {
                source,
                ..template.clone()
            };
            match wrong(&attempt, "[[source]]", concerns) {
                Some(problem) => Err(problem),
                None => Ok(attempt),
            }
        };
        if let Some(attempt) = self.ask(question.text, enter, attempt)? {
            *template = attempt;
        }
        Ok(())
    }

    /// Asks one question until its answer is accepted, or Enter means that there is none.
    fn ask<T>(
        &mut self,
        question: &str,
        enter: Enter<'_>,
        accept: impl Fn(&str) -> Result<T, String>,
    ) -> io::Result<Option<T>> {
        loop {
            let hint = match enter {
                Enter::Answer(answer) => format!(" [{answer}]: "),
                Enter::NoAnswer => " [none]: ".to_owned(),
                Enter::Nothing => " ".to_owned(),
            };
            write!(self.questions, "{question}{hint}")?;
            self.questions.flush()?;
            let mut line = String::new();
            if self.answers.read_line(&mut line)? == 0 {
                writeln!(self.questions)?;
                return Err(io::Error::other("the answers ended before the questions"));
            }
            let answer = match (line.trim(), enter) {
                ("", Enter::Nothing) => continue,
                ("", Enter::NoAnswer) => return Ok(None),
                ("", Enter::Answer(answer)) => answer,
                (answer, _) => answer,
            };
            match accept(answer) {
                Ok(accepted) => return Ok(Some(accepted)),
                Err(complaint) => writeln!(self.questions, "  {}", escape(&complaint))?,
            }
        }
    }
}

fn not_one_of(answer: &str, known: &[&str]) -> String {
    match nearest(answer, known) {
        Some(near) => format!("write {near}"),
        None => format!("write one of: {}", known.join(", ")),
    }
}

/// What the checks of the configuration say about the keys of a table that were just answered.
fn wrong(template: &Template, table: &str, concerns: impl Fn(&str) -> bool) -> Option<String> {
    let error = Config::parse(template.render().as_bytes(), Path::new("")).err()?;
    let is_about = |problem: &&ConfigProblem| {
        let in_table = problem.table.as_deref();
        in_table.is_some_and(|it| it.starts_with(table))
            && problem.key.as_deref().is_some_and(&concerns)
    };
    let problem = error.problems().iter().find(is_about)?;
    Some(format!("{}; {}", problem.what, problem.action))
}
