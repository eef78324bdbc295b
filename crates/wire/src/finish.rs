//! Why an answer ended: from every provider's word to the unified one.

use chat::Reason;

/// The unified reason for a provider's word.
///
/// Compared without regard to case. A word that nobody has seen yet means that the model stopped:
/// the answer is whole, and the word itself travels on as the native one. Sources: the providers'
/// API references as of 2026, and recorded traffic.
pub(crate) fn unify(native: &str) -> Reason {
    let word = native.to_ascii_lowercase();
    match word.as_str() {
        "length"
        | "max_tokens"
        | "max_output_tokens"
        | "model_length"
        | "max_length"
        | "model_context_window_exceeded"
        | "context_length"
        | "error_limit" => Reason::Length,
        "tool_calls" | "tool_call" | "tool_use" | "function_call" | "tool" => Reason::ToolCalls,
        "content_filter"
        | "content-filter"
        | "safety"
        | "sensitive"
        | "recitation"
        | "refusal"
        | "blocklist"
        | "prohibited_content"
        | "spii"
        | "image_safety"
        | "image_prohibited_content"
        | "image_recitation"
        | "language"
        | "model_armor"
        | "guardrail_intervened"
        | "content_filtered"
        | "error_toxic" => Reason::ContentFilter,
        "error"
        | "abort"
        | "network_error"
        | "insufficient_system_resource"
        | "timeout"
        | "malformed_function_call"
        | "malformed_model_output"
        | "other"
        | "malformed_response"
        | "malformed_tool_use"
        | "missing_thought_signature"
        | "too_many_tool_calls"
        | "unexpected_tool_call" => Reason::Error,
        // Google's compatible endpoint says `function_call_filter: UNEXPECTED_TOOL_CALL`, and more.
        _ if word.starts_with("function_call_filter") => Reason::ContentFilter,
        _ => Reason::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_has_its_reason_and_unknown_ones_mean_stop() {
        for (word, reason) in [
            ("stop", Reason::Stop),
            ("end_turn", Reason::Stop),
            ("eos", Reason::Stop),
            ("stop_sequence", Reason::Stop),
            ("COMPLETE", Reason::Stop),
            ("a new word", Reason::Stop),
            ("MAX_TOKENS", Reason::Length),
            ("model_length", Reason::Length),
            ("function_call", Reason::ToolCalls),
            ("SAFETY", Reason::ContentFilter),
            ("sensitive", Reason::ContentFilter),
            ("insufficient_system_resource", Reason::Error),
        ] {
            assert_eq!(unify(word), reason, "{word}");
        }
    }
}
