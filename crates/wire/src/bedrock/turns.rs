//! Writes the conversation: turns that alternate, each with its blocks, and cache points between.
//!
//! The operator's words before the conversation become `system`; those in the middle stay where they
//! are, inside the user's turn: were they moved to the front, every one of them would undo the cache
//! of all that was said before. Results of tools come first in a turn, as Claude demands.

use chat::request::{Content, Message, Role};
use chat::{Error, Request};
use serde_json::{Value, json};

use super::family::Family;
use super::marks::Marks;
use super::parts::{Block, Scribe};
use crate::cited::name_untold;

/// The conversation as this dialect says it.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub(super) system: Vec<Value>,
    pub(super) messages: Vec<Value>,
    /// Tools that were called, each once.
    pub(super) called: Vec<String>,
    /// Whether the last tool calls were made without a thought of Claude's.
    pub(super) is_unthought: bool,
    said: Vec<Turn>,
}

/// The turn of one role.
#[derive(Debug)]
struct Turn {
    role: &'static str,
    blocks: Vec<Block>,
}

/// Writes the conversation.
///
/// # Errors
/// Pictures and the like that cannot be shown here.
pub(super) fn turns(
    request: &Request,
    family: &Family,
    marks: &mut Marks,
    dropped: &mut Vec<String>,
) -> Result<Turns, Error> {
    let mut turns = Turns::default();
    let mut scribe = Scribe::new(family, marks, dropped);
    name_untold(
        &request.messages,
        |role| role == Role::Assistant,
        scribe.dropped,
    );
    let mut system = Vec::new();
    for (at, message) in request.messages.iter().enumerate() {
        let path = format!("messages[{at}]");
        if message.name.is_some() {
            scribe.lose(format!("{path}.name"));
        }
        let blocks = scribe.blocks(message, &path)?;
        match message.role {
            Role::System | Role::Developer if turns.said.is_empty() => {
                let (texts, others) = blocks.into_iter().partition(|block| block.is("text"));
                system.extend::<Vec<Block>>(texts);
                turns.say("user", others);
            }
            Role::System | Role::Developer => {
                turns.say("user", blocks.into_iter().map(of_operator).collect());
            }
            Role::User | Role::Tool => turns.say("user", blocks),
            Role::Assistant => turns.answer(message, blocks),
        }
    }
    if turns.said.is_empty()
        && let Some(last) = system.pop()
    {
        turns.say("user", vec![last]);
    }
    turns.complete();
    if scribe.marks.marks_prompt() {
        let point = scribe.marks.trailing();
        turns.trail(point, scribe.dropped);
    }
    if turns.settle() {
        scribe.lose("messages[].content[].cache_control".to_owned());
    }
    turns.system = flat(system);
    turns.messages = std::mem::take(&mut turns.said)
        .into_iter()
        .map(|turn| json!({"role": turn.role, "content": flat(turn.blocks)}))
        .collect();
    Ok(turns)
}

fn flat(blocks: Vec<Block>) -> Vec<Value> {
    let both = |block: Block| std::iter::once(block.value).chain(block.point);
    blocks.into_iter().flat_map(both).collect()
}

/// The text of a block, whether it cites anything or not.
fn words(block: &mut Block) -> Option<&mut Value> {
    let path = match block.is("citationsContent") {
        true => "/citationsContent/content/0/text",
        false => "/text",
    };
    block.value.pointer_mut(path)
}

/// Words of the operator in a turn of the user's.
fn of_operator(mut block: Block) -> Block {
    if let Some(text) = block.value["text"].as_str() {
        block.value["text"] = json!(format!("<system>\n{text}\n</system>"));
    }
    block
}

impl Turns {
    /// Adds blocks to the turn of a role, a new one if need be.
    fn say(&mut self, role: &'static str, blocks: Vec<Block>) {
        if blocks.is_empty() {
            return;
        }
        match self.said.last_mut().filter(|last| last.role == role) {
            Some(last) => last.blocks.extend(blocks),
            None => self.said.push(Turn { role, blocks }),
        }
        if let Some(last) = self.said.last_mut().filter(|last| last.role == "user") {
            // Stable: results stay in their order, and so does the rest.
            last.blocks.sort_by_key(|block| !block.is("toolResult"));
        }
    }

    fn answer(&mut self, message: &Message, blocks: Vec<Block>) {
        for part in &message.parts {
            if let Content::ToolCall { name, .. } = &part.content
                && !self.called.contains(name)
            {
                self.called.push(name.clone());
            }
        }
        let calls = blocks.iter().any(|block| block.is("toolUse"));
        let thought = blocks.iter().any(|block| block.is("reasoningContent"));
        self.is_unthought = calls && !thought;
        self.say("assistant", blocks);
    }

    /// A conversation begins with the user, a document is asked something of, and an answer that is
    /// to be continued ends in a letter.
    fn complete(&mut self) {
        let text = |text: &str| Block {
            value: json!({"text": text}),
            point: None,
        };
        if self.said.first().is_some_and(|first| first.role != "user") {
            let blocks = vec![text("Go on.")];
            let turn = Turn {
                role: "user",
                blocks,
            };
            self.said.insert(0, turn);
        }
        for turn in &mut self.said {
            let has_document = turn.blocks.iter().any(|block| block.is("document"));
            if has_document && !turn.blocks.iter().any(|block| block.is("text")) {
                turn.blocks.push(text("See the document."));
            }
        }
        let last = self
            .said
            .last_mut()
            .filter(|last| last.role == "assistant")
            .and_then(|last| last.blocks.last_mut());
        if let Some(text) = last.and_then(words)
            && let Some(said) = text.as_str().map(str::trim_end)
        {
            *text = json!(said);
        }
    }

    /// Moves cache points that stand behind a document which its host makes text of to what stands
    /// before it, since the call is refused else; so it is where nothing stands before it. Says whether
    /// there were any.
    /// <https://github.com/strands-agents/harness-sdk/issues/1966> (2026)
    fn settle(&mut self) -> bool {
        let mut has_moved = false;
        for turn in &mut self.said {
            let mut moved = None;
            for block in turn.blocks.iter_mut().rev() {
                if block.becomes_text() {
                    moved = block.point.take().or(moved);
                    has_moved |= moved.is_some();
                } else if !block.is("reasoningContent") {
                    block.point = block.point.take().or_else(|| moved.take());
                }
            }
        }
        has_moved
    }

    /// Sets the cache point at the end, where the whole prompt is marked.
    fn trail(&mut self, point: Option<Value>, dropped: &mut Vec<String>) {
        let blocks = self.said.last_mut().map(|last| &mut last.blocks);
        let last = blocks
            .into_iter()
            .flatten()
            .rfind(|block| !block.is("reasoningContent"));
        match (last, point) {
            (Some(last), _) if last.point.is_some() => {}
            (Some(last), Some(point)) => last.point = Some(point),
            _ => dropped.push("cache_control".to_owned()),
        }
    }
}
