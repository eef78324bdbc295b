//! Public paths, one file each.

pub mod anthropic_models;
pub mod cache_health;
pub mod chat_completions;
pub mod completions;

pub mod console;
pub mod credits;
pub mod datasets;
pub mod embeddings;
pub mod feedback;
pub mod gemini_models;
pub mod generate_content;
pub mod generation;
pub mod generation_content;
mod generation_plan;
pub mod generations;
pub mod health;
pub(crate) mod inference;
pub mod key;
pub mod messages;
pub mod metrics;
pub mod model;
pub mod model_endpoints;
pub mod models;
pub mod native;
pub mod openapi;
pub mod plan;
pub mod providers;
pub mod rerank;
mod respond;
pub mod responses;
pub mod session;
pub mod status;
mod told_again;
mod trace_note;
pub mod wishes;
