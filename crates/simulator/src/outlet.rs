//! Puts an answer on the wire in its form: whole, streamed, replayed or as an error.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use http::{HeaderValue, Response, StatusCode, header};

use crate::body::{Cue, Cues, Ending, Paced, Severed};
use crate::dialect::{self, Dialect, Event, Framing, Made, Problem};
use crate::ledger::{End, Exchange};
use crate::script::{Cut, Hang, Raw, Script, Sever};

const SIMULATED: &str = "x-simulated";

/// The parts of an answer that do not depend on what it says.
pub(crate) struct Outlet {
    pub(crate) exchange: Exchange,
    pub(crate) reset: Arc<AtomicBool>,
    pub(crate) script: Arc<Script>,
}

impl Outlet {
    /// The wait, the silence and the cuts that come before any status line.
    pub(crate) async fn first_trouble(&mut self) -> Result<(), Severed> {
        if !self.script.pace.delay.is_zero() {
            tokio::time::sleep(self.script.pace.delay).await;
        }
        if self.script.trouble.hang == Some(Hang::Silent) {
            let never: Infallible = std::future::pending().await;
            match never {}
        }
        if let Some(Cut { at: None, how }) = self.script.trouble.cut {
            self.reset.store(how == Sever::Reset, Relaxed);
            self.exchange.end(End::Severed);
            return Err(Severed);
        }
        Ok(())
    }

    pub(crate) fn problem(self, speaks: &dyn Dialect, problem: &Problem) -> Response<Paced> {
        let event = Event::bare(speaks.error(problem).to_string());
        let mut response = self.whole(problem.status, event);
        if let Some((name, value)) = speaks.error_header(problem) {
            append(&mut response, name, &value);
        }
        response
    }

    /// A whole answer, broken where the script says so.
    pub(crate) fn answered(self, mut event: Event) -> Response<Paced> {
        if self.script.trouble.malformed {
            event.bytes.truncate(event.bytes.len() / 2);
        }
        let status = self.script.trouble.status.unwrap_or(200);
        self.whole(status, event)
    }

    /// An answer that is no generated text.
    pub(crate) fn made(self, made: &Made) -> Response<Paced> {
        self.exchange.note_prompt(made.prompt_tokens);
        self.answered(Event::bare(made.body.to_string()).reporting(made.usage))
    }

    pub(crate) fn whole(self, status: u16, event: Event) -> Response<Paced> {
        let json = HeaderValue::from_static("application/json");
        self.send(status, Some(json), event)
    }

    pub(crate) fn raw(self, raw: &Raw) -> Response<Paced> {
        const OWN: [&str; 3] = ["content-length", "transfer-encoding", "connection"];
        let mut response = self.send(raw.status, None, Event::bare(raw.body.clone()));
        for (name, value) in &raw.headers {
            let name = name.to_ascii_lowercase();
            if OWN.contains(&name.as_str()) {
                continue;
            }
            append(&mut response, &name, value);
        }
        response
    }

    /// Sends a body as one event, with its length unless the body is cut cleanly or is a replayed stream.
    fn send(self, status: u16, content_type: Option<HeaderValue>, event: Event) -> Response<Paced> {
        let is_cut_clean = self
            .script
            .trouble
            .cut
            .is_some_and(|cut| cut.how == Sever::Clean);
        let is_stream = self.script.raw.as_ref().is_some_and(is_event_stream);
        let length = (!is_cut_clean && !is_stream).then_some(event.bytes.len() as u64);
        let cue = if self.script.trouble.hang.is_some() {
            Cue::Hang
        } else {
            Cue::Event(event)
        };
        let mut pace = self.script.pace.clone();
        pace.comment = None; // Comments are for streams.
        if let Some(raw) = &self.script.raw {
            pace.writes.clone_from(&raw.writes);
        }
        let cues = Box::new(std::iter::once(cue));
        let script = self.script.clone();
        self.exchange.note_status(status);
        let ending = Ending {
            cut: script.trouble.cut,
            reset: self.reset,
            length,
        };
        let body = Paced::new(cues, &pace, ending, Some(self.exchange));
        finished(status, content_type, &script, body)
    }

    pub(crate) fn stream(
        self,
        events: dialect::Events,
        speaks: &'static dyn Dialect,
    ) -> Response<Paced> {
        let status = self.script.trouble.status.unwrap_or(200);
        let problem = scripted_problem(&self.script);
        let script = self.script.clone();
        let cues = Box::new(Cues::new(events, script.clone(), problem, speaks));
        self.exchange.note_status(status);
        let ending = Ending {
            cut: script.trouble.cut,
            reset: self.reset,
            length: None,
        };
        let mut pace = script.pace.clone();
        let content_type = match speaks.framing() {
            Framing::Sse => "text/event-stream; charset=utf-8",
            Framing::EventStream => "application/vnd.amazon.eventstream",
            Framing::JsonArray => "application/json; charset=UTF-8",
        };
        if speaks.framing() != Framing::Sse {
            pace.comment = None; // The other framings have no comments.
        }
        let body = Paced::new(cues, &pace, ending, Some(self.exchange));
        let content_type = HeaderValue::from_static(content_type);
        let mut response = finished(status, Some(content_type), &script, body);
        let no_cache = HeaderValue::from_static("no-cache");
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, no_cache);
        response
    }
}

fn is_event_stream(raw: &Raw) -> bool {
    raw.headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("content-type") && value.contains("event-stream")
    })
}

fn finished(
    status: u16,
    content_type: Option<HeaderValue>,
    script: &Script,
    body: Paced,
) -> Response<Paced> {
    let mut response = with_mark(Response::new(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    if let Some(content_type) = content_type {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
    }
    if let Some(retry_after) = &script.trouble.retry_after {
        append(&mut response, "retry-after", retry_after);
    }
    for (name, value) in &script.trouble.headers {
        append(&mut response, &name.to_ascii_lowercase(), value);
    }
    response
}

/// Adds a header; one that HTTP does not allow is left out.
fn append(response: &mut Response<Paced>, name: &str, value: &str) {
    let name = header::HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
        response.headers_mut().append(name, value);
    }
}

pub(crate) fn with_mark(mut response: Response<Paced>) -> Response<Paced> {
    response
        .headers_mut()
        .insert(SIMULATED, HeaderValue::from_static("true"));
    response
}

/// The error a script asks for.
pub(crate) fn scripted_problem(script: &Script) -> Problem {
    let trouble = &script.trouble;
    let status = trouble
        .status
        .filter(|status| *status >= 400)
        .unwrap_or(500);
    let message = trouble.message.clone().unwrap_or_else(|| match status {
        429 => "Simulated: too many requests.".to_owned(),
        _ => format!("Simulated: the provider fails with {status} because the script says so."),
    });
    Problem {
        status,
        message,
        param: None,
        code: trouble.code.clone(),
    }
}
