//! What providers can be told by habit, beside what everybody of their dialect can.
//!
//! Habits are names in rows of providers; what they do to a request is `wire`'s affair. These few
//! widen what a dialect expresses, so planning must know them as well.

use crate::needs::{Feature, Features};

/// In the names of models from GPT-5 on.
const SINCE_GPT_5: [&str; 2] = ["gpt-5", "gpt-6"];

/// What a habit lets a model be told. Empty for habits that widen nothing.
#[must_use]
pub fn expressed_by(habit: &str, native_model: &str) -> Features {
    let knows_free_text = match habit {
        "free-text-tools" => true,
        // Documented of GPT-5 and what followed.
        // <https://cookbook.openai.com/examples/gpt-5/gpt-5_new_params_and_tools>,
        // <https://learn.microsoft.com/azure/ai-foundry/openai/how-to/reasoning> (2026)
        "free-text-tools-gpt-5" => SINCE_GPT_5.iter().any(|name| native_model.contains(name)),
        _ => false,
    };
    match knows_free_text {
        true => Features::default().with(Feature::CustomTools),
        false => Features::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_is_known_since_gpt_5() {
        let free = Features::default().with(Feature::CustomTools);
        for (habit, model, expected) in [
            ("free-text-tools", "gpt-4o", free),
            ("free-text-tools-gpt-5", "gpt-5.4-mini", free),
            ("free-text-tools-gpt-5", "my-gpt-6", free),
            ("free-text-tools-gpt-5", "gpt-4o", Features::default()),
            ("no-seed", "gpt-5", Features::default()),
        ] {
            assert_eq!(expressed_by(habit, model), expected, "{habit} {model}");
        }
    }
}
