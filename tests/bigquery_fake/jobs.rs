//! Jobs: accepted, asked for until they have ended, and forgotten.

use super::faults::{Call, Fault};
use super::reply::Refusal;
use super::server::Asked;
use super::state::{End, Ended, Job, JobKey, State};
use super::{load, query, tables};
use serde_json::{Value, json};

/// Which kind of insert a request is.
pub(super) fn kind_of(asked: &Asked) -> Call {
    let body = asked.json().unwrap_or_default();
    let configuration = &body["configuration"];
    if configuration["dryRun"] == true {
        Call::DryRun
    } else if configuration.get("load").is_some() {
        Call::StartLoad
    } else {
        Call::StartQuery
    }
}

/// jobs.insert.
pub(super) fn insert(
    state: &mut State,
    project: &str,
    asked: &Asked,
    call: Call,
    fault: Option<&Fault>,
) -> Result<Value, Refusal> {
    assert_eq!(asked.method, "POST");
    let (body, content) = if call == Call::StartUpload {
        let (body, content) = load::parts(asked)?;
        (body, Some(content))
    } else {
        (asked.json()?, None)
    };
    let reference = &body["jobReference"];
    if reference["projectId"] != project {
        return Err(Refusal::invalid("Project id in the job reference differs"));
    }
    let Some(location) = reference["location"].as_str() else {
        return Err(Refusal::invalid("A strict service wants the location"));
    };
    let configuration = &body["configuration"];
    tables::labels(configuration)?;
    if call == Call::DryRun {
        let sql = configuration["query"]["query"].as_str().unwrap_or_default();
        let bytes = query::cost(state, sql, location)?;
        return Ok(json!({
            "jobReference": reference,
            "status": {"state": "DONE"},
            "statistics": {"query": {"totalBytesProcessed": bytes.to_string()}},
        }));
    }
    let Some(id) = reference["jobId"].as_str() else {
        return Err(Refusal::invalid("A strict service wants the job's id"));
    };
    let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if id.len() > 1024 || !id.chars().all(taken) {
        return Err(Refusal::invalid(format!("Invalid job ID \"{id}\".")));
    }
    let key = key(project, location, id);
    if state.jobs.contains_key(&key) {
        return Err(Refusal::exists(
            "Job",
            format_args!("{project}:{location}.{id}"),
        ));
    }
    if configuration.get("load").is_some() {
        load::accept(state, &configuration["load"], location, content.is_some())?;
    } else if configuration["query"]["useLegacySql"] != false {
        return Err(Refusal::invalid("Legacy SQL"));
    }
    let job = Job {
        configuration: configuration.clone(),
        content,
        polls: 0,
        end: None,
        fails: match fault {
            Some(Fault::JobFails(reason)) => Some(*reason),
            _ => None,
        },
        says_fewer: match fault {
            Some(Fault::SaysFewer(rows)) => *rows,
            _ => 0,
        },
    };
    state.jobs.insert(key.clone(), job);
    advance(state, &key, 0);
    Ok(tell(state, &key))
}

/// jobs.get.
pub(super) fn get(
    state: &mut State,
    project: &str,
    id: &str,
    asked: &Asked,
) -> Result<Value, Refusal> {
    let key = find(state, project, id, asked)?;
    advance(state, &key, 1);
    Ok(tell(state, &key))
}

/// jobs.getQueryResults.
pub(super) fn rows(
    state: &mut State,
    project: &str,
    id: &str,
    asked: &Asked,
) -> Result<Value, Refusal> {
    let key = find(state, project, id, asked)?;
    advance(state, &key, 1);
    let size = state.options.page;
    let reference = json!({"projectId": project, "jobId": id, "location": key.1});
    let ended = match &state.jobs[&key].end {
        None => return Ok(json!({"jobReference": reference, "jobComplete": false})),
        Some(Err(refusal)) => return Err(refusal.clone()),
        Some(Ok(ended)) => ended,
    };
    let mut answer = json!({
        "kind": "bigquery#getQueryResultsResponse",
        "jobReference": reference,
        "jobComplete": true,
        "totalRows": "0",
        "totalBytesProcessed": ended.bytes.to_string(),
    });
    let Some((columns, rows)) = &ended.result else {
        return Ok(answer);
    };
    let from: usize = match asked.query.get("pageToken") {
        None => 0,
        Some(token) => token
            .strip_prefix("after=")
            .and_then(|from| from.parse().ok())
            .ok_or_else(|| Refusal::invalid("Invalid page token"))?,
    };
    let page = rows.iter().skip(from).take(size);
    let cells = |row: &Vec<Option<String>>| {
        let cells: Vec<Value> = row.iter().map(|value| json!({"v": value})).collect();
        json!({"f": cells})
    };
    let fields = columns
        .iter()
        .map(|name| json!({"name": name, "type": "STRING", "mode": "NULLABLE"}));
    answer["schema"] = json!({"fields": fields.collect::<Vec<_>>()});
    answer["totalRows"] = json!(rows.len().to_string());
    if !rows.is_empty() {
        answer["rows"] = page.map(cells).collect();
    }
    if from + size < rows.len() {
        answer["pageToken"] = json!(format!("after={}", from + size));
    }
    Ok(answer)
}

fn key(project: &str, location: &str, id: &str) -> JobKey {
    (project.to_owned(), location.to_uppercase(), id.to_owned())
}

/// Without a location BigQuery looks in the US only (and in the EU, which a strict one does not).
fn find(state: &State, project: &str, id: &str, asked: &Asked) -> Result<JobKey, Refusal> {
    let location = asked.query.get("location").map_or("US", String::as_str);
    let key = key(project, location, id);
    if state.jobs.contains_key(&key) {
        return Ok(key);
    }
    Err(Refusal::not_found(
        "Job",
        format_args!("{project}:{location}.{id}"),
    ))
}

/// Lets a job go on; what it does happens as it ends.
fn advance(state: &mut State, key: &JobKey, polls: u32) {
    let (pending, running) = (state.options.pending, state.options.running);
    let job = state.jobs.get_mut(key).unwrap();
    job.polls += polls;
    if job.end.is_some() || job.polls < pending + running {
        return;
    }
    let (configuration, content) = (job.configuration.clone(), job.content.take());
    let end = match job.fails {
        Some(reason) => Err(Refusal::new(reason, "Failed by order")),
        None => run(state, &configuration, content.as_deref(), &key.1),
    };
    state.jobs.get_mut(key).unwrap().end = Some(end);
}

fn run(state: &mut State, configuration: &Value, content: Option<&[u8]>, location: &str) -> End {
    if let Some(load) = configuration.get("load") {
        let rows = load::run(state, load, content)?;
        return Ok(Ended {
            output_rows: Some(rows),
            ..Ended::default()
        });
    }
    let sql = configuration["query"]["query"].as_str().unwrap_or_default();
    query::run(state, sql, location)
}

fn tell(state: &State, key: &JobKey) -> Value {
    let (project, location, id) = key;
    let job = &state.jobs[key];
    let standing = match &job.end {
        Some(_) => "DONE",
        None if job.polls < state.options.pending => "PENDING",
        None => "RUNNING",
    };
    let mut told = json!({
        "kind": "bigquery#job",
        "id": format!("{project}:{location}.{id}"),
        "jobReference": {"projectId": project, "location": location, "jobId": id},
        "configuration": job.configuration,
        "status": {"state": standing},
        "statistics": {"creationTime": "1764061200000"},
    });
    match &job.end {
        None => {}
        Some(Err(refusal)) => {
            told["status"]["errorResult"] = refusal.proto();
            told["status"]["errors"] = json!([refusal.proto()]);
        }
        Some(Ok(ended)) => {
            if let Some(rows) = ended.output_rows {
                let rows = rows.saturating_sub(job.says_fewer);
                told["statistics"]["load"] = json!({"outputRows": rows.to_string()});
            } else {
                let bytes = ended.bytes.to_string();
                told["statistics"]["query"] =
                    json!({"totalBytesProcessed": bytes, "totalBytesBilled": bytes});
                if let Some(rows) = ended.affected_rows {
                    told["statistics"]["query"]["numDmlAffectedRows"] = json!(rows.to_string());
                }
            }
        }
    }
    told
}
