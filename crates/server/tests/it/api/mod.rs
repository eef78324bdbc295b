//! One file per public path, as in `src/api`.

mod adversity;
mod budgets;
mod cache_health;
mod calls;
mod chat_completions;
mod console;
mod content;
mod content_bucket;
mod errors;
mod generate_content;
mod generation;
mod generations;
mod health;
mod health_shared;
mod key;
mod limits;
mod messages;
mod metrics;
mod models;
mod native;
mod openapi;
mod plan;
mod policies;
mod provider_dialects;
mod responses;
mod wishes;
