//! Requests written for providers of this dialect.

use chat::opaque::{Format, Opaque, Seal};
use chat::request::{
    CacheMark, Content, Effort, Message, Part, Reasoning, Role, Source, Tool, ToolChoice,
};
use chat::{Dialect, Parameter, Parameters, Request};
use serde_json::{Value, json};
use wire::Outgoing;
use wire::codec::Outbound as _;
use wire::openai_responses::OpenaiResponses;

use super::to;
use crate::cases::tree;

fn write(request: &Request, to: &Outgoing<'_>) -> (Value, Vec<String>) {
    let written = OpenaiResponses.write(request, to).expect("a body");
    (tree(&written.body), written.dropped)
}

fn conversation() -> Request {
    let sealed = |format, value: &str| Part {
        opaque: Some(Opaque {
            format,
            seal: Seal::Encrypted,
            value: value.to_owned(),
            id: Some("rs_1".to_owned()),
        }),
        ..Part::from(Content::Reasoning {
            text: "Hm".to_owned(),
            is_summary: true,
        })
    };
    let call = Content::ToolCall {
        id: "c".repeat(80),
        name: "run".to_owned(),
        arguments: String::new(),
    };
    let result = Content::ToolResult {
        call_id: "c".repeat(80),
        name: None,
        parts: vec![
            Part::text("done"),
            Content::Image {
                source: Source::of_url("data:image/png;base64,AAAA"),
                detail: None,
            }
            .into(),
        ],
        is_error: true,
    };
    let document = Content::File {
        source: Source::Text("words".to_owned()),
        filename: None,
        is_cited: false,
    };
    let mut marked = Part::text("Look");
    marked.cache = Some(CacheMark::OneHour);
    Request {
        messages: vec![
            Message::new(Role::System, vec![Part::text("Be brief.")]),
            Message::new(Role::User, vec![marked, document.into()]),
            Message::new(
                Role::Assistant,
                vec![
                    sealed(Format::OpenaiResponses, "mine"),
                    sealed(Format::AnthropicClaude, "theirs"),
                    Part::text("I run it."),
                    call.into(),
                ],
            ),
            Message::new(Role::Tool, vec![result.into()]),
        ],
        tools: vec![Tool {
            name: "run".to_owned(),
            description: None,
            parameters: None,
            free_text: None,
            strict: None,
            cache: None,
        }],
        tool_choice: Some(ToolChoice::Allowed(true, vec!["run".to_owned()])),
        reasoning: Some(Reasoning {
            effort: Some(Effort::Max),
            ..Reasoning::default()
        }),
        ..Request::default()
    }
}

#[test]
fn a_conversation_is_written_as_items() {
    let (body, dropped) = write(&conversation(), &to("gpt-5"));
    let id = format!(
        "{}_{}",
        "c".repeat(47),
        body["input"][4]["call_id"]
            .as_str()
            .expect("an id")
            .rsplit('_')
            .next()
            .expect("a hash")
    );
    assert_eq!(
        body,
        json!({
            "model": "gpt-5",
            "tools": [{"type": "function", "name": "run",
                "parameters": {"type": "object", "properties": {}}, "strict": false}],
            "tool_choice": {"type": "allowed_tools", "mode": "required",
                "tools": [{"type": "function", "name": "run"}]},
            "input": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "input_text", "text": "Look"},
                    {"type": "input_file", "file_data": "data:text/plain;base64,d29yZHM=", "filename": "file.txt"},
                ]},
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}],
                    "encrypted_content": "mine"},
                {"role": "assistant", "content": "I run it."},
                {"type": "function_call", "call_id": id, "name": "run", "arguments": "{}"},
                {"type": "function_call_output", "call_id": id, "output": [
                    {"type": "input_text", "text": "done"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
                ]},
            ],
            "reasoning": {"effort": "xhigh"},
            "include": ["reasoning.encrypted_content"],
            "store": false,
        })
    );
    assert_eq!(
        dropped,
        [
            "messages[1].content[0].cache_control",
            "messages[2].reasoning_details",
            "messages[3].is_error",
        ]
    );
}

#[test]
fn markers_of_the_cache_are_said_where_they_are_understood() {
    let (body, _) = write(&conversation(), &to("gpt-5.6"));
    let part = &body["input"][1]["content"][0];
    assert_eq!(part["prompt_cache_breakpoint"], json!({"mode": "explicit"}));
}

#[test]
fn ciphertext_goes_only_to_the_family_that_made_it() {
    let (body, dropped) = write(&conversation(), &to("grok-4"));
    assert!(!body.to_string().contains("mine"));
    assert!(dropped.contains(&"messages[2].reasoning_details".to_owned()));
}

#[test]
fn what_is_not_taken_is_named() {
    let mut request = conversation();
    request.sampling.stop = vec!["x".to_owned()];
    request.sampling.seed = Some(7.into());
    request.sampling.temperature = Some(1.into());
    request.verbosity = Some("max".to_owned());
    let supported: Parameters = Parameter::ALL
        .iter()
        .copied()
        .filter(|parameter| !matches!(parameter, Parameter::Temperature | Parameter::Tools))
        .collect();
    let to = Outgoing {
        supported: Some(supported),
        output_limit: Some(77),
        ..to("gpt-5")
    };
    let (body, dropped) = write(&request, &to);
    for name in ["temperature", "tools", "tool_choice", "stop", "seed"] {
        assert!(
            dropped.iter().any(|dropped| dropped == name),
            "{name}: {dropped:?}"
        );
        assert!(body.get(name).is_none(), "{name}");
    }
    assert_eq!(body["max_output_tokens"], 77);
    assert_eq!(body["text"], json!({"verbosity": "high"}));
}

const USER: &str = r#"{"role":"user","content":"x"}"#;

/// Requests of every dialect with some word about thinking: the model, and the summary asked for.
fn summaries() -> Vec<((Dialect, String), &'static str, Option<&'static str>)> {
    let chat = |fields: &str| {
        let body = format!("{{\"messages\":[{USER}]{fields}}}");
        (Dialect::OpenaiChat, body)
    };
    let messages = |thinking: &str| {
        let body = format!("{{\"messages\":[{USER}],\"max_tokens\":4000,\"thinking\":{thinking}}}");
        (Dialect::AnthropicMessages, body)
    };
    let gemini = |config: &str| {
        let contents = r#""contents":[{"role":"user","parts":[{"text":"x"}]}]"#;
        let config = format!("{{\"thinkingConfig\":{config}}}");
        let body = format!("{{{contents},\"generationConfig\":{config}}}");
        (Dialect::Gemini, body)
    };
    let detailed = r#","reasoning":{"effort":"low","summary":"detailed"}"#;
    let excluded = r#","reasoning":{"effort":"low","exclude":true}"#;
    let budget = r#"{"type":"enabled","budget_tokens":2000}"#;
    let omitted = r#"{"type":"adaptive","display":"omitted"}"#;
    let shown = r#"{"includeThoughts":true,"thinkingBudget":500}"#;
    let auto = Some("auto");
    vec![
        (chat(r#","reasoning":{"effort":"low"}"#), "gpt-5", auto),
        (chat(r#","reasoning":{}"#), "gpt-5", auto),
        (chat(r#","include_reasoning":true"#), "gpt-5", auto),
        (chat(detailed), "gpt-5", Some("detailed")),
        (chat(excluded), "gpt-5", None),
        (chat(r#","reasoning":{"effort":"none"}"#), "gpt-5", None),
        (chat(r#","reasoning":{}"#), "gpt-4o", None),
        (chat(r#","reasoning_effort":"low""#), "gpt-5", None),
        (chat(""), "gpt-5", None),
        (messages(budget), "gpt-5", auto),
        (messages(omitted), "gpt-5", None),
        (messages(r#"{"type":"disabled"}"#), "gpt-5", None),
        (gemini(shown), "gpt-5", auto),
        (gemini(r#"{"thinkingBudget":500}"#), "gpt-5", None),
    ]
}

#[test]
fn a_summary_is_asked_for_where_the_caller_wants_to_see_thoughts() {
    for ((from, body), model, summary) in summaries() {
        let lane = wire::lane(from, Dialect::OpenaiResponses, Dialect::OpenaiResponses);
        let lane = lane.expect("a lane");
        let door = wire::door(from).expect("a door");
        let read = door.read_request(body.as_bytes(), wire::Beside::default());
        let incoming = read.expect("a request");
        let asked = (body.as_bytes(), &incoming);
        let written = lane.write(asked, &to(model)).expect("a body");
        let said = &tree(&written.body)["reasoning"]["summary"];
        assert_eq!(said.as_str(), summary, "{body}");
        let quirk = wire::Quirk::from_name("no-reasoning-summary").expect("a quirk");
        let refusing = Outgoing {
            quirks: &[quirk],
            ..to(model)
        };
        let written = lane.write(asked, &refusing).expect("a body");
        assert!(tree(&written.body)["reasoning"].get("summary").is_none());
        let is_named = written.dropped.contains(&"reasoning.summary".to_owned());
        assert_eq!(is_named, summary.is_some(), "{body}");
    }
}

#[test]
fn log_probabilities_are_not_asked_of_those_who_take_none() {
    let mut request = conversation();
    request.sampling.logprobs = Some(true);
    let include = |supported: Option<Parameters>| {
        let mut to = to("gpt-4.1");
        to.supported = supported;
        let (body, dropped) = write(&request, &to);
        let named = dropped.iter().any(|name| name == "logprobs");
        let told = body["include"].to_string();
        (told.contains("message.output_text.logprobs"), named)
    };
    assert_eq!(include(None), (true, false));
    let takes = Parameters::default().with(Parameter::Logprobs);
    assert_eq!(include(Some(takes)), (true, false));
    assert_eq!(include(Some(Parameters::default())), (false, true));
}
