//! JSON Schemas made fit for those who know only a part of JSON Schema.
//!
//! What a dialect knows is data ([`Rules`], one row per dialect), and one walk applies it. What is
//! taken out of a schema is told as JSON pointers into the caller's own, so that nothing is lost in
//! silence.
//!
//! | file | does |
//! |---|---|
//! | `rules.rs` | the table: what each dialect knows |
//! | `walk.rs` | one pass through a schema by the rules |
//! | `openapi.rs` | what the pass says otherwise where the dialect knows OpenAPI's schema instead |
//! | `recursion.rs` | whether a schema holds itself |

mod openapi;
mod recursion;
mod rules;
mod walk;

pub(crate) use recursion::is_recursive;
pub(crate) use rules::{ANTHROPIC_STRICT, COHERE_STRICT, GOOGLE, OPENAI_STRICT, Rules};
pub(crate) use walk::{exactly, lower};
