//! A table that is written as it is read: row groups of bounded size, then the footer.

use std::io;

use super::column::{Cell, Cells, Kind};
use super::thrift::Struct;

/// The beginning and the end of a file.
const MAGIC: &[u8; 4] = b"PAR1";

/// Rows of a row group: all that is ever in memory.
const ROWS_PER_GROUP: usize = 10_000;

/// Numbers of the format: a page of data, values one after the other, levels in runs, and zstd.
const DATA_PAGE: i32 = 0;
const PLAIN: i32 = 0;
const RUNS: i32 = 3;
const ZSTD: i32 = 6;
const OPTIONAL: i32 = 1;

/// How hard zstd tries: its fast end, for an export is read once.
const LEVEL: i32 = 1;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// A table that is being written.
#[derive(Debug)]
pub struct Table {
    columns: &'static [Column],
    cells: Vec<Cells>,
    /// Rows of the group that fills.
    rows: usize,
    /// Rows of the groups before.
    rows_before: i64,
    /// Bytes that were given away.
    written: i64,
    groups: Vec<Struct>,
}

impl Table {
    /// A table without rows, and how it begins.
    #[must_use]
    pub fn new(columns: &'static [Column]) -> (Self, Vec<u8>) {
        let table = Self {
            columns,
            cells: columns.iter().map(|_| Cells::default()).collect(),
            rows: 0,
            rows_before: 0,
            written: length(MAGIC),
            groups: Vec::new(),
        };
        (table, MAGIC.to_vec())
    }

    /// Adds a row, a cell for each column in their order; the bytes of a row group that it fills.
    ///
    /// # Errors
    /// When the group cannot be compressed.
    pub fn push<'a>(&mut self, row: impl IntoIterator<Item = Cell<'a>>) -> io::Result<Vec<u8>> {
        for (cells, cell) in self.cells.iter_mut().zip(row) {
            cells.push(cell);
        }
        self.rows += 1;
        if self.rows < ROWS_PER_GROUP {
            return Ok(Vec::new());
        }
        self.end_group()
    }

    /// What is left of the rows, and the footer.
    ///
    /// # Errors
    /// When it cannot be compressed.
    pub fn end(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = if self.rows > 0 {
            self.end_group()?
        } else {
            Vec::new()
        };
        let root = Struct::default()
            .text(4, "generations")
            .i32(5, i32::try_from(self.columns.len()).unwrap_or(i32::MAX));
        let columns = self.columns.iter().map(|column| {
            let schema = Struct::default()
                .i32(1, column.kind.number())
                .i32(3, OPTIONAL)
                .text(4, column.name);
            column.kind.describe(schema)
        });
        let footer = Struct::default()
            .i32(1, 1)
            .inners(2, [root].into_iter().chain(columns).collect())
            .i64(3, self.rows_before)
            .inners(4, self.groups)
            .text(6, concat!("waybill ", env!("CARGO_PKG_VERSION")))
            .finish();
        let footer_length = u32::try_from(footer.len()).unwrap_or(u32::MAX);
        bytes.extend(footer);
        bytes.extend(footer_length.to_le_bytes());
        bytes.extend(MAGIC);
        Ok(bytes)
    }

    fn end_group(&mut self) -> io::Result<Vec<u8>> {
        let rows = i64::try_from(self.rows).unwrap_or(i64::MAX);
        let mut bytes = Vec::new();
        let (mut chunks, mut whole) = (Vec::with_capacity(self.columns.len()), 0);
        for (column, cells) in self.columns.iter().zip(&mut self.cells) {
            let page = std::mem::take(cells).page();
            let packed = zstd::bulk::compress(&page, LEVEL)?;
            let head = Struct::default()
                .i32(1, DATA_PAGE)
                .i32(2, size(&page)?)
                .i32(3, size(&packed)?)
                .inner(
                    5,
                    Struct::default()
                        .i32(1, i32::try_from(rows).unwrap_or(i32::MAX))
                        .i32(2, PLAIN)
                        .i32(3, RUNS)
                        .i32(4, RUNS),
                )
                .finish();
            let at = self.written + length(&bytes);
            let unpacked = length(&head) + length(&page);
            let meta = Struct::default()
                .i32(1, column.kind.number())
                .i32s(2, &[PLAIN, RUNS])
                .texts(3, &[column.name])
                .i32(4, ZSTD)
                .i64(5, rows)
                .i64(6, unpacked)
                .i64(7, length(&head) + length(&packed))
                .i64(9, at);
            chunks.push(Struct::default().i64(2, at).inner(3, meta));
            whole += unpacked;
            bytes.extend(head);
            bytes.extend(packed);
        }
        let group = Struct::default()
            .inners(1, chunks)
            .i64(2, whole)
            .i64(3, rows);
        self.groups.push(group);
        self.written += length(&bytes);
        self.rows_before += rows;
        self.rows = 0;
        Ok(bytes)
    }
}

fn length(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

/// A size as heads of pages have it.
fn size(bytes: &[u8]) -> io::Result<i32> {
    i32::try_from(bytes.len())
        .map_err(|_| io::Error::other("a column of a row group is over 2 GiB"))
}
