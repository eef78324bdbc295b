//! What of a workspace is about the content of its calls: OpenRouter's fields of input and output
//! logging, and ours beside them.

use chat::Error;
use serde::{Deserialize, Serialize};

use super::desk::{invalid, present};
use crate::content::{CustomPattern, Written};
use crate::workspace_terms::Unpriced;

/// The settings as a workspace shows them.
#[derive(Serialize)]
pub(super) struct ContentView {
    is_observability_io_logging_enabled: bool,
    io_logging_sampling_rate: f64,
    /// OpenRouter's keys have numbers; ours have a switch of their own (`io_logging`).
    io_logging_api_key_ids: Option<Vec<u64>>,
    /// Ours: whether also of requests in providers' own APIs.
    io_logging_native: bool,
    /// Ours: whether inference keys may read that of their own calls.
    io_logging_key_access: bool,
    /// Ours: for how many days.
    io_logging_retention_days: u32,
    /// Ours: built-in patterns that are taken out.
    io_logging_redact: Vec<String>,
    /// Ours: further patterns.
    io_logging_redact_custom: Vec<CustomPattern>,
}

impl ContentView {
    pub(super) fn of(written: Written) -> Self {
        // What is stored was checked when it was written.
        let days = written.policy().map_or(0, |policy| policy.retention_days);
        Self {
            is_observability_io_logging_enabled: written.enabled,
            io_logging_sampling_rate: written.rate.unwrap_or(1.0),
            io_logging_api_key_ids: None,
            io_logging_native: written.native,
            io_logging_key_access: written.keys_may_read,
            io_logging_retention_days: days,
            io_logging_redact: written.redacted(),
            io_logging_redact_custom: written.redact_custom,
        }
    }
}

/// The body of `PATCH /workspaces/{id}`. Absent keeps; null is as the house has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    #[serde(default, deserialize_with = "present")]
    pub(super) unpriced: Option<Option<Unpriced>>,
    #[serde(default)]
    pub(super) is_observability_broadcast_enabled: Option<bool>,
    #[serde(default)]
    is_observability_io_logging_enabled: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    io_logging_sampling_rate: Option<Option<f64>>,
    #[serde(default)]
    io_logging_api_key_ids: Option<Vec<serde_json::Value>>,
    #[serde(default)]
    io_logging_native: Option<bool>,
    #[serde(default)]
    io_logging_key_access: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    io_logging_retention_days: Option<Option<u32>>,
    #[serde(default, deserialize_with = "present")]
    io_logging_redact: Option<Option<Vec<String>>>,
    #[serde(default)]
    io_logging_redact_custom: Option<Vec<CustomPattern>>,
}

impl Change {
    /// What is kept of content after this change; none where that is nothing but the usual.
    ///
    /// # Errors
    /// When a field holds what cannot be.
    pub(super) fn content_after(self, before: Option<Written>) -> Result<Option<Written>, Error> {
        if self.io_logging_api_key_ids.is_some() {
            let message = "keys have no numbers here: set \"io_logging\" of a key, which wins over its \
                           workspace (PATCH /api/v1/keys/{hash})";
            return Err(invalid("io_logging_api_key_ids", message));
        }
        let before = before.unwrap_or_default();
        let after = Written {
            enabled: self
                .is_observability_io_logging_enabled
                .unwrap_or(before.enabled),
            rate: self.io_logging_sampling_rate.unwrap_or(before.rate),
            native: self.io_logging_native.unwrap_or(before.native),
            keys_may_read: self.io_logging_key_access.unwrap_or(before.keys_may_read),
            retention_days: self
                .io_logging_retention_days
                .unwrap_or(before.retention_days),
            redact: self.io_logging_redact.unwrap_or(before.redact),
            redact_custom: self
                .io_logging_redact_custom
                .unwrap_or(before.redact_custom),
        };
        after
            .policy()
            .map_err(|(field, message)| invalid(field, message))?;
        Ok((after != Written::default()).then_some(after))
    }
}
