//! Layers: a later row says only what differs, field by field.

use crate::rows::{DataPolicyRow, DialectRow, EndpointRow, ModelRow, ProviderRow};

/// Takes over each listed field that `over` states.
macro_rules! take_over {
    ($row:expr, $over:expr, $($field:ident),+ $(,)?) => {
        $(if $over.$field.is_some() {
            $row.$field.clone_from(&$over.$field);
        })+
    };
}

/// Takes over what `over` states about a provider, but for its endpoints.
pub(crate) fn provider(row: &mut ProviderRow, over: &ProviderRow) {
    take_over!(
        row,
        over,
        aliases,
        name,
        kind,
        base_url,
        dialects,
        auth,
        env,
        quirks,
        docs,
        abort_stops_billing,
        privacy_policy_url,
        terms_of_service_url,
        status_page_url,
        headquarters,
        datacenters,
    );
    // An address given for the provider is meant for all it speaks, so what the row below says
    // about single dialects goes.
    if over.base_url.is_some() {
        for dialect in row.by_dialect.values_mut() {
            dialect.base_url = None;
        }
    }
    if let Some(policy) = &over.data_policy {
        data_policy(row.data_policy.get_or_insert_default(), policy);
    }
    for (name, over) in &over.by_dialect {
        let row: &mut DialectRow = row.by_dialect.entry(name.clone()).or_default();
        take_over!(row, over, base_url, auth, quirks);
    }
}

fn data_policy(row: &mut DataPolicyRow, over: &DataPolicyRow) {
    take_over!(row, over, training, retention_days, zdr, region);
}

/// Takes over what `over` states about a model, but for its endpoints.
pub(crate) fn model(row: &mut ModelRow, over: &ModelRow) {
    take_over!(
        row,
        over,
        name,
        kind,
        family,
        aliases,
        moving_alias,
        released,
        knowledge_cutoff,
        open_weights,
        hugging_face_id,
        distillable,
        retires,
        successor,
        redirects,
        input,
        output,
        context_length,
        max_prompt_tokens,
        max_completion_tokens,
        tools,
        structured_outputs,
        temperature,
        reasoning,
        reasoning_options,
        supported_parameters,
    );
}

/// Takes over what `over` states about an endpoint.
pub(crate) fn endpoint(row: &mut EndpointRow, over: &EndpointRow) {
    take_over!(
        row,
        over,
        upstream_model,
        variant,
        tag,
        tier,
        region,
        quantization,
        dialects,
        base_url,
        status,
        billing,
        weight,
        canary,
        max_concurrent,
        cache_ttl,
        distillable,
        input,
        output,
        context_length,
        max_prompt_tokens,
        max_completion_tokens,
        tools,
        structured_outputs,
        temperature,
        reasoning,
        reasoning_options,
        supported_parameters,
    );
    if let Some(price) = &over.price {
        row.price.get_or_insert_default().overlay(price);
    }
}
