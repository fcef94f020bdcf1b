//! A `start` that contradicts the rules of retention, as whoever wrote it meets it.

use super::{code, json, told, trailhouse};
use tokio::net::TcpListener;
use trailhouse_demo::kestra::{Options, Platform};

const CONFIG: &str = r#"version = 1
[lake]
url = "LAKE"
[signing]
unsigned = true
[[source]]
id = "kestra-prod"
platform = "kestra"
url = "URL"
dialect = "v2"
tenants = ["main"]
auth = { bearer = { file = "token" } }
start = "START"
[retention]
default = "90d"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_start_before_what_is_kept_ends_with_what_to_do() {
    let platform = Platform::new(&Options {
        events: 50,
        days: 3,
        ..Options::default()
    })
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = platform.serve(listener).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    std::fs::create_dir(&lake).unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "demo-token").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let configure = |start: &str| {
        let text = CONFIG
            .replace("LAKE", &format!("file://{}", lake.display()))
            .replace("URL", &serving.url())
            .replace("START", start);
        std::fs::write(folder.path().join("trailhouse.toml"), text).unwrap();
    };
    let ended = |arguments: &[&str]| {
        let mut command = trailhouse(folder.path());
        command.args(arguments).output().unwrap()
    };
    configure("2024-01-01");
    let mut kept_from = String::new();
    for command in ["plan", "run"] {
        let output = ended(&[command, "--output", "json"]);
        assert_eq!(code(&output), 2, "{}", told(&output));
        let error = &json(&output)["errors"][0];
        let happened = error["happened"].as_str().unwrap();
        assert!(
            happened.starts_with("source kestra-prod would read from 2024-01-01 on, and nothing"),
            "{happened}"
        );
        assert_eq!(error["kept"], "nothing was read or written for any source");
        let action = error["do"].as_str().unwrap();
        kept_from = action.split('"').nth(1).unwrap().to_owned();
        assert_eq!(
            action,
            format!("set `start` to \"{kept_from}\", or keep records longer")
        );
    }
    assert_eq!(std::fs::read_dir(&lake).unwrap().count(), 0);
    // What it says to do works.
    configure(&kept_from);
    let output = ended(&["run"]);
    assert_eq!(code(&output), 0, "{}", told(&output));
}
