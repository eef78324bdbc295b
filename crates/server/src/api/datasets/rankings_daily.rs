//! `GET /datasets/rankings-daily`: the models with the most tokens, by day, week or month.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use catalog::{Catalog, Model};
use chat::{Error, Modality};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{Dimension, Measure, RollupRow};

use super::traffic_of;
use super::window::{Meta, Window, invalid};
use crate::admin::analytics::{Days, month_of, week_of};
use crate::app::App;
use crate::caller::Caller;
use crate::reply::{self, Answer};
use crate::time::date;

/// Models of each date; the others are added up.
const MODELS: usize = 50;

/// What the others are called.
const OTHER: &str = "other";

/// What may be asked.
#[derive(Debug, Deserialize)]
pub struct Asked {
    start_date: Option<String>,
    end_date: Option<String>,
    period: Option<String>,
    modality: Option<String>,
    context_bucket: Option<String>,
    category: Option<String>,
    language_type: Option<String>,
}

#[derive(Serialize)]
struct Rankings {
    data: Vec<Item>,
    meta: Meta,
}

#[derive(Serialize)]
struct Item {
    date: String,
    model_permaslug: String,
    total_tokens: String,
}

/// Which models, or which of their days.
#[derive(Debug, Clone, Copy)]
enum Surface {
    All,
    Input(Modality),
    Output(Modality),
    ToolCalling,
}

/// The piece of time that a moment is in, by its beginning.
type Period = fn(i64) -> i64;

/// Answers `GET /datasets/rankings-daily`.
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Answer {
    let now_ms = app.clock.now_ms();
    asked.refuse_what_is_not_known()?;
    let (period, surface) = (asked.period()?, asked.surface()?);
    let window = Window::of(
        asked.start_date.as_deref(),
        asked.end_date.as_deref(),
        now_ms,
    )?;
    let days = Days {
        from_ms: window.from_ms,
        to_ms: window.to_ms,
        by_day: true,
        by: vec![Dimension::Model],
        filter: traffic_of(&caller),
        measures: &[Measure::ToolCalls],
    };
    let rows = days.count(&app).await?;
    let tokens = tokens(rows, period, (surface, &app.catalog.load()));
    let data = tokens
        .into_iter()
        .flat_map(|(at_ms, models)| ranked(at_ms, models));
    let rankings = Rankings {
        data: data.collect(),
        meta: window.meta(now_ms),
    };
    reply::json(StatusCode::OK, &rankings)
}

impl Asked {
    /// The reference tags and samples prompts for these; we look at none.
    fn refuse_what_is_not_known(&self) -> Result<(), Error> {
        for (field, asked) in [
            ("context_bucket", &self.context_bucket),
            ("category", &self.category),
            ("language_type", &self.language_type),
        ] {
            if asked.is_some() {
                return Err(invalid(field, "calls are not counted by this here"));
            }
        }
        Ok(())
    }

    fn period(&self) -> Result<Period, Error> {
        match self.period.as_deref() {
            None | Some("day") => Ok(|at_ms| at_ms),
            Some("week") => Ok(week_of),
            Some("month") => Ok(month_of),
            Some(_) => Err(invalid("period", "none of day, week, month")),
        }
    }

    fn surface(&self) -> Result<Surface, Error> {
        Ok(match self.modality.as_deref() {
            None => Surface::All,
            Some("text") => Surface::Output(Modality::Text),
            Some("image_output") => Surface::Output(Modality::Image),
            Some("image") => Surface::Input(Modality::Image),
            Some("audio") => Surface::Input(Modality::Audio),
            Some("tool_calling") => Surface::ToolCalling,
            Some(_) => {
                let message = "none of text, image, image_output, audio, tool_calling";
                return Err(invalid("modality", message));
            }
        })
    }
}

impl Surface {
    fn has(self, row: &RollupRow, model: Option<&Arc<Model>>) -> bool {
        let is = |test: &dyn Fn(&Model) -> bool| model.is_some_and(|model| test(model));
        match self {
            Self::All => true,
            Self::Input(modality) => is(&|model| model.input.contains(modality)),
            Self::Output(modality) => is(&|model| model.output.contains(modality)),
            Self::ToolCalling => row.measures.get(Measure::ToolCalls) > 0,
        }
    }
}

/// The tokens of each model, by the beginning of the piece of time.
fn tokens(
    rows: Vec<RollupRow>,
    period: Period,
    (surface, catalog): (Surface, &Catalog),
) -> BTreeMap<i64, BTreeMap<String, i64>> {
    let mut tokens: BTreeMap<i64, BTreeMap<String, i64>> = BTreeMap::new();
    for row in rows {
        let Some(model) = row.values.first() else {
            continue;
        };
        if !surface.has(&row, catalog.model(model)) {
            continue;
        }
        let measures = &row.measures;
        let count = measures
            .prompt_tokens()
            .saturating_add(measures.completion_tokens());
        if count > 0 {
            let models = tokens
                .entry(period(row.start_ms.unwrap_or_default()))
                .or_default();
            let sum = models.entry(model.clone()).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    tokens
}

/// The models of a date by their tokens, then the sum of those that are not among the first.
fn ranked(at_ms: i64, models: BTreeMap<String, i64>) -> Vec<Item> {
    let mut ranked: Vec<(String, i64)> = models.into_iter().collect();
    // Stable: equals stay in the order of the alphabet.
    ranked.sort_by_key(|(_, tokens)| Reverse(*tokens));
    let others = ranked.split_off(ranked.len().min(MODELS));
    let other = others
        .iter()
        .fold(0_i64, |sum, (_, tokens)| sum.saturating_add(*tokens));
    if other > 0 {
        ranked.push((OTHER.to_owned(), other));
    }
    let item = |(model_permaslug, tokens): (String, i64)| Item {
        date: date(at_ms),
        model_permaslug,
        total_tokens: tokens.to_string(),
    };
    ranked.into_iter().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fifty_stand_by_tokens_and_name_and_the_others_last() {
        let models = (0..53).map(|number| (format!("m{number:02}"), i64::from(number / 2 + 1)));
        let items = ranked(0, models.collect());
        assert_eq!(items.len(), 51);
        let told: Vec<&str> = items
            .iter()
            .map(|item| item.model_permaslug.as_str())
            .collect();
        assert_eq!(told[..3], ["m52", "m50", "m51"]);
        assert_eq!(told[49..], ["m02", "other"]);
        assert_eq!(items[50].total_tokens, "4", "m00, m01 and m03: 1 + 1 + 2");
        assert_eq!(items[0].date, "1970-01-01");
        assert!(ranked(0, BTreeMap::new()).is_empty());
    }
}
