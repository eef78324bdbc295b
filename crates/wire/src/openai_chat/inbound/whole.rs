//! Writes one choice of a whole answer.

use std::borrow::Cow;

use chat::response::{Choice, Said};
use chat::{Block, Opaque};
use serde_json::Value;

use super::chunk::{self, CallForm, FreeTools};
use crate::free_text;
use crate::openai_chat::details::{self, Sealed};
use crate::splice::{push_member, quoted};
use crate::stamp::Stamp;

/// What a message says, sorted by the members that say it.
#[derive(Default)]
struct Message {
    content: Option<String>,
    refusal: String,
    reasoning: String,
    details: Vec<String>,
    calls: Vec<String>,
    images: Vec<String>,
    audio: Option<String>,
    annotations: Vec<String>,
    logprobs: [Vec<Value>; 2],
    thoughts: u32,
}

/// Writes a choice.
pub(super) fn choice(
    choice: &Choice,
    (hides_reasoning, free): (bool, &FreeTools),
    stamp: &Stamp,
) -> String {
    let mut message = Message::default();
    for said in &choice.blocks {
        message.add(said, choice.index, (hides_reasoning, free));
    }
    let mut members = String::new();
    push_member(&mut members, "index", &choice.index.to_string());
    let body = message.body(stamp, choice.index);
    push_member(&mut members, "message", &format!("{{{body}}}"));
    let [content, refusal] = message.logprobs;
    if !content.is_empty() || !refusal.is_empty() {
        let list = |tokens: Vec<Value>| match tokens.is_empty() {
            true => Value::Null.to_string(),
            false => Value::Array(tokens).to_string(),
        };
        let mut inner = String::new();
        push_member(&mut inner, "content", &list(content));
        push_member(&mut inner, "refusal", &list(refusal));
        push_member(&mut members, "logprobs", &format!("{{{inner}}}"));
    }
    chunk::push_finish(&mut members, choice.finish.as_ref());
    format!("{{{members}}}")
}

impl Message {
    fn add(&mut self, said: &Said, choice: u32, (hides_reasoning, free): (bool, &FreeTools)) {
        match &said.block {
            Block::Text => {
                let content = self.content.get_or_insert_default();
                content.push_str(&said.text);
                self.annotations
                    .extend(said.citations.iter().map(chunk::citation));
                self.logprobs[0].extend(said.logprobs.iter().cloned());
                self.seal(said.opaque.as_ref(), Sealed::Text, hides_reasoning);
            }
            Block::Refusal => {
                self.refusal.push_str(&said.text);
                self.logprobs[1].extend(said.logprobs.iter().cloned());
            }
            Block::Reasoning { is_summary } if !hides_reasoning => {
                self.reasoning.push_str(&said.text);
                let opaque = said.opaque.as_ref();
                let entries = details::block(&said.text, *is_summary, opaque, self.thoughts);
                self.details.extend(entries);
                self.thoughts = self.thoughts.saturating_add(1);
            }
            Block::Reasoning { .. } => {}
            Block::ToolCall { id, name } => {
                let id = chunk::call_id(id, choice, self.calls.len());
                let form = free.form(name);
                let with = match form {
                    CallForm::FreeText => Cow::Owned(free_text::input(&said.text)),
                    CallForm::Arguments => Cow::Borrowed(said.text.as_str()),
                };
                self.calls.push(chunk::call((None, form), &id, name, &with));
                self.seal(said.opaque.as_ref(), Sealed::Call(&id), hides_reasoning);
            }
            Block::Image { media_type } => {
                let index = self.images.len();
                self.images
                    .push(chunk::image(media_type, &said.text, index));
            }
            Block::Audio => self.audio.get_or_insert_default().push_str(&said.text),
        }
    }

    fn seal(&mut self, opaque: Option<&Opaque>, of: Sealed<'_>, hides_reasoning: bool) {
        if let Some(opaque) = opaque.filter(|_| !hides_reasoning) {
            self.details
                .push(details::sealed(opaque, of, self.thoughts));
        }
    }

    fn body(&self, stamp: &Stamp, choice: u32) -> String {
        let mut body = String::new();
        push_member(&mut body, "role", "\"assistant\"");
        let content = self.content.as_deref().map(quoted);
        push_member(&mut body, "content", content.as_deref().unwrap_or("null"));
        let refusal = match self.refusal.is_empty() {
            true => "null".to_owned(),
            false => quoted(&self.refusal),
        };
        push_member(&mut body, "refusal", &refusal);
        if !self.reasoning.is_empty() {
            push_member(&mut body, "reasoning", &quoted(&self.reasoning));
        }
        for (name, list) in [
            ("reasoning_details", &self.details),
            ("tool_calls", &self.calls),
            ("images", &self.images),
            ("annotations", &self.annotations),
        ] {
            if !list.is_empty() {
                push_member(&mut body, name, &format!("[{}]", list.join(",")));
            }
        }
        if let Some(data) = &self.audio {
            let mut audio = String::new();
            let id = format!("audio_{}_{choice}", stamp.id);
            push_member(&mut audio, "id", &quoted(&id));
            push_member(&mut audio, "data", &quoted(data));
            let words = self.content.as_deref().unwrap_or_default();
            push_member(&mut audio, "transcript", &quoted(words));
            push_member(&mut body, "audio", &format!("{{{audio}}}"));
        }
        body
    }
}
