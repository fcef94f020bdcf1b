//! What may be a mistake in a secret that is used as it is.

use super::DoctorReport;
use crate::config::{Config, SecretRef, TextKind};

/// Names passwords and HMAC keys that begin or end with a blank. Secrets that cannot be read are
/// reported where they are used.
pub(super) fn check(config: &Config, checked: &mut DoctorReport) {
    let of_sources = config.sources.iter().flat_map(|source| {
        let secrets = source.platform.secrets().into_iter();
        secrets.map(|secret| {
            let what = format!("{} of source {}", secret.noun, source.id);
            (what, secret.place, secret.kind)
        })
    });
    let hmac_key = config.redaction.hmac_key.clone();
    let hmac_key = hmac_key.map(|key| ("hmac_key".to_owned(), key, TextKind::HmacKey));
    for (what, place, kind) in of_sources.chain(hmac_key) {
        if let Some(remark) = remark(&place, kind) {
            checked.good(what, format!("it {remark}; {place}"));
        }
    }
}

fn remark(place: &SecretRef, kind: TextKind) -> Option<&'static str> {
    place.read(kind).ok()?.remark
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_password_with_a_blank_at_its_end_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("password"), "open sesame \n").unwrap();
        let text = "version = 1\n[lake]\nurl = \"memory:///\"\n[signing]\nunsigned = true\n\
                    [[source]]\nid = \"kestra\"\nplatform = \"kestra\"\nurl = \"https://k\"\n\
                    dialect = \"v2\"\ntenants = [\"main\"]\nstart = \"earliest\"\n\
                    auth = { basic = { username = \"a\", password = { file = \"password\" } } }\n";
        let config =
            Config::parse(text.as_bytes(), &folder.path().join("trailhouse.toml")).unwrap();
        let mut checked = DoctorReport { checks: Vec::new() };
        check(&config, &mut checked);
        let [found] = checked.checks.as_slice() else {
            panic!("{checked:?}");
        };
        assert_eq!(found.what, "password of source kestra");
        let detail = found.detail.as_deref().unwrap();
        assert!(detail.starts_with("it ends with a blank, which is part of it; file `"));
        assert!(!detail.contains("sesame"));
    }
}
