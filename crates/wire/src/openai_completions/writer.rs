//! Writes an answer as `text_completion` objects, whole or in chunks.

use chat::event::BlockIndex;
use chat::{Block, Error, Event, FinishReason, Response, Usage};
use serde_json::{Value, json};

use super::request::echoed;
use crate::codec::{Asked, Writer};
use crate::openai_chat::{DONE, head, push_finish, stream_error, usage};
use crate::splice::{push_member, quoted};
use crate::stamp::{CostText, Stamp};

const OBJECT: &str = "text_completion";

/// Writes the texts of one answer.
pub(super) struct Texts {
    stamp: Stamp,
    /// The prompt, where the answer is to begin with it.
    echo: Option<String>,
    /// Choices whose text has begun.
    begun: Vec<u32>,
    /// Blocks that are text, and those that are reasoning.
    texts: Vec<BlockIndex>,
    thoughts: Vec<BlockIndex>,
}

impl Texts {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self {
            stamp: asked.stamp.clone(),
            echo: echoed(asked.body),
            begun: Vec::new(),
            texts: Vec::new(),
            thoughts: Vec::new(),
        }
    }

    /// What a choice begins with: the prompt, if it is to be repeated, and only once.
    fn beginning(&mut self, choice: u32) -> &str {
        if self.begun.contains(&choice) {
            return "";
        }
        self.begun.push(choice);
        self.echo.as_deref().unwrap_or_default()
    }

    fn chunk(&self, choice: u32, said: &str, more: &str, finish: Option<&FinishReason>) -> String {
        let mut members = String::with_capacity(said.len() + 128);
        push_member(&mut members, "index", &choice.to_string());
        push_member(&mut members, "text", &quoted(said));
        members.push_str(more);
        push_finish(&mut members, finish);
        let head = head(&self.stamp, OBJECT);
        format!("data: {{{head},\"choices\":[{{{members}}}]}}\n\n")
    }

    fn delta(&mut self, at: BlockIndex, said: &str, out: &mut String) {
        let choice = at.choice;
        if self.texts.contains(&at) {
            let text = format!("{}{said}", self.beginning(choice));
            out.push_str(&self.chunk(choice, &text, ",\"logprobs\":null", None));
        } else if self.thoughts.contains(&at) {
            let more = format!(",\"logprobs\":null,\"reasoning\":{}", quoted(said));
            out.push_str(&self.chunk(choice, "", &more, None));
        }
    }
}

impl Writer for Texts {
    fn event(&mut self, event: &Event<'_>, out: &mut String) {
        match event {
            Event::BlockStart(at, Block::Text | Block::Refusal) => self.texts.push(*at),
            Event::BlockStart(at, Block::Reasoning { .. }) => self.thoughts.push(*at),
            Event::BlockDelta(at, said) => self.delta(*at, said, out),
            Event::Logprobs(at, tokens) => {
                let more = format!(",\"logprobs\":{}", probabilities(tokens));
                out.push_str(&self.chunk(at.choice, "", &more, None));
            }
            Event::Finish(choice, finish) => {
                let text = self.beginning(*choice).to_owned();
                let chunk = self.chunk(*choice, &text, ",\"logprobs\":null", Some(finish));
                out.push_str(&chunk);
            }
            Event::Start { .. }
            | Event::BlockStart(..)
            | Event::BlockEnd(_)
            | Event::Sealed(..)
            | Event::Cited(..)
            | Event::Unsaid(_)
            | Event::Usage(_)
            | Event::Error(_) => {}
        }
    }

    fn last(&mut self, counted: &Usage, cost: &CostText, out: &mut String) {
        let head = head(&self.stamp, OBJECT);
        let usage = usage::write(counted, cost);
        out.push_str(&format!(
            "data: {{{head},\"choices\":[],\"usage\":{usage}}}\n\n"
        ));
        out.push_str(&String::from_utf8_lossy(DONE));
    }

    fn error(&mut self, error: &Error, out: &mut String) {
        out.push_str(&error_frame(&self.stamp, error));
    }

    fn whole(&mut self, response: &Response, counted: &Usage, cost: &CostText) -> String {
        let mut choices = Vec::with_capacity(response.choices.len());
        for choice in &response.choices {
            let mut text = self.echo.clone().unwrap_or_default();
            let (mut thought, mut tokens) = (String::new(), Vec::new());
            for said in &choice.blocks {
                match said.block {
                    Block::Text | Block::Refusal => {
                        text.push_str(&said.text);
                        tokens.extend(said.logprobs.iter().cloned());
                    }
                    Block::Reasoning { .. } => thought.push_str(&said.text),
                    Block::ToolCall { .. } | Block::Image { .. } | Block::Audio => {}
                }
            }
            let mut members = String::new();
            push_member(&mut members, "index", &choice.index.to_string());
            push_member(&mut members, "text", &quoted(&text));
            let logprobs = match tokens.is_empty() {
                true => Value::Null,
                false => probabilities(&Value::Array(tokens)),
            };
            push_member(&mut members, "logprobs", &logprobs.to_string());
            if !thought.is_empty() {
                push_member(&mut members, "reasoning", &quoted(&thought));
            }
            push_finish(&mut members, choice.finish.as_ref());
            choices.push(format!("{{{members}}}"));
        }
        let mut members = head(&self.stamp, OBJECT);
        push_member(&mut members, "choices", &format!("[{}]", choices.join(",")));
        push_member(&mut members, "usage", &usage::write(counted, cost));
        format!("{{{members}}}")
    }
}

/// The frame that tells a caller that its answer broke off.
pub(super) fn error_frame(stamp: &Stamp, error: &Error) -> String {
    let (head, error) = (head(stamp, OBJECT), stream_error(error));
    format!(
        "data: {{{head},\"error\":{error},\"choices\":[{{\"index\":0,\"text\":\"\",\
         \"finish_reason\":\"error\",\"native_finish_reason\":null}}]}}\n\n"
    )
}

/// The older form of probabilities: lists beside each other. Where a token begins in the text is
/// counted from the first of them.
fn probabilities(tokens: &Value) -> Value {
    let tokens = tokens.as_array().map_or(&[][..], Vec::as_slice);
    let (mut words, mut own, mut best, mut offsets) = (vec![], vec![], vec![], vec![]);
    let mut offset = 0;
    for token in tokens {
        let word = token["token"].as_str().unwrap_or_default();
        words.push(json!(word));
        own.push(token["logprob"].clone());
        let mut others = serde_json::Map::new();
        for other in token["top_logprobs"].as_array().into_iter().flatten() {
            let name = other["token"].as_str().unwrap_or_default();
            others.insert(name.to_owned(), other["logprob"].clone());
        }
        best.push(Value::Object(others));
        offsets.push(json!(offset));
        offset += word.chars().count();
    }
    json!({
        "tokens": words, "token_logprobs": own, "top_logprobs": best, "text_offset": offsets
    })
}
