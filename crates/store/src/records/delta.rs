//! Deltas: what a batch of records adds to the roll-ups, as one row beside them.
//!
//! To write it costs a batch one insert; the rows of minutes, hours and days, which would be several
//! for each call, follow later, for many batches at once ([`Store::merge_rollups`]). Both happen in
//! transactions: no call is ever counted twice, or not at all.

use std::collections::BTreeMap;

use ledger::{BudgetId, BudgetWindow, WindowId};
use serde_json::{Value, json};

use super::insert::Place;
use super::measures::{Measures, Sketched};
use super::month::{Month, time_of};
use super::sessions::{SessionKey, SessionSums};
use crate::StoreError;
use crate::database::{Statement, Transaction};

pub(super) const MS_PER_MINUTE: i64 = 60_000;

/// What some records add.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Delta {
    /// By minute since 1970 and facet.
    pub(crate) counts: BTreeMap<(i64, i64), Box<Measures>>,
    pub(crate) sessions: BTreeMap<SessionKey, SessionSums>,
    /// By month, counted from January 1970.
    pub(crate) postings: BTreeMap<(i64, BudgetWindow), i64>,
}

impl Delta {
    /// Counts one record.
    pub(crate) fn count(&mut self, place: &Place<'_>) {
        let call = place.generation();
        let at_ms = time_of(place.position);
        let minute = at_ms.div_euclid(MS_PER_MINUTE);
        let measures = self.counts.entry((minute, place.facet)).or_default();
        measures.count(call);
        if let Some(session_id) = &call.caller.session_id {
            let key = SessionKey {
                workspace_id: call.caller.workspace_id.clone(),
                session_id: session_id.clone(),
            };
            let one = SessionSums::of(call, at_ms);
            match self.sessions.get_mut(&key) {
                Some(sums) => sums.merge(&one),
                None => {
                    self.sessions.insert(key, one);
                }
            }
        }
        let Some(posting) = &place.settled.posting else {
            return;
        };
        let month = Month::of(place.position).number();
        for line in &posting.lines {
            let sum = self
                .postings
                .entry((month, line.window.clone()))
                .or_default();
            *sum = sum.saturating_add(place.settled.cost().nanos());
        }
    }

    /// When its earliest record was, Unix milliseconds, to the minute.
    fn begins_ms(&self) -> i64 {
        let first = self.counts.keys().next();
        first.map_or(0, |(minute, _)| minute.saturating_mul(MS_PER_MINUTE))
    }

    fn to_text(&self) -> String {
        let counts: Vec<Value> = self
            .counts
            .iter()
            .map(|((minute, facet), measures)| {
                let [first, total, speed] = Sketched::ALL.map(|one| measures.sketch_text(one));
                json!([minute, facet, measures.values_text(), first, total, speed])
            })
            .collect();
        let sessions: Vec<Value> = self
            .sessions
            .iter()
            .map(|(key, sums)| {
                json!([
                    key.workspace_id,
                    key.session_id,
                    sums.key_hash,
                    sums.numbers()
                ])
            })
            .collect();
        let postings: Vec<Value> = self
            .postings
            .iter()
            .map(|((month, line), nanos)| {
                json!([month, line.budget.as_str(), line.window.to_string(), nanos])
            })
            .collect();
        json!({ "counts": counts, "sessions": sessions, "postings": postings }).to_string()
    }

    /// Adds what [`Delta::to_text`] wrote.
    pub(crate) fn add_text(&mut self, text: &str) -> Result<(), StoreError> {
        let wrong = || StoreError::Unreadable("a delta of the roll-ups".to_owned());
        let value: Value = serde_json::from_str(text).map_err(|_| wrong())?;
        let list = |name: &str| value.get(name).and_then(Value::as_array).ok_or_else(wrong);
        for one in list("counts")? {
            let number = |index: usize| one.get(index).and_then(Value::as_i64).ok_or_else(wrong);
            let text = |index: usize| one.get(index).and_then(Value::as_str).ok_or_else(wrong);
            let measures = self.counts.entry((number(0)?, number(1)?)).or_default();
            measures.add_values(text(2)?)?;
            for (index, sketched) in (3..).zip(Sketched::ALL) {
                measures.add_sketch(sketched, text(index)?)?;
            }
        }
        for one in list("sessions")? {
            let text = |index: usize| one.get(index).and_then(Value::as_str).ok_or_else(wrong);
            let key = SessionKey {
                workspace_id: text(0)?.to_owned(),
                session_id: text(1)?.to_owned(),
            };
            let numbers = one.get(3).and_then(Value::as_array).ok_or_else(wrong)?;
            let numbers: Option<Vec<i64>> = numbers.iter().map(Value::as_i64).collect();
            let sums = SessionSums::from_numbers(text(2)?, &numbers.ok_or_else(wrong)?);
            let sums = sums.ok_or_else(wrong)?;
            match self.sessions.get_mut(&key) {
                Some(all) => all.merge(&sums),
                None => {
                    self.sessions.insert(key, sums);
                }
            }
        }
        for one in list("postings")? {
            let number = |index: usize| one.get(index).and_then(Value::as_i64).ok_or_else(wrong);
            let text = |index: usize| one.get(index).and_then(Value::as_str).ok_or_else(wrong);
            let window = BudgetWindow {
                budget: BudgetId::from_text(text(1)?),
                window: WindowId::from_text(text(2)?).ok_or_else(wrong)?,
            };
            let sum = self.postings.entry((number(0)?, window)).or_default();
            *sum = sum.saturating_add(number(3)?);
        }
        Ok(())
    }
}

/// Writes what records that have just been inserted add to the roll-ups.
pub(crate) async fn note(
    transaction: &mut Transaction,
    inserted: &[Place<'_>],
) -> Result<(), StoreError> {
    let Some(first) = inserted.iter().map(|place| place.position).min() else {
        return Ok(());
    };
    let mut delta = Delta::default();
    for place in inserted {
        delta.count(place);
    }
    Statement::new("INSERT INTO rollup_deltas (position, from_ms, counts) VALUES ($1, $2, $3)")
        .int(first)
        .int(delta.begins_ms())
        .text(&delta.to_text())
        .run(transaction)
        .await
        .map(drop)
}
