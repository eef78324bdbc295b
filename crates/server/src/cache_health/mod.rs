//! Cache health: whether providers' prompt caches are of use, and if not any more, why.
//!
//! Of each conversation the hashes of its last prompt are kept in memory ([`wire::prefix`]), never its
//! content. When the provider read much less of it from its cache than it had there, the two prompts are
//! compared, and the record of the call says what changed. Calls of a session are told by the same
//! hashes which of them go on with which. Hashing happens beside the calls, while
//! providers are waited for; a call pays for one look at a table. See docs/cache-health.md.
//!
//! | file | holds |
//! |---|---|
//! | `board.rs` | [`CacheBoard`]: calls under way, and what broke |
//! | `conversations.rs` | what is remembered of each conversation, within a bound |
//! | `lineage.rs` | which call of a session goes on with which, likewise |

mod board;
mod conversations;
mod lineage;

pub use board::{Asked, CacheBoard, Seen};
