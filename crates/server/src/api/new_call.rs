//! A request, made into a call that the relay can make or explain.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use catalog::Preferences;
use chat::{Dialect, Error, Kind};
use http::HeaderMap;
use ledger::GenerationId;
use ledger::generation::CallerNote;
use relay::{Call, Hedge};
use tokio::time::Instant;
use wire::codec::Door;
use wire::{Beside, Incoming};

use crate::api::request_head::note;
use crate::app::App;
use crate::caller::Caller;
use crate::clock;

/// How a request is spoken: the dialect of its path, and what it says beside its body.
pub(crate) struct Spoken {
    /// The dialect of the path.
    pub(crate) dialect: Dialect,
    /// Facts of the path and of a few headers.
    pub(crate) beside: Beside,
}

impl Spoken {
    /// A request at the door of a dialect.
    #[must_use]
    pub(crate) const fn new(dialect: Dialect, beside: Beside) -> Self {
        Self { dialect, beside }
    }

    /// The door of the dialect.
    ///
    /// # Errors
    /// Nobody is heard in it.
    pub(super) fn door(&self) -> Result<&'static dyn Door, Error> {
        wire::door_beside(self.dialect, &self.beside)
            .ok_or_else(|| Error::gateway(Kind::Server, "a path speaks a dialect without a door"))
    }
}

/// A new generation id, and a seed for what is left to chance.
pub(crate) fn mint(now_ms: i64) -> Result<(GenerationId, u64), Error> {
    let random: [u8; 18] = clock::random().map_err(|error| {
        Error::gateway(Kind::Server, "no randomness").with_detail(error.to_string())
    })?;
    let (mut suffix, mut seed) = ([0; 10], [0; 8]);
    suffix.copy_from_slice(&random[..10]);
    seed.copy_from_slice(&random[10..]);
    Ok((GenerationId::new(now_ms, suffix), u64::from_le_bytes(seed)))
}

/// The models to try, as asked, the first one first.
pub(super) fn models(request: &Incoming) -> Result<Vec<String>, Error> {
    let mut models: Vec<String> = Vec::with_capacity(1 + request.models.len());
    for model in request.model.iter().chain(&request.models) {
        if !models.contains(model) {
            models.push(model.clone());
        }
    }
    if models.is_empty() {
        let message = "No model was named: set \"model\", for example from GET /api/v1/models";
        return Err(Error::caller(Kind::InvalidRequest, message).with_field("model"));
    }
    Ok(models)
}

pub(super) fn preferences(request: &Incoming) -> Result<Preferences, Error> {
    let mut preferences = match &request.provider {
        Some(value) => Preferences::read(value).map_err(|error| {
            Error::caller(Kind::InvalidRequest, error.to_string()).with_field(error.path)
        })?,
        None => Preferences::default(),
    };
    if let Some(route) = &request.route {
        preferences.take_route(route);
    }
    Ok(preferences)
}

/// The body of a request that is to be explained, or relayed, as the relay wants it.
///
/// # Errors
/// When the request is not one.
pub(crate) fn read_call(
    app: &App,
    (body, spoken): (Bytes, Spoken),
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Call, Error> {
    let workspace_id = &caller.facts.key.workspace_id;
    let unpriced = app.unpriced_of(workspace_id);
    let call = internal_call(app, (body, spoken), CallerNote::default(), HeaderMap::new())?;
    Ok(Call {
        caller: note(caller, headers, &call.request),
        member_id: caller.facts.key.creator_user_id.clone(),
        unpriced,
        ..call
    })
}

/// A call without a key: it is explained, or made by ourselves.
///
/// # Errors
/// When the body is no request.
pub(crate) fn internal_call(
    app: &App,
    (body, spoken): (Bytes, Spoken),
    caller: CallerNote,
    simulation: HeaderMap,
) -> Result<Call, Error> {
    let created_at_ms = app.clock.now_ms();
    let (id, seed) = mint(created_at_ms)?;
    let door = spoken.door()?;
    let request = door.read_request(&body, spoken.beside)?;
    Ok(Call {
        id,
        created_at_ms,
        arrived: Instant::now(),
        waits: Arc::default(),
        trace: None,
        seed,
        door,
        models: models(&request)?,
        preferences: preferences(&request)?,
        account: app.account.clone(),
        wants_metadata: false,
        hedge: Hedge::Never,
        recovers: false,
        unpriced: app.unpriced_of(&caller.workspace_id),
        caller,
        simulation,
        budgets: Vec::new(),
        admission: None,
        free_needs_money: false,
        member_id: None,
        conversation: OnceLock::new(),
        body,
        request,
    })
}
