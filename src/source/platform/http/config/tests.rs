use super::*;
use crate::config::Config;
use std::path::Path;

/// A description that lacks nothing.
const WHOLE: &str = r#"
url = "https://api.example.com/base/"
auth = { bearer = { env = "T" } }
request = { path = "/v1/audit" }
window = { from = { query = "from" }, to = { query = "to" } }
paging = { kind = "token", token = { body = "/next" }, send = { query = "after" }, size = { query = "limit" } }
records = { items = "/data", id = "/id", time = "/at", total = "/total" }
columns = { action = "/type", outcome = { pointer = "/ok", map = { true = "success" } } }
"#;

fn parse(text: &str) -> Result<(DescribedApi, Vec<String>), Vec<String>> {
    let text = format!(
        "version = 1\n[lake]\nurl = \"file:///lake\"\n[signing]\nkey = {{ env = \"K\" }}\n[[source]]\nid = \"api\"\nplatform = \"http\"\nstart = \"2026-11-01\"\n{text}\n"
    );
    match Config::parse(text.as_bytes(), Path::new("/etc/trailhouse.toml")) {
        Ok(config) => {
            let settings = config.sources[0].platform.as_any();
            let api = settings.downcast_ref::<DescribedApi>().unwrap().clone();
            let warnings = config.warnings.iter().map(ToString::to_string);
            Ok((api, warnings.collect()))
        }
        Err(error) => Err(error.problems().iter().map(ToString::to_string).collect()),
    }
}

/// The description with some lines replaced: each that begins as one of these does.
fn with(lines: &[&str]) -> Result<(DescribedApi, Vec<String>), Vec<String>> {
    let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let mut text: Vec<&str> = WHOLE.lines().collect();
    text.retain(|line| lines.iter().all(|new| key(new) != key(line)));
    text.extend(lines.iter().filter(|line| !line.ends_with("= gone")));
    parse(&text.join("\n"))
}

#[test]
fn a_description_is_read_whole() {
    let (api, warnings) = with(&[
        "tenants = [\"a\", \"b\"]",
        "request = { path = \"/{tenant}/x\" }",
    ])
    .unwrap();
    assert_eq!(warnings, [""; 0]);
    assert_eq!(api.url.as_str(), "https://api.example.com/base");
    assert_eq!(api.limits(), []);
    let tenants = ["a", "b"].map(|name| Tenant::Named(name.to_owned()));
    assert_eq!(Platform::tenants(&api), tenants);
    assert_eq!(api.mapping.version, 1);
    assert_eq!(api.mapping.columns.len(), 2);
    let (api, _) = with(&[]).unwrap();
    assert_eq!(Platform::tenants(&api), [Tenant::All]);
}

#[test]
fn what_cannot_be_proven_follows_from_the_description() {
    let no_total = "records = { items = \"/data\", id = \"/id\", time = \"/at\" }";
    let (api, warnings) = with(&[no_total]).unwrap();
    assert_eq!(
        (api.limits(), warnings.len()),
        (vec![ProofLimit::NoTotal], 0)
    );
    // An inclusive end in milliseconds would count what lies at the end.
    let closed =
        "window = { from = { query = \"f\" }, to = { query = \"t\" }, to_inclusive = true }";
    let (api, warnings) = with(&[closed]).unwrap();
    assert_eq!(api.limits(), [ProofLimit::NoTotal]);
    assert!(warnings[0].contains("`records.total`"), "{warnings:?}");
    let newest =
        "records = { items = \"/data\", id = \"/id\", time = \"/at\", order = \"newest_first\" }";
    let (api, warnings) = with(&["window = gone", newest]).unwrap();
    let limits = [ProofLimit::NoTotal, ProofLimit::NoWindowFilter];
    assert_eq!((api.limits(), warnings.len()), (limits.to_vec(), 0));
    let (api, warnings) = with(&["window = gone", no_total]).unwrap();
    assert!(api.limits().contains(&ProofLimit::NoOrder));
    assert!(
        warnings[0].contains("each window reads the whole list"),
        "{warnings:?}"
    );
}

#[test]
fn what_is_wrong_is_named_where_it_stands() {
    for (lines, key, what) in [
        (
            &["records = { items = \"data\", id = \"/id\", time = \"/at\" }"][..],
            "records.items",
            "is not a JSON pointer",
        ),
        (
            &["records = { items = \"/d/*\", id = \"/id\", time = \"/at\" }"],
            "records.items",
            "has a `*`",
        ),
        (
            &["records = { id = \"/id\", time = \"/at\" }"],
            "records.items",
            "is missing",
        ),
        (
            &["records = { items = \"/d\", id = [\"/a\", \"b\"], time = \"/at\" }"],
            "records.id[2]",
            "is not a JSON pointer",
        ),
        (
            &["records = { items = \"/d\", id = \"\", time = \"/at\" }"],
            "records.id",
            "is the whole record",
        ),
        (
            &["records = { items = \"/d\", id = \"/id\", time = \"/at\", total_cap = 5 }"],
            "records.total_cap",
            "is the limit",
        ),
        (
            &["records = { items = \"/d\", id = \"/id\", time = \"/at\", time_format = \"unix\" }"],
            "records.time_format",
            "is not one of",
        ),
        (
            &["records = { format = \"lines\", id = \"/id\", time = \"/at\" }"],
            "paging.token",
            "records come as lines",
        ),
        (
            &["columns = { acton = \"/type\" }"],
            "columns.acton",
            "is not a column",
        ),
        (
            &["columns = { tenant = \"/type\" }"],
            "columns.tenant",
            "is not a column",
        ),
        (
            &["columns = { outcome = { value = \"good\" } }"],
            "columns.outcome.value",
            "is not a value of `outcome`",
        ),
        (
            &["columns = { category = { pointer = \"/t\", map = { A = \"b\" } } }"],
            "columns.category.map.A",
            "is not a value of `category`",
        ),
        (
            &["columns = { class_uid = { value = -1 } }"],
            "columns.class_uid.value",
            "is not a value",
        ),
        (
            &["columns = { action = { pointer = \"/t\", value = \"x\" } }"],
            "columns.action",
            "needs either",
        ),
        (
            &["columns = { action = { pointr = \"/t\" } }"],
            "columns.action.pointr",
            "unknown key",
        ),
        (&["columns = { action = 7 }"], "columns.action", "must be"),
        (
            &["request = { path = \"v1\" }"],
            "request.path",
            "is not a path",
        ),
        (
            &["request = { path = \"/v1?x=1\" }"],
            "request.path",
            "is not a path",
        ),
        (
            &["request = { path = \"/{tenant}\" }"],
            "request.path",
            "no tenant is named",
        ),
        (&["tenants = [\"a\"]"], "tenants", "go nowhere"),
        (
            &["request = { path = \"/v1\", query = { from = \"x\" } }"],
            "window.from",
            "where another value goes",
        ),
        (
            &["request = { path = \"/v1\", headers = { authorization = \"x\" } }"],
            "request.headers.authorization",
            "is the header of the credential",
        ),
        (
            &["request = { path = \"/v1\", body = { a = 1 } }"],
            "request.body",
            "without one",
        ),
        (
            &["window = { from = { body = \"/from\" } }"],
            "window.from.body",
            "the request has none",
        ),
        (
            &["window = { from = { query = \"a\", header = \"b\" } }"],
            "window.from",
            "exclude each other",
        ),
        (
            &["window = { digits = 3 }"],
            "window",
            "neither the start nor the end",
        ),
        (
            &["paging = { kind = \"page\" }"],
            "paging.send",
            "is missing",
        ),
        (
            &["paging = { kind = \"token\", send = { query = \"a\" } }"],
            "paging.token",
            "is missing",
        ),
        (
            &["paging = { kind = \"link\", token = { body = \"/n\" } }"],
            "paging.token",
            "is not used",
        ),
        (
            &["paging = { more = \"/more\" }"],
            "paging.more",
            "is not used",
        ),
        (
            &["auth = { header = { name = \"a b\", key = { env = \"K\" } } }"],
            "auth.header.name",
            "is not the name",
        ),
    ] {
        let found = with(lines).map(|_| ()).unwrap_err();
        assert_eq!(found.len(), 1, "{lines:?}: {found:?}");
        assert!(found[0].contains(&format!("`{key}`")), "{key}: {found:?}");
        assert!(found[0].contains(what), "{what}: {found:?}");
    }
}

#[test]
fn values_of_a_body_go_where_nothing_stands_in_the_way() {
    let request = "request = { method = \"POST\", path = \"/graphql\", body = { query = \"q\", variables = { limit = 1 } } }";
    let window = "window = { from = { body = \"/variables/filters/from\" } }";
    let paging = "paging = { kind = \"token\", token = { body = \"/n\" }, send = { body = \"/variables/cursor\" } }";
    let total =
        "records = { items = \"/data\", id = \"/id\", time = \"/at\", order = \"oldest_first\" }";
    assert!(with(&[request, window, paging, total]).is_ok());
    let window = "window = { from = { body = \"/query/from\" } }";
    let found = with(&[request, window, paging, total])
        .map(|_| ())
        .unwrap_err();
    assert!(found[0].contains("is not a table"), "{found:?}");
    let window = "window = { from = { body = \"/variables\" } }";
    let found = with(&[request, window, paging, total])
        .map(|_| ())
        .unwrap_err();
    assert!(found[0].contains("where another value goes"), "{found:?}");
}
