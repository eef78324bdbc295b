//! What is asked for, again and again: a request made once, and what a right answer to it looks like.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;

/// Without it nothing is said in Messages.
const VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// Who is asked: the simulator itself, a plain proxy in front of it, Waybill, another gateway.
#[derive(Clone)]
pub(crate) struct Subject {
    /// How the report calls it.
    pub(crate) name: &'static str,
    pub(crate) addr: SocketAddr,
    /// What stands before the path of a dialect.
    pub(crate) root: String,
    /// The keys it wants, used in turn; none where it wants none.
    pub(crate) keys: Vec<String>,
    /// Further headers that it wants.
    pub(crate) headers: Vec<(String, String)>,
    /// Process whose processor time and memory, with its children's, are its own; none for the
    /// simulator asked directly.
    pub(crate) pid: Option<u32>,
    /// Process of the database that it uses, where that is one of its own.
    pub(crate) database: Option<u32>,
    /// Whether it is asked by catalog ids (`simulated/whole`) or by the simulator's own model names.
    pub(crate) naming: Naming,
}

impl Subject {
    /// Somebody who wants neither keys nor headers.
    pub(crate) fn new(name: &'static str, addr: SocketAddr, root: &str, naming: Naming) -> Self {
        Self {
            name,
            addr,
            root: root.to_owned(),
            keys: Vec::new(),
            headers: Vec::new(),
            pid: None,
            database: None,
            naming,
        }
    }
}

/// How a subject knows the models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// The simulator's: the script is part of the name.
    Script,
    /// Ids of the catalog; the configuration maps them to the simulator's names.
    Catalog,
}

/// A dialect, as far as a generator has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    Chat,
    Messages,
}

/// Who speaks what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Caller and provider speak the same.
    Chat,
    /// A caller of Chat, and a provider of Messages.
    ChatToMessages,
    /// A caller of Messages, and a provider of Chat.
    MessagesToChat,
}

/// One kind of call.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// How the report calls it.
    pub(crate) name: &'static str,
    /// Catalog id of the model that is asked.
    pub(crate) model: String,
    /// What the simulator is told to do, in its own grammar.
    pub(crate) script: String,
    /// Length of the request body.
    pub(crate) body_bytes: usize,
    pub(crate) form: Form,
    pub(crate) way: Way,
}

/// How an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Whole,
    /// As a stream with at least so many events that carry content.
    Stream {
        chunks: u64,
    },
}

/// A request ready to be sent.
pub(crate) struct Order {
    pub(crate) addr: SocketAddr,
    pub(crate) form: Form,
    /// The dialect of request and answer.
    pub(crate) speech: Speech,
    uri: Uri,
    /// One for each key; at least one.
    headers: Vec<HeaderMap>,
    next: AtomicUsize,
    body: Bytes,
}

impl Speech {
    const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Messages => "/messages",
        }
    }
}

impl Way {
    /// What the caller speaks.
    const fn caller(self) -> Speech {
        match self {
            Self::Chat | Self::ChatToMessages => Speech::Chat,
            Self::MessagesToChat => Speech::Messages,
        }
    }

    /// What the provider speaks.
    pub(crate) const fn provider(self) -> Speech {
        match self {
            Self::Chat | Self::MessagesToChat => Speech::Chat,
            Self::ChatToMessages => Speech::Messages,
        }
    }
}

impl Workload {
    /// The name under which the simulator knows this workload.
    pub(crate) fn upstream_model(&self) -> String {
        format!("bench!{}", self.script)
    }

    /// A request that both dialects know, of exactly `body_bytes`, or the shortest one if that is longer.
    fn body(&self, model: &str) -> Bytes {
        let stream = match self.form {
            Form::Whole => "",
            Form::Stream { .. } => r#","stream":true,"stream_options":{"include_usage":true}"#,
        };
        let head = format!(
            r#"{{"model":{},"messages":[{{"role":"user","content":""#,
            serde_json::Value::from(model)
        );
        let tail = format!(r#""}}],"temperature":0.7,"max_tokens":100000{stream}}}"#);
        let filler = self.body_bytes.saturating_sub(head.len() + tail.len());
        let words = "Say how the weather was. "
            .chars()
            .cycle()
            .take(filler)
            .collect::<String>();
        Bytes::from([head, words, tail].concat())
    }
}

impl Order {
    pub(crate) fn new(subject: &Subject, workload: &Workload) -> Result<Self> {
        let model = match subject.naming {
            Naming::Script => workload.upstream_model(),
            Naming::Catalog => workload.model.clone(),
        };
        let speech = match subject.naming {
            Naming::Script => workload.way.provider(),
            Naming::Catalog => workload.way.caller(),
        };
        let mut headers = HeaderMap::new();
        if speech == Speech::Messages {
            headers.insert(VERSION, HeaderValue::from_static("2023-06-01"));
        }
        headers.insert(
            header::HOST,
            HeaderValue::from_str(&subject.addr.to_string())?,
        );
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        for (name, value) in &subject.headers {
            headers.insert(
                HeaderName::from_bytes(name.as_bytes())?,
                HeaderValue::from_str(value)?,
            );
        }
        let mut with_keys = Vec::with_capacity(subject.keys.len().max(1));
        for key in &subject.keys {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {key}"))?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
            with_keys.push(headers.clone());
        }
        if with_keys.is_empty() {
            with_keys.push(headers);
        }
        Ok(Self {
            addr: subject.addr,
            form: workload.form,
            speech,
            uri: [subject.root.as_str(), speech.path()]
                .concat()
                .parse()
                .context("the path of a subject is not a path")?,
            headers: with_keys,
            next: AtomicUsize::new(0),
            body: workload.body(&model),
        })
    }

    /// The next request: the same as ever, with the next key where there are several.
    pub(crate) fn request(&self) -> Request<Full<Bytes>> {
        let turn = self.next.fetch_add(1, Relaxed) % self.headers.len();
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::POST;
        request.uri_mut().clone_from(&self.uri);
        request.headers_mut().clone_from(&self.headers[turn]);
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(body_bytes: usize, form: Form) -> Workload {
        let script = "tokens=128".to_owned();
        Workload {
            name: "test",
            model: "simulated/test".to_owned(),
            script,
            body_bytes,
            form,
            way: Way::Chat,
        }
    }

    #[test]
    fn a_body_is_json_of_exactly_the_wanted_length() {
        for form in [Form::Whole, Form::Stream { chunks: 1 }] {
            for length in [300, 1024, 51_200] {
                let body = workload(length, form).body("simulated/test");
                assert_eq!(body.len(), length);
                let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(json["model"], "simulated/test");
                assert_eq!(json["stream"] == true, form != Form::Whole);
            }
        }
    }

    #[test]
    fn the_simulator_finds_its_script_in_the_name() {
        let name = workload(0, Form::Whole).upstream_model();
        let (_, script) = name.split_once('!').unwrap();
        assert!(simulator::Script::parse(script).is_ok());
    }

    fn subject(naming: Naming) -> Subject {
        Subject::new("test", "127.0.0.1:1".parse().unwrap(), "/v1", naming)
    }

    #[test]
    fn keys_take_turns_and_other_headers_are_always_there() {
        let mut subject = subject(Naming::Catalog);
        subject.keys = vec!["one".to_owned(), "two".to_owned()];
        subject.headers = vec![("x-more".to_owned(), "yes".to_owned())];
        let order = Order::new(&subject, &workload(512, Form::Whole)).unwrap();
        let asked: Vec<_> = std::iter::repeat_with(|| order.request()).take(3).collect();
        let keys: Vec<_> = asked
            .iter()
            .map(|one| &one.headers()["authorization"])
            .collect();
        assert_eq!(keys, ["Bearer one", "Bearer two", "Bearer one"]);
        assert!(asked.iter().all(|one| one.headers()["x-more"] == "yes"));
    }

    #[test]
    fn each_side_is_asked_in_the_dialect_it_speaks() {
        for (way, upstream, gateway) in [
            (Way::Chat, "/v1/chat/completions", "/v1/chat/completions"),
            (Way::ChatToMessages, "/v1/messages", "/v1/chat/completions"),
            (Way::MessagesToChat, "/v1/chat/completions", "/v1/messages"),
        ] {
            let workload = Workload {
                way,
                ..workload(512, Form::Whole)
            };
            for (naming, path) in [(Naming::Script, upstream), (Naming::Catalog, gateway)] {
                let request = Order::new(&subject(naming), &workload).unwrap().request();
                assert_eq!(request.uri().path(), path);
                assert_eq!(
                    request.headers().contains_key(VERSION),
                    path == "/v1/messages"
                );
            }
        }
    }
}
