//! The response object around the items of an answer, and the events that carry it.
//!
//! It repeats what was asked, as OpenAI's does: clients read their own settings back from it. The
//! members and their order are those of OpenAI's object; all that OpenRouter's schema requires are
//! there.

use chat::{Error, Reason};

use super::envelope;
use super::tap::DONE;
use crate::codec::Asked;
use crate::members::Members;
use crate::splice::{push_member, quoted};
use crate::stamp::Stamp;

/// What is repeated of a request, each with what stands where the caller said nothing.
const ECHOED: [(&str, &str); 20] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("reasoning", "{\"effort\":null,\"summary\":null}"),
    ("safety_identifier", "null"),
    ("service_tier", "null"),
    ("temperature", "null"),
    ("text", "{\"format\":{\"type\":\"text\"}}"),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "null"),
    ("truncation", "\"disabled\""),
    ("user", "null"),
    ("frequency_penalty", "null"),
    ("presence_penalty", "null"),
];

/// What is repeated of one request: members of the response object.
#[derive(Debug, Clone)]
pub(super) struct Echo(String);

impl Echo {
    /// Of a request.
    pub(super) fn of(asked: &Asked<'_>) -> Self {
        let text = std::str::from_utf8(asked.body).unwrap_or_default();
        Self::of_members(Some(&asked.request.members(text)))
    }

    /// Of a request that nobody knows: all that can be said before an endpoint was found.
    pub(super) fn empty() -> Self {
        Self::of_members(None)
    }

    fn of_members(members: Option<&Members<'_>>) -> Self {
        let mut echo = String::with_capacity(512);
        for (name, otherwise) in ECHOED {
            let said = members.and_then(|members| {
                let member = members.present(name)?;
                Some(member.value.of(members.text))
            });
            push_member(&mut echo, name, said.unwrap_or(otherwise));
        }
        Self(echo)
    }
}

/// How an answer stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Status<'a> {
    Underway,
    Completed,
    /// Cut, for this reason.
    Incomplete(&'static str),
    /// Failed, so.
    Failed(&'a Error),
}

impl<'a> Status<'a> {
    /// How an answer stands that ended for a reason; `failure` is what is told of one that failed.
    pub(super) const fn of(reason: Reason, failure: &'a Error) -> Self {
        match reason {
            Reason::Stop | Reason::ToolCalls => Self::Completed,
            Reason::Length => Self::Incomplete("max_output_tokens"),
            Reason::ContentFilter => Self::Incomplete("content_filter"),
            Reason::Error => Self::Failed(failure),
        }
    }

    /// How an item stands that was open when the answer ended.
    pub(super) const fn of_item(self) -> &'static str {
        match self {
            Self::Underway => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) | Self::Failed(_) => "incomplete",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Underway => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed(_) => "failed",
        }
    }
}

/// Writes the response object; `output` is the inside of its list of items.
pub(super) fn response(
    stamp: &Stamp,
    echo: &Echo,
    status: Status<'_>,
    (output, usage): (&str, &str),
) -> String {
    let (mut error, mut details, mut error_type) = ("null".to_owned(), "null".to_owned(), "");
    match status {
        Status::Underway | Status::Completed => {}
        Status::Incomplete(reason) => details = format!("{{\"reason\":\"{reason}\"}}"),
        Status::Failed(failure) => {
            let message = quoted(&envelope::message(failure));
            let code = envelope::code(failure.kind);
            error = format!("{{\"code\":\"{code}\",\"message\":{message}}}");
            error_type = failure.kind.error_type();
        }
    }
    let mut json = String::with_capacity(output.len() + echo.0.len() + 512);
    let mut add = |name: &str, value: &str| push_member(&mut json, name, value);
    add("id", &quoted(&stamp.id));
    add("object", "\"response\"");
    add("created_at", &stamp.created.to_string());
    add("status", &quoted(status.name()));
    add("background", "false");
    add("completed_at", "null");
    add("error", &error);
    if !error_type.is_empty() {
        add("error_type", &quoted(error_type));
    }
    add("incomplete_details", &details);
    add("model", &quoted(&stamp.model));
    add("output", &format!("[{output}]"));
    add("store", "false");
    add("usage", usage);
    format!("{{{json},{}}}", echo.0)
}

/// Writes one numbered event; `rest` are its further members.
pub(super) fn write_event(stamp: &Stamp, kind: &str, rest: &str, out: &mut String) {
    let number = stamp.sequence.next().to_string();
    let pieces = [
        "event: ",
        kind,
        "\ndata: {\"type\":\"",
        kind,
        "\",\"sequence_number\":",
        &number,
        ",",
        rest,
        "}\n\n",
    ];
    pieces.iter().for_each(|piece| out.push_str(piece));
}

/// Writes the events that every stream begins with.
pub(super) fn write_opening(stamp: &Stamp, echo: &Echo, out: &mut String) {
    let response = response(stamp, echo, Status::Underway, ("", "null"));
    let rest = format!("\"response\":{response}");
    write_event(stamp, "response.created", &rest, out);
    write_event(stamp, "response.in_progress", &rest, out);
}

/// Writes a sign of life: the only event that may come any number of times.
pub(super) fn write_progress(stamp: &Stamp, echo: &Echo, out: &mut String) {
    let response = response(stamp, echo, Status::Underway, ("", "null"));
    let rest = format!("\"response\":{response}");
    write_event(stamp, "response.in_progress", &rest, out);
}

/// Writes the last event of an answer, and the terminator.
pub(super) fn write_end(
    stamp: &Stamp,
    echo: &Echo,
    status: Status<'_>,
    inside: (&str, &str),
    out: &mut String,
) {
    let kind = match status {
        Status::Underway | Status::Completed => "response.completed",
        Status::Incomplete(_) => "response.incomplete",
        Status::Failed(_) => "response.failed",
    };
    let response = response(stamp, echo, status, inside);
    write_event(stamp, kind, &format!("\"response\":{response}"), out);
    out.push_str(DONE);
}

/// Writes that an answer broke off, or that it was cut at a limit of tokens before it began.
pub(super) fn write_failure(stamp: &Stamp, echo: &Echo, error: &Error, out: &mut String) {
    write_end(stamp, echo, of_error(error), ("", "null"), out);
}

/// How an answer stands that ended in an error.
pub(super) const fn of_error(error: &Error) -> Status<'_> {
    match envelope::is_cut(error.kind) {
        true => Status::Incomplete("max_output_tokens"),
        false => Status::Failed(error),
    }
}
