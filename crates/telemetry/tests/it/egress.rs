//! Nobody gets past the guard: not by a name, not by a redirect, not by a slow or endless answer.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use telemetry::egress::{Answer, Egress, EgressError, Guard};

use crate::peer::Peer;

const WITHIN: Duration = Duration::from_secs(5);

async fn ask(guard: Guard, url: &str) -> Result<Answer, EgressError> {
    let request = Request::post(url).body(Full::new(Bytes::from_static(b"{}")));
    let egress = Egress::new(guard).unwrap();
    egress.send(request.unwrap(), WITHIN).await
}

fn this_machine() -> Guard {
    Guard::new(vec!["127.0.0.0/8".parse().unwrap()])
}

#[tokio::test]
async fn a_name_of_this_machine_is_refused_before_any_connection_is_made() {
    let peer = Peer::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let port = peer.address.port();
    for host in ["localhost", "127.0.0.1", "[::1]", "0.0.0.0", "2130706433"] {
        let answer = ask(Guard::default(), &format!("http://{host}:{port}/")).await;
        let error = answer.unwrap_err();
        let is_refused = matches!(error, EgressError::Refused(_));
        // The last is no name that every system knows; where it is, it is this machine.
        let is_unknown = host == "2130706433" && matches!(error, EgressError::Connection(_));
        assert!(is_refused || is_unknown, "{host}: {error}");
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    }
    assert_eq!(peer.connections(), 0);
    let answer = ask(this_machine(), &format!("http://localhost:{port}/")).await;
    assert_eq!(answer.unwrap().status, 204);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let inner = Peer::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let location = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        inner.address
    );
    let outer = Peer::answering(location.leak()).await;
    let answer = ask(this_machine(), &format!("http://{}/", outer.address)).await;
    assert_eq!(answer.unwrap().status, 307);
    assert_eq!(inner.connections(), 0);
}

#[tokio::test]
async fn an_answer_is_read_within_a_bound() {
    let body = "x".repeat(1 << 20);
    let endless = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        1_u64 << 40
    );
    let peer = Peer::answering(endless.leak()).await;
    let answer = ask(this_machine(), &format!("http://{}/", peer.address)).await;
    assert_eq!(answer.unwrap().body.len(), 64 * 1024);
}

#[tokio::test]
async fn a_silent_peer_is_waited_for_within_the_time_given() {
    let peer = Peer::answering("").await;
    let request = Request::get(format!("http://{}/", peer.address)).body(Full::default());
    let egress = Egress::new(this_machine()).unwrap();
    let within = Duration::from_millis(50);
    let error = egress.send(request.unwrap(), within).await.unwrap_err();
    let is_silent = matches!(error, EgressError::Timeout(_) | EgressError::Connection(_));
    assert!(is_silent, "{error}");
}
