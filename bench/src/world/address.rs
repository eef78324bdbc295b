//! An address for a program that cannot find a free one by itself.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Result;

/// An address that nobody listens at just now.
pub(super) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}
