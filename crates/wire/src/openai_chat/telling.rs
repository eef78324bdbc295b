//! What of an answer is told only to who translates it: sealed reasoning, sources, probabilities.
//!
//! Who forwards an answer in the same dialect needs none of it, and does not pay for it. Here blocks
//! follow one another, as other dialects have it: what speaks next ends what spoke before.

use chat::opaque::Format;
use chat::{Citation, Error, Event, Opaque, Seal};
use serde_json::Value;

use super::events::{Form, Walk, elements, read as members_at, say};
use crate::members::Members;
use crate::scan::{Scanner, Span, ValueKind};
use crate::track::{Choice, Listen, Voice, object_of};

/// Seals that may wait for their tool calls; it bounds what a stream can make us remember.
const HELD_MAX: usize = 1_024;

/// What is remembered of an answer that is told in full.
#[derive(Debug, Default)]
pub(super) struct Telling {
    /// The last entry of `reasoning_details`, by choice.
    last: Vec<(u32, Entry)>,
    /// Seals of tool calls that have not begun: choice, id of the call, seal. Without an id it is the
    /// seal of a text that is yet to be read: in whole answers details come first.
    held: Vec<(u32, Option<String>, Opaque)>,
    /// Sources named beside the choices (Perplexity), until they were told.
    sources: Vec<Citation>,
    has_sources: bool,
}

/// Which block an entry of `reasoning_details` belongs to.
#[derive(Debug, Clone, Default, PartialEq)]
struct Entry {
    index: Option<u64>,
    id: Option<String>,
    is_summary: bool,
    is_sealed: bool,
}

impl Entry {
    /// Whether the next entry goes on with the same block.
    fn goes_on_with(&self, next: &Self) -> bool {
        let differs = |mine: &Option<u64>, other: &Option<u64>| matches!((mine, other), (Some(mine), Some(other)) if mine != other);
        let other_id = matches!((&self.id, &next.id), (Some(mine), Some(other)) if mine != other);
        !self.is_sealed
            && self.is_summary == next.is_summary
            && !other_id
            && !differs(&self.index, &next.index)
    }

    const fn voice(&self) -> Voice {
        match self.is_summary {
            true => Voice::Summary,
            false => Voice::Reasoning,
        }
    }
}

impl Telling {
    /// Perplexity names its sources beside the choices, in every chunk again.
    ///
    /// # Errors
    /// A source that cannot be taken apart.
    pub(super) fn find_sources(&mut self, top: &Members<'_>) -> Result<(), Error> {
        if self.has_sources {
            return Ok(());
        }
        let list = |name: &str| {
            let member = top.get(name)?;
            (member.kind == ValueKind::Array).then_some(member.value)
        };
        if let Some(results) = list("search_results") {
            for span in elements(top.text, results) {
                let result = members_at(top.text, span)?;
                let text = |name: &str| result.filled(name).map(|it| it.decode().into_owned());
                if let Some(url) = text("url") {
                    self.sources.push(Citation {
                        url,
                        title: text("title"),
                        ..Citation::default()
                    });
                }
            }
        } else if let Some(urls) = list("citations") {
            // The text was checked before, so the walk cannot fail.
            let _ = Scanner::within(top.text, urls).array(|scanner, _| {
                if scanner.peek()? == ValueKind::String {
                    let url = scanner.string()?.decode().into_owned();
                    self.sources.push(Citation {
                        url,
                        ..Citation::default()
                    });
                } else {
                    scanner.skip()?;
                }
                Ok::<(), crate::scan::Malformed>(())
            });
        }
        self.has_sources = !self.sources.is_empty();
        Ok(())
    }

    /// A choice ends: what waited for a tool call that never came stands alone.
    pub(super) fn let_go(&mut self, index: u32, choice: &mut Choice, listen: &mut Listen<'_>) {
        let (mine, others) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|(of, _, _)| *of == index);
        self.held = others;
        for (_, id, mut opaque) in mine {
            choice.hush(None, listen);
            opaque.id = id;
            choice.seal(Voice::Reasoning, opaque, listen);
        }
    }

    fn entry(&mut self, choice: u32) -> &mut Entry {
        let position = match self.last.iter().position(|(of, _)| *of == choice) {
            Some(position) => position,
            None => {
                self.last.push((choice, Entry::default()));
                self.last.len() - 1
            }
        };
        &mut self.last[position].1
    }
}

/// Tells `reasoning_details`, if there are any; says whether they stand for all reasoning.
pub(super) fn details<'a>(
    walk: &mut Walk<'_, 'a>,
    index: u32,
    body: &Members<'a>,
) -> Result<bool, Error> {
    let list = body
        .get("reasoning_details")
        .filter(|member| member.kind == ValueKind::Array && walk.telling.is_some());
    let Some(list) = list else { return Ok(false) };
    let mut has_told = false;
    for span in elements(walk.text, list.value) {
        has_told |= detail(walk, index, span)?;
    }
    Ok(has_told)
}

fn detail(walk: &mut Walk<'_, '_>, index: u32, span: Span) -> Result<bool, Error> {
    let entry = members_at(walk.text, span)?;
    let text = |name: &str| entry.filled(name).map(|it| it.decode().into_owned());
    let (id, format) = (text("id"), text("format"));
    let place = Entry {
        index: entry.count("index"),
        id,
        is_summary: false,
        is_sealed: false,
    };
    let seal = |value: String, kind: Seal, id: Option<String>| Opaque {
        format: format.as_deref().map_or(Format::Unknown, Format::from_name),
        seal: kind,
        value,
        id,
    };
    let kind = text("type").unwrap_or_default();
    match kind.as_str() {
        "reasoning.text" => {
            if let Some(said) = text("text") {
                think(walk, index, place.clone(), said)?;
            }
            if let Some(value) = text("signature") {
                let opaque = seal(value, Seal::Signature, place.id.clone());
                self::seal(walk, index, place, opaque)?;
            }
        }
        "reasoning.summary" => {
            let place = Entry {
                is_summary: true,
                ..place
            };
            think(walk, index, place, text("summary").unwrap_or_default())?;
        }
        "reasoning.encrypted" => {
            let Some(value) = text("data") else {
                return Ok(false);
            };
            let opaque = seal(value, Seal::Encrypted, place.id.clone());
            self::seal(walk, index, place, opaque)?;
        }
        other => {
            let name = format!("reasoning_details[].{other}");
            (walk.listen)(Event::Unsaid(name.into()));
            return Ok(false);
        }
    }
    Ok(true)
}

fn think(walk: &mut Walk<'_, '_>, index: u32, place: Entry, said: String) -> Result<(), Error> {
    let Some(telling) = &mut walk.telling else {
        return Ok(());
    };
    let last = telling.entry(index);
    let choice = walk.tracker.choice(index)?;
    if !last.goes_on_with(&place) {
        choice.hush(None, walk.listen);
    }
    *last = Entry {
        id: place
            .id
            .or(last.id.take().filter(|_| last.index == place.index)),
        ..place
    };
    let voice = last.voice();
    say(walk, index, voice, said.into())
}

fn seal(
    walk: &mut Walk<'_, '_>,
    index: u32,
    place: Entry,
    mut opaque: Opaque,
) -> Result<(), Error> {
    let choice = walk.tracker.choice(index)?;
    let Some(telling) = &mut walk.telling else {
        return Ok(());
    };
    if opaque.format == Format::GoogleGemini && opaque.seal == Seal::Encrypted {
        // Google's signatures, which vouch for tool calls and text.
        opaque.seal = Seal::Signature;
        let id = opaque.id.take();
        let block = match &id {
            Some(id) => choice.block_of_call(id),
            None => choice.block_of(Voice::Text),
        };
        let can_wait = id.is_some() || walk.form == Form::Whole;
        match block {
            Some(block) => (walk.listen)(Event::Sealed(block, opaque)),
            None if can_wait && telling.held.len() < HELD_MAX => {
                telling.held.push((index, id, opaque));
            }
            None => choice.seal(Voice::Reasoning, opaque, walk.listen),
        }
        return Ok(());
    }
    let last = telling.entry(index);
    let same = Entry {
        is_summary: last.is_summary,
        ..place.clone()
    };
    let voice = last.voice();
    let goes_on = last.goes_on_with(&same) && choice.block_of(voice).is_some();
    if !goes_on {
        choice.hush(None, walk.listen);
        *last = place;
    }
    last.is_sealed = true;
    opaque.id = opaque.id.or_else(|| last.id.clone());
    let voice = if goes_on { voice } else { Voice::Reasoning };
    choice.seal(voice, opaque, walk.listen);
    Ok(())
}

/// The text of a whole answer was told: its seal may be.
pub(super) fn seal_text(walk: &mut Walk<'_, '_>, index: u32) -> Result<(), Error> {
    let block = walk.tracker.choice(index)?.block_of(Voice::Text);
    let Some((telling, block)) = walk.telling.as_mut().zip(block) else {
        return Ok(());
    };
    let mut held = telling.held.iter();
    let position = held.position(|(of, id, _)| *of == index && id.is_none());
    if let Some(position) = position {
        let (_, _, opaque) = telling.held.swap_remove(position);
        (walk.listen)(Event::Sealed(block, opaque));
    }
    Ok(())
}

/// A tool call, begun or gone on with; gives its index.
pub(super) fn start_call(
    walk: &mut Walk<'_, '_>,
    index: u32,
    (native_index, id): (Option<u64>, &str),
    name: &str,
) -> Result<usize, Error> {
    let choice = walk.tracker.choice(index)?;
    let Some(telling) = &mut walk.telling else {
        return choice.call(native_index, id, name, walk.listen);
    };
    if choice.knows_call(native_index, id) {
        return choice.call(native_index, id, name, walk.listen);
    }
    choice.hush(None, walk.listen);
    // Other dialects tie results to calls by ids alone, so a call without one gets ours.
    let ours = format!("call_{index}_{}", choice.call_count());
    let id = if id.is_empty() { &ours } else { id };
    let call = choice.call(native_index, id, name, walk.listen)?;
    let held = telling
        .held
        .iter()
        .position(|(of, call, _)| *of == index && call.as_deref() == Some(id));
    if let (Some(position), Some(block)) = (held, choice.block_of_call(id)) {
        let (_, _, opaque) = telling.held.swap_remove(position);
        (walk.listen)(Event::Sealed(block, opaque));
    }
    Ok(call)
}

/// Tells what the text of a message cites.
pub(super) fn citations(
    walk: &mut Walk<'_, '_>,
    index: u32,
    body: &Members<'_>,
) -> Result<(), Error> {
    let Some(telling) = &mut walk.telling else {
        return Ok(());
    };
    let block = walk.tracker.choice(index)?.block_of(Voice::Text);
    if let Some(block) = block {
        for citation in telling.sources.drain(..) {
            (walk.listen)(Event::Cited(block, citation));
        }
    }
    let Some(list) = body
        .get("annotations")
        .filter(|member| member.kind == ValueKind::Array)
    else {
        return Ok(());
    };
    for span in elements(walk.text, list.value) {
        let annotation = members_at(walk.text, span)?;
        match (object_of(&annotation, "url_citation")?, block) {
            (Some(cited), Some(block)) => {
                (walk.listen)(Event::Cited(block, citation(&cited)));
            }
            _ => (walk.listen)(Event::Unsaid("annotations".into())),
        }
    }
    Ok(())
}

fn citation(cited: &Members<'_>) -> Citation {
    let text = |name: &str| cited.filled(name).map(|it| it.decode().into_owned());
    let span = cited.count("start_index").zip(cited.count("end_index"));
    Citation {
        url: text("url").unwrap_or_default(),
        title: text("title"),
        quote: text("content"),
        // OpenRouter says 0 to 0 where nobody knows.
        span: span.filter(|(start, end)| end > start),
        place: None,
        sealed_index: None,
    }
}

/// Tells the probabilities of the tokens that a choice has just said.
pub(super) fn logprobs(
    walk: &mut Walk<'_, '_>,
    index: u32,
    choice: &Members<'_>,
) -> Result<(), Error> {
    if walk.telling.is_none() {
        return Ok(());
    }
    let Some(logprobs) = object_of(choice, "logprobs")? else {
        return Ok(());
    };
    let tracked = walk.tracker.choice(index)?;
    for (name, voice) in [("content", Voice::Text), ("refusal", Voice::Refusal)] {
        let list = logprobs
            .get(name)
            .filter(|member| member.kind == ValueKind::Array);
        // In a whole answer the calls that follow a text have ended it.
        if let (Some(list), Some(block)) = (list, tracked.last_block_of(voice))
            && let Ok(tokens @ Value::Array(_)) = serde_json::from_str(list.value.of(walk.text))
        {
            (walk.listen)(Event::Logprobs(block, tokens));
        }
    }
    Ok(())
}
