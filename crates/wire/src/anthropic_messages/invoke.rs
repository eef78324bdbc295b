//! What Bedrock's InvokeModel is told beside the body, where Converse is told it in the body: a
//! guardrail, how fast the answer is to be, and the tier that serves it.
//!
//! Callers say it in Converse's words at every door (`guardrailConfig`, `performanceConfig`), and the
//! tier as `service_tier`. The headers are those of
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html> (2026); how a
//! guardrail reads a stream stands in the body:
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-streaming.html> (2026).

use chat::{Error, Kind};
use serde_json::{Value, json};

use crate::bedrock;

/// Fields in Converse's words, which are nobody else's.
pub(super) const OWN: &[&str] = bedrock::OWN;

/// The member of the body that says how a guardrail reads a stream.
pub(super) const READS: &str = "amazon-bedrock-guardrailConfig";

/// Which member of which field is which header.
const HEADERS: &[(&str, &str, &str)] = &[
    (
        "guardrailConfig",
        "guardrailIdentifier",
        "x-amzn-bedrock-guardrailidentifier",
    ),
    (
        "guardrailConfig",
        "guardrailVersion",
        "x-amzn-bedrock-guardrailversion",
    ),
    ("guardrailConfig", "trace", "x-amzn-bedrock-trace"),
    (
        "performanceConfig",
        "latency",
        "x-amzn-bedrock-performanceconfig-latency",
    ),
];

/// The header of the tier.
const TIER: &str = "x-amzn-bedrock-service-tier";

/// What goes with a body, and what cannot.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told {
    /// Headers, their names in lower case.
    pub(super) headers: Vec<(&'static str, String)>,
    /// The value of [`READS`], where one is asked for.
    pub(super) reads: Option<Value>,
    /// Names of what was said in vain.
    pub(super) dropped: Vec<String>,
}

/// Tells what a caller has said in these words, and the tier it wants.
///
/// # Errors
/// A guardrail or a speed that is none: nobody may believe that it holds.
pub(super) fn tell(
    said: &[(String, Value)],
    tier: Option<&str>,
    is_stream: bool,
) -> Result<Told, Error> {
    let mut told = Told::default();
    for (name, value) in said {
        match HEADERS.iter().any(|(field, _, _)| field == name) {
            true => told.say(name, value, is_stream)?,
            // Of the model itself its own dialect says everything.
            false => told.dropped.push(name.clone()),
        }
    }
    if let Some(word) = tier.filter(|word| *word != "auto") {
        match bedrock::service_tier(word) {
            Some(word) => told.headers.push((TIER, word.to_owned())),
            None => told.dropped.push("service_tier".to_owned()),
        }
    }
    Ok(told)
}

impl Told {
    fn say(&mut self, field: &str, value: &Value, is_stream: bool) -> Result<(), Error> {
        let members = value
            .as_object()
            .ok_or_else(|| wrong(field, "expected an object"))?;
        for (member, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            let path = format!("{field}.{member}");
            let word = value.as_str().filter(|word| is_sendable(word));
            let word = word.ok_or_else(|| wrong(&path, "expected a text of plain letters"))?;
            let row = HEADERS.iter().find(|row| (row.0, row.1) == (field, member));
            match (row, member.as_str()) {
                (Some((_, _, header)), "trace") => self.headers.push((header, word.to_uppercase())),
                (Some((_, _, header)), _) => self.headers.push((header, word.to_owned())),
                (None, "streamProcessingMode") if is_stream => {
                    let mode = match word {
                        "sync" => "SYNCHRONOUS",
                        "async" => "ASYNCHRONOUS",
                        other => other,
                    };
                    self.reads = Some(json!({"streamProcessingMode": mode}));
                }
                (None, _) => self.dropped.push(path),
            }
        }
        Ok(())
    }
}

/// Whether a text can be the value of a header.
fn is_sendable(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic())
}

fn wrong(path: &str, expected: &str) -> Error {
    Error::caller(Kind::InvalidRequest, format!("{path}: {expected}")).with_field(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, value: Value) -> (String, Value) {
        (name.to_owned(), value)
    }

    #[test]
    fn each_word_is_a_header_and_what_is_none_is_named() {
        let guardrail = json!({"guardrailIdentifier": "gr1", "guardrailVersion": "DRAFT",
            "trace": "enabled_full", "streamProcessingMode": "async", "later": "x"});
        let all = [
            said("guardrailConfig", guardrail),
            said("performanceConfig", json!({"latency": "optimized"})),
            said("additionalModelResponseFieldPaths", json!(["/x"])),
        ];
        let told = tell(&all, Some("flex"), true).unwrap();
        let headers: Vec<_> = told.headers.iter().map(|(_, said)| said.as_str()).collect();
        assert_eq!(
            headers,
            ["gr1", "DRAFT", "ENABLED_FULL", "optimized", "flex"]
        );
        let mode = json!({"streamProcessingMode": "ASYNCHRONOUS"});
        assert_eq!(told.reads, Some(mode));
        let lost = ["guardrailConfig.later", "additionalModelResponseFieldPaths"];
        assert_eq!(told.dropped, lost);
        // A whole answer is not read as a stream.
        let told = tell(&all, Some("auto"), false).unwrap();
        assert_eq!((told.headers.len(), told.reads), (4, None));
        let mode = "guardrailConfig.streamProcessingMode".to_owned();
        assert!(told.dropped.contains(&mode));
        assert_eq!(
            tell(&[], Some("batch"), false).unwrap().dropped,
            ["service_tier"]
        );
    }

    #[test]
    fn a_guardrail_that_is_none_is_the_callers_mistake() {
        for (value, field) in [
            (json!("gr1"), "guardrailConfig"),
            (
                json!({"guardrailVersion": 1}),
                "guardrailConfig.guardrailVersion",
            ),
            (
                json!({"guardrailIdentifier": "a\nb"}),
                "guardrailConfig.guardrailIdentifier",
            ),
            (
                json!({"guardrailIdentifier": ""}),
                "guardrailConfig.guardrailIdentifier",
            ),
        ] {
            let error = tell(&[said("guardrailConfig", value)], None, false).unwrap_err();
            assert_eq!(error.kind, Kind::InvalidRequest);
            assert_eq!(
                error.metadata.and_then(|it| it.field).as_deref(),
                Some(field)
            );
        }
    }
}
