//! The configuration: every mistake at once, variables over the file, the example kept complete.

use server::config::{Environment, Place, Problem, read};
use server::setup::Setup;

/// Ten mistakes, each of another kind, and the line that each is on.
pub(crate) const TEN_MISTAKES: &str = r#"[server]
listen = "localhost"
conections_max = 5

[limits]
body_bytes_max = 12
attempts_max = "four"

[timeouts]
idle_ms = -1

[log]
format = "xml"

[provider.openai]
credential = "env:OPENAI_API_KEY"

[providers.my-vllm]
base_url = 7
dialects = ["openai-chat"]
credential = "file:/nonexistent/secret"

[[providers.my-vllm.endpoints]]
model = "meta-llama/llama-3.3-70b-instruct"
upstream_model = "llama"
price = { input = "cheap", output = "0.30" }
"#;

/// The lines of those mistakes.
pub(crate) const THEIR_LINES: [usize; 10] = [2, 3, 6, 7, 10, 13, 15, 19, 21, 26];

fn problems(text: &str, environment: &Environment) -> Vec<Problem> {
    let loaded = read("waybill.toml", text, environment);
    Setup::from_loaded(loaded, environment.clone())
        .map_or_else(|problems| problems.all, |_| Vec::new())
}

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn ten_mistakes_are_reported_at_once_with_their_lines() {
    let found = problems(TEN_MISTAKES, &Environment::default());
    let lines: Vec<usize> = found
        .iter()
        .map(|problem| match problem.place {
            Place::Line(line) => line,
            Place::Variable(_) | Place::Whole => 0,
        })
        .collect();
    assert_eq!(lines, THEIR_LINES, "{found:#?}");
    for (problem, word) in found.iter().zip([
        "127.0.0.1:8080",
        "connections_max",
        "1024",
        "four",
        "-1",
        "json",
        "providers",
        "base_url",
        "/nonexistent/secret",
        "cheap",
    ]) {
        let text = format!("{} {}", problem.path, problem.message);
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn mistakes_of_form_have_lines_as_well_and_hide_no_others() {
    let found = problems(
        "[server\nlisten = 5\n[log]\nfilter = \"in=fo=x\"\n",
        &Environment::default(),
    );
    assert!(found.len() >= 2, "{found:#?}");
    assert_eq!(found[0].place, Place::Line(1), "{found:#?}");
}

#[test]
fn a_secret_in_a_wrong_place_is_not_repeated() {
    let text = "[storage]\nurl = \"mysql://root:hunter2@db/waybill\"\n";
    let found = problems(text, &Environment::default());
    assert_eq!(found.len(), 1);
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[test]
fn variables_override_every_kind_of_setting() {
    let variables = environment(&[
        ("WAYBILL__SERVER__LISTEN", "127.0.0.1:9999"),
        ("WAYBILL__TIMEOUTS__IDLE_MS", "1234"),
        ("WAYBILL__DISCOVERY__LOCAL_ENGINES", "false"),
        (
            "WAYBILL__PROVIDERS__MY_VLLM__BASE_URL",
            "http://10.0.0.9/v1",
        ),
        ("WAYBILL__PROVIDERS__MY_VLLM__DIALECTS", "[\"openai-chat\"]"),
        ("WAYBILL__PROVIDERS__MY_VLLM__CREDENTIAL", "12345"),
        ("WAYBILL__STORAGE__URL", "postgres://me:hunter2@db/waybill"),
        ("WAYBILL_OTHER", "ignored"),
    ]);
    let text =
        "[server]\nlisten = \"127.0.0.1:1\"\n[providers.my-vllm]\nbase_url = \"http://old/v1\"\n";
    let loaded = read("waybill.toml", text, &variables);
    assert_eq!(loaded.problems, []);
    let config = loaded.config;
    assert_eq!(config.server.listen.port(), 9999);
    assert_eq!(config.timers.idle.as_millis(), 1234);
    assert!(!config.discovery.local_engines);
    let row = &config.providers.rows.providers["my-vllm"];
    assert_eq!(row.base_url.as_deref(), Some("http://10.0.0.9/v1"));
    assert!(config.providers.credentials.contains_key("my-vllm"));
    for secret in ["12345", "hunter2"] {
        assert!(
            !format!("{config:?}").contains(secret),
            "a secret was printed"
        );
    }
}

#[test]
fn a_mistake_in_a_variable_names_the_variable() {
    let variables = environment(&[
        ("WAYBILL__LIMITS__ATTEMPTS_MAX", "many"),
        ("WAYBILL__LISTEN", "x"),
    ]);
    let found = problems("", &variables);
    let places: Vec<_> = found.iter().map(|problem| problem.place.clone()).collect();
    let variable = |name: &str| Place::Variable(name.to_owned());
    assert_eq!(
        places,
        [
            variable("WAYBILL__LIMITS__ATTEMPTS_MAX"),
            variable("WAYBILL__LISTEN")
        ]
    );
}

#[test]
fn the_defaults_have_no_mistakes() {
    assert_eq!(problems("", &Environment::default()), []);
}

// === config.example.toml ===

fn example() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config.example.toml");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_example_says_every_setting_with_its_default() {
    let settings = read("", "", &Environment::default()).settings;
    assert!(settings.len() > 15);
    let text = example();
    let mut section = "";
    let mut written: Vec<(String, Option<&str>)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = name;
        } else if line.starts_with("#[") {
            section = "providers";
        } else if let Some((key, value)) = line.strip_prefix('#').unwrap_or(line).split_once(" = ")
            && !line.starts_with("# ")
        {
            let default = (!line.starts_with('#')).then_some(value);
            written.push((format!("{section}.{key}"), default));
        }
    }
    for setting in &settings {
        let found = written.iter().find(|(path, _)| *path == setting.path);
        let (_, default) =
            found.unwrap_or_else(|| panic!("{} is not in the example", setting.path));
        assert_eq!(*default, setting.default.as_deref(), "{}", setting.path);
    }
    for (path, _) in written
        .iter()
        .filter(|(path, _)| !path.starts_with("providers"))
    {
        assert!(
            settings.iter().any(|setting| setting.path == *path),
            "{path} does not exist"
        );
    }
}

#[test]
fn every_line_of_the_example_is_valid() {
    assert_eq!(problems(&example(), &Environment::default()), []);
    // With every setting switched on as well.
    let all: String = example()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') && !setting.is_empty() => setting,
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .filter(|line| !line.contains("file:/run/secrets"))
        .collect();
    assert_eq!(problems(&all, &Environment::default()), []);
}

#[test]
fn words_of_other_crates_are_checked_as_well() {
    let text = "[providers.groq]\nquirks = [\"max-tokens\", \"max-tokns\"]\nauth = \"magic\"\n";
    let found = problems(text, &Environment::default());
    let paths: Vec<&str> = found.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        ["providers.groq.quirks[1]", "providers.groq.auth"],
        "{found:#?}"
    );
    assert!(found[0].message.contains("max-tokens"), "{found:#?}");
}

#[test]
fn every_built_in_row_uses_words_that_exist() {
    let rows = catalog::builtin().unwrap();
    assert_eq!(server::config::providers::unknown_words(&rows), []);
}
