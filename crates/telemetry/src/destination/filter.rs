//! Which calls a destination is told of: of which keys, of which sessions, by which rules.
//!
//! The reference does not say how groups of rules combine: here a call must pass every group, so that
//! a further group narrows, as a further rule of an `and` does.

use ledger::generation::CallerNote;
use ledger::trace::TraceId;
use ledger::{Generation, GenerationId, decimal};
use regex::Regex;
use serde_json::{Value, json};

use crate::content::Conversation;

/// So many groups, and rules in each.
const GROUPS_MAX: usize = 20;
const RULES_MAX: usize = 50;

/// The longest value of a rule, characters.
const VALUE_MAX: usize = 1024;

/// The largest compiled expression, bytes.
const REGEX_BYTES_MAX: usize = 256 * 1024;

/// Rules that are wrong, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterMistake(String);

/// The rules of a destination.
#[derive(Debug, Clone)]
pub struct Filter {
    written: Value,
    is_enabled: bool,
    groups: Vec<Group>,
}

#[derive(Debug, Clone)]
struct Group {
    is_any: bool,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    field: Field,
    operator: Operator,
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Model,
    Provider,
    Session,
    User,
    KeyName,
    Finish,
    Cost,
    Tokens,
    PromptTokens,
    CompletionTokens,
    Input,
    Output,
}

#[derive(Debug, Clone)]
enum Operator {
    Equals(String),
    NotEquals(String),
    Contains(String),
    NotContains(String),
    Matches(Regex),
    StartsWith(String),
    EndsWith(String),
    Above(i128),
    Below(i128),
    AtLeast(i128),
    AtMost(i128),
    Exists,
    NotExists,
}

/// A call as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Its record.
    pub generation: &'a Generation,
    /// The name of its key.
    pub key_name: &'a str,
    /// What was asked and answered, where that may be known.
    pub content: Option<&'a Conversation>,
}

const FIELDS: [(&str, Field); 12] = [
    ("model", Field::Model),
    ("provider", Field::Provider),
    ("session_id", Field::Session),
    ("user_id", Field::User),
    ("api_key_name", Field::KeyName),
    ("finish_reason", Field::Finish),
    ("total_cost", Field::Cost),
    ("total_tokens", Field::Tokens),
    ("prompt_tokens", Field::PromptTokens),
    ("completion_tokens", Field::CompletionTokens),
    ("input", Field::Input),
    ("output", Field::Output),
];

/// Numbers are compared in parts of a thousand million, which is how exact money is.
const DIGITS: u32 = 9;

impl Filter {
    /// Reads `filter_rules`.
    ///
    /// # Errors
    /// With what is wrong, in words.
    pub fn read(written: &Value) -> Result<Self, FilterMistake> {
        let wrong = |what: &str| FilterMistake(what.to_owned());
        let object = written.as_object().ok_or_else(|| wrong("is an object"))?;
        let groups = object.get("groups").and_then(Value::as_array);
        let groups = groups.ok_or_else(|| wrong("groups is a list"))?;
        if groups.len() > GROUPS_MAX {
            return Err(FilterMistake(format!(
                "there are more than {GROUPS_MAX} groups"
            )));
        }
        let groups: Result<Vec<Group>, FilterMistake> = groups.iter().map(read_group).collect();
        let is_enabled = object.get("enabled").and_then(Value::as_bool);
        let is_enabled = is_enabled.unwrap_or(true);
        Ok(Self {
            written: json!({ "enabled": is_enabled, "groups": object["groups"] }),
            is_enabled,
            groups: groups?,
        })
    }

    /// As it was written, with defaults.
    #[must_use]
    pub const fn written(&self) -> &Value {
        &self.written
    }

    /// Whether a rule is about what was asked or answered.
    #[must_use]
    pub fn reads_content(&self) -> bool {
        let mut rules = self.groups.iter().flat_map(|group| &group.rules);
        let is_content = |rule: &Rule| matches!(rule.field, Field::Input | Field::Output);
        self.is_enabled && rules.any(is_content)
    }

    /// Whether a call passes.
    #[must_use]
    pub fn passes(&self, seen: Seen<'_>) -> bool {
        !self.is_enabled
            || self.groups.iter().all(|group| {
                let mut rules = group.rules.iter();
                if group.is_any {
                    group.rules.is_empty() || rules.any(|rule| rule.holds(seen))
                } else {
                    rules.all(|rule| rule.holds(seen))
                }
            })
    }
}

/// Whether a call is among so many of a million: by its session where it has one, so that a session
/// is told whole or not at all, and by the destination, so that two need not choose the same.
#[must_use]
pub fn is_chosen(destination: &str, (id, caller): (&GenerationId, &CallerNote), ppm: u32) -> bool {
    let unit = caller.session_id.as_deref().unwrap_or(id.as_str());
    let lot = TraceId::of_text(&format!("{destination}\0{unit}"));
    crate::export::is_sampled(lot, ppm)
}

fn read_group(group: &Value) -> Result<Group, FilterMistake> {
    let is_any = match group.get("logic").and_then(Value::as_str) {
        None | Some("and") => false,
        Some("or") => true,
        Some(_) => return Err(FilterMistake("logic is \"and\" or \"or\"".to_owned())),
    };
    let rules = group.get("rules").and_then(Value::as_array);
    let rules = rules.ok_or_else(|| FilterMistake("rules is a list".to_owned()))?;
    if rules.len() > RULES_MAX {
        return Err(FilterMistake(format!(
            "a group has more than {RULES_MAX} rules"
        )));
    }
    let rules: Result<Vec<Rule>, FilterMistake> = rules.iter().map(read_rule).collect();
    Ok(Group {
        is_any,
        rules: rules?,
    })
}

fn read_rule(rule: &Value) -> Result<Rule, FilterMistake> {
    let name = rule
        .get("field")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let field = FIELDS.iter().find(|(known, _)| *known == name);
    let known = || FIELDS.map(|(known, _)| known).join(", ");
    let (_, field) =
        field.ok_or_else(|| FilterMistake(format!("field \"{name}\" is none of {}", known())))?;
    let operator = rule.get("operator").and_then(Value::as_str);
    let operator = operator.unwrap_or_default();
    let text = match rule.get("value") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    if text.chars().count() > VALUE_MAX {
        return Err(FilterMistake(format!(
            "a value is longer than {VALUE_MAX} characters"
        )));
    }
    let number = || {
        decimal::parse(text.trim(), DIGITS)
            .map_err(|_| FilterMistake(format!("\"{text}\" is no number for {operator}")))
    };
    let operator = match operator {
        "equals" => Operator::Equals(text),
        "not_equals" => Operator::NotEquals(text),
        "contains" => Operator::Contains(text),
        "not_contains" => Operator::NotContains(text),
        "starts_with" => Operator::StartsWith(text),
        "ends_with" => Operator::EndsWith(text),
        "regex" => Operator::Matches(
            regex::RegexBuilder::new(&text)
                .size_limit(REGEX_BYTES_MAX)
                .build()
                .map_err(|_| FilterMistake("a regex does not read, or is too large".to_owned()))?,
        ),
        "gt" => Operator::Above(number()?),
        "lt" => Operator::Below(number()?),
        "gte" => Operator::AtLeast(number()?),
        "lte" => Operator::AtMost(number()?),
        "exists" => Operator::Exists,
        "not_exists" => Operator::NotExists,
        other => return Err(FilterMistake(format!("operator \"{other}\" is unknown"))),
    };
    Ok(Rule {
        field: *field,
        operator,
    })
}

impl Rule {
    fn holds(&self, seen: Seen<'_>) -> bool {
        let text = self.field.text(seen);
        let is = |test: &dyn Fn(&str) -> bool| text.as_deref().is_some_and(test);
        let number = || {
            let text = text.as_deref()?;
            decimal::parse(text, DIGITS).ok()
        };
        match &self.operator {
            Operator::Equals(wanted) => is(&|text| self.field.equals(text, wanted)),
            Operator::NotEquals(wanted) => !is(&|text| self.field.equals(text, wanted)),
            Operator::Contains(wanted) => is(&|text| text.contains(wanted.as_str())),
            Operator::NotContains(wanted) => !is(&|text| text.contains(wanted.as_str())),
            Operator::StartsWith(wanted) => is(&|text| text.starts_with(wanted.as_str())),
            Operator::EndsWith(wanted) => is(&|text| text.ends_with(wanted.as_str())),
            Operator::Matches(regex) => is(&|text| regex.is_match(text)),
            Operator::Above(limit) => number().is_some_and(|own| own > *limit),
            Operator::Below(limit) => number().is_some_and(|own| own < *limit),
            Operator::AtLeast(limit) => number().is_some_and(|own| own >= *limit),
            Operator::AtMost(limit) => number().is_some_and(|own| own <= *limit),
            Operator::Exists => text.is_some(),
            Operator::NotExists => text.is_none(),
        }
    }
}

impl Field {
    fn text(self, seen: Seen<'_>) -> Option<String> {
        let generation = seen.generation;
        let usage = &generation.usage;
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        match self {
            Self::Model => some(&generation.model),
            Self::Provider => generation.provider.clone(),
            Self::Session => generation.caller.session_id.clone(),
            Self::User => generation.caller.external_user.clone(),
            Self::KeyName => some(seen.key_name),
            Self::Finish => {
                let finish = generation.finish.as_ref()?;
                Some(finish.reason.name().to_owned())
            }
            Self::Cost => {
                let total = generation.charge.as_ref().ok()?.total;
                Some(decimal::format(i128::from(total.nanos()), DIGITS))
            }
            Self::Tokens => {
                let tokens = usage
                    .prompt_tokens()
                    .checked_add(usage.completion_tokens())?;
                Some(tokens.to_string())
            }
            Self::PromptTokens => Some(usage.prompt_tokens().to_string()),
            Self::CompletionTokens => Some(usage.completion_tokens().to_string()),
            Self::Input => seen.content.map(Conversation::input_text),
            Self::Output => seen.content.map(Conversation::output_text),
        }
    }

    /// Numbers are equal by value, texts by their characters.
    fn equals(self, text: &str, wanted: &str) -> bool {
        match self {
            Self::Cost | Self::Tokens | Self::PromptTokens | Self::CompletionTokens => {
                let number = |text: &str| decimal::parse(text, DIGITS).ok();
                number(text).is_some() && number(text) == number(wanted)
            }
            Self::Model
            | Self::Provider
            | Self::Session
            | Self::User
            | Self::KeyName
            | Self::Finish
            | Self::Input
            | Self::Output => text == wanted,
        }
    }
}
