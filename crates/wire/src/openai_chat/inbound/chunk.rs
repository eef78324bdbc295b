//! The pieces that answers are made of: one chunk's text, and the small objects in it.

use chat::{Citation, FinishReason};
use serde_json::Value;

use crate::codec::Asked;
use crate::splice::{push_member, quoted};
use crate::stamp::Stamp;

/// The members with which every chunk and every answer begins.
pub(crate) fn head(stamp: &Stamp, object: &str) -> String {
    let mut head = String::with_capacity(160);
    push_member(&mut head, "id", &quoted(&stamp.id));
    push_member(&mut head, "object", &quoted(object));
    push_member(&mut head, "created", &stamp.created.to_string());
    push_member(&mut head, "model", &quoted(&stamp.model));
    push_member(&mut head, "provider", &quoted(&stamp.provider));
    head
}

/// What a tool is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallForm {
    /// JSON.
    Arguments,
    /// Free text.
    FreeText,
}

impl CallForm {
    /// The type of such a call, and the member that holds what it is called with.
    pub(super) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Arguments => ("function", "arguments"),
            Self::FreeText => ("custom", "input"),
        }
    }
}

/// The names of the tools that a request wants called with free text.
#[derive(Debug, Default)]
pub(super) struct FreeTools(Vec<String>);

impl FreeTools {
    /// Of a request that was read before.
    pub(super) fn of_asked(asked: &Asked<'_>) -> Self {
        let text = std::str::from_utf8(asked.body).unwrap_or_default();
        let members = asked.request.members(text);
        let tools = members.present("tools").map(|tools| tools.value.of(text));
        let tools = tools.filter(|tools| tools.contains("\"custom\""));
        let tools = tools.and_then(|tools| serde_json::from_str::<Value>(tools).ok());
        let tools = tools.as_ref().and_then(Value::as_array);
        let free = tools
            .into_iter()
            .flatten()
            .filter(|tool| tool["type"] == "custom");
        Self(
            free.filter_map(|tool| tool["custom"]["name"].as_str().map(str::to_owned))
                .collect(),
        )
    }

    /// What a tool is called with.
    pub(super) fn form(&self, name: &str) -> CallForm {
        match self.0.iter().any(|free| free == name) {
            true => CallForm::FreeText,
            false => CallForm::Arguments,
        }
    }
}

/// A tool call, or the beginning of one; its id is ours where the provider gave none.
pub(super) fn call(
    (index, form): (Option<usize>, CallForm),
    id: &str,
    name: &str,
    with: &str,
) -> String {
    let (kind, member) = form.words();
    let mut called = String::with_capacity(name.len() + with.len() + 40);
    push_member(&mut called, "name", &quoted(name));
    push_member(&mut called, member, &quoted(with));
    let mut call = String::with_capacity(called.len() + 80);
    if let Some(index) = index {
        push_member(&mut call, "index", &index.to_string());
    }
    push_member(&mut call, "id", &quoted(id));
    push_member(&mut call, "type", &quoted(kind));
    push_member(&mut call, kind, &format!("{{{called}}}"));
    format!("{{{call}}}")
}

/// The id of a tool call, the same in chunks and in a whole answer.
pub(super) fn call_id(said: &str, choice: u32, position: usize) -> String {
    match said {
        "" => format!("call_{choice}_{position}"),
        said => said.to_owned(),
    }
}

/// A source; where its place in the text is not known, both ends are 0, since both are required.
pub(crate) fn citation(citation: &Citation) -> String {
    let mut inner = String::new();
    push_member(&mut inner, "url", &quoted(&citation.url));
    let title = citation.title.as_deref().unwrap_or_default();
    push_member(&mut inner, "title", &quoted(title));
    if let Some(quote) = &citation.quote {
        push_member(&mut inner, "content", &quoted(quote));
    }
    let (start, end) = citation.span.unwrap_or((0, 0));
    push_member(&mut inner, "start_index", &start.to_string());
    push_member(&mut inner, "end_index", &end.to_string());
    format!("{{\"type\":\"url_citation\",\"url_citation\":{{{inner}}}}}")
}

/// A picture; `data` is base64, or an address where no type is known.
pub(super) fn image(media_type: &str, data: &str, index: usize) -> String {
    let url = match media_type {
        "" => data.to_owned(),
        kind => format!("data:{kind};base64,{data}"),
    };
    format!(
        "{{\"type\":\"image_url\",\"image_url\":{{\"url\":{}}},\"index\":{index}}}",
        quoted(&url)
    )
}

/// Why a choice ended, in both words.
pub(crate) fn push_finish(members: &mut String, finish: Option<&FinishReason>) {
    let (reason, native) = match finish {
        Some(finish) => (
            quoted(finish.reason.name()),
            finish.native.as_deref().map(quoted),
        ),
        None => ("null".to_owned(), None),
    };
    push_member(members, "finish_reason", &reason);
    let native = native.unwrap_or_else(|| "null".to_owned());
    push_member(members, "native_finish_reason", &native);
}

/// Whether the caller asked that reasoning be kept from the answer.
pub(super) fn hides_reasoning(body: &[u8], request: &crate::incoming::Incoming) -> bool {
    let Ok(text) = std::str::from_utf8(body) else {
        return false;
    };
    let members = request.members(text);
    let says = |word: &str, member: Option<&crate::members::Member<'_>>| {
        member.is_some_and(|member| member.value.of(text) == word)
    };
    let reasoning = members.object("reasoning");
    says("false", members.get("include_reasoning"))
        || reasoning.is_some_and(|object| says("true", object.get("exclude")))
}
