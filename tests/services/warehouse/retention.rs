//! A lake of 60 days with three rules and two holds that overlap, in an emulator of BigQuery, is brought to
//! its policy by runs that are killed at random; and lake, warehouse, ledger and certificates tell one
//! story.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono::{Days, NaiveDate, Utc};
use serde_json::{Value, json};

use super::place::{Cloud, Job, platform};
use crate::missing::{Stop, Suite};
use crate::stores::Place;

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("warehouse::sixty_days_are_brought_to_their_policy", policy);
    suite.add("warehouse::killed_anywhere_while_deleting", killed);
}

const RULES: &str = r#"
[retention]
default = "45d"
in_run = true

[[retention.rule]]
name = "executions"
match = { category = ["execution"] }
keep = "20d"

[[retention.rule]]
name = "access"
match = { category = ["authentication", "access_control"] }
keep = "1mo"
"#;

const THIRD: &str = r#"
[[retention.rule]]
name = "resources"
match = { category = ["resource_management"], source = ["kestra-test"] }
keep = "10d"
"#;

fn before(days: u64) -> NaiveDate {
    Utc::now().date_naive() - Days::new(days)
}

/// A job whose lake has so many days, and a warehouse that is level with it.
fn level(cloud: &Cloud, days: u32) -> Result<Job, Stop> {
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    fs::create_dir(&lake)?;
    let place = Place::on_disk(&lake);
    let job = Job::new(folder, lake, platform(5, days)?, &place)?;
    job.ends(0, &["run"])?;
    job.configure(&cloud.warehouse("bq", "audit"))?;
    job.ends(0, &["warehouse", "init"])?;
    job.ends(0, &["run"])?;
    Ok(job)
}

/// What is named by the ledger and what is there, as the judge reads both.
fn files(cloud: &Cloud, job: &Job) -> Result<(Vec<String>, Vec<String>), Stop> {
    let said = cloud
        .judge
        .ask(&json!({ "do": "lake", "lake": &job.lake }))?;
    let list = |of: &str| -> Vec<String> {
        let list = said[of].as_array().into_iter().flatten();
        list.filter_map(|it| it.as_str().map(str::to_owned))
            .collect()
    };
    Ok((list("named"), list("there")))
}

/// Date and category of a file, from its name.
fn partition(path: &str) -> (NaiveDate, String) {
    let of = |key: &str| {
        let part = path.split('/').find_map(|part| part.strip_prefix(key));
        part.unwrap_or_default().to_owned()
    };
    (of("date=").parse().unwrap_or_default(), of("cat="))
}

/// Lake, warehouse and ledger tell one story.
fn one_story(cloud: &Cloud, job: &Job, when: &str) -> Result<BTreeSet<(NaiveDate, String)>, Stop> {
    cloud.judge.assert_holds("audit", &job.lake, when)?;
    job.ends(0, &["warehouse", "reconcile"])?;
    let key = job.path().join("writer.key.pub");
    let key = key.to_string_lossy().into_owned();
    job.ends(0, &["verify", "--public-key", &key, "--deep"])?;
    let (named, there) = files(cloud, job)?;
    assert_eq!(named, there, "{when}: files of the lake");
    Ok(named.iter().map(|path| partition(path)).collect())
}

/// Runs that are killed after some random time, until one comes to its end.
fn runs_killed_at_random(job: &Job, arguments: &[&str], dice: &mut u64) -> Result<(), Stop> {
    for _ in 0..12 {
        *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // A whole one takes some hundred milliseconds, a few of them before it changes anything.
        let wait = Duration::from_millis(30 + (*dice >> 33) % 500);
        let mut command = job.command(arguments);
        let mut child = command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()?;
        std::thread::sleep(wait);
        // It may have ended by itself.
        let _ = child.kill();
        child.wait()?;
    }
    Ok(())
}

fn policy() -> Result<(), Stop> {
    let cloud = Cloud::start()?;
    let job = level(&cloud, 60)?;
    let whole = one_story(&cloud, &job, "before any rule")?;
    let dates: BTreeSet<NaiveDate> = whole.iter().map(|(date, _)| *date).collect();
    assert!(dates.len() >= 60, "{}", dates.len());

    job.configure(&(RULES.to_owned() + THIRD))?;
    let (first, last) = (before(52), before(44));
    hold(&job, "CASE-1", first, last, &[])?;
    hold(&job, "CASE-2", before(48), before(25), &["execution"])?;

    let foreseen = job.ends(0, &["plan"])?;
    let deletes = &foreseen["retention"];
    assert_eq!(deletes["goes"]["files"], 0, "{foreseen:#}");
    assert!(
        deletes["to_confirm"]["files"].as_u64() > Some(0),
        "{foreseen:#}"
    );

    // A scheduled run deletes nothing by rules that nobody has confirmed, says so and does the rest.
    let asked = job.ends(8, &["run"])?;
    assert!(
        asked["retention"]["to_confirm"]["plan"].is_string(),
        "{asked:#}"
    );
    one_story(&cloud, &job, "before it is confirmed")?;
    let plan = job.ends(0, &["retention", "plan"])?;
    let id = plan["plan"].as_str().unwrap_or_default().to_owned();
    assert!(plan["warehouses"][0]["jobs"].as_u64() > Some(2), "{plan:#}");

    let mut dice = 7;
    runs_killed_at_random(
        &job,
        &["retention", "apply", "--by", "ops", "--confirm", &id],
        &mut dice,
    )?;
    runs_killed_at_random(&job, &["run"], &mut dice)?;
    // Whether or not one of those lived long enough to decide.
    let told = job.tell(&["run"])?;
    if told.code == Some(8) {
        let plan = job.ends(0, &["retention", "plan"])?;
        let id = plan["plan"].as_str().unwrap_or_default().to_owned();
        job.ends(0, &["retention", "apply", "--by", "ops", "--confirm", &id])?;
    }
    job.ends(0, &["run"])?;
    let left = one_story(&cloud, &job, "after the runs")?;
    for partition in &whole {
        let expected = kept(partition);
        assert_eq!(left.contains(partition), expected, "{partition:?}");
    }
    certified(&job, &whole, &left)?;

    // The second case ends; the first one still holds what both were about.
    job.ends(
        0,
        &[
            "hold", "release", "CASE-2", "--reason", "settled", "--by", "anna",
        ],
    )?;
    let told = job.tell(&["run"])?;
    assert!(matches!(told.code, Some(0 | 8)), "{told:?}");
    if told.code == Some(8) {
        let plan = job.ends(0, &["retention", "plan"])?;
        let id = plan["plan"].as_str().unwrap_or_default().to_owned();
        runs_killed_at_random(
            &job,
            &["retention", "apply", "--by", "ops", "--confirm", &id],
            &mut dice,
        )?;
        if job.tell(&["run"])?.code == Some(8) {
            let plan = job.ends(0, &["retention", "plan"])?;
            let id = plan["plan"].as_str().unwrap_or_default().to_owned();
            job.ends(0, &["retention", "apply", "--by", "ops", "--confirm", &id])?;
        }
    }
    job.ends(0, &["run"])?;
    let left = one_story(&cloud, &job, "after the release")?;
    for (date, category) in &left {
        let held = first <= *date && *date <= last;
        assert!(
            held || kept_by_rule(*date, category),
            "{date} {category} is due"
        );
    }
    let status = job.ends(0, &["status"])?;
    assert_eq!(status["open_decisions"], Value::Null, "{status:#}");
    assert_eq!(status["retention"]["due"]["rows"], 0);
    Ok(())
}

fn hold(
    job: &Job,
    case: &str,
    from: NaiveDate,
    to: NaiveDate,
    categories: &[&str],
) -> Result<(), Stop> {
    let (from, to) = (from.to_string(), to.to_string());
    let mut arguments = vec!["hold", "add", case, "--from", &from, "--to", &to];
    arguments.extend(["--reason", "a letter", "--by", "anna"]);
    for category in categories {
        arguments.extend(["--category", category]);
    }
    job.ends(0, &arguments)?;
    Ok(())
}

/// Whether a rule keeps a partition today, written down once more.
fn kept_by_rule(date: NaiveDate, category: &str) -> bool {
    let today = Utc::now().date_naive();
    let days = |days: u64| date + Days::new(days) >= today;
    let month = || date.checked_add_months(chrono::Months::new(1)) >= Some(today);
    match category {
        "execution" => days(20),
        "authentication" | "access_control" => month(),
        "resource_management" => days(10),
        "data_access" | "system_configuration" => days(45),
        // Nobody knows what it is about.
        _ => days(45),
    }
}

fn kept((date, category): &(NaiveDate, String)) -> bool {
    let known = [
        "authentication",
        "access_control",
        "resource_management",
        "execution",
        "data_access",
        "system_configuration",
    ];
    let first_case = before(52) <= *date && *date <= before(44);
    let in_doubt = !known.contains(&category.as_str());
    let second_case =
        before(48) <= *date && *date <= before(25) && (category == "execution" || in_doubt);
    first_case || second_case || kept_by_rule(*date, category)
}

/// What went is certified, to be checked with the public key alone.
fn certified(
    job: &Job,
    whole: &BTreeSet<(NaiveDate, String)>,
    left: &BTreeSet<(NaiveDate, String)>,
) -> Result<(), Stop> {
    let gone: BTreeSet<&(NaiveDate, String)> = whole.difference(left).collect();
    let dates: BTreeSet<NaiveDate> = gone.iter().map(|(date, _)| *date).collect();
    let (Some(first), Some(last)) = (dates.first(), dates.last()) else {
        return Err(Stop::Failed("nothing is gone".to_owned()));
    };
    let file = job.path().join("gone.note");
    let (from, to) = (first.to_string(), last.to_string());
    let name = file.to_string_lossy().into_owned();
    job.ends(
        0,
        &[
            "retention",
            "certificate",
            "--from",
            &from,
            "--to",
            &to,
            "-o",
            &name,
        ],
    )?;
    let text = fs::read_to_string(&file)?;
    let said: Value = serde_json::from_str(text.lines().next().unwrap_or_default())
        .map_err(|error| Stop::Failed(error.to_string()))?;
    let paths = paths_of(&said);
    let certified: BTreeSet<(NaiveDate, String)> =
        paths.iter().map(|path| partition(path)).collect();
    assert_eq!(certified.iter().collect::<BTreeSet<_>>(), gone);
    for path in &paths {
        assert!(!job.lake.join(path).exists(), "{path} is there");
    }
    // Somebody else, with nothing but the key.
    let elsewhere = tempfile::tempdir()?;
    fs::copy(&file, elsewhere.path().join("gone.note"))?;
    fs::copy(
        job.path().join("writer.key.pub"),
        elsewhere.path().join("writer.key.pub"),
    )?;
    check(elsewhere.path(), 0)?;
    let forged = text.replacen("\"removed\":", "\"removed\":1", 1);
    assert_ne!(forged, text);
    fs::write(elsewhere.path().join("gone.note"), forged)?;
    check(elsewhere.path(), 6)
}

/// Every file that a certificate names, wherever it names it.
fn paths_of(said: &Value) -> BTreeSet<String> {
    match said {
        Value::Array(items) => items.iter().flat_map(paths_of).collect(),
        Value::Object(members) => {
            let own = members.get("path").and_then(Value::as_str);
            let own = own.into_iter().map(str::to_owned);
            own.chain(members.values().flat_map(paths_of)).collect()
        }
        _ => BTreeSet::new(),
    }
}

fn check(folder: &Path, code: i32) -> Result<(), Stop> {
    let mut command = std::process::Command::new(crate::job::PROGRAM);
    command.current_dir(folder).args([
        "retention",
        "certificate",
        "--check",
        "gone.note",
        "--public-key",
        "writer.key.pub",
    ]);
    let checked = command.output()?;
    assert_eq!(checked.status.code(), Some(code), "{checked:?}");
    Ok(())
}

/// The program dies at every failpoint of a deletion, and the next one makes good.
fn killed() -> Result<(), Stop> {
    let cloud = Cloud::start()?;
    let mut job = level(&cloud, 20)?;
    job.configure(RULES)?;
    let points = [
        "ledger.commit.before=1",
        "ledger.commit.after=1",
        "warehouse.expire.before=1",
        "warehouse.expire.after=1",
        "ledger.commit.before=2",
        "ledger.commit.after=2",
        "retention.remove.before=1",
        "retention.remove.after=1",
        "ledger.commit.before=3",
        "ledger.commit.after=3",
    ];
    for (nth, point) in points.into_iter().enumerate() {
        // One day less each time, so that something is due.
        let (from, to) = (20 - nth, 19 - nth);
        job.reconfigure(&format!("keep = \"{from}d\""), &format!("keep = \"{to}d\""))?;
        let plan = job.ends(0, &["retention", "plan"])?;
        let id = plan["plan"].as_str().unwrap_or_default().to_owned();
        let apply = ["retention", "apply", "--by", "ops", "--confirm", &id];
        if plan["due"] == json!([]) {
            continue;
        }
        job.dies(point, &apply)?;
        let told = job.tell(&["run"])?;
        if told.code == Some(8) {
            job.ends(0, &apply)?;
        } else {
            told.ends(0)?;
        }
        one_story(&cloud, &job, point)?;
    }
    job.add_source("second", 9)?;
    job.ends(0, &["run"])?;
    one_story(&cloud, &job, "after more came in")?;
    Ok(())
}
