//! What is to be decided about a source, and what an answer makes of it.

use crate::config::{ChoiceError, SourceChoices};
use crate::source::platform::{
    Meaning, Question, RegisteredPlatform, SignInWay, Unanswered, feed_questions,
};

/// The flag that decides a setting.
pub(super) fn flag_of(platform: &RegisteredPlatform, setting: &str) -> String {
    let flag = match setting {
        "url" => "--url",
        "dialect" => "--dialect",
        "id" => "--source",
        "tenants" => "--tenant",
        "start" => "--start",
        _ if setting == format!("auth.{}.username", user_key(platform)) => "--username",
        _ => return format!("--set {setting}=…"),
    };
    flag.to_owned()
}

/// The key of the usual way to sign in with a user name; `basic` where the platform knows none, which its checks
/// then say.
pub(super) fn user_key(platform: &RegisteredPlatform) -> &'static str {
    let ways = platform.profile.sign_in.iter();
    let mut with_user = ways.filter_map(|way| match way {
        SignInWay::Basic { .. } | SignInWay::Password { .. } => Some(way.key()),
        _ => None,
    });
    with_user.next().unwrap_or("basic")
}

/// The ways to sign in between which somebody has to choose; none where there is one at most, or one is chosen.
pub(super) fn ways_to_choose(choices: &SourceChoices) -> &'static [SignInWay] {
    let ways = choices.platform().profile.sign_in;
    let real = ways.iter().filter(|way| **way != SignInWay::None).count();
    match choices.has("auth") || real < 2 {
        true => &[],
        false => ways,
    }
}

/// How the source signs in: by what was chosen, or else in the usual way. `None` where there is no way that the
/// platform knows.
pub(super) fn way_of(choices: &SourceChoices) -> Option<SignInWay> {
    let ways = choices.platform().profile.sign_in;
    match choices.has("auth") {
        true => {
            let chosen = |way: &&SignInWay| choices.has(&format!("auth.{}", way.key()));
            ways.iter().find(chosen).copied()
        }
        false => ways.first().copied(),
    }
}

/// Chooses a way to sign in of which nothing has to be asked.
///
/// # Errors
/// Another way was chosen before.
pub(super) fn take_way(choices: &mut SourceChoices, way: SignInWay) -> Result<(), ChoiceError> {
    let setting = format!("auth.{}", way.key());
    match way.value() {
        Some(value) if !choices.has(&setting) => choices.set(&setting, value),
        _ => Ok(()),
    }
}

/// What the platform asks about itself and nobody has decided.
pub(super) fn of_platform(choices: &SourceChoices) -> Vec<Question> {
    undecided(choices, choices.platform().profile.questions)
}

/// What nobody has decided of a way to sign in.
pub(super) fn of_way(choices: &SourceChoices, way: Option<SignInWay>) -> Vec<Question> {
    let questions = way.map_or_else(Vec::new, SignInWay::questions);
    undecided(choices, &questions)
}

/// What nobody has decided of what every source has.
pub(super) fn of_feed(choices: &SourceChoices) -> Vec<Question> {
    undecided(choices, &feed_questions(choices.platform().name))
}

fn undecided(choices: &SourceChoices, questions: &[Question]) -> Vec<Question> {
    let decided = |question: &Question| question.settings().any(|setting| choices.has(setting));
    let open = questions.iter().filter(|question| !decided(question));
    open.copied().collect()
}

/// What the choices are once a question is answered.
///
/// # Errors
/// The answer is not a value of TOML although it begins like one.
pub(super) fn answered(
    choices: &SourceChoices,
    question: &Question,
    answer: &str,
) -> Result<SourceChoices, ChoiceError> {
    let mut choices = choices.clone();
    match question.meaning {
        Meaning::Value => choices.set_text(question.setting, answer)?,
        Meaning::Settings(meaning) => {
            for (setting, value) in meaning(answer) {
                choices.set(setting, value)?;
            }
        }
    }
    Ok(choices)
}

/// Takes every proposal that needs no person.
///
/// # Errors
/// The questions that one has to answer.
pub(super) fn complete(choices: &SourceChoices) -> Result<SourceChoices, Vec<Question>> {
    let mut complete = choices.clone();
    let way = way_of(choices);
    let mut missing = Vec::new();
    if let Some(way) = way {
        // Its key is free, since no other way was chosen.
        let _ = take_way(&mut complete, way);
    }
    let questions = [of_platform(choices), of_way(choices, way), of_feed(choices)].concat();
    for question in questions {
        let proposal = match question.unanswered {
            Unanswered::LeftOut => continue,
            Unanswered::Missing => None,
            Unanswered::Proposal => question.proposal,
        };
        match proposal.map(|proposal| answered(&complete, &question, proposal)) {
            Some(Ok(choices)) => complete = choices,
            Some(Err(_)) | None => missing.push(question),
        }
    }
    match missing.is_empty() {
        true => Ok(complete),
        false => Err(missing),
    }
}
