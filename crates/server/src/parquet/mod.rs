//! Parquet: tables as columns, for exports that are analysed elsewhere.
//!
//! Only what an export needs of the format (<https://parquet.apache.org/docs/file-format/>): flat
//! tables, one page per column and row group, plain encoding, pages compressed with zstd. The library
//! that does all of it would be larger than all others of the server together; this is two hundred
//! lines, and every reader must understand them.
//!
//! `thrift`: the compact encoding that heads and the footer are written in. `column`: the cells of one
//! column until they become a page. `table`: row groups, as they fill, and the footer.

mod column;
mod table;
mod thrift;

pub use column::{Cell, Kind};
pub use table::{Column, Table};
