//! The one vocabulary: what a conversation with a model is, independent of any wire.
//!
//! Floor 0. Every other crate speaks in these words, and none of them does I/O. Read in this order:
//!
//! 1. [`dialect`]: the wire formats that exist, where each is spoken, and what each can say;
//!    [`habit`], what some of their speakers can be told beside that.
//! 2. [`needs`]: what a request asks of an endpoint; all that routing may know of it.
//! 3. [`request`]: the request itself, built only when a call must be translated.
//! 4. [`event`]: what an answer can say; [`response`], a whole answer, is the fold of its events.
//! 5. [`opaque`]: signatures and ciphertext that must return to where they came from.
//! 6. [`usage`] and [`finish`]: what was counted, and why the answer ended.
//! 7. [`error`]: everything that can go wrong with a call, with who must act and what may be tried.

mod content;
pub mod dialect;
pub mod error;
pub mod event;
pub mod finish;
pub mod habit;
pub mod needs;
pub mod opaque;
pub mod request;
pub mod response;
mod search_result;
pub mod set;
pub mod usage;

pub use dialect::Dialect;
pub use error::{Error, Kind, Next, Origin};
pub use event::{Block, Citation, Event, Measure, Place};
pub use finish::{FinishReason, Reason};
pub use needs::{Feature, Features, Modalities, Modality, Needs, Parameter, Parameters};
pub use opaque::{Opaque, Seal};
pub use request::Request;
pub use response::Response;
pub use usage::{ServiceTier, Unit, Usage};
