//! What is asked for, again and again: a request made once, and what a right answer to it looks like.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;

/// Without it nothing is said in Messages.
const VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// Who is asked: the simulator itself, a plain proxy in front of it, Waybill.
#[derive(Clone)]
pub(crate) struct Subject {
    /// How the report calls it.
    pub(crate) name: &'static str,
    pub(crate) addr: SocketAddr,
    /// What stands before the path of a dialect.
    pub(crate) root: &'static str,
    /// The key it wants.
    pub(crate) key: Option<String>,
    /// Process whose processor time and memory are its own; none for the simulator asked directly.
    pub(crate) pid: Option<u32>,
    /// Whether it is asked by catalog ids (`simulated/whole`) or by the simulator's own model names.
    pub(crate) naming: Naming,
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
    pub(crate) model: &'static str,
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
    headers: HeaderMap,
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
            Naming::Catalog => workload.model.to_owned(),
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
        if let Some(key) = &subject.key {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {key}"))?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        Ok(Self {
            addr: subject.addr,
            form: workload.form,
            speech,
            uri: [subject.root, speech.path()]
                .concat()
                .parse()
                .context("the path of a subject is not a path")?,
            headers,
            body: workload.body(&model),
        })
    }

    pub(crate) fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::POST;
        request.uri_mut().clone_from(&self.uri);
        request.headers_mut().clone_from(&self.headers);
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
            model: "simulated/test",
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

    #[test]
    fn each_side_is_asked_in_the_dialect_it_speaks() {
        let subject = |naming| Subject {
            name: "test",
            addr: "127.0.0.1:1".parse().unwrap(),
            root: "/v1",
            key: None,
            pid: None,
            naming,
        };
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
