//! Content for those who are told of calls: read, made into messages, redacted, and given to whoever
//! listens. Beside keeping, and never held up by it.

use std::sync::Arc;

use bytes::Bytes;
use chat::{Dialect, Response};
use telemetry::content::{Asked, CONTENT_BYTES_MAX, Conversation};
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::keeper::Keeper;
use super::policy::Policy;
use super::taking::{Form, Taken};

/// Who waits for the content of one call. Dropped where there is none: it was too large, or there was
/// no room.
pub type Listener = oneshot::Sender<Arc<Conversation>>;

/// Calls that are read in one go.
const AT_ONCE: usize = 32;

/// The content of a call that has ended.
pub(super) struct Overheard {
    policy: Arc<Policy>,
    dialect: Dialect,
    form: Form,
    request: Bytes,
    pieces: Vec<Bytes>,
    bytes: usize,
    listener: Listener,
}

impl Overheard {
    pub(super) fn of(taken: &Taken, listener: Listener) -> Self {
        Self {
            policy: Arc::clone(&taken.policy),
            dialect: taken.request_dialect,
            form: taken.form,
            request: taken.request.clone(),
            pieces: taken.pieces.clone(),
            bytes: taken.bytes,
            listener,
        }
    }

    fn tell(self) {
        if self.listener.is_closed() {
            return;
        }
        let conversation = self.conversation();
        if conversation.bytes() <= CONTENT_BYTES_MAX {
            // Whoever listened may have gone meanwhile.
            let _ = self.listener.send(Arc::new(conversation));
        }
    }

    fn conversation(&self) -> Conversation {
        let answered = self.answered();
        let conversation = match wire::content::conversation(self.dialect, &self.request) {
            Some(asked) => Conversation::new(Asked::Messages(&asked.messages), &answered),
            None => {
                let asked = wire::content::input(self.dialect, &self.request);
                let prompt = &asked["prompt"];
                let text = prompt
                    .as_str()
                    .map_or_else(|| prompt.to_string(), str::to_owned);
                Conversation::new(Asked::Prompt(&text), &answered)
            }
        };
        conversation.rewritten(|json| self.policy.redaction.json(json))
    }

    fn answered(&self) -> Response {
        match self.form {
            _ if self.pieces.is_empty() => Response::default(),
            Form::Whole(dialect) => wire::content::answer_in(dialect, &self.pieces.concat()),
            Form::Stream(dialect, framing) => {
                let pieces = self.pieces.iter().map(|piece| &**piece);
                wire::content::answer_of((dialect, framing), pieces)
            }
        }
    }
}

impl Keeper {
    /// Tells whoever listens, until the keeper is closed down and everybody has been told.
    pub(super) async fn tell(&self, mut queue: Receiver<Overheard>) {
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = self.closing.cancelled() => break,
                _ = queue.recv_many(&mut waiting, AT_ONCE) => self.tell_some(&mut waiting).await,
            }
        }
        queue.close();
        while queue.recv_many(&mut waiting, AT_ONCE).await > 0 {
            self.tell_some(&mut waiting).await;
        }
    }

    /// Where the work holds up nobody. A call whose content cannot even be read is told without it.
    async fn tell_some(&self, waiting: &mut Vec<Overheard>) {
        let overheard = std::mem::take(waiting);
        let bytes: usize = overheard.iter().map(|one| one.bytes).sum();
        let telling = spawn_blocking(move || overheard.into_iter().for_each(Overheard::tell));
        if let Err(error) = telling.await {
            tracing::error!(%error, "content could not be read for those who are told of it");
        }
        self.let_go(bytes);
    }
}
