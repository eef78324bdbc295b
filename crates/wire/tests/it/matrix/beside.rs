//! Everything that the vocabulary can say beside words: whatever is set is told, or named, or refused.

use chat::request::{
    Content, Effort, Format, Message, Part, Reasoning, Role, Source, Tool, ToolChoice,
};
use chat::{Dialect, Request};
use serde_json::json;

use super::{BODIES, endpoint, outbound};

fn asked() -> Request {
    let picture = Content::Image {
        source: Source::of_url("data:image/png;base64,AAAA"),
        detail: None,
    };
    let document = Content::File {
        source: Source::of_url("data:application/pdf;base64,AAAA"),
        filename: None,
        is_cited: false,
    };
    let call = Content::ToolCall {
        id: "c".to_owned(),
        name: "look".to_owned(),
        arguments: "{}".to_owned(),
    };
    let result = Content::ToolResult {
        call_id: "c".to_owned(),
        name: Some("look".to_owned()),
        parts: vec![Part::text("a cat"), picture.clone().into()],
        is_error: false,
    };
    let parts = vec![Part::text("Look."), picture.into(), document.into()];
    Request {
        messages: vec![
            Message::new(Role::System, vec![Part::text("Be brief.")]),
            Message::new(Role::User, parts),
            Message::new(Role::Assistant, vec![Part::text("I look.")]),
            Message::new(Role::User, vec![Part::text("Do.")]),
            Message::new(Role::Assistant, vec![call.into()]),
            Message::new(Role::Tool, vec![result.into()]),
            Message::new(Role::User, vec![Part::text("And now?")]),
        ],
        tools: vec![Tool {
            name: "look".to_owned(),
            description: None,
            parameters: Some(
                json!({"type": "object", "properties": {"n": {"type": "integer"}},
                "required": ["n"], "additionalProperties": false}),
            ),
            free_text: None,
            strict: None,
            cache: None,
        }],
        ..Request::default()
    }
}

fn part(request: &mut Request, message: usize, part: usize) -> &mut Content {
    &mut request.messages[message].parts[part].content
}

fn look_closely(content: &mut Content) {
    if let Content::Image { detail, .. } = content {
        *detail = Some("high".to_owned());
    }
}

fn inner(content: &mut Content) -> &mut Vec<Part> {
    match content {
        Content::ToolResult { parts, .. } => parts,
        other => panic!("{other:?}"),
    }
}

fn schema(strict: Option<bool>) -> Option<Format> {
    Some(Format::JsonSchema {
        name: "answer".to_owned(),
        description: None,
        schema: json!({"type": "object", "properties": {"n": {"type": "integer"}},
            "required": ["n"], "additionalProperties": false}),
        strict,
    })
}

type Change = (&'static str, fn(&mut Request));

/// What is set in turn.
const CHANGES: &[Change] = &[
    ("detail", |it| look_closely(part(it, 1, 1))),
    ("detail in a result", |it| {
        look_closely(&mut inner(part(it, 5, 0))[1].content);
    }),
    ("name of a speaker", |it| {
        it.messages[6].name = Some("ada".to_owned())
    }),
    ("name of the operator", |it| {
        it.messages[0].name = Some("ada".to_owned())
    }),
    ("name of the model", |it| {
        it.messages[4].name = Some("ada".to_owned())
    }),
    ("name of a document", |it| {
        if let Content::File { filename, .. } = part(it, 1, 2) {
            *filename = Some("tides.pdf".to_owned());
        }
    }),
    ("citations", |it| {
        if let Content::File { is_cited, .. } = part(it, 1, 2) {
            *is_cited = true;
        }
    }),
    ("citation of an answer", |it| {
        it.messages[2].parts[0].citations = vec![chat::Citation {
            url: "https://x.test/a".to_owned(),
            ..chat::Citation::default()
        }];
    }),
    ("failed tool", |it| {
        if let Content::ToolResult { is_error, .. } = part(it, 5, 0) {
            *is_error = true;
        }
    }),
    ("refusal", |it| {
        let refusal = Content::Refusal("I will not.".to_owned());
        it.messages
            .insert(2, Message::new(Role::Assistant, vec![refusal.into()]));
    }),
    ("description of a tool", |it| {
        it.tools[0].description = Some("Looks".to_owned())
    }),
    ("strict tool", |it| it.tools[0].strict = Some(true)),
    ("no tool may be called", |it| {
        it.tool_choice = Some(ToolChoice::None)
    }),
    ("a tool must be called", |it| {
        it.tool_choice = Some(ToolChoice::Required)
    }),
    ("a certain tool", |it| {
        it.tool_choice = Some(ToolChoice::Tool("look".to_owned()))
    }),
    ("one tool at a time", |it| {
        it.parallel_tool_calls = Some(false)
    }),
    ("temperature", |it| it.sampling.temperature = Some(1.into())),
    ("top_p", |it| it.sampling.top_p = Some(1.into())),
    ("top_k", |it| it.sampling.top_k = Some(7.into())),
    ("min_p", |it| it.sampling.min_p = Some(1.into())),
    ("top_a", |it| it.sampling.top_a = Some(1.into())),
    ("frequency_penalty", |it| {
        it.sampling.frequency_penalty = Some(1.into())
    }),
    ("presence_penalty", |it| {
        it.sampling.presence_penalty = Some(1.into())
    }),
    ("repetition_penalty", |it| {
        it.sampling.repetition_penalty = Some(1.into())
    }),
    ("seed", |it| it.sampling.seed = Some(7.into())),
    ("stop", |it| it.sampling.stop = vec!["HALT".to_owned()]),
    ("logprobs", |it| it.sampling.logprobs = Some(true)),
    ("top_logprobs", |it| {
        it.sampling.logprobs = Some(true);
        it.sampling.top_logprobs = Some(3);
    }),
    ("logit bias", |it| {
        it.sampling.logit_bias = vec![("50256".to_owned(), (-100).into())];
    }),
    ("output limit", |it| it.max_output_tokens = Some(777)),
    ("several answers", |it| it.choices = Some(2)),
    ("free text", |it| {
        it.tools[0].free_text = Some(chat::request::FreeText {
            grammar: Some(chat::request::Grammar {
                syntax: "lark".to_owned(),
                definition: "start: \"a\"".to_owned(),
            }),
        });
    }),
    ("any object", |it| it.format = Some(Format::JsonObject)),
    ("schema", |it| it.format = schema(None)),
    ("strict schema", |it| it.format = schema(Some(true))),
    ("effort", |it| {
        it.reasoning = Some(Reasoning {
            effort: Some(Effort::High),
            ..Reasoning::default()
        });
    }),
    ("budget", |it| {
        it.reasoning = Some(Reasoning {
            max_tokens: Some(2_000),
            ..Reasoning::default()
        });
    }),
    ("verbosity", |it| it.verbosity = Some("high".to_owned())),
    ("service tier", |it| {
        it.service_tier = Some("flex".to_owned())
    }),
    ("user", |it| it.user = Some("ada".to_owned())),
    ("metadata", |it| {
        it.metadata = vec![("team".to_owned(), "sea".to_owned())]
    }),
    ("cache key", |it| it.prompt_cache_key = Some("k".to_owned())),
    ("whole prompt", |it| {
        it.cache = Some(chat::request::CacheMark::Default)
    }),
    ("pictures", |it| it.modalities = vec!["image".to_owned()]),
    ("sound", |it| it.modalities = vec!["audio".to_owned()]),
    ("voice", |it| {
        it.audio = Some(json!({"voice": "alloy", "format": "wav"}))
    }),
    ("form of pictures", |it| {
        it.image_config = Some(json!({"aspect_ratio": "16:9"}))
    }),
];

/// What a provider is told, and what is named; nothing where it is not asked.
fn told(request: &Request, to: Dialect) -> Option<(String, Vec<String>)> {
    let written = outbound(to).write(request, &endpoint(to)).ok()?;
    let body = String::from_utf8(written.body.to_vec()).expect("UTF-8");
    Some((body, written.dropped))
}

#[test]
fn whatever_is_set_is_told_or_named() {
    let mut lost = Vec::new();
    for to in BODIES {
        let mut asked = asked();
        if to == Dialect::Cohere {
            // It takes no PDFs.
            asked.messages[1].parts.pop();
        }
        let plain = told(&asked, to).expect("a request");
        for (name, change) in CHANGES {
            let is_of_document = matches!(*name, "name of a document" | "citations");
            if to == Dialect::Cohere && is_of_document {
                continue;
            }
            let mut changed = asked.clone();
            change(&mut changed);
            if told(&changed, to).as_ref() == Some(&plain) {
                lost.push(format!("{name} to {to}"));
            }
        }
    }
    assert!(lost.is_empty(), "lost in silence: {lost:#?}");
}
