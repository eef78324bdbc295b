//! How much the model is to think, as each generation of Claude is told. Source: section 20.2 of our
//! digest of OpenRouter's API.

use chat::Request;
use chat::request::{Effort, Reasoning};
use serde_json::{Value, json};

use super::family::{Family, Thinking};
use super::same::BUDGET_MIN;

/// The most that thinking may have where an effort is meant, tokens.
const BUDGET_MAX: u64 = 128_000;

/// What is said of thinking.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Said {
    /// The field `thinking`.
    pub(crate) thinking: Option<Value>,
    /// `output_config.effort`.
    pub(crate) effort: Option<&'static str>,
    /// What cannot be said.
    pub(crate) dropped: Vec<&'static str>,
}

impl Said {
    /// Whether the model will think.
    pub(crate) fn is_on(&self, family: Family) -> bool {
        match &self.thinking {
            Some(thinking) => thinking["type"] != "disabled",
            None => family.thinks_unasked,
        }
    }
}

/// What to say of thinking. `must_not` says why it is impossible in this call, if it is: a tool is
/// forced, or calls are being answered that another family has made.
pub(crate) fn say(request: &Request, family: Family, limit: u64, must_not: bool) -> Said {
    let mut said = Said::default();
    let off = || Some(json!({"type": "disabled"})).filter(|_| family.thinks_unasked);
    let wanted = request.reasoning.as_ref();
    let is_on = wanted.is_some_and(Reasoning::is_on);
    if must_not {
        if is_on {
            said.dropped.push("reasoning");
        }
        said.thinking = off();
    } else if let Some(reasoning) = wanted.filter(|_| is_on) {
        think(reasoning, family, limit, &mut said);
    } else if wanted.is_some_and(Reasoning::is_off) {
        said.thinking = off();
    }
    effort(request, family, is_on, &mut said);
    said
}

fn think(reasoning: &Reasoning, family: Family, limit: u64, said: &mut Said) {
    let by_budget = match family.thinking {
        Thinking::Never => {
            said.dropped.push("reasoning");
            return;
        }
        Thinking::Budget => true,
        Thinking::Either => reasoning.max_tokens.is_some(),
        Thinking::Adaptive => false,
    };
    if !by_budget {
        if reasoning.max_tokens.is_some() {
            said.dropped.push("reasoning.max_tokens");
        }
        let display = match reasoning.exclude {
            true => "omitted",
            false => "summarized",
        };
        said.thinking = Some(json!({"type": "adaptive", "display": display}));
        return;
    }
    let meant = reasoning.budget_meant(limit).unwrap_or(BUDGET_MIN);
    let meant = match reasoning.max_tokens {
        Some(_) => meant,
        None => meant.min(BUDGET_MAX),
    };
    // What is said must come on top of what is thought.
    let budget = meant.max(BUDGET_MIN).min(limit.saturating_sub(1));
    if budget < BUDGET_MIN {
        said.dropped.push("reasoning");
        return;
    }
    if reasoning.max_tokens.is_some_and(|wanted| wanted > budget) {
        said.dropped.push("reasoning.max_tokens");
    }
    said.thinking = Some(json!({"type": "enabled", "budget_tokens": budget}));
}

/// `verbosity` and the effort of reasoning are one thing to Claude; the former wins.
fn effort(request: &Request, family: Family, is_on: bool, said: &mut Said) {
    let of_reasoning = request
        .reasoning
        .as_ref()
        .filter(|_| is_on && said.thinking.is_some())
        .and_then(|reasoning| reasoning.effort);
    let of_verbosity = request.verbosity.as_deref().and_then(Effort::from_name);
    if !family.takes_effort {
        if request.verbosity.is_some() {
            said.dropped.push("verbosity");
        }
        return;
    }
    let Some(effort) = of_verbosity.or(of_reasoning) else {
        return;
    };
    let is_off = said
        .thinking
        .as_ref()
        .is_some_and(|thinking| thinking["type"] == "disabled");
    said.effort = match effort {
        Effort::None => None,
        Effort::Minimal | Effort::Low => Some("low"),
        Effort::Medium => Some("medium"),
        Effort::High => Some("high"),
        // Without thinking the two highest are refused.
        Effort::Xhigh | Effort::Max if is_off => Some("high"),
        Effort::Xhigh if !family.takes_xhigh => Some("high"),
        Effort::Xhigh => Some("xhigh"),
        Effort::Max => Some("max"),
    };
}
