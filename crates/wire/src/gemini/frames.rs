//! How a stream to a caller is framed: server-sent events, or one JSON array.

/// The form of a stream, and how much of it has been written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frames {
    is_array: bool,
    has_begun: bool,
}

impl Frames {
    /// A stream that has not begun.
    pub(super) const fn new(is_array: bool) -> Self {
        Self {
            is_array,
            has_begun: false,
        }
    }

    /// What stands before the next frame, and what behind it.
    pub(super) fn around(&mut self) -> (&'static str, &'static str) {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        match (self.is_array, is_first) {
            (false, _) => ("data: ", "\n\n"),
            (true, true) => ("[", ""),
            (true, false) => (",\n", ""),
        }
    }

    /// Appends one frame.
    pub(super) fn push(&mut self, json: &str, out: &mut String) {
        let (before, after) = self.around();
        out.push_str(before);
        out.push_str(json);
        out.push_str(after);
    }

    /// Appends the end of the stream. Server-sent events just end.
    pub(super) fn close(&mut self, out: &mut String) {
        match (self.is_array, self.has_begun) {
            (false, _) => {}
            (true, true) => out.push(']'),
            (true, false) => out.push_str("[]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_json_and_events_are_events() {
        let write = |mut frames: Frames, count: usize| {
            let mut out = String::new();
            (0..count).for_each(|_| frames.push("{}", &mut out));
            frames.close(&mut out);
            out
        };
        assert_eq!(write(Frames::new(true), 2), "[{},\n{}]");
        assert_eq!(write(Frames::new(true), 0), "[]");
        assert_eq!(write(Frames::new(false), 2), "data: {}\n\ndata: {}\n\n");
    }
}
