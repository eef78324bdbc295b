//! The ledger's entries as CSV and as JSON: the same for API and command line.

use serde::Serialize;
use serde_json::value::RawValue;
use store::{ExportAfter, StoredEntry, csv_field};

use crate::money::usd;
use crate::time::iso;

/// The forms that an export has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// For spreadsheets
    Csv,
    /// For programs: a line of JSON per entry
    Json,
}

/// The head of the table as CSV (RFC 4180), its line ended.
pub const CSV_HEAD: &str = "at,kind,from,to,amount_usd,generation_id,id\r\n";

/// One entry as JSON has it.
#[derive(Serialize)]
pub(crate) struct Line<'a> {
    id: &'a str,
    kind: &'a str,
    at: String,
    from: &'a str,
    to: &'a str,
    amount: Box<RawValue>,
    generation_id: Option<&'a str>,
}

/// A page as JSON has it.
#[derive(Serialize)]
pub(crate) struct Page<'a> {
    data: Vec<Line<'a>>,
    /// Where the next page begins; null after the last.
    next: Option<String>,
}

/// One entry for JSON.
#[must_use]
pub(crate) fn line(entry: &StoredEntry) -> Line<'_> {
    Line {
        id: &entry.id,
        kind: &entry.kind,
        at: iso(entry.at_ms),
        from: &entry.credit,
        to: &entry.debit,
        amount: usd(entry.amount),
        generation_id: entry.generation_id.as_deref(),
    }
}

/// A page for JSON.
#[must_use]
pub(crate) fn page<'a>(entries: &'a [StoredEntry], next: Option<&ExportAfter>) -> Page<'a> {
    Page {
        data: entries.iter().map(line).collect(),
        next: next.map(ToString::to_string),
    }
}

/// One entry as CSV, its line ended.
#[must_use]
pub fn csv(entry: &StoredEntry) -> String {
    format!(
        "{},{},{},{},{},{},{}\r\n",
        iso(entry.at_ms),
        entry.kind,
        csv_field(&entry.credit),
        csv_field(&entry.debit),
        entry.amount,
        csv_field(entry.generation_id.as_deref().unwrap_or_default()),
        csv_field(&entry.id)
    )
}
