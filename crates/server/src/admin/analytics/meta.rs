//! `GET /analytics/meta`: what can be asked, from the tables that questions are read by.

use http::StatusCode;
use serde_json::{Value, json};

use super::asked::Operator;
use super::dimensions::DIMENSIONS;
use super::metrics::METRICS;
use super::span::Granularity;
use crate::caller::Management;
use crate::reply::{self, Answer};

/// Answers `GET /analytics/meta`.
pub async fn get(_caller: Management) -> Answer {
    let metrics = METRICS.iter().map(|metric| {
        json!({
            "name": metric.name,
            "display_label": metric.label,
            "display_format": metric.format,
            "is_rate": metric.is_rate(),
        })
    });
    let dimensions = DIMENSIONS
        .iter()
        .map(|one| json!({ "name": one.name, "display_label": one.label }));
    let operators = Operator::ALL.into_iter().map(|one| {
        let value_type = if one.is_of_list() { "array" } else { "scalar" };
        json!({ "name": one.name(), "value_type": value_type })
    });
    let granularities = Granularity::ALL
        .into_iter()
        .map(|one| json!({ "name": one.name(), "display_label": one.label() }));
    let data = json!({
        "metrics": metrics.collect::<Value>(),
        "dimensions": dimensions.collect::<Value>(),
        "operators": operators.collect::<Value>(),
        "granularities": granularities.collect::<Value>(),
    });
    reply::json(StatusCode::OK, &json!({ "data": data }))
}
