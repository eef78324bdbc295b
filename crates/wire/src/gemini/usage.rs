//! Google's `usageMetadata` to disjoint buckets, and our buckets to `usageMetadata`.
//!
//! # The rule
//! 1. `promptTokenCount` includes `cachedContentTokenCount`, and all modalities; what
//!    `promptTokensDetails` says of sound and pictures gets its own bucket, without what of it
//!    `cacheTokensDetails` says was cached. The rest is `Input`.
//! 2. `toolUsePromptTokenCount` (what the provider's own tools put into the prompt) is beside it,
//!    and is `Input` as well.
//! 3. `candidatesTokenCount` does not include `thoughtsTokenCount`: the total is the sum of the
//!    four. Where the total shows that it does, the thoughts are taken out. What
//!    `candidatesTokensDetails` says of sound and pictures gets its own bucket.
//! 4. Where there is a total and no candidates are counted, what it has beyond the rest is `Output`.
//! 5. Searches are one per answer that searched; one per query from the third generation of models on.
//! 6. In a stream later reports win per field; a field that is not mentioned again stays.
//!
//! Source: <https://ai.google.dev/api/generate-content#UsageMetadata> and the price list, July 2026,
//! and 520 recorded answers, in all of which the sum holds.

use chat::{ServiceTier, Unit, Usage};

use super::names;
use crate::members::{Members, elements};
use crate::scan::ValueKind;
use crate::splice::push_member;

/// What was counted so far, as Google counts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    prompt: Option<u64>,
    cached: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    tools: Option<u64>,
    total: Option<u64>,
    audio: [Option<u64>; 3],
    image: [Option<u64>; 3],
    service_tier: Option<ServiceTier>,
}

/// Where the counts of a modality stand: prompt, cache, candidates.
const DETAILS: [&str; 3] = [
    "promptTokensDetails",
    "cacheTokensDetails",
    "candidatesTokensDetails",
];

impl Counts {
    /// Takes in a report; gives the buckets as far as they are known.
    pub(super) fn read(&mut self, report: &Members<'_>) -> Usage {
        let count = |name: &str| {
            let member = names::get(report, name)?;
            (member.kind == ValueKind::Number)
                .then(|| crate::members::count(member.value.of(report.text)))
        };
        for (field, name) in [
            (&mut self.prompt, "promptTokenCount"),
            (&mut self.cached, "cachedContentTokenCount"),
            (&mut self.candidates, "candidatesTokenCount"),
            (&mut self.thoughts, "thoughtsTokenCount"),
            (&mut self.tools, "toolUsePromptTokenCount"),
            (&mut self.total, "totalTokenCount"),
        ] {
            *field = count(name).or(*field);
        }
        for (at, name) in DETAILS.into_iter().enumerate() {
            for (modality, counts) in [("AUDIO", &mut self.audio), ("IMAGE", &mut self.image)] {
                if let Some(slot) = counts.get_mut(at) {
                    *slot = detail(report, name, modality).or(*slot);
                }
            }
        }
        self.service_tier = tier(report).or(self.service_tier);
        let mut usage = self.buckets();
        usage.native = Some(report.span.of(report.text).into());
        usage
    }

    fn buckets(&self) -> Usage {
        let mut usage = Usage::default();
        usage.service_tier = self.service_tier;
        let zero = |count: Option<u64>| count.unwrap_or(0);
        if let Some(cached) = self.cached {
            usage.set(Unit::CacheRead, cached);
        }
        let mut apart = zero(self.cached);
        for (unit, [said, cached, _]) in [
            (Unit::InputAudio, self.audio),
            (Unit::InputImage, self.image),
        ] {
            if let Some(said) = said {
                let fresh = said.saturating_sub(zero(cached));
                usage.set(unit, fresh);
                apart = apart.saturating_add(fresh);
            }
        }
        if self.prompt.is_some() || self.tools.is_some() {
            let text = zero(self.prompt).saturating_sub(apart);
            usage.set(Unit::Input, text.saturating_add(zero(self.tools)));
        }
        if let Some(thoughts) = self.thoughts {
            usage.set(Unit::Reasoning, thoughts);
        }
        self.output(&mut usage);
        usage
    }

    fn output(&self, usage: &mut Usage) {
        let zero = |count: Option<u64>| count.unwrap_or(0);
        let before = zero(self.prompt).saturating_add(zero(self.tools));
        let said = self.candidates.or_else(|| {
            let rest = self.total?.saturating_sub(before);
            Some(rest.saturating_sub(zero(self.thoughts))).filter(|rest| *rest > 0)
        });
        let Some(mut said) = said else { return };
        let thoughts = zero(self.thoughts);
        let is_inside = self.total == Some(before.saturating_add(said));
        if is_inside && said >= thoughts {
            said -= thoughts;
        }
        let parts = [
            (Unit::OutputAudio, self.audio[2]),
            (Unit::OutputImage, self.image[2]),
        ];
        for (unit, count) in parts {
            if let Some(count) = count.filter(|count| *count <= said) {
                usage.set(unit, count);
                said -= count;
            }
        }
        usage.set(Unit::Output, said);
    }
}

/// Details are `[{modality, tokenCount}]`.
fn detail(report: &Members<'_>, name: &str, modality: &str) -> Option<u64> {
    let list = names::get(report, name).filter(|member| member.kind == ValueKind::Array)?;
    elements(report.text, list.value)
        .into_iter()
        .find_map(|span| {
            let entry = Members::of_span(report.text, span).ok()?;
            let is_it = entry
                .string("modality")
                .is_some_and(|word| word.is(modality));
            is_it.then(|| entry.count("tokenCount"))?
        })
}

/// AI Studio says `serviceTier`, Vertex `trafficType`.
fn tier(report: &Members<'_>) -> Option<ServiceTier> {
    if let Some(word) = report.string("serviceTier") {
        return ServiceTier::from_name(&word.decode().to_ascii_lowercase());
    }
    match &*report.string("trafficType")?.decode() {
        "ON_DEMAND_PRIORITY" => Some(ServiceTier::Priority),
        "ON_DEMAND_FLEX" => Some(ServiceTier::Flex),
        "PROVISIONED_THROUGHPUT" => Some(ServiceTier::Scale),
        _ => None,
    }
}

/// Writes `usageMetadata`; what was not counted is not mentioned.
pub(super) fn write(usage: &Usage) -> String {
    let mut out = String::new();
    let prompt = usage.prompt_tokens();
    let thoughts = usage.get(Unit::Reasoning);
    let completion = usage.completion_tokens();
    let candidates = completion.saturating_sub(thoughts.unwrap_or(0));
    push_member(&mut out, "promptTokenCount", &prompt.to_string());
    push_member(&mut out, "candidatesTokenCount", &candidates.to_string());
    push_member(
        &mut out,
        "totalTokenCount",
        &prompt.saturating_add(completion).to_string(),
    );
    if let Some(cached) = usage.get(Unit::CacheRead) {
        push_member(&mut out, "cachedContentTokenCount", &cached.to_string());
    }
    if let Some(thoughts) = thoughts {
        push_member(&mut out, "thoughtsTokenCount", &thoughts.to_string());
    }
    for (name, total, audio, image) in [
        (
            "promptTokensDetails",
            prompt,
            Unit::InputAudio,
            Unit::InputImage,
        ),
        (
            "candidatesTokensDetails",
            candidates,
            Unit::OutputAudio,
            Unit::OutputImage,
        ),
    ] {
        let (audio, image) = (usage.count(audio), usage.count(image));
        let text = total.saturating_sub(audio).saturating_sub(image);
        let mut list = String::new();
        for (modality, count) in [("TEXT", text), ("AUDIO", audio), ("IMAGE", image)] {
            if count > 0 {
                let comma = if list.is_empty() { "" } else { "," };
                list.push_str(&format!(
                    "{comma}{{\"modality\":\"{modality}\",\"tokenCount\":{count}}}"
                ));
            }
        }
        if !list.is_empty() {
            push_member(&mut out, name, &format!("[{list}]"));
        }
    }
    if let Some(tier) = usage.service_tier {
        push_member(&mut out, "serviceTier", &format!("\"{}\"", tier.name()));
    }
    format!("{{{out}}}")
}
