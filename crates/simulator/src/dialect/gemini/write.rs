//! Writes a generateContent answer, whole and as a stream of partial answers.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Gemini;
use crate::answer::{Block, Choice, Finish, Kind, Say, says};
use crate::dialect::{Event, Rendering};
use crate::ledger::Usage;
use crate::script::UsageWhen;
use crate::seal::Seal;
use crate::tokens::{self, LOGPROB, count_tokens};

pub(super) fn whole(host: Gemini, rendering: &Rendering) -> Value {
    let choices = rendering.answer.choices.iter().enumerate();
    let candidates: Vec<Value> = choices
        .map(|(index, choice)| {
            let blocks = choice.blocks.iter().enumerate();
            let parts = blocks.filter_map(|(at, _)| part(rendering, choice, at));
            let mut candidate = candidate(index, parts.collect(), finish_word(choice));
            rate(rendering, &choice.text_of(&Kind::Text), &mut candidate);
            candidate
        })
        .collect();
    envelope(host, rendering, &candidates, rendering.usage())
}

pub(super) fn events(
    host: Gemini,
    rendering: Arc<Rendering>,
) -> impl Iterator<Item = Event> + Send {
    let mut pen = Pen {
        host,
        rendering: rendering.clone(),
        written: 0,
        said: 0,
    };
    let ends = host.is_array() && !rendering.script.trouble.no_done;
    let end = ends.then(|| Event::bare("\r\n]"));
    says(rendering)
        .filter_map(move |say| pen.write(&say))
        .chain(end)
}

/// Writes partial answers, and counts what has been said.
struct Pen {
    host: Gemini,
    rendering: Arc<Rendering>,
    written: u64,
    said: u64,
}

impl Pen {
    fn write(&mut self, say: &Say) -> Option<Event> {
        let rendering = self.rendering.clone();
        let choices = &rendering.answer.choices;
        match say {
            Say::Piece {
                choice,
                block,
                range,
                tokens,
            } => {
                let it = &choices[*choice].blocks[*block];
                self.said += tokens;
                let text = &it.text[range.clone()];
                let part = match it.kind {
                    Kind::Text | Kind::Refusal => json!({"text": text}),
                    Kind::Reasoning if rendering.ask.shows_reasoning => {
                        json!({"text": text, "thought": true})
                    }
                    // Calls come in one piece at their end, and hidden thoughts never.
                    Kind::Reasoning | Kind::Redacted | Kind::Call { .. } => return None,
                };
                let mut candidate = candidate(*choice, vec![part], None);
                if it.kind == Kind::Text {
                    rate(&rendering, text, &mut candidate);
                }
                Some(self.chunk(candidate).carrying(*tokens))
            }
            Say::BlockEnd { choice, block } => {
                let it = &choices[*choice].blocks[*block];
                let whole = count_tokens(&it.text);
                match &it.kind {
                    Kind::Call { name, .. } => {
                        let part = part(&rendering, &choices[*choice], *block)?;
                        let head = count_tokens(name);
                        self.said += head;
                        let event = self.chunk(candidate(*choice, vec![part], None));
                        Some(event.carrying(whole + head))
                    }
                    Kind::Reasoning | Kind::Redacted if !is_shown(&rendering, it) => Some(Event {
                        tokens: whole,
                        ..self.chunk(candidate(*choice, Vec::new(), None))
                    }),
                    Kind::Reasoning | Kind::Redacted | Kind::Text | Kind::Refusal => None,
                }
            }
            Say::Close { choice } => {
                let it = &choices[*choice];
                let mut last = json!({"text": ""});
                if let Some(signature) = text_signature(&rendering, it) {
                    last["thoughtSignature"] = json!(signature);
                }
                self.said = rendering.answer.usage.completion;
                Some(self.chunk(candidate(*choice, vec![last], finish_word(it))))
            }
            Say::Open { .. } | Say::BlockStart { .. } => None,
        }
    }

    fn chunk(&mut self, candidate: Value) -> Event {
        let answer = &self.rendering.answer;
        let rule = &self.rendering.script.content.usage;
        let running = Usage {
            completion: self.said.min(answer.usage.completion),
            reasoning: answer.usage.reasoning.min(self.said),
            ..answer.usage
        };
        let is_last = candidate.get("finishReason").is_some();
        let usage = rule.reported(running);
        let usage = usage.filter(|_| is_last || rule.when != UsageWhen::OnFinish);
        let value = envelope(self.host, &self.rendering, &[candidate], usage);
        let event = self.host.event(&value, self.written).reporting(usage);
        self.written += 1;
        event
    }
}

fn is_shown(rendering: &Rendering, block: &Block) -> bool {
    block.kind == Kind::Reasoning && rendering.ask.shows_reasoning
}

/// A whole block as a part, or `None` where it is not shown or cannot be said.
fn part(rendering: &Rendering, choice: &Choice, at: usize) -> Option<Value> {
    let block = &choice.blocks[at];
    match &block.kind {
        Kind::Reasoning | Kind::Redacted => {
            is_shown(rendering, block).then(|| json!({"text": block.text, "thought": true}))
        }
        Kind::Text | Kind::Refusal => {
            let mut part = json!({"text": block.text});
            if let Some(signature) = text_signature(rendering, choice) {
                part["thoughtSignature"] = json!(signature);
            }
            Some(part)
        }
        Kind::Call { id, name } => {
            let args: Value = serde_json::from_str(&block.text).ok()?;
            let mut part = json!({"functionCall": {"name": name, "args": args}});
            let is_call = |b: &Block| matches!(b.kind, Kind::Call { .. });
            if choice.blocks.iter().position(is_call) == Some(at) {
                part["thoughtSignature"] = json!(Seal::Thought.wrap(id));
            }
            Some(part)
        }
    }
}

/// The signature of an answer in words after a thought.
fn text_signature(rendering: &Rendering, choice: &Choice) -> Option<String> {
    let thought = matches!(
        choice.blocks.first()?.kind,
        Kind::Reasoning | Kind::Redacted
    );
    let is_words = choice.calls().next().is_none();
    (thought && is_words).then(|| Seal::Thought.wrap(&format!("text {}", rendering.answer.seq)))
}

fn finish_word(choice: &Choice) -> Option<&str> {
    let is_broken = |text: &str| serde_json::from_str::<Value>(text).is_err();
    if choice.calls().any(|(_, _, arguments)| is_broken(arguments)) {
        return Some("MALFORMED_FUNCTION_CALL");
    }
    match &choice.finish {
        Finish::Stop | Finish::StopText(_) | Finish::Tools => Some("STOP"),
        Finish::Length => Some("MAX_TOKENS"),
        Finish::Refusal => Some("SAFETY"),
        Finish::Missing => None,
        Finish::Exactly(word) => Some(word),
    }
}

fn candidate(index: usize, parts: Vec<Value>, finish: Option<&str>) -> Value {
    let mut value = json!({"content": {"role": "model"}, "index": index});
    if !parts.is_empty() {
        value["content"]["parts"] = Value::Array(parts);
    }
    if let Some(finish) = finish {
        value["finishReason"] = json!(finish);
    }
    value
}

/// Tells the log probabilities of a text, where they are asked for. Beside a token itself stand others
/// that nobody would have said.
fn rate(rendering: &Rendering, text: &str, candidate: &mut Value) {
    if !rendering.ask.wants_logprobs || text.is_empty() {
        return;
    }
    let told = |token: &str, logprob: f64| json!({"token": token, "logProbability": logprob});
    let chosen: Vec<Value> = tokens::tokens(text)
        .map(|token| told(token, LOGPROB))
        .collect();
    let likely = |token: &str| {
        let likely = (0_u8..)
            .take(rendering.ask.top_logprobs)
            .map(|at| match at {
                0 => told(token, LOGPROB),
                other => told(&format!("~{other}"), LOGPROB - f64::from(other)),
            });
        json!({"candidates": likely.collect::<Vec<_>>()})
    };
    let top: Vec<Value> = tokens::tokens(text).map(likely).collect();
    candidate["avgLogprobs"] = json!(LOGPROB);
    candidate["logprobsResult"] = json!({"chosenCandidates": chosen});
    if rendering.ask.top_logprobs > 0 {
        candidate["logprobsResult"]["topCandidates"] = Value::Array(top);
    }
}

fn envelope(
    host: Gemini,
    rendering: &Rendering,
    candidates: &[Value],
    usage: Option<Usage>,
) -> Value {
    let answer = &rendering.answer;
    let mut value = json!({
        "candidates": candidates,
        "modelVersion": answer.model,
        "responseId": format!("sim{:08}", answer.seq),
    });
    if host.is_vertex() {
        value["createTime"] = json!("2023-11-14T22:13:20.000000Z");
    }
    if let Some(usage) = usage {
        value["usageMetadata"] = usage_value(host, usage);
    }
    value
}

/// Gemini counts thoughts beside the candidates, not among them, and cached tokens among those of the prompt.
fn usage_value(host: Gemini, usage: Usage) -> Value {
    let words = usage.completion.saturating_sub(usage.reasoning);
    let mut value = json!({
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": words,
        "totalTokenCount": usage.prompt + usage.completion,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.prompt}],
    });
    if usage.reasoning > 0 {
        value["thoughtsTokenCount"] = json!(usage.reasoning);
    }
    if usage.cached > 0 {
        value["cachedContentTokenCount"] = json!(usage.cached);
        value["cacheTokensDetails"] = json!([{"modality": "TEXT", "tokenCount": usage.cached}]);
    }
    if host.is_vertex() {
        value["trafficType"] = json!("ON_DEMAND");
    }
    value
}
