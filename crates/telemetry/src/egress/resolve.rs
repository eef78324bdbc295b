//! Names to addresses, with those taken out that the guard does not let through.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;

use super::guard::{Guard, NOT_PUBLIC};

/// Resolves names as the system does. What comes out is what the connection is opened to.
#[derive(Clone)]
pub(super) struct Resolver(pub(super) Arc<Guard>);

impl tower_service::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            let was_found = !found.is_empty();
            let public = found.into_iter();
            let public: Vec<SocketAddr> = public
                .filter(|address| guard.lets_through(address.ip()))
                .collect();
            if public.is_empty() && was_found {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, NOT_PUBLIC));
            }
            Ok(public.into_iter())
        })
    }
}
