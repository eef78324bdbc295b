//! A receiver of what destinations are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A receiver on this machine: every request as text, answered with the next status, the last of them
/// for ever, or until it is told otherwise.
pub(super) struct Receiver {
    pub(super) url: String,
    requests: mpsc::UnboundedReceiver<String>,
    from_now: Arc<AtomicU16>,
}

impl Receiver {
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    pub(super) async fn answering(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::unbounded_channel();
        let count = Arc::new(AtomicUsize::new(0));
        let from_now = Arc::new(AtomicU16::new(0));
        let other = Arc::clone(&from_now);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut read = Vec::new();
                let mut piece = [0; 8192];
                while !is_whole(&read) {
                    match socket.read(&mut piece).await {
                        Ok(count @ 1..) => read.extend_from_slice(&piece[..count]),
                        _ => break,
                    }
                }
                let number = count.fetch_add(1, Ordering::SeqCst).min(statuses.len() - 1);
                let status = match other.load(Ordering::SeqCst) {
                    0 => statuses[number],
                    other => other,
                };
                let head = format!(
                    "HTTP/1.1 {status} Told\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                );
                let _ = socket.write_all(head.as_bytes()).await;
                let _ = sender.send(String::from_utf8_lossy(&read).into_owned());
            }
        });
        Self {
            url,
            requests,
            from_now,
        }
    }

    /// Answers with this status from now on.
    pub(super) fn answer_with(&self, status: u16) {
        self.from_now.store(status, Ordering::SeqCst);
    }

    pub(super) async fn next(&mut self) -> String {
        let next = tokio::time::timeout(Duration::from_secs(20), self.requests.recv());
        next.await.expect("nothing came").unwrap()
    }
}

fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().unwrap())
    });
    body.len() >= length.unwrap_or(0)
}
