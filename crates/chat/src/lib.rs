//! The one vocabulary: what a conversation with a model is, independent of any wire.
//!
//! Floor 0. Every other crate speaks in these words, and none of them does I/O. Read in this order:
//!
//! 1. [`dialect`]: the wire formats that exist, and where each is spoken.
//! 2. [`needs`]: what a request asks of an endpoint; all that routing may know of it.
//! 3. [`event`]: the seven things an answer can say; a whole answer is the fold of its events.
//! 4. [`usage`] and [`finish`]: what was counted, and why the answer ended.
//! 5. [`error`]: everything that can go wrong with a call, with who must act and what may be tried.

pub mod dialect;
pub mod error;
pub mod event;
pub mod finish;
pub mod needs;
pub mod usage;

pub use dialect::Dialect;
pub use error::{Error, Kind, Next, Origin};
pub use event::{Block, Event};
pub use finish::{FinishReason, Reason};
pub use needs::{Modalities, Modality, Needs, Parameter, Parameters};
pub use usage::{Unit, Usage};
