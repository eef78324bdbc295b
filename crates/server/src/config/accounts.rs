//! Credentials that stand in several variables or in files, as the tools of the clouds have them: made
//! into the one text that the relay reads.

use std::path::{Path, PathBuf};

use catalog::Auth;
use relay::Secret;
use serde_json::{Value, json};

use super::Environment;

/// In place of a credential: whatever Google's own tools would use.
const APPLICATION_DEFAULT: &str = "adc";

/// Where Google's tools look for a file first.
const GOOGLE_FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// A credential with all that belongs to it. Most are complete as they are.
///
/// # Errors
/// When a part is missing, or a file cannot be read.
pub(super) fn completed(
    auth: &Auth,
    secret: Secret,
    environment: &Environment,
) -> Result<Secret, String> {
    let is_variable = |name: &str| environment.get(name).map(str::trim) == Some(secret.expose());
    match auth {
        Auth::SigV4 if is_variable("AWS_ACCESS_KEY_ID") => aws(environment),
        Auth::Azure if is_variable("AZURE_CLIENT_SECRET") => entra(environment),
        Auth::Google if secret.expose() == APPLICATION_DEFAULT => default(environment),
        Auth::Google if !secret.expose().starts_with('{') && is_variable(GOOGLE_FILE) => {
            file(Path::new(secret.expose()))
        }
        Auth::SigV4 | Auth::Azure | Auth::Google | Auth::Bearer | Auth::Header(_) | Auth::None => {
            Ok(secret)
        }
    }
}

fn needed<'e>(environment: &'e Environment, name: &str, set: &str) -> Result<&'e str, String> {
    let value = environment.get(name).map(str::trim);
    value.ok_or_else(|| format!("{set} is set, but {name} is not"))
}

fn aws(environment: &Environment) -> Result<Secret, String> {
    let set = "AWS_ACCESS_KEY_ID";
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let text = |name: &str| environment.get(name).map(str::trim);
    Ok(secret(&json!({
        "accessKeyId": needed(environment, set, set)?,
        "secretAccessKey": needed(environment, "AWS_SECRET_ACCESS_KEY", set)?,
        "sessionToken": text("AWS_SESSION_TOKEN"),
        "region": region.into_iter().find_map(text),
    })))
}

fn entra(environment: &Environment) -> Result<Secret, String> {
    let set = "AZURE_CLIENT_SECRET";
    Ok(secret(&json!({
        "tenant_id": needed(environment, "AZURE_TENANT_ID", set)?,
        "client_id": needed(environment, "AZURE_CLIENT_ID", set)?,
        "client_secret": needed(environment, set, set)?,
        "authority": environment.get("AZURE_AUTHORITY_HOST"),
    })))
}

/// Google's application-default credentials: the file that a variable names, the one that `gcloud
/// auth application-default login` writes, else the metadata server of the machine.
fn default(environment: &Environment) -> Result<Secret, String> {
    if let Some(path) = environment.get(GOOGLE_FILE) {
        return file(Path::new(path.trim()));
    }
    let own = environment.get("CLOUDSDK_CONFIG").map(PathBuf::from);
    let home = environment.get("HOME").map(PathBuf::from);
    let folder = own.or_else(|| Some(home?.join(".config/gcloud")));
    let path = folder.map(|folder| folder.join("application_default_credentials.json"));
    if let Some(path) = path.filter(|path| path.exists()) {
        return file(&path);
    }
    let host = environment.get("GCE_METADATA_HOST");
    Ok(secret(&json!({"type": "metadata_server", "host": host})))
}

fn file(path: &Path) -> Result<Secret, String> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(Secret::new(text.trim()))
}

fn secret(value: &Value) -> Secret {
    Secret::new(value.to_string())
}
