//! `GET /models` for Anthropic's own clients: the models that can be asked here, in their shape.

use std::sync::Arc;

use axum::extract::State;
use catalog::Model;
use chat::{Dialect, Error, Kind, Modality};
use http::{HeaderMap, StatusCode, Uri};
use serde::{Deserialize, Serialize};

use super::models::listing::{Scope, listing};
use super::models::query::Query;
use crate::app::App;
use crate::reply::{self, Answer, Rescue};
use crate::time;

/// What every request of these clients has.
const VERSION: &str = "anthropic-version";

/// Whether one of Anthropic's clients asks.
pub fn asks(headers: &HeaderMap) -> bool {
    headers.contains_key(VERSION)
}

/// Which part of the list is wanted; all of it where nothing is said.
#[derive(Default, Deserialize)]
struct Part {
    after_id: Option<String>,
    before_id: Option<String>,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Page<'a> {
    data: &'a [Listed],
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

/// One model. <https://docs.anthropic.com/en/api/models> (2026)
#[derive(Serialize)]
pub struct Listed {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    display_name: String,
    created_at: String,
}

/// One model in this shape.
pub fn listed(model: &Model) -> Listed {
    Listed {
        kind: "model",
        id: model.slug.as_str().to_owned(),
        display_name: model.name.to_string(),
        // The dialect has a time for every model: where none is known, the beginning of time.
        created_at: time::iso(model.created.saturating_mul(1000)),
    }
}

/// Answers `GET /models` with what `after_id`, `before_id` and `limit` say.
pub fn list(State(app): State<Arc<App>>, uri: &Uri) -> Answer {
    let part = axum::extract::Query::<Part>::try_from_uri(uri).map_err(|_| {
        let problem = "The query cannot be read: it takes after_id, before_id and limit";
        let error = Error::caller(Kind::InvalidRequest, problem);
        Rescue::from(error).in_dialect(Dialect::AnthropicMessages)
    })?;
    let now = app.clock.now_ms().div_euclid(1000);
    let catalog = app.catalog.load();
    let models = listing(&catalog, Scope::UsableIfAny, &Query::default(), now);
    let chats = models
        .iter()
        .filter(|model| model.output.contains(Modality::Text));
    let all: Vec<Listed> = chats.map(|model| listed(model)).collect();
    let (data, has_more) = cut(&all, &part.0);
    let page = Page {
        data,
        has_more,
        first_id: data.first().map(|one| one.id.as_str()),
        last_id: data.last().map(|one| one.id.as_str()),
    };
    reply::json(StatusCode::OK, &page)
}

/// The part that is wanted, and whether there is more in its direction. Before a model stand those
/// that come right before it.
fn cut<'a>(all: &'a [Listed], part: &Part) -> (&'a [Listed], bool) {
    let limit = part.limit.unwrap_or(usize::MAX);
    let place = |id: &String| all.iter().position(|one| one.id == *id);
    if let Some(end) = part.before_id.as_ref().and_then(place) {
        let start = end.saturating_sub(limit);
        return (all.get(start..end).unwrap_or_default(), start > 0);
    }
    let after = part.after_id.as_ref().and_then(place);
    let start = after.map_or(0, |at| at + 1);
    let end = start.saturating_add(limit).min(all.len());
    (all.get(start..end).unwrap_or_default(), end < all.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_in_both_directions() {
        let all: Vec<Listed> = ["a", "b", "c", "d"]
            .map(|id| Listed {
                kind: "model",
                id: id.to_owned(),
                display_name: String::new(),
                created_at: String::new(),
            })
            .into();
        for (after, before, limit, ids, has_more) in [
            (None, None, None, "abcd", false),
            (None, None, Some(2), "ab", true),
            (Some("b"), None, Some(2), "cd", false),
            (Some("d"), None, Some(2), "", false),
            (None, Some("d"), Some(2), "bc", true),
            (None, Some("b"), Some(2), "a", false),
        ] {
            let part = Part {
                after_id: after.map(str::to_owned),
                before_id: before.map(str::to_owned),
                limit,
            };
            let (data, more) = cut(&all, &part);
            let told: String = data.iter().map(|one| one.id.as_str()).collect();
            assert_eq!((told.as_str(), more), (ids, has_more));
        }
    }
}
