//! Input: what a plan was made from, short enough to be kept with each record, and made again.
//!
//! The catalog is not in it: the same rows are needed for the same plan.

use std::collections::BTreeMap;

use chat::set::Member as _;
use chat::{Dialect, Feature, Features, Modalities, Modality, Needs, Parameter, Parameters};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Moment, NoPlan, Plan, Question, plan};
use crate::endpoint::EndpointId;
use crate::health::Vital;
use crate::preferences::{Preferences, ServiceTier};
use crate::snapshot::Catalog;
use crate::sticky::Sticky;

/// The form's number; another one cannot be read.
pub(super) const FORM: u32 = 1;

/// What a plan was made from. Of health, only what was known of the endpoints that were left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    #[serde(rename = "form")]
    form: u32,
    models: Vec<String>,
    needs: KeptNeeds,
    #[serde(skip_serializing_if = "is_nothing", default)]
    provider: Value,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    account: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    tier: Option<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    sticky: Vec<(String, u64, i64)>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    output: Option<u64>,
    #[serde(skip_serializing_if = "is_zero", default)]
    further: u64,
    dialects: Vec<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    lacking: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    vitals: BTreeMap<String, Vital>,
    seed: u64,
    at: i64,
}

/// Words joined by commas, and numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct KeptNeeds {
    dialect: Box<str>,
    stream: bool,
    prompt: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    max: Option<u64>,
    input: String,
    output: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    parameters: String,
    choices: u32,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    features: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    preferred: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn is_nothing(value: &Value) -> bool {
    value.as_object().is_none_or(serde_json::Map::is_empty)
}

/// Why an input cannot be read or planned again.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It is not the text of one.
    #[error("this is no plan input: {0}")]
    Text(#[from] serde_json::Error),
    /// A newer or older version wrote it.
    #[error("plan inputs of form {0} cannot be read")]
    Form(u32),
    /// A word in it means nothing here.
    #[error("\"{0}\" means nothing here")]
    Word(String),
    /// There is no plan, as there was none then.
    #[error(transparent)]
    NoPlan(#[from] NoPlan),
}

impl Input {
    /// Keeps what a plan was made from.
    #[must_use]
    pub fn keep(question: &Question<'_>, plan: &Plan, moment: Moment) -> Self {
        let names = std::iter::once(question.model.to_owned());
        let planned = plan.attempts.iter().map(|a| (&a.endpoint, &a.rank));
        let over = plan.excluded.iter();
        let over = over.filter_map(|out| Some((&out.endpoint, out.rank.as_ref()?)));
        let ranked = planned.chain(over);
        let vitals = ranked.map(|(endpoint, rank)| (endpoint.id.to_string(), rank.vital));
        let sticky = question.sticky.iter().map(|sticky| {
            let endpoint = sticky.endpoint.to_string();
            (endpoint, sticky.cached_tokens, sticky.used_ms)
        });
        Self {
            form: FORM,
            models: names.chain(question.fallbacks.iter().cloned()).collect(),
            needs: KeptNeeds::of(question.needs),
            provider: question.preferences.write(),
            account: question.account.map(Preferences::write),
            tier: question.service_tier.map(|tier| tier.name().into()),
            sticky: sticky.collect(),
            output: question.expected_output_tokens,
            further: question.further_calls,
            dialects: question.dialects.iter().map(|d| d.name().into()).collect(),
            lacking: question.lacking.to_vec(),
            vitals: vitals
                .filter(|(_, vital)| *vital != Vital::default())
                .collect(),
            seed: moment.seed,
            at: moment.now_ms,
        }
    }

    /// As JSON, a few hundred bytes.
    ///
    /// # Errors
    /// Never in practice; the signature is that of the JSON writer.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads what [`Input::to_json`] wrote.
    ///
    /// # Errors
    /// When the text is no input, or one of another form.
    pub fn from_json(text: &str) -> Result<Self, InputError> {
        let input: Self = serde_json::from_str(text)?;
        input.checked_form()?;
        Ok(input)
    }

    /// Whether this version can read it.
    pub(super) const fn checked_form(&self) -> Result<(), InputError> {
        match self.form {
            FORM => Ok(()),
            other => Err(InputError::Form(other)),
        }
    }

    /// Makes the plan again.
    ///
    /// # Errors
    /// [`InputError::NoPlan`] when the catalog has changed so much that there is none.
    pub fn replay(&self, catalog: &Catalog) -> Result<Plan, InputError> {
        let read = |value: &Value| {
            Preferences::read(value).map_err(|error| InputError::Word(error.to_string()))
        };
        let preferences = read(&self.provider)?;
        let account = self.account.as_ref().map(read).transpose()?;
        let needs = self.needs.read()?;
        let dialects = self.dialects.iter().map(|name| dialect(name));
        let dialects: Vec<Dialect> = dialects.collect::<Result<_, _>>()?;
        let sticky = self.sticky.iter();
        let sticky: Vec<Sticky> = sticky
            .map(|(endpoint, cached_tokens, used_ms)| Sticky {
                endpoint: EndpointId::new(endpoint),
                cached_tokens: *cached_tokens,
                used_ms: *used_ms,
            })
            .collect();
        let (model, fallbacks) = self
            .models
            .split_first()
            .ok_or_else(|| InputError::Word(String::new()))?;
        let question = Question {
            fallbacks,
            account: account.as_ref(),
            service_tier: self.tier.as_deref().and_then(ServiceTier::read),
            sticky: &sticky,
            expected_output_tokens: self.output,
            further_calls: self.further,
            lacking: &self.lacking,
            ..Question::new(model, &needs, &preferences, &dialects)
        };
        let moment = Moment {
            seed: self.seed,
            now_ms: self.at,
        };
        Ok(plan(catalog, &question, &self.vitals, moment)?)
    }
}

impl KeptNeeds {
    fn of(needs: &Needs) -> Self {
        let modalities = |set: Modalities| {
            let names: Vec<&str> = set.iter().map(Modality::name).collect();
            names.join(",")
        };
        let parameters: Vec<&str> = needs.parameters.iter().map(Parameter::name).collect();
        let features = |set: Features| {
            let names: Vec<&str> = set.iter().map(Feature::name).collect();
            names.join(",")
        };
        Self {
            dialect: needs.dialect.name().into(),
            stream: needs.stream,
            prompt: needs.prompt_tokens,
            max: needs.max_output_tokens,
            input: modalities(needs.input),
            output: modalities(needs.output),
            parameters: parameters.join(","),
            choices: needs.choices,
            features: features(needs.features),
            preferred: features(needs.preferred),
        }
    }

    fn read(&self) -> Result<Needs, InputError> {
        let word = |name: &str| InputError::Word(name.to_owned());
        let words = |text: &'_ str| -> Vec<String> {
            let words = text.split(',').filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        };
        let modalities = |text: &str| -> Result<Modalities, InputError> {
            let words = words(text);
            let each = words
                .iter()
                .map(|name| Modality::from_name(name).ok_or_else(|| word(name)));
            each.collect()
        };
        let names = words(&self.parameters);
        let parameters = names
            .iter()
            .map(|name| Parameter::from_name(name).ok_or_else(|| word(name)));
        let features = |text: &str| -> Result<Features, InputError> {
            let words = words(text);
            let each = words.iter().map(|name| {
                let known = Feature::ALL.iter().find(|feature| feature.name() == name);
                known.copied().ok_or_else(|| word(name))
            });
            each.collect()
        };
        Ok(Needs {
            dialect: dialect(&self.dialect)?,
            stream: self.stream,
            prompt_tokens: self.prompt,
            max_output_tokens: self.max,
            input: modalities(&self.input)?,
            output: modalities(&self.output)?,
            parameters: parameters.collect::<Result<Parameters, _>>()?,
            choices: self.choices,
            features: features(&self.features)?,
            preferred: features(&self.preferred)?,
        })
    }
}

fn dialect(name: &str) -> Result<Dialect, InputError> {
    name.parse().map_err(|_| InputError::Word(name.to_owned()))
}
