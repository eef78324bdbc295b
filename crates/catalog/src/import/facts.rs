//! Facts the published formats do not state, each with its source.

use chat::Unit;

use crate::rows::PriceRow;

/// Providers that are known under another slug here: OpenRouter's, where it has one, because that
/// is what callers write into `provider.order`. Source: slugs of OpenRouter's provider list.
const SLUGS: &[(&str, &str)] = &[
    ("cloudflare-workers-ai", "cloudflare"),
    ("fireworks-ai", "fireworks"),
    ("google", "google-ai-studio"),
    ("google-vertex-anthropic", "google-vertex"),
    ("inference", "inference-net"),
    ("llama", "meta"),
    ("nova", "amazon-nova"),
    ("novita-ai", "novita"),
    ("togetherai", "together"),
    ("wafer.ai", "wafer"),
    ("zai", "z-ai"),
];

/// Providers whose prices are subscriptions, or that need a protocol of their own: a per-token
/// router has no use for them. (The curated format says so itself; models.dev's does not.)
const LEFT_OUT: &[&str] = &[
    "alibaba-coding-plan",
    "alibaba-coding-plan-cn",
    "alibaba-token-plan",
    "alibaba-token-plan-cn",
    "freemodel",
    "github-copilot",
    "gitlab",
    "iflowcn",
    "kimi-for-coding",
    "kuae-cloud-coding-plan",
    "merge-gateway",
    "minimax-cn-coding-plan",
    "minimax-coding-plan",
    "ollama-cloud",
    "opencode-go",
    "routing-run",
    "sap-ai-core",
    "stepfun-ai",
    "tencent-coding-plan",
    "the-grid-ai",
    "umans-ai-coding-plan",
    "xiaomi-token-plan-ams",
    "xiaomi-token-plan-cn",
    "xiaomi-token-plan-sgp",
    "zai-coding-plan",
    "zhipuai-coding-plan",
];

/// Our slug of a published provider id; `None` when it is left out.
pub(super) fn provider_slug(published: &str) -> Option<&str> {
    let plan = ["-coding-plan", "-token-plan"];
    if LEFT_OUT.contains(&published) || plan.iter().any(|part| published.contains(part)) {
        return None;
    }
    let renamed = SLUGS.iter().find(|(theirs, _)| *theirs == published);
    Some(renamed.map_or(published, |(_, ours)| ours))
}

/// The id a provider was published under, where ours differs.
pub(super) fn published_ids(slug: &str) -> Vec<String> {
    SLUGS
        .iter()
        .filter(|(_, ours)| *ours == slug)
        .map(|(theirs, _)| (*theirs).to_owned())
        .collect()
}

/// OpenAI models that answer on `/responses` only: the `-pro` ones, the Codex ones and deep
/// research. Source: the "Endpoints" section of each model's page on platform.openai.com.
pub(super) fn is_responses_only(provider: &str, upstream_model: &str) -> bool {
    let name = upstream_model;
    matches!(provider, "openai" | "azure")
        && (name.starts_with("gpt-") || name.starts_with('o') || name.starts_with("codex"))
        && (name.ends_with("-pro")
            || name.contains("-pro-20")
            || name.contains("codex")
            || name.contains("deep-research"))
}

/// Endpoints whose provider's own price list says "free" although their name does not.
/// Source: docs.z.ai and docs.bigmodel.cn, pricing pages.
const SAID_TO_BE_FREE: &[(&str, &str)] = &[
    ("z-ai", "glm-4.5-flash"),
    ("z-ai", "glm-4.7-flash"),
    ("zhipuai", "glm-4.5-flash"),
    ("zhipuai", "glm-4.7-flash"),
];

/// Whether an endpoint calls itself free; otherwise a zero is how "unknown" was written down.
pub(super) fn is_free(provider: &str, upstream_model: &str) -> bool {
    let says_free = upstream_model
        .to_ascii_lowercase()
        .split(['/', ':', '-', '_'])
        .any(|word| word == "free");
    says_free || SAID_TO_BE_FREE.contains(&(provider, upstream_model))
}

/// Takes out zeros that are not prices, and adds what follows from written rules.
pub(super) fn settle_price(
    provider: &str,
    upstream_model: &str,
    price: PriceRow,
) -> Option<PriceRow> {
    let mut price = price;
    if is_free(provider, upstream_model) {
        return Some(price);
    }
    let is_zero = |text: &str| text == "0";
    let zero = |unit| price.get(unit).is_none_or(is_zero);
    if zero(Unit::Input) && zero(Unit::Output) {
        return None;
    }
    // A free cache is not offered by anybody who charges for input; it is how "no such price" was
    // written down. Without it the ledger charges the input price. The output of an embedding
    // model, on the other hand, is really free.
    let is_scar = |unit: Unit| !matches!(unit, Unit::Input | Unit::Output);
    price
        .prices
        .retain(|(unit, text)| !(is_scar(*unit) && is_zero(text)));
    for tier in &mut price.tiers {
        tier.prices.retain(|(_, text)| !is_zero(text));
    }
    if zero_input(&price) {
        return None;
    }
    add_hour_cache(provider, upstream_model, &mut price);
    Some(price)
}

fn zero_input(price: &PriceRow) -> bool {
    price.get(Unit::Input).is_none_or(|text| text == "0")
}

/// Claude's one-hour cache writes cost twice the input price, where the provider passes
/// Anthropic's prices on. Source: Anthropic's pricing page, "prompt caching"; OpenRouter's prompt
/// caching guide for Bedrock and Vertex.
fn add_hour_cache(provider: &str, upstream_model: &str, price: &mut PriceRow) {
    let passes_on = matches!(
        provider,
        "anthropic" | "amazon-bedrock" | "google-vertex" | "azure" | "azure-cognitive-services"
    );
    if !passes_on || !upstream_model.contains("claude") || price.get(Unit::CacheWrite).is_none() {
        return;
    }
    if let Some(double) = price.get(Unit::Input).and_then(double) {
        price.set(Unit::CacheWrite1h, &double);
    }
    for tier in &mut price.tiers {
        let input = tier.prices.iter().find(|(unit, _)| *unit == Unit::Input);
        if let Some(double) = input.and_then(|(_, text)| double(text)) {
            tier.set(Unit::CacheWrite1h, &double);
        }
    }
}

fn double(text: &str) -> Option<String> {
    let price = ledger::Price::from_usd_per_million(text).ok()?;
    let picos = price.picos().checked_mul(2)?;
    Some(ledger::Price::from_picos(picos).to_usd_per_million())
}
