//! How each provider wants to be asked to reason, from OpenRouter's `reasoning` object.
//!
//! Source: section 20 of our digest of OpenRouter's API: ratios of effort to budget, `enabled`
//! alone means medium, `include_reasoning` is the older word. What a provider cannot be told is
//! named as dropped.

use super::Quirk;
use crate::draft::Draft;

/// The field, or fields, a provider reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// None that we know of: what the caller asked is named as dropped.
    Unknown,
    /// OpenRouter's own.
    Keep,
    /// `reasoning_effort`, with any of OpenAI's words.
    Effort,
    /// `reasoning_effort`, with low, medium and high.
    BasicEffort,
    /// `thinking: {"type": "enabled" | "disabled"}`.
    ThinkingType,
    /// `enable_thinking` and `thinking_budget`.
    EnableThinking,
}

/// What the caller asked.
#[derive(Debug, Default)]
struct Asked {
    effort: Option<String>,
    budget: Option<u64>,
    is_enabled: Option<bool>,
    is_excluded: bool,
}

impl Asked {
    fn read(draft: &Draft<'_, '_>) -> Self {
        let members = draft.members;
        let is_true = |name: &str, inner: &crate::members::Members<'_>| {
            inner
                .present(name)
                .map(|member| member.value.of(members.text) == "true")
        };
        let mut asked = Self {
            effort: draft
                .get("reasoning_effort")
                .and_then(|_| members.string("reasoning_effort"))
                .map(|effort| effort.decode().into_owned()),
            ..Self::default()
        };
        if draft.get("reasoning").is_some()
            && let Some(reasoning) = members.object("reasoning")
        {
            let own = reasoning
                .string("effort")
                .map(|effort| effort.decode().into_owned());
            asked.effort = own.or(asked.effort);
            asked.budget = reasoning.count("max_tokens");
            asked.is_enabled = is_true("enabled", &reasoning);
            asked.is_excluded = is_true("exclude", &reasoning).unwrap_or(false);
        }
        asked
    }

    /// Whether reasoning is to be on or off; `None` leaves it to the provider.
    fn wanted(&self) -> Option<bool> {
        if self.is_enabled == Some(false)
            || self.effort.as_deref() == Some("none")
            || self.budget == Some(0)
        {
            return Some(false);
        }
        let is_on = self.is_enabled.is_some() || self.effort.is_some() || self.budget.is_some();
        is_on.then_some(true)
    }

    /// The effort in a word: as asked, or the one whose share of the output limit comes closest.
    fn word(&self, output_max: Option<u64>) -> Option<&str> {
        match (self.wanted()?, &self.effort, self.budget) {
            (false, _, _) => Some("none"),
            (true, Some(effort), _) => Some(effort),
            (true, None, Some(budget)) => {
                let Some(limit) = output_max.filter(|limit| *limit > 0) else {
                    return Some("medium");
                };
                let percent = budget.saturating_mul(100) / limit;
                Some(match percent {
                    0..15 => "minimal",
                    15..35 => "low",
                    35..65 => "medium",
                    _ => "high",
                })
            }
            (true, None, None) => Some("medium"),
        }
    }

    /// The budget in tokens: as asked, or the effort's share of the output limit.
    fn tokens(&self, output_max: Option<u64>) -> Option<u64> {
        if let Some(budget) = self.budget {
            return Some(budget);
        }
        let percent = match self.effort.as_deref()? {
            "max" | "xhigh" => 95,
            "high" => 80,
            "medium" => 50,
            "low" => 20,
            "minimal" => 10,
            _ => return None,
        };
        Some(output_max?.saturating_mul(percent) / 100)
    }
}

/// Rewrites what the caller asked into the provider's form.
pub(super) fn apply(draft: &mut Draft<'_, '_>, quirks: &[&Quirk]) {
    let form = super::reasoning_form(quirks);
    if form == Form::Keep {
        return;
    }
    if form == Form::Unknown {
        draft.drop_field("reasoning");
        draft.drop_field("include_reasoning");
        return;
    }
    let asked = Asked::read(draft);
    if asked.is_excluded {
        draft.name_dropped("reasoning.exclude");
    }
    let includes = draft
        .get("include_reasoning")
        .map(|field| field.value.of(draft.members.text));
    if includes == Some("false") {
        draft.name_dropped("include_reasoning");
    }
    draft.remove("reasoning");
    draft.remove("include_reasoning");
    match form {
        Form::Unknown | Form::Keep => {}
        Form::Effort | Form::BasicEffort => write_effort(draft, &asked, form),
        Form::ThinkingType => write_thinking_type(draft, &asked),
        Form::EnableThinking => write_enable_thinking(draft, &asked),
    }
}

fn output_max(draft: &Draft<'_, '_>) -> Option<u64> {
    let members = draft.members;
    members
        .count("max_completion_tokens")
        .or_else(|| members.count("max_tokens"))
}

fn write_effort(draft: &mut Draft<'_, '_>, asked: &Asked, form: Form) {
    let Some(word) = asked.word(output_max(draft)) else {
        return;
    };
    if asked.budget.is_some_and(|budget| budget > 0) {
        draft.name_dropped("reasoning.max_tokens");
    }
    let word = match (form, word) {
        (Form::BasicEffort, "none") => {
            draft.drop_field("reasoning_effort");
            return draft.name_dropped("reasoning.effort");
        }
        (Form::BasicEffort, "minimal") => "low",
        (Form::BasicEffort, "xhigh" | "max") => "high",
        (_, "max") => "xhigh",
        (_, word) => word,
    };
    draft.set("reasoning_effort", format!("\"{word}\""));
}

fn write_thinking_type(draft: &mut Draft<'_, '_>, asked: &Asked) {
    draft.remove("reasoning_effort");
    let Some(is_on) = asked.wanted() else { return };
    if is_on {
        name_grade(draft, asked.effort.is_some(), asked.budget.is_some());
    }
    if draft.get("thinking").is_none() {
        let state = if is_on { "enabled" } else { "disabled" };
        draft.set("thinking", format!("{{\"type\":\"{state}\"}}"));
    }
}

fn write_enable_thinking(draft: &mut Draft<'_, '_>, asked: &Asked) {
    draft.remove("reasoning_effort");
    let Some(is_on) = asked.wanted() else { return };
    if draft.get("enable_thinking").is_none() {
        draft.set("enable_thinking", is_on.to_string());
    }
    if !is_on {
        return;
    }
    match asked.tokens(output_max(draft)) {
        Some(budget) if draft.get("thinking_budget").is_none() => {
            draft.set("thinking_budget", budget.to_string());
        }
        Some(_) => {}
        None => name_grade(draft, asked.effort.is_some(), false),
    }
}

fn name_grade(draft: &mut Draft<'_, '_>, has_effort: bool, has_budget: bool) {
    if has_effort {
        draft.name_dropped("reasoning.effort");
    }
    if has_budget {
        draft.name_dropped("reasoning.max_tokens");
    }
}
