//! For tests of the generator alone: a server that gives every request the same answer, chunk by chunk.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::order::{Form, Naming, Order, Subject, Way, Workload};

/// A whole chat completion, as short as one can be.
pub(crate) const WHOLE: &str =
    r#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{}}"#;

/// The answer.
#[derive(Clone)]
pub(crate) struct Canned {
    status: u16,
    pieces: Vec<String>,
    /// Between two pieces.
    gap: Duration,
}

impl Canned {
    pub(crate) fn whole(body: &str) -> Self {
        Self {
            status: 200,
            pieces: vec![body.to_owned()],
            gap: Duration::ZERO,
        }
    }

    pub(crate) fn stream(chunks: usize) -> Self {
        let mut pieces = vec!["data: {\"choices\":[]}\n\n".to_owned(); chunks];
        pieces.push("data: [DONE]\n\n".to_owned());
        Self {
            status: 200,
            pieces,
            gap: Duration::ZERO,
        }
    }

    pub(crate) fn without_done(mut self) -> Self {
        self.pieces.pop();
        self
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn with_gap(self, gap: Duration) -> Self {
        Self { gap, ..self }
    }
}

/// A running server; it ends when dropped.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) fn subject(&self) -> Subject {
        let mut subject = Subject::new("canned", self.addr, "/v1", Naming::Script);
        subject.keys.push("not-a-secret".to_owned());
        subject
    }

    pub(crate) fn order(&self, form: Form) -> Order {
        let script = String::new();
        let workload = Workload {
            name: "test",
            model: "simulated/test".to_owned(),
            script,
            body_bytes: 512,
            form,
            way: Way::Chat,
        };
        Order::new(&self.subject(), &workload).unwrap()
    }

    /// Connections that were ever made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }
}

pub(crate) async fn serve(answer: Canned) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    let (count, answer) = (connections.clone(), Arc::new(answer));
    tasks.spawn(async move {
        let mut sockets = JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Relaxed);
            sockets.spawn(answer_all(socket, answer.clone()));
        }
    });
    Server {
        addr,
        connections,
        _tasks: tasks,
    }
}

/// Answers request after request until the client has gone.
async fn answer_all(mut socket: TcpStream, answer: Arc<Canned>) -> Option<()> {
    let mut unread = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = memchr::memmem::find(&unread, b"\r\n\r\n") {
                break end + 4;
            }
            read_more(&mut socket, &mut unread).await?;
        };
        let text = String::from_utf8_lossy(&unread[..head]).to_ascii_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))?;
        let whole = head + length.trim().parse::<usize>().ok()?;
        while unread.len() < whole {
            read_more(&mut socket, &mut unread).await?;
        }
        unread.drain(..whole);
        let head = format!(
            "HTTP/1.1 {} X\r\ntransfer-encoding: chunked\r\n\r\n",
            answer.status
        );
        socket.write_all(head.as_bytes()).await.ok()?;
        for piece in &answer.pieces {
            if !answer.gap.is_zero() {
                tokio::time::sleep(answer.gap).await;
            }
            let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
            socket.write_all(chunk.as_bytes()).await.ok()?;
        }
        socket.write_all(b"0\r\n\r\n").await.ok()?;
    }
}

async fn read_more(socket: &mut TcpStream, unread: &mut Vec<u8>) -> Option<()> {
    let read = socket.read_buf(unread).await.ok()?;
    (read > 0).then_some(())
}
