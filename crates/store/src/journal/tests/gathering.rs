//! The thread, without the thread: who waits for company, for how long, and who is told what.

use std::fs::File;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::super::keeper::{Append, Keeper, Order, Refusal};
use super::super::tally::Tally;
use super::super::writer::Writer;
use super::{FailingDisk, Scratch, payload, scratch};

type Answer = oneshot::Receiver<Result<(), Refusal>>;

/// What happens at the thread, in order, and who sends it more to do.
#[derive(Clone)]
struct Desk {
    orders: SyncSender<Order>,
    disk: FailingDisk,
    events: Arc<Mutex<Vec<String>>>,
}

/// What is sent next, once this has happened.
type Next = Box<dyn FnOnce(&Desk) + Send>;

fn nothing() -> Next {
    Box::new(|_| ())
}

impl Desk {
    fn note(&self, event: String) {
        self.events.lock().unwrap().push(event);
    }

    /// Sends a record; `next` is done when it is durable.
    fn send(&self, number: usize, next: Next) -> Answer {
        let (told, answer) = oneshot::channel();
        let desk = self.clone();
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let append = Append {
            payload: payload(number).into_bytes(),
            deliver: Box::new(move |_| {
                let syncs = desk.disk.with(|trouble| trouble.syncs);
                desk.note(format!("{number} by sync {syncs}"));
                next(&desk);
            }),
            told,
            _room: room,
        };
        self.orders.try_send(Order::Append(append)).ok().unwrap();
        answer
    }

    fn close(&self) {
        let (told, _) = oneshot::channel();
        self.orders.try_send(Order::Close(told)).ok().unwrap();
    }
}

/// A keeper whose time passes at once; while it waits for the nth time, the nth of these is done.
fn keeper(scratch: &Scratch, meanwhile: Vec<Next>) -> (Keeper, Desk) {
    let (orders, received) = sync_channel(100);
    let desk = Desk {
        orders,
        disk: FailingDisk::default(),
        events: Arc::default(),
    };
    let (waiting, mut meanwhile) = (desk.clone(), meanwhile.into_iter());
    let pause = move |time: Duration| {
        waiting.note(format!("waits {} µs", time.as_micros()));
        if let Some(next) = meanwhile.next() {
            next(&waiting);
        }
    };
    std::fs::create_dir_all(scratch.0.join("journal")).unwrap();
    // Without room for a segment beforehand, so that every sync is one of records or their beginning.
    let options = scratch.options(1 << 20, 1 << 20);
    let keeper = Keeper {
        pause: Box::new(pause),
        orders: received,
        is_tidy_due: Arc::default(),
        writer: Writer::new(Arc::new(desk.disk.clone()), options, Tally::default(), 1),
        is_failing: Arc::default(),
        _lock: File::create(scratch.0.join("lock")).unwrap(),
    };
    (keeper, desk)
}

#[test]
fn one_that_comes_alone_is_synced_at_once() {
    let scratch = scratch();
    let (mut keeper, desk) = keeper(&scratch, Vec::new());
    let then = |desk: &Desk| drop(desk.send(1, Box::new(Desk::close)));
    let mut answer = desk.send(0, Box::new(then));
    keeper.run();
    assert!(matches!(answer.try_recv(), Ok(Ok(()))));
    // The first sync is the header's.
    assert_eq!(*desk.events.lock().unwrap(), ["0 by sync 2", "1 by sync 3"]);
}

#[test]
fn after_company_one_wait_gathers_what_comes_meanwhile_and_no_more() {
    let scratch = scratch();
    let company = |desk: &Desk| {
        drop(desk.send(3, nothing()));
        drop(desk.send(4, nothing()));
    };
    let (mut keeper, desk) = keeper(&scratch, vec![Box::new(company), nothing()]);
    // Two at once; then one after the other, each when the one before it is durable.
    let sixth = |desk: &Desk| drop(desk.send(6, Box::new(Desk::close)));
    let fifth = move |desk: &Desk| drop(desk.send(5, Box::new(sixth)));
    let second = move |desk: &Desk| drop(desk.send(2, Box::new(fifth)));
    drop(desk.send(0, nothing()));
    drop(desk.send(1, Box::new(second)));
    keeper.run();
    let expected = [
        "0 by sync 2",
        "1 by sync 2",
        // One wait for those who come within it, one sync for all of them.
        "waits 500 µs",
        "2 by sync 3",
        "3 by sync 3",
        "4 by sync 3",
        // They had company, so there is another wait; nobody comes, and that was the last.
        "waits 500 µs",
        "5 by sync 4",
        "6 by sync 5",
    ];
    assert_eq!(*desk.events.lock().unwrap(), expected);
}

#[test]
fn an_error_reaches_everybody_in_the_batch_and_nobody_after_it() {
    let scratch = scratch();
    let (mut keeper, desk) = keeper(&scratch, Vec::new());
    let mut answers: Vec<Answer> = (0..3).map(|n| desk.send(n, nothing())).collect();
    // The segment is there; the sync of its first records fails.
    keeper.writer.begin_anew().unwrap();
    desk.disk.with(|trouble| trouble.sync = true);
    desk.close();
    keeper.run();
    for answer in &mut answers {
        assert!(matches!(answer.try_recv(), Ok(Err(Refusal::Broken(_)))));
    }
    assert!(keeper.is_failing.load(Ordering::Relaxed));
    assert_eq!(*desk.events.lock().unwrap(), Vec::<String>::new());
    let mut later = desk.send(3, nothing());
    desk.close();
    keeper.run();
    assert!(matches!(later.try_recv(), Ok(Ok(()))));
    assert!(!keeper.is_failing.load(Ordering::Relaxed));
}

#[test]
fn at_the_bound_everybody_gets_the_record_back() {
    let scratch = scratch();
    let (mut keeper, desk) = keeper(&scratch, Vec::new());
    keeper.writer.options.bytes_max = 100;
    let mut answers: Vec<Answer> = (0..4).map(|n| desk.send(n, nothing())).collect();
    desk.close();
    keeper.run();
    for (number, answer) in answers.iter_mut().enumerate() {
        match answer.try_recv().unwrap() {
            Ok(()) => assert!(number < 2),
            Err(Refusal::Full(bytes)) => {
                assert!(number >= 2);
                assert_eq!(bytes, payload(number).as_bytes());
            }
            Err(Refusal::Broken(reason)) => panic!("{reason}"),
        }
    }
}
