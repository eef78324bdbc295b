//! Each reader of providers' answers, streamed and whole: no panic, and a tool call whose arguments
//! are not closed is never told as finished.
#![no_main]

use std::collections::HashMap;

use chat::{Block, Dialect, Event, Reason};
use libfuzzer_sys::fuzz_target;
use wire::frame::{Decoder, Framing};

#[derive(Default)]
struct Heard {
    calls: HashMap<(u32, u32), String>,
}

impl Heard {
    fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::BlockStart(at, Block::ToolCall { .. }) => {
                self.calls.insert((at.choice, at.block), String::new());
            }
            Event::BlockDelta(at, text) => {
                if let Some(arguments) = self.calls.get_mut(&(at.choice, at.block)) {
                    arguments.push_str(&text);
                }
            }
            Event::Finish(choice, finish) if finish.reason != Reason::Length => {
                let of_choice = self.calls.iter().filter(|((of, _), _)| *of == choice);
                for (_, arguments) in of_choice {
                    assert!(
                        is_closed(arguments),
                        "an open tool call finished: {arguments}"
                    );
                }
            }
            _ => {}
        }
    }
}

/// Whether brackets and strings are closed; the models are not always right about the rest.
fn is_closed(json: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_i64, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
    }
    depth <= 0 && !in_string
}

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (dialect, is_stream, bytes) = input;
    let dialect = Dialect::ALL[usize::from(dialect) % Dialect::ALL.len()];
    let Some(mut reader) = wire::reader(dialect) else {
        return;
    };
    let mut heard = Heard::default();
    if !is_stream {
        let _ = reader.whole(bytes, &mut |event| heard.hear(event));
        return;
    }
    let mut decoder = Decoder::new(Framing::Sse);
    decoder.push(bytes);
    decoder.finish();
    while let Some(Ok(frame)) = decoder.next() {
        match reader.frame(&frame, &mut |event| heard.hear(event)) {
            Ok(false) => {}
            Ok(true) | Err(_) => break,
        }
    }
    let _ = reader.end(&mut |event| heard.hear(event));
});
