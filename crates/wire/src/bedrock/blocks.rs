//! What an answer has said so far: its blocks, one after the other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chat::opaque::{Format, Seal};
use chat::{Citation, Error, Event, Opaque, Reason};

use super::citations;
use crate::anthropic_messages::ANSWER_TOOL;
use crate::codec::Listen;
use crate::finish::unify;
use crate::members::Members;
use crate::track::{Arguments, Tracker, Voice, broken, object_of, too_many};

/// The longest seal that is remembered, bytes.
const SEAL_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most citations that are remembered before the first word.
const EARLY_MAX: usize = 1_024;

/// What a record calls citations that nothing cites.
const CITATIONS: &str = "content.citations";

/// The blocks of one answer.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    tracker: Tracker,
    open: Option<Open>,
    seal: Option<(Seal, String)>,
    /// The arguments of the tool that stands for the form of the answer.
    answer: Option<Arguments>,
    /// Citations that were told before the first word that cites.
    early: Vec<Citation>,
}

/// The block that is being said.
#[derive(Debug, Clone, Copy)]
struct Open {
    index: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    /// The tool call at this position.
    Call(usize),
    /// The answer itself, told as a tool call.
    Answer,
    /// Something that the vocabulary cannot hold.
    Other,
}

impl Blocks {
    /// The answer begins.
    pub(super) fn begin(&mut self, listen: &mut Listen<'_>) -> Result<(), Error> {
        self.tracker.choice(0)?;
        if !self.tracker.is_started {
            self.tracker.is_started = true;
            listen(Event::Start {
                native_id: None,
                native_model: None,
            });
        }
        Ok(())
    }

    /// A block begins: only tool calls, their results and pictures say so.
    pub(super) fn start(
        &mut self,
        index: u64,
        start: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        self.end(listen)?;
        let kind = match object_of(start, "toolUse")? {
            Some(call) => self.call(index, &call, listen)?,
            // The picture itself follows.
            None if object_of(start, "image")?.is_some() => Kind::Other,
            None => {
                unsaid(start, listen);
                Kind::Other
            }
        };
        self.open = Some(Open { index, kind });
        Ok(())
    }

    fn call(
        &mut self,
        index: u64,
        call: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<Kind, Error> {
        let said = |name: &str| call.filled(name).map(|said| said.decode());
        if call
            .string("type")
            .is_some_and(|kind| kind.is("server_tool_use"))
        {
            // The provider runs it; nobody is asked to.
            listen(Event::Unsaid("content.server_tool_use".into()));
            return Ok(Kind::Other);
        }
        let name = said("name").unwrap_or_default();
        if name == ANSWER_TOOL {
            self.answer = Some(Arguments::default());
            return Ok(Kind::Answer);
        }
        let id = said("toolUseId").unwrap_or_default();
        let choice = self.tracker.choice(0)?;
        let position = choice.call(Some(index), &id, &name, listen)?;
        Ok(Kind::Call(position))
    }

    /// More of a block.
    pub(super) fn delta(
        &mut self,
        index: u64,
        delta: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        if self.open.is_some_and(|open| open.index != index) {
            self.end(listen)?;
        }
        if let Some(text) = delta.string("text") {
            return self.say(index, Kind::Text, text.decode(), listen);
        }
        if let Some(thought) = object_of(delta, "reasoningContent")? {
            return self.think(index, &thought, listen);
        }
        if let Some(call) = object_of(delta, "toolUse")? {
            let fragment = call.filled("input").map(|said| said.decode());
            return match fragment {
                Some(fragment) => self.add_arguments(fragment, listen),
                None => Ok(()),
            };
        }
        if let Some(citation) = object_of(delta, "citation")? {
            self.cite(&citation, listen)?;
        } else if let Some(image) = object_of(delta, "image")? {
            self.show(&image, listen)?;
        }
        Ok(())
    }

    fn say(
        &mut self,
        index: u64,
        kind: Kind,
        said: std::borrow::Cow<'_, str>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let voice = match kind {
            Kind::Reasoning => Voice::Reasoning,
            Kind::Text | Kind::Call(_) | Kind::Answer | Kind::Other => Voice::Text,
        };
        self.open = Some(Open { index, kind });
        let choice = self.tracker.choice(0)?;
        choice.say(voice, said, listen);
        if let Some(block) = choice.block_of(Voice::Text) {
            for cited in self.early.drain(..) {
                listen(Event::Cited(block, cited));
            }
        }
        Ok(())
    }

    fn think(
        &mut self,
        index: u64,
        thought: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let whole = object_of(thought, "reasoningText")?;
        let thought = whole.as_ref().unwrap_or(thought);
        if let Some(text) = thought.filled("text") {
            self.say(index, Kind::Reasoning, text.decode(), listen)?;
        }
        if let Some(part) = thought.filled("signature") {
            self.open = Some(Open {
                index,
                kind: Kind::Reasoning,
            });
            self.add_seal(Seal::Signature, &part.decode())?;
        }
        if let Some(part) = thought.filled("redactedContent") {
            self.open = Some(Open {
                index,
                kind: Kind::Reasoning,
            });
            // What Claude gives out as text is bytes here, and bytes are base64.
            let part = part.decode();
            let inner = STANDARD.decode(&*part);
            let inner = inner.ok().and_then(|bytes| String::from_utf8(bytes).ok());
            self.add_seal(Seal::Encrypted, inner.as_deref().unwrap_or(&part))?;
        }
        Ok(())
    }

    fn add_seal(&mut self, seal: Seal, part: &str) -> Result<(), Error> {
        let (_, value) = self.seal.get_or_insert_with(|| (seal, String::new()));
        if value.len() + part.len() > SEAL_BYTES_MAX {
            return Err(broken("the provider sent a signature that is too long"));
        }
        value.push_str(part);
        Ok(())
    }

    fn add_arguments(
        &mut self,
        fragment: std::borrow::Cow<'_, str>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        match self.open.map(|open| open.kind) {
            Some(Kind::Call(position)) => {
                let choice = self.tracker.choice(0)?;
                choice.add_arguments(position, fragment, listen);
            }
            Some(Kind::Answer) => {
                if let Some(answer) = &mut self.answer {
                    answer.feed(&fragment);
                }
                self.tracker.choice(0)?.say(Voice::Text, fragment, listen);
            }
            Some(Kind::Other) => {}
            Some(Kind::Text | Kind::Reasoning) | None => {
                return Err(broken("the provider spoke on in a call that is not open"));
            }
        }
        Ok(())
    }

    fn cite(&mut self, citation: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        let cited = citations::read(citation).map_err(too_many)?;
        match self.tracker.choice(0)?.block_of(Voice::Text) {
            Some(block) => listen(Event::Cited(block, cited)),
            None if self.early.len() < EARLY_MAX => self.early.push(cited),
            None => listen(Event::Unsaid(CITATIONS.into())),
        }
        Ok(())
    }

    fn show(&mut self, image: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        let source = object_of(image, "source")?;
        let data = source.as_ref().and_then(|source| source.filled("bytes"));
        if let Some(data) = data {
            let format = image.filled("format").map(|format| format.decode());
            let media_type = format!("image/{}", format.as_deref().unwrap_or("png"));
            let choice = self.tracker.choice(0)?;
            choice.show_image(media_type.into(), data.decode(), listen);
        }
        Ok(())
    }

    /// The block that is being said ends.
    pub(super) fn end(&mut self, listen: &mut Listen<'_>) -> Result<(), Error> {
        let choice = self.tracker.choice(0)?;
        if let Some((seal, value)) = self.seal.take() {
            // Converse says no model; nobody but Claude seals what it thinks.
            let format = Format::AnthropicClaude;
            let opaque = Opaque {
                format,
                seal,
                value,
                id: None,
            };
            choice.seal(Voice::Reasoning, opaque, listen);
        }
        self.open = None;
        choice.hush(None, listen);
        if !self.early.is_empty() {
            self.early.clear();
            listen(Event::Unsaid(CITATIONS.into()));
        }
        Ok(())
    }

    /// A whole block.
    pub(super) fn whole(
        &mut self,
        index: u64,
        block: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        if let Some(call) = object_of(block, "toolUse")? {
            let kind = self.call(index, &call, listen)?;
            self.open = Some(Open { index, kind });
            if let Some(input) = call.present("input") {
                self.add_arguments(input.value.of(call.text).into(), listen)?;
            }
        } else if let Some(cited) = object_of(block, "citationsContent")? {
            self.cited(index, &cited, listen)?;
        } else if let Some(image) = object_of(block, "image")? {
            self.show(&image, listen)?;
        } else if block.string("text").is_some() || object_of(block, "reasoningContent")?.is_some()
        {
            self.delta(index, block, listen)?;
        } else {
            unsaid(block, listen);
        }
        self.end(listen)
    }

    /// Text with its sources.
    fn cited(
        &mut self,
        index: u64,
        block: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        for part in block.objects("content").map_err(too_many)? {
            if let Some(text) = part.filled("text") {
                self.say(index, Kind::Text, text.decode(), listen)?;
            }
        }
        for citation in block.objects("citations").map_err(too_many)? {
            self.cite(&citation, listen)?;
        }
        Ok(())
    }

    /// The answer ends, for a reason in the provider's word.
    pub(super) fn finish(&mut self, native: &str, listen: &mut Listen<'_>) -> Result<(), Error> {
        self.end(listen)?;
        let choice = self.tracker.choice(0)?;
        let reason = match unify(native) {
            // The form of the answer was a tool; nobody else's tool was called.
            Reason::ToolCalls if self.answer.is_some() && !choice.has_calls() => Reason::Stop,
            reason => reason,
        };
        let is_open = self.answer.as_ref().is_some_and(|it| !it.is_whole());
        if is_open && reason != Reason::Length {
            return Err(broken("the provider's answer ended inside its JSON"));
        }
        choice
            .finish(reason, Some(native.to_owned()), listen)
            .map(drop)
    }

    /// Whether anything was said.
    pub(super) fn is_empty(&self) -> bool {
        self.tracker
            .choices
            .iter()
            .all(crate::track::Choice::is_empty)
    }

    /// Whether the answer is whole.
    pub(super) fn check_whole(&self) -> Result<(), Error> {
        self.tracker.check_whole(false)
    }
}

/// Names a block that the vocabulary cannot hold.
fn unsaid(block: &Members<'_>, listen: &mut Listen<'_>) {
    let kind = block.list.first().map(|member| member.name.decode());
    let name = format!("content.{}", kind.as_deref().unwrap_or("nothing"));
    listen(Event::Unsaid(name.into()));
}
