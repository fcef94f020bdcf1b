//! JSON paths.
//!
//! The rule, which [`parse_standard`] and [`parse_legacy`] own: a path is `$`, then `.key` or `[0]`, as often
//! as needed. A key with other characters than letters, digits, `_`, `-`, `:` and blanks is written `."a.b"` in
//! `JSON_VALUE` and `JSON_QUERY`, and `['a.b']` in `JSON_EXTRACT…`; neither takes the other's form.

use super::fault::FunctionFault;

/// The steps of a path, each a key of an object or a place in an array.
pub(super) type Path = Vec<String>;

/// A path of `JSON_VALUE` and `JSON_QUERY`.
pub(in crate::query) fn parse_standard(text: &str) -> Result<Path, FunctionFault> {
    parse(text, false)
}

/// A path of `JSON_EXTRACT…`.
pub(in crate::query) fn parse_legacy(text: &str) -> Result<Path, FunctionFault> {
    parse(text, true)
}

fn parse(text: &str, legacy: bool) -> Result<Path, FunctionFault> {
    if let Some(path) = steps(text, legacy) {
        return Ok(path);
    }
    let reason = format!("\"{text}\" is not a JSON path here");
    let (quoted, other) = if legacy {
        ("$['a.b']", ".\"")
    } else {
        ("$.\"a.b\"", "['")
    };
    let fix = match text.find(other) {
        Some(_) if !legacy => {
            let standard = text.replace("['", ".\"").replace("']", "\"");
            format!("write '{standard}': JSON_VALUE and JSON_QUERY quote a key with .\"…\"")
        }
        Some(_) => format!("write the key as in {quoted}, or use JSON_VALUE or JSON_QUERY"),
        None if !text.starts_with('$') => "begin the path with $, as in '$.key'".to_owned(),
        None => format!("write $.key, {quoted} or $[0]; wildcards and filters are not supported"),
    };
    Err(FunctionFault::new(reason, fix))
}

fn steps(text: &str, legacy: bool) -> Option<Path> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':') || c.is_whitespace();
    let mut path = Vec::new();
    let mut rest = text.strip_prefix('$')?;
    while !rest.is_empty() {
        if legacy && rest == "." {
            break;
        }
        let (open, close, quote) = if legacy {
            ("['", "']", '\'')
        } else {
            (".\"", "\"", '"')
        };
        if let Some(inner) = rest.strip_prefix(open) {
            let end = quoted_end(inner, quote)?;
            path.push(inner[..end].replace(&format!("\\{quote}"), &quote.to_string()));
            rest = inner[end..].strip_prefix(close)?;
        } else if let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']')?;
            let index = index.trim();
            let fits = |c: char| c.is_numeric() || c == '_' || c == '-' || (legacy && plain(c));
            if index.is_empty() || !index.chars().all(fits) {
                return None;
            }
            path.push(index.to_owned());
            rest = after;
        } else {
            let inner = rest.strip_prefix('.')?;
            let end = inner.find(|c| !plain(c)).unwrap_or(inner.len());
            if end == 0 {
                return None;
            }
            path.push(inner[..end].to_owned());
            rest = &inner[end..];
        }
    }
    Some(path)
}

/// Where quoted text ends; a quote behind a backslash is part of it.
pub(in crate::query) fn quoted_end(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_path_is_refused() {
        for path in [
            "", "a", "$a", "$.", "$.a..b", "$[x]", "$['a']", "$['a-b']", "$.\"a", "$.*", "$[*]",
        ] {
            let fault = parse_standard(path).unwrap_err();
            assert!(!fault.fix.is_empty(), "{path}");
        }
        for path in ["", "a", "$a", "$.a..b", "$['a", "$.\"a\"", "$.*"] {
            assert!(parse_legacy(path).is_err(), "{path}");
        }
        let fault = parse_standard("$['a-b']").unwrap_err();
        assert!(fault.fix.contains("write '$.\"a-b\"'"), "{}", fault.fix);
    }
}
