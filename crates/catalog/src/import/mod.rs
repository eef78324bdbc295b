//! Import: from what others publish to our rows. Text in, rows out, no I/O.
//!
//! Two formats are read: the curated one (`models.json` + `providers.json`, see
//! `data/README.md`), from which the built-in files were derived once, and models.dev's own
//! (`api.json`, `catalog.json`, `models.json`), from which `waybill catalog update` refreshes them
//! at run time. Both readers make [`offer::Offer`]s; [`assemble`] turns offers into rows. What a
//! row of the base already says by hand (provider habits, data policies, tags) is kept.

mod assemble;
mod curated;
mod decimal;
mod facts;
mod models_dev;
mod naming;
mod offer;
mod write;

pub use curated::curated;
pub use models_dev::models_dev;
pub(crate) use naming::QUANTIZATIONS;
pub use write::{File, files, provider_text};
