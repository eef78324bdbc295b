//! Who may be asked just now: an endpoint has a limit of calls at once, and after an outage one call
//! looks whether it is over before the others follow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use catalog::{Endpoint, EndpointId};

/// Why an endpoint is not asked just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shut {
    /// As many calls as allowed are under way there.
    Full,
    /// One call is looking whether its outage is over.
    BeingProbed,
}

/// Calls under way by endpoint: only of endpoints with a limit, and of those being probed.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    under_way: Arc<Mutex<HashMap<EndpointId, Under>>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Under {
    calls: u32,
    probes: u32,
}

impl Under {
    fn shut(self, endpoint: &Endpoint, is_unproven: bool) -> Option<Shut> {
        let limit = endpoint.steering.concurrency_max;
        if limit.is_some_and(|limit| self.calls >= limit) {
            return Some(Shut::Full);
        }
        (is_unproven && self.probes > 0).then_some(Shut::BeingProbed)
    }
}

impl Gates {
    /// Whether an endpoint would not let a call in just now.
    pub(super) fn shut(&self, endpoint: &Endpoint, is_unproven: bool) -> Option<Shut> {
        let all = lock(&self.under_way);
        let under = all.get(&endpoint.id).copied().unwrap_or_default();
        under.shut(endpoint, is_unproven)
    }

    /// Asks to be let in at an endpoint. `is_unproven`: its outage is over by the clock only.
    pub(super) fn enter(&self, endpoint: &Endpoint, is_unproven: bool) -> Result<Pass, Shut> {
        let limit = endpoint.steering.concurrency_max;
        if limit.is_none() && !is_unproven {
            return Ok(Pass { inside: None });
        }
        let mut all = lock(&self.under_way);
        let under = all.entry(endpoint.id.clone()).or_default();
        if let Some(shut) = under.shut(endpoint, is_unproven) {
            return Err(shut);
        }
        under.calls += 1;
        under.probes += u32::from(is_unproven);
        drop(all);
        Ok(Pass {
            inside: Some((
                Arc::clone(&self.under_way),
                endpoint.id.clone(),
                is_unproven,
            )),
        })
    }
}

type UnderWay = Arc<Mutex<HashMap<EndpointId, Under>>>;

/// Leave to be at an endpoint; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    inside: Option<(UnderWay, EndpointId, bool)>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Some((under_way, id, is_probe)) = self.inside.take() else {
            return;
        };
        let mut all = lock(&under_way);
        if let Some(under) = all.get_mut(&id) {
            under.calls = under.calls.saturating_sub(1);
            under.probes = under.probes.saturating_sub(u32::from(is_probe));
            if under.calls == 0 {
                all.remove(&id);
            }
        }
    }
}

/// The map; a panic elsewhere cannot have left it half written.
fn lock(all: &Mutex<HashMap<EndpointId, Under>>) -> MutexGuard<'_, HashMap<EndpointId, Under>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}
