//! An independent reading of chat answers, in plain JSON trees: what a client would see.

use std::collections::BTreeMap;

use serde_json::Value;

/// One tool call as a client would execute it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ToolCall {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

/// One choice, folded.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Choice {
    pub(crate) content: String,
    pub(crate) reasoning: String,
    pub(crate) refusal: String,
    pub(crate) tools: BTreeMap<u64, ToolCall>,
    pub(crate) finish: Option<String>,
}

/// A whole answer, folded from a body or from a stream.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) choices: BTreeMap<u64, Choice>,
    pub(crate) usage: Option<Value>,
    pub(crate) error: Option<Value>,
    pub(crate) done: bool,
    pub(crate) comments: usize,
    pub(crate) frames: Vec<Value>,
}

/// Without the frames, which would bury the rest.
impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            choices,
            usage,
            error,
            done,
            comments,
            ..
        } = self;
        write!(
            f,
            "{choices:?}, usage {usage:?}, error {error:?}, done {done}, {comments} comments"
        )
    }
}

impl Seen {
    /// Reads a whole JSON body.
    pub(crate) fn whole(body: &[u8]) -> Self {
        let tree: Value = serde_json::from_slice(body).expect("the body is JSON");
        let mut seen = Self::default();
        seen.take(&tree, "message");
        seen.done = true;
        seen
    }

    /// Reads a stream, line by line, as the simplest client would.
    pub(crate) fn stream(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body).replace("\r\n", "\n");
        let mut seen = Self::default();
        for line in text.split('\n') {
            if line.starts_with(':') {
                seen.comments += 1;
            }
            let Some(payload) = line.strip_prefix("data:") else {
                continue;
            };
            match payload.trim() {
                "[DONE]" => seen.done = true,
                payload => {
                    // A cut recording may end in half a frame.
                    if let Ok(tree) = serde_json::from_str::<Value>(payload) {
                        seen.take(&tree, "delta");
                        seen.frames.push(tree);
                    }
                }
            }
        }
        seen
    }

    /// The first choice, or an empty one.
    pub(crate) fn choice(&self) -> Choice {
        self.choices.get(&0).cloned().unwrap_or_default()
    }

    fn take(&mut self, tree: &Value, part: &str) {
        for (position, choice) in (0u64..).zip(tree["choices"].as_array().into_iter().flatten()) {
            let index = choice["index"].as_u64().unwrap_or(position);
            let into = self.choices.entry(index).or_default();
            into.take(&choice[part]);
            if let Some(finish) = choice["finish_reason"].as_str() {
                into.finish = Some(finish.to_owned());
            }
        }
        let groq = &tree["x_groq"]["usage"];
        for usage in [&tree["usage"], groq] {
            if usage.is_object() {
                self.usage = Some(usage.clone());
            }
        }
        if !tree["error"].is_null() {
            self.error = Some(tree["error"].clone());
        }
    }
}

impl Choice {
    fn take(&mut self, message: &Value) {
        match &message["content"] {
            Value::String(text) => self.content.push_str(text),
            Value::Array(parts) => parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .for_each(|text| self.content.push_str(text)),
            _ => {}
        }
        let thoughts = ["reasoning_content", "reasoning"];
        if let Some(text) = thoughts.iter().find_map(|field| message[*field].as_str()) {
            self.reasoning.push_str(text);
        }
        self.refusal
            .push_str(message["refusal"].as_str().unwrap_or_default());
        for (position, call) in (0u64..).zip(message["tool_calls"].as_array().into_iter().flatten())
        {
            let tool = self
                .tools
                .entry(call["index"].as_u64().unwrap_or(position))
                .or_default();
            tool.id.push_str(
                call["id"]
                    .as_str()
                    .filter(|id| tool.id != *id)
                    .unwrap_or_default(),
            );
            tool.name
                .push_str(call["function"]["name"].as_str().unwrap_or_default());
            match &call["function"]["arguments"] {
                Value::String(fragment) => tool.arguments.push_str(fragment),
                Value::Null => {}
                tree => tool.arguments.push_str(&tree.to_string()),
            }
        }
    }
}
