//! Cache health: whether providers' prompt caches are of use, and if not any more, why.
//!
//! Of each conversation the hashes of its last prompt are kept in memory ([`wire::prefix`]), never its
//! content. When the provider read much less of it from its cache than it had there, the two prompts are
//! compared, and the record of the call says what changed. Hashing happens beside the calls, while
//! providers are waited for; a call pays for one look at a table. See docs/cache-health.md.
//!
//! | file | holds |
//! |---|---|
//! | `board.rs` | [`CacheBoard`]: calls under way, and what broke |
//! | `conversations.rs` | what is remembered of each conversation, within a bound |

mod board;
mod conversations;

pub use board::{Asked, Break, CacheBoard, Lost};
