//! What is known of the models behind this dialect by their names. Tables, with their sources.

use chat::opaque::Format;

/// In `include`: reasoning as ciphertext, which can be sent back.
pub(super) const CIPHERTEXT: &str = "reasoning.encrypted_content";

/// The output limit that budgets are compared with where the caller set none.
pub(super) const OUTPUT_LIMIT_USUAL: u64 = 32_000;

/// How the names of models begin that reason and give their reasoning out as ciphertext; asking
/// others for it is refused. <https://platform.openai.com/docs/guides/reasoning>,
/// <https://docs.x.ai/docs/guides/reasoning>, August 2026.
const REASONING: &[&str] = &["o1", "o3", "o4", "gpt-5", "gpt-6", "codex", "grok-4"];

/// Those among them that do not reason after all.
const PLAIN: &[&str] = &["gpt-5-chat", "gpt-5.1-chat", "gpt-5.2-chat", "gpt-5.3-chat"];

/// A model's own name, without those of the hosts before it.
fn own_name(native_model: &str) -> &str {
    let name = native_model.rsplit('/').next().unwrap_or(native_model);
    name.strip_prefix("openai.").unwrap_or(name)
}

/// Whether a model is known to give its reasoning out as ciphertext.
pub(super) fn reasons(native_model: &str) -> bool {
    let name = own_name(native_model);
    let begins = |with: &&str| name.starts_with(*with);
    REASONING.iter().any(begins) && !PLAIN.iter().any(begins) && !name.contains("non-reasoning")
}

/// Who can read the ciphertext that a model is sent.
pub(super) fn format(native_model: &str) -> Format {
    match own_name(native_model).starts_with("grok") {
        true => Format::XaiResponses,
        false => Format::OpenaiResponses,
    }
}

/// Whether a model takes markers of where its cache may end. Section 14 of our digest: from GPT-5.6.
pub(super) fn takes_breakpoints(native_model: &str) -> bool {
    let name = own_name(native_model);
    let Some(version) = name.strip_prefix("gpt-") else {
        return false;
    };
    let digits = version.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let mut numbers = digits.take(1).flat_map(|version| version.split('.'));
    let mut number = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    let (major, minor) = (number().unwrap_or(0), number().unwrap_or(0));
    (major, minor) >= (5, 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_model_can_do() {
        for (name, is_reasoning, has_breakpoints) in [
            ("gpt-5.6-sol", true, true),
            ("openai/gpt-5-nano", true, false),
            ("openai.gpt-5.7", true, true),
            ("gpt-4o-mini", false, false),
            ("gpt-5-chat-latest", false, false),
            ("o4-mini", true, false),
            ("grok-4-1-fast-non-reasoning", false, false),
            ("grok-4-fast", true, false),
            ("gpt-oss-120b", false, false),
        ] {
            assert_eq!(reasons(name), is_reasoning, "{name}");
            assert_eq!(takes_breakpoints(name), has_breakpoints, "{name}");
        }
    }
}
