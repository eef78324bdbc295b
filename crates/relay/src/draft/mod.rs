//! The record of a call while it is being made; every ending turns it into a `Generation`.
//!
//! | file | does |
//! |---|---|
//! | `record.rs` | the record, and how each ending closes it |
//! | `several.rs` | attempts of which more than one is charged: races, and answers gone on with |
//! | `charges.rs` | what an attempt and a call are charged, and how an answer says that |

mod charges;
mod record;
mod several;

pub(crate) use charges::cost_text;
pub(crate) use record::Draft;
