//! A plain HTTP/1.1 client that remembers every chunk, when it came, and how the connection ended.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::Simulator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As HTTP wants it.
    Well,
    /// The connection was closed in the middle.
    Closed,
    /// The connection was reset.
    Reset,
    /// Nothing came any more.
    Silent,
}

/// An answer as it came in.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Transfer chunks with the time since the request, or the whole body as one.
    pub(crate) chunks: Vec<(Duration, Vec<u8>)>,
    /// When the head was complete, since the request.
    pub(crate) head_at: Duration,
    pub(crate) ended: Ended,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The payloads of the stream's `data:` lines, `[DONE]` included.
    pub(crate) fn frames(&self) -> Vec<String> {
        let text = self.text().replace("\r\n", "\n");
        text.lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(str::to_owned)
            .collect()
    }

    /// The stream's frames that are JSON.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.frames()
            .iter()
            .filter_map(|frame| serde_json::from_str(frame).ok())
            .collect()
    }

    /// A text field of the first choice's deltas, joined.
    pub(crate) fn joined(&self, field: &str) -> String {
        let pointer = format!("/choices/0/delta/{field}");
        self.events()
            .iter()
            .filter_map(|e| e.pointer(&pointer)?.as_str().map(str::to_owned))
            .collect()
    }

    /// Every finish reason given.
    pub(crate) fn finishes(&self) -> Vec<String> {
        let of = |e: &Value| {
            e.pointer("/choices/0/finish_reason")?
                .as_str()
                .map(str::to_owned)
        };
        self.events().iter().filter_map(of).collect()
    }

    /// Every usage object given.
    pub(crate) fn usages(&self) -> Vec<Value> {
        let of = |e: &Value| e.get("usage").filter(|usage| usage.is_object()).cloned();
        self.events().iter().filter_map(of).collect()
    }
}

/// A request to send; the rest of its life is the test's business.
pub(crate) fn request_text(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    text
}

/// Sends a request and reads its answer, for at most `patience`.
pub(crate) async fn exchange(addr: SocketAddr, request: &str, patience: Duration) -> Reply {
    let mut stream = TcpStream::connect(addr).await.expect("connects");
    let began = Instant::now();
    stream.write_all(request.as_bytes()).await.expect("sends");
    let mut reader = Reader {
        stream,
        buffer: Vec::new(),
        began,
        until: began + patience,
    };
    reader.read().await
}

/// Sends a request to the simulator and reads the answer.
pub(crate) async fn send(
    simulator: &Simulator,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Reply {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = request_text(method, path, headers, &body);
    exchange(simulator.addr(), &request, Duration::from_secs(10)).await
}

/// A chat completion with this body.
pub(crate) async fn chat(simulator: &Simulator, body: &Value) -> Reply {
    send(simulator, "POST", "/v1/chat/completions", &[], body).await
}

/// A small question to this model.
pub(crate) fn question(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Hello there"}]})
}

/// The same, streamed.
pub(crate) fn streamed(model: &str) -> Value {
    let mut body = question(model);
    body["stream"] = json!(true);
    body
}

/// The same, streamed, with usage.
pub(crate) fn counted(model: &str) -> Value {
    let mut body = streamed(model);
    body["stream_options"] = json!({"include_usage": true});
    body
}

/// Starts a simulator with default options.
pub(crate) async fn start() -> Simulator {
    Simulator::start("127.0.0.1:0").await.expect("starts")
}

struct Reader {
    stream: TcpStream,
    buffer: Vec<u8>,
    began: Instant,
    until: Instant,
}

impl Reader {
    async fn read(&mut self) -> Reply {
        let mut reply = Reply {
            status: 0,
            headers: Vec::new(),
            body: Vec::new(),
            chunks: Vec::new(),
            head_at: Duration::ZERO,
            ended: Ended::Well,
        };
        reply.ended = match self.read_into(&mut reply).await {
            Ok(()) => Ended::Well,
            Err(ended) => ended,
        };
        reply
    }

    async fn read_into(&mut self, reply: &mut Reply) -> Result<(), Ended> {
        let head = self.up_to(b"\r\n\r\n").await?;
        reply.head_at = self.began.elapsed();
        let head = String::from_utf8(head).expect("ASCII head");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        reply.status = status.and_then(|s| s.parse().ok()).expect("a status");
        for line in lines {
            if let Some((name, value)) = line.split_once(':') {
                reply
                    .headers
                    .push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        if reply.header("transfer-encoding").is_none() {
            let length = reply
                .header("content-length")
                .and_then(|n| n.parse().ok())
                .unwrap_or(0);
            let got = self.exactly(length, &mut reply.body).await;
            reply
                .chunks
                .push((self.began.elapsed(), reply.body.clone()));
            return got;
        }
        loop {
            let line = String::from_utf8(self.up_to(b"\r\n").await?).expect("a chunk size");
            let size = usize::from_str_radix(line.trim(), 16).expect("a chunk size");
            let mut chunk = Vec::new();
            let got = self.exactly(size, &mut chunk).await;
            reply.body.extend_from_slice(&chunk);
            got?;
            self.up_to(b"\r\n").await?;
            if size == 0 {
                return Ok(());
            }
            reply.chunks.push((self.began.elapsed(), chunk));
        }
    }

    async fn exactly(&mut self, size: usize, into: &mut Vec<u8>) -> Result<(), Ended> {
        while self.buffer.len() < size {
            if let Err(ended) = self.more().await {
                into.append(&mut self.buffer);
                return Err(ended);
            }
        }
        into.extend(self.buffer.drain(..size));
        Ok(())
    }

    async fn up_to(&mut self, border: &[u8]) -> Result<Vec<u8>, Ended> {
        loop {
            if let Some(at) = self.buffer.windows(border.len()).position(|w| w == border) {
                let mut line: Vec<u8> = self.buffer.drain(..at + border.len()).collect();
                line.truncate(at);
                return Ok(line);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), Ended> {
        self.buffer.reserve(16 << 10);
        let read = self.stream.read_buf(&mut self.buffer);
        match tokio::time::timeout_at(self.until, read).await {
            Err(_) => Err(Ended::Silent),
            Ok(Err(_)) => Err(Ended::Reset),
            Ok(Ok(0)) => Err(Ended::Closed),
            Ok(Ok(_)) => Ok(()),
        }
    }
}
