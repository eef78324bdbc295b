//! Google's `generateContent`, as AI Studio and Vertex speak it to us and as callers speak it.
//!
//! A conversation is `contents`, each with a role (`user`, `model`) and `parts`; what a part is, is
//! told by the name of its member. Names are accepted in camel case and in snake case, as Google's
//! own parser has it. An answer has `candidates`; a stream is a sequence of such answers, each with
//! a little more, and has no terminator: it is whole when every candidate has its `finishReason`.
//! Callers may want a stream as one JSON array instead of server-sent events.
//!
//! | file | does |
//! |---|---|
//! | `names.rs` | names in both cases |
//! | `request.rs`, `contents.rs` | caller's request → checked, with spans and [`chat::Needs`] |
//! | `splice.rs` | the same bytes for one endpoint |
//! | `events.rs`, `grounding.rs` | one walk for chunks and whole answers: events and stamps |
//! | `logprobs.rs` | log probabilities, in both directions |
//! | `same.rs` | an answer that stays in its dialect |
//! | `frames.rs` | how a stream to a caller is framed: events, or one array |
//! | `inbound/` | callers' requests → the vocabulary, events → their answers |
//! | `outbound/` | the vocabulary → providers' requests, their answers → events |
//! | `family.rs` | what the generations of models differ in |
//! | `seal.rs` | thought signatures, and those of other families in their place |
//! | `usage.rs` | counts → disjoint buckets, and buckets → `usageMetadata` |
//! | `count.rs` | `countTokens` |
//! | `embed.rs` | `embedContent`, in the words of the door of embeddings |
//! | `envelope.rs` | an error → the caller's envelope |

mod contents;
mod count;
mod dialect;
mod embed;
mod envelope;
mod events;
mod family;
mod frames;
mod grounding;
mod inbound;
mod logprobs;
mod names;
mod outbound;
mod request;
mod same;
mod seal;
mod splice;
mod usage;

pub use count::counted_request;
pub use dialect::Gemini;
pub use embed::{embedding_answer, embedding_request};
