//! What may be asked of the list.

use std::time::Duration;

use chat::{Error, Kind};
use ledger::quality::Sign;
use serde::Deserialize;
use store::{Dimension, FacetFilter, ListQuery, PAGE_MAX};

use crate::app::App;
use crate::caller::Caller;
use crate::money::read_usd_text;
use crate::time::read_utc;

/// Records of a page where nobody says.
const PAGE: usize = 50;

/// How long calls that have just ended may take to reach the database, before the list is read
/// without them.
const SETTLE_WAIT: Duration = Duration::from_millis(500);

/// The query of `GET /generations`. Lists are separated by commas.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    start: Option<String>,
    end: Option<String>,
    workspace_id: Option<String>,
    api_key_hash: Option<String>,
    user_id: Option<String>,
    model: Option<String>,
    provider: Option<String>,
    endpoint: Option<String>,
    app: Option<String>,
    origin: Option<String>,
    status: Option<String>,
    outcome: Option<String>,
    error_type: Option<String>,
    session_id: Option<String>,
    end_user: Option<String>,
    min_cost: Option<String>,
    min_latency: Option<i64>,
    sign: Option<String>,
    search: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
    format: Option<String>,
}

impl Asked {
    /// The form of the answer.
    pub fn format(&self) -> Option<&str> {
        self.format.as_deref()
    }

    /// What that means for this caller.
    ///
    /// # Errors
    /// When a field is not what it should be.
    pub fn query(&self, caller: &Caller) -> Result<ListQuery, Error> {
        let time = |field, text: &Option<String>| {
            let read = |text: &String| read_utc(text).map_err(|message| invalid(field, &message));
            text.as_ref().map(read).transpose()
        };
        let cost = |text: &String| {
            let amount = read_usd_text(text).map_err(|message| invalid("min_cost", &message))?;
            Ok::<_, Error>(amount.nanos())
        };
        let limit = self.limit.unwrap_or(PAGE);
        if !(1..=PAGE_MAX).contains(&limit) {
            let message = format!("{limit} is not from 1 to {PAGE_MAX}");
            return Err(invalid("limit", &message));
        }
        Ok(ListQuery {
            from_ms: time("start", &self.start)?,
            to_ms: time("end", &self.end)?,
            filter: self.filter(caller),
            session_id: self.session_id.clone(),
            external_user: self.end_user.clone(),
            cost_nanos_min: self.min_cost.as_ref().map(cost).transpose()?,
            total_ms_min: self.min_latency,
            signs: self.signs()?,
            text: self.search.clone(),
            before: self.cursor.as_deref().map(read_cursor).transpose()?,
            search_max: None,
            count: limit,
        })
    }

    fn signs(&self) -> Result<Vec<Sign>, Error> {
        let names = self.sign.iter().flat_map(|names| names.split(','));
        let sign = |name: &str| {
            Sign::from_name(name).ok_or_else(|| {
                let known = Sign::ALL.map(Sign::name).join(", ");
                invalid("sign", &format!("\"{name}\" is none of {known}"))
            })
        };
        names.map(str::trim).map(sign).collect()
    }

    fn filter(&self, caller: &Caller) -> FacetFilter {
        let mut filter = FacetFilter::default();
        let key = &caller.facts.key;
        if !key.is_management {
            filter = filter.one_of(Dimension::Key, vec![key.hash.as_str().to_owned()]);
        }
        for (dimension, asked) in [
            (Dimension::Workspace, &self.workspace_id),
            (Dimension::Key, &self.api_key_hash),
            (Dimension::Member, &self.user_id),
            (Dimension::App, &self.app),
            (Dimension::Origin, &self.origin),
        ] {
            if let Some(value) = asked {
                filter = filter.one_of(dimension, vec![value.clone()]);
            }
        }
        for (dimension, asked) in [
            (Dimension::Model, &self.model),
            (Dimension::Provider, &self.provider),
            (Dimension::Endpoint, &self.endpoint),
            (Dimension::Status, &self.status),
            (Dimension::Outcome, &self.outcome),
        ] {
            if let Some(values) = asked {
                let values = values.split(',').map(|value| value.trim().to_owned());
                filter = filter.one_of(dimension, values.collect());
            }
        }
        if let Some(types) = &self.error_type {
            let kinds = types.split(',').flat_map(|one| kinds_of(one.trim()));
            filter = filter.one_of(Dimension::ErrorKind, kinds.collect());
        }
        filter
    }
}

/// The kinds of error that callers are told of by this `error_type`, as they are counted.
pub(crate) fn kinds_of(error_type: &str) -> impl Iterator<Item = String> {
    let kinds = Kind::ALL.iter();
    let kinds = kinds.filter(move |kind| kind.error_type() == error_type);
    kinds.map(|kind| kind.name().to_owned())
}

/// Where a page begins, as text. What it says is nobody's business but ours.
pub(crate) fn cursor(position: i64) -> String {
    format!("{position:016x}")
}

/// Reads what [`cursor`] wrote.
pub(crate) fn read_cursor(text: &str) -> Result<i64, Error> {
    let position = i64::from_str_radix(text, 16).ok();
    position
        .filter(|position| *position >= 0)
        .ok_or_else(|| invalid("cursor", "take it from \"next_cursor\" of the page before"))
}

/// Lets calls that have just ended reach the database. When it is away, whoever reads will say so.
pub(crate) async fn settled_first(app: &App) {
    if tokio::time::timeout(SETTLE_WAIT, app.recorder.flush())
        .await
        .is_err()
    {
        tracing::debug!("a list is read without the calls that wait for the database");
    }
}

fn invalid(field: &'static str, message: &str) -> Error {
    Error::caller(Kind::InvalidRequest, format!("{field}: {message}")).with_field(field)
}
