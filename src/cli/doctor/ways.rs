//! The way to each destination: straight or through which proxy, and whom we trust there.

use url::Url;

use super::DoctorReport;
use crate::cli::environment::roots;
use crate::config::Config;
use crate::http::Way;
use crate::source::platform::EndpointRole;

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
    add("the lake".to_owned(), config.lake.service_url());
    for source in &config.sources {
        for endpoint in source.platform.endpoints() {
            let what = match endpoint.role {
                EndpointRole::Records => format!("source {}", source.id),
                EndpointRole::SignIn => format!("sign-in of source {}", source.id),
            };
            add(what, Some(endpoint.url));
        }
    }
    for warehouse in &config.warehouses {
        let name = &warehouse.name;
        add(format!("warehouse {name}"), warehouse.service.address());
        let sign_in = warehouse.service.auth().sign_in_url();
        add(format!("sign-in of warehouse {name}"), sign_in);
        if let Some(staging) = &warehouse.staging {
            add(
                format!("staging of warehouse {name}"),
                staging.service_url(),
            );
        }
    }
    found
}
