//! A statement of what was spent, as a table, as CSV and as JSON: the same for API and command line.

use ledger::Amount;
use serde::Serialize;
use serde_json::value::RawValue;
use store::StatementRow;

use crate::money::usd;

/// The forms that a statement has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// For people
    Table,
    /// For spreadsheets
    Csv,
    /// For programs
    Json,
}

#[derive(Serialize)]
struct Line<'a> {
    date: String,
    model: &'a str,
    requests: u64,
    unpriced: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    cost: Box<RawValue>,
}

/// All lines and their sum, as JSON has it.
#[derive(Serialize)]
pub(crate) struct Whole<'a> {
    data: Vec<Line<'a>>,
    total: Box<RawValue>,
}

/// What all lines cost together.
#[must_use]
pub fn total(rows: &[StatementRow]) -> Amount {
    rows.iter().fold(Amount::ZERO, |sum, row| {
        let largest = Amount::from_nanos(i64::MAX);
        sum.checked_add(row.cost).unwrap_or(largest)
    })
}

/// The statement as JSON.
#[must_use]
pub(crate) fn whole(rows: &[StatementRow]) -> Whole<'_> {
    let lines = rows.iter().map(|row| Line {
        date: row.date(),
        model: &row.model,
        requests: row.requests,
        unpriced: row.unpriced,
        prompt_tokens: row.prompt_tokens,
        completion_tokens: row.completion_tokens,
        cost: usd(row.cost),
    });
    Whole {
        data: lines.collect(),
        total: usd(total(rows)),
    }
}

/// The statement as CSV (RFC 4180), every line ended.
#[must_use]
pub fn csv(rows: &[StatementRow]) -> String {
    let lines = rows.iter().map(StatementRow::to_csv);
    let mut text = String::new();
    for line in [StatementRow::CSV_HEAD.to_owned()].into_iter().chain(lines) {
        text.push_str(&line);
        text.push_str("\r\n");
    }
    text
}

/// The statement for people: columns with tabs, and the sum.
#[must_use]
pub fn table(rows: &[StatementRow]) -> String {
    let mut text = String::from("DATE\tMODEL\tCALLS\tUNPRICED\tPROMPT\tCOMPLETION\tUSD\n");
    for row in rows {
        let model = if row.model.is_empty() {
            "(none served)"
        } else {
            &row.model
        };
        text.push_str(&format!(
            "{}\t{model}\t{}\t{}\t{}\t{}\t{}\n",
            row.date(),
            row.requests,
            row.unpriced,
            row.prompt_tokens,
            row.completion_tokens,
            row.cost
        ));
    }
    text.push_str(&format!("total\t\t\t\t\t\t{}\n", total(rows)));
    text
}
