//! Marks for caching, wherever they stand: each is told to the provider or named.

use chat::request::{CacheMark, Content, Message, Part, Role, SearchResult, Source, Tool};
use chat::{Dialect, Request};

use super::{BODIES, endpoint, outbound};

/// How providers are told of a mark.
const WORDS: [&str; 3] = ["cache_control", "cachePoint", "prompt_cache_breakpoint"];

fn marked(content: Content) -> Part {
    Part {
        cache: Some(CacheMark::Default),
        ..Part::from(content)
    }
}

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

fn picture() -> Content {
    Content::Image {
        source: Source::of_url("data:image/png;base64,AAAA"),
        detail: None,
    }
}

fn call() -> Content {
    Content::ToolCall {
        id: "c".to_owned(),
        name: "look".to_owned(),
        arguments: "{}".to_owned(),
    }
}

fn result(parts: Vec<Part>) -> Content {
    Content::ToolResult {
        call_id: "c".to_owned(),
        name: Some("look".to_owned()),
        parts,
        is_error: false,
    }
}

fn file(source: Source) -> Content {
    Content::File {
        source,
        filename: Some("a".to_owned()),
        is_cited: false,
    }
}

fn found() -> Content {
    Content::SearchResult(SearchResult {
        source: "https://x.test".to_owned(),
        title: "T".to_owned(),
        texts: vec!["Low.".to_owned()],
        is_cited: false,
    })
}

/// A conversation with a call and its result, of which one part is replaced.
fn asked(role: Role, part: Part) -> Request {
    let mut messages = vec![
        Message::new(Role::System, vec![Part::text("Be brief.")]),
        Message::new(Role::User, vec![Part::text("Look.")]),
        Message::new(Role::Assistant, vec![call().into()]),
        Message::new(Role::Tool, vec![result(vec![Part::text("a cat")]).into()]),
        Message::new(Role::Assistant, vec![Part::text("A cat.")]),
        Message::new(Role::User, vec![Part::text("And now?")]),
    ];
    let replaced = match (role, &part.content) {
        (Role::Assistant, Content::ToolCall { .. }) => &mut messages[2],
        (Role::Assistant, _) => &mut messages[4],
        (Role::System | Role::Developer, _) => &mut messages[0],
        (Role::Tool, _) => &mut messages[3],
        (Role::User, _) => &mut messages[1],
    };
    match replaced.role {
        Role::User => replaced.parts.push(part),
        _ => replaced.parts = vec![part],
    }
    Request {
        messages,
        tools: vec![Tool {
            name: "look".to_owned(),
            description: None,
            parameters: None,
            free_text: None,
            strict: None,
            cache: None,
        }],
        ..Request::default()
    }
}

/// How many marks a provider is told of, and whether any is named; nothing where it is not asked.
fn told(request: &Request, to: Dialect) -> Option<(usize, bool)> {
    let written = outbound(to).write(request, &endpoint(to)).ok()?;
    let body = String::from_utf8_lossy(&written.body);
    let said = WORDS.iter().map(|word| body.matches(word).count());
    let is_named = written
        .dropped
        .iter()
        .any(|name| name.contains("cache_control"));
    Some((said.sum(), is_named))
}

#[test]
fn a_mark_on_any_part_is_told_or_named() {
    let text_file = || file(Source::Text("Low.".to_owned()));
    let pdf = || file(Source::of_url("data:application/pdf;base64,AAAA"));
    let inner = |content: Content| Part::from(result(vec![marked(content)]));
    let cases = [
        ("system", Role::System, marked(text("Be kind."))),
        ("text", Role::User, marked(text("Well?"))),
        ("picture", Role::User, marked(picture())),
        ("text file", Role::User, marked(text_file())),
        ("PDF", Role::User, marked(pdf())),
        ("search result", Role::User, marked(found())),
        ("answer", Role::Assistant, marked(text("A dog."))),
        (
            "refusal",
            Role::Assistant,
            marked(Content::Refusal("No.".to_owned())),
        ),
        ("call", Role::Assistant, marked(call())),
        (
            "result",
            Role::Tool,
            marked(result(vec![Part::text("a dog")])),
        ),
        ("empty result", Role::Tool, marked(result(vec![]))),
        ("text in a result", Role::Tool, inner(text("a dog"))),
        ("picture in a result", Role::Tool, inner(picture())),
        ("search result in a result", Role::Tool, inner(found())),
    ];
    let mut wrong = Vec::new();
    for (name, role, part) in cases {
        let request = asked(role, part);
        for to in BODIES {
            if told(&request, to) == Some((0, false)) {
                wrong.push(format!("{name} to {to}"));
            }
        }
    }
    let mut request = asked(Role::User, Part::text("Well?"));
    request.tools[0].cache = Some(CacheMark::Default);
    let lost = BODIES
        .into_iter()
        .filter(|to| told(&request, *to) == Some((0, false)));
    wrong.extend(lost.map(|to| format!("tool to {to}")));
    assert!(wrong.is_empty(), "lost in silence: {wrong:#?}");
}

#[test]
fn marks_beyond_what_is_taken_are_named() {
    let mut request = asked(Role::User, Part::text("Well?"));
    for message in &mut request.messages {
        message
            .parts
            .iter_mut()
            .for_each(|part| part.cache = Some(CacheMark::Default));
    }
    for to in BODIES {
        let (said, is_named) = told(&request, to).expect("a request");
        assert!(said <= 4, "{to}: {said}");
        assert!(is_named, "{to}: {said} of seven are said");
    }
}
