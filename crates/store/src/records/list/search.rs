//! What a text to search for may mean.

use super::query::ListQuery;
use crate::StoreError;
use crate::database::{Statement, Transaction};
use crate::records::month::{PROBES, start_of};
use crate::records::{FacetFilter, months};

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Search {
    /// Nothing.
    None,
    /// An id that begins so, which is at these positions: from, and until before.
    Id {
        prefix: String,
        from: i64,
        until: i64,
    },
    /// A session.
    Session(String),
    /// Facets with a name that contains it.
    Names(String),
    /// A part of a text in the rows.
    Rows(String),
}

/// What the text of a query means here.
pub(super) async fn understand(
    transaction: &mut Transaction,
    query: &ListQuery,
) -> Result<Search, StoreError> {
    let text = query.text.as_deref().map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Ok(Search::None);
    }
    if let Some(search) = id(text) {
        return Ok(search);
    }
    for month in months(transaction).await?.into_iter().rev() {
        let rows = Statement::assembled(format!(
            "SELECT position FROM {} WHERE session_id = $1 LIMIT 1",
            month.table()
        ))
        .text(text)
        .rows(transaction)
        .await?;
        if !rows.is_empty() {
            return Ok(Search::Session(text.to_owned()));
        }
    }
    let names = FacetFilter::default().containing(text);
    let statement = Statement::assembled(format!(
        "SELECT f.id AS id FROM facets f WHERE {} LIMIT 1",
        names.sql(1)
    ));
    if names.bind(statement).rows(transaction).await?.is_empty() {
        return Ok(Search::Rows(text.to_owned()));
    }
    Ok(Search::Names(text.to_owned()))
}

/// A text that begins as our ids do: the first digits of an id are those of its time.
fn id(text: &str) -> Option<Search> {
    const TIME_DIGITS: usize = 12;
    let digits = text
        .strip_prefix("gen-")
        .filter(|digits| !digits.is_empty())?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digits.len() > 32 || !digits.bytes().all(is_hex) {
        return None;
    }
    let known = digits.len().min(TIME_DIGITS);
    let first = i64::from_str_radix(digits.get(..known)?, 16).ok()?;
    let unknown_bits = 4 * u32::try_from(TIME_DIGITS - known).ok()?;
    let (from, until) = (first << unknown_bits, (first + 1) << unknown_bits);
    Some(Search::Id {
        prefix: text.to_owned(),
        from: start_of(from),
        until: start_of(until).saturating_add(PROBES),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_is_a_piece_of_time() {
        for (text, from_ms, until_ms) in [
            ("gen-019cb73d3271", 0x019c_b73d_3271, 0x019c_b73d_3272),
            ("gen-019cb73d3271abcd", 0x019c_b73d_3271, 0x019c_b73d_3272),
            ("gen-019cb7", 0x019c_b700_0000, 0x019c_b800_0000),
        ] {
            let Some(Search::Id { from, until, .. }) = id(text) else {
                panic!("{text}");
            };
            assert_eq!(
                (from, until),
                (start_of(from_ms), start_of(until_ms) + PROBES)
            );
        }
        for text in ["gen-", "gen", "gen-xyz", "openai", "gen-019CB7"] {
            assert_eq!(id(text), None, "{text}");
        }
    }
}
