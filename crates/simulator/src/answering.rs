//! One call from its head to its body: which script holds, what is answered, and in which form.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request as HttpRequest, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::body::{Cue, Cues, Ending, Paced, Severed};
use crate::choosing::{Chosen, choose};
use crate::control;
use crate::dialect::{self, Dialect, Event, Problem, Rendering};
use crate::ledger::{End, Exchange, Head, Request};
use crate::script::{Cut, Error200, Hang, Raw, Script, Sever, UsageWhen};
use crate::stage::Place;
pub(crate) use crate::stage::Stage;

/// Longest request body, in bytes.
const BODY_BYTES_MAX: usize = 256 << 20;
const SIMULATED: &str = "x-simulated";

/// The parts of an answer that do not depend on what it says.
struct Outlet {
    exchange: Exchange,
    reset: Arc<AtomicBool>,
    script: Arc<Script>,
}

/// Answers one request.
pub(crate) async fn answer(
    stage: Arc<Stage>,
    reset: Arc<AtomicBool>,
    request: HttpRequest<Incoming>,
) -> Result<Response<Paced>, Severed> {
    let (parts, body) = request.into_parts();
    if control::owns(&parts) {
        let body = read_body(body).await?;
        return Ok(with_mark(control::answer(&stage, &parts, &body)));
    }
    let head = Head {
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
    };
    let exchange = Exchange::begin(stage.ledger.clone(), &head);
    let body = read_body(body).await?;
    let place = stage.place(parts.uri.path());
    let json: Result<Value, String> = serde_json::from_slice(&body).map_err(|e| e.to_string());
    let chosen = choose(&stage, &place, &parts, json.as_ref().ok());
    exchange.note_request(&Request {
        body: &body,
        persona: place.persona,
        model: &chosen.model,
        stream: chosen.stream,
        script: chosen
            .script
            .as_ref()
            .map_or("", |script| script.label.as_str()),
    });
    let speaks = dialect::at_path(place.path).unwrap_or_else(dialect::fallback);
    let Chosen { script, stream, .. } = chosen;
    let script = match script {
        Ok(script) => script,
        Err(error) => {
            let outlet = Outlet {
                exchange,
                reset,
                script: Arc::default(),
            };
            return Ok(outlet.problem(speaks, &Problem::new(400, error.to_string())));
        }
    };
    let mut outlet = Outlet {
        exchange,
        reset,
        script,
    };
    outlet.first_trouble().await?;
    if let Some(raw) = &outlet.script.clone().raw {
        return Ok(outlet.raw(raw));
    }
    let turn = Turn {
        parts: &parts,
        place: &place,
        json,
        stream,
        speaks,
    };
    Ok(match turn.problem(&stage, &outlet.script) {
        Some(problem) => outlet.problem(speaks, &problem),
        None => turn.answer(outlet),
    })
}

async fn read_body(body: Incoming) -> Result<Bytes, Severed> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(_) => Err(Severed), // The client left while sending, or sent without end.
    }
}

/// A call that is neither replayed nor broken off at once.
struct Turn<'a> {
    parts: &'a Parts,
    place: &'a Place<'a>,
    json: Result<Value, String>,
    stream: bool,
    speaks: &'static dyn Dialect,
}

impl Turn<'_> {
    /// The error that comes before any look at the request's fields.
    fn problem(&self, stage: &Stage, script: &Script) -> Option<Problem> {
        if !stage.admits(&self.parts.headers) {
            return Some(
                Problem::new(401, "Incorrect API key provided (simulated).")
                    .with_code("invalid_api_key"),
            );
        }
        if script.trouble.status.is_some_and(|status| status >= 400) {
            return Some(scripted_problem(script));
        }
        let is_known = self.is_models() || dialect::at_path(self.place.path).is_some();
        if !is_known {
            let text = format!(
                "Invalid URL ({} {})",
                self.parts.method,
                self.parts.uri.path()
            );
            return Some(Problem::new(404, text).with_code("unknown_url"));
        }
        if !self.is_models() && self.parts.method != Method::POST {
            return Some(Problem::new(405, "Only POST is answered here."));
        }
        None
    }

    fn is_models(&self) -> bool {
        let path = self.place.path;
        self.parts.method == Method::GET
            && (path == "/v1/models" || path.starts_with("/v1/models/"))
    }

    fn answer(self, outlet: Outlet) -> Response<Paced> {
        if self.is_models() {
            return outlet.whole(200, Event::bare(models(self.place.path)));
        }
        if let Some(form) = outlet.script.trouble.error_200 {
            let problem = scripted_problem(&outlet.script);
            if self.stream && form == Error200::AsAsked {
                let event = self.speaks.error_event(&problem);
                return outlet.stream(Box::new(std::iter::once(event)), self.speaks);
            }
            return outlet.whole(200, Event::bare(self.speaks.error(&problem).to_string()));
        }
        let body = match &self.json {
            Ok(body) => body,
            Err(error) => {
                let text = format!("We could not parse the JSON body of your request: {error}");
                return outlet.problem(self.speaks, &Problem::new(400, text));
            }
        };
        if let Some(problem) = refused(body, &outlet.script) {
            return outlet.problem(self.speaks, &problem);
        }
        let ask = match self.speaks.read(body) {
            Ok(ask) => ask,
            Err(problem) => return outlet.problem(self.speaks, &problem),
        };
        let seq = outlet.exchange.seq();
        let script = outlet.script.clone();
        let answer = crate::answer::compose(&ask, &script, self.place.name, seq);
        outlet.exchange.note_prompt(answer.usage.prompt);
        let rendering = Rendering {
            ask,
            answer,
            script,
        };
        if rendering.ask.stream {
            let events = self.speaks.stream(Arc::new(rendering));
            return outlet.stream(events, self.speaks);
        }
        let mut bytes = self.speaks.whole(&rendering);
        if outlet.script.trouble.malformed {
            bytes.truncate(bytes.len() / 2);
        }
        let is_reported = outlet.script.content.usage.when != UsageWhen::Missing;
        let answer = &rendering.answer;
        let event = Event {
            tokens: answer.usage.completion,
            usage: is_reported.then(|| answer.reported(answer.usage)),
            ..Event::bare(bytes)
        };
        let status = outlet.script.trouble.status.unwrap_or(200);
        outlet.whole(status, event)
    }
}

/// The error for a field or a role that the script refuses, as hosts with fewer abilities give it.
fn refused(body: &Value, script: &Script) -> Option<Problem> {
    let has_role = |role: &str| {
        let messages = body.get("messages").and_then(Value::as_array);
        messages
            .into_iter()
            .flatten()
            .any(|message| message["role"] == role)
    };
    let is_there = |name: &&String| match name.strip_prefix("role:") {
        Some(role) => has_role(role),
        None => body.get(name.as_str()).is_some(),
    };
    let name = script.trouble.refuses.iter().find(is_there)?;
    let text = format!("Unsupported parameter: '{name}' is not supported with this model.");
    Some(Problem::new(400, text).with_code("unsupported_parameter"))
}

/// The error a script asks for.
fn scripted_problem(script: &Script) -> Problem {
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

fn models(path: &str) -> String {
    let model = |id: &str| json!({"id": id, "object": "model", "created": 1_700_000_000_u64, "owned_by": "waybill-simulator"});
    match path.strip_prefix("/v1/models/") {
        Some(id) => model(id).to_string(),
        None => {
            let ids = [
                "sim/plain",
                "sim/slow!delay=500ms,gap=50ms",
                "sim/busy!status=429,retry-after=2",
            ];
            json!({"object": "list", "data": ids.map(model)}).to_string()
        }
    }
}

impl Outlet {
    /// The wait, the silence and the cuts that come before any status line.
    async fn first_trouble(&mut self) -> Result<(), Severed> {
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

    fn problem(self, speaks: &dyn Dialect, problem: &Problem) -> Response<Paced> {
        self.whole(
            problem.status,
            Event::bare(speaks.error(problem).to_string()),
        )
    }

    fn whole(self, status: u16, event: Event) -> Response<Paced> {
        let json = HeaderValue::from_static("application/json");
        self.send(status, Some(json), event)
    }

    fn raw(self, raw: &Raw) -> Response<Paced> {
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

    fn stream(self, events: dialect::Events, speaks: &'static dyn Dialect) -> Response<Paced> {
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
        let body = Paced::new(cues, &script.pace, ending, Some(self.exchange));
        let sse = HeaderValue::from_static("text/event-stream; charset=utf-8");
        let mut response = finished(status, Some(sse), &script, body);
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

fn with_mark(mut response: Response<Paced>) -> Response<Paced> {
    response
        .headers_mut()
        .insert(SIMULATED, HeaderValue::from_static("true"));
    response
}
