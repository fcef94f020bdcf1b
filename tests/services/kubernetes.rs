//! The kustomize base and its overlays: rendered, valid, and as safe as they promise to be.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::missing::{Stop, Suite};
use crate::python::{Environment, output, repository};

/// The Kubernetes version whose schema the objects must fit.
const VERSION: &str = "1.37";

/// The variable with the token of the source.
const TOKEN: &str = "KESTRA_TOKEN";

/// Where the pod is described in the CronJob.
const POD: &str = "/spec/jobTemplate/spec/template/spec";

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("kubernetes::base", || check("base"));
    // Every overlay that is added is checked too.
    let overlays = fs::read_dir(repository().join("k8s/overlays"));
    for overlay in overlays.into_iter().flatten().flatten() {
        let name = format!("overlays/{}", overlay.file_name().to_string_lossy());
        suite.add(format!("kubernetes::{name}"), move || check(&name));
    }
}

fn check(name: &str) -> Result<(), Stop> {
    let objects = Objects(render(&repository().join("k8s").join(name))?);
    let cronjob = objects.only("CronJob");
    schedule_is_bounded(cronjob);
    failures_follow_the_exit_codes(cronjob);
    pod_is_confined(cronjob);
    only_scratch_can_be_written(cronjob);
    service_account_has_no_token(cronjob, &objects);
    secrets_are_referred_to(cronjob, &objects);
    configuration_is_complete(cronjob, &objects)?;
    labels_reach_the_pod(cronjob);
    Ok(())
}

/// The objects of a folder, after `kubectl kustomize` and the strict schema.
fn render(folder: &Path) -> Result<Vec<Value>, Stop> {
    let environment = Environment::new("kubernetes")?;
    let yaml = output(environment.program("kubectl").arg("kustomize").arg(folder))
        .map_err(Stop::Failed)?
        .stdout;
    let mut validate = environment
        .script("validate_kubernetes.py")
        .arg(VERSION)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = validate.stdin.take() {
        stdin.write_all(&yaml)?;
    }
    let validated = validate.wait_with_output()?;
    if !validated.status.success() {
        let why = String::from_utf8_lossy(&validated.stderr).into_owned();
        return Err(Stop::Failed(why));
    }
    Ok(serde_json::from_slice(&validated.stdout)?)
}

struct Objects(Vec<Value>);

impl Objects {
    fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |object| object["kind"] == kind)
    }

    fn only<'a>(&'a self, kind: &'a str) -> &'a Value {
        let found: Vec<&Value> = self.of(kind).collect();
        assert_eq!(found.len(), 1, "objects of kind {kind}");
        found[0]
    }
}

fn at<'a>(object: &'a Value, pointer: &str) -> &'a Value {
    object
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{pointer} is not set"))
}

fn number(object: &Value, pointer: &str) -> u64 {
    at(object, pointer)
        .as_u64()
        .unwrap_or_else(|| panic!("{pointer} is not a whole number"))
}

fn pod(cronjob: &Value) -> &Value {
    at(cronjob, POD)
}

fn container(cronjob: &Value) -> &Value {
    let containers = pod(cronjob)["containers"].as_array().map(Vec::as_slice);
    let Some([container]) = containers else {
        panic!("one container and no other was expected");
    };
    container
}

fn array<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    at(object, pointer)
        .as_array()
        .unwrap_or_else(|| panic!("{pointer} is not a list"))
}

fn schedule_is_bounded(cronjob: &Value) {
    assert_eq!(at(cronjob, "/spec/concurrencyPolicy"), "Forbid");
    assert_eq!(at(cronjob, "/spec/timeZone"), "Etc/UTC");
    // Below 10 seconds the controller may never start anything.
    assert!(number(cronjob, "/spec/startingDeadlineSeconds") >= 10);
    for history in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        assert!(number(cronjob, &format!("/spec/{history}")) >= 1);
    }
    let args = array(container(cronjob), "/args");
    if retains(cronjob) {
        assert_eq!(args[1], "apply");
    } else {
        assert_eq!(args[0], "run");
    }
    let deadline = args
        .iter()
        .position(|arg| arg == "--deadline")
        .and_then(|place| args.get(place + 1)?.as_str()?.strip_suffix('m'))
        .and_then(|minutes| minutes.parse::<u64>().ok())
        .map(|minutes| 60 * minutes);
    let kill = number(cronjob, "/spec/jobTemplate/spec/activeDeadlineSeconds");
    let grace = number(cronjob, &format!("{POD}/terminationGracePeriodSeconds"));
    assert!(
        deadline.is_some_and(|deadline| deadline < kill),
        "the run must end itself ({deadline:?} s) before it is killed ({kill} s)"
    );
    assert!(grace >= 30, "a run needs time to finish its chunk");
    assert_eq!(pod(cronjob)["restartPolicy"], "Never");
}

/// Whether it is the job that deletes, which reads no source.
fn retains(cronjob: &Value) -> bool {
    array(container(cronjob), "/args")[0] == "retention"
}

/// The exit codes are a contract: 1, 3, 4 and 7 are worth another try, the others need a person.
fn failures_follow_the_exit_codes(cronjob: &Value) {
    assert!(number(cronjob, "/spec/jobTemplate/spec/backoffLimit") >= 1);
    let rules = array(cronjob, "/spec/jobTemplate/spec/podFailurePolicy/rules");
    let action = |code: u64, disrupted: bool| {
        rules
            .iter()
            .find(|rule| {
                let codes = &rule["onExitCodes"];
                let conditions = rule["onPodConditions"].as_array();
                let condition = json!({ "type": "DisruptionTarget", "status": "True" });
                codes["operator"] == "In"
                    && codes["containerName"] == container(cronjob)["name"]
                    && codes["values"]
                        .as_array()
                        .is_some_and(|values| values.contains(&json!(code)))
                    || disrupted && conditions.is_some_and(|all| all.contains(&condition))
            })
            .and_then(|rule| rule["action"].as_str())
            .unwrap_or("Count")
    };
    for code in [1, 3, 4, 7, 137, 143] {
        assert_eq!(action(code, false), "Count", "exit code {code}");
        assert_eq!(
            action(code, true),
            "Ignore",
            "exit code {code}, node drained"
        );
    }
    for code in [2, 5, 6, 8, 10] {
        for disrupted in [false, true] {
            assert_eq!(action(code, disrupted), "FailJob", "exit code {code}");
        }
    }
}

fn pod_is_confined(cronjob: &Value) {
    let pod = pod(cronjob);
    let expected = [
        ("/securityContext/runAsNonRoot", json!(true)),
        (
            "/securityContext/seccompProfile/type",
            json!("RuntimeDefault"),
        ),
        ("/enableServiceLinks", json!(false)),
        (
            "/containers/0/securityContext/allowPrivilegeEscalation",
            json!(false),
        ),
        (
            "/containers/0/securityContext/readOnlyRootFilesystem",
            json!(true),
        ),
        (
            "/containers/0/securityContext/capabilities",
            json!({ "drop": ["ALL"] }),
        ),
        ("/containers/0/resources/requests/memory", json!("256Mi")),
        ("/containers/0/resources/limits/memory", json!("256Mi")),
    ];
    for (pointer, value) in expected {
        assert_eq!(at(pod, pointer), &value, "{pointer}");
    }
    for id in ["runAsUser", "runAsGroup"] {
        assert_ne!(number(pod, &format!("/securityContext/{id}")), 0, "{id}");
    }
    for refused in ["hostNetwork", "hostPID", "hostIPC", "initContainers"] {
        assert_eq!(pod.get(refused), None, "{refused}");
    }
}

/// Temporary files go to a volume of bounded size; everything else that is mounted is read-only.
fn only_scratch_can_be_written(cronjob: &Value) {
    let writable: Vec<&Value> = array(container(cronjob), "/volumeMounts")
        .iter()
        .filter(|mount| mount["readOnly"] != true)
        .collect();
    let [scratch] = writable[..] else {
        panic!("one writable volume and no other was expected: {writable:?}");
    };
    assert_eq!(variable(cronjob, "TMPDIR")["value"], scratch["mountPath"]);
    let volume = array(pod(cronjob), "/volumes")
        .iter()
        .find(|volume| volume["name"] == scratch["name"]);
    let limit = volume.and_then(|volume| volume.pointer("/emptyDir/sizeLimit"));
    assert!(limit.is_some(), "scratch has no size limit: {volume:?}");
}

fn service_account_has_no_token(cronjob: &Value, objects: &Objects) {
    let account = objects.only("ServiceAccount");
    assert_eq!(
        pod(cronjob)["serviceAccountName"],
        account["metadata"]["name"]
    );
    for holder in [pod(cronjob), account] {
        assert_eq!(holder["automountServiceAccountToken"], false);
    }
}

fn secrets_are_referred_to(cronjob: &Value, objects: &Objects) {
    assert_eq!(
        objects.of("Secret").count(),
        0,
        "a secret in the repository"
    );
    if retains(cronjob) {
        let env = array(container(cronjob), "/env");
        assert!(env.iter().all(|variable| variable["name"] != TOKEN));
    }
    for name in [TOKEN, "TRAILHOUSE_SIGNING_KEY"] {
        if retains(cronjob) && name == TOKEN {
            continue;
        }
        let reference = at(variable(cronjob, name), "/valueFrom/secretKeyRef");
        assert!(reference["name"].is_string() && reference["key"].is_string());
    }
}

/// The file is where `TRAILHOUSE_CONFIG` says, comes from a ConfigMap whose name changes with its
/// content, and refers to no variable that the pod does not have.
fn configuration_is_complete(cronjob: &Value, objects: &Objects) -> Result<(), Stop> {
    let map = objects.only("ConfigMap");
    let name = at(map, "/metadata/name");
    assert_ne!(name, "trailhouse", "the name has no hash of the content");
    let volume = array(pod(cronjob), "/volumes")
        .iter()
        .find(|volume| volume.pointer("/configMap/name") == Some(name))
        .unwrap_or_else(|| panic!("{name} is not a volume"));
    let mount = array(container(cronjob), "/volumeMounts")
        .iter()
        .find(|mount| mount["name"] == volume["name"])
        .and_then(|mount| mount["mountPath"].as_str())
        .unwrap_or_else(|| panic!("{name} is not mounted"));
    assert_eq!(
        variable(cronjob, "TRAILHOUSE_CONFIG")["value"],
        format!("{mount}/trailhouse.toml")
    );
    let text = map["data"]["trailhouse.toml"].as_str().unwrap_or_default();
    let table: toml::Table = text.parse()?;
    assert_eq!(table["version"].as_integer(), Some(1));
    let mut needed = BTreeSet::new();
    variables(&toml::Value::Table(table), &mut needed);
    assert!(!needed.is_empty(), "the configuration refers to no secret");
    for name in needed {
        // Only who asks the source needs what it is asked with.
        if !(retains(cronjob) && name == TOKEN) {
            variable(cronjob, &name);
        }
    }
    Ok(())
}

/// Collects the names in `{ env = "NAME" }` of a configuration.
fn variables(value: &toml::Value, into: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                match value {
                    toml::Value::String(name) if key == "env" => {
                        into.insert(name.clone());
                    }
                    _ => variables(value, into),
                }
            }
        }
        toml::Value::Array(values) => values.iter().for_each(|value| variables(value, into)),
        _ => {}
    }
}

fn variable<'a>(cronjob: &'a Value, name: &str) -> &'a Value {
    array(container(cronjob), "/env")
        .iter()
        .find(|variable| variable["name"] == name)
        .unwrap_or_else(|| panic!("the pod has no variable {name}"))
}

fn labels_reach_the_pod(cronjob: &Value) {
    for place in ["", "/spec/jobTemplate", "/spec/jobTemplate/spec/template"] {
        let labels = at(cronjob, &format!("{place}/metadata/labels"));
        assert_eq!(labels["app.kubernetes.io/name"], "trailhouse", "{place}");
    }
}
