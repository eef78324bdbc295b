//! Reads the reasoning that an assistant message carries back: `reasoning_details`, else its text.
//!
//! One block of a provider may come in several entries: its text or summary first, then what seals
//! it, tied by `id`. What seals a tool call has that call's id, and what seals an answer's text
//! (Google's signatures) has none.

use chat::opaque::Format;
use chat::request::{Content, Part};
use chat::{Error, Opaque, Seal};

use crate::tree::Cursor;

/// The reasoning of a message, and seals of other parts of it.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    /// Reasoning, in order.
    pub(super) parts: Vec<Part>,
    /// Seals that belong to tool calls, by the id of the call, or to the text.
    pub(super) seals: Vec<(Option<String>, Opaque)>,
    /// Ids of the last part, while more of it may come.
    last_id: Option<String>,
}

/// Reads the reasoning of an assistant message.
pub(super) fn read(message: &Cursor<'_>, unsaid: &mut Vec<String>) -> Result<Thoughts, Error> {
    let mut thoughts = Thoughts::default();
    if let Some(details) = message.array("reasoning_details")? {
        for detail in details.elements() {
            thoughts.add(&detail, message, unsaid)?;
        }
    }
    let has_details = !thoughts.parts.is_empty() || !thoughts.seals.is_empty();
    thoughts.add_google(message)?;
    if !has_details {
        let plain = ["reasoning", "reasoning_content"];
        let text = plain
            .iter()
            .find_map(|name| message.get(name)?.value.as_str())
            .filter(|text| !text.is_empty());
        if let Some(text) = text {
            thoughts.parts.push(reasoning(text.to_owned(), false, None));
        }
    }
    Ok(thoughts)
}

impl Thoughts {
    fn add(
        &mut self,
        detail: &Cursor<'_>,
        message: &Cursor<'_>,
        unsaid: &mut Vec<String>,
    ) -> Result<(), Error> {
        let id = detail.string("id")?.map(str::to_owned);
        match detail.need("type")? {
            "reasoning.text" => {
                let text = detail.string("text")?.unwrap_or_default();
                let seal = seal(detail, "signature", Seal::Signature)?;
                self.add_text(text, id, seal);
            }
            "reasoning.summary" => {
                let summary = detail.string("summary")?.unwrap_or_default();
                self.add_summary(summary, id);
            }
            "reasoning.encrypted" => {
                let Some(seal) = seal(detail, "data", Seal::Encrypted)? else {
                    return Ok(());
                };
                self.add_encrypted(seal, id, message)?;
            }
            _ => unsaid.push(detail.to_string()),
        }
        Ok(())
    }

    /// What Google's host of this dialect attached to the text and the calls, unless details say it.
    fn add_google(&mut self, message: &Cursor<'_>) -> Result<(), Error> {
        let mut add = |id: Option<String>, holder: &Cursor<'_>| -> Result<(), Error> {
            let extra = holder.object("extra_content")?;
            let google = extra.as_ref().map(|extra| extra.object("google"));
            let Some(google) = google.transpose()?.flatten() else {
                return Ok(());
            };
            let value = google.string("thought_signature")?;
            if let Some(value) = value.filter(|_| !self.seals.iter().any(|(of, _)| *of == id)) {
                let seal = Opaque {
                    format: Format::GoogleGemini,
                    seal: Seal::Signature,
                    value: value.to_owned(),
                    id: None,
                };
                self.seals.push((id, seal));
            }
            Ok(())
        };
        add(None, message)?;
        if let Some(calls) = message.array("tool_calls")? {
            for call in calls.elements() {
                add(call.string("id")?.map(str::to_owned), &call)?;
            }
        }
        Ok(())
    }

    /// Text, or only the signature of the text before it, as streams bring it.
    fn add_text(&mut self, text: &str, id: Option<String>, seal: Option<Opaque>) {
        if text.is_empty()
            && let Some(last) = self.parts.last_mut()
            && last.opaque.is_none()
        {
            last.opaque = seal;
            return;
        }
        self.parts.push(reasoning(text.to_owned(), false, seal));
        self.last_id = id;
    }

    /// A summary; several of one item are paragraphs of one.
    fn add_summary(&mut self, summary: &str, id: Option<String>) {
        if id.is_some()
            && id == self.last_id
            && let Some(last) = self.parts.last_mut()
            && last.opaque.is_none()
            && let Content::Reasoning { text, .. } = &mut last.content
        {
            text.push_str("\n\n");
            text.push_str(summary);
            return;
        }
        self.parts.push(reasoning(summary.to_owned(), true, None));
        self.last_id = id;
    }

    fn add_encrypted(
        &mut self,
        seal: Opaque,
        id: Option<String>,
        message: &Cursor<'_>,
    ) -> Result<(), Error> {
        if let Some(id) = &id
            && is_call_of(message, id)?
        {
            let seal = Opaque {
                seal: Seal::Signature,
                id: None,
                ..seal
            };
            self.seals.push((Some(id.clone()), seal));
            return Ok(());
        }
        if id.is_none() && seal.format == Format::GoogleGemini {
            let seal = Opaque {
                seal: Seal::Signature,
                ..seal
            };
            self.seals.push((None, seal));
            return Ok(());
        }
        if id.is_some()
            && id == self.last_id
            && let Some(last) = self.parts.last_mut()
            && last.opaque.is_none()
        {
            last.opaque = Some(seal);
            return Ok(());
        }
        self.parts.push(reasoning(String::new(), false, Some(seal)));
        self.last_id = id;
        Ok(())
    }
}

fn reasoning(text: String, is_summary: bool, opaque: Option<Opaque>) -> Part {
    Part {
        content: Content::Reasoning { text, is_summary },
        cache: None,
        opaque,
        citations: Vec::new(),
    }
}

/// Whether an id is that of a tool call in the same message.
fn is_call_of(message: &Cursor<'_>, id: &str) -> Result<bool, Error> {
    let Some(calls) = message.array("tool_calls")? else {
        return Ok(false);
    };
    for call in calls.elements() {
        if call.string("id")? == Some(id) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The seal of an entry. Where no format is said it is Anthropic's, as the reference has it.
fn seal(detail: &Cursor<'_>, name: &str, kind: Seal) -> Result<Option<Opaque>, Error> {
    let value = detail.get(name).and_then(|value| value.value.as_str());
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let format = detail.string("format")?;
    Ok(Some(Opaque {
        format: format.map_or(Format::AnthropicClaude, Format::from_name),
        seal: kind,
        value: value.to_owned(),
        id: detail.string("id")?.map(str::to_owned),
    }))
}
