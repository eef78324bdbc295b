//! JSON text without the blanks between its tokens: what makes two requests the same one.

/// Tells the pieces of a JSON text that lie between blanks; blanks within strings stay. Together they
/// are the same JSON, its members in the same order and its numbers as they were written.
pub fn without_blanks<'b>(body: &'b [u8], mut tell: impl FnMut(&'b [u8])) {
    let (mut start, mut at) = (0, 0);
    let mut within_string = false;
    while let Some(byte) = body.get(at) {
        match (within_string, byte) {
            // The next byte is escaped, and ends nothing.
            (true, b'\\') => at += 1,
            (_, b'"') => within_string = !within_string,
            (false, b' ' | b'\t' | b'\n' | b'\r') => {
                if let Some(piece) = body.get(start..at).filter(|piece| !piece.is_empty()) {
                    tell(piece);
                }
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if let Some(rest) = body.get(start..).filter(|rest| !rest.is_empty()) {
        tell(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_between_tokens_go() {
        let check = |body: &str, expected: &str| {
            let mut told = Vec::new();
            without_blanks(body.as_bytes(), |piece| told.extend_from_slice(piece));
            assert_eq!(String::from_utf8(told).unwrap(), expected);
        };
        check("", "");
        check(" \n", "");
        check(
            "{ \"a\" :\t1.0 ,\r\n\"b\":[ true,null ] }\n",
            r#"{"a":1.0,"b":[true,null]}"#,
        );
        check(r#"{"a b": "c  d"}"#, r#"{"a b":"c  d"}"#);
        check(
            r#"{"a": "\" \\" , "b": "\\\" x"}"#,
            r#"{"a":"\" \\","b":"\\\" x"}"#,
        );
        check(r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#);
    }
}
