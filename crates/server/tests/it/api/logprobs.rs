//! Log probabilities through sockets: of providers with forms of their own, and where one refuses them.

use serde_json::{Value, json};
use simulator::Simulator;

use crate::stage::{Seen, Stage, hello};

/// What Google says of a model that has none, percent-encoded for a script.
const REFUSAL: &str = "Logprobs%20is%20not%20enabled%20for%20this%20model";

/// The providers of one model: the first refuses log probabilities, the others tell them.
const SERVED: [(&str, &str, &str); 3] = [
    ("refuses", "gemini", "gemini-3-pro!status=400,message="),
    ("tells", "gemini", "gemini-2.5-flash!text=Hey%20you"),
    ("tells-too", "cohere", "command-a!text=Hey%20you"),
];

fn providers(simulator: &Simulator) -> String {
    let mut text = String::new();
    for (slug, wanted, upstream) in SERVED {
        let personas = simulator.personas();
        let persona = personas.iter().find(|it| it.slug == wanted);
        let persona = persona.expect("a persona");
        let credential = match simulator.credential(persona.auth) {
            Some(credential) => format!("credential = {credential:?}\n"),
            None => String::new(),
        };
        let refusal = if slug == "refuses" { REFUSAL } else { "" };
        text.push_str(&format!(
            "[providers.{slug}]\nname = \"Simulated {slug}\"\nkind = \"simulated\"\n\
             base_url = {base_url:?}\ndialects = [{dialect:?}]\nauth = {auth:?}\n{credential}\
             [[providers.{slug}.endpoints]]\nmodel = \"author/model\"\n\
             upstream_model = \"{upstream}{refusal}\"\ncontext_length = 100000\n\
             price = {{ input = \"1.00\", output = \"2.00\" }}\n",
            base_url = persona.base_url,
            dialect = persona.dialect,
            auth = persona.auth,
        ));
    }
    text
}

async fn ask(stage: &Stage, order: &[&str], is_streamed: bool) -> Seen {
    let mut body = hello("author/model");
    body["logprobs"] = json!(true);
    body["stream"] = json!(is_streamed);
    body["provider"] = json!({"order": order, "only": order});
    stage.chat(&body, "").await
}

/// The tokens of a list of them.
fn tokens(content: &Value) -> String {
    let list = content.as_array().into_iter().flatten();
    list.filter_map(|token| token["token"].as_str()).collect()
}

#[tokio::test]
async fn who_asks_for_log_probabilities_gets_them_of_the_next_where_the_first_refuses() {
    let stage = Stage::open_facing(providers, &[]).await;
    for next in ["tells", "tells-too"] {
        let seen = ask(&stage, &["refuses", next], false).await;
        assert_eq!(seen.status, 200, "{}", seen.text());
        let answer = seen.json();
        assert_eq!(answer["provider"], format!("Simulated {next}"));
        let choice = &answer["choices"][0];
        assert_eq!(choice["message"]["content"], "Hey you", "{next}");
        let told = &choice["logprobs"]["content"];
        assert_eq!(tokens(told), "Hey you", "{next}");
        assert_eq!(told[0]["logprob"], -0.25, "{next}");
        let record = stage.record(&seen).await;
        let attempts = record["provider_responses"].as_array().cloned();
        let statuses: Vec<_> = attempts
            .iter()
            .flatten()
            .map(|attempt| attempt["status"].clone())
            .collect();
        assert_eq!(statuses, [400, 200], "{next}");

        let seen = ask(&stage, &["refuses", next], true).await;
        let (frames, is_done) = seen.frames();
        assert!(is_done, "{}", seen.text());
        let told: String = frames
            .iter()
            .map(|frame| tokens(&frame["choices"][0]["logprobs"]["content"]))
            .collect();
        assert_eq!(told, "Hey you", "{next}");
    }
    // Who has nobody else to ask hears the provider's own words.
    let seen = ask(&stage, &["refuses"], false).await;
    assert_eq!(seen.status, 400, "{}", seen.text());
    let message = &seen.json()["error"]["message"];
    let message = message.as_str().unwrap_or_default();
    assert!(message.contains("Logprobs is not enabled"), "{message}");
}
