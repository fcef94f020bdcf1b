//! The way to each destination: straight or through which proxy, and whom we trust there.

use url::Url;

use super::DoctorReport;
use crate::cli::environment::roots;
use crate::config::{Auth, Config, Lake, StoreOption};
use crate::http::Way;
use crate::warehouse::bigquery::SERVICE;

/// Where Google gives tokens for credentials that are not the machine's.
const GOOGLE_TOKENS: &str = "https://oauth2.googleapis.com/";

/// Shows the way to everything that the configuration names.
pub(super) fn check(config: &Config, checked: &mut DoctorReport) {
    for (what, address) in destinations(config) {
        let host = address.host_str().unwrap_or_default();
        let way = Way::to(&address);
        checked.good(format!("way to {what}"), format!("{host}, {way}"));
    }
    checked.good("trusted authorities", roots());
}

fn destinations(config: &Config) -> Vec<(String, Url)> {
    let mut found = Vec::new();
    let mut add = |what: String, address: Option<Url>| {
        found.extend(address.map(|address| (what, address)));
    };
    add("the lake".to_owned(), address_of(&config.lake));
    for source in &config.sources {
        for address in source.platform.addresses() {
            add(format!("source {}", source.id), Some(address));
        }
    }
    for warehouse in &config.warehouses {
        let name = &warehouse.name;
        let service = || Url::parse(SERVICE).ok();
        let address = warehouse.endpoint.clone().or_else(service);
        add(format!("warehouse {name}"), address);
        if !matches!(warehouse.auth, Auth::None) {
            let address = Url::parse(GOOGLE_TOKENS).ok();
            add(format!("sign-in of warehouse {name}"), address);
        }
        if let Some(staging) = &warehouse.staging {
            add(format!("staging of warehouse {name}"), address_of(staging));
        }
    }
    found
}

/// Where the store of a lake answers, as far as that can be told without opening it.
fn address_of(lake: &Lake) -> Option<Url> {
    let option = |names: &[&str]| {
        let named = names.iter().find_map(|name| match lake.options.get(*name) {
            Some(StoreOption::Text(text)) => Some(text.clone()),
            Some(StoreOption::Secret(_)) | None => None,
        });
        // As the client reads its environment.
        named.or_else(|| {
            let mut names = names.iter().map(|name| name.to_ascii_uppercase());
            names.find_map(|name| std::env::var(name).ok())
        })
    };
    let address = match lake.url.scheme() {
        "gs" => option(&["google_base_url", "base_url"])
            .unwrap_or_else(|| "https://storage.googleapis.com/".to_owned()),
        "s3" => option(&[
            "aws_endpoint",
            "aws_endpoint_url",
            "endpoint",
            "endpoint_url",
        ])
        .unwrap_or_else(|| {
            let region = option(&["aws_region", "region", "aws_default_region"]);
            let region = region.unwrap_or_else(|| "us-east-1".to_owned());
            format!("https://s3.{region}.amazonaws.com/")
        }),
        "az" => {
            option(&["azure_storage_endpoint", "azure_endpoint", "endpoint"]).or_else(|| {
                let account = option(&["azure_storage_account_name", "account_name"])?;
                Some(format!("https://{account}.blob.core.windows.net/"))
            })?
        }
        _ => return None,
    };
    Url::parse(&address).ok()
}
