//! The decoder of providers' answers in HTTP/1.1: any split gives the same head and the same body,
//! nothing is kept without a bound, and a body in chunks reads as it was written.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use relay::upstream::decoder::{Head, HeadDecoder};

/// Heads that octets may follow, so that bodies are met at once; the first has to be guessed.
const HEADS: [&str; 7] = [
    "",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: ",
    "HTTP/1.1 200 OK\r\ncontent-length: ",
];

const METHODS: [Method; 2] = [Method::POST, Method::HEAD];

/// What came of an answer.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    head: Option<Head>,
    payload: Vec<u8>,
    /// Octets of the head and the body, without what the provider said beyond them.
    own: usize,
    error: Option<String>,
}

fn hear<'a>(asked: &Method, pieces: impl Iterator<Item = &'a [u8]>) -> Heard {
    let mut heard = Heard::default();
    let end = listen(asked, pieces, &mut heard);
    heard.error = end.err().map(|error| error.to_string());
    heard
}

fn listen<'a>(
    asked: &Method,
    mut pieces: impl Iterator<Item = &'a [u8]>,
    heard: &mut Heard,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut decoder = HeadDecoder::new(asked.clone());
    let mut come = 0;
    let (head, mut body) = loop {
        let Some(piece) = pieces.next() else {
            return Err("no head".into());
        };
        come += piece.len();
        if let Some(answer) = decoder.take(piece)? {
            break answer;
        }
    };
    assert!(
        !head.status.is_informational(),
        "an interim answer is given as the answer"
    );
    heard.head = Some(head);
    loop {
        while let Some(payload) = body.payload()? {
            assert!(!payload.is_empty());
            heard.payload.extend_from_slice(&payload);
        }
        assert!(
            body.is_done() || body.unread() == 0,
            "what has come is left unread"
        );
        if body.is_done() {
            heard.own = come - body.unread();
            return Ok(());
        }
        let Some(piece) = pieces.next() else {
            heard.own = come;
            return Ok(body.end()?);
        };
        come += piece.len();
        if let Some(payload) = body.take(piece)? {
            heard.payload.extend_from_slice(&payload);
        }
        assert!(body.unread() <= piece.len(), "more is kept than has come");
    }
}

/// Pieces of these lengths, over and over.
fn pieces<'a>(lengths: &'a [u8], octets: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut lengths = lengths.iter().cycle();
    let mut rest = octets;
    std::iter::from_fn(move || {
        let length = lengths
            .next()
            .map_or(1, |length| usize::from(*length).max(1));
        let (piece, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The same octets as the body of an answer in chunks of these lengths.
fn chunked(lengths: &[u8], octets: &[u8]) -> Vec<u8> {
    let mut answer = HEADS[2].as_bytes().to_vec();
    for (at, piece) in pieces(lengths, octets).enumerate() {
        let extension = [";a=b", "", " ; c=\"d\"", "\t"][at % 4];
        answer.extend_from_slice(format!("{:x}{extension}\r\n", piece.len()).as_bytes());
        answer.extend_from_slice(piece);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"0\r\nsum: 1\r\n\r\n");
    answer
}

fuzz_target!(|input: (u8, bool, &[u8], &[u8])| {
    let (begin, is_head, lengths, octets) = input;
    let asked = &METHODS[usize::from(is_head)];
    let head = HEADS[usize::from(begin) % HEADS.len()].as_bytes();
    let answer = [head, octets].concat();
    let whole = hear(asked, std::iter::once(answer.as_slice()));
    let split = hear(asked, pieces(lengths, &answer));
    assert_eq!(whole, split, "a split changes the answer");

    let mut made = chunked(lengths, octets);
    let read = hear(&Method::POST, pieces(lengths, &made));
    assert_eq!(read.error, None, "a body in chunks is refused");
    assert!(read.payload == octets, "a body in chunks reads as another");

    // The same with one octet that may not be there.
    let at = made.len() * usize::from(begin) / 256;
    made[at] ^= 1;
    let whole = hear(&Method::POST, std::iter::once(made.as_slice()));
    let split = hear(&Method::POST, pieces(lengths, &made));
    assert_eq!(whole, split, "a split changes what is broken");
});
