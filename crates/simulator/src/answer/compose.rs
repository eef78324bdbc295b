//! Makes up the answer to a request: always the same for the same request and script.

use serde_json::{Value, json};

use super::{Answer, Block, Choice, Finish, Kind, says::head_tokens, schema};
use crate::cache::Cached;
use crate::dialect::{Ask, Format, Tool, ToolRule};
use crate::ledger::Usage;
use crate::script::{Content, FinishRule, Script};
use crate::tokens::{BYTES_PER_TOKEN, char_border, count_tokens, first_tokens};

/// Said again and again where a longer text is wanted. ASCII, so that it can be cut anywhere.
const FILLER: &str =
    " Every further word of it is simulated as well, and stands here for length only.";
/// Characters of two, three and four bytes.
const UTF8: &str = " Grüße aus der Simulation, 世界 🧾🚀.";
/// What a simulated model says that will not answer.
const REFUSAL: &str = "I am simulated, and the script tells me to refuse.";
/// What simulated reasoning says.
const THOUGHT: &str = "Simulated reasoning: the simulator weighs a thought that it does not have. ";

/// Composes the answer of the persona called `name`.
pub(crate) fn compose(ask: &Ask, script: &Script, name: &str, seq: u64, cached: Cached) -> Answer {
    let choices: Vec<Choice> = (0..ask.choices)
        .map(|index| choice(ask, script, name, Place { seq, index }))
        .collect();
    let weight = |wanted: fn(&Kind) -> bool| -> u64 {
        let blocks = choices.iter().flat_map(|choice| &choice.blocks);
        blocks
            .filter(|block| wanted(&block.kind))
            .map(|block| head_tokens(block) + count_tokens(&block.text))
            .sum()
    };
    let read = script.content.cached.unwrap_or(cached.read);
    let read = read.min(ask.prompt_tokens);
    let usage = Usage {
        prompt: ask.prompt_tokens,
        completion: weight(|_| true),
        cached: read,
        cache_written: script
            .content
            .cache_written
            .unwrap_or(cached.written)
            .min(ask.prompt_tokens - read),
        cache_written_one_hour: match script.content.cache_written {
            Some(_) => 0,
            None => cached.written_one_hour,
        },
        reasoning: weight(|kind| matches!(kind, Kind::Reasoning | Kind::Redacted)),
    };
    Answer {
        seq,
        model: script
            .content
            .served_model
            .clone()
            .unwrap_or_else(|| ask.model.clone()),
        choices,
        usage,
    }
}

/// Which choice of which call.
#[derive(Clone, Copy)]
struct Place {
    seq: u64,
    index: usize,
}

fn choice(ask: &Ask, script: &Script, name: &str, place: Place) -> Choice {
    let content = &script.content;
    let mut blocks = Vec::new();
    let mut finish = Finish::Stop;
    blocks.extend(reasoning(ask, content));
    let calls = if content.empty || content.refusal {
        0
    } else {
        call_count(ask, content)
    };
    if content.refusal {
        finish = Finish::Refusal;
        blocks.push(block(Kind::Refusal, REFUSAL.to_owned(), content.chunks));
    } else if calls > 0 {
        finish = Finish::Tools;
        blocks.extend((0..calls).map(|n| call(ask, content, place, n)));
    } else if !content.empty {
        let text = text(ask, content, name, place);
        let stop = first_stop(&text, &ask.stops);
        let text = match stop {
            Some((at, _)) => text[..at].to_owned(),
            None => text,
        };
        if let Some((_, stop)) = stop {
            finish = Finish::StopText(stop.to_owned());
        }
        let pieces = if content.huge.is_some() {
            Some(1)
        } else {
            content.chunks
        };
        blocks.push(block(Kind::Text, text, pieces));
    }
    if shorten(&mut blocks, ask.tokens_max) {
        finish = Finish::Length;
    }
    if script.trouble.unclosed_tool {
        blocks.iter_mut().for_each(leave_open);
    }
    match &content.finish {
        FinishRule::True => {}
        FinishRule::Missing => finish = Finish::Missing,
        FinishRule::Exactly(word) => finish = Finish::Exactly(word.clone()),
    }
    Choice { blocks, finish }
}

fn reasoning(ask: &Ask, content: &Content) -> Option<Block> {
    let tokens = content.reasoning.or(ask.reasoning).filter(|t| *t > 0)?;
    let kind = if content.redacted {
        Kind::Redacted
    } else {
        Kind::Reasoning
    };
    Some(block(kind, of_tokens(THOUGHT, THOUGHT, tokens), None))
}

fn block(kind: Kind, text: String, pieces: Option<usize>) -> Block {
    let natural = usize::try_from(count_tokens(&text)).unwrap_or(usize::MAX);
    Block {
        kind,
        text,
        pieces: pieces.unwrap_or(natural).max(1),
    }
}

/// How many tools are called. A script decides for a request that offers tools; otherwise `tool_choice` does.
fn call_count(ask: &Ask, content: &Content) -> usize {
    if ask.tools.is_empty() {
        return 0;
    }
    let wanted = content.tools.unwrap_or(match ask.tool_rule {
        ToolRule::Never | ToolRule::Free => 0,
        ToolRule::Must | ToolRule::Named(_) => 1,
    });
    if ask.allows_parallel_tools {
        wanted
    } else {
        wanted.min(1)
    }
}

fn call(ask: &Ask, content: &Content, place: Place, number: usize) -> Block {
    let named: Option<&Tool> = match &ask.tool_rule {
        ToolRule::Named(name) => ask.tools.iter().find(|tool| tool.name == *name),
        ToolRule::Never | ToolRule::Free | ToolRule::Must => None,
    };
    let tool = named.unwrap_or(&ask.tools[number % ask.tools.len()]);
    let arguments = content
        .arguments
        .clone()
        .unwrap_or_else(|| schema::fitting(&tool.schema).to_string());
    let text = match tool.is_free {
        true => free_text(&arguments),
        false => arguments,
    };
    let id = format!("call_sim_{}_{}_{}", place.seq, place.index, number);
    block(
        Kind::Call {
            id,
            name: tool.name.clone(),
        },
        text,
        None,
    )
}

/// What a tool with free text is called with: the member `input` of arguments that have one, so that a
/// script means the same in every dialect.
fn free_text(arguments: &str) -> String {
    let said: Option<Value> = serde_json::from_str(arguments).ok();
    let text = said.as_ref().and_then(|said| said["input"].as_str());
    text.unwrap_or(arguments).to_owned()
}

fn text(ask: &Ask, content: &Content, name: &str, place: Place) -> String {
    if let Some(text) = &content.text {
        return text.clone();
    }
    match &ask.format {
        Format::Text => {}
        Format::JsonObject => {
            let answer = format!("This is a simulated answer from {name}.");
            return json!({"simulated": true, "answer": answer, "messages": ask.messages})
                .to_string();
        }
        Format::JsonSchema(schema) => return schema::fitting(schema).to_string(),
    }
    let mut text = format!(
        "This is a simulated answer from {name}. The request had {} message(s); the last one, from the {}, holds {} bytes of text.",
        ask.messages, ask.last_role, ask.last_bytes
    );
    if ask.choices > 1 {
        text.push_str(&format!(
            " This is choice {} of {}.",
            place.index + 1,
            ask.choices
        ));
    }
    if content.utf8 {
        text.push_str(UTF8);
    }
    if let Some(bytes) = content.huge {
        return of_bytes(&text, FILLER, bytes);
    }
    let chunks = content.chunks.unwrap_or(0) as u64;
    match content.tokens {
        Some(tokens) => of_tokens(&text, FILLER, tokens),
        None if chunks > count_tokens(&text) => of_tokens(&text, FILLER, chunks),
        None => text,
    }
}

/// A text of exactly so many tokens: the start, then the filler again and again.
fn of_tokens(start: &str, filler: &str, tokens: u64) -> String {
    let bytes = usize::try_from(tokens.saturating_mul(BYTES_PER_TOKEN)).unwrap_or(usize::MAX);
    of_bytes(start, filler, bytes)
}

fn of_bytes(start: &str, filler: &str, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes.max(start.len()) + filler.len());
    text.push_str(start);
    while text.len() < bytes {
        text.push_str(filler);
    }
    text.truncate(char_border(&text, bytes));
    text
}

/// Where the first of the stop texts begins, and which it is.
fn first_stop<'a>(text: &str, stops: &'a [String]) -> Option<(usize, &'a str)> {
    stops
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| text.find(stop.as_str()).map(|at| (at, stop.as_str())))
        .min_by_key(|(at, _)| *at)
}

/// Cuts the blocks to the token limit; says whether anything was lost.
fn shorten(blocks: &mut Vec<Block>, tokens_max: Option<u64>) -> bool {
    let Some(mut left) = tokens_max else {
        return false;
    };
    for index in 0..blocks.len() {
        let block = &mut blocks[index];
        let head = head_tokens(block);
        let weight = head + count_tokens(&block.text);
        if weight <= left {
            left -= weight;
            continue;
        }
        if left <= head {
            blocks.truncate(index);
            return true;
        }
        let kept = first_tokens(&block.text, left - head).len();
        block.text.truncate(kept);
        block.pieces = block
            .pieces
            .min(usize::try_from(left).unwrap_or(usize::MAX))
            .max(1);
        blocks.truncate(index + 1);
        return true;
    }
    false
}

/// Lets the arguments of a tool call stop half-way.
fn leave_open(block: &mut Block) {
    if let Kind::Call { .. } = block.kind {
        let half = char_border(&block.text, block.text.len() / 2);
        block.text.truncate(half.max(1).min(block.text.len()));
    }
}
