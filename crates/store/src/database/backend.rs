//! How the sessions of PostgreSQL that read much stand back, where the server runs on this machine and we may
//! say so: as the threads of their [lane](super::readers) do.
//!
//! A session is a process of the server, and its processor time is what a list or a dashboard costs there.
//! Nothing in SQL tells it to stand back; the kernel does, when whoever asks is root, the same user, or has
//! `CAP_SYS_NICE`. Who may not, or has the server elsewhere, leaves it as it is.

use std::fs;
use std::net::IpAddr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Executor, Row as _};
use tokio::task::spawn_blocking;

use super::priority::{self, Refused};
use super::readers::Lane;

/// Which process serves this session, and what the server calls both ends of it.
const WHO: &str = "SELECT pg_backend_pid() AS pid, session_user::text AS of_user, \
     current_database()::text AS of_database, current_setting('port')::int AS port, \
     host(inet_server_addr()) AS here, \
     COALESCE(host(inet_client_addr()) || '(' || inet_client_port() || ')', '[local]') AS client";

/// Where a URL leads, and to which port there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    end: End,
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// A socket in a folder.
    Socket,
    Loopback,
    Elsewhere,
}

impl Way {
    pub(super) fn of(options: &PgConnectOptions) -> Self {
        let host = options.get_host();
        let is_loopback = |address: IpAddr| address.is_loopback();
        let end = if options.get_socket().is_some() || host.starts_with('/') {
            End::Socket
        } else if host == "localhost" || host.parse().is_ok_and(is_loopback) {
            End::Loopback
        } else {
            End::Elsewhere
        };
        let port = options.get_port();
        Self { end, port }
    }
}

/// A session, as the server tells of it.
struct Session {
    pid: i32,
    /// How its process is called, from the start: the user, the database and the other end.
    title: String,
    port: i32,
    /// The server's address, when it is none of a socket.
    here: Option<String>,
}

/// Lets a new session stand back as the threads of a lane do, where that can be.
///
/// # Errors
/// When the session is of no use: that it keeps its priority is none.
pub(super) async fn stand_back(
    connection: &mut PgConnection,
    (way, lane): (Way, Lane),
) -> Result<(), sqlx::Error> {
    if way.end == End::Elsewhere {
        return Ok(());
    }
    let session = who(connection).await?;
    if !is_here(way, &session) {
        return Ok(());
    }
    // A look into a folder of the kernel's, and a program that ends at once; few sessions are ever begun.
    let told = spawn_blocking(move || tell(&session, lane)).await;
    let told = told.unwrap_or_else(|error| Err(Refused(error.to_string())));
    match told {
        Ok(()) => tracing::debug!(?lane, "a session for readers stands back"),
        Err(error) => {
            tracing::debug!(?lane, %error, "a session for readers has the priority of calls")
        }
    }
    Ok(())
}

async fn who(connection: &mut PgConnection) -> Result<Session, sqlx::Error> {
    let row = connection.fetch_one(WHO).await?;
    let (user, database): (String, String) = (row.try_get("of_user")?, row.try_get("of_database")?);
    let client: String = row.try_get("client")?;
    Ok(Session {
        pid: row.try_get("pid")?,
        title: format!("{user} {database} {client}"),
        port: row.try_get("port")?,
        here: row.try_get("here")?,
    })
}

/// Whether the server is at the end of that way, and not behind somebody who shares its sessions among
/// others, as a pooler does: two cannot listen at the same place.
fn is_here(way: Way, session: &Session) -> bool {
    let end = match session.here.as_deref().map(str::parse::<IpAddr>) {
        None => End::Socket,
        Some(Ok(address)) if address.is_loopback() => End::Loopback,
        Some(_) => End::Elsewhere,
    };
    end != End::Elsewhere && end == way.end && session.port == i32::from(way.port)
}

/// Tells the process, if it is the one that we mean: a server in a container has numbers of its own for its
/// processes.
fn tell(session: &Session, lane: Lane) -> Result<(), Refused> {
    let name = fs::read_to_string(format!("/proc/{}/cmdline", session.pid));
    let name = name.map_err(|error| Refused(format!("process {}: {error}", session.pid)))?;
    if !(name.starts_with("postgres:") && name.contains(&session.title)) {
        return Err(Refused(format!("process {} is another", session.pid)));
    }
    match lane {
        Lane::Spare => priority::process_only_if_idle(session.pid),
        Lane::Share => priority::process_steps_back(session.pid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(url: &str) -> Way {
        Way::of(&url.parse().unwrap())
    }

    fn session(here: Option<&str>, port: i32) -> Session {
        Session {
            pid: 1,
            title: "a b [local]".to_owned(),
            port,
            here: here.map(str::to_owned),
        }
    }

    #[test]
    fn only_a_server_at_the_end_of_the_way_is_here() {
        let (tcp, socket) = (
            "postgres://u@127.0.0.1:5433/d",
            "postgres:///d?host=/tmp&port=5433",
        );
        for (url, here, port, expected) in [
            (tcp, Some("127.0.0.1"), 5433, true),
            ("postgres://u@localhost:5433/d", Some("::1"), 5433, true),
            (socket, None, 5433, true),
            // A pooler is at the end of the way, and the server behind it.
            (tcp, Some("127.0.0.1"), 5432, false),
            (tcp, None, 5433, false),
            (tcp, Some("10.0.0.1"), 5433, false),
            (socket, Some("127.0.0.1"), 5433, false),
            (socket, None, 5432, false),
            // Elsewhere.
            (
                "postgres://u@10.0.0.1:5433/d",
                Some("10.0.0.1"),
                5433,
                false,
            ),
            ("postgres://u@db:5433/d", Some("127.0.0.1"), 5433, false),
            (tcp, Some("none"), 5433, false),
        ] {
            let found = is_here(way(url), &session(here, port));
            assert_eq!(found, expected, "{url} {here:?} {port}");
        }
    }

    #[test]
    fn another_process_is_left_alone() {
        let mut own = session(None, 5432);
        own.pid = i32::try_from(std::process::id()).unwrap();
        for lane in [Lane::Spare, Lane::Share] {
            assert!(tell(&own, lane).is_err());
        }
    }
}
