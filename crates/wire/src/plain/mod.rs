//! What is no conversation: embeddings and reranking. Requests and answers are whole and small in
//! shape, so each kind of provider has one file that writes its request and reads its answer.
//!
//! | folder | from | to |
//! |---|---|---|
//! | `embeddings/` | OpenAI's `/embeddings` | hosts of the same, Cohere, Gemini and Vertex |
//! | `rerank/` | Cohere's and OpenRouter's `/rerank` | hosts of much the same, and Cohere |

pub(crate) mod body;
pub mod embeddings;
pub mod rerank;
mod tap;
