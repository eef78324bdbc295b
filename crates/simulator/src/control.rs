//! The simulator's own paths: its page, its ledger and its scripts. Calls to them are not in the ledger.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::body::Paced;
use crate::gate;
use crate::ledger::Shown;
use crate::page;
use crate::script::order_from_json;
use crate::stage::Stage;

/// Entries `GET /ledger` gives when it is not told how many.
const ENTRIES: usize = 1000;

/// Whether a request is for the simulator itself rather than for a simulated provider.
pub(crate) fn owns(parts: &Parts) -> bool {
    matches!(
        parts.uri.path(),
        "/" | "/ledger" | "/script" | "/personas" | "/healthz" | "/service-account"
    )
}

pub(crate) fn answer(stage: &Stage, parts: &Parts, body: &Bytes) -> Response<Paced> {
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/") => reply(
            StatusCode::OK,
            "text/html; charset=utf-8",
            page::html(&stage.personas),
        ),
        (&Method::GET, "/healthz") => json_reply(StatusCode::OK, &json!({"simulated": true})),
        (&Method::GET, "/ledger") => json_reply(StatusCode::OK, &ledger(stage, parts)),
        (&Method::DELETE, "/ledger") => {
            stage.ledger.clear();
            json_reply(StatusCode::OK, &json!({"cleared": true}))
        }
        (&Method::GET, "/service-account") => {
            let account = gate::service_account(&stage.root_url);
            json_reply(StatusCode::OK, &account)
        }
        (&Method::GET, "/personas") => json_reply(StatusCode::OK, &personas(stage)),
        (&Method::POST, "/script") => script(stage, body),
        (&Method::DELETE, "/script") => {
            stage.shelf.clear();
            json_reply(StatusCode::OK, &json!({"cleared": true}))
        }
        _ => json_reply(
            StatusCode::METHOD_NOT_ALLOWED,
            &json!({"error": "no such method here"}),
        ),
    }
}

fn ledger(stage: &Stage, parts: &Parts) -> Value {
    let query = parts.uri.query().unwrap_or_default();
    let given = |name: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(n, _)| *n == name)
    };
    let number = |name: &str| given(name).and_then(|(_, value)| value.parse::<u64>().ok());
    let limit = number("limit")
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(ENTRIES);
    let model = given("model").map(|(_, value)| value.replace("%2F", "/").replace("%21", "!"));
    stage.ledger.shown(&Shown {
        after: number("after").unwrap_or(0),
        model: model.as_deref(),
        holding: given("holding").map(|(_, value)| value),
        limit,
    })
}

fn personas(stage: &Stage) -> Value {
    let rows = stage.personas.iter().map(|persona| {
        json!({
            "slug": persona.slug,
            "name": persona.name,
            "base_url": persona.base_url,
            "dialect": persona.dialect,
            "script": persona.script.label,
        })
    });
    json!({"simulated": true, "personas": rows.collect::<Vec<_>>()})
}

fn script(stage: &Stage, body: &Bytes) -> Response<Paced> {
    let order = match order_from_json(body) {
        Ok(order) => order,
        Err(error) => return json_reply(StatusCode::BAD_REQUEST, &json!({"error": error})),
    };
    match order.times {
        None => stage.shelf.put(&order.model, order.script),
        Some(times) => {
            for _ in 0..times {
                if !stage.shelf.put_once(&order.model, order.script.clone()) {
                    let error = json!({"error": "too many scripts are waiting for this model"});
                    return json_reply(StatusCode::BAD_REQUEST, &error);
                }
            }
        }
    }
    json_reply(
        StatusCode::OK,
        &json!({"model": order.model, "times": order.times}),
    )
}

fn json_reply(status: StatusCode, value: &Value) -> Response<Paced> {
    reply(status, "application/json", value.to_string())
}

fn reply(status: StatusCode, content_type: &'static str, body: String) -> Response<Paced> {
    let mut response = Response::new(Paced::page(Bytes::from(body)));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}
