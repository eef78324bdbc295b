//! Who is asked in which order.

use std::collections::{HashMap, VecDeque};

use catalog::health::{Sample, Served, ToolCalls};
use catalog::{
    Catalog, Conversation, Conversations, Health, Moment, Preferences, Question, Sticky,
};
use chat::{Dialect, Needs, Parameter};

use crate::chance::even;
use crate::fleet::{Fleet, MODEL};
use crate::traffic::{Kind as Caller, Turn, usual_output};
use crate::world::Answer;

/// A policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The product's own plan and health board.
    Ours,
    /// What OpenRouter documents: list price, 1/price², outages of the last 30 seconds last, sticky
    /// after a cache hit or by session, tool tiers once there is enough data.
    Documented,
    /// One after another.
    RoundRobin,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Ours, Self::Documented, Self::RoundRobin];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "Waybill",
            Self::Documented => "OpenRouter's documented default",
            Self::RoundRobin => "round robin",
        }
    }
}

/// A policy at work: what it has learned so far.
pub(crate) struct Policy<'a> {
    kind: Kind,
    fleet: &'a Fleet,
    catalog: &'a Catalog,
    health: Health,
    conversations: Conversations,
    seed: u64,
    turns: usize,
    documented: Documented,
}

/// What the documented policy remembers.
#[derive(Default)]
struct Documented {
    /// By conversation: endpoint and when it last answered.
    sticky: HashMap<u64, (usize, i64)>,
    /// By endpoint: when it answered or failed in the last 30 seconds.
    recent: HashMap<usize, VecDeque<(i64, bool)>>,
    /// By endpoint: when an answer with tools came, and whether it was good, over two hours.
    tools: HashMap<usize, VecDeque<(i64, bool)>>,
}

impl<'a> Policy<'a> {
    pub(crate) fn new(kind: Kind, (fleet, catalog): (&'a Fleet, &'a Catalog), seed: u64) -> Self {
        Self {
            kind,
            fleet,
            catalog,
            health: Health::default(),
            conversations: Conversations::default(),
            seed,
            turns: 0,
            documented: Documented::default(),
        }
    }

    /// Places of the endpoints to ask, in order.
    pub(crate) fn order(&mut self, turn: &Turn, at_ms: i64) -> Vec<usize> {
        self.turns += 1;
        match self.kind {
            Kind::Ours => self.planned(turn, at_ms),
            Kind::Documented => self.as_documented(turn, at_ms),
            Kind::RoundRobin => {
                let count = self.fleet.endpoints.len();
                (0..count).map(|i| (self.turns + i) % count).collect()
            }
        }
    }

    /// Whether it knows that an endpoint is dead.
    pub(crate) fn has_noticed(&self, place: usize, at_ms: i64) -> bool {
        use catalog::Vitals as _;
        let Some(endpoint) = self.endpoint(place) else {
            return false;
        };
        self.health.vital(&endpoint.id, at_ms).standing == catalog::Standing::Out
    }

    fn endpoint(&self, place: usize) -> Option<&std::sync::Arc<catalog::Endpoint>> {
        let name = self.fleet.endpoints.get(place)?.name;
        let model = self.catalog.model(MODEL)?;
        model.endpoints.iter().find(|e| e.tag.as_ref() == name)
    }

    fn planned(&self, turn: &Turn, at_ms: i64) -> Vec<usize> {
        let mut needs = Needs {
            prompt_tokens: turn.prompt,
            ..Needs::default()
        };
        if turn.kind == Caller::Agent {
            needs.parameters.insert(Parameter::Tools);
        }
        let Some(model) = self.catalog.model(MODEL) else {
            return Vec::new();
        };
        let conversation = conversation(turn);
        let of = ("w", &model.slug, conversation);
        let (sticky, further_calls) = self.conversations.look_up(of);
        let sticky: Vec<Sticky> = sticky.into_iter().collect();
        let preferences = Preferences::default();
        let question = Question {
            sticky: &sticky,
            further_calls,
            expected_output_tokens: Some(usual_output(turn.kind)),
            ..Question::new(MODEL, &needs, &preferences, &[Dialect::OpenaiChat])
        };
        let moment = Moment {
            seed: (even(self.seed, &[turn.conversation, turn.number, 5]) * 1e18) as u64,
            now_ms: at_ms,
        };
        let plan = catalog::plan(self.catalog, &question, &self.health, moment);
        let attempts = plan.map_or_else(|_| Vec::new(), |plan| plan.attempts);
        let places = attempts.iter().filter_map(|attempt| {
            let specs = self.fleet.endpoints.iter();
            let tag = attempt.endpoint.tag.as_ref();
            specs.into_iter().position(|spec| spec.name == tag)
        });
        places.collect()
    }

    /// Sections 9.7, 9.9 and 13 of the digest, with list prices (the scalar is not documented; the
    /// mean of input and output is what its model list sorts by).
    fn as_documented(&mut self, turn: &Turn, at_ms: i64) -> Vec<usize> {
        let known = &mut self.documented;
        let is_out = |place: usize, known: &mut Documented| {
            let recent = known.recent.entry(place).or_default();
            recent.retain(|(when, _)| at_ms - when < 30_000);
            let failed = recent.iter().filter(|(_, ok)| !ok).count();
            failed >= 2 && failed * 2 >= recent.len()
        };
        let is_bad = |place: usize, known: &mut Documented| {
            let tools = known.tools.entry(place).or_default();
            tools.retain(|(when, _)| at_ms - when < 7_200_000);
            let good = tools.iter().filter(|(_, good)| *good).count();
            turn.kind == Caller::Agent && tools.len() >= 200 && good * 10 < tools.len() * 9
        };
        let price = |place: usize| {
            let spec = self.fleet.endpoints.get(place);
            spec.map_or(f64::INFINITY, |spec| {
                let (input, output) = spec.list_price();
                f64::midpoint(input, output)
            })
        };
        let mut all: Vec<(bool, bool, usize)> = (0..self.fleet.endpoints.len())
            .map(|place| (is_out(place, known), is_bad(place, known), place))
            .collect();
        all.sort_by(|a, b| {
            let by_price = price(a.2).total_cmp(&price(b.2));
            (a.0, a.1).cmp(&(b.0, b.1)).then(by_price)
        });
        let best = all.first().map(|first| (first.0, first.1));
        let stable: Vec<usize> = all
            .iter()
            .filter(|one| Some((one.0, one.1)) == best)
            .map(|one| one.2)
            .collect();
        let total: f64 = stable.iter().map(|place| price(*place).powi(-2)).sum();
        let mut drawn = even(self.seed, &[turn.conversation, turn.number, 5]) * total;
        let mut order: Vec<usize> = all.iter().map(|one| one.2).collect();
        for place in &stable {
            drawn -= price(*place).powi(-2);
            if drawn <= 0.0 {
                to_front(&mut order, *place);
                break;
            }
        }
        let sticky = known.sticky.get(&turn.conversation).copied();
        if let Some((place, used_ms)) = sticky
            && at_ms - used_ms < 600_000
            && !is_out(place, known)
        {
            to_front(&mut order, place);
        }
        order
    }

    /// Learns from an answer.
    pub(crate) fn learn(&mut self, place: usize, turn: &Turn, (at_ms, answer): (i64, &Answer)) {
        let is_served = matches!(answer, Answer::Served { .. });
        let known = &mut self.documented;
        if !matches!(answer, Answer::Limited { .. }) {
            known
                .recent
                .entry(place)
                .or_default()
                .push_back((at_ms, is_served));
        }
        let Some(endpoint) = self.endpoint(place).cloned() else {
            return;
        };
        let sample = sample(turn, answer);
        self.health.record(&endpoint.id, &sample, at_ms);
        let Answer::Served {
            cached, good_tools, ..
        } = answer
        else {
            return;
        };
        if turn.kind == Caller::Agent {
            let tools = self.documented.tools.entry(place).or_default();
            tools.push_back((at_ms, *good_tools));
        }
        let sticky = Sticky {
            endpoint: endpoint.id.clone(),
            cached_tokens: turn.prompt,
            used_ms: at_ms,
        };
        self.conversations
            .note(("w", conversation(turn)), &endpoint, (sticky, *cached));
        let caches = self
            .fleet
            .endpoints
            .get(place)
            .is_some_and(|spec| spec.caches());
        if caches {
            let spot = (place, at_ms);
            self.documented.sticky.insert(turn.conversation, spot);
        }
    }
}

fn conversation(turn: &Turn) -> Conversation {
    Conversation::Named(turn.conversation)
}

fn sample(turn: &Turn, answer: &Answer) -> Sample {
    match answer {
        Answer::Failed { .. } => Sample::Failed {
            retry_after_ms: None,
        },
        Answer::Limited { .. } => Sample::Limited {
            retry_after_ms: None,
        },
        Answer::Served {
            first_token_ms,
            total_ms,
            cached,
            good_tools,
        } => Sample::Served(Served {
            first_token_ms: u32::try_from(*first_token_ms).ok(),
            total_ms: u32::try_from(*total_ms).unwrap_or(u32::MAX),
            output_tokens: turn.output,
            prompt_tokens: turn.prompt,
            cached_tokens: *cached,
            tool_calls: (turn.kind == Caller::Agent).then_some(if *good_tools {
                ToolCalls::Valid
            } else {
                ToolCalls::Invalid
            }),
        }),
    }
}

fn to_front(order: &mut Vec<usize>, place: usize) {
    order.retain(|other| *other != place);
    order.insert(0, place);
}
