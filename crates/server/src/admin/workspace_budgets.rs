//! `/workspaces/{id}/budgets`: up to four limits on what a workspace may spend. For management keys.
//!
//! OpenRouter's API over our budgets: the limit of one interval is the budget `workspace:<id>:<interval>`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use chat::{Error, Kind};
use http::{HeaderMap, StatusCode};
use ledger::{Amount, Budget, BudgetId, Enforcement, Subject, Window};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use store::StoredBudget;

use super::desk::{invalid, read_body};
use crate::app::App;
use crate::caller::Management;
use crate::money::{read_usd, usd};
use crate::reply::{self, Answer, storage_trouble};
use crate::time::iso;

/// The intervals, the broadest first: limits grow strictly in this direction.
const INTERVALS: [&str; 4] = ["lifetime", "monthly", "weekly", "daily"];

#[derive(Serialize)]
struct View<'a> {
    id: String,
    workspace_id: &'a str,
    limit_usd: Box<RawValue>,
    /// Absent for a lifetime.
    reset_interval: Option<&'static str>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Envelope<T> {
    data: T,
    include_byok_in_budgets: bool,
}

#[derive(Serialize)]
struct Deleted {
    deleted: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    limit_usd: Box<RawValue>,
    #[serde(default)]
    include_byok_in_budgets: Option<bool>,
}

/// What a workspace has: its id, and the budget of each interval that is set.
struct OfWorkspace {
    id: String,
    set: Vec<(&'static str, StoredBudget)>,
}

/// The budget's id.
fn id_of(workspace_id: &str, interval: &str) -> BudgetId {
    BudgetId::from_text(format!("workspace:{workspace_id}:{interval}"))
}

/// A UUID (version 8) that is always the same for a budget, as the API wants ids to look.
fn uuid_of(id: &BudgetId) -> String {
    let digest = hex::encode(Sha256::digest(id.as_str().as_bytes()));
    let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-8{}-a{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 15),
        part(15, 18),
        part(18, 30)
    )
}

fn check_interval(interval: &str) -> Result<&'static str, Error> {
    let found = INTERVALS.into_iter().find(|known| *known == interval);
    found.ok_or_else(|| {
        let message = format!("\"{interval}\" is none of {}", INTERVALS.join(", "));
        invalid("interval", message)
    })
}

async fn of_workspace(app: &App, id_or_slug: &str) -> Result<OfWorkspace, Error> {
    let workspace = app.store.workspaces().by_id_or_slug(id_or_slug).await;
    let workspace = workspace
        .map_err(storage_trouble)?
        .ok_or_else(|| Error::caller(Kind::NotFound, "Workspace not found"))?;
    let mut set = Vec::new();
    for interval in INTERVALS {
        let id = id_of(&workspace.id, interval);
        let budget = app.store.budgets().by_id(&id).await;
        if let Some(budget) = budget.map_err(storage_trouble)? {
            set.push((interval, budget));
        }
    }
    Ok(OfWorkspace {
        id: workspace.id,
        set,
    })
}

impl OfWorkspace {
    fn get(&self, interval: &str) -> Option<View<'_>> {
        let found = self.set.iter().find(|(name, _)| *name == interval);
        found.map(|(name, stored)| self.view(name, stored))
    }

    fn view(&self, interval: &'static str, stored: &StoredBudget) -> View<'_> {
        View {
            id: uuid_of(&stored.budget.id),
            workspace_id: &self.id,
            limit_usd: usd(stored.budget.limit),
            reset_interval: (interval != "lifetime").then_some(interval),
            created_at: iso(stored.created_at_ms),
            updated_at: iso(stored.updated_at_ms.unwrap_or(stored.created_at_ms)),
        }
    }

    /// One setting for the whole workspace.
    fn counts_byok(&self) -> bool {
        self.set.iter().any(|(_, stored)| stored.budget.counts_byok)
    }

    fn answer<T: Serialize>(&self, data: T) -> Answer {
        let envelope = Envelope {
            data,
            include_byok_in_budgets: self.counts_byok(),
        };
        reply::json(StatusCode::OK, &envelope)
    }

    /// Broader limits must be greater than narrower ones.
    fn check_order(&self, interval: &str, limit: Amount) -> Result<(), Error> {
        let place = |name: &str| INTERVALS.iter().position(|known| *known == name);
        for (other, stored) in &self.set {
            let there = stored.budget.limit;
            let is_wrong = match place(other).cmp(&place(interval)) {
                std::cmp::Ordering::Less => there <= limit,
                std::cmp::Ordering::Greater => there >= limit,
                std::cmp::Ordering::Equal => false,
            };
            if !is_wrong {
                continue;
            }
            let ((broad, more), (narrow, less)) = if place(other) < place(interval) {
                ((*other, there), (interval, limit))
            } else {
                ((interval, limit), (*other, there))
            };
            let message = format!(
                "Budget limits must be strictly decreasing as scope narrows: the {broad} limit \
                 (${more}) must be greater than the {narrow} limit (${less})."
            );
            return Err(Error::caller(Kind::InvalidRequest, message).with_field("limit_usd"));
        }
        Ok(())
    }
}

/// Answers `GET /workspaces/{id}/budgets`.
pub async fn list(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path(id): Path<String>,
) -> Answer {
    let of = of_workspace(&app, &id).await?;
    let views = of.set.iter().map(|(name, stored)| of.view(name, stored));
    of.answer(views.collect::<Vec<_>>())
}

/// Answers `GET /workspaces/{id}/budgets/{interval}`.
pub async fn get(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path((id, interval)): Path<(String, String)>,
) -> Answer {
    let interval = check_interval(&interval)?;
    let of = of_workspace(&app, &id).await?;
    let missing = || Error::caller(Kind::NotFound, format!("There is no {interval} budget"));
    let view = of.get(interval).ok_or_else(missing)?;
    of.answer(view)
}

/// Answers `PUT /workspaces/{id}/budgets/{interval}`: makes or changes it.
pub async fn put(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path((id, interval)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let interval = check_interval(&interval)?;
    let asked: Change = read_body(&app, &headers, body).await?;
    let limit = read_usd(&asked.limit_usd).map_err(|message| invalid("limit_usd", message))?;
    if limit == Amount::ZERO {
        return Err(invalid("limit_usd", "expected more than 0").into());
    }
    let of = of_workspace(&app, &id).await?;
    of.check_order(interval, limit)?;
    let counts_byok = asked
        .include_byok_in_budgets
        .unwrap_or_else(|| of.counts_byok());
    let now_ms = app.clock.now_ms();
    let reset = (interval != "lifetime").then_some(interval);
    let window = Window::from_limit_reset(reset);
    let budget = Budget {
        id: id_of(&of.id, interval),
        subject: Subject::Workspace(of.id.clone()),
        workspace_id: Some(of.id.clone()),
        limit,
        window: window.map_err(|error| invalid("interval", error))?,
        enforcement: Enforcement::Hard,
        counts_byok,
    };
    let others = of
        .set
        .iter()
        .filter(|(name, stored)| *name != interval && stored.budget.counts_byok != counts_byok);
    let others = others.map(|(_, stored)| Budget {
        counts_byok,
        ..stored.budget.clone()
    });
    for budget in others.chain([budget]) {
        let put = app.store.budgets().put(&budget, true, now_ms).await;
        put.map_err(storage_trouble)?;
    }
    app.refresh_keys().await;
    let of = of_workspace(&app, &of.id).await?;
    of.answer(of.get(interval))
}

/// Answers `DELETE /workspaces/{id}/budgets/{interval}`, whether it was there or not.
pub async fn delete(
    State(app): State<Arc<App>>,
    _caller: Management,
    Path((id, interval)): Path<(String, String)>,
) -> Answer {
    let interval = check_interval(&interval)?;
    let of = of_workspace(&app, &id).await?;
    let budget = id_of(&of.id, interval);
    let deleted = app
        .store
        .budgets()
        .delete(&budget, app.clock.now_ms())
        .await;
    deleted.map_err(storage_trouble)?;
    app.refresh_keys().await;
    reply::json(StatusCode::OK, &Deleted { deleted: true })
}
