//! How much the model is to think, as each family is told in `additionalModelRequestFields`.

use chat::Request;
use chat::request::{Effort, Reasoning};
use serde_json::{Map, Value, json};

use super::family::{Family, Thinking};
use crate::anthropic_messages::reasoning as claude;

/// What is said of thinking.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Members of `additionalModelRequestFields`.
    pub(super) fields: Map<String, Value>,
    /// Whether the model will think.
    pub(super) is_on: bool,
    /// Whether an output limit must be said as well: thinking has a budget out of it.
    pub(super) has_budget: bool,
    /// What cannot be said.
    pub(super) dropped: Vec<&'static str>,
}

/// What to say of thinking. `must_not` is whether it is impossible in this call (see
/// [`claude::say`]); `has_limit` is whether an output limit is sent.
pub(super) fn say(
    request: &Request,
    family: &Family,
    (limit, has_limit): (u64, bool),
    must_not: bool,
) -> Said {
    if let (Thinking::Claude, Some(generation)) = (family.thinking, family.claude) {
        let said = claude::say(request, generation, limit, must_not);
        let mut fields = Map::new();
        let has_budget = said
            .thinking
            .as_ref()
            .is_some_and(|thinking| thinking["type"] == "enabled");
        if let Some(thinking) = &said.thinking {
            fields.insert("thinking".to_owned(), thinking.clone());
        }
        if let Some(effort) = said.effort {
            fields.insert("output_config".to_owned(), json!({"effort": effort}));
        }
        return Said {
            fields,
            is_on: said.is_on(generation),
            has_budget,
            dropped: said.dropped,
        };
    }
    let mut said = Said::default();
    if request.verbosity.is_some() {
        said.dropped.push("verbosity");
    }
    let Some(reasoning) = &request.reasoning else {
        return said;
    };
    say_effort(reasoning, family.thinking, (limit, has_limit), &mut said);
    said
}

fn say_effort(
    reasoning: &Reasoning,
    thinking: Thinking,
    (limit, has_limit): (u64, bool),
    said: &mut Said,
) {
    if !reasoning.is_on() {
        // Those that think by themselves cannot be told not to.
        if reasoning.is_off() && matches!(thinking, Thinking::Word(_, true)) {
            said.dropped.push("reasoning");
        }
        return;
    }
    let effort = reasoning.effort_meant(limit).unwrap_or(Effort::Medium);
    let is_low = effort <= Effort::Low;
    let is_high = effort >= Effort::High;
    let (name, value) = match thinking {
        Thinking::Never | Thinking::Claude => {
            said.dropped.push("reasoning");
            return;
        }
        Thinking::Nova => {
            let word = match (is_low, is_high) {
                (true, _) => "low",
                // The highest effort is refused beside a limit of the output.
                (false, true) if !has_limit => "high",
                (false, _) => "medium",
            };
            let config = json!({"type": "enabled", "maxReasoningEffort": word});
            ("reasoningConfig", config)
        }
        Thinking::Word(name, has_medium) => {
            let word = match (is_low, is_high) {
                (true, _) => "low",
                (false, false) if has_medium => "medium",
                (false, _) => "high",
            };
            (name, json!(word))
        }
    };
    said.fields.insert(name.to_owned(), value);
    said.is_on = true;
    if reasoning.max_tokens.is_some() {
        said.dropped.push("reasoning.max_tokens");
    }
}
