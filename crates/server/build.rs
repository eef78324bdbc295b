//! Puts the built console into the binary, if somebody has built it.
//!
//! Walks `console/dist` (made by `make console`) and writes a table of its files, each as it is and
//! as brotli and gzip have it. Without that folder the table is empty, and the server says how to
//! build it: no part of `cargo build` needs Node.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[expect(
    clippy::disallowed_methods,
    reason = "Cargo tells its build scripts where things are by variables alone"
)]
fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("Cargo sets it"));
    let console = here.join("../../console/dist");
    // The folder is always there; what is in it changes.
    println!("cargo::rerun-if-changed={}", console.display());
    let mut paths = Vec::new();
    walk(&console, &mut paths);
    paths.sort();
    let mut table = String::from("&[\n");
    for path in &paths {
        let name = path.strip_prefix(&console).expect("it was found there");
        let name = name.to_str().expect("our build names files in ASCII");
        let packed = |suffix: &str| {
            let packed = format!("{}.{suffix}", path.display());
            match Path::new(&packed).exists() {
                true => format!("Some(include_bytes!({packed:?}))"),
                false => "None".to_owned(),
            }
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "File {{ path: {name:?}, plain: include_bytes!({path:?}), brotli: {}, gzip: {} }},",
            packed("br"),
            packed("gz")
        );
    }
    table.push(']');
    let out = PathBuf::from(env::var("OUT_DIR").expect("Cargo sets it"));
    fs::write(out.join("console.rs"), table).expect("Cargo made the folder");
}

/// Every file below a folder but the packed forms of others and what begins with a dot.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_packed = [".br", ".gz"].iter().any(|end| name.ends_with(end));
        if path.is_dir() {
            walk(&path, found);
        } else if !is_packed && !name.starts_with('.') {
            found.push(path);
        }
    }
}
