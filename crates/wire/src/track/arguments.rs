//! Arguments of a tool call as they come.

/// Whether JSON that comes in fragments is closed; looks at brackets and strings only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arguments {
    depth: u32,
    in_string: bool,
    is_escaped: bool,
    has_opened: bool,
}

impl Arguments {
    pub(crate) fn feed(&mut self, fragment: &str) {
        for byte in fragment.bytes() {
            if self.is_escaped {
                self.is_escaped = false;
            } else if self.in_string {
                match byte {
                    b'\\' => self.is_escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => {
                        self.has_opened = true;
                        self.depth = self.depth.saturating_add(1);
                    }
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
    }

    /// An object was opened, and closed.
    pub(super) const fn is_closed(&self) -> bool {
        self.has_opened && self.is_whole()
    }

    /// Nothing is open. No arguments at all are whole: tools without parameters are called so.
    pub(crate) const fn is_whole(&self) -> bool {
        self.depth == 0 && !self.in_string
    }
}
