//! A reader of Parquet, as little of one as the export needs: written after the format, apart from
//! what writes.

use std::collections::BTreeMap;

use super::generations::{LIST, busy};
use serde_json::{Value, json};

/// What Thrift's compact protocol can say.
#[derive(Debug, Clone, PartialEq)]
enum Thrift {
    Flag(bool),
    Number(i64),
    Text(String),
    List(Vec<Self>),
    Struct(BTreeMap<u8, Self>),
}

impl Thrift {
    fn at(&self, path: &[u8]) -> &Self {
        path.iter().fold(self, |inside, step| match inside {
            Self::Struct(fields) => &fields[step],
            Self::List(all) => &all[usize::from(*step)],
            other => panic!("{other:?} has no {step}"),
        })
    }

    fn number(&self, path: &[u8]) -> usize {
        match self.at(path) {
            Self::Number(number) => usize::try_from(*number).unwrap(),
            other => panic!("{other:?} is no number"),
        }
    }

    fn text(&self, path: &[u8]) -> &str {
        match self.at(path) {
            Self::Text(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }

    fn list(&self, path: &[u8]) -> &[Self] {
        match self.at(path) {
            Self::List(all) => all,
            other => panic!("{other:?} is no list"),
        }
    }
}

/// Bytes that are read from their beginning.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap();
        self.0 = rest;
        *first
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let (first, rest) = self.0.split_at(count);
        self.0 = rest;
        first.to_vec()
    }

    fn varint(&mut self) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
        }
        panic!("a number without end");
    }

    fn u32(&mut self) -> usize {
        let bytes = self.take(4);
        u32::from_le_bytes(bytes.try_into().unwrap()) as usize
    }

    fn value(&mut self, kind: u8) -> Thrift {
        match kind {
            1 | 2 => Thrift::Flag(kind == 1),
            5 | 6 => {
                let folded = self.varint();
                Thrift::Number((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
            }
            8 => {
                let count = usize::try_from(self.varint()).unwrap();
                Thrift::Text(String::from_utf8(self.take(count)).unwrap())
            }
            9 => {
                let head = self.byte();
                let count = match head >> 4 {
                    15 => self.varint(),
                    count => u64::from(count),
                };
                Thrift::List((0..count).map(|_| self.value(head & 15)).collect())
            }
            12 => {
                let (mut fields, mut id) = (BTreeMap::new(), 0);
                loop {
                    let head = self.byte();
                    if head == 0 {
                        return Thrift::Struct(fields);
                    }
                    assert!(head >> 4 > 0, "ids that go back are not written");
                    id += head >> 4;
                    fields.insert(id, self.value(head & 15));
                }
            }
            other => panic!("a value of the kind {other}"),
        }
    }
}

/// The rows of a file, a JSON object each; money as its count of nano-USD.
fn rows(file: &[u8]) -> Vec<Value> {
    let (body, end) = file.split_at(file.len() - 8);
    assert_eq!((&file[..4], &end[4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    let length = Reader(end).u32();
    let footer = Reader(&body[body.len() - length..]).value(12);
    let names: Vec<&str> = footer.list(&[2])[1..]
        .iter()
        .map(|column| column.text(&[4]))
        .collect();
    assert_eq!(footer.number(&[2, 0, 5]), names.len());
    let mut rows = Vec::new();
    for group in footer.list(&[4]) {
        let count = group.number(&[3]);
        let mut objects = vec![json!({}); count];
        for (chunk, name) in group.list(&[1]).iter().zip(&names) {
            assert_eq!(chunk.list(&[3, 3]), [Thrift::Text((*name).to_owned())]);
            let from = chunk.number(&[3, 9]);
            let bytes = &file[from..from + chunk.number(&[3, 7])];
            let cells = cells(bytes, chunk.number(&[3, 1]), count);
            for (object, cell) in objects.iter_mut().zip(cells) {
                object[name] = cell;
            }
        }
        rows.extend(objects);
    }
    assert_eq!(footer.number(&[3]), rows.len());
    rows
}

/// The cells of a column's only page.
fn cells(bytes: &[u8], kind: usize, count: usize) -> Vec<Value> {
    let mut reader = Reader(bytes);
    let head = reader.value(12);
    assert_eq!(head.number(&[5, 1]), count);
    assert_eq!(head.number(&[3]), reader.0.len());
    let page = zstd::bulk::decompress(reader.0, head.number(&[2])).unwrap();
    let mut page = Reader(&page);
    let levels = page.u32();
    let levels = page.take(levels);
    let mut levels = Reader(&levels);
    // One run of bits, in groups of eight.
    assert_eq!(levels.varint(), (count.div_ceil(8) as u64) << 1 | 1);
    let is_set = |bits: &[u8], index: usize| bits[index / 8] >> (index % 8) & 1 == 1;
    let flags = page.0.to_vec();
    let cells = (0..count).map(|index| {
        if !is_set(levels.0, index) {
            return Value::Null;
        }
        match kind {
            0 => json!(is_set(&flags, index)),
            2 => json!(i64::from_le_bytes(page.take(8).try_into().unwrap())),
            6 => {
                let length = page.u32();
                json!(String::from_utf8(page.take(length)).unwrap())
            }
            other => panic!("a column of the kind {other}"),
        }
    });
    cells.collect()
}

#[tokio::test]
async fn an_export_as_parquet_says_what_the_list_says() {
    let (stage, _) = busy().await;
    let key = &stage.management_key;
    let file = stage.get(&format!("{LIST}?format=parquet"), key).await;
    assert_eq!(
        file.header("content-type"),
        "application/vnd.apache.parquet"
    );
    let rows = rows(&file.body);
    let listed = stage.get(&format!("{LIST}?limit=1000"), key).await.json();
    let listed = listed["data"].as_array().unwrap();
    assert_eq!(rows.len(), listed.len());
    for (row, record) in rows.iter().zip(listed) {
        for (column, field) in [
            ("id", "id"),
            ("workspace_id", "workspace_id"),
            ("api_key_hash", "api_key_hash"),
            ("session_id", "session_id"),
            ("external_user", "external_user"),
            ("requested_model", "requested_model"),
            ("provider", "provider"),
            ("streamed", "streamed"),
            ("status", "status"),
            ("error_type", "error_type"),
            ("finish_reason", "finish_reason"),
            ("latency_ms", "latency"),
            ("time_to_first_token_ms", "time_to_first_token"),
        ] {
            assert_eq!(row[column], record[field], "{column}");
        }
        let at: jiff::Timestamp = record["created_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(row["created_at"], at.as_millisecond());
        let nanos = row["total_cost_usd"].as_i64().unwrap();
        let usd = record["total_cost"].as_f64().unwrap();
        assert_eq!(nanos, (usd * 1e9).round() as i64);
    }
    let none = stage
        .get(&format!("{LIST}?format=parquet&app=nobody"), key)
        .await;
    assert_eq!(self::rows(&none.body), Vec::<Value>::new());
}
