//! What was said stays said in the same words: of two turns of one conversation the first, as it is
//! written for a provider, is the beginning of the second. Caches of providers live on that.
//!
//! The conversations are recorded ones, agents' loops among them: wherever one recorded request goes on
//! with another, both are written for every provider. Between equal dialects the bytes are the caller's
//! own, which `recorded` holds.

use chat::Dialect;
use serde_json::{Map, Value};

use super::requests::read;
use super::source::exchanges;
use super::{BODIES, CALLERS, endpoint, outbound};
use crate::cases::tree;

/// Members that differ from turn to turn and are no part of what is cached.
const LOOSE: [&str; 9] = [
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "temperature",
    "tool_choice",
    "metadata",
    "previous_response_id",
];

/// The member in which a dialect has its turns.
const fn list(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenaiResponses => "input",
        Dialect::Gemini => "contents",
        _ => "messages",
    }
}

/// What of a body is cached, as the text that it is: tools and instructions, then the turns.
#[derive(PartialEq)]
struct Cached {
    before: Vec<String>,
    turns: Vec<Value>,
}

impl Cached {
    fn of(body: &Value, dialect: Dialect) -> Self {
        let before = [
            &body["tools"],
            &body["toolConfig"]["tools"],
            &body["system"],
            &body["systemInstruction"],
            &body["instructions"],
        ];
        Self {
            before: before.map(|said| unmarked(said).to_string()).to_vec(),
            turns: match unmarked(&body[list(dialect)]) {
                Value::Array(turns) => turns,
                other => vec![other],
            },
        }
    }
}

/// A recorded request of a caller.
struct Recorded<'e> {
    name: &'e str,
    body: &'e Value,
    cached: Cached,
    /// What else it says that could change how a prompt is written.
    rest: String,
}

impl<'e> Recorded<'e> {
    fn of(name: &'e str, body: &'e Value, dialect: Dialect) -> Self {
        let members = body.as_object().into_iter().flatten();
        let rest = members.filter(|(name, _)| {
            let name = name.as_str();
            name != list(dialect) && name != "cache_control" && !LOOSE.contains(&name)
        });
        Self {
            name,
            body,
            cached: Cached::of(body, dialect),
            rest: rest
                .map(|(name, said)| format!("{name}{}", unmarked(said)))
                .collect(),
        }
    }

    /// Whether another request goes on with this one: the same in all that is cached, and further turns.
    fn is_continued_by(&self, other: &Self) -> bool {
        let (turns, more) = (&self.cached.turns, &other.cached.turns);
        more.len() > turns.len()
            && self.rest == other.rest
            && self.cached.before == other.cached.before
            && more.starts_with(turns)
    }
}

/// The same without cache marks, which move from turn to turn and are no part of the prompt.
fn unmarked(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let is_mark = |item: &&Value| item.get("cachePoint").is_none();
            items.iter().filter(is_mark).map(unmarked).collect()
        }
        Value::Object(members) => {
            let is_mark = |name: &str| matches!(name, "cache_control" | "prompt_cache_breakpoint");
            let rest = members.iter().filter(|(name, _)| !is_mark(name));
            rest.map(|(name, value)| (name.clone(), unmarked(value)))
                .collect::<Map<_, _>>()
                .into()
        }
        other => other.clone(),
    }
}

/// What is sent: two values may be equal and their members in another order.
fn text(value: &Value) -> String {
    value.to_string()
}

/// Whether one turn, as text, is the beginning of another: itself, or with parts that were added.
fn begins(turn: &Value, later: &Value) -> bool {
    if text(turn) == text(later) {
        return true;
    }
    ["content", "parts"].iter().any(|parts| {
        let pair = turn[parts].as_array().zip(later[parts].as_array());
        pair.is_some_and(|(parts, more)| {
            let texts = |parts: &[Value]| parts.iter().map(text).collect::<Vec<_>>();
            texts(more).starts_with(&texts(parts))
        }) && turn["role"] == later["role"]
    })
}

/// Where the first turn's words are not the beginning of the second's.
fn break_of(first: &Value, second: &Value, to: Dialect) -> Option<String> {
    let (first, second) = (Cached::of(first, to), Cached::of(second, to));
    // Converse has no word for "call none", so that such a turn names no tools; and it demands that
    // tools are named that have been called, those of Anthropic's own that it does not know included.
    let tools_appear = to == Dialect::BedrockConverse && first.before[1] == "null";
    if first.before != second.before && !tools_appear {
        return Some("tools or instructions differ".to_owned());
    }
    let (turns, more) = (&first.turns, &second.turns);
    let place = turns.iter().enumerate().position(|(place, turn)| {
        let later = more.get(place).unwrap_or(&Value::Null);
        let is_last = place + 1 == turns.len();
        let is_same = text(turn) == text(later);
        !(is_same || is_last && begins(turn, later))
    })?;
    let later = more.get(place).unwrap_or(&Value::Null);
    Some(format!("turn {place}: {} became {later}", turns[place]))
}

#[test]
fn what_was_said_before_is_the_beginning_of_what_is_said_next() {
    let all = exchanges();
    let (mut pairs, mut written) = (0, 0);
    let mut broken = Vec::new();
    for from in CALLERS {
        let spoken = all.iter().filter(|exchange| exchange.dialect == from);
        let requests: Vec<_> = spoken
            .filter_map(|exchange| Some((&exchange.name, exchange.request.as_ref()?)))
            .map(|(name, body)| Recorded::of(name, body, from))
            .collect();
        for earlier in &requests {
            for later in requests
                .iter()
                .filter(|later| earlier.is_continued_by(later))
            {
                let (first, second) = (read(from, earlier.body), read(from, later.body));
                let (Ok(first), Ok(second)) = (first, second) else {
                    continue;
                };
                pairs += 1;
                for to in BODIES.into_iter().filter(|to| *to != from) {
                    let write = |request| outbound(to).write(request, &endpoint(to)).ok();
                    let Some((first, second)) = write(&first.0).zip(write(&second.0)) else {
                        continue; // what cannot be said there is refused, which `requests` holds
                    };
                    written += 1;
                    if let Some(how) = break_of(&tree(&first.body), &tree(&second.body), to) {
                        let how: String = how.chars().take(400).collect();
                        let (earlier, later) = (earlier.name, later.name);
                        broken.push(format!("{earlier}, {later} for {to}: {how}"));
                    }
                }
            }
        }
    }
    println!("{pairs} turns, written {written} times");
    assert!(written == 0 || written > pairs, "{written} of {pairs}");
    assert!(
        broken.is_empty(),
        "{}:\n{}",
        broken.len(),
        broken.join("\n")
    );
}
