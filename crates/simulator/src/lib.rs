//! A scripted provider for tests, demos and benchmarks. Everything it says is simulated.
//!
//! It speaks the wire formats exactly, over real sockets, and does what it is told: answer slowly, in odd pieces,
//! wrongly, or not at all. Its ledger says what it was asked and what it served, so that a test can compare what
//! was scripted, what the product recorded and what the client saw. No product crate is used here: a mistake
//! there must not hide itself.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use simulator::{Script, Simulator};
//! use std::time::Duration;
//!
//! let simulator = Simulator::start("127.0.0.1:0").await?;
//! let base_url = simulator.base_url(); // http://127.0.0.1:PORT/v1, POST {base_url}/chat/completions
//! if let (Ok(busy), Ok(slow)) = (Script::parse("status=429,retry-after=1"), Script::parse("gap=50ms")) {
//!     simulator.script_once("gpt-sim", busy); // the first call
//!     simulator.script("gpt-sim", slow); // every later one
//! }
//! let entry = simulator.ledger().wait_for(|entry| entry.is_finished(), Duration::from_secs(1)).await;
//! simulator.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Where a script comes from
//! The first of these that exists is the whole script; they are not mixed.
//! 1. The request header `x-simulate`.
//! 2. The queue of [`Simulator::script_once`] (or `POST /script` with `times`), for the model, then for `*`.
//! 3. The model's name, after a `!`: `gpt-sim!delay=200ms,chunks=100,gap=5ms,usage=missing`.
//! 4. [`Simulator::script`] (or `POST /script`), for the model, then for `*`.
//! 5. The script of the [`Persona`] whose path was asked.
//!
//! A model's scripts are found by its full name and by the part before `!`.
//!
//! # Grammar
//! Words joined by commas, some with `=value`. Waits take `us`, `ms` or `s`; texts are percent-encoded.
//! [`GRAMMAR`] lists every word with an example; `GET /` and `docs/simulator.md` show the same table.
//! A word that is unknown or has an unusable value is answered with 400 and says what was expected.
//!
//! # Counting
//! A token is four bytes, rounded up per text ([`count_tokens`]). A prompt is, per message, 4 tokens and those of
//! its text and tool calls, 85 for each image, file or clip, plus those of the tools as compact JSON. An answer is its
//! reasoning, its text, and per tool call those of the name and of the arguments. Cached tokens are part of the
//! prompt, reasoning tokens part of the completion; Anthropic's dialect reports the cached ones apart.
//!
//! # Over HTTP
//! `GET /` a page; `GET /ledger?after=SEQ&model=M&holding=WORD&limit=N`, `DELETE /ledger`; `POST /script`
//! `{"model","script","times","text","arguments","raw":{"status","headers","body"|"body_base64","writes"}}`,
//! `DELETE /script`; `GET /personas`; `GET /healthz`. Every response has `x-simulated: true`.

mod answer;
mod answering;
mod body;
mod cache;
mod choosing;
mod control;
mod dialect;
mod encoding;
mod gate;
mod ledger;
mod outlet;
mod page;
mod persona;
mod script;
mod seal;
mod simulator;
mod socket;
mod stage;
mod tokens;

pub use gate::AwsCredentials;
pub use ledger::{End, Entry, Ledger, Limits, Totals, Usage};
pub use persona::{Persona, PersonaSpec, demo_fleet, dialect_fleet};
pub use script::{
    Content, Cut, Error200, FinishRule, GRAMMAR, GrammarRow, Hang, Pace, Raw, Script, ScriptError,
    Sever, Trouble, UsageRule, UsageWhen,
};
pub use simulator::{Options, Simulator};
pub use tokens::{BYTES_PER_TOKEN, TOKENS_PER_MEDIA, TOKENS_PER_MESSAGE, count_tokens};
