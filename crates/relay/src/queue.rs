//! The queue between a call and its caller: a few pieces at most, one writer, one reader.
//!
//! The runtime's own channel keeps room for 32 pieces as long as a stream is open, 1.5 KiB of it; nearly
//! always none waits. This one has room for the piece that waits, and makes more when there is need.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

/// A queue for at most so many pieces.
pub(crate) fn queue(most: usize) -> (Feed, Queue) {
    let pieces = Arc::new(Pieces {
        most,
        state: Mutex::default(),
    });
    (Feed(Arc::clone(&pieces)), Queue(pieces))
}

struct Pieces {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The oldest piece; nothing waits without it.
    first: Option<Bytes>,
    rest: VecDeque<Bytes>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Whether the writer waits for room, and not only for the reader to leave.
    is_full: bool,
    has_ended: bool,
    is_left: bool,
}

impl State {
    fn waiting(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    fn push(&mut self, piece: Bytes) {
        match self.first {
            None => self.first = Some(piece),
            Some(_) => self.rest.push_back(piece),
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        std::mem::replace(&mut self.first, self.rest.pop_front())
    }
}

impl Pieces {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a piece was not taken at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The queue is full; here is the piece.
    Full(Bytes),
    /// The reader has left.
    Left,
}

/// The writer's end. Dropped, it ends the stream.
pub(crate) struct Feed(Arc<Pieces>);

impl Feed {
    /// Hands a piece over, if there is room.
    pub(crate) fn try_send(&self, piece: Bytes) -> Result<(), Refused> {
        let mut state = self.0.state();
        if state.is_left {
            return Err(Refused::Left);
        }
        if state.waiting() >= self.0.most {
            return Err(Refused::Full(piece));
        }
        state.push(piece);
        wake(state, |state| state.reader.take());
        Ok(())
    }

    /// Hands a piece over, waiting for room; false when the reader has left.
    pub(crate) async fn send(&self, piece: Bytes) -> bool {
        let mut piece = Some(piece);
        poll_fn(|context| {
            let Some(waiting) = piece.take() else {
                return Poll::Ready(true);
            };
            let mut state = self.0.state();
            if state.is_left {
                return Poll::Ready(false);
            }
            if state.waiting() >= self.0.most {
                state.is_full = true;
                note(&mut state.writer, context);
                piece = Some(waiting);
                return Poll::Pending;
            }
            state.push(waiting);
            wake(state, |state| state.reader.take());
            Poll::Ready(true)
        })
        .await
    }

    /// Waits until the reader leaves.
    pub(crate) async fn left(&self) {
        poll_fn(|context| {
            let mut state = self.0.state();
            if state.is_left {
                return Poll::Ready(());
            }
            note(&mut state.writer, context);
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.has_ended = true;
        wake(state, |state| state.reader.take());
    }
}

/// The reader's end: pieces of a stream, each one or more whole frames. Dropped, it tells the call that
/// its caller has left.
pub struct Queue(Arc<Pieces>);

impl Queue {
    /// The next piece; `None` when the stream has ended.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.0.state();
        if let Some(piece) = state.pop() {
            make_room(state);
            return Poll::Ready(Some(piece));
        }
        if state.has_ended {
            return Poll::Ready(None);
        }
        note(&mut state.reader, context);
        Poll::Pending
    }

    /// The next piece; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Bytes> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// A piece that waits already.
    #[must_use]
    pub fn take_waiting(&mut self) -> Option<Bytes> {
        let mut state = self.0.state();
        let piece = state.pop()?;
        make_room(state);
        Some(piece)
    }

    /// Whether the writer has ended the stream; pieces of it may still wait.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.0.state().has_ended
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_left = true;
        let waiting = (state.first.take(), std::mem::take(&mut state.rest));
        wake(state, |state| state.writer.take());
        drop(waiting);
    }
}

/// Somebody is to be woken by this task's waker.
fn note(waker: &mut Option<Waker>, context: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(context.waker()),
        None => *waker = Some(context.waker().clone()),
    }
}

/// Wakes somebody once the lock is open again.
fn wake(mut state: MutexGuard<'_, State>, who: impl FnOnce(&mut State) -> Option<Waker>) {
    let waker = who(&mut state);
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Wakes the writer where it waits for room. One that only waits for the reader to leave sleeps on.
fn make_room(mut state: MutexGuard<'_, State>) {
    if std::mem::take(&mut state.is_full) {
        wake(state, |state| state.writer.take());
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Woken {
        fn times(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn piece(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn pieces_come_in_their_order_and_no_more_wait_than_may() {
        let (feed, mut queue) = queue(3);
        for text in ["a", "b", "c"] {
            assert_eq!(feed.try_send(piece(text)), Ok(()));
        }
        assert_eq!(feed.try_send(piece("d")), Err(Refused::Full(piece("d"))));
        assert_eq!(queue.take_waiting(), Some(piece("a")));
        assert_eq!(feed.try_send(piece("d")), Ok(()));
        drop(feed);
        let mut context = Context::from_waker(Waker::noop());
        for text in ["b", "c", "d"] {
            assert_eq!(
                queue.poll_next(&mut context),
                Poll::Ready(Some(piece(text)))
            );
        }
        assert!(queue.has_ended());
        assert_eq!(queue.poll_next(&mut context), Poll::Ready(None));
    }

    #[test]
    fn a_writer_that_waits_for_room_is_woken_by_it_and_another_is_not() {
        let (feed, mut queue) = queue(1);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        assert!(feed.try_send(piece("a")).is_ok());
        let mut left = pin!(feed.left());
        assert!(left.as_mut().poll(&mut context).is_pending());
        assert!(queue.take_waiting().is_some());
        assert_eq!(woken.times(), 0, "there was room, and nobody asked for any");
        assert!(feed.try_send(piece("b")).is_ok());
        let mut send = pin!(feed.send(piece("c")));
        assert!(send.as_mut().poll(&mut context).is_pending());
        assert_eq!(queue.take_waiting(), Some(piece("b")));
        assert_eq!(woken.times(), 1);
        assert_eq!(send.as_mut().poll(&mut context), Poll::Ready(true));
        assert!(left.as_mut().poll(&mut context).is_pending());
        drop(queue);
        assert_eq!(woken.times(), 2, "the reader has left");
        assert!(left.as_mut().poll(&mut context).is_ready());
        assert_eq!(feed.try_send(piece("d")), Err(Refused::Left));
    }

    #[test]
    fn a_reader_is_woken_by_a_piece_and_by_the_end() {
        let (feed, mut queue) = queue(2);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        assert!(queue.poll_next(&mut context).is_pending());
        assert!(feed.try_send(piece("a")).is_ok());
        assert_eq!(woken.times(), 1);
        assert_eq!(queue.poll_next(&mut context), Poll::Ready(Some(piece("a"))));
        assert!(queue.poll_next(&mut context).is_pending());
        drop(feed);
        assert_eq!(woken.times(), 2);
        assert_eq!(queue.poll_next(&mut context), Poll::Ready(None));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_is_lost_between_two_threads() {
        const PIECES: u32 = 20_000;
        let (feed, mut queue) = queue(2);
        let writing = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Handle::current();
            runtime.block_on(async {
                for number in 0..PIECES {
                    assert!(feed.send(Bytes::from(number.to_string())).await);
                }
            });
        });
        let mut next = 0;
        while let Some(piece) = queue.next().await {
            assert_eq!(piece, next.to_string());
            next += 1;
        }
        assert_eq!(next, PIECES);
        writing.await.unwrap();
    }
}
