//! Breakpoints for caching: counted before any is added, since a fifth one is refused.

use chat::Request;
use chat::request::{CacheMark, Content, Part};
use serde_json::{Value, json};

use super::history::MARKS_MAX;
use super::host::Host;

/// The breakpoints of one request. Where there are too many the last ones stay: they cover the most.
#[derive(Debug)]
pub(super) struct Marks {
    /// How many are to be passed over before the first one is written.
    surplus: usize,
    written: usize,
    prompt: Option<CacheMark>,
    host: Host,
}

impl Marks {
    /// Counts what a request asks for.
    pub(super) fn new(request: &Request, host: Host) -> Self {
        let of_tools = request.tools.iter().filter(|tool| tool.cache.is_some());
        let of_parts = request
            .messages
            .iter()
            .map(|message| parts(&message.parts))
            .sum::<usize>();
        // Marking the whole prompt takes one place.
        let most = MARKS_MAX - usize::from(request.cache.is_some());
        Self {
            surplus: (of_tools.count() + of_parts).saturating_sub(most),
            written: 0,
            prompt: request.cache,
            host,
        }
    }

    /// The member `cache_control` for something that is marked.
    pub(super) fn take(&mut self, mark: Option<CacheMark>) -> Option<Value> {
        let mark = mark?;
        if self.surplus > 0 {
            self.surplus -= 1;
            return None;
        }
        self.written += 1;
        Some(json_of(mark))
    }

    /// The top-level member, where the host knows it.
    pub(super) fn of_prompt(&self) -> Option<Value> {
        self.prompt
            .filter(|_| self.host.takes_cache_control())
            .map(json_of)
    }

    /// Marks the last block instead, where the host does not.
    pub(super) fn trail(&mut self, messages: &mut [Value], dropped: &mut Vec<String>) {
        let Some(mark) = self.prompt.filter(|_| !self.host.takes_cache_control()) else {
            return;
        };
        let blocks = messages
            .last_mut()
            .and_then(|message| message["content"].as_array_mut());
        let last = blocks
            .into_iter()
            .flatten()
            .rev()
            .find(|block| !is_thought(block));
        match last {
            Some(block) if self.written < MARKS_MAX || block.get("cache_control").is_some() => {
                block["cache_control"] = json_of(mark);
            }
            _ => dropped.push("cache_control".to_owned()),
        }
    }
}

fn is_thought(block: &Value) -> bool {
    block["type"] == "thinking" || block["type"] == "redacted_thinking"
}

fn json_of(mark: CacheMark) -> Value {
    match mark {
        CacheMark::Default => json!({"type": "ephemeral"}),
        CacheMark::OneHour => json!({"type": "ephemeral", "ttl": "1h"}),
    }
}

/// How many parts are marked and can be.
fn parts(list: &[Part]) -> usize {
    list.iter()
        .map(|part| {
            let inner = match &part.content {
                Content::ToolResult { parts, .. } => self::parts(parts),
                _ => 0,
            };
            let is_thought = matches!(part.content, Content::Reasoning { .. });
            inner + usize::from(part.cache.is_some() && !is_thought)
        })
        .sum()
}
