//! Several simulated providers in one process.

use serde_json::{Value, json};
use simulator::{Options, PersonaSpec, Script, Simulator};

use crate::client::{question, send, start};

#[tokio::test]
async fn each_persona_answers_under_its_own_path_and_name() {
    let simulator = start().await;
    let slugs: Vec<_> = simulator
        .personas()
        .iter()
        .map(|p| p.slug.as_str())
        .collect();
    assert_eq!(slugs[..5], ["fast", "slow", "flaky", "cheap", "thinker"]);
    for persona in &simulator.personas()[..5] {
        let path = persona
            .base_url
            .strip_prefix(&simulator.root_url())
            .expect("its own address");
        let path = format!("{path}/chat/completions");
        let header = [("x-simulate", "")];
        let reply = send(&simulator, "POST", &path, &header, &question("m"))
            .await
            .json();
        let text = reply["choices"][0]["message"]["content"]
            .as_str()
            .expect("text")
            .to_owned();
        assert!(
            persona.name.starts_with("Simulated ") && text.contains(&persona.name),
            "{text}"
        );
        let entry = simulator.ledger().last().expect("an entry");
        assert_eq!(entry.persona, persona.slug);
    }
    let listed = send(&simulator, "GET", "/personas", &[], &Value::Null)
        .await
        .json();
    assert_eq!(listed["personas"][0]["name"], "Simulated Fast");
}

#[tokio::test]
async fn the_flaky_one_fails_every_third_call_whatever_others_do() {
    let simulator = start().await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let path = "/flaky/v1/chat/completions";
        statuses.push(
            send(&simulator, "POST", path, &[], &question("m"))
                .await
                .status,
        );
        let path = "/fast/v1/chat/completions";
        assert_eq!(
            send(&simulator, "POST", path, &[], &question("m"))
                .await
                .status,
            200
        );
    }
    assert_eq!(statuses, [200, 200, 503, 200, 200, 503]);
}

#[tokio::test]
async fn a_fleet_of_ones_own_replaces_the_built_in_one() {
    let script = Script::parse("text=Ahoy").expect("parses");
    let personas = vec![PersonaSpec::new("openai", "Simulated Harbour", script)];
    let options = Options {
        personas,
        ..Options::default()
    };
    let simulator = Simulator::start_with("127.0.0.1:0", options)
        .await
        .expect("starts");
    let path = "/openai/v1/chat/completions";
    let reply = send(&simulator, "POST", path, &[], &question("m"))
        .await
        .json();
    assert_eq!(reply["choices"][0]["message"]["content"], json!("Ahoy"));
    let path = "/fast/v1/chat/completions";
    assert_eq!(
        send(&simulator, "POST", path, &[], &question("m"))
            .await
            .status,
        404
    );
}
