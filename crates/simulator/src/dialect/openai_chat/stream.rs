//! Writes a chat completion as a stream of chunks. The fixed parts are serialised once per answer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    CREATED, FINGERPRINT, answer_id, call_words, finish_word, logprobs_value, reasoning_field,
    usage_value,
};
use crate::answer::{Block, Choice, Kind, Say, says};
use crate::dialect::{Event, Rendering, quoted};
use crate::ledger::Usage;
use crate::script::UsageWhen;

pub(super) fn events(rendering: &Arc<Rendering>) -> impl Iterator<Item = Event> + Send + use<> {
    let mut pen = Pen::new(rendering.clone());
    let said = says(rendering.clone()).filter_map(move |say| pen.write(&say));
    said.chain(usage_chunk(rendering)).chain(done(rendering))
}

/// Writes chunks, and remembers what a running usage count needs.
struct Pen {
    rendering: Arc<Rendering>,
    /// A chunk up to its choices.
    head: String,
    /// A chunk from its choices on, without the usage.
    tail: &'static str,
    /// Tokens said so far.
    said: u64,
}

impl Pen {
    fn new(rendering: Arc<Rendering>) -> Self {
        let asked = rendering.ask.wants_usage;
        let tail = match rendering.script.content.usage.when {
            UsageWhen::Asked if asked => ",\"usage\":null}\n\n",
            UsageWhen::Always => ",\"usage\":null}\n\n",
            UsageWhen::Asked | UsageWhen::Missing | UsageWhen::EveryChunk | UsageWhen::OnFinish => {
                "}\n\n"
            }
        };
        Self {
            head: chunk_head(&rendering),
            rendering,
            tail,
            said: 0,
        }
    }

    fn write(&mut self, say: &Say) -> Option<Event> {
        let rendering = self.rendering.clone();
        let choices = &rendering.answer.choices;
        match say {
            Say::Open { choice } => {
                let content = if choices[*choice].calls().next().is_some() {
                    "null"
                } else {
                    "\"\""
                };
                let delta =
                    format!("{{\"role\":\"assistant\",\"content\":{content},\"refusal\":null}}");
                Some(self.chunk(*choice, &delta, 0, false))
            }
            Say::BlockStart {
                choice,
                block,
                tokens,
            } => {
                let Block {
                    kind: Kind::Call { id, name },
                    ..
                } = &choices[*choice].blocks[*block]
                else {
                    return None;
                };
                let (kind, member) = call_words(&rendering, name);
                let call = json!({
                    "index": call_index(&choices[*choice], *block),
                    "id": id,
                    "type": kind,
                    kind: {"name": name, member: ""},
                });
                Some(self.chunk(
                    *choice,
                    &format!("{{\"tool_calls\":[{call}]}}"),
                    *tokens,
                    true,
                ))
            }
            Say::Piece {
                choice,
                block,
                range,
                tokens,
            } => {
                let text = &choices[*choice].blocks[*block].text[range.clone()];
                Some(self.piece(*choice, *block, text, *tokens))
            }
            Say::BlockEnd { .. } => None,
            Say::Close { choice } => Some(self.close(*choice)),
        }
    }

    fn piece(&mut self, choice: usize, block: usize, text: &str, tokens: u64) -> Event {
        let rendering = self.rendering.clone();
        let parent = &rendering.answer.choices[choice];
        let words = quoted(text);
        let delta = match &parent.blocks[block].kind {
            Kind::Text => format!("{{\"content\":{words}}}"),
            Kind::Refusal => format!("{{\"refusal\":{words}}}"),
            Kind::Redacted => "{}".to_owned(),
            Kind::Reasoning => match reasoning_field(&rendering) {
                Some(field) => format!("{{{}:{words}}}", quoted(field)),
                None => "{}".to_owned(),
            },
            Kind::Call { name, .. } => {
                let (kind, member) = call_words(&rendering, name);
                let index = call_index(parent, block);
                format!(
                    "{{\"tool_calls\":[{{\"index\":{index},\"{kind}\":{{\"{member}\":{words}}}}}]}}"
                )
            }
        };
        if rendering.ask.wants_logprobs && parent.blocks[block].kind == Kind::Text {
            return self.chunk_with(choice, &delta, &logprobs_value(text), tokens);
        }
        self.chunk(choice, &delta, tokens, true)
    }

    fn close(&mut self, choice: usize) -> Event {
        let answer = &self.rendering.answer;
        let finish = Value::from(finish_word(&answer.choices[choice].finish));
        let choice_json = format!(
            "{{\"index\":{choice},\"delta\":{{}},\"logprobs\":null,\"finish_reason\":{finish}}}"
        );
        let is_last = choice + 1 == answer.choices.len();
        if is_last && self.rendering.script.content.usage.when == UsageWhen::OnFinish {
            let usage = self.rendering.script.content.usage.scaled(answer.usage);
            return with_usage(&self.head, &choice_json, usage);
        }
        self.finished_chunk(&choice_json, 0, false)
    }

    fn chunk(&mut self, choice: usize, delta: &str, tokens: u64, is_content: bool) -> Event {
        let choice_json = format!(
            "{{\"index\":{choice},\"delta\":{delta},\"logprobs\":null,\"finish_reason\":null}}"
        );
        self.finished_chunk(&choice_json, tokens, is_content)
    }

    fn chunk_with(&mut self, choice: usize, delta: &str, logprobs: &Value, tokens: u64) -> Event {
        let choice_json = format!(
            "{{\"index\":{choice},\"delta\":{delta},\"logprobs\":{logprobs},\"finish_reason\":null}}"
        );
        self.finished_chunk(&choice_json, tokens, true)
    }

    fn finished_chunk(&mut self, choice_json: &str, tokens: u64, is_content: bool) -> Event {
        self.said += tokens;
        let answer = &self.rendering.answer;
        if self.rendering.script.content.usage.when == UsageWhen::EveryChunk {
            let reasoning = answer.usage.reasoning.min(self.said);
            let running = Usage {
                completion: self.said,
                reasoning,
                ..answer.usage
            };
            let usage = self.rendering.script.content.usage.scaled(running);
            let event = with_usage(&self.head, choice_json, usage);
            return Event {
                tokens,
                is_content,
                ..event
            };
        }
        let bytes = [self.head.as_str(), choice_json, "]", self.tail].concat();
        Event {
            bytes: bytes.into(),
            tokens,
            usage: None,
            is_content,
        }
    }
}

/// `data: {…,"choices":[` with everything that is the same in every chunk.
fn chunk_head(rendering: &Rendering) -> String {
    let answer = &rendering.answer;
    format!(
        "data: {{\"id\":\"{}\",\"object\":\"chat.completion.chunk\",\"created\":{CREATED},\"model\":{},\"service_tier\":\"default\",\"system_fingerprint\":\"{FINGERPRINT}\",\"choices\":[",
        answer_id(answer),
        quoted(&answer.model),
    )
}

fn with_usage(head: &str, choice_json: &str, usage: Usage) -> Event {
    let bytes = format!(
        "{head}{choice_json}],\"usage\":{}}}\n\n",
        usage_value(usage)
    );
    Event {
        bytes: bytes.into(),
        tokens: 0,
        usage: Some(usage),
        is_content: false,
    }
}

/// The chunk with usage and without choices.
fn usage_chunk(rendering: &Rendering) -> Option<Event> {
    let is_wanted = match rendering.script.content.usage.when {
        UsageWhen::Asked => rendering.ask.wants_usage,
        UsageWhen::Always => true,
        UsageWhen::Missing | UsageWhen::EveryChunk | UsageWhen::OnFinish => false,
    };
    let answer = &rendering.answer;
    let usage = rendering.script.content.usage.scaled(answer.usage);
    is_wanted.then(|| with_usage(&chunk_head(rendering), "", usage))
}

fn done(rendering: &Rendering) -> Option<Event> {
    (!rendering.script.trouble.no_done).then(|| Event::bare("data: [DONE]\n\n"))
}

/// Which tool call of its choice a block is.
fn call_index(choice: &Choice, block: usize) -> usize {
    let is_call = |block: &&Block| matches!(block.kind, Kind::Call { .. });
    choice.blocks[..block].iter().filter(is_call).count()
}
