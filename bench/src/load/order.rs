//! What is asked for, again and again: a request made once, and what a right answer to it looks like.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;

/// Who is asked: the simulator itself, Waybill, or later anything else that speaks the dialect.
#[derive(Clone)]
pub(crate) struct Subject {
    /// How the report calls it.
    pub(crate) name: &'static str,
    pub(crate) addr: SocketAddr,
    /// Path of chat completions.
    pub(crate) path: &'static str,
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
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Workload {
    /// The name under which the simulator knows this workload.
    pub(crate) fn upstream_model(&self) -> String {
        format!("bench!{}", self.script)
    }

    /// A chat completion request of exactly `body_bytes`, or the shortest one if that is longer.
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
        let mut headers = HeaderMap::new();
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
            uri: subject
                .path
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
}
