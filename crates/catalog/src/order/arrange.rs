//! The ordering itself: one comparison, then what is moved to the front.

use std::cmp::Ordering;
use std::sync::Arc;

use chat::Dialect;
use ledger::Amount;

use super::chance;
use super::mode::Mode;
use super::rank::{Rank, Reason, Sight};
use super::tools::{ToolTier, valid_share};
use crate::endpoint::Endpoint;
use crate::health::Standing;
use crate::model::Model;

/// An endpoint that passed every filter.
pub(crate) struct Candidate<'a> {
    pub(crate) model: &'a Arc<Model>,
    pub(crate) endpoint: &'a Arc<Endpoint>,
    pub(crate) dialect: Dialect,
    pub(crate) rank: Rank,
}

/// A degraded endpoint is the first choice this much less often than its price says.
const DEGRADED_WEIGHT: f64 = 0.1;

/// Orders a group: the endpoints of one model, or of all when the sort goes across them.
pub(crate) fn arrange(group: &mut [Candidate<'_>], mode: Mode, sight: &Sight<'_>) {
    if group.is_empty() {
        return;
    }
    if mode.is_by_chance() {
        hold_canaries(group, sight.moment.seed);
    }
    let medians = Medians::of(group, mode);
    group.sort_by(|a, b| compare(a, b, (mode, medians)));
    let stays = stick(group, mode, sight);
    if mode.is_by_chance() && !stays {
        draw(group, sight.moment.seed);
    }
}

/// Puts those that miss the caller's cut-offs last, whatever their model. Section 9.8.
pub(crate) fn cut_off_last(all: &mut [Candidate<'_>]) {
    all.sort_by_key(|candidate| !candidate.rank.meets_cutoffs);
}

/// What stands in for a figure that was never measured: the median of the peers.
#[derive(Debug, Clone, Copy, Default)]
struct Medians {
    first_token_ms: u32,
    speed: u32,
}

impl Medians {
    fn of(group: &[Candidate<'_>], mode: Mode) -> Self {
        let middle = |figure: fn(&Rank) -> Option<u32>| {
            let measured = group.iter().filter_map(|candidate| figure(&candidate.rank));
            let mut measured: Vec<u32> = measured.collect();
            measured.sort_unstable();
            measured.get(measured.len() / 2).copied().unwrap_or(0)
        };
        match mode {
            Mode::Latency => Self {
                first_token_ms: middle(|rank| Some(rank.vital.first_token_ms?.p50)),
                speed: 0,
            },
            Mode::Throughput | Mode::PriorityTier | Mode::Exacto => Self {
                first_token_ms: 0,
                speed: middle(|rank| Some(rank.vital.speed?.p50)),
            },
            Mode::Named | Mode::Price | Mode::FlexTier | Mode::AutoExacto | Mode::Balanced => {
                Self::default()
            }
        }
    }
}

/// Named ones as named; then by cut-offs, health, the mode's own measure, and cost; ties by tag, so
/// that the same question has the same answer.
fn compare(one: &Candidate<'_>, other: &Candidate<'_>, by: (Mode, Medians)) -> Ordering {
    let (a, b) = (&one.rank, &other.rank);
    let (mode, medians) = by;
    let both_named = mode == Mode::Named && a.named.is_some() && b.named.is_some();
    let named = |rank: &Rank| match mode {
        Mode::Named => rank.named.unwrap_or(usize::MAX),
        _ => 0,
    };
    let held = |rank: &Rank| rank.reasons.contains(Reason::CanaryHeld);
    let unpriced = |rank: &Rank| rank.expected_cost.is_none();
    named(a)
        .cmp(&named(b))
        .then(b.meets_cutoffs.cmp(&a.meets_cutoffs))
        .then_with(|| {
            if both_named {
                return Ordering::Equal;
            }
            class(a, mode).cmp(&class(b, mode))
        })
        .then(a.is_deprecated.cmp(&b.is_deprecated))
        .then(held(a).cmp(&held(b)))
        .then_with(|| measure((a, one), (b, other), mode, medians))
        .then(unpriced(a).cmp(&unpriced(b)))
        .then_with(|| match mode {
            Mode::Price => a.expected_cost.cmp(&b.expected_cost),
            _ => a.outlook.cmp(&b.outlook),
        })
        .then_with(|| one.endpoint.tag.cmp(&other.endpoint.tag))
}

/// How health counts: where the caller has said what to sort by, only what is surely in vain.
fn class(rank: &Rank, mode: Mode) -> Standing {
    let standing = rank.standing();
    if mode.is_sorted() && standing < Standing::Limited {
        return Standing::Normal;
    }
    standing
}

/// What the mode itself compares.
fn measure(
    (a, one): (&Rank, &Candidate<'_>),
    (b, other): (&Rank, &Candidate<'_>),
    mode: Mode,
    medians: Medians,
) -> Ordering {
    let speed = |rank: &Rank| rank.vital.speed.map_or(medians.speed, |speed| speed.p50);
    let latency = |rank: &Rank| {
        let measured = rank.vital.first_token_ms;
        measured.map_or(medians.first_token_ms, |ms| ms.p50)
    };
    let tier = |candidate: &Candidate<'_>| candidate.endpoint.tier.as_deref() != Some("priority");
    match mode {
        Mode::Throughput => speed(b).cmp(&speed(a)),
        Mode::PriorityTier => tier(one).cmp(&tier(other)).then(speed(b).cmp(&speed(a))),
        Mode::Latency => latency(a).cmp(&latency(b)),
        Mode::Exacto => {
            let (x, y) = (valid_share(a.vital.tools), valid_share(b.vital.tools));
            a.tools
                .cmp(&b.tools)
                .then(y.total_cmp(&x))
                .then(speed(b).cmp(&speed(a)))
        }
        Mode::AutoExacto => a.tools.cmp(&b.tools),
        Mode::Named | Mode::Price | Mode::FlexTier | Mode::Balanced => Ordering::Equal,
    }
}

// === Canaries ===

/// Marks canaries: the one whose share this call is, and those whose it is not.
fn hold_canaries(group: &mut [Candidate<'_>], seed: u64) {
    let shares = |candidate: &Candidate<'_>| candidate.endpoint.steering.canary_percent;
    if !group.iter().any(|candidate| shares(candidate).is_some()) {
        return;
    }
    let model = group.first().map_or("", |first| first.model.slug.as_str());
    let drawn = chance::draw(seed ^ 0x00ca_4a41, model) * 100.0;
    let mut taken = 0.0;
    for candidate in group.iter_mut() {
        let Some(percent) = shares(candidate) else {
            continue;
        };
        let from = taken;
        taken += f64::from(percent);
        let is_drawn = drawn > from && drawn <= taken && candidate.rank.is_fit();
        candidate.rank.reasons.insert(if is_drawn {
            Reason::Canary
        } else {
            Reason::CanaryHeld
        });
    }
}

// === Stickiness ===

/// Puts the endpoint that has the conversation's prompt cached first, if that is wanted, it is in
/// order, and nobody is cheaper even with a cold cache. Where somebody is, the cheapest goes first.
/// Says whether chance has nothing left to decide.
fn stick(group: &mut [Candidate<'_>], mode: Mode, sight: &Sight<'_>) -> bool {
    let Some(place) = group.iter().position(|c| c.rank.is_sticky) else {
        return false;
    };
    let asked = sight.question.preferences.sticky;
    let against = matches!(
        mode,
        Mode::Named | Mode::Throughput | Mode::Latency | Mode::Exacto
    );
    if asked == Some(false) || (against && asked != Some(true)) {
        return false;
    }
    let Some(candidate) = group.get(place) else {
        return false;
    };
    let rank = &candidate.rank;
    let is_bad = rank.tools == Some(ToolTier::Bad) || !rank.meets_cutoffs;
    let is_outside = mode == Mode::Named && rank.named.is_none();
    if !rank.is_fit() || is_bad || is_outside {
        return false;
    }
    let own = rank.outlook;
    let is_rival = |other: &Candidate<'_>| {
        let rank = &other.rank;
        !rank.is_sticky
            && rank.is_fit()
            && rank.meets_cutoffs
            && !rank.is_deprecated
            && !rank.reasons.contains(Reason::CanaryHeld)
            && rank.tools != Some(ToolTier::Bad)
            && other.endpoint.steering.weight_percent > 0
    };
    let rivals = group.iter().filter(|other| is_rival(other));
    let cheapest: Option<Amount> = rivals.filter_map(|other| other.rank.outlook).min();
    let is_beaten = own.zip(cheapest).is_some_and(|(own, other)| other < own);
    if is_beaten && !against {
        if let Some(candidate) = group.get_mut(place) {
            candidate.rank.reasons.insert(Reason::StickyTooDear);
        }
        let winner = group
            .iter()
            .position(|other| is_rival(other) && other.rank.outlook == cheapest);
        to_front(group, winner.unwrap_or(place));
        return true;
    }
    if let Some(candidate) = group.get_mut(place) {
        candidate.rank.reasons.insert(Reason::Sticky);
    }
    to_front(group, place);
    true
}

// === Chance ===

/// Draws the first of those that stand as well as the first: with the weight of 1 over the square
/// of what this call costs there, times the operator's. Section 9.7.
fn draw(group: &mut [Candidate<'_>], seed: u64) {
    if let Some(place) = group
        .iter()
        .position(|candidate| candidate.rank.reasons.contains(Reason::Canary))
    {
        return to_front(group, place);
    }
    let Some(first) = group.first().map(|first| {
        let rank = &first.rank;
        let held = rank.reasons.contains(Reason::CanaryHeld);
        (
            rank.meets_cutoffs,
            rank.is_deprecated,
            held,
            rank.tools,
            rank.is_fit(),
        )
    }) else {
        return;
    };
    let standing = group.first().map(|first| first.rank.standing());
    let is_in = |candidate: &Candidate<'_>| {
        let rank = &candidate.rank;
        let held = rank.reasons.contains(Reason::CanaryHeld);
        let same = (
            rank.meets_cutoffs,
            rank.is_deprecated,
            held,
            rank.tools,
            rank.is_fit(),
        );
        same == first && (rank.is_fit() || Some(rank.standing()) == standing)
    };
    let in_draw = group.iter().filter(|candidate| is_in(candidate));
    let costs: Vec<(f64, f64)> = in_draw.clone().map(price_and_weight).collect();
    let weights = weights(&costs);
    let total: f64 = weights.iter().sum();
    let drawing: Vec<usize> = (0..group.len())
        .filter(|place| group.get(*place).is_some_and(is_in))
        .collect();
    let mut winner: Option<(f64, usize)> = None;
    for (place, weight) in drawing.into_iter().zip(weights) {
        let Some(candidate) = group.get_mut(place) else {
            continue;
        };
        let share = if total > 0.0 { weight / total } else { 0.0 };
        candidate.rank.chance_permille = Some((share * 1000.0).round() as u16);
        let time = chance::time(seed, candidate.endpoint.id.as_str(), weight);
        if time.is_finite() && winner.is_none_or(|(best, _)| time < best) {
            winner = Some((time, place));
        }
    }
    if let Some((_, place)) = winner {
        if let Some(candidate) = group.get_mut(place) {
            candidate.rank.reasons.insert(Reason::Chance);
        }
        to_front(group, place);
    }
}

/// What a call costs at a candidate (infinite when nobody knows), and its weight beside that.
fn price_and_weight(candidate: &Candidate<'_>) -> (f64, f64) {
    let rank = &candidate.rank;
    let cost = rank
        .outlook
        .map_or(f64::INFINITY, |cost| cost.nanos().max(0) as f64);
    let health = if rank.standing() == Standing::Degraded {
        DEGRADED_WEIGHT
    } else {
        1.0
    };
    (
        cost,
        f64::from(candidate.endpoint.steering.weight_percent) / 100.0 * health,
    )
}

/// Weights of 1 over the square of the cost. Where some are free, they share everything; where
/// nobody has a price, all are alike.
fn weights(costs: &[(f64, f64)]) -> Vec<f64> {
    let has_weight = |cost: f64| move |(own, weight): &&(f64, f64)| *own == cost && *weight > 0.0;
    let some_free = costs.iter().any(|pair| has_weight(0.0)(&pair));
    let is_priced = |pair: &(f64, f64)| pair.0.is_finite() && pair.1 > 0.0;
    let some_priced = costs.iter().any(is_priced);
    // Relative to the cheapest, so that no square is too small or too large for a float.
    let least = costs
        .iter()
        .filter(|pair| is_priced(pair))
        .map(|pair| pair.0)
        .fold(f64::INFINITY, f64::min);
    let weight = |(cost, weight): &(f64, f64)| {
        if some_free {
            return if *cost == 0.0 { *weight } else { 0.0 };
        }
        match some_priced {
            false => *weight,
            true if cost.is_finite() => weight * (least / cost).powi(2),
            true => 0.0,
        }
    };
    costs.iter().map(weight).collect()
}

/// Moves one to the front; the others keep their order.
fn to_front(group: &mut [Candidate<'_>], place: usize) {
    if let Some(moved) = group.get_mut(..=place) {
        moved.rotate_right(1);
    }
}
