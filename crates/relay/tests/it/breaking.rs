//! Providers played in memory that know one text: they say all of it, or what follows the beginning that
//! they are given; and they break wherever a test wants it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use ledger::books::BoxFuture;
use relay::upstream::UpstreamBody;
use relay::{SendError, Upstream};
use serde_json::{Value, json};

/// What every provider says: blanks of several kinds, long and cut words, characters of several bytes.
pub(crate) const TEXT: &str = "It  begins,\n\n 世界 and goes\u{3000}on — \"quoted\" 🧾🚀 with \
    some thirty words more, of which no two are alike; \tthen it ends. ";

/// How one provider's answer breaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act {
    /// After so many bytes of its stream.
    pub(crate) after: Option<usize>,
    /// The connection is reset, not closed.
    pub(crate) resets: bool,
    /// It repeats the beginning that it is given.
    pub(crate) repeats: bool,
    /// It refuses with this status where it is to go on.
    pub(crate) refuses: Option<u16>,
    /// It speaks the dialect of messages.
    pub(crate) messages: bool,
    /// It thinks first.
    pub(crate) thinks: bool,
    /// It does not answer where it is to go on.
    pub(crate) silent: bool,
    /// It calls a tool when it has said so many characters.
    pub(crate) calls: Option<usize>,
}

impl Act {
    /// Says all of it.
    pub(crate) const NONE: Self = Self {
        after: None,
        resets: false,
        repeats: false,
        refuses: None,
        messages: false,
        thinks: false,
        silent: false,
        calls: None,
    };

    /// Breaks after so many bytes.
    pub(crate) const fn after(bytes: usize) -> Self {
        Self {
            after: Some(bytes),
            ..Self::NONE
        }
    }
}

pub(crate) struct Breaking {
    acts: Mutex<HashMap<&'static str, Act>>,
    asked: Mutex<Vec<(String, Value)>>,
}

impl Breaking {
    pub(crate) fn new(acts: &[(&'static str, Act)]) -> Arc<Self> {
        Arc::new(Self {
            acts: Mutex::new(acts.iter().copied().collect()),
            asked: Mutex::default(),
        })
    }

    /// How long such an answer is, bytes.
    pub(crate) fn length(act: Act) -> usize {
        answer(act, None).len()
    }

    /// From now on a provider does this.
    pub(crate) fn act(&self, name: &'static str, act: Act) {
        self.acts.lock().unwrap().insert(name, act);
    }

    /// Who was asked, and what, in order.
    pub(crate) fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

impl Upstream for Breaking {
    fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, SendError>> {
        Box::pin(async move {
            let name = request.uri().host().unwrap_or_default().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let asked: Value = serde_json::from_slice(&body).unwrap();
            let act = self.acts.lock().unwrap()[name.as_str()];
            let begun = begun(&asked);
            self.asked.lock().unwrap().push((name, asked));
            if let (Some(status), Some(_)) = (act.refuses, &begun) {
                let body = Full::new(Bytes::from_static(b"{\"error\":{\"message\":\"no\"}}"));
                let body = body.map_err(|never| match never {}).boxed_unsync();
                return Ok(Response::builder().status(status).body(body).unwrap());
            }
            if act.silent && begun.is_some() {
                std::future::pending::<()>().await;
            }
            let mut all = answer(act, begun.as_deref()).into_bytes();
            let is_cut = act.after.is_some_and(|after| after < all.len());
            all.truncate(act.after.unwrap_or(all.len()));
            let mut pieces: Vec<Result<Frame<Bytes>, relay::upstream::BoxError>> = all
                .chunks(97)
                .map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))))
                .collect();
            if is_cut && act.resets {
                pieces.push(Err("reset by the test".into()));
            }
            Ok(Response::new(
                StreamBody::new(stream::iter(pieces)).boxed_unsync(),
            ))
        })
    }
}

/// The beginning of an answer that is to be gone on with.
fn begun(asked: &Value) -> Option<String> {
    let last = asked["messages"].as_array().unwrap().last().unwrap();
    if last["role"] != "assistant" {
        return None;
    }
    let content = &last["content"];
    let text = content.as_str().or_else(|| content[0]["text"].as_str());
    Some(text.unwrap().to_owned())
}

/// Characters of a text as a provider would stream them: a few at a time.
fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let pieces = characters.chunks(5);
    pieces.map(|piece| piece.iter().collect()).collect()
}

/// Tokens of prompt and of answer, as such a provider counts them.
pub(crate) fn counts(begun: usize, said: usize) -> (u64, u64) {
    let count = |characters: usize| u64::try_from(characters.div_ceil(5)).unwrap();
    (7 + count(begun), count(said))
}

fn answer(act: Act, begun: Option<&str>) -> String {
    let begun = begun.unwrap_or_default();
    let rest = TEXT.strip_prefix(begun).expect("the beginning of the text");
    let said = if act.repeats { TEXT } else { rest };
    let counts = counts(begun.chars().count(), rest.chars().count());
    if act.messages {
        return messages(said, counts);
    }
    chat(act, said, counts)
}

fn chat(act: Act, said: &str, (prompt, completion): (u64, u64)) -> String {
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({ "id": "c", "choices": choices, "usage": usage });
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: Value| chunk(json!([{ "index": 0, "delta": delta }]), Value::Null);
    let mut all = delta(json!({ "role": "assistant", "content": "" }));
    if act.thinks {
        all += &delta(json!({ "reasoning_content": "Hm." }));
    }
    let mut characters = 0;
    for piece in pieces(said) {
        characters += piece.chars().count();
        all += &delta(json!({ "content": piece }));
        if act.calls.is_some_and(|calls| characters >= calls) {
            let call = json!({ "index": 0, "id": "call_1", "type": "function",
                "function": { "name": "look", "arguments": "{\"at\":" } });
            all += &delta(json!({ "tool_calls": [call] }));
            break;
        }
    }
    let finish = json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }]);
    all += &chunk(finish, Value::Null);
    let usage = json!({ "prompt_tokens": prompt, "completion_tokens": completion,
        "total_tokens": prompt + completion });
    all += &chunk(json!([]), usage);
    all + "data: [DONE]\n\n"
}

fn messages(said: &str, (prompt, completion): (u64, u64)) -> String {
    let event = |tree: Value| {
        format!(
            "event: {}\ndata: {tree}\n\n",
            tree["type"].as_str().unwrap()
        )
    };
    let message = json!({ "id": "m", "type": "message", "role": "assistant", "model": "echo",
        "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": { "input_tokens": prompt, "output_tokens": 1 } });
    let mut all = event(json!({ "type": "message_start", "message": message }));
    all += &event(json!({ "type": "content_block_start", "index": 0,
        "content_block": { "type": "text", "text": "" } }));
    for piece in pieces(said) {
        all += &event(json!({ "type": "content_block_delta", "index": 0,
            "delta": { "type": "text_delta", "text": piece } }));
    }
    all += &event(json!({ "type": "content_block_stop", "index": 0 }));
    all += &event(json!({ "type": "message_delta",
        "delta": { "stop_reason": "end_turn", "stop_sequence": null },
        "usage": { "output_tokens": completion } }));
    all + &event(json!({ "type": "message_stop" }))
}
