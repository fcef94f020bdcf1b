//! Where the service of a bucket answers.

use super::kind::StoreKind;
use url::Url;

/// The address of the service that holds a bucket, as far as that can be told without opening it; `None` for a
/// directory, or where only the environment knows. `option` has the options of the store, without secrets.
pub(crate) fn service_url(bucket: &Url, option: impl Fn(&str) -> Option<String>) -> Option<Url> {
    let option = |names: &[&str]| {
        let named = names.iter().find_map(|name| option(name));
        // As the client reads its environment.
        named.or_else(|| {
            let mut names = names.iter().map(|name| name.to_ascii_uppercase());
            names.find_map(|name| std::env::var(name).ok())
        })
    };
    let address = match StoreKind::from_scheme(bucket.scheme())? {
        StoreKind::Gcs => option(&["google_base_url", "base_url"])
            .unwrap_or_else(|| "https://storage.googleapis.com/".to_owned()),
        StoreKind::S3 => option(&[
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
        StoreKind::Azure => option(&["azure_storage_endpoint", "azure_endpoint", "endpoint"])
            .or_else(|| {
                let account = option(&["azure_storage_account_name", "account_name"])?;
                Some(format!("https://{account}.blob.core.windows.net/"))
            })?,
        StoreKind::Disk | StoreKind::Memory => return None,
    };
    Url::parse(&address).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_a_store_say_where_its_service_is() {
        let url = |bucket: &str, given: (&str, &str)| {
            let bucket = bucket.parse().unwrap();
            let option = |name: &str| (name == given.0).then(|| given.1.to_owned());
            service_url(&bucket, option).map(String::from)
        };
        for (bucket, given, expected) in [
            (
                "gs://b",
                ("google_base_url", "http://gcs:1"),
                Some("http://gcs:1/"),
            ),
            (
                "s3://b/p",
                ("endpoint", "http://s3:1"),
                Some("http://s3:1/"),
            ),
            (
                "s3://b",
                ("region", "eu-central-1"),
                Some("https://s3.eu-central-1.amazonaws.com/"),
            ),
            (
                "az://c",
                ("account_name", "acme"),
                Some("https://acme.blob.core.windows.net/"),
            ),
            ("file:///var/lib", ("", ""), None),
        ] {
            assert_eq!(url(bucket, given).as_deref(), expected, "{bucket}");
        }
    }
}
