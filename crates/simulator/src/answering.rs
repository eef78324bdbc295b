//! One call from its head to its body: which script holds, what is answered, and in which form.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request as HttpRequest, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use crate::body::{Paced, Severed};
use crate::cache::{CACHE_TOKENS_MIN, Cached};
use crate::choosing::{Chosen, choose};
use crate::control;
use crate::dialect::{self, Act, Ask, Dialect, Event, Made, Problem, Received, Rendering, Route};
use crate::gate;
use crate::ledger::{Exchange, Head, Request};
use crate::outlet::{Outlet, scripted_problem, with_mark};
use crate::script::{Error200, Script};
use crate::stage::Place;
pub(crate) use crate::stage::Stage;

/// Longest request body, in bytes.
const BODY_BYTES_MAX: usize = 256 << 20;

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
    let query = parts.uri.query().unwrap_or_default();
    let route = dialect::route(&parts.method, place.path, query);
    let chosen = choose(&stage, &place, &parts, json.as_ref().ok(), route.as_ref());
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
    let speaks = match &route {
        Some(route) => route.speaks,
        None => dialect::nearest(place.path),
    };
    let Chosen { script, stream, .. } = chosen;
    let (script, unread) = match script {
        Ok(script) => (script, None),
        Err(error) => (Arc::default(), Some(Problem::bad(error.to_string()))),
    };
    let mut outlet = Outlet {
        exchange,
        reset,
        script,
    };
    if let Some(problem) = unread {
        return Ok(outlet.problem(speaks, &problem));
    }
    outlet.first_trouble().await?;
    if let Some(raw) = &outlet.script.clone().raw {
        return Ok(outlet.raw(raw));
    }
    let turn = Turn {
        stage: &stage,
        parts: &parts,
        place: &place,
        body: &body,
        json,
        stream,
        speaks,
    };
    Ok(match turn.admitted(route, &outlet.script) {
        Err(problem) => outlet.problem(speaks, &problem),
        Ok(route) => turn.answer(&route, outlet),
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
    stage: &'a Stage,
    parts: &'a Parts,
    place: &'a Place<'a>,
    body: &'a Bytes,
    json: Result<Value, String>,
    stream: bool,
    speaks: &'static dyn Dialect,
}

impl Turn<'_> {
    /// The route of a call that may come in, or the error that comes before any look at the request's fields.
    fn admitted(&self, route: Option<Route>, script: &Script) -> Result<Route, Problem> {
        let gate = route
            .as_ref()
            .map_or(dialect::Gate::Key, |route| route.gate);
        let call = (self.parts, self.body);
        if let Some(problem) = gate::turned_away(self.stage, gate, self.speaks, call) {
            return Err(problem);
        }
        if script.trouble.status.is_some_and(|status| status >= 400) {
            return Err(scripted_problem(script));
        }
        let Some(route) = route else {
            let (method, path) = (&self.parts.method, self.parts.uri.path());
            let text = format!("Invalid URL ({method} {path})");
            return Err(Problem::new(404, text).with_code("unknown_url"));
        };
        let is_get = self.parts.method == Method::GET;
        let is_fit = match route.act {
            Act::List(_) => is_get,
            Act::Token => true,
            Act::Generate | Act::Make(_) => self.parts.method == Method::POST,
        };
        if !is_fit {
            return Err(Problem::new(405, "Only POST is answered here."));
        }
        Ok(route)
    }

    fn answer(self, route: &Route, outlet: Outlet) -> Response<Paced> {
        match route.act {
            Act::List(list) => {
                return outlet.whole(200, Event::bare(list(self.place.path).to_string()));
            }
            Act::Token => {
                let (status, value) =
                    match gate::granted(self.parts, self.body, outlet.exchange.seq()) {
                        Ok(value) => (200, value),
                        Err(failure) => failure,
                    };
                return outlet.whole(status, Event::bare(value.to_string()));
            }
            Act::Generate | Act::Make(_) => {}
        }
        if let Some(form) = outlet.script.trouble.error_200 {
            let problem = scripted_problem(&outlet.script);
            if self.stream && form == Error200::AsAsked {
                let event = self.speaks.error_event(&problem, 0);
                return outlet.stream(Box::new(std::iter::once(event)), self.speaks);
            }
            return outlet.whole(200, Event::bare(self.speaks.error(&problem).to_string()));
        }
        match self.answered(route, &outlet) {
            Ok(Answered::Made(made)) => outlet.made(&made),
            Ok(Answered::Rendering(rendering)) if rendering.ask.stream => {
                let events = self.speaks.stream(Arc::new(*rendering));
                outlet.stream(events, self.speaks)
            }
            Ok(Answered::Rendering(rendering)) => {
                let bytes = self.speaks.whole(&rendering);
                let event = Event {
                    tokens: rendering.answer.usage.completion,
                    ..Event::bare(bytes).reporting(rendering.usage())
                };
                outlet.answered(event)
            }
            Err(problem) => outlet.problem(self.speaks, &problem),
        }
    }

    /// Reads the request, and makes up the answer to it.
    fn answered(&self, route: &Route, outlet: &Outlet) -> Result<Answered, Problem> {
        let script = &outlet.script;
        let body = self.json.as_ref().map_err(|error| {
            Problem::bad(format!(
                "We could not parse the JSON body of your request: {error}"
            ))
        })?;
        if let Some(problem) = refused(body, script) {
            return Err(problem);
        }
        let received = Received {
            body,
            headers: &self.parts.headers,
            query: self.parts.uri.query().unwrap_or_default(),
            model: route.model.as_deref(),
            streams: route.streams,
            script,
        };
        if let Act::Make(make) = route.act {
            return make(&received).map(Answered::Made);
        }
        let ask = self.speaks.read(&received)?;
        let cached = self.cached(&ask, body, script);
        let seq = outlet.exchange.seq();
        let answer = crate::answer::compose(&ask, script, self.place.name, seq, cached);
        outlet.exchange.note_prompt(answer.usage.prompt);
        Ok(Answered::Rendering(Box::new(Rendering {
            ask,
            answer,
            script: script.clone(),
        })))
    }

    /// What the simulated cache does for a prompt; short prompts are never looked up.
    fn cached(&self, ask: &Ask, body: &Value, script: &Script) -> Cached {
        let tokens_min = script.content.cache_min.unwrap_or(CACHE_TOKENS_MIN);
        if ask.prompt_tokens < tokens_min {
            return Cached::default();
        }
        let Some(prompt) = self.speaks.prompt(body) else {
            return Cached::default();
        };
        let scope = format!("{}\0{}\0", self.place.persona, ask.model);
        self.stage.cache.serve(&scope, &prompt, tokens_min)
    }
}

enum Answered {
    Made(Made),
    Rendering(Box<Rendering>),
}

/// The error for a field or a role that the script refuses, as hosts with fewer abilities give it.
fn refused(body: &Value, script: &Script) -> Option<Problem> {
    let has_role = |role: &str| {
        ["messages", "input", "contents"].iter().any(|field| {
            let messages = body.get(*field).and_then(Value::as_array);
            messages
                .into_iter()
                .flatten()
                .any(|message| message["role"] == role)
        })
    };
    let is_there = |name: &&String| match name.strip_prefix("role:") {
        Some(role) => has_role(role),
        None => body.get(name.as_str()).is_some(),
    };
    let name = script.trouble.refuses.iter().find(is_there)?;
    let text = format!("Unsupported parameter: '{name}' is not supported with this model.");
    Some(Problem::bad(text).with_code("unsupported_parameter"))
}
