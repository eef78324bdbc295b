//! Derives the built-in catalog files from published facts: `derive <catalog folder | api.json>`.
//!
//! A folder holds the curated `models.json` and `providers.json`; a file is models.dev's own
//! format. Run by `scripts/derive-catalog`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's tool, not part of the product"
)]

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use catalog::{Rows, import};

fn main() -> ExitCode {
    let Some(source) = env::args_os().nth(1) else {
        eprintln!(
            "usage: derive <folder with models.json and providers.json | models.dev api.json>"
        );
        return ExitCode::from(2);
    };
    match derive(Path::new(&source)) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn derive(source: &Path) -> Result<String, String> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read =
        |path: &Path| fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
    let listed = home.join("data/providers.toml");
    let present = read(&listed)?;
    let base = base(home, &present)?;
    let imported = if source.is_dir() {
        let (models, providers) = (source.join("models.json"), source.join("providers.json"));
        import::curated(&read(&models)?, &read(&providers)?, &base)
    } else {
        import::models_dev(&read(source)?, &base)
    };
    let rows = imported.map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })?;
    let new = rows
        .providers
        .iter()
        .filter(|(slug, _)| !base.providers.contains_key(*slug));
    let new: Vec<String> = new.map(|(_, row)| import::provider_text(row)).collect();
    write_files(home, &rows).map_err(|e| format!("cannot write: {e}"))?;
    if !new.is_empty() {
        fs::write(&listed, present + &new.concat()).map_err(|e| format!("cannot write: {e}"))?;
    }
    Ok(format!(
        "{} models, {} endpoints, {} providers ({} new rows in providers.toml)",
        rows.models.len(),
        rows.endpoint_count(),
        rows.providers.len(),
        new.len()
    ))
}

/// What is there now, read from the files rather than from what is compiled in.
fn base(home: &Path, providers: &str) -> Result<Rows, String> {
    let mut rows = Rows {
        providers: catalog::providers(providers).map_err(|e| e.to_string())?,
        ..Rows::default()
    };
    let Ok(folder) = fs::read_dir(home.join("data/models")) else {
        return Ok(rows);
    };
    for file in folder.flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(file.path()).map_err(|e| format!("{name}: {e}"))?;
        catalog::models(name.trim_end_matches(".json"), &text, &mut rows)
            .map_err(|e| e.to_string())?;
    }
    Ok(rows)
}

fn write_files(home: &Path, rows: &Rows) -> io::Result<()> {
    let folder = home.join("data/models");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for file in import::files(rows)? {
        fs::write(home.join(file.path), file.text)?;
    }
    Ok(())
}
