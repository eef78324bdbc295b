//! Makes the plan: models, then filters, then order.

use std::sync::Arc;

use chat::Modality;

use super::no_plan::nobody;
use super::{Attempt, Exclusion, Moment, NoPlan, Plan, Question};
use crate::endpoint::Endpoint;
use crate::filter::{self, Filter, Sieve};
use crate::health::{Vital, Vitals};
use crate::model::{Model, Retirement};
use crate::order::{self, Candidate, Mode, Reason, Sight, ToolTier};
use crate::snapshot::{Catalog, Suffix};

/// A model that was asked for, and the routing suffixes that were on its slug.
struct Asked {
    model: Arc<Model>,
    suffixes: Vec<Suffix>,
}

/// Plans a call: models in the order asked for, and of each model the endpoints that pass every
/// filter, ordered.
///
/// # Errors
/// [`NoPlan`] when a model is unknown or not asked in this way, or when nobody is left.
pub fn plan(
    catalog: &Catalog,
    question: &Question<'_>,
    vitals: &dyn Vitals,
    moment: Moment,
) -> Result<Plan, NoPlan> {
    let asked = models(catalog, question, moment)?;
    let sight = Sight {
        question,
        vitals,
        moment,
    };
    let mut excluded = Vec::new();
    let mut left: Vec<Candidate<'_>> = Vec::new();
    let mut first_mode = Mode::Balanced;
    let own = question.preferences;
    let across = own.sorts_across_models || question.account.is_some_and(|a| a.sorts_across_models);
    for (index, asked) in asked.iter().enumerate() {
        let mode = order::mode(question, &asked.suffixes);
        if index == 0 {
            first_mode = mode;
        }
        let from = left.len();
        of_model(asked, (mode, &sight), &mut left, &mut excluded);
        if let (false, Some(group)) = (across, left.get_mut(from..)) {
            order::arrange(group, mode, &sight);
        }
    }
    if across {
        order::arrange(&mut left, first_mode, &sight);
    } else if asked.len() > 1 {
        order::cut_off_last(&mut left);
    }
    keep_first_without_fallbacks(question, &mut left, &mut excluded);
    if left.is_empty() {
        let models: Vec<_> = asked.into_iter().map(|asked| asked.model).collect();
        return Err(nobody(&models, excluded));
    }
    let attempts = left.into_iter().map(|candidate| Attempt {
        model: Arc::clone(candidate.model),
        endpoint: Arc::clone(candidate.endpoint),
        dialect: candidate.dialect,
        rank: candidate.rank,
    });
    let attempts = attempts.collect();
    Ok(Plan {
        attempts,
        excluded,
        suffixes: asked.into_iter().next().map_or(Vec::new(), |a| a.suffixes),
        mode: first_mode,
    })
}

/// Without fallbacks only the first choice is tried, or (filtered before) what `order` names.
fn keep_first_without_fallbacks(
    question: &Question<'_>,
    left: &mut Vec<Candidate<'_>>,
    excluded: &mut Vec<Exclusion>,
) {
    let account = question.account;
    let allowed = question.preferences.allow_fallbacks
        && account.is_none_or(|account| account.allow_fallbacks);
    if allowed || !order::order(question).is_empty() {
        return;
    }
    let rest = left.split_off(left.len().min(1));
    excluded.extend(rest.into_iter().map(|candidate| Exclusion {
        endpoint: Arc::clone(candidate.endpoint),
        filter: Filter::Fallback,
        rank: Some(candidate.rank),
    }));
}

// === Models ===

/// The models asked for, each once.
fn models(
    catalog: &Catalog,
    question: &Question<'_>,
    moment: Moment,
) -> Result<Vec<Asked>, NoPlan> {
    let mut all: Vec<Asked> = Vec::with_capacity(1 + question.fallbacks.len());
    let mut retired = None;
    let names =
        std::iter::once(question.model).chain(question.fallbacks.iter().map(String::as_str));
    for name in names {
        let asked = match model(catalog, name, moment) {
            Ok(asked) => asked,
            Err(gone @ NoPlan::Retired { .. }) => {
                retired.get_or_insert(gone);
                continue;
            }
            Err(error) => return Err(error),
        };
        let model = &asked.model;
        if !gives(model, question) {
            return Err(NoPlan::WrongEndpoint {
                model: model.slug.clone(),
                path: model.kind.path(),
            });
        }
        if all.iter().all(|known| known.model.slug != model.slug) {
            all.push(asked);
        }
    }
    match retired {
        Some(retired) if all.is_empty() => Err(retired),
        _ => Ok(all),
    }
}

fn model(catalog: &Catalog, name: &str, moment: Moment) -> Result<Asked, NoPlan> {
    let Some(resolved) = catalog.resolve(name) else {
        let paid = name.trim().strip_suffix(":free");
        let paid = paid.and_then(|paid| catalog.model(paid));
        return Err(match paid {
            Some(paid) => NoPlan::FreeVariantEnded {
                paid: paid.slug.clone(),
            },
            None => NoPlan::UnknownModel {
                model: name.to_owned(),
                suggestions: catalog.suggest(name),
            },
        });
    };
    if resolved.suffixes.contains(&Suffix::Online) {
        let model = name.to_owned();
        return Err(NoPlan::NoSearch { model });
    }
    let mut model = resolved.model;
    if let Some(retirement) = retirement(model, moment) {
        let successor = retirement.successor.as_ref();
        let next = successor.and_then(|slug| catalog.model(slug.as_str()));
        model = match next
            .filter(|next| retirement.redirects && self::retirement(next, moment).is_none())
        {
            Some(next) => next,
            None => {
                return Err(NoPlan::Retired {
                    model: model.slug.clone(),
                    successor: retirement.successor.clone(),
                });
            }
        };
    }
    Ok(Asked {
        model: Arc::clone(model),
        suffixes: resolved.suffixes,
    })
}

/// What is to be done about a model whose time is over.
fn retirement(model: &Model, moment: Moment) -> Option<&Retirement> {
    let retirement = model.retirement.as_ref()?;
    (moment.now_ms.div_euclid(1000) >= retirement.at).then_some(retirement)
}

/// Whether a model gives anything of what is asked for; text is asked for with messages.
fn gives(model: &Model, question: &Question<'_>) -> bool {
    let needs = question.needs;
    let wants_text = needs.output.contains(Modality::Text);
    let gives_any = needs
        .output
        .iter()
        .any(|modality| model.output.contains(modality));
    gives_any && (!wants_text || model.kind.takes_messages())
}

// === Endpoints ===

/// Filters and ranks the endpoints of one model.
fn of_model<'a>(
    asked: &'a Asked,
    (mode, sight): (Mode, &Sight<'_>),
    left: &mut Vec<Candidate<'a>>,
    excluded: &mut Vec<Exclusion>,
) {
    let model = &asked.model;
    let sieve = Sieve::new(sight.question, model, &asked.suffixes, sight.moment);
    let mut passed: Vec<&Arc<Endpoint>> = Vec::with_capacity(model.endpoints.len());
    let mut exclude = |endpoint: &Arc<Endpoint>, filter| {
        excluded.push(Exclusion {
            endpoint: Arc::clone(endpoint),
            filter,
            rank: None,
        });
    };
    for endpoint in &model.endpoints {
        match sieve.excludes(endpoint) {
            Some(filter) => exclude(endpoint, filter),
            None => passed.push(endpoint),
        }
    }
    let preferred = filter::preferred(sieve.needs().parameters, &passed);
    passed.retain(|endpoint| {
        let stays = preferred.minus(endpoint.parameters).is_empty();
        if !stays {
            exclude(endpoint, Filter::PreferredParameters);
        }
        stays
    });
    let prefers_whole = passed.iter().any(|endpoint| sieve.says_all(endpoint));
    passed.retain(|endpoint| {
        let stays = !prefers_whole || sieve.says_all(endpoint);
        if !stays {
            exclude(endpoint, Filter::PreferredFeatures);
        }
        stays
    });
    let from = left.len();
    for endpoint in passed {
        // Every endpoint that is left speaks a dialect: that is one of the filters.
        if let Some(dialect) = sieve.dialect(endpoint) {
            left.push(Candidate {
                model,
                endpoint,
                dialect,
                rank: order::rank(endpoint, sight),
            });
        }
    }
    if let (Mode::Exacto | Mode::AutoExacto, Some(group)) = (mode, left.get_mut(from..)) {
        judge_tools(group);
    }
}

fn judge_tools(group: &mut [Candidate<'_>]) {
    let vitals: Vec<Vital> = group.iter().map(|candidate| candidate.rank.vital).collect();
    for (candidate, tier) in group.iter_mut().zip(order::tiers(&vitals)) {
        candidate.rank.tools = Some(tier);
        if tier == ToolTier::Bad {
            candidate.rank.reasons.insert(Reason::BadTools);
        }
    }
}
