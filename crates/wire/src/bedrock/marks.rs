//! Cache points: counted before any is set, since a fifth one is refused.

use chat::Request;
use chat::request::{CacheMark, Content, Part};
use serde_json::{Value, json};

use super::family::Caches;

/// The most cache points that a request may have.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html> (2026)
const POINTS_MAX: usize = 4;

/// The cache points of one request. Where there are too many the last ones stay: they cover the most.
#[derive(Debug)]
pub(super) struct Marks {
    /// How many are to be passed over before the first one is set.
    surplus: usize,
    set: usize,
    prompt: Option<CacheMark>,
    caches: Caches,
}

impl Marks {
    /// Counts what a request asks for.
    pub(super) fn new(request: &Request, caches: Caches) -> Self {
        let of_tools = match caches {
            Caches::Nothing | Caches::Messages => 0,
            Caches::Everything | Caches::OneHour => request
                .tools
                .iter()
                .filter(|tool| tool.cache.is_some())
                .count(),
        };
        let of_parts = request.messages.iter().map(|message| parts(&message.parts));
        // Marking the whole prompt takes one place.
        let most = POINTS_MAX - usize::from(request.cache.is_some());
        Self {
            surplus: (of_tools + of_parts.sum::<usize>()).saturating_sub(most),
            set: 0,
            prompt: request.cache,
            caches,
        }
    }

    /// The cache point after something that is said and marked.
    pub(super) fn take(&mut self, mark: CacheMark) -> Option<Value> {
        if self.caches == Caches::Nothing {
            return None;
        }
        if self.surplus > 0 {
            self.surplus -= 1;
            return None;
        }
        self.set += 1;
        Some(self.point(mark))
    }

    /// The cache point after a tool.
    pub(super) fn take_tool(&mut self, mark: CacheMark) -> Option<Value> {
        match self.caches {
            Caches::Nothing | Caches::Messages => None,
            Caches::Everything | Caches::OneHour => self.take(mark),
        }
    }

    /// The cache point at the end, where the whole prompt is marked; `None` where that cannot be.
    pub(super) fn trailing(&self) -> Option<Value> {
        let mark = self.prompt?;
        let has_room = self.caches != Caches::Nothing && self.set < POINTS_MAX;
        has_room.then(|| self.point(mark))
    }

    /// Whether the whole prompt is marked.
    pub(super) const fn marks_prompt(&self) -> bool {
        self.prompt.is_some()
    }

    fn point(&self, mark: CacheMark) -> Value {
        match (mark, self.caches) {
            (CacheMark::OneHour, Caches::OneHour) => {
                json!({"cachePoint": {"type": "default", "ttl": "1h"}})
            }
            _ => json!({"cachePoint": {"type": "default"}}),
        }
    }
}

/// How many parts are marked and can be.
fn parts(list: &[Part]) -> usize {
    list.iter()
        .map(|part| match &part.content {
            // A result is marked as a whole.
            Content::ToolResult { parts, .. } => {
                let has_mark = part.cache.is_some() || parts.iter().any(|it| it.cache.is_some());
                usize::from(has_mark)
            }
            Content::Reasoning { .. } => 0,
            _ => usize::from(part.cache.is_some()),
        })
        .sum()
}
