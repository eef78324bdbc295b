//! `Batch`: calls that are sent together, in memory, on the disk, or both.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::book::Live;
use super::room::{Room, RoomError};
use super::spool::{Dead, Next, Parked, Verdict, Waiting};

/// So many calls go into one request, where a kind takes several, and about so many bytes.
pub(super) const BATCH_MAX: usize = 64;
pub(super) const BATCH_BYTES_MAX: usize = 4 << 20;

/// Where a destination's calls lie: in its spool, and in a room of the disk where there is one.
#[derive(Clone)]
pub(super) struct Shelf {
    pub(super) live: Arc<Live>,
    pub(super) room: Option<Arc<Room>>,
}

/// Calls that are sent together.
pub(super) struct Batch {
    pub(super) calls: Vec<Waiting>,
    parked: Option<Parked>,
}

impl Shelf {
    fn id(&self) -> &str {
        &self.live.destination.id
    }

    /// The calls that are to be sent next; none, and the spool is served no more.
    pub(super) async fn next(&self, calls_max: usize) -> Option<Batch> {
        loop {
            match self.live.spool.next((calls_max, BATCH_BYTES_MAX))? {
                Next::Fresh(calls) => {
                    return Some(Batch {
                        calls,
                        parked: None,
                    });
                }
                Next::Parked(parked) => match self.fetched(parked).await {
                    Ok(calls) => {
                        return Some(Batch {
                            calls,
                            parked: Some(parked),
                        });
                    }
                    Err(error) => {
                        self.complain(&error, parked.calls);
                        self.live.spool.unparked(parked);
                    }
                },
            }
        }
    }

    async fn fetched(&self, parked: Parked) -> Result<Vec<Waiting>, RoomError> {
        self.on_disk(move |room, id| room.waiting((id, parked.number)))
            .await
            .unwrap_or(Err(RoomError::Damaged))
    }

    /// Puts a batch on the disk, unless it is there, it does not fit, or there is no disk; whether it
    /// is there.
    pub(super) async fn park(&self, batch: &mut Batch) -> bool {
        if batch.parked.is_none() {
            batch.parked = self.parked(&batch.calls).await;
        }
        batch.parked.is_some()
    }

    async fn parked(&self, calls: &[Waiting]) -> Option<Parked> {
        let number = self.live.spool.number();
        let (count, calls) = (calls.len(), calls.to_vec());
        let sealed = self
            .on_disk(move |room, id| room.seal((id, number), (&calls, None)))
            .await?;
        let written = match sealed {
            Ok(sealed) => {
                let parked = Parked {
                    number,
                    calls: count,
                    bytes: u64::try_from(sealed.len()).unwrap_or(u64::MAX),
                };
                if !self.live.spool.admit(parked) {
                    return None;
                }
                let put = self.on_disk(move |room, id| room.put_waiting((id, number), &sealed));
                put.await?.map(|()| parked)
            }
            Err(error) => Err(error),
        };
        written.inspect_err(|error| self.complain(error, 0)).ok()
    }

    /// Puts everything that waits in memory on the disk, where there is one.
    pub(super) async fn park_fresh(&self) {
        if self.room.is_none() {
            return;
        }
        loop {
            let calls = self.live.spool.take_fresh((BATCH_MAX, BATCH_BYTES_MAX));
            if calls.is_empty() {
                return;
            }
            match self.parked(&calls).await {
                Some(parked) => self.live.spool.parked(parked),
                None => return,
            }
        }
    }

    /// The destination has taken a batch.
    pub(super) async fn delivered(&self, batch: Batch, at_ms: i64) {
        self.live.spool.delivered(batch.calls.len(), at_ms);
        if let Some(parked) = batch.parked {
            self.live.spool.unparked(parked);
            self.remove(vec![parked.number]).await;
        }
    }

    /// A batch is given up: it is kept to be looked at, and sent again when somebody says so.
    pub(super) async fn give_up(&self, batch: Batch, verdict: Verdict) {
        let number = match batch.parked {
            Some(parked) => parked.number,
            None => self.live.spool.number(),
        };
        let (calls, said) = (batch.calls.clone(), verdict.clone());
        let buried = self.on_disk(move |room, id| {
            let sealed = room.seal((id, number), (&calls, Some(&said)))?;
            room.put_dead((id, number), &sealed)
        });
        let is_on_disk = match buried.await {
            Some(Ok(())) => true,
            Some(Err(error)) => {
                self.complain(&error, 0);
                false
            }
            None => false,
        };
        if let Some(parked) = batch.parked {
            self.live.spool.unparked(parked);
        }
        let dead = batch.calls.into_iter().map(|waiting| Dead {
            waiting,
            verdict: verdict.clone(),
            number: is_on_disk.then_some(number),
        });
        let gone = self.live.spool.given_up(dead.collect());
        self.remove(gone).await;
    }

    /// Puts everything that was given up back; how many calls, and whether somebody must begin to
    /// serve the spool.
    pub(super) async fn revive(&self) -> (usize, bool) {
        let dead = self.live.spool.take_dead();
        let count = dead.len();
        let mut numbers: Vec<u64> = dead.iter().filter_map(|dead| dead.number).collect();
        numbers.dedup();
        let mut begin = false;
        for dead in dead {
            begin |= self.live.spool.put(dead.waiting);
        }
        self.remove(numbers).await;
        (count, begin)
    }

    /// Forgets everything that waits.
    pub(super) async fn forget_waiting(&self) {
        let numbers = self.live.spool.forget_waiting();
        self.remove(numbers).await;
    }

    async fn remove(&self, numbers: Vec<u64>) {
        if numbers.is_empty() {
            return;
        }
        let removed = self.on_disk(move |room, id| {
            let mut numbers = numbers.iter();
            numbers.try_for_each(|number| room.remove((id, *number)))
        });
        if let Some(Err(error)) = removed.await {
            self.complain(&error, 0);
        }
    }

    /// Work with the disk, where it holds up nobody; `None` where there is no disk.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Room, &str) -> Result<T, RoomError> + Send + 'static,
    ) -> Option<Result<T, RoomError>> {
        let room = Arc::clone(self.room.as_ref()?);
        let id = self.id().to_owned();
        let done = spawn_blocking(move || work(&room, &id)).await;
        Some(done.unwrap_or(Err(RoomError::Damaged)))
    }

    /// The disk has failed us, and so many calls are lost with it.
    fn complain(&self, error: &RoomError, lost: usize) {
        self.live.spool.lost(lost);
        tracing::error!(
            destination = self.id(),
            %error,
            lost,
            "the spool of a destination cannot be kept on the disk"
        );
    }
}
