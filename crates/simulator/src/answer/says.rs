//! An answer taken apart into what is said one after another, lazily, for streaming.

use std::ops::Range;
use std::sync::Arc;

use super::{Answer, Block, Kind};
use crate::dialect::Rendering;
use crate::tokens::{BYTES_PER_TOKEN, char_border, count_tokens};

/// One thing said. Indices are of the choice, of the block in it, and of bytes in the block's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    /// A choice begins.
    Open { choice: usize },
    /// A block begins; `tokens` is what its head weighs.
    BlockStart {
        choice: usize,
        block: usize,
        tokens: u64,
    },
    /// A piece of a block.
    Piece {
        choice: usize,
        block: usize,
        range: Range<usize>,
        tokens: u64,
    },
    /// A block ends.
    BlockEnd { choice: usize, block: usize },
    /// A choice ends.
    Close { choice: usize },
}

/// Everything an answer says, in order.
pub(crate) fn says(rendering: Arc<Rendering>) -> impl Iterator<Item = Say> + Send {
    let choices = rendering.answer.choices.len();
    (0..choices).flat_map(move |choice| {
        let rendering = rendering.clone();
        let blocks = rendering.answer.choices[choice].blocks.len();
        std::iter::once(Say::Open { choice })
            .chain((0..blocks).flat_map(move |block| block_says(rendering.clone(), choice, block)))
            .chain(std::iter::once(Say::Close { choice }))
    })
}

fn block_says(
    rendering: Arc<Rendering>,
    choice: usize,
    block: usize,
) -> impl Iterator<Item = Say> + Send {
    let it = block_of(&rendering.answer, choice, block);
    let (pieces, tokens) = (it.pieces, head_tokens(it));
    let middle = (0..pieces).filter_map(move |piece| {
        let block_text = &block_of(&rendering.answer, choice, block).text;
        let range = piece_range(block_text, piece, pieces);
        let tokens = tokens_up_to(range.end) - tokens_up_to(range.start);
        (!range.is_empty()).then_some(Say::Piece {
            choice,
            block,
            range,
            tokens,
        })
    });
    std::iter::once(Say::BlockStart {
        choice,
        block,
        tokens,
    })
    .chain(middle)
    .chain(std::iter::once(Say::BlockEnd { choice, block }))
}

fn block_of(answer: &Answer, choice: usize, block: usize) -> &Block {
    &answer.choices[choice].blocks[block]
}

/// Tokens a block costs on top of its text: a tool call's name.
pub(super) fn head_tokens(block: &Block) -> u64 {
    match &block.kind {
        Kind::Call { name, .. } => count_tokens(name),
        Kind::Reasoning | Kind::Redacted | Kind::Text | Kind::Refusal => 0,
    }
}

/// The bytes of one of `pieces` nearly equal pieces, bordered by characters.
fn piece_range(text: &str, piece: usize, pieces: usize) -> Range<usize> {
    let border = |n: usize| char_border(text, text.len() * n / pieces);
    border(piece)..border(piece + 1)
}

fn tokens_up_to(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(BYTES_PER_TOKEN)
}
