//! Listens to an answer as it passes: usage, finish, first token; estimates when nobody counted.

use chat::event::BlockIndex;
use chat::{Block, Event, FinishReason, Reason, Unit, Usage};
use ledger::UsageSource;
use tokio::time::Instant;

/// What was heard of one attempt's answer.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    usage: Usage,
    text_bytes: u64,
    reasoning_bytes: u64,
    /// When the first content arrived.
    pub(crate) first_token: Option<Instant>,
    /// Why the first choice ended.
    pub(crate) finish: Option<FinishReason>,
    /// The provider's own id of the answer.
    pub(crate) upstream_id: Option<String>,
    reasoning_blocks: Vec<BlockIndex>,
    /// Tool calls so far: block, name, arguments. Cut off beyond a bound, and then not judged.
    tool_calls: Vec<(BlockIndex, String, String)>,
    tool_bytes: usize,
    /// What the provider said and the caller's dialect cannot hold.
    pub(crate) unsaid: Vec<String>,
}

/// So many things that could not be said are named in a record; it bounds what a stream can make us
/// remember.
const UNSAID_MAX: usize = 32;

/// Bytes of tool calls that are kept for judging them.
const TOOL_BYTES_MAX: usize = 64 * 1024;

/// Bytes of text per token, for estimates: the field's rule of thumb for English prose and code.
const BYTES_PER_TOKEN: u64 = 4;

/// The same where too few tokens would cost money: scripts of three bytes a character, which make
/// about one token of each.
const BYTES_PER_TOKEN_LEAST: u64 = 3;

impl Meter {
    /// Hears one event at a time. Costs no allocation per delta.
    pub(crate) fn hear(&mut self, event: Event<'_>, now: Instant) {
        match event {
            Event::Start { native_id, .. } => {
                self.upstream_id = native_id.map(|id| id.into_owned());
            }
            Event::BlockStart(index, block) => {
                self.first_token.get_or_insert(now);
                match block {
                    Block::Reasoning { .. } => self.reasoning_blocks.push(index),
                    Block::ToolCall { name, .. } => {
                        self.tool_bytes = self.tool_bytes.saturating_add(name.len());
                        let call = (index, name.into_owned(), String::new());
                        if self.tool_bytes <= TOOL_BYTES_MAX {
                            self.tool_calls.push(call);
                        }
                    }
                    Block::Text | Block::Refusal | Block::Image { .. } | Block::Audio => {}
                }
            }
            Event::BlockDelta(index, text) => {
                self.first_token.get_or_insert(now);
                self.hear_arguments(index, &text);
                let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
                if self.reasoning_blocks.contains(&index) {
                    self.reasoning_bytes = self.reasoning_bytes.saturating_add(bytes);
                } else {
                    self.text_bytes = self.text_bytes.saturating_add(bytes);
                }
            }
            Event::Usage(usage) => self.usage.merge(usage),
            Event::Finish(0, finish) => self.finish = Some(finish),
            Event::Unsaid(what) => self.unsaid(&what),
            Event::Finish(..)
            | Event::BlockEnd(_)
            | Event::Sealed(..)
            | Event::Cited(..)
            | Event::Logprobs(..)
            | Event::Error(_) => {}
        }
    }

    fn hear_arguments(&mut self, block: BlockIndex, text: &str) {
        let mut calls = self.tool_calls.iter_mut().rev();
        let Some((_, _, arguments)) = calls.find(|(own, ..)| *own == block) else {
            return;
        };
        self.tool_bytes = self.tool_bytes.saturating_add(text.len());
        if self.tool_bytes <= TOOL_BYTES_MAX {
            arguments.push_str(text);
        }
    }

    /// The tool calls of the answer, name and arguments; `None` when there are none, or more than is
    /// kept.
    pub(crate) fn tool_calls(&self) -> Option<Vec<(String, String)>> {
        let is_whole = self.tool_bytes <= TOOL_BYTES_MAX && !self.tool_calls.is_empty();
        let calls = self.tool_calls.iter();
        is_whole.then(|| {
            calls
                .map(|(_, name, arguments)| (name.clone(), arguments.clone()))
                .collect()
        })
    }

    fn unsaid(&mut self, what: &str) {
        if self.unsaid.len() < UNSAID_MAX && !self.unsaid.iter().any(|said| said == what) {
            self.unsaid.push(what.to_owned());
        }
    }

    /// Whether any content, or the end of a choice, was heard.
    pub(crate) fn has_begun(&self) -> bool {
        self.first_token.is_some() || self.finish.is_some()
    }

    /// Whether nothing was said, and no reason was given for that.
    pub(crate) fn is_empty(&self) -> bool {
        let finish = self.finish.as_ref().map(|finish| finish.reason);
        let is_silent = self.first_token.is_none() && self.usage.completion_tokens() == 0;
        is_silent && matches!(finish, None | Some(Reason::Stop))
    }

    /// Tokens of output so far, rather too many than too few: what the provider has counted, or a
    /// careful reading of what it has sent.
    pub(crate) fn output_tokens_streamed(&self) -> u64 {
        let bytes = self.text_bytes.saturating_add(self.reasoning_bytes);
        let sent = bytes.div_ceil(BYTES_PER_TOKEN_LEAST);
        sent.max(self.usage.completion_tokens())
    }

    /// The counted units: the provider's own, or an estimate from the request and what came back.
    /// A provider that has counted the prompt alone, as some streams begin, has not counted yet.
    pub(crate) fn usage(&self, prompt_tokens_estimate: u64) -> (Usage, UsageSource) {
        let mut counted = self.usage.iter();
        if counted.any(|(unit, _)| unit.is_completion()) {
            let mut usage = self.usage.clone();
            // Some count more for one request than one: reranking, by its documents.
            if usage.get(Unit::Request).is_none() {
                usage.set(Unit::Request, 1);
            }
            return (usage, UsageSource::Provider);
        }
        let tokens = |bytes: u64| bytes.div_ceil(BYTES_PER_TOKEN);
        let mut usage = self.usage.clone();
        if usage.iter().all(|(unit, _)| !unit.is_prompt()) {
            usage.set(Unit::Input, prompt_tokens_estimate);
        }
        usage.set(Unit::Output, tokens(self.text_bytes));
        usage.set(Unit::Request, 1);
        if self.reasoning_bytes > 0 {
            usage.set(Unit::Reasoning, tokens(self.reasoning_bytes));
        }
        (usage, UsageSource::Estimated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: BlockIndex = BlockIndex {
        choice: 0,
        block: 0,
    };
    const THOUGHT: BlockIndex = BlockIndex {
        choice: 0,
        block: 1,
    };

    #[tokio::test]
    async fn what_the_provider_counted_wins_over_an_estimate() {
        let mut meter = Meter::default();
        meter.hear(Event::BlockStart(TEXT, Block::Text), Instant::now());
        meter.hear(Event::BlockDelta(TEXT, "eight by".into()), Instant::now());
        assert_eq!(meter.usage(7).1, UsageSource::Estimated);
        meter.hear(
            Event::Usage(Usage::default().with(Unit::Output, 99)),
            Instant::now(),
        );
        let (usage, source) = meter.usage(7);
        assert_eq!(
            (usage.count(Unit::Output), source),
            (99, UsageSource::Provider)
        );
    }

    #[tokio::test]
    async fn estimates_keep_reasoning_apart() {
        let mut meter = Meter::default();
        meter.hear(
            Event::BlockStart(THOUGHT, Block::Reasoning { is_summary: false }),
            Instant::now(),
        );
        meter.hear(
            Event::BlockDelta(THOUGHT, "hmm, hmm".into()),
            Instant::now(),
        );
        meter.hear(Event::BlockStart(TEXT, Block::Text), Instant::now());
        meter.hear(Event::BlockDelta(TEXT, "yes".into()), Instant::now());
        let (usage, _) = meter.usage(7);
        let count = |unit| usage.count(unit);
        assert_eq!(
            (
                count(Unit::Input),
                count(Unit::Output),
                count(Unit::Reasoning)
            ),
            (7, 1, 2)
        );
    }
}
