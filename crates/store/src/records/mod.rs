//! Records of calls at any size: partitions, what is counted of them, and lists.
//!
//! 1. `month`: a record's position, which follows from its id, and the month that it is in.
//!    `partitions`: a table per month. `insert`: records into them. `adopt`: records from before.
//! 2. `facets`, `parts`: the combinations that calls are counted by. `dimensions`: what of them is grouped
//!    and filtered by. `measures`: what is counted.
//! 3. `delta`: what a batch of records adds, written in their transaction. `gather`: from there by
//!    minute and facet. `merge`: and then into the rows of minutes, hours and days. `query`: what all of
//!    these say. `recount`: whether the records say the same.
//! 4. `cube`: by which few dimensions hours and days are added up when they are over. `seal`: doing
//!    so, and doing it anew when calls come late. `mend`: and when something has kept that from
//!    happening. `compare`: whether it is so. `shelf`, `rows`: where all these rows stand.
//! 5. `index`: where the records of each facet stand. `positions`: how that is said until it is there.
//! 6. `list`: records by any filter, a page at a time. `session_list`: sessions, the dearest first or
//!    those called last. `breaks`: caches of conversations that broke.
//! 7. `retention`: months come and go. `horizons`: how far back what is kept goes.

mod adopt;
mod breaks;
mod compare;
mod cube;
mod delta;
mod dimensions;
mod facets;
mod gather;
mod horizons;
mod index;
mod insert;
mod list;
mod measures;
mod mend;
mod merge;
mod month;
mod partitions;
mod parts;
mod positions;
mod query;
mod recount;
mod retention;
mod row;
mod rows;
mod seal;
mod session_list;
mod session_sample;
mod sessions;
mod shelf;
mod sums;

pub(crate) use breaks::note_breaks;
pub use breaks::{CacheBreak, CacheLosses};
pub(crate) use delta::{Delta, note};
pub use dimensions::{Dimension, FacetFilter};
pub(crate) use facets::KnownFacets;
pub use facets::{Facet, OTHER};
pub(crate) use gather::deltas;
pub(crate) use horizons::{RECORDS, get as horizon};
pub(crate) use insert::{Place, insert, insert_new, places};
pub use list::{ListQuery, PAGE_MAX, Page};
pub use measures::{Measure, Measures, Sketched};
pub use mend::Looked;
pub use month::Month;
pub(crate) use month::{PROBES, position_of};
pub(crate) use partitions::{KnownMonths, months};
pub use query::{Grain, RollupQuery, RollupRow};
pub use retention::Partition;
pub(crate) use row::{COLUMNS, from_row};
pub use session_list::{SESSIONS_MAX, SessionOrder, SessionPage, SessionPlace, SessionQuery};
pub use session_sample::SampledSession;
pub use sessions::{SessionKey, SessionSums};
