//! One connection to a provider, plain or under TLS, and how it is opened.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_service::Service as _;

use super::{BoxError, SendError, chain};

/// An open connection. Dropping it closes it.
pub(super) enum Line {
    Plain(TcpStream),
    /// On the heap, so that the others do not carry room for it.
    Tls(Box<TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>>),
}

impl Line {
    /// Opens one within a limit on all that it takes: name look-up, TCP and TLS.
    pub(super) async fn open(
        connector: &HttpsConnector<HttpConnector>,
        to: Uri,
        within: Duration,
    ) -> Result<Self, SendError> {
        let mut connector = connector.clone();
        let opening = async {
            std::future::poll_fn(|context| connector.poll_ready(context)).await?;
            connector.call(to).await
        };
        let opened: Result<_, BoxError> = tokio::time::timeout(within, opening)
            .await
            .map_err(|_| SendError::ConnectTimeout)?;
        match opened {
            Ok(MaybeHttpsStream::Http(plain)) => Ok(Self::Plain(plain.into_inner())),
            Ok(tls @ MaybeHttpsStream::Https(_)) => Ok(Self::Tls(Box::new(TokioIo::new(tls)))),
            Err(error) if is_timeout(&*error) => Err(SendError::ConnectTimeout),
            Err(error) => Err(SendError::Connect(chain(&*error))),
        }
    }

    /// Whether nothing has come while nothing was expected: neither the end nor anything else.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let mut octet = [0];
        let mut room = ReadBuf::new(&mut octet);
        self.poll_read(&mut context, &mut room).is_pending()
    }

    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(line) => Pin::new(line).poll_read(context, room),
            Self::Tls(line) => Pin::new(line).poll_read(context, room),
        }
    }

    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(line) => Pin::new(line).poll_write_vectored(context, pieces),
            Self::Tls(line) => Pin::new(line).poll_write_vectored(context, pieces),
        }
    }

    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(line) => Pin::new(line).poll_flush(context),
            Self::Tls(line) => Pin::new(line).poll_flush(context),
        }
    }
}

/// Whether somewhere below an error a time limit ran out.
fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| {
        error
            .downcast_ref::<io::Error>()
            .is_some_and(|io| io.kind() == io::ErrorKind::TimedOut)
    })
}
