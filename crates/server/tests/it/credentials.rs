//! Credentials in all their forms: what switches a cloud on, what fills its address, what is wrong.

use relay::auth::credential::Credential;
use serde_json::json;
use server::config::{Environment, Place, Problem, Problems, read};
use server::setup::Setup;

use crate::stage::Scratch;

/// A key that opens nothing, made for tests.
const KEY: &str = include_str!("../../../relay/tests/it/throwaway-key.pem");

fn setup(text: &str, environment: &[(&str, &str)]) -> Result<Setup, Problems> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let environment: Environment = environment.iter().map(owned).collect();
    let loaded = read("waybill.toml", text, &environment);
    Setup::from_loaded(loaded, environment)
}

/// Where a provider is called, and what its credential is; `None` when it is off.
fn found(setup: &Setup, slug: &str) -> Option<(String, &'static str)> {
    let provider = setup.catalog().provider(slug).unwrap();
    let secret = setup.credentials().get(slug)?;
    assert!(provider.is_enabled(), "{:?}", provider.access);
    let connection = &provider.connections[0];
    let credential = Credential::read(&connection.auth, secret).unwrap();
    Some((connection.base_url.to_string(), credential.form()))
}

fn service_account(project: &str) -> String {
    let account = json!({
        "type": "service_account", "project_id": project, "region": "europe-west4",
        "client_email": "robot@example", "private_key": KEY,
    });
    account.to_string()
}

const VERTEX: &str = "https://europe-west4-aiplatform.googleapis.com/v1beta1/projects/p/locations/europe-west4/publishers/google";

#[test]
fn the_usual_variables_of_the_clouds_switch_them_on() {
    let check = |environment: &[(&str, &str)], slug, url: &str, form| {
        let setup = setup("", environment).unwrap();
        assert_eq!(found(&setup, slug), Some((url.to_owned(), form)));
    };
    let (id, key) = (
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    );
    let bedrock = "https://bedrock-runtime.eu-west-1.amazonaws.com";
    let aws = "amazon-bedrock";
    check(
        &[id, key, ("AWS_REGION", "eu-west-1")],
        aws,
        bedrock,
        "AWS keys",
    );
    let token = ("AWS_SESSION_TOKEN", "t");
    let temporary = "AWS keys with a session token";
    check(
        &[id, key, token, ("AWS_DEFAULT_REGION", "eu-west-1")],
        aws,
        bedrock,
        temporary,
    );
    let bearer = ("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key");
    check(
        &[bearer, id, ("AWS_REGION", "eu-west-1")],
        aws,
        bedrock,
        "key",
    );
    let azure = "https://r.openai.azure.com/openai/v1";
    let resource = ("AZURE_RESOURCE_NAME", "r");
    check(&[("AZURE_API_KEY", "k"), resource], "azure", azure, "key");
    let entra = [
        ("AZURE_CLIENT_SECRET", "s"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_TENANT_ID", "t"),
        resource,
    ];
    check(&entra, "azure", azure, "Entra client credentials");
    let dir = Scratch::new();
    let path = dir.file("account.json", &service_account("p"));
    let variable = ("GOOGLE_APPLICATION_CREDENTIALS", path.to_str().unwrap());
    check(
        &[variable],
        "google-vertex",
        VERTEX,
        "Google service account",
    );
}

#[test]
fn a_credential_in_the_configuration_says_where_it_belongs() {
    let text = format!(
        "[providers.google-vertex]\ncredential = '''{}'''",
        service_account("p")
    );
    let expected = (VERTEX.to_owned(), "Google service account");
    assert_eq!(
        found(&setup(&text, &[]).unwrap(), "google-vertex"),
        Some(expected)
    );
    let keys = r#"{"accessKeyId":"a","secretAccessKey":"b","region":"us-west-2"}"#;
    let text = format!("[providers.amazon-bedrock]\ncredential = '{keys}'");
    // What stands in the credential wins over the environment.
    let with_region = setup(&text, &[("AWS_REGION", "eu-west-1")]).unwrap();
    let url = "https://bedrock-runtime.us-west-2.amazonaws.com";
    assert_eq!(
        found(&with_region, "amazon-bedrock"),
        Some((url.to_owned(), "AWS keys"))
    );
    let text = format!("{text}\nbase_url = 'http://127.0.0.1:9'");
    let own = found(&setup(&text, &[]).unwrap(), "amazon-bedrock");
    assert_eq!(own, Some(("http://127.0.0.1:9".to_owned(), "AWS keys")));
}

#[test]
fn application_default_credentials_are_what_googles_tools_would_use() {
    let text = "[providers.google-vertex]\ncredential = 'adc'\nbase_url = 'http://127.0.0.1:9/v1'";
    let form = |environment: &[(&str, &str)]| {
        let setup = setup(text, environment).unwrap();
        found(&setup, "google-vertex").map(|(_, form)| form)
    };
    assert_eq!(
        form(&[("HOME", "/nonexistent")]),
        Some("Google metadata server")
    );
    let dir = Scratch::new();
    let user =
        r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#;
    let path = dir.file("application_default_credentials.json", user);
    let folder = path.parent().unwrap().to_str().unwrap();
    assert_eq!(form(&[("CLOUDSDK_CONFIG", folder)]), Some("Google user"));
    let account = dir.file("account.json", &service_account("p"));
    let both = [
        ("CLOUDSDK_CONFIG", folder),
        ("GOOGLE_APPLICATION_CREDENTIALS", account.to_str().unwrap()),
    ];
    assert_eq!(form(&both), Some("Google service account"));
}

#[test]
fn a_malformed_credential_is_a_mistake_at_its_line_and_is_not_printed() {
    let problems = |text: &str| -> Vec<Problem> { setup(text, &[]).unwrap_err().all };
    let text = "[providers.google-vertex]\ncredential = '''{\n\"private_key\": \"hush\",\n}'''\n\
                [providers.amazon-bedrock]\ncredential = '{\"accessKeyId\":\"hush\"}'\n";
    let found = problems(text);
    let told: Vec<(&Place, &str, &str)> = found
        .iter()
        .map(|problem| {
            (
                &problem.place,
                problem.path.as_str(),
                problem.message.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                &Place::Line(2),
                "providers.google-vertex.credential",
                "it is no valid JSON (line 3 of the credential)"
            ),
            (
                &Place::Line(6),
                "providers.amazon-bedrock.credential",
                "its field \"secretAccessKey\" is missing"
            ),
        ]
    );
    assert!(!format!("{found:?}").contains("hush"));
    // It is found beside other mistakes as well.
    let more = problems(&format!("{text}[providers.x]\nbase_url = 'nowhere'\n"));
    assert_eq!(more.len(), 3, "{more:?}");
}

#[test]
fn half_a_credential_in_the_environment_leaves_the_provider_off_and_says_why() {
    for (environment, slug, why) in [
        (
            ("AWS_ACCESS_KEY_ID", "a"),
            "amazon-bedrock",
            "AWS_SECRET_ACCESS_KEY is not",
        ),
        (
            ("AZURE_CLIENT_SECRET", "a"),
            "azure",
            "AZURE_TENANT_ID is not",
        ),
        (
            ("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/x.json"),
            "google-vertex",
            "cannot read",
        ),
    ] {
        let setup = setup("", &[environment]).unwrap();
        assert_eq!(found(&setup, slug), None);
        let provider = setup.catalog().provider(slug).unwrap();
        let told = setup.shelf().given().trouble(provider).unwrap();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn several_credentials_have_labels_and_weights_and_none_of_their_text_is_shown() {
    let text = "[providers.openai]\ncredential = \"sk-first\"\ncredentials = [\n  \
        { credential = \"env:B\", weight = 3 },\n  { credential = \"env:GONE\" },\n  \
        { credential = \"sk-other\", label = \"spare\" },\n]\n";
    let setup = setup(text, &[("B", "sk-b")]).unwrap();
    let all = setup.credentials().all("openai").unwrap();
    let shown: Vec<(&str, u32)> = all.iter().map(|one| (&*one.label, one.weight)).collect();
    assert_eq!(shown, [("#1", 1), ("env:B", 3), ("spare", 1)]);
    let dir = Scratch::new();
    dir.file("waybill.toml", text);
    let output = crate::cli::program::waybill(&dir, &["check"])
        .env("B", "sk-b")
        .output();
    let said = String::from_utf8(output.unwrap().stdout).unwrap();
    let line = said.lines().find(|line| line.starts_with("openai\t"));
    let line = line.unwrap();
    assert!(
        line.contains("3 of them: #1 (weight 1), env:B (weight 3), spare (weight 1)"),
        "{line}"
    );
    assert!(line.contains("not set: env:GONE"), "{line}");
    assert!(!said.contains("sk-"), "{said}");
}

#[test]
fn mistakes_in_a_list_of_credentials_are_all_reported() {
    let text = "[providers.openai]\ncredentials = [\n  { credential = \"env:A\", weight = 0 },\n  \
        { credential = \"env:B\" },\n  { credential = \"env:B\" },\n  { credentail = \"x\" },\n  7,\n]\n";
    let problems = setup(text, &[("B", "sk-b")]).unwrap_err();
    let at = |index: usize| format!("providers.openai.credentials[{index}]");
    let paths: Vec<&str> = problems.all.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, [&*at(0), &*at(2), &*at(3), &*at(4)], "{problems:?}");
    let off = setup(
        "[providers.openai]\ncredentials = []\n",
        &[("OPENAI_API_KEY", "sk")],
    );
    assert!(off.unwrap().credentials().all("openai").is_none());
}
