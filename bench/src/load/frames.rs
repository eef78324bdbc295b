//! Counts the events of an SSE body as its bytes arrive, without building anything.

use memchr::memmem;

/// Longest line that is put together from several reads; a provider's chunk is a few hundred bytes.
const LINE_BYTES_MAX: usize = 1 << 20;
/// In every form an error in a stream has this field, and nothing the simulator says contains it.
const ERROR: &[u8] = b"\"error\":";

/// What has been seen of a stream.
#[derive(Default)]
pub(crate) struct Frames {
    line: Vec<u8>,
    /// Events with content other than `[DONE]`.
    pub(crate) count: u64,
    /// `[DONE]` was seen.
    pub(crate) is_done: bool,
    /// An error event was seen, or a line without end.
    pub(crate) has_error: bool,
}

impl Frames {
    /// Takes the next bytes; returns how many events they completed.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> u64 {
        let before = self.count;
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            if self.line.is_empty() {
                self.take_line(&bytes[..end]);
            } else {
                self.line.extend_from_slice(&bytes[..end]);
                let line = std::mem::take(&mut self.line);
                self.take_line(&line);
                self.line = line;
                self.line.clear();
            }
            bytes = &bytes[end + 1..];
        }
        if self.line.len() + bytes.len() > LINE_BYTES_MAX {
            self.has_error = true;
        } else {
            self.line.extend_from_slice(bytes);
        }
        self.count - before
    }

    fn take_line(&mut self, line: &[u8]) {
        let Some(payload) = line.strip_prefix(b"data:") else {
            return; // A comment, another field, or the empty line that ends an event.
        };
        if payload.trim_ascii() == b"[DONE]" {
            self.is_done = true;
            return;
        }
        self.count += 1;
        self.has_error |= memmem::find(payload, ERROR).is_some();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        b": comment\n\ndata: {\"a\":1}\n\nevent: x\r\ndata: {\"a\":2}\r\n\r\ndata: [DONE]\n\n";

    #[test]
    fn the_same_is_counted_however_the_bytes_are_split() {
        for split in 0..=STREAM.len() {
            let mut frames = Frames::default();
            let (left, right) = STREAM.split_at(split);
            assert_eq!(
                frames.take(left) + frames.take(right),
                2,
                "split at {split}"
            );
            assert!(frames.is_done && !frames.has_error, "split at {split}");
        }
    }

    #[test]
    fn a_stream_without_its_ending_is_not_done() {
        let mut frames = Frames::default();
        frames.take(b"data: {\"a\":1}\n\ndata: [DON");
        assert_eq!((frames.count, frames.is_done), (1, false));
    }

    #[test]
    fn an_error_event_is_seen_also_when_it_is_split() {
        let mut frames = Frames::default();
        frames.take(b"data: {\"id\":1,\"err");
        assert!(!frames.has_error);
        frames.take(b"or\":{\"code\":502}}\n\n");
        assert!(frames.has_error);
    }

    #[test]
    fn a_line_without_end_is_an_error_and_does_not_grow() {
        let mut frames = Frames::default();
        for _ in 0..40 {
            frames.take(&[b'x'; 64 << 10]);
        }
        assert!(frames.has_error && frames.line.len() <= LINE_BYTES_MAX);
    }
}
