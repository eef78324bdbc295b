//! An input's text, written without the input: each call's is kept, and hardly any is read again.

use chat::set::{Member, Set};
use chat::{Dialect, Needs};

use super::input::{FORM, Input};
use super::text::Text;
use super::{Moment, Plan, Question};
use crate::health::{Percentiles, Standing, Tools, Vital};
use crate::preferences::Preferences;

/// About as long as the text of a plain question is.
const USUAL_BYTES: usize = 512;

impl Input {
    /// The text of [`Input::keep`], octet by octet.
    #[must_use]
    pub fn text(question: &Question<'_>, plan: &Plan, moment: Moment) -> Box<str> {
        let text = Text::object(USUAL_BYTES, |text| {
            text.name("form").count(FORM.into());
            text.name("models").list(|text| {
                text.text(question.model);
                question.fallbacks.iter().for_each(|name| text.text(name));
            });
            text.name("needs")
                .members(|text| needs(text, question.needs));
            if *question.preferences != Preferences::default() {
                text.name("provider").value(&question.preferences.write());
            }
            if let Some(account) = question.account {
                text.name("account").value(&account.write());
            }
            if let Some(tier) = question.service_tier {
                text.name("tier").word(tier.name());
            }
            known(text, question);
            let vitals = vitals(plan);
            if !vitals.is_empty() {
                text.name("vitals").members(|text| {
                    for (id, vital) in vitals {
                        text.named(id).members(|text| write_vital(text, vital));
                    }
                });
            }
            text.name("seed").count(moment.seed);
            text.name("at").int(moment.now_ms);
        });
        text.into_boxed_str()
    }
}

/// `sticky` to `lacking`.
fn known(text: &mut Text, question: &Question<'_>) {
    if !question.sticky.is_empty() {
        text.name("sticky").list(|text| {
            for sticky in question.sticky {
                text.list(|text| {
                    text.text(sticky.endpoint.as_str());
                    text.count(sticky.cached_tokens);
                    text.int(sticky.used_ms);
                });
            }
        });
    }
    if let Some(tokens) = question.expected_output_tokens {
        text.name("output").count(tokens);
    }
    if question.further_calls > 0 {
        text.name("further").count(question.further_calls);
    }
    text.name("dialects").list(|text| {
        let names = question.dialects.iter().copied().map(Dialect::name);
        names.for_each(|name| text.word(name));
    });
    if !question.lacking.is_empty() {
        text.name("lacking").list(|text| {
            question.lacking.iter().for_each(|slug| text.text(slug));
        });
    }
}

fn needs(text: &mut Text, needs: &Needs) {
    text.name("dialect").word(needs.dialect.name());
    text.name("stream").flag(needs.stream);
    text.name("prompt").count(needs.prompt_tokens);
    if let Some(most) = needs.max_output_tokens {
        text.name("max").count(most);
    }
    text.name("input").joined(words(needs.input));
    text.name("output").joined(words(needs.output));
    if !needs.parameters.is_empty() {
        text.name("parameters").joined(words(needs.parameters));
    }
    text.name("choices").count(needs.choices.into());
    for (name, features) in [("features", needs.features), ("preferred", needs.preferred)] {
        if !features.is_empty() {
            text.name(name).joined(words(features));
        }
    }
}

fn words<T: Member>(set: Set<T>) -> impl Iterator<Item = &'static str> {
    set.iter().map(Member::word)
}

/// What was known of the endpoints that were left, by their ids.
fn vitals(plan: &Plan) -> Vec<(&str, &Vital)> {
    let planned = plan.attempts.iter().map(|a| (&a.endpoint, &a.rank));
    let over = plan.excluded.iter();
    let over = over.filter_map(|out| Some((&out.endpoint, out.rank.as_ref()?)));
    let ranked = planned.chain(over);
    let vitals = ranked.map(|(endpoint, rank)| (endpoint.id.as_str(), &rank.vital));
    let mut known: Vec<_> = vitals
        .filter(|(_, vital)| **vital != Vital::default())
        .collect();
    known.sort_by_key(|(id, _)| *id);
    known
}

fn write_vital(text: &mut Text, vital: &Vital) {
    if vital.standing != Standing::default() {
        text.name("s").word(vital.standing.name());
    }
    for (name, measured) in [("l", vital.first_token_ms), ("v", vital.speed)] {
        if let Some(measured) = measured {
            text.name(name)
                .members(|text| write_percentiles(text, measured));
        }
    }
    if vital.is_stale {
        text.name("o").flag(true);
    }
    if vital.tools != Tools::default() {
        text.name("t").members(|text| {
            text.name("valid").count(vital.tools.valid.into());
            text.name("invalid").count(vital.tools.invalid.into());
        });
    }
    if let Some(tokens) = vital.tokens_left {
        text.name("r").count(tokens);
    }
    if let Some(permille) = vital.cached_permille {
        text.name("c").count(permille.into());
    }
}

fn write_percentiles(text: &mut Text, measured: Percentiles) {
    let Percentiles { p50, p75, p90, p99 } = measured;
    for (name, value) in [("p50", p50), ("p75", p75), ("p90", p90), ("p99", p99)] {
        text.name(name).count(value.into());
    }
}
