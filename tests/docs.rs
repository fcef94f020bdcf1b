//! The documentation for people: links between its pages lead somewhere, and the README stays short.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page that somebody may read, without those that other tools bring along.
pub(crate) fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]
        .iter()
        .chain(&["benches/README.md", "samples/README.md"])
        .map(|name| root().join(name))
        .collect();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// The text outside of blocks of code, where `[…](…)` is a link.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    for (part, piece) in text.split("\n```").enumerate() {
        if part % 2 == 0 {
            // `code` may hold brackets, too.
            for (part, piece) in piece.split('`').enumerate() {
                prose.push_str(if part % 2 == 0 { piece } else { "code" });
            }
        }
    }
    prose
}

/// What `[…](…)` points to.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let targets = prose.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> HashSet<String> {
    let mut code = false;
    let mut anchors = HashSet::new();
    for line in text.lines() {
        if line.starts_with("```") {
            code = !code;
        }
        let heading = line.trim_start_matches('#');
        if code || heading.len() == line.len() {
            continue;
        }
        let kept = heading.trim().chars().filter_map(|character| {
            let character = character.to_ascii_lowercase();
            match character {
                ' ' => Some('-'),
                '-' | '_' => Some(character),
                _ => character.is_alphanumeric().then_some(character),
            }
        });
        anchors.insert(kept.collect());
    }
    anchors
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            if link.starts_with("http") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            let there = match (target.exists(), anchor) {
                (true, "") => true,
                (true, anchor) => anchors(&fs::read_to_string(&target).unwrap()).contains(anchor),
                (false, _) => false,
            };
            if !there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The first hour fits on one page; everything else has a page of its own.
#[test]
fn the_readme_is_short() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.len() <= 12_000, "{} bytes", readme.len());
}

/// Each page of `docs` is reached from the README or from another page.
#[test]
fn no_page_is_lost() {
    let mut reached = HashSet::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let file = link.split('#').next().unwrap_or_default();
            if let Ok(target) = page.parent().unwrap().join(file).canonicalize() {
                reached.insert(target);
            }
        }
    }
    let lost: Vec<PathBuf> = pages()
        .into_iter()
        .filter(|page| page.starts_with(root().join("docs")))
        .filter(|page| !reached.contains(&page.canonicalize().unwrap()))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// What the pages for those who change the code call by its path has not moved or got another name.
#[test]
fn code_that_is_named_is_there() {
    let mut design = vec![root().join("ARCHITECTURE.md")];
    design.extend(
        pages()
            .into_iter()
            .filter(|page| page.starts_with(root().join("docs/design"))),
    );
    let mut missing = Vec::new();
    for page in design {
        let text = fs::read_to_string(&page).unwrap();
        let outside_of_blocks = text
            .split("\n```")
            .step_by(2)
            .collect::<Vec<_>>()
            .join("\n");
        for code in outside_of_blocks.split('`').skip(1).step_by(2) {
            let is_plain =
                |character: char| character.is_alphanumeric() || "_:/.-".contains(character);
            if code.chars().all(is_plain) && !is_there(code) {
                missing.push(format!("{}: {code}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Whether a file, or a path of Rust that begins with a module of the crate, leads anywhere. A path may be
/// the short one: each of its names must stand somewhere in that module.
fn is_there(code: &str) -> bool {
    let folders = [
        "src/", "tests/", "docs/", "sql/", "demo/", "samples/", "k8s/",
    ];
    if folders.iter().any(|folder| code.starts_with(folder)) {
        return root().join(code).exists();
    }
    let mut names = code.split("::");
    let module = root().join("src").join(names.next().unwrap_or_default());
    let file = module.with_extension("rs");
    if !code.contains("::") || !(module.is_dir() || file.is_file()) {
        return true;
    }
    let mut text = fs::read_to_string(file).unwrap_or_default();
    let mut folders = vec![module];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => text.push_str(&fs::read_to_string(path).unwrap_or_default()),
            }
        }
    }
    names.all(|name| text.contains(name))
}
