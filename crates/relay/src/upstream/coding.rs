//! Where the body of an answer ends, and what of its octets is payload (RFC 9112, sections 6 and 7).

use std::ops::Range;

/// Octets of the extensions of one chunk, and of all trailers; both are read over.
const BESIDE_BYTES_MAX: usize = 16 * 1024;

/// What came is no body in its coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its chunked coding is malformed")]
pub struct Malformed;

/// How a body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// So many octets are left.
    Length(u64),
    /// It says where it ends.
    Chunked(Chunked),
    /// It ends with the connection.
    UntilClose,
}

/// A body in chunks, and how far it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunked {
    at: At,
    /// Octets of this chunk that are still to come; while its size is read, the size so far.
    left: u64,
    /// Octets that were read over.
    beside: usize,
}

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// The first digit of a size.
    FirstDigit,
    /// Further digits of it, or its end.
    Digits,
    Extension,
    SizeLf,
    Payload,
    PayloadCr,
    PayloadLf,
    /// A trailer, or the empty line that ends it all.
    LastLine,
    Trailer,
    TrailerLf,
    LastLf,
    Done,
}

impl Coding {
    /// A body in chunks that has not begun.
    pub(super) const CHUNKED: Self = Self::Chunked(Chunked {
        at: At::FirstDigit,
        left: 0,
        beside: 0,
    });

    /// Whether all of the body has been read.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.at == At::Done,
            Self::UntilClose => false,
        }
    }

    /// The first payload among these octets, and how many of them belong to the body up to where another
    /// payload begins. A chunk's payload is never joined with the next one's: where an error follows what
    /// was said, that has been said.
    pub(super) fn read(&mut self, octets: &[u8]) -> Result<(Range<usize>, usize), Malformed> {
        match self {
            Self::Length(left) => {
                let own = within(octets, *left);
                *left -= own as u64;
                Ok((0..own, own))
            }
            Self::Chunked(chunked) => chunked.read(octets),
            Self::UntilClose => Ok((0..octets.len(), octets.len())),
        }
    }
}

/// How many of these octets there may be.
fn within(octets: &[u8], most: u64) -> usize {
    usize::try_from(most).map_or(octets.len(), |most| most.min(octets.len()))
}

impl Chunked {
    fn read(&mut self, octets: &[u8]) -> Result<(Range<usize>, usize), Malformed> {
        let (mut payload, mut own) = (0..0, 0);
        while let Some(octet) = octets.get(own) {
            match self.at {
                At::Done => break,
                At::Payload if !payload.is_empty() => break,
                At::Payload => {
                    let length = within(&octets[own..], self.left);
                    payload = own..own + length;
                    own += length;
                    self.left -= length as u64;
                    if self.left == 0 {
                        self.at = At::PayloadCr;
                    }
                }
                _ => match self.after(*octet) {
                    Ok(at) => (self.at, own) = (at, own + 1),
                    // What was said before it has been said; the next look meets it first.
                    Err(_) if !payload.is_empty() => break,
                    Err(malformed) => return Err(malformed),
                },
            }
        }
        Ok((payload, own))
    }

    /// What is expected after an octet that is no payload.
    fn after(&mut self, octet: u8) -> Result<At, Malformed> {
        match (self.at, octet) {
            (At::FirstDigit | At::Digits, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.digit(octet)?;
                Ok(At::Digits)
            }
            (At::Digits, b';' | b' ' | b'\t') => {
                self.beside = 0;
                Ok(At::Extension)
            }
            (At::Digits | At::Extension, b'\r') => Ok(At::SizeLf),
            (At::SizeLf, b'\n') if self.left == 0 => {
                self.beside = 0;
                Ok(At::LastLine)
            }
            (At::SizeLf, b'\n') => Ok(At::Payload),
            (At::PayloadCr, b'\r') => Ok(At::PayloadLf),
            (At::PayloadLf, b'\n') => Ok(At::FirstDigit),
            (At::LastLine, b'\r') => Ok(At::LastLf),
            (At::LastLf, b'\n') => Ok(At::Done),
            (At::Trailer, b'\r') => Ok(At::TrailerLf),
            (At::TrailerLf, b'\n') => Ok(At::LastLine),
            (At::Extension, octet) if octet != b'\n' => self.read_over(At::Extension),
            (At::LastLine | At::Trailer, octet) if octet != b'\n' => self.read_over(At::Trailer),
            _ => Err(Malformed),
        }
    }

    fn digit(&mut self, octet: u8) -> Result<(), Malformed> {
        let digit = char::from(octet).to_digit(16).ok_or(Malformed)?;
        // After the last chunk's payload nothing of it is left, so that a size begins at zero.
        let so_far = self.left.checked_mul(16).ok_or(Malformed)?;
        self.left = so_far + u64::from(digit);
        Ok(())
    }

    fn read_over(&mut self, at: At) -> Result<At, Malformed> {
        self.beside += 1;
        if self.beside > BESIDE_BYTES_MAX {
            return Err(Malformed);
        }
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The payload of a body that comes in pieces of this length, how much of what came is its own, and
    /// whether it is complete.
    fn read(octets: &[u8], piece: usize) -> Result<(Vec<u8>, usize, bool), Malformed> {
        let (mut coding, mut payload, mut own) = (Coding::CHUNKED, Vec::new(), 0);
        for mut piece in octets.chunks(piece) {
            while !piece.is_empty() && !coding.is_done() {
                let (part, taken) = coding.read(piece)?;
                payload.extend_from_slice(&piece[part]);
                own += taken;
                piece = &piece[taken..];
            }
        }
        Ok((payload, own, coding.is_done()))
    }

    #[test]
    fn chunks_are_read_in_whatever_pieces_they_come() {
        for (octets, payload, is_done) in [
            (&b"5\r\nhello\r\n0\r\n\r\n"[..], &b"hello"[..], true),
            (b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", b"hello", true),
            (b"0\r\n\r\n", b"", true),
            (
                b"000A;name=value\r\n0123456789\r\n0\r\n\r\n",
                b"0123456789",
                true,
            ),
            (b"2 \r\nhi\r\n0\r\nsum: 1\r\nother: 2\r\n\r\n", b"hi", true),
            (b"5\r\nhel", b"hel", false),
            (b"5\r\nhello\r\n0\r\n", b"hello", false),
        ] {
            for piece in 1..=octets.len() {
                let expected = (payload.to_vec(), octets.len(), is_done);
                assert_eq!(read(octets, piece), Ok(expected), "in pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_follows_the_last_chunk_is_not_its_own() {
        let (_, own, is_done) = read(b"1\r\na\r\n0\r\n\r\nHTTP/1.1", 64).unwrap();
        assert_eq!((own, is_done), (11, true));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        let long = [b"1;".to_vec(), vec![b'a'; BESIDE_BYTES_MAX + 1]].concat();
        let trailers = [b"0\r\n".to_vec(), vec![b'a'; BESIDE_BYTES_MAX + 1]].concat();
        for octets in [
            &b"\r\n"[..],
            b"g\r\n",
            b"-1\r\n",
            b"5\nhello",
            b"5\r\nhelloX",
            b"5\r\nhello\r0",
            b"5;a\nhello",
            b"0\r\na: b\n\r\n",
            b"10000000000000000\r\n",
            &long,
            &trailers,
        ] {
            let shown = String::from_utf8_lossy(&octets[..octets.len().min(20)]);
            assert_eq!(read(octets, 7), Err(Malformed), "{shown}");
        }
    }

    #[test]
    fn a_length_takes_no_more_than_itself() {
        let mut coding = Coding::Length(5);
        assert_eq!(coding.read(b"hel"), Ok((0..3, 3)));
        assert!(!coding.is_done());
        assert_eq!(coding.read(b"lo, more"), Ok((0..2, 2)));
        assert!(coding.is_done());
    }

    #[test]
    fn what_stands_before_nonsense_is_given_out() {
        let mut coding = Coding::CHUNKED;
        assert_eq!(coding.read(b"2\r\nokay"), Ok((3..5, 5)));
        assert_eq!(coding.read(b"ay"), Err(Malformed));
    }

    #[test]
    fn payloads_of_two_chunks_stay_apart() {
        let mut coding = Coding::CHUNKED;
        let octets = b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
        assert_eq!(coding.read(octets), Ok((3..5, 10)));
        assert_eq!(coding.read(&octets[10..]), Ok((0..3, 10)));
        assert!(coding.is_done());
    }
}
