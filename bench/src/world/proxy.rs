//! nginx as a plain reverse proxy: one process that passes bytes on, without logs, buffering or anything else.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::TcpStream;

use super::address::free_address;
use super::child::Child;
use super::room::Room;

const NAME: &str = "nginx";
/// Where Debian and others put it; not everybody's PATH has them.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"];
/// Longest start that is waited for.
const START: Duration = Duration::from_secs(10);
/// Connections of callers and to the simulator together.
const CONNECTIONS: u32 = 32_768;

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) child: Child,
    pub(crate) addr: SocketAddr,
    /// What it calls itself, `nginx/1.22.1`.
    pub(crate) version: String,
}

impl Proxy {
    /// The program, if it is on this machine.
    pub(crate) fn program() -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(FOLDERS.map(PathBuf::from))
            .map(|folder| folder.join(NAME))
            .find(|program| program.is_file())
    }

    /// Starts it in front of the simulator and waits until it takes connections.
    pub(crate) async fn start(program: &Path, upstream: SocketAddr, room: &Room) -> Result<Self> {
        let addr = free_address()?;
        let folder = room.file(NAME);
        fs::create_dir_all(&folder).context("cannot make the proxy's folder")?;
        let file = folder.join("nginx.conf");
        fs::write(&file, config(addr, upstream))
            .context("cannot write the proxy's configuration")?;
        let mut command = Command::new(program);
        command.arg("-p").arg(&folder).arg("-c").arg(&file);
        let mut child = Child::start(NAME, command, &room.file("nginx.log"))?;
        let until = child.began + START;
        while TcpStream::connect(addr).await.is_err() {
            child.still_runs(until).await?;
        }
        Ok(Self {
            child,
            addr,
            version: version(program),
        })
    }
}

/// Its files are below the folder that it is given, and it stays one process in the foreground, so that its bill is
/// that of its id.
fn config(addr: SocketAddr, upstream: SocketAddr) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("    {what}_temp_path {what};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr crit;\n\
         events {{ worker_connections {CONNECTIONS}; }}\n\
         http {{\n    access_log off;\n    client_max_body_size 64m;\n    client_body_buffer_size 1m;\n{temporary}\
         \x20   keepalive_requests 100000000;\n\
         \x20   upstream simulator {{\n        server {upstream};\n        keepalive 64;\n\
         \x20       keepalive_requests 100000000;\n    }}\n\
         \x20   server {{\n        listen {addr};\n        location / {{\n\
         \x20           proxy_pass http://simulator;\n            proxy_http_version 1.1;\n\
         \x20           proxy_set_header Connection \"\";\n            proxy_buffering off;\n\
         \x20           proxy_read_timeout 600s;\n        }}\n    }}\n}}\n"
    )
}

/// What it says of itself, on standard error.
fn version(program: &Path) -> String {
    let mut command = Command::new(program);
    let said = command.arg("-v").stdin(Stdio::null()).output();
    let said = said.map(|output| output.stderr).unwrap_or_default();
    let text = String::from_utf8_lossy(&said);
    let named = text
        .trim()
        .rsplit(' ')
        .next()
        .filter(|name| !name.is_empty());
    named.unwrap_or(NAME).to_owned()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn braces_and_lines_of_the_configuration_are_closed() {
        let addr = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let text = config(addr(1), addr(2));
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        assert!(text.contains("listen 127.0.0.1:1;") && text.contains("server 127.0.0.1:2;"));
        for line in text.lines().map(str::trim) {
            assert!(line.ends_with([';', '{', '}']), "{line}");
        }
    }
}
