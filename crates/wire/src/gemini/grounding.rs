//! Where an answer's claims come from: `groundingMetadata` to citations, and citations to it.

use chat::event::BlockIndex;
use chat::{Citation, Event};

use crate::members::{Members, elements};
use crate::scan::{Scanner, ValueKind};
use crate::splice::{push_member, quoted};
use crate::track::{Choice, Listen, Voice};

/// The longest text whose places are kept in mind, bytes; claims in longer ones have none.
const TEXT_MAX: usize = 1024 * 1024;

/// What is known of an answer's sources.
#[derive(Debug, Default)]
pub(super) struct Grounding {
    /// How many searches were made.
    queries: u64,
    /// Whether they are paid one by one: from the third generation on.
    /// <https://ai.google.dev/gemini-api/docs/pricing> (July 2026)
    is_paid_by_query: bool,
    /// What a choice has said, since places are told in bytes.
    said: Vec<(u32, String)>,
    /// Blocks of text, for sources that are told when theirs has ended.
    has_told: bool,
}

impl Grounding {
    /// The model as the provider names it.
    pub(super) fn know_model(&mut self, model: &str) {
        self.is_paid_by_query = super::family::Family::of(model).version.0 >= 3;
    }

    /// Searches to be paid.
    pub(super) const fn searches(&self) -> u64 {
        match self.is_paid_by_query {
            true => self.queries,
            false if self.queries > 0 => 1,
            false => 0,
        }
    }

    /// Text that a choice has just said.
    pub(super) fn add_text(&mut self, index: u32, said: &str) {
        let position = match self.said.iter().position(|(of, _)| *of == index) {
            Some(position) => position,
            None => {
                self.said.push((index, String::new()));
                self.said.len() - 1
            }
        };
        if let Some((_, text)) = self.said.get_mut(position)
            && text.len() + said.len() <= TEXT_MAX
        {
            text.push_str(said);
        }
    }

    /// Reads how many searches were made.
    pub(super) fn read(&mut self, grounding: &Members<'_>) {
        let queries = grounding
            .get("webSearchQueries")
            .filter(|list| list.kind == ValueKind::Array);
        let Some(queries) = queries else { return };
        let mut count = 0;
        // The text was checked before, so the walk cannot fail.
        let _ = Scanner::within(grounding.text, queries.value).array(|scanner, _| {
            count += 1;
            scanner.skip().map(|_| ())
        });
        self.queries = self.queries.max(count);
    }

    /// Tells the sources of a choice's text.
    pub(super) fn tell(
        &mut self,
        index: u32,
        choice: &mut Choice,
        grounding: &Members<'_>,
        listen: &mut Listen<'_>,
    ) {
        let Some(block) = choice.block_of(Voice::Text) else {
            listen(Event::Unsaid("groundingMetadata".into()));
            return;
        };
        let chunks = chunks(grounding);
        if chunks.is_empty() || std::mem::replace(&mut self.has_told, true) {
            return;
        }
        let said = self.said.iter().find(|(of, _)| *of == index);
        let said = said.map_or("", |(_, text)| text.as_str());
        let supports = grounding
            .get("groundingSupports")
            .filter(|list| list.kind == ValueKind::Array);
        let mut is_cited = vec![false; chunks.len()];
        if let Some(supports) = supports {
            for span in elements(grounding.text, supports.value) {
                let support = Members::of_span(grounding.text, span);
                for at in support
                    .map(|it| cite(&it, (&chunks, said), block, listen))
                    .unwrap_or_default()
                {
                    if let Some(is) = is_cited.get_mut(at) {
                        *is = true;
                    }
                }
            }
        }
        for (chunk, _) in chunks.iter().zip(is_cited).filter(|(_, is)| !is) {
            listen(Event::Cited(block, chunk.clone()));
        }
    }
}

/// The sources, without places.
fn chunks(grounding: &Members<'_>) -> Vec<Citation> {
    let list = grounding
        .get("groundingChunks")
        .filter(|list| list.kind == ValueKind::Array);
    let spans = list.map_or_else(Vec::new, |list| elements(grounding.text, list.value));
    let read = |span| {
        let chunk = Members::of_span(grounding.text, span).ok()?;
        let source = ["web", "retrievedContext", "maps", "image"]
            .iter()
            .find_map(|kind| chunk.object(kind))?;
        let text = |name: &str| source.filled(name).map(|it| it.decode().into_owned());
        Some(Citation {
            url: text("uri").unwrap_or_default(),
            title: text("title"),
            ..Citation::default()
        })
    };
    spans
        .into_iter()
        .map(|span| read(span).unwrap_or_default())
        .collect()
}

/// Tells the sources of one claim; gives which they are.
fn cite(
    support: &Members<'_>,
    (chunks, said): (&[Citation], &str),
    block: BlockIndex,
    listen: &mut Listen<'_>,
) -> Vec<usize> {
    let segment = support.object("segment");
    let place = segment.as_ref().and_then(|segment| {
        // Another part's places cannot be told apart from this one's.
        if segment.count("partIndex").unwrap_or(0) > 0 {
            return None;
        }
        let start = segment.count("startIndex").unwrap_or(0);
        Some((
            characters(said, start)?,
            characters(said, segment.count("endIndex")?)?,
        ))
    });
    let mut cited = Vec::new();
    if let Some(list) = support
        .get("groundingChunkIndices")
        .filter(|list| list.kind == ValueKind::Array)
    {
        // Checked before, so the walk cannot fail.
        let _ = Scanner::within(support.text, list.value).array(|scanner, _| {
            if scanner.peek()? == ValueKind::Number {
                cited.extend(scanner.number()?.parse::<usize>().ok());
                return Ok(());
            }
            scanner.skip().map(|_| ())
        });
    }
    for chunk in cited.iter().filter_map(|at| chunks.get(*at)) {
        let span = place;
        let chunk = chunk.clone();
        listen(Event::Cited(block, Citation { span, ..chunk }));
    }
    cited
}

/// A place in bytes as one in characters.
fn characters(text: &str, bytes: u64) -> Option<u64> {
    let before = text.get(..usize::try_from(bytes).ok()?)?;
    u64::try_from(before.chars().count()).ok()
}

/// A place in characters as one in bytes.
fn bytes(text: &str, characters: u64) -> Option<usize> {
    let characters = usize::try_from(characters).ok()?;
    let mut at = text.char_indices().map(|(at, _)| at);
    at.nth(characters)
        .or_else(|| (text.chars().count() == characters).then_some(text.len()))
}

/// Writes `groundingMetadata` out of what a text cites.
pub(super) fn write(text: &str, citations: &[Citation]) -> String {
    let (mut chunks, mut supports) = (String::new(), String::new());
    for (at, citation) in citations.iter().enumerate() {
        let mut web = String::new();
        push_member(&mut web, "uri", &quoted(&citation.url));
        if let Some(title) = &citation.title {
            push_member(&mut web, "title", &quoted(title));
        }
        let comma = if at == 0 { "" } else { "," };
        chunks.push_str(&format!("{comma}{{\"web\":{{{web}}}}}"));
        let place = citation
            .span
            .and_then(|(start, end)| Some((bytes(text, start)?, bytes(text, end)?)));
        let Some((start, end)) = place else { continue };
        let mut segment = String::new();
        push_member(&mut segment, "startIndex", &start.to_string());
        push_member(&mut segment, "endIndex", &end.to_string());
        push_member(
            &mut segment,
            "text",
            &quoted(text.get(start..end).unwrap_or("")),
        );
        let comma = if supports.is_empty() { "" } else { "," };
        supports.push_str(&format!(
            "{comma}{{\"segment\":{{{segment}}},\"groundingChunkIndices\":[{at}]}}"
        ));
    }
    let mut out = String::new();
    push_member(&mut out, "groundingChunks", &format!("[{chunks}]"));
    if !supports.is_empty() {
        push_member(&mut out, "groundingSupports", &format!("[{supports}]"));
    }
    format!("{{{out}}}")
}
