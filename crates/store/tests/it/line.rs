//! A way to a PostgreSQL server that can be cut, mended, and made to lose the answer to a commit.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How a way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Everything passes.
    Whole,
    /// Nothing passes, and what was connected no longer is.
    Cut,
    /// The next `COMMIT` reaches the server, and its answer nobody; then everything passes again.
    LosesCommit,
}

pub(crate) struct Line {
    pub(crate) address: SocketAddr,
    state: watch::Sender<State>,
    _tasks: JoinSet<()>,
}

impl Line {
    pub(crate) async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = watch::Sender::new(State::Whole);
        let (server, sender) = (server.to_owned(), state.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut calls = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                calls.spawn(carry(near, server.clone(), sender.clone()));
            }
        });
        Self {
            address,
            state,
            _tasks: tasks,
        }
    }

    pub(crate) fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

/// Carries a connection until one side ends it, or the line does.
async fn carry(mut near: TcpStream, server: String, state: watch::Sender<State>) {
    if *state.borrow() == State::Cut {
        return;
    }
    let mut watching = state.subscribe();
    let mut far = TcpStream::connect(server).await.unwrap();
    let cut = watching.wait_for(|state| *state == State::Cut);
    let both = async {
        let (mut there, mut back) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        loop {
            tokio::select! {
                read = near.read(&mut there) => {
                    let length = read.unwrap_or(0);
                    if length == 0 || far.write_all(&there[..length]).await.is_err() {
                        return;
                    }
                    let commits = there[..length].windows(6).any(|word| word == b"COMMIT");
                    let loses = |now: &mut State| {
                        let is_so = *now == State::LosesCommit;
                        *now = if is_so { State::Whole } else { *now };
                        is_so
                    };
                    if commits && state.send_if_modified(loses) {
                        // It has been done once the server answers.
                        let _ = far.read(&mut back).await;
                        return;
                    }
                }
                read = far.read(&mut back) => {
                    let length = read.unwrap_or(0);
                    if length == 0 || near.write_all(&back[..length]).await.is_err() {
                        return;
                    }
                }
            }
        }
    };
    tokio::select! {
        () = both => {}
        _ = cut => {}
    }
}
