//! The text form of a script: `word,word=value,…`, and the table that documents every word.

use super::item::{COUNT_MAX, Item, ScriptError, permille};
use super::{
    Content, Cut, Error200, FinishRule, Hang, Pace, Script, Sever, Trouble, UsageRule, UsageWhen,
};

/// One word of the grammar, for people.
#[derive(Clone, Copy, Debug)]
pub struct GrammarRow {
    /// The word.
    pub word: &'static str,
    /// An example that parses.
    pub example: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// Largest single event a script may ask for, in bytes.
const HUGE_BYTES_MAX: u64 = 64 << 20;
/// Reasoning tokens when a script says `reasoning` and no number.
const REASONING_TOKENS: u64 = 12;
/// Content events before the error when a script says `error` and no number.
const ERROR_AFTER: u64 = 3;

const fn row(word: &'static str, example: &'static str, meaning: &'static str) -> GrammarRow {
    GrammarRow {
        word,
        example,
        meaning,
    }
}

/// Every word of the grammar, in the order the documentation gives them.
pub const GRAMMAR: &[GrammarRow] = &[
    row(
        "delay",
        "delay=200ms",
        "waits before the status line (us, ms, s; a bare number is ms)",
    ),
    row(
        "first-token",
        "first-token=1s",
        "waits between the headers and the first body byte",
    ),
    row("gap", "gap=5ms", "waits between two events of a stream"),
    row(
        "write",
        "write=7",
        "at most so many bytes per socket write, across event borders",
    ),
    row(
        "write-gap",
        "write-gap=2ms",
        "waits between two socket writes inside an event",
    ),
    row(
        "writes",
        "writes=1+10+3",
        "exact sizes of the first socket writes",
    ),
    row(
        "drip",
        "drip=5ms",
        "one byte per write, with this wait between (write=1,write-gap=…)",
    ),
    row(
        "split-utf8",
        "split-utf8",
        "ends a write inside every multi-byte character (adds some)",
    ),
    row("burst", "burst", "lets several chunks share a socket write"),
    row(
        "comment",
        "comment=50ms",
        "an SSE comment each time so long a wait has passed",
    ),
    row(
        "chunks",
        "chunks=100",
        "streamed pieces of the text (longer text if needed)",
    ),
    row(
        "tokens",
        "tokens=500",
        "length of the text in tokens of four bytes",
    ),
    row(
        "text",
        "text=Hello%2C%20you",
        "the text itself, percent-encoded",
    ),
    row(
        "utf8",
        "utf8",
        "adds characters of two, three and four bytes",
    ),
    row(
        "tools",
        "tools=2",
        "calls so many of the tools the request offers (1 without number)",
    ),
    row(
        "no-tools",
        "no-tools",
        "calls no tool, whatever tool_choice says",
    ),
    row(
        "arguments",
        "arguments=%7B%7D",
        "arguments of every tool call, percent-encoded",
    ),
    row(
        "reasoning",
        "reasoning=40",
        "so many tokens of reasoning first (12 without number)",
    ),
    row(
        "reasoning-field",
        "reasoning-field=reasoning",
        "field that shows it; none hides it",
    ),
    row(
        "cached",
        "cached=64",
        "prompt tokens reported as read from a cache",
    ),
    row(
        "cache-written",
        "cache-written=32",
        "prompt tokens reported as written to a cache",
    ),
    row(
        "cache-min",
        "cache-min=8",
        "shortest beginning the simulated cache holds, in tokens (1024 unless told)",
    ),
    row(
        "redacted",
        "redacted",
        "reasoning comes as a redacted block where the dialect has one",
    ),
    row(
        "refusal",
        "refusal",
        "the model refuses, or the answer is blocked, in the dialect's own way",
    ),
    row("empty", "empty", "an answer without content"),
    row(
        "finish",
        "finish=missing",
        "another finish reason, or missing",
    ),
    row(
        "served-model",
        "served-model=gpt-2",
        "the model name in the answer",
    ),
    row(
        "huge",
        "huge=1048576",
        "one event with so many bytes of text",
    ),
    row(
        "usage",
        "usage=x2.5",
        "missing, every (chunk), always, last (on the finish chunk), xFACTOR",
    ),
    row(
        "status",
        "status=503",
        "this status; 400 and above with an error body",
    ),
    row("retry-after", "retry-after=2", "the header, as it stands"),
    row("code", "code=slow_down", "code of the error body"),
    row(
        "message",
        "message=Too%20busy",
        "message of the error body, percent-encoded",
    ),
    row(
        "header",
        "header=x-ratelimit-remaining:0",
        "one more response header; may be repeated",
    ),
    row(
        "refuse",
        "refuse=max_tokens+role:developer",
        "400 when the request has one of these fields or roles",
    ),
    row(
        "error",
        "error=3",
        "an error event after so many content events, then the end",
    ),
    row(
        "error-200",
        "error-200",
        "200 with an error body, or as first event; =json: never a stream",
    ),
    row(
        "malformed",
        "malformed",
        "an event, or a whole body, that is not JSON",
    ),
    row(
        "unclosed-tool",
        "unclosed-tool",
        "tool arguments stop half-way, then all goes on",
    ),
    row("no-done", "no-done", "no [DONE] at the end"),
    row("crlf", "crlf", "CRLF line ends in a stream"),
    row(
        "cut",
        "cut=1234",
        "the body ends cleanly after so many bytes",
    ),
    row(
        "abort",
        "abort=1234",
        "the connection closes after so many bytes (no number: no answer)",
    ),
    row(
        "reset",
        "reset=1234",
        "the connection is reset after so many bytes (no number: no answer)",
    ),
    row(
        "hang",
        "hang=headers",
        "silence for good: at once, after the headers, or after =N events",
    ),
    row(
        "every",
        "every=3",
        "the whole script acts on every third such call only",
    ),
];

pub(super) fn parse(text: &str) -> Result<Script, ScriptError> {
    let mut script = Script {
        label: text.trim().to_owned(),
        ..Script::default()
    };
    for part in text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let (word, value) = match part.split_once('=') {
            Some((word, value)) => (word.trim(), Some(value.trim())),
            None => (part, None),
        };
        let item = Item {
            text: part,
            word,
            value,
        };
        let known = pace_item(&mut script.pace, &item)?
            || content_item(&mut script.content, &item)?
            || failure_item(&mut script.trouble, &item)?
            || breakage_item(&mut script.trouble, &item)?;
        if !known {
            match item.word {
                "every" => script.every = item.count(COUNT_MAX)?,
                _ => return Err(unknown(&item)),
            }
        }
        if item.word == "split-utf8" {
            script.content.utf8 = true;
        }
    }
    Ok(script)
}

fn pace_item(pace: &mut Pace, item: &Item<'_>) -> Result<bool, ScriptError> {
    match item.word {
        "delay" => pace.delay = item.duration()?,
        "first-token" => pace.first_token = item.duration()?,
        "gap" => pace.gap = item.duration()?,
        "write" => pace.write = Some(item.size()?),
        "write-gap" => pace.write_gap = item.duration()?,
        "writes" => pace.writes = item.sizes()?,
        "drip" => {
            pace.write = Some(1);
            pace.write_gap = item.duration()?;
        }
        "split-utf8" => pace.split_utf8 = item.flag()?,
        "burst" => pace.burst = item.flag()?,
        "comment" => {
            let wait = item.duration()?;
            if wait.is_zero() {
                return Err(item.wrong("a wait above zero, such as 50ms"));
            }
            pace.comment = Some(wait);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn content_item(content: &mut Content, item: &Item<'_>) -> Result<bool, ScriptError> {
    match item.word {
        "chunks" => content.chunks = Some(item.size()?),
        "tokens" => content.tokens = Some(item.count(COUNT_MAX)?),
        "text" => content.text = Some(item.words()?),
        "utf8" => content.utf8 = item.flag()?,
        "tools" => content.tools = Some(item.size_or(1)?),
        "no-tools" => {
            item.flag()?;
            content.tools = Some(0);
        }
        "arguments" => content.arguments = Some(item.words()?),
        "reasoning" => content.reasoning = Some(item.count_or(REASONING_TOKENS)?),
        "reasoning-field" => content.reasoning_field = Some(item.words()?),
        "cached" => content.cached = Some(item.count(u64::MAX)?),
        "cache-written" => content.cache_written = Some(item.count(u64::MAX)?),
        "cache-min" => content.cache_min = Some(item.count(u64::MAX)?),
        "redacted" => content.redacted = item.flag()?,
        "refusal" => content.refusal = item.flag()?,
        "empty" => content.empty = item.flag()?,
        "finish" => {
            content.finish = match item.words()? {
                word if word == "missing" => FinishRule::Missing,
                word => FinishRule::Exactly(word),
            }
        }
        "served-model" => content.served_model = Some(item.words()?),
        "huge" => content.huge = usize::try_from(item.count(HUGE_BYTES_MAX)?).ok(),
        "usage" => usage_item(&mut content.usage, item)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn usage_item(usage: &mut UsageRule, item: &Item<'_>) -> Result<(), ScriptError> {
    match item.value.unwrap_or_default() {
        "missing" => usage.when = UsageWhen::Missing,
        "every" => usage.when = UsageWhen::EveryChunk,
        "always" => usage.when = UsageWhen::Always,
        "last" => usage.when = UsageWhen::OnFinish,
        factor => match factor.strip_prefix('x').and_then(permille) {
            Some(permille) => usage.permille = Some(permille),
            None => return Err(item.wrong("missing, every, always, last, or a factor like x2.5")),
        },
    }
    Ok(())
}

fn failure_item(trouble: &mut Trouble, item: &Item<'_>) -> Result<bool, ScriptError> {
    match item.word {
        "status" => {
            let status = item.count(599)?;
            match u16::try_from(status) {
                Ok(status @ 200..) => trouble.status = Some(status),
                _ => return Err(item.wrong("a status from 200 to 599")),
            }
        }
        "retry-after" => trouble.retry_after = Some(item.header_text()?),
        "code" => trouble.code = Some(item.words()?),
        "message" => trouble.message = Some(item.words()?),
        "header" => {
            let text = item.header_text()?;
            let Some((name, value)) = text.split_once(':') else {
                return Err(item.wrong("Name:Value"));
            };
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                return Err(item.wrong("Name:Value with a valid header name"));
            }
            trouble.headers.push((name.to_owned(), value.to_owned()));
        }
        "refuse" => trouble
            .refuses
            .extend(item.words()?.split('+').map(str::to_owned)),
        "error" => trouble.error_at = Some(item.count_or(ERROR_AFTER)?),
        "error-200" => {
            trouble.error_200 = Some(match item.value {
                None => Error200::AsAsked,
                Some("json") => Error200::Json,
                Some(_) => return Err(item.wrong("error-200 or error-200=json")),
            });
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn breakage_item(trouble: &mut Trouble, item: &Item<'_>) -> Result<bool, ScriptError> {
    match item.word {
        "malformed" => trouble.malformed = item.flag()?,
        "unclosed-tool" => trouble.unclosed_tool = item.flag()?,
        "no-done" => trouble.no_done = item.flag()?,
        "crlf" => trouble.crlf = item.flag()?,
        "cut" => {
            trouble.cut = Some(Cut {
                at: Some(item.count(u64::MAX)?),
                how: Sever::Clean,
            })
        }
        "abort" => {
            trouble.cut = Some(Cut {
                at: item.optional_count()?,
                how: Sever::Abort,
            })
        }
        "reset" => {
            trouble.cut = Some(Cut {
                at: item.optional_count()?,
                how: Sever::Reset,
            })
        }
        "hang" => {
            trouble.hang = Some(match item.value {
                None => Hang::Silent,
                Some("headers") => Hang::Headers,
                Some(_) => Hang::Events(item.count(u64::MAX)?),
            });
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn unknown(item: &Item<'_>) -> ScriptError {
    let words: Vec<_> = GRAMMAR.iter().map(|row| row.word).collect();
    item.wrong(&format!("one of: {}", words.join(", ")))
}
