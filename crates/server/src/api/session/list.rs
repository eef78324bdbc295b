//! `GET /sessions`: agent runs, those called last or the dearest first, in pages. Not in
//! OpenRouter's API.

use std::sync::Arc;

use axum::extract::{Query, State};
use chat::{Error, Kind};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{SESSIONS_MAX, SessionKey, SessionOrder, SessionPlace, SessionQuery};

use super::summary::Summary;
use crate::api::generations::settled_first;
use crate::app::App;
use crate::caller::Caller;
use crate::reply::{self, Answer, storage_trouble};
use crate::time::read_utc;

/// Sessions of a page where nobody says.
const PAGE: usize = 50;

/// Digits of the figure that a cursor begins with.
const FIGURE_DIGITS: usize = 16;

/// What may be asked.
#[derive(Debug, Deserialize)]
pub struct Asked {
    start: Option<String>,
    end: Option<String>,
    workspace_id: Option<String>,
    sort: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct List<'a> {
    data: Vec<Summary<'a>>,
    /// For the next page; null after the last.
    next_cursor: Option<String>,
}

/// Answers `GET /sessions`. Inference keys see the sessions of their workspace.
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Answer {
    let query = asked.query(&caller)?;
    settled_first(&app).await;
    let page = app.store.sessions(&query).await.map_err(storage_trouble)?;
    let list = List {
        data: page
            .sessions
            .iter()
            .map(|(key, sums)| Summary::of(key, sums))
            .collect(),
        next_cursor: page.next.as_ref().map(cursor),
    };
    reply::json(StatusCode::OK, &list)
}

impl Asked {
    fn query(self, caller: &Caller) -> Result<SessionQuery, Error> {
        let time = |field, text: Option<String>| {
            let read = |text: String| read_utc(&text).map_err(|message| invalid(field, &message));
            text.map(read).transpose()
        };
        let order = match self.sort.as_deref() {
            None | Some("last_call") => SessionOrder::LastCall,
            Some("cost") => SessionOrder::Cost,
            Some(other) => {
                let message = format!("\"{other}\" is neither \"last_call\" nor \"cost\"");
                return Err(invalid("sort", &message));
            }
        };
        let count = self.limit.unwrap_or(PAGE);
        if !(1..=SESSIONS_MAX).contains(&count) {
            let message = format!("{count} is not from 1 to {SESSIONS_MAX}");
            return Err(invalid("limit", &message));
        }
        let after = match self.cursor.as_deref() {
            None => None,
            Some(text) => Some(read_cursor(text).ok_or_else(|| {
                invalid("cursor", "take it from \"next_cursor\" of the page before")
            })?),
        };
        let key = &caller.facts.key;
        Ok(SessionQuery {
            from_ms: time("start", self.start)?,
            to_ms: time("end", self.end)?,
            workspace_id: match key.is_management {
                true => self.workspace_id,
                false => Some(key.workspace_id.clone()),
            },
            order,
            after,
            count,
        })
    }
}

/// Where a page goes on, as text: the figure and the names in hexadecimal digits, for callers name
/// their sessions as they like.
fn cursor(place: &SessionPlace) -> String {
    let names = format!("{}\n{}", place.key.workspace_id, place.key.session_id);
    format!(
        "{:016x}{}",
        place.figure.cast_unsigned(),
        hex::encode(names)
    )
}

/// Reads what [`cursor`] wrote.
fn read_cursor(text: &str) -> Option<SessionPlace> {
    let (figure, names) = text.split_at_checked(FIGURE_DIGITS)?;
    let figure = u64::from_str_radix(figure, 16).ok()?.cast_signed();
    let names = String::from_utf8(hex::decode(names).ok()?).ok()?;
    let (workspace_id, session_id) = names.split_once('\n')?;
    Some(SessionPlace {
        figure,
        key: SessionKey {
            workspace_id: workspace_id.to_owned(),
            session_id: session_id.to_owned(),
        },
    })
}

fn invalid(field: &'static str, message: &str) -> Error {
    Error::caller(Kind::InvalidRequest, format!("{field}: {message}")).with_field(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_whatever_callers_name_their_sessions() {
        for (figure, session_id) in [(0, "run 1"), (i64::MAX, "a\nb / ü"), (-5, "")] {
            let place = SessionPlace {
                figure,
                key: SessionKey {
                    workspace_id: "0b6e".to_owned(),
                    session_id: session_id.to_owned(),
                },
            };
            assert_eq!(read_cursor(&cursor(&place)), Some(place));
        }
        for odd in [
            "",
            "00",
            "zz",
            "000000000000000",
            "0000000000000000ff",
            "é00000000000000a",
        ] {
            assert_eq!(read_cursor(odd), None, "{odd}");
        }
    }
}
