//! Labels, by BigQuery's rules: <https://cloud.google.com/bigquery/docs/labels-intro#requirements>.

use std::collections::BTreeMap;

/// Most characters of a key or a value.
const LONGEST: usize = 63;
/// Most labels of one resource.
const MOST: usize = 64;

/// Whether BigQuery takes these labels: at most 64; keys and values of at most 63 lower-case
/// letters, digits, `_` and `-`; a key begins with a letter. (It takes letters of other scripts too;
/// whoever filters by labels hardly expects them.)
///
/// # Errors
/// The first one that is wrong, and why.
pub fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), String> {
    if labels.len() > MOST {
        let count = labels.len();
        return Err(format!("there are {count} labels; BigQuery keeps {MOST}"));
    }
    for (key, value) in labels {
        if !key.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(format!("label `{key}` must begin with a lower-case letter"));
        }
        for text in [key, value] {
            let taken = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-');
            if text.len() > LONGEST || !text.chars().all(taken) {
                return Err(format!(
                    "`{text}` in label `{key}` must be at most {LONGEST} lower-case letters, \
                     digits, `_` and `-`"
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(key: &str, value: &str) -> Result<(), String> {
        check_labels(&BTreeMap::from([(key.to_owned(), value.to_owned())]))
    }

    #[test]
    fn labels_that_bigquery_takes() {
        label("trailhouse-lake", "0123abcd").unwrap();
        label("a", "").unwrap();
        label(&"k".repeat(63), &"v".repeat(63)).unwrap();
        check_labels(&BTreeMap::new()).unwrap();
    }

    #[test]
    fn labels_that_bigquery_refuses() {
        for (key, value) in [
            ("", "v"),
            ("Key", "v"),
            ("1key", "v"),
            ("_key", "v"),
            ("-key", "v"),
            ("key.name", "v"),
            ("key", "Value"),
            ("key", "v v"),
            ("key", "a/b"),
            ("key", "ä"),
            (&"k".repeat(64), "v"),
            ("key", &"v".repeat(64)),
        ] {
            label(key, value).unwrap_err();
        }
        let many = (0..65).map(|n| (format!("k{n}"), String::new())).collect();
        check_labels(&many).unwrap_err();
    }
}
