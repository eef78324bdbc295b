//! The house rules, held by a test. Every breach is reported, not only the first one.

use std::fs;
use std::path::{Path, PathBuf};

use catalog::Auth;

/// The most lines of a file, tests included.
const LINES_MAX: usize = 600;

/// Words that say nothing, wherever they stand in a name.
const BANNED: [&str; 7] = [
    "util", "utils", "helper", "helpers", "manager", "handler", "misc",
];

/// Words that say nothing when they are the whole name of a module or a type: `base_url` and
/// `processor_time` do say something.
const BANNED_ALONE: [&str; 9] = [
    "common",
    "processor",
    "service",
    "base",
    "core",
    "types",
    "shared",
    "info",
    "data",
];

/// Our crates and what each may use of ours.
const FLOORS: [(&str, &[&str]); 8] = [
    ("chat", &[]),
    ("wire", &["chat"]),
    ("ledger", &["chat"]),
    ("catalog", &["chat", "ledger"]),
    ("relay", &["chat", "wire", "ledger", "catalog"]),
    ("store", &["chat", "ledger", "catalog"]),
    ("cluster", &[]),
    (
        "server",
        &[
            "chat",
            "wire",
            "ledger",
            "catalog",
            "relay",
            "store",
            "cluster",
            "simulator",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files_below(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let is_ours =
            !["target", "node_modules", ".git", ".venv"].contains(&name.to_str().unwrap_or(""));
        if path.is_dir() && is_ours {
            files_below(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// Every Rust file of ours: its path from the root, and its text.
fn rust_files() -> Vec<(String, String)> {
    let root = root();
    let mut paths = Vec::new();
    for dir in ["crates", "bench"] {
        files_below(&root.join(dir), "rs", &mut paths);
    }
    assert!(paths.len() > 50, "the files were not found");
    paths
        .iter()
        .map(|path| (relative(path), fs::read_to_string(path).unwrap()))
        .collect()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

#[track_caller]
fn none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn files_are_short_and_begin_by_saying_what_they_are() {
    let mut breaches = Vec::new();
    for (path, text) in rust_files() {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            breaches.push(format!("{path}: {lines} lines, {LINES_MAX} are the most"));
        }
        let first = text.lines().next().unwrap_or_default();
        if !first.starts_with("//! ") {
            breaches.push(format!(
                "{path}: the first line is not `//! ` and a sentence"
            ));
        }
    }
    none(&breaches);
}

#[test]
fn names_say_something() {
    let mut breaches = Vec::new();
    for (path, text) in rust_files() {
        let stem = Path::new(&path)
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let folder = Path::new(&path).parent().and_then(Path::file_name).unwrap();
        for name in [stem.as_str(), folder.to_str().unwrap()] {
            if says_nothing(name) {
                breaches.push(format!("{path}: \"{name}\" says nothing"));
            }
        }
        for line in text.lines() {
            let item = ["mod ", "struct ", "enum ", "trait "]
                .iter()
                .find_map(|keyword| declared_name(line, keyword))
                .filter(|name| says_nothing(name));
            let function = declared_name(line, "fn ").filter(|name| has_banned_word(name));
            // Named after the field of server-sent events that it is.
            let is_field = path.ends_with("/sse.rs") && item == Some("Data");
            if let Some(name) = item.or(function).filter(|_| !is_field) {
                breaches.push(format!("{path}: `{name}` says nothing"));
            }
        }
    }
    none(&breaches);
}

fn has_banned_word(name: &str) -> bool {
    words(name)
        .iter()
        .any(|word| BANNED.contains(&word.as_str()))
}

fn says_nothing(name: &str) -> bool {
    has_banned_word(name) || BANNED_ALONE.contains(&name.to_lowercase().as_str())
}

/// The name that a line declares, if it declares one of this kind.
fn declared_name<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let line = line.trim_start();
    let line = line
        .strip_prefix("pub(crate) ")
        .or(line.strip_prefix("pub "))
        .unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    let rest = line.strip_prefix(keyword)?;
    let end = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    // The closures and trait methods of others keep the names that they have there.
    (end > 0).then(|| &rest[..end])
}

/// `snake_case` and `CamelCase` in words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if c != '_' {
            words.last_mut().unwrap().extend(c.to_lowercase());
        }
    }
    words
}

/// Where a provider may be named: its quirks, what reads other people's lists, and tests.
fn may_name_providers(path: &str) -> bool {
    path.contains("/tests/")
        || path.contains("/quirks/")
        || path.contains("/import/")
        || path.ends_with("/quirks.rs")
        || path.ends_with("tests.rs")
        || path.starts_with("crates/catalog/src/authors")
        || path.starts_with("crates/simulator")
        || path.starts_with("bench")
}

#[test]
fn no_provider_is_named_in_rust_outside_quirks_and_tests() {
    let rows = catalog::builtin().unwrap();
    let dialects: Vec<&str> = chat::Dialect::ALL
        .iter()
        .map(|dialect| dialect.name())
        .collect();
    let mut breaches = Vec::new();
    for (path, text) in rust_files() {
        if may_name_providers(&path) {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            // Model authors decide which tokenizer a model has; they are no providers there.
            let is_author = line.contains("=> \"") && path.ends_with("catalog/src/model.rs");
            if line.trim_start().starts_with("//") || is_author {
                continue;
            }
            let slugs = rows.providers.keys();
            // A dialect or a way to get in may be called like the provider that invented it.
            // So may a member of a wire.
            let is_member =
                |slug: &str| slug == "meta" && path.starts_with("crates/wire/src/plain");
            let is_word = |slug: &str| {
                dialects.contains(&slug) || Auth::read(slug).is_some() || is_member(slug)
            };
            for slug in slugs.filter(|slug| !is_word(slug)) {
                if line.contains(&format!("\"{slug}\"")) {
                    breaches.push(format!("{path}:{}: names the provider {slug}", number + 1));
                }
            }
        }
    }
    none(&breaches);
}

#[test]
fn crates_use_lower_floors_only() {
    let ours: Vec<&str> = FLOORS
        .iter()
        .map(|(name, _)| *name)
        .chain(["simulator"])
        .collect();
    let mut breaches = Vec::new();
    for (name, allowed) in FLOORS {
        let text = fs::read_to_string(root().join(format!("crates/{name}/Cargo.toml"))).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        let Some(dependencies) = manifest.get("dependencies").and_then(toml::Value::as_table)
        else {
            continue;
        };
        for dependency in dependencies.keys() {
            if ours.contains(&dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
                breaches.push(format!("{name} must not know {dependency}"));
            }
        }
    }
    none(&breaches);
}

#[test]
fn every_crate_is_in_the_architecture() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut breaches = Vec::new();
    for entry in fs::read_dir(root().join("crates")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if !text.contains(&format!("`{name}`")) && !text.contains(&format!("crates/{name}")) {
            breaches.push(format!("ARCHITECTURE.md does not name {name}"));
        }
    }
    none(&breaches);
}

#[test]
fn links_in_documents_lead_somewhere() {
    let root = root();
    let mut documents = Vec::new();
    files_below(&root.join("docs"), "md", &mut documents);
    for entry in fs::read_dir(&root).unwrap().flatten() {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "md")
        {
            documents.push(entry.path());
        }
    }
    assert!(documents.len() >= 5, "the documents were not found");
    let mut breaches = Vec::new();
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for target in links(&text) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            if !document.parent().unwrap().join(path).exists() {
                breaches.push(format!("{}: {target} leads nowhere", relative(&document)));
            }
        }
    }
    none(&breaches);
}

/// The targets of `[text](target)` and `src="target"`, code left out.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        for (opening, closing) in [("](", ')'), ("src=\"", '"')] {
            for rest in line.split(opening).skip(1) {
                let target = rest.split([closing, ' ']).next().unwrap_or_default();
                found.push(target.to_owned());
            }
        }
    }
    found
}

#[test]
fn nothing_is_put_off_or_ignored() {
    let banned = [
        concat!("#[ign", "ore"),
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[should", "_panic"),
    ];
    let mut breaches = Vec::new();
    for (path, text) in rust_files() {
        for word in banned {
            if text.contains(word) {
                breaches.push(format!("{path}: {word}"));
            }
        }
    }
    none(&breaches);
}
