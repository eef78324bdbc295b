//! Abilities → the request parameters an endpoint supports.

use chat::{Dialect, Parameter, Parameters};

use crate::rows::AbilitiesRow;

/// What an endpoint says of its abilities, completed by what its model says.
pub(crate) fn completed(own: AbilitiesRow, model: &AbilitiesRow) -> AbilitiesRow {
    AbilitiesRow {
        input: own.input.or_else(|| model.input.clone()),
        output: own.output.or_else(|| model.output.clone()),
        context_length: own.context_length.or(model.context_length),
        max_prompt_tokens: own.max_prompt_tokens.or(model.max_prompt_tokens),
        max_completion_tokens: own.max_completion_tokens.or(model.max_completion_tokens),
        tools: own.tools.or(model.tools),
        structured_outputs: own.structured_outputs.or(model.structured_outputs),
        temperature: own.temperature.or(model.temperature),
        reasoning: own.reasoning.or(model.reasoning),
        reasoning_options: own
            .reasoning_options
            .or_else(|| model.reasoning_options.clone()),
        supported_parameters: own
            .supported_parameters
            .or_else(|| model.supported_parameters.clone()),
    }
}

/// The parameters that follow from abilities, dialect and habits, where no row lists them.
/// Only what can be concluded is in the set: an unlisted one may still work.
pub(crate) fn parameters(row: &AbilitiesRow, dialect: Dialect, quirks: &[Box<str>]) -> Parameters {
    let mut set = Parameters::default();
    let mut add = |condition: bool, parameters: &[Parameter]| {
        if condition {
            parameters
                .iter()
                .for_each(|parameter| set.insert(*parameter));
        }
    };
    let has = |quirk: &str| quirks.iter().any(|name| name.as_ref() == quirk);
    let speaks_openai = matches!(dialect, Dialect::OpenaiChat | Dialect::AzureOpenai);
    let samples = row.temperature != Some(false);
    let reasons = row.reasoning == Some(true);
    let tools = row.tools == Some(true);
    let has_efforts = row
        .reasoning_options
        .as_ref()
        .is_some_and(|o| !o.efforts.is_empty());
    add(
        true,
        &[Parameter::MaxTokens, Parameter::MaxCompletionTokens],
    );
    add(dialect != Dialect::OpenaiResponses, &[Parameter::Stop]);
    add(samples, &[Parameter::Temperature, Parameter::TopP]);
    add(
        samples && (speaks_openai || dialect == Dialect::Cohere || dialect == Dialect::Gemini),
        &[Parameter::FrequencyPenalty, Parameter::PresencePenalty],
    );
    add(
        !has("no-seed") && (speaks_openai || matches!(dialect, Dialect::Cohere | Dialect::Gemini)),
        &[Parameter::Seed],
    );
    let takes_top_k = matches!(
        dialect,
        Dialect::AnthropicMessages | Dialect::Gemini | Dialect::Vertex | Dialect::Cohere
    );
    add(samples && takes_top_k, &[Parameter::TopK]);
    add(
        row.structured_outputs != Some(false),
        &[Parameter::ResponseFormat],
    );
    add(
        row.structured_outputs == Some(true),
        &[Parameter::StructuredOutputs],
    );
    add(tools, &[Parameter::Tools, Parameter::ToolChoice]);
    add(
        tools && !has("no-parallel-tool-calls") && dialect != Dialect::Gemini,
        &[Parameter::ParallelToolCalls],
    );
    add(
        reasons,
        &[Parameter::Reasoning, Parameter::IncludeReasoning],
    );
    add(reasons && has_efforts, &[Parameter::ReasoningEffort]);
    set
}

/// The parameters that an endpoint is known not to take: those that a list leaves out, or those
/// that belong to an ability it is said not to have. Silence declines nothing.
pub(crate) fn declined(row: &AbilitiesRow, listed: Parameters) -> Parameters {
    if row.supported_parameters.is_some() {
        return Parameter::ALL
            .iter()
            .copied()
            .collect::<Parameters>()
            .minus(listed);
    }
    let of = |ability: Option<bool>, parameters: &[Parameter]| {
        let refused = if ability == Some(false) {
            parameters
        } else {
            &[]
        };
        refused.iter().copied().collect::<Parameters>()
    };
    let sampling = [
        Parameter::Temperature,
        Parameter::TopP,
        Parameter::FrequencyPenalty,
        Parameter::PresencePenalty,
    ];
    let tools = [
        Parameter::Tools,
        Parameter::ToolChoice,
        Parameter::ParallelToolCalls,
    ];
    let reasoning = [
        Parameter::Reasoning,
        Parameter::IncludeReasoning,
        Parameter::ReasoningEffort,
    ];
    of(row.temperature, &sampling)
        .union(of(row.tools, &tools))
        .union(of(row.reasoning, &reasoning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_declines_nothing_and_a_no_declines_what_belongs_to_it() {
        let row = |change: fn(&mut AbilitiesRow)| {
            let mut row = AbilitiesRow::default();
            change(&mut row);
            declined(&row, [Parameter::Seed].into_iter().collect())
        };
        assert!(row(|_| {}).is_empty());
        assert!(row(|row| row.tools = Some(false)).contains(Parameter::ToolChoice));
        assert!(!row(|row| row.tools = Some(true)).contains(Parameter::Tools));
        assert!(row(|row| row.temperature = Some(false)).contains(Parameter::TopP));
        let listed = row(|row| row.supported_parameters = Some(vec!["seed".to_owned()]));
        assert!(listed.contains(Parameter::Tools) && !listed.contains(Parameter::Seed));
    }
}
