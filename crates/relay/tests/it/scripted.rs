//! A provider played in memory, so that time can be paused: who was asked when, who was let go when.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use ledger::books::BoxFuture;
use relay::upstream::UpstreamBody;
use relay::{SendError, Upstream};
use tokio::time::{Instant, sleep};

/// What one provider does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// Answers at once, and says its first word after this long.
    Speaks(u64),
    /// Answers with this status after this long.
    Fails(u16, u64),
    /// Refuses the first credential that it sees with this status after this long, and says its word at
    /// once to any other.
    Refuses(u16, u64),
    /// The same as `Speaks`, with nothing in it.
    IsEmpty(u64),
}

/// What happened, in milliseconds since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Asked(u64),
    LetGo(u64),
}

type Log = Arc<Mutex<Vec<(String, Seen)>>>;

pub(crate) struct Scripted {
    acts: HashMap<&'static str, Act>,
    begun: Instant,
    log: Log,
    /// The first credential that was presented.
    first: Mutex<Option<http::HeaderValue>>,
}

impl Scripted {
    pub(crate) fn new(acts: &[(&'static str, Act)]) -> Arc<Self> {
        Arc::new(Self {
            acts: acts.iter().copied().collect(),
            begun: Instant::now(),
            log: Log::default(),
            first: Mutex::default(),
        })
    }

    /// What happened so far.
    pub(crate) fn log(&self) -> Vec<(String, Seen)> {
        self.log.lock().unwrap().clone()
    }
}

/// Notes that its answer was let go before it was given.
struct Given {
    name: String,
    begun: Instant,
    is_whole: bool,
    log: Log,
}

impl Drop for Given {
    fn drop(&mut self) {
        if !self.is_whole {
            let seen = Seen::LetGo(millis(self.begun));
            self.log.lock().unwrap().push((self.name.clone(), seen));
        }
    }
}

fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap()
}

impl Upstream for Scripted {
    fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, SendError>> {
        let name = request.uri().host().unwrap_or_default().to_owned();
        let act = match self.acts[name.as_str()] {
            Act::Refuses(status, after) => {
                let presented = request.headers()[http::header::AUTHORIZATION].clone();
                let mut first = self.first.lock().unwrap();
                match *first.get_or_insert_with(|| presented.clone()) == presented {
                    true => Act::Fails(status, after),
                    false => Act::Speaks(0),
                }
            }
            act => act,
        };
        let asked = Seen::Asked(millis(self.begun));
        self.log.lock().unwrap().push((name.clone(), asked));
        let given = Given {
            name: name.clone(),
            begun: self.begun,
            is_whole: false,
            log: Arc::clone(&self.log),
        };
        Box::pin(async move {
            let mut given = given;
            let (after, text) = match act {
                Act::Speaks(after) => (after, Some(answer(&name))),
                Act::Refuses(..) => unreachable!("decided above"),
                Act::IsEmpty(after) => (after, Some(answer(""))),
                Act::Fails(status, after) => {
                    sleep(Duration::from_millis(after)).await;
                    given.is_whole = true;
                    let body = Full::new(Bytes::from_static(b"{\"error\":{\"message\":\"no\"}}"));
                    let body = body.map_err(|never| match never {}).boxed_unsync();
                    return Ok(Response::builder().status(status).body(body).unwrap());
                }
            };
            let pieces = stream::unfold((given, text), move |(mut given, text)| async move {
                let text = text?;
                sleep(Duration::from_millis(after)).await;
                given.is_whole = true;
                Some((Ok(Frame::data(Bytes::from(text))), (given, None)))
            });
            Ok(Response::new(StreamBody::new(pieces).boxed_unsync()))
        })
    }
}

/// A stream that says its provider's name.
fn answer(text: &str) -> String {
    let chunk = |choices: serde_json::Value| {
        let chunk = serde_json::json!({ "id": "c", "object": "chat.completion.chunk", "created": 1,
            "model": "echo", "choices": choices });
        format!("data: {chunk}\n\n")
    };
    let delta = if text.is_empty() {
        serde_json::json!({})
    } else {
        serde_json::json!({ "role": "assistant", "content": text })
    };
    let mut all = chunk(serde_json::json!([{ "index": 0, "delta": delta }]));
    all += &chunk(serde_json::json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }]));
    if !text.is_empty() {
        let usage = serde_json::json!({ "choices": [], "id": "c", "object": "chat.completion.chunk",
            "created": 1, "model": "echo",
            "usage": { "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10 } });
        all += &format!("data: {usage}\n\n");
    }
    all + "data: [DONE]\n\n"
}
