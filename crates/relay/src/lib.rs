//! One call, start to end: plan, attempt, stream, record.
//!
//! Floor 3. Read in this order:
//!
//! 1. [`call`]: what a door hands in and what it gets back.
//! 2. `relay`: the hot path, on one page.
//! 3. `attempt`: one try at one endpoint, and `request`, what it is sent. `failures`: what many failed tries add up to.
//! 4. `pump` (streams, through a `queue`) and `whole` (whole answers): how an answer travels down.
//! 5. `meter` and `draft`: what is counted on the way, and the record it becomes.
//! 6. [`money`]: what is held before, topped up while, and settled after a call with budgets.
//! 7. [`native`]: requests in a provider's own API, passed on as they are.
//! 8. [`count`]: how long a prompt is, asked apart from any call.
//! 9. [`upstream`], [`credentials`] and [`auth`]: the only sockets, and how they get in.
//!
//! No provider name and no dialect name appears in this logic; no SQL; no arithmetic on money.

mod attempt;
pub mod auth;
mod cache_hit;
pub mod call;
pub mod count;
pub mod credentials;
mod door;
mod draft;
mod failures;
mod meter;
pub mod money;
pub mod native;
mod no_plan;
pub mod provider_limits;
mod pump;
mod queue;
mod relay;
mod request;
mod routing;
pub mod timers;
mod trace;
pub mod upstream;
mod waits;
mod whole;

pub use cache_hit::CacheHit;
pub use call::{Call, Hedge, Reply, ReplyHead};
pub use count::{Counted, CountedBy};
pub use credentials::{Credentials, Labelled, Pinned, Secret};
pub use money::{AdmissionPolicy, AdmittedBy, Counts, DrainBounds, UnpricedPolicy};
pub use native::{Native, NativeReply};
pub use provider_limits::{ProviderLimits, Unlimited};
pub use queue::Queue;
pub use relay::{Parts, Relay};
pub use routing::{Planned, Skip};
pub use timers::{Clock, Timers};
pub use trace::Trace;
pub use upstream::{HttpUpstream, SendError, Upstream};
pub use waits::Waits;
