//! What a provider answers in HTTP/1.1, decoded without a socket: octets in as they come, a head and
//! the payload of its body out.
//!
//! Public for whoever has no socket either: `fuzz/targets/http.rs` gives it whatever octets there are,
//! in whatever pieces.

use bytes::Bytes;
use http::Method;

use super::coding::Coding;
pub use super::coding::Malformed as MalformedBody;
use super::head::{self, HEAD_BYTES_MAX};
pub use super::head::{Head, Malformed as MalformedHead};

/// Reads the head of an answer.
#[derive(Debug)]
pub struct HeadDecoder {
    asked: Method,
    come: Vec<u8>,
}

/// Reads the body that follows a head.
#[derive(Debug)]
pub struct BodyDecoder {
    coding: Coding,
    /// What has come and was not looked at yet.
    come: Bytes,
}

/// The connection was closed before the body was complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was closed in the middle of its answer")]
pub struct BrokenOff;

impl HeadDecoder {
    /// Of the answer to a request with this method.
    #[must_use]
    pub const fn new(asked: Method) -> Self {
        let come = Vec::new();
        Self { asked, come }
    }

    /// Takes the octets that came next. Once the head is complete, gives it and who reads its body, who
    /// has been given what came behind it. Interim answers (1xx) are read over.
    ///
    /// # Errors
    /// When it cannot become a head that we understand, or is too long to be one.
    pub fn take(&mut self, octets: &[u8]) -> Result<Option<(Head, BodyDecoder)>, MalformedHead> {
        self.come.extend_from_slice(octets);
        if let Some((head, length)) = head::read(&self.come, &self.asked)? {
            let body = BodyDecoder {
                coding: head.coding,
                come: Bytes::copy_from_slice(&self.come[length..]),
            };
            return Ok(Some((head, body)));
        }
        if self.come.len() > HEAD_BYTES_MAX {
            return Err(MalformedHead::TooLong);
        }
        Ok(None)
    }
}

impl BodyDecoder {
    /// The next payload in what has come; none when more has to come, or when the body is complete.
    ///
    /// # Errors
    /// When what came is no body in its coding. What was said before that has been given.
    pub fn payload(&mut self) -> Result<Option<Bytes>, MalformedBody> {
        if self.come.is_empty() {
            return Ok(None);
        }
        let come = std::mem::take(&mut self.come);
        let (payload, own) = self.coding.read(&come)?;
        self.come = come.slice(own..);
        Ok((!payload.is_empty()).then(|| come.slice(payload)))
    }

    /// The same of octets that come now, with nothing left of those before: what is no payload is not
    /// copied.
    ///
    /// # Errors
    /// As those of [`payload`](Self::payload).
    pub fn take(&mut self, octets: &[u8]) -> Result<Option<Bytes>, MalformedBody> {
        debug_assert!(self.come.is_empty(), "what came before is read first");
        let (payload, own) = self.coding.read(octets)?;
        self.come = Bytes::copy_from_slice(&octets[own..]);
        Ok((!payload.is_empty()).then(|| Bytes::copy_from_slice(&octets[payload])))
    }

    /// Whether all of the body has been read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.coding.is_done()
    }

    /// Octets that came and were not read: behind a body that is complete, the provider says more than it
    /// was asked for.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.come.len()
    }

    /// Says that the connection was closed after all that has been read.
    ///
    /// # Errors
    /// When that cannot be the end of the body.
    pub fn end(&self) -> Result<(), BrokenOff> {
        match self.coding {
            Coding::UntilClose => Ok(()),
            Coding::Length(_) | Coding::Chunked(_) if self.is_done() => Ok(()),
            Coding::Length(_) | Coding::Chunked(_) => Err(BrokenOff),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What came of an answer: its status, its payloads joined, and how many octets were its own.
    #[derive(Debug, Default, PartialEq)]
    struct Heard {
        status: u16,
        payload: Vec<u8>,
        own: usize,
    }

    /// Reads an answer that comes in these pieces and ends with its connection.
    fn hear<'a>(
        mut pieces: impl Iterator<Item = &'a [u8]>,
        heard: &mut Heard,
    ) -> Result<(), String> {
        let mut head = HeadDecoder::new(Method::POST);
        let (head, mut body) = loop {
            let piece = pieces.next().ok_or("no head")?;
            heard.own += piece.len();
            if let Some(answer) = head.take(piece).map_err(|error| error.to_string())? {
                break answer;
            }
        };
        heard.status = head.status.as_u16();
        loop {
            while let Some(payload) = body.payload().map_err(|error| error.to_string())? {
                heard.payload.extend_from_slice(&payload);
            }
            if body.is_done() {
                heard.own -= body.unread();
                return Ok(());
            }
            let Some(piece) = pieces.next() else {
                return body.end().map_err(|error| error.to_string());
            };
            heard.own += piece.len();
            let payload = body.take(piece).map_err(|error| error.to_string())?;
            heard
                .payload
                .extend_from_slice(&payload.unwrap_or_default());
        }
    }

    #[test]
    fn an_answer_is_the_same_in_whatever_pieces_it_comes() {
        const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        const THREE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
        for (answer, beyond, is_whole) in [
            (format!("{THREE}yes"), 0, true),
            (format!("{THREE}yes, more"), 6, true),
            (format!("{THREE}yes")[..40].to_owned(), 0, false),
            (format!("HTTP/1.1 100 Go on\r\n\r\n{THREE}yes"), 0, true),
            ("HTTP/1.1 200 OK\r\n\r\nyes".to_owned(), 0, true),
            ("HTTP/1.0 200\n\nyes".to_owned(), 0, true),
            (
                format!("{CHUNKED}2;a=b\r\nye\r\n1\r\ns\r\n0\r\nsum: 1\r\n\r\n"),
                0,
                true,
            ),
            (format!("{CHUNKED}3\r\nyes\r\n0\r\n\r\nHTTP"), 4, true),
            (format!("{CHUNKED}3\r\nyes\r\n0\r\n"), 0, false),
            (format!("{CHUNKED}3\r\nyes\r\n"), 0, false),
        ] {
            let octets = answer.as_bytes();
            let mut whole = Heard::default();
            let end = hear(std::iter::once(octets), &mut whole);
            assert_eq!(end.is_ok(), is_whole, "{answer}");
            let expected = if is_whole { "yes" } else { "ye" };
            assert!(whole.payload.starts_with(expected.as_bytes()), "{answer}");
            assert_eq!(whole.own, octets.len() - beyond, "{answer}");
            for at in 1..octets.len() {
                let (first, second) = octets.split_at(at);
                let (mut in_two, mut in_many) = Default::default();
                assert_eq!(hear([first, second].into_iter(), &mut in_two), end);
                assert_eq!(in_two, whole, "{answer} in two at {at}");
                assert_eq!(hear(octets.chunks(at), &mut in_many), end);
                assert_eq!(in_many, whole, "{answer} in pieces of {at}");
            }
        }
    }

    #[test]
    fn what_was_said_before_nonsense_is_heard_in_whatever_pieces_it_comes() {
        let octets = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nyes, more";
        for length in 1..=octets.len() {
            let mut heard = Heard::default();
            let end = hear(octets.chunks(length), &mut heard);
            assert_eq!(end, Err(MalformedBody.to_string()));
            assert_eq!(heard.payload, b"yes", "in pieces of {length}");
        }
    }

    #[test]
    fn a_head_without_an_end_is_given_up_on() {
        let mut decoder = HeadDecoder::new(Method::POST);
        let mut came = 0;
        let mut next: &[u8] = b"HTTP/1.1 200 OK\r\n";
        let error = loop {
            came += next.len();
            match decoder.take(next) {
                Ok(None) => next = b"a-field: and its value\r\n",
                Ok(Some(_)) => panic!("it has no end"),
                Err(error) => break error,
            }
        };
        assert!(came <= HEAD_BYTES_MAX + next.len(), "{came} octets came");
        assert!(matches!(error, MalformedHead::Head(_)), "{error}");

        let mut decoder = HeadDecoder::new(Method::POST);
        let long = [
            b"HTTP/1.1 200 OK\r\na: ".as_slice(),
            &[b'b'; HEAD_BYTES_MAX],
        ]
        .concat();
        let error = long
            .chunks(16 * 1024)
            .find_map(|piece| decoder.take(piece).err());
        assert!(matches!(error, Some(MalformedHead::TooLong)), "{error:?}");
    }
}
