//! JSON objects in a row or in an array: any split of the bytes gives the same objects.

use wire::frame::ndjson::{Decoder, Malformed};

fn decode(pieces: &[&[u8]]) -> Result<Vec<String>, Malformed> {
    let mut decoder = Decoder::new();
    let mut objects = Vec::new();
    let mut take = |decoder: &mut Decoder| {
        while let Some(object) = decoder.next() {
            objects.push(String::from_utf8(object?.to_vec()).expect("text"));
        }
        Ok(())
    };
    for piece in pieces {
        decoder.push(piece);
        take(&mut decoder)?;
    }
    decoder.finish();
    take(&mut decoder)?;
    Ok(objects)
}

#[test]
fn objects_are_found_in_lines_and_in_arrays_at_every_split() {
    let objects = [
        r#"{"a":{"b":[1,{"c":"}]"}]}}"#,
        r#"{"t":"\"}{\\"}"#,
        r#"{"ü":"€"}"#,
        "{}",
    ];
    let array = format!(
        "[{}\n,\r\n{},{} ,\n{}\n]\n",
        objects[0], objects[1], objects[2], objects[3]
    );
    for text in [objects.join("\n"), objects.join("\r\n") + "\n", array] {
        let bytes = text.as_bytes();
        for at in 0..=bytes.len() {
            let (before, after) = bytes.split_at(at);
            let found = decode(&[before, after]).expect("sound");
            assert_eq!(found, objects, "{text} split at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decode(&single).expect("sound"), objects);
    }
    assert_eq!(decode(&[b"[]"]), Ok(vec![]));
    assert_eq!(decode(&[b" \n"]), Ok(vec![]));
}

#[test]
fn an_object_is_there_as_soon_as_it_is_closed() {
    let mut decoder = Decoder::new();
    decoder.push(br#"[{"a":1"#);
    assert_eq!(decoder.next(), None);
    decoder.push(b"}");
    assert_eq!(decoder.next(), Some(Ok(r#"{"a":1}"#.into())));
    assert_eq!(decoder.next(), None);
}

#[test]
fn what_is_malformed_is_said_once() {
    for (text, expected) in [
        ("[{\"a\":1}", Malformed::Truncated),
        ("{\"a\":", Malformed::Truncated),
        ("<html>", Malformed::NotObjects),
        ("[1]", Malformed::NotObjects),
        ("]", Malformed::NotObjects),
    ] {
        assert_eq!(decode(&[text.as_bytes()]), Err(expected), "{text}");
    }
    let mut decoder = Decoder::with_limit(8);
    decoder.push(b"{\"a\":12}{\"a\":123}");
    assert!(decoder.next().is_some_and(|object| object.is_ok()));
    assert_eq!(decoder.next(), Some(Err(Malformed::TooLong(8))));
    decoder.push(b"{}");
    assert_eq!(decoder.next(), None);
}
