//! Every answer, written for every caller, means what it meant.

use std::collections::BTreeMap;

use chat::event::{Citation, Measure};
use chat::{Block, Dialect, Event, Reason, Response, Unit};
use serde_json::{Value, json};
use wire::codec::Writer;
use wire::frame::Framing;
use wire::{Asked, reader};

use super::source::{Answer, exchanges};
use super::{CALLERS, cost, fold, inbound, read_stream, read_whole, small_request};
use crate::cases::{stamp, tree};

/// What an answer means: the part that every caller must get.
#[derive(Debug, Default, PartialEq)]
struct Meaning {
    text: String,
    reasoning: String,
    calls: Vec<(String, String, Value)>,
    finish: Option<Reason>,
    usage: BTreeMap<&'static str, u64>,
}

fn meaning(response: &Response) -> Meaning {
    let mut meaning = Meaning::default();
    for said in response.choice(0).map_or(&[][..], |choice| &choice.blocks) {
        match &said.block {
            Block::Text | Block::Refusal => meaning.text.push_str(&said.text),
            Block::Reasoning { .. } => meaning.reasoning.push_str(&said.text),
            Block::ToolCall { id, name } => {
                // What was cut at the output limit stands in an object where one is demanded.
                let arguments = match serde_json::from_str(&said.text) {
                    Ok(Value::Null) => json!({}),
                    Ok(arguments) => arguments,
                    Err(_) if said.text.is_empty() => json!({}),
                    Err(_) => json!({ "arguments": said.text }),
                };
                let call = (id.to_string(), name.to_string(), arguments);
                meaning.calls.push(call);
            }
            Block::Image { .. } | Block::Audio => {}
        }
    }
    let finish = response.choice(0).and_then(|choice| choice.finish.as_ref());
    meaning.finish = finish.map(|finish| finish.reason);
    meaning.usage = response
        .usage
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(unit, count)| (unit.name(), count))
        .collect();
    meaning
}

/// The buckets that a dialect has a member for; the others are counted into their neighbours.
fn buckets(caller: Dialect) -> &'static [Unit] {
    match caller {
        Dialect::AnthropicMessages => &[Unit::CacheRead, Unit::CacheWrite, Unit::CacheWrite1h],
        Dialect::Gemini => &[Unit::CacheRead, Unit::Reasoning],
        _ => &[Unit::CacheRead, Unit::Reasoning],
    }
}

/// What a caller is to see of what an answer cites: addresses, titles and words, and in Messages the
/// places in the request.
fn cited(response: &Response, caller: Dialect) -> Vec<String> {
    let blocks = response.choice(0).map_or(&[][..], |choice| &choice.blocks);
    let citations = blocks.iter().flat_map(|said| &said.citations);
    let shown = |citation: &Citation| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let place = citation
            .place
            .filter(|_| caller == Dialect::AnthropicMessages);
        // A document of the request has a title and no address there.
        let has_address = caller != Dialect::AnthropicMessages
            || place.is_none_or(|place| place.measure == Measure::TextsFound);
        let url = has_address.then_some(&*citation.url);
        let (title, quote) = (text(&citation.title), text(&citation.quote));
        format!("{url:?} {title} {quote} {place:?}")
    };
    match caller {
        // There a claim has its places, and a source stands once.
        Dialect::Gemini => Vec::new(),
        _ => citations.map(shown).collect(),
    }
}

/// The log probabilities of an answer's tokens, with the likeliest beside them.
fn rated(response: &Response) -> Vec<String> {
    let blocks = response.choice(0).map_or(&[][..], |choice| &choice.blocks);
    // The last digits of a number may be lost where it is read.
    let logprob = |token: &Value| token["logprob"].as_f64().unwrap_or(f64::NAN);
    let one = |token: &Value| format!("{} {:.9}", token["token"], logprob(token));
    let tokens = blocks.iter().flat_map(|said| &said.logprobs);
    let shown = |token: &Value| {
        let likely = token["top_logprobs"].as_array().into_iter().flatten();
        format!(
            "{}: {}",
            one(token),
            likely.map(one).collect::<Vec<_>>().join(", ")
        )
    };
    tokens.map(shown).collect()
}

/// The reason that a caller is to see.
fn expected(was: &Meaning, caller: Dialect) -> Option<Reason> {
    match was.finish {
        // Calls that the provider's own code made and had answered: a caller of another dialect
        // cannot have asked for such code (`Feature::ServerTools`).
        Some(Reason::Stop) if !was.calls.is_empty() => Some(Reason::ToolCalls),
        // These have no word for an answer that broke off but the one for what was withheld.
        Some(Reason::Error)
            if matches!(
                caller,
                Dialect::OpenaiResponses | Dialect::AnthropicMessages
            ) =>
        {
            Some(Reason::ContentFilter)
        }
        finish => finish,
    }
}

/// In what an answer that was written and read again differs from what it was.
fn differences((was, is): (&Response, &Response), caller: Dialect) -> Vec<String> {
    let (before, after) = (meaning(was), meaning(is));
    let mut all = Vec::new();
    let mut compare = |what: &str, before: String, after: String| {
        if before != after {
            all.push(format!("{what}: {before} became {after}"));
        }
    };
    let all_cited = |response: &Response| cited(response, caller).join("\n");
    compare("citations", all_cited(was), all_cited(is));
    // Messages has no place for them.
    if caller != Dialect::AnthropicMessages {
        compare(
            "log probabilities",
            rated(was).join("\n"),
            rated(is).join("\n"),
        );
    }
    let shown = |meaning: &Meaning| format!("{:?}", meaning.calls);
    compare("text", before.text.clone(), after.text.clone());
    compare("tool calls", shown(&before), shown(&after));
    compare("reasoning", before.reasoning.clone(), after.reasoning);
    let expected = expected(&before, caller);
    compare(
        "finish",
        format!("{expected:?}"),
        format!("{:?}", after.finish),
    );
    if was.usage.is_empty() {
        return all;
    }
    let sides = |response: &Response| {
        let usage = &response.usage;
        format!("{:?}", (usage.prompt_tokens(), usage.completion_tokens()))
    };
    compare("usage", sides(was), sides(is));
    for unit in buckets(caller) {
        let count = |response: &Response| response.usage.count(*unit).to_string();
        compare(unit.name(), count(was), count(is));
    }
    all
}

fn writer(caller: Dialect, is_stream: bool) -> Box<dyn Writer> {
    let (body, request) = small_request(caller, is_stream);
    inbound(caller).writer(&Asked {
        body: body.as_bytes(),
        request: &request,
        stamp: stamp(),
    })
}

fn write_stream(caller: Dialect, events: &[Event<'static>], response: &Response) -> String {
    let mut writer = writer(caller, true);
    let mut out = String::new();
    for event in events {
        writer.event(event, &mut out);
    }
    writer.last(&response.usage, &cost(), &mut out);
    out
}

/// The text of an answer in the legacy dialect, which nobody is asked in.
fn legacy_text(frames: &[Value]) -> String {
    let texts = frames
        .iter()
        .filter_map(|frame| frame["choices"][0]["text"].as_str());
    texts.collect()
}

fn data(stream: &str) -> Vec<Value> {
    stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| tree(data.as_bytes()))
        .collect()
}

#[test]
fn every_answer_means_the_same_to_every_caller_whole_and_streamed() {
    let (mut read, mut checked, mut broken, mut empty) = (BTreeMap::<_, usize>::new(), 0, 0, 0);
    let mut wrong = Vec::new();
    for exchange in exchanges() {
        let name = &exchange.name;
        if reader(exchange.dialect).is_none() {
            continue;
        }
        let events = match &exchange.answer {
            Answer::Whole(body) => read_whole(exchange.dialect, body),
            Answer::Stream(framing, bytes) => read_stream(exchange.dialect, *framing, bytes),
            Answer::None => continue,
        };
        // Answers that broke off are the business of each dialect's own tests.
        let Ok(events) = events else {
            broken += 1;
            continue;
        };
        *read.entry(exchange.dialect.name()).or_default() += 1;
        let response = fold(&events);
        let mut blocks = response.choices.iter().flat_map(|choice| &choice.blocks);
        if blocks.all(|said| said.block == Block::Audio) {
            empty += 1;
            continue;
        }
        for caller in CALLERS {
            let is_several = response.choices.len() > 1;
            if is_several && caller != Dialect::OpenaiChat {
                continue;
            }
            let streamed = write_stream(caller, &events, &response);
            let whole = writer(caller, false).whole(&response, &response.usage, &cost());
            if caller == Dialect::OpenaiCompletions {
                let text = meaning(&response).text;
                assert_eq!(legacy_text(&[tree(whole.as_bytes())]), text, "{name}");
                assert_eq!(legacy_text(&data(&streamed)), text, "{name} streamed");
            } else {
                let is_failed = meaning(&response).finish == Some(Reason::Error);
                let whole = read_whole(caller, whole.as_bytes());
                let streamed = read_stream(caller, Framing::Sse, streamed.as_bytes());
                for (form, again) in [("whole", whole), ("streamed", streamed)] {
                    let found = match again {
                        Ok(again) => differences((&response, &fold(&again)), caller),
                        // Those clients are told so, and our own reader refuses such an answer.
                        Err(_) if is_failed => continue,
                        Err(error) => vec![format!("unreadable: {error}")],
                    };
                    let found = found
                        .iter()
                        .map(|what| format!("{name} for {caller}, {form}: {what}"));
                    wrong.extend(found);
                }
            }
            checked += 2;
        }
    }
    println!(
        "{checked} answers written and read again; read: {read:?}; broke off: {broken}; nothing said: {empty}"
    );
    let shown = wrong
        .iter()
        .map(|what: &String| what.chars().take(400).collect::<String>());
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        shown.collect::<Vec<_>>().join("\n")
    );
    assert!(checked > 100, "fixtures at least");
}
