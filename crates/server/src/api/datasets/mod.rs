//! `/datasets`: rankings of models and apps, and what sessions cost, computed from our own traffic.
//! A management key sees that of the house, an inference key that of its workspace.

mod app_rankings;
mod rankings_daily;
mod session_cost;
mod window;

pub use app_rankings::get as app_rankings;
pub use rankings_daily::get as rankings_daily;
pub use session_cost::get as session_cost;

use store::{Dimension, FacetFilter};

use crate::caller::Caller;

/// The workspace whose traffic a caller may see; `None` of all.
fn workspace_of(caller: &Caller) -> Option<&str> {
    let key = &caller.facts.key;
    (!key.is_management).then_some(key.workspace_id.as_str())
}

/// The traffic that a caller may see.
fn traffic_of(caller: &Caller) -> FacetFilter {
    let filter = FacetFilter::default();
    match workspace_of(caller) {
        Some(workspace) => filter.one_of(Dimension::Workspace, vec![workspace.to_owned()]),
        None => filter,
    }
}
