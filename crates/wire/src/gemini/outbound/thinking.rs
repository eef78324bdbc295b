//! How hard the model is to think: a level from the third generation on, a budget before.
//!
//! Source: <https://ai.google.dev/gemini-api/docs/thinking> (July 2026), and section 20 of our digest.

use chat::request::{Effort, Reasoning};
use serde_json::{Map, Value, json};

use super::super::family::{Family, Thinking};

/// The output limit that shares are taken of where nobody set one.
const LIMIT_DEFAULT: u64 = 65_536;

/// `thinkingConfig`; the names of what it cannot say.
pub(super) fn write(
    reasoning: &Reasoning,
    family: Family,
    limit: Option<u64>,
) -> (Option<Value>, Vec<&'static str>) {
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    let mut config = Map::new();
    let mut dropped = Vec::new();
    match family.thinking {
        Thinking::None => {
            let dropped = if reasoning.is_on() {
                vec!["reasoning"]
            } else {
                Vec::new()
            };
            return (None, dropped);
        }
        Thinking::Budget(least, most, has_off) => {
            let budget = match reasoning.budget_meant(limit) {
                _ if reasoning.is_off() && has_off => Some(0),
                _ if reasoning.is_off() => {
                    dropped.push("reasoning.enabled");
                    Some(least)
                }
                _ if reasoning.adaptive && reasoning.max_tokens.is_none() => None,
                Some(budget) => Some(budget.clamp(least, most)),
                None => None,
            };
            match budget {
                Some(budget) => config.insert("thinkingBudget".to_owned(), json!(budget)),
                // As much as the model likes.
                None if reasoning.adaptive => config.insert("thinkingBudget".to_owned(), json!(-1)),
                None => None,
            };
        }
        Thinking::Level(levels) => match (reasoning.max_tokens, reasoning.effort) {
            (Some(budget), None) if !reasoning.is_off() => {
                config.insert("thinkingBudget".to_owned(), json!(budget));
            }
            _ => {
                if reasoning.is_off() {
                    dropped.push("reasoning.enabled");
                }
                // What is on without a measure thinks as the model does by itself.
                if let Some(effort) = reasoning.effort.or(off(reasoning)) {
                    config.insert("thinkingLevel".to_owned(), json!(level(effort, levels)));
                }
            }
        },
    }
    let is_on = !reasoning.is_off();
    config.insert(
        "includeThoughts".to_owned(),
        json!(is_on && !reasoning.exclude),
    );
    if reasoning.summary.is_some() {
        dropped.push("reasoning.summary");
    }
    (Some(Value::Object(config)), dropped)
}

fn off(reasoning: &Reasoning) -> Option<Effort> {
    reasoning.is_off().then_some(Effort::None)
}

/// The nearest level that a model has: the next higher one, else its highest.
fn level(effort: Effort, levels: &'static [&'static str]) -> &'static str {
    let wanted = match effort {
        Effort::None | Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::Xhigh | Effort::Max => "high",
    };
    let all = ["minimal", "low", "medium", "high"];
    let from = all.iter().position(|level| *level == wanted).unwrap_or(0);
    let mut upward = all.iter().skip(from);
    upward
        .find(|level| levels.contains(level))
        .copied()
        .unwrap_or("high")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(model: &str, reasoning: &Reasoning, expected: &Value) {
        let (config, _) = write(reasoning, Family::of(model), Some(10_000));
        assert_eq!(&config.unwrap_or(Value::Null), expected, "{model}");
    }

    #[test]
    fn each_family_is_told_in_its_own_measure() {
        let effort = |effort| Reasoning {
            effort: Some(effort),
            ..Reasoning::default()
        };
        let flash = "gemini-2.5-flash";
        check(
            flash,
            &effort(Effort::High),
            &json!({"thinkingBudget": 8000, "includeThoughts": true}),
        );
        check(
            flash,
            &effort(Effort::None),
            &json!({"thinkingBudget": 0, "includeThoughts": false}),
        );
        let pro = "gemini-2.5-pro";
        check(
            pro,
            &effort(Effort::None),
            &json!({"thinkingBudget": 128, "includeThoughts": false}),
        );
        let three = "gemini-3-pro-preview";
        check(
            three,
            &effort(Effort::Xhigh),
            &json!({"thinkingLevel": "high", "includeThoughts": true}),
        );
        check(
            three,
            &effort(Effort::Medium),
            &json!({"thinkingLevel": "high", "includeThoughts": true}),
        );
        check(
            "gemini-3-flash",
            &effort(Effort::None),
            &json!({"thinkingLevel": "minimal", "includeThoughts": false}),
        );
        check("gemini-2.0-flash", &effort(Effort::High), &Value::Null);
        let budget = Reasoning {
            max_tokens: Some(99_999),
            exclude: true,
            ..Reasoning::default()
        };
        check(
            flash,
            &budget,
            &json!({"thinkingBudget": 24_576, "includeThoughts": false}),
        );
        check(
            three,
            &budget,
            &json!({"thinkingBudget": 99_999, "includeThoughts": false}),
        );
    }
}
