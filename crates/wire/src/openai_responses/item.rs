//! One item of an answer as the caller sees it: each block becomes an item of its own.

use std::borrow::Cow;

use chat::opaque::{Format, Opaque, Seal};
use chat::{Block, Citation};
use serde_json::Value;

use super::names::Known;
use crate::free_text;
use crate::seal::tagged;
use crate::splice::{push_member, push_quoted, quoted};

/// A block on its way to the caller.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) block: Block<'static>,
    /// The tool that is called, where the caller knows it otherwise than the block says.
    pub(super) tool: Option<Known>,
    /// The position among the items of the answer.
    pub(super) index: u32,
    pub(super) id: String,
    pub(super) text: String,
    /// What of a free text has been told as it came.
    pub(super) free_text: free_text::Text,
    pub(super) opaque: Option<Opaque>,
    pub(super) annotations: Vec<String>,
    pub(super) logprobs: Vec<Value>,
}

impl Item {
    /// An item that has not said anything yet; `answer` is the id of the answer.
    pub(super) fn new(block: Block<'static>, index: u32, answer: &str) -> Self {
        let kind = match &block {
            Block::Text | Block::Refusal | Block::Audio => "msg",
            Block::Reasoning { .. } => "rs",
            Block::ToolCall { .. } => "fc",
            Block::Image { .. } => "ig",
        };
        Self {
            block,
            tool: None,
            index,
            id: format!("{kind}_{answer}_{index}"),
            text: String::new(),
            free_text: free_text::Text::default(),
            opaque: None,
            annotations: Vec::new(),
            logprobs: Vec::new(),
        }
    }

    /// The item as JSON: with all that it says when it is `done`, else as it begins.
    pub(super) fn json(&self, status: &str) -> String {
        let is_begun = status == "in_progress";
        let mut json = String::with_capacity(self.text.len() + 160);
        let mut add = |name: &str, value: &str| push_member(&mut json, name, value);
        add("id", &quoted(&self.id));
        match &self.block {
            Block::Text | Block::Refusal | Block::Audio => {
                add("type", "\"message\"");
                add("status", &quoted(status));
                add("role", "\"assistant\"");
                let content = if is_begun { String::new() } else { self.part() };
                add("content", &format!("[{content}]"));
            }
            Block::Reasoning { is_summary } => {
                add("type", "\"reasoning\"");
                let summary = match is_begun || self.text.is_empty() {
                    true => String::new(),
                    false => self.part(),
                };
                add("summary", &format!("[{summary}]"));
                for (name, value) in self.seals(*is_summary) {
                    add(name, &value);
                }
            }
            Block::ToolCall { id, name } => {
                let (kind, member) = match self.is_free() {
                    true => ("custom_tool_call", "input"),
                    false => ("function_call", "arguments"),
                };
                add("type", &quoted(kind));
                add("status", &quoted(status));
                let said = if is_begun {
                    "".into()
                } else {
                    self.called_with()
                };
                add(member, &quoted(&said));
                add("call_id", &quoted(id));
                add(
                    "name",
                    &quoted(self.tool.as_ref().map_or(name, |tool| &tool.name)),
                );
                let namespace = self.tool.as_ref().and_then(|tool| tool.namespace.as_ref());
                if let Some(namespace) = namespace {
                    add("namespace", &quoted(namespace));
                }
            }
            Block::Image { .. } => {
                add("type", "\"image_generation_call\"");
                add("status", &quoted(status));
                let result = if is_begun {
                    "null".to_owned()
                } else {
                    quoted(&self.text)
                };
                add("result", &result);
            }
        }
        format!("{{{json}}}")
    }

    /// What must come back with a reasoning item. Most clients give back nothing but ciphertext, so
    /// what another family has sealed travels there, under a tag; OpenRouter's own fields stand
    /// beside it. Thoughts that are not a summary say whose they are, since they look like one.
    fn seals(&self, is_summary: bool) -> Vec<(&'static str, String)> {
        let mut seals = Vec::new();
        if let Some(opaque) = &self.opaque {
            if opaque.seal == Seal::Signature {
                seals.push(("signature", quoted(&opaque.value)));
            }
            let is_own = matches!(
                opaque.format,
                Format::OpenaiResponses | Format::XaiResponses
            ) && opaque.seal == Seal::Encrypted;
            let value = match is_own {
                true => opaque.value.clone(),
                false => tagged(&Opaque {
                    id: Some(self.id.clone()),
                    ..opaque.clone()
                }),
            };
            seals.push(("encrypted_content", quoted(&value)));
        }
        let format = self.opaque.as_ref().map(|opaque| opaque.format);
        let format = format.or((!is_summary).then_some(Format::Unknown));
        seals.extend(format.map(|format| ("format", quoted(format.name()))));
        seals
    }

    /// Whether the input of the tool that is called is free text.
    pub(super) fn is_free(&self) -> bool {
        self.tool.as_ref().is_some_and(|tool| tool.is_free)
    }

    /// The arguments of a call, or its free text; a tool without parameters is called with an empty
    /// object.
    pub(super) fn called_with(&self) -> Cow<'_, str> {
        match self.is_free() {
            true => Cow::Owned(free_text::input(&self.text)),
            false if self.text.is_empty() => Cow::Borrowed("{}"),
            false => Cow::Borrowed(&self.text),
        }
    }

    /// The only part of a message or of reasoning, with all that was said of it.
    pub(super) fn part(&self) -> String {
        let mut json = String::with_capacity(self.text.len() + 96);
        match &self.block {
            Block::Refusal => {
                json.push_str("{\"type\":\"refusal\",\"refusal\":");
                push_quoted(&mut json, &self.text);
            }
            // Thoughts and summaries alike: clients of this dialect show nothing else.
            Block::Reasoning { .. } => {
                json.push_str("{\"type\":\"summary_text\",\"text\":");
                push_quoted(&mut json, &self.text);
            }
            Block::Text | Block::Audio | Block::ToolCall { .. } | Block::Image { .. } => {
                json.push_str("{\"type\":\"output_text\",\"text\":");
                push_quoted(&mut json, &self.text);
                json.push_str(",\"annotations\":[");
                json.push_str(&self.annotations.join(","));
                json.push_str("],\"logprobs\":");
                json.push_str(&self.logprobs_json());
            }
        }
        json.push('}');
        json
    }

    /// The log probabilities of a text.
    pub(super) fn logprobs_json(&self) -> String {
        let list: Vec<_> = self.logprobs.iter().map(Value::to_string).collect();
        format!("[{}]", list.join(","))
    }
}

/// A citation as an annotation. Source: `URLCitation` of OpenRouter's schema: positions are required.
pub(super) fn annotation(citation: &Citation) -> String {
    let (start, end) = citation.span.unwrap_or((0, 0));
    let mut json = String::from("{\"type\":\"url_citation\",\"url\":");
    push_quoted(&mut json, &citation.url);
    json.push_str(",\"title\":");
    push_quoted(&mut json, citation.title.as_deref().unwrap_or_default());
    json.push_str(&format!(",\"start_index\":{start},\"end_index\":{end}"));
    if let Some(quote) = &citation.quote {
        json.push_str(",\"content\":");
        push_quoted(&mut json, quote);
    }
    json.push('}');
    json
}
