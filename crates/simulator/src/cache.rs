//! Simulated prompt caching: which prompts' beginnings have been seen, and what of a prompt is read or written.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use ring::digest::{Context, SHA256};

/// Fewest tokens a beginning must have to be cached, unless a script says otherwise.
pub(crate) const CACHE_TOKENS_MIN: u64 = 1024;
/// Automatic caches count in steps of so many tokens.
const AUTOMATIC_STEP: u64 = 128;
/// Spans before a marker in which an older beginning is still found.
const LOOK_BACK: usize = 20;
/// Beginnings remembered; the oldest are forgotten first.
const BEGINNINGS_MAX: usize = 65_536;

/// How long a marked beginning stays cached. Nothing expires here: the word only decides how a write is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    FiveMinutes,
    OneHour,
}

/// A piece of a prompt, in the order the model reads it.
pub(crate) struct Span {
    /// Everything that identifies it; markers are not part of it.
    pub(crate) text: String,
    pub(crate) tokens: u64,
    /// The cache marker after it.
    pub(crate) marker: Option<Life>,
}

/// A prompt as a cache sees it.
pub(crate) enum Prompt {
    /// Every beginning is cached.
    Automatic(Vec<Span>),
    /// Only marked beginnings are cached.
    Marked(Vec<Span>),
}

/// What a cache did for a call, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cached {
    pub(crate) read: u64,
    /// Everything written.
    pub(crate) written: u64,
    /// The part of it that was written for an hour.
    pub(crate) written_one_hour: u64,
}

type Digest = [u8; 32];

/// The beginnings of prompts that were seen.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    known: HashSet<Digest>,
    order: VecDeque<Digest>,
}

/// The beginning of a prompt up to the end of a span.
struct Beginning {
    digest: Digest,
    tokens: u64,
    marker: Option<Life>,
}

impl Cache {
    /// Looks a prompt up and remembers it. `scope` keeps models and personas apart.
    pub(crate) fn serve(&self, scope: &str, prompt: &Prompt, tokens_min: u64) -> Cached {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match prompt {
            Prompt::Automatic(spans) => {
                let beginnings = beginnings(scope, spans);
                let known = |it: &&Beginning| seen.known.contains(&it.digest);
                let read = beginnings.iter().rev().find(known).map_or(0, |b| b.tokens);
                beginnings.iter().for_each(|b| seen.remember(b.digest));
                let read = if read < tokens_min { 0 } else { read };
                let step = AUTOMATIC_STEP.min(tokens_min.max(1));
                Cached {
                    read: read / step * step,
                    ..Cached::default()
                }
            }
            Prompt::Marked(spans) => seen.marked(&beginnings(scope, spans), tokens_min),
        }
    }
}

impl Seen {
    fn marked(&mut self, beginnings: &[Beginning], tokens_min: u64) -> Cached {
        let mut read = 0;
        for (index, beginning) in beginnings.iter().enumerate() {
            if beginning.marker.is_none() {
                continue;
            }
            let found = beginnings[index.saturating_sub(LOOK_BACK)..=index]
                .iter()
                .rev()
                .find(|b| self.known.contains(&b.digest));
            read = read.max(found.map_or(0, |b| b.tokens));
        }
        let mut cached = Cached {
            read,
            ..Cached::default()
        };
        let mut covered = read;
        for beginning in beginnings.iter().filter(|b| b.tokens >= tokens_min) {
            let Some(life) = beginning.marker else {
                continue;
            };
            self.remember(beginning.digest);
            let new = beginning.tokens.saturating_sub(covered);
            covered = covered.max(beginning.tokens);
            cached.written += new;
            if life == Life::OneHour {
                cached.written_one_hour += new;
            }
        }
        cached
    }

    fn remember(&mut self, digest: Digest) {
        if !self.known.insert(digest) {
            return;
        }
        self.order.push_back(digest);
        if self.order.len() > BEGINNINGS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

fn beginnings(scope: &str, spans: &[Span]) -> Vec<Beginning> {
    let mut context = Context::new(&SHA256);
    context.update(scope.as_bytes());
    let mut tokens = 0;
    spans
        .iter()
        .map(|span| {
            context.update(&(span.text.len() as u64).to_le_bytes());
            context.update(span.text.as_bytes());
            tokens += span.tokens;
            let mut digest = [0; 32];
            digest.copy_from_slice(context.clone().finish().as_ref());
            Beginning {
                digest,
                tokens,
                marker: span.marker,
            }
        })
        .collect()
}
