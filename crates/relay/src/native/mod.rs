//! A request in a provider's own API: passed on as it is, listened to, and recorded like any call.
//!
//! The bytes of the answer are the provider's own, in both directions; only the end of the answer
//! waits until its record is durable. There is one endpoint and no fallback: the caller asked for
//! this provider.

mod ear;

use std::sync::Arc;
use std::time::Duration;

use catalog::endpoint::Endpoint;
use catalog::provider::{Connection, ProviderKind};
use chat::{Dialect, Error, Kind};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use ledger::settlement::{self, Action, Ending};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use self::ear::Ear;
use crate::attempt::{next_chunk, retry_after};
use crate::call::{Call, PIECES_WAITING_MAX};
use crate::draft::Draft;
use crate::failures;
use crate::meter::Meter;
use crate::money::ending::{Break, abort};
use crate::money::{self, Reserved, drain};
use crate::queue::{Feed, Queue, queue};
use crate::relay::Relay;
use crate::routing::Chosen;
use crate::upstream::UpstreamBody;

/// Where a request in a provider's own API goes, and what of it can be metered.
pub struct Native {
    /// Its method.
    pub method: Method,
    /// Where it goes.
    pub url: String,
    /// The caller's headers, without its key and without those that end at a hop.
    pub headers: HeaderMap,
    /// Over which connection, for its credential.
    pub connection: Connection,
    /// Who is asked. Its prices count; it has none where the catalog does not know the model.
    pub endpoint: Arc<Endpoint>,
    /// The dialect of the bodies; `None` where nothing is generated whose usage can be read.
    pub metered: Option<Dialect>,
}

/// A provider's own answer.
#[derive(Debug)]
pub struct NativeReply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, all of them.
    pub headers: HeaderMap,
    /// Its body. Dropping it cancels the call.
    pub body: Queue,
}

impl Relay {
    /// Passes a request on to a provider, and waits for the head of its answer.
    ///
    /// # Errors
    /// When money, a credential or the provider is lacking. Nothing has been sent to the caller then.
    pub async fn pass_on(
        self: &Arc<Self>,
        call: Call,
        native: Native,
    ) -> Result<NativeReply, Error> {
        let (door, answer) = oneshot::channel();
        let passing = Box::pin(Arc::clone(self).carry_native(call, native, door));
        self.parts.tasks.spawn(passing);
        answer.await.unwrap_or_else(|_| {
            Err(Error::gateway(
                Kind::Server,
                "the call ended without an answer",
            ))
        })
    }

    async fn carry_native(
        self: Arc<Self>,
        call: Call,
        native: Native,
        door: oneshot::Sender<Result<NativeReply, Error>>,
    ) {
        let mut draft = Draft::open(&call);
        let endpoint = &native.endpoint;
        let chosen = self.credential(&call, endpoint);
        let mut reserved = match self.let_in((&call, chosen.as_ref()), &native).await {
            Ok(held) => held,
            Err(error) => {
                let generation = draft.refused(&error, &self.parts);
                self.settle(None, generation).await;
                let _ = door.send(Err(error));
                return;
            }
        };
        draft.begin_attempt(endpoint, chosen.as_ref());
        let sent_at = Instant::now();
        let (generation, last) = match self.send_native(&call, &native, chosen.as_ref()).await {
            Err(error) => {
                self.parts.provider_limits.leave(&call, endpoint);
                self.note_refusal(endpoint, chosen.as_ref(), &error);
                draft.fail_attempt(&error);
                let generation = draft.refused(&error, &self.parts);
                (generation, Last::Refusal(door, error))
            }
            Ok(response) => {
                draft.answered_with(response.status().as_u16(), Vec::new());
                self.report_headroom(endpoint, response.headers(), chosen.as_ref());
                let (reply, body, sender) = opened(response);
                let ear = Ear::new(&native, &reply);
                let status = reply.status;
                let retry_after = retry_after(&reply.headers);
                let is_open = door.send(Ok(reply)).is_ok();
                let passage = Passage {
                    relay: &self,
                    endpoint,
                    ear,
                    sent_at,
                    deadline: sent_at + self.parts.timers.total,
                    status,
                    retry_after,
                };
                let sender = is_open.then_some(sender);
                let (heard, sender) = passage.run(body, sender).await;
                let asked = (endpoint.as_ref(), chosen.as_ref());
                let generation = heard.record(&mut draft, &self, asked);
                (generation, Last::End(sender))
            }
        };
        self.settle(reserved.take(), generation).await;
        match last {
            Last::Refusal(door, error) => drop(door.send(Err(error))),
            // Only now the caller sees the end of its answer: its record is readable.
            Last::End(sender) => drop(sender),
        }
    }

    /// Passes a call through the provider's limits, and holds its money where it can be metered.
    async fn let_in(
        &self,
        (call, chosen): (&Call, Option<&Chosen>),
        native: &Native,
    ) -> Result<Option<Reserved>, Error> {
        let endpoint = &native.endpoint;
        let credentials = self.parts.credentials.load();
        if chosen.is_none() && !credentials.is_open(endpoint.provider.slug.as_str()) {
            return Err(failures::no_credential(endpoint));
        }
        let is_own = chosen.is_some_and(Chosen::is_own);
        self.parts.provider_limits.enter(call, endpoint).await?;
        let held = match native.metered {
            Some(_) => money::admit(self, (call, is_own), &[endpoint]).await,
            None => Ok(None),
        };
        if held.is_err() {
            self.parts.provider_limits.leave(call, endpoint);
        }
        held
    }

    /// A refused credential rests, and the next call presents another; where there is none, or something
    /// else was refused, it counts against the endpoint.
    fn note_refusal(&self, endpoint: &Endpoint, chosen: Option<&Chosen>, error: &Error) {
        if !self.has_another_credential(chosen, endpoint, error) {
            self.report(endpoint, error);
        }
    }

    async fn send_native(
        &self,
        call: &Call,
        native: &Native,
        chosen: Option<&Chosen>,
    ) -> Result<Response<UpstreamBody>, Error> {
        let endpoint = &native.endpoint;
        let uri: Uri = native
            .url
            .parse()
            .map_err(|_| Error::caller(Kind::InvalidRequest, "the path is no part of a URL"))?;
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = native.method.clone();
        *request.uri_mut() = uri;
        request.headers_mut().clone_from(&native.headers);
        if endpoint.provider.kind == Some(ProviderKind::Simulated) {
            request.headers_mut().extend(call.simulation.clone());
        }
        if let Some(trace) = &call.trace {
            let attempt = (&*endpoint.tag, chosen.and_then(Chosen::label));
            trace.tell(&call.id, attempt, request.headers_mut());
        }
        if let Some(secret) = chosen.and_then(Chosen::secret) {
            let auth = &native.connection.auth;
            let signed = self.signer.sign(auth, secret, &mut request, &call.body);
            let named = |error| failures::named(endpoint, error);
            signed.await.map_err(named)?;
        }
        let total = self.parts.timers.total;
        let sending = timeout_at(Instant::now() + total, self.parts.upstream.send(request));
        call.waits
            .during(sending)
            .await
            .map_err(|_| failures::timeout(endpoint, "did not begin to answer", total))?
            .map_err(|error| failures::send(endpoint, &error))
    }
}

/// What the caller is told when the record is durable.
enum Last {
    Refusal(oneshot::Sender<Result<NativeReply, Error>>, Error),
    End(Option<Feed>),
}

fn opened(response: Response<UpstreamBody>) -> (NativeReply, UpstreamBody, Feed) {
    let (feed, down) = queue(PIECES_WAITING_MAX);
    let (head, body) = response.into_parts();
    let reply = NativeReply {
        status: head.status,
        headers: head.headers,
        body: down,
    };
    (reply, body, feed)
}

/// An answer on its way through.
struct Passage<'p> {
    relay: &'p Relay,
    endpoint: &'p Endpoint,
    ear: Ear,
    sent_at: Instant,
    deadline: Instant,
    status: StatusCode,
    retry_after: Option<Duration>,
}

/// What was heard of an answer, and how it ended.
struct Heard {
    meter: Meter,
    status: StatusCode,
    end: End,
    is_metered: bool,
    sent_at: Instant,
}

enum End {
    Complete,
    Refused(Box<Error>),
    Broken(Error),
    Left(Ending),
}

impl Passage<'_> {
    /// Forwards every piece as it comes; reads on for the exact usage where the caller left and the
    /// settlement table says so.
    async fn run(
        mut self,
        mut body: UpstreamBody,
        mut sender: Option<Feed>,
    ) -> (Heard, Option<Feed>) {
        let idle = self.relay.parts.timers.idle;
        let mut meter = Meter::default();
        let end = loop {
            let Some(open) = &sender else {
                break self.after_leaving(&mut body, &mut meter).await;
            };
            let by = self.deadline.min(Instant::now() + idle);
            let read = tokio::select! {
                biased;
                () = open.left() => {
                    sender = None;
                    continue;
                }
                read = timeout_at(by, next_chunk(&mut body)) => read,
            };
            match read {
                Ok(Ok(Some(chunk))) => {
                    self.ear.hear(&chunk, &mut meter);
                    if !open.send(chunk).await {
                        sender = None;
                    }
                }
                Ok(Ok(None)) => break self.complete(&mut meter),
                Ok(Err(broken)) => break End::Broken(failures::broken(self.endpoint, &broken)),
                Err(_) => {
                    let silent = failures::timeout(self.endpoint, "sent nothing more", idle);
                    break End::Broken(silent);
                }
            }
        };
        let heard = Heard {
            meter,
            status: self.status,
            end,
            is_metered: !matches!(self.ear, Ear::Deaf),
            sent_at: self.sent_at,
        };
        (heard, sender)
    }

    fn complete(&mut self, meter: &mut Meter) -> End {
        if self.status.is_success() {
            self.ear.finish(meter);
            return End::Complete;
        }
        let mut error = wire::read_error(self.status.as_u16(), self.ear.said());
        let metadata = error.metadata_mut();
        metadata.upstream_status = Some(self.status.as_u16());
        metadata.retry_after = self.retry_after.or(metadata.retry_after);
        End::Refused(Box::new(failures::named(self.endpoint, error)))
    }

    async fn after_leaving(&mut self, body: &mut UpstreamBody, meter: &mut Meter) -> End {
        let ending = match meter.first_token {
            Some(_) => Ending::LeftMidStream,
            None => Ending::LeftBeforeFirstToken,
        };
        let is_drained = settlement::action(ending, abort(self.endpoint)) == Action::Drain;
        if let Some(_room) = is_drained.then(|| drain::room(self.relay)).flatten() {
            let by = self
                .deadline
                .min(Instant::now() + self.relay.drain_bounds.time);
            let mut bytes_left = self.relay.drain_bounds.bytes;
            while let Ok(Ok(Some(chunk))) = timeout_at(by, next_chunk(body)).await {
                if chunk.len() > bytes_left {
                    return End::Left(ending);
                }
                bytes_left -= chunk.len();
                self.ear.hear(&chunk, meter);
            }
            self.ear.finish(meter);
        }
        End::Left(ending)
    }
}

impl Heard {
    fn record(
        self,
        draft: &mut Draft<'_>,
        relay: &Relay,
        (endpoint, chosen): (&Endpoint, Option<&Chosen>),
    ) -> ledger::Generation {
        let parts = &relay.parts;
        let meter = &self.meter;
        match self.end {
            End::Complete if self.is_metered => {
                relay.report_served(endpoint, meter, self.sent_at);
                draft.completed(meter, parts)
            }
            // Nothing was generated whose usage could be read; the stated rule is that this costs
            // nothing here (docs/money.md), and whoever is under a budget was not let in.
            End::Complete => draft.passed(self.status.as_u16(), parts),
            End::Refused(error) => {
                relay.note_refusal(endpoint, chosen, &error);
                draft.fail_attempt(&error);
                let mut generation = draft.refused(&error, parts);
                generation.status = self.status.as_u16();
                generation
            }
            End::Broken(error) => {
                relay.report(endpoint, &error);
                draft.broken(meter, &error, (Break::Cut, parts))
            }
            End::Left(ending) => draft.cancelled(ending, Some(meter), parts),
        }
    }
}
