//! Deltas: what a batch of records adds to the roll-ups, as one row beside them.
//!
//! To write it costs a batch one insert; the rows of minutes, hours and days, which would be several
//! for each call, follow later, for many batches at once (`gather`, `merge`), and so does the index by
//! facet (`index`). Both happen in transactions: no call is ever counted twice, or not at all.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{BudgetId, BudgetWindow, WindowId};
use serde::Deserialize;

use super::insert::Place;
use super::measures::{Measures, Sketched};
use super::month::{Month, time_of};
use super::positions::Positions;
use super::sessions::{SessionKey, SessionSums};
use crate::StoreError;
use crate::database::{Statement, Transaction};
use crate::json::Json;

pub(super) const MS_PER_MINUTE: i64 = 60_000;

/// About what the counts of one facet take as text.
const BYTES_PER_COUNT: usize = 400;

/// About what a position takes as text.
const BYTES_PER_POSITION: usize = 10;

/// What [`Delta::to_text`] wrote. There are as many sums in a delta as there are keys in its batch, so they are
/// read without a copy; they have nothing that JSON would escape.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow, default)]
    sums: Vec<Sum<'a>>,
    /// What versions before have left: minute, facet, values, and a sketch of each kind.
    #[serde(borrow, default)]
    counts: Vec<(i64, i64, &'a str, &'a str, &'a str, &'a str)>,
    /// Workspace, session, hash of its key, numbers.
    sessions: Vec<(String, String, String, Vec<i64>)>,
    /// Month, budget, window, nano-USD.
    postings: Vec<(i64, String, String, i64)>,
}

/// Minute, facet, what was counted, and where those records stand. Versions before have not said the last, and
/// cannot read what has it: so they count nothing of which they would lose that.
#[derive(Deserialize)]
struct Sum<'a>(i64, i64, &'a str, #[serde(borrow, default)] Option<&'a str>);

/// What some records add.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Delta {
    /// By minute since 1970 and facet.
    pub(crate) counts: BTreeMap<(i64, i64), Box<Measures>>,
    /// Likewise, where records stand that may not be in the index yet.
    pub(crate) places: BTreeMap<(i64, i64), Positions>,
    /// Of which of them a version before has counted records without saying where they stand.
    pub(crate) unplaced: BTreeSet<(i64, i64)>,
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
        let counts = (minute, place.facet);
        self.counts.entry(counts).or_default().count(call);
        self.places.entry(counts).or_default().add(place.position);
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
        let positions: usize = self.places.values().map(Positions::len).sum();
        let bytes = BYTES_PER_COUNT * (self.counts.len() + 1) + BYTES_PER_POSITION * positions;
        Json::text_of(bytes, |json| {
            json.object(|json| {
                json.name("sums").array(|json| self.write_sums(json));
                json.name("sessions")
                    .array(|json| self.write_sessions(json));
                json.name("postings")
                    .array(|json| self.write_postings(json));
            });
        })
    }

    fn write_sums(&self, json: &mut Json) {
        let (mut text, mut places) = (String::new(), String::new());
        for ((minute, facet), measures) in &self.counts {
            text.clear();
            measures.write(&mut text);
            places.clear();
            if let Some(positions) = self.places.get(&(*minute, *facet)) {
                positions.write(*minute, &mut places);
            }
            json.array(|json| {
                json.int(*minute);
                json.int(*facet);
                json.text(&text);
                json.text(&places);
            });
        }
    }

    fn write_sessions(&self, json: &mut Json) {
        for (key, sums) in &self.sessions {
            json.array(|json| {
                json.text(&key.workspace_id);
                json.text(&key.session_id);
                json.text(&sums.key_hash);
                json.array(|json| sums.numbers().into_iter().for_each(|one| json.int(one)));
            });
        }
    }

    fn write_postings(&self, json: &mut Json) {
        for ((month, line), nanos) in &self.postings {
            json.array(|json| {
                json.int(*month);
                json.text(line.budget.as_str());
                json.text(&line.window.to_string());
                json.int(*nanos);
            });
        }
    }

    /// Adds what [`Delta::to_text`] wrote.
    pub(crate) fn add_text(&mut self, text: &str) -> Result<(), StoreError> {
        let written = Self::written(text)?;
        for Sum(minute, facet, _, places) in &written.sums {
            let Some(places) = places else {
                self.unplaced.insert((*minute, *facet));
                continue;
            };
            let positions = Positions::read(*minute, places)?;
            let all = self.places.entry((*minute, *facet)).or_default();
            all.merge(positions);
        }
        for (minute, facet, ..) in &written.counts {
            self.unplaced.insert((*minute, *facet));
        }
        self.add_written(written)
    }

    /// The same without where the records stand, which is most of the work where it is not asked for.
    pub(crate) fn add_text_without_places(&mut self, text: &str) -> Result<(), StoreError> {
        self.add_written(Self::written(text)?)
    }

    fn written(text: &str) -> Result<Written<'_>, StoreError> {
        serde_json::from_str(text).map_err(|_| unreadable())
    }

    fn add_written(&mut self, written: Written<'_>) -> Result<(), StoreError> {
        for Sum(minute, facet, text, _) in written.sums {
            let measures = self.counts.entry((minute, facet)).or_default();
            measures.add_text(text)?;
        }
        for (minute, facet, values, first, total, speed) in written.counts {
            let measures = self.counts.entry((minute, facet)).or_default();
            measures.add_values(values)?;
            for (sketched, text) in Sketched::ALL.into_iter().zip([first, total, speed]) {
                measures.add_sketch(sketched, text)?;
            }
        }
        for (workspace_id, session_id, key_hash, numbers) in written.sessions {
            let key = SessionKey {
                workspace_id,
                session_id,
            };
            let sums = SessionSums::from_numbers(&key_hash, &numbers).ok_or_else(unreadable)?;
            match self.sessions.get_mut(&key) {
                Some(all) => all.merge(&sums),
                None => {
                    self.sessions.insert(key, sums);
                }
            }
        }
        for (month, budget, window, nanos) in written.postings {
            let window = BudgetWindow {
                budget: BudgetId::from_text(budget),
                window: WindowId::from_text(&window).ok_or_else(unreadable)?,
            };
            let sum = self.postings.entry((month, window)).or_default();
            *sum = sum.saturating_add(nanos);
        }
        Ok(())
    }
}

fn unreadable() -> StoreError {
    StoreError::Unreadable("a delta of the roll-ups".to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_version_before_has_left_says_the_same() {
        let before = r#"{"counts":[[29000000,7,"0:2,11:90","40:1,41:1","44:2",""]],
            "sessions":[],"postings":[]}"#;
        let mut read = Delta::default();
        read.add_text(before).unwrap();
        let measures = read.counts.get(&(29_000_000, 7)).unwrap();
        assert_eq!(measures.to_text(), "0:2,11:90;40:1,41:1;44:2;");
        let now = read.to_text();
        assert!(
            now.contains(r#""sums":[[29000000,7,"0:2,11:90;40:1,41:1;44:2;",""]]"#),
            "{now}"
        );
        let mut again = Delta::default();
        again.add_text(&now).unwrap();
        assert_eq!(again.counts, read.counts);
        // What is added twice counts twice.
        again.add_text(before).unwrap();
        let measures = again.counts.get(&(29_000_000, 7)).unwrap();
        assert_eq!(measures.to_text(), "0:4,11:180;40:2,41:2;44:4;");
    }

    #[test]
    fn where_records_stand_is_said_and_missed_where_versions_before_have_not() {
        let first = super::super::positions::first_of(29_000_000);
        let now = r#"{"sums":[[29000000,7,"0:2;;;","5 10"],[29000000,8,"0:1;;;",""]],
            "sessions":[],"postings":[]}"#;
        let mut delta = Delta::default();
        delta.add_text(now).unwrap();
        assert!(delta.unplaced.is_empty());
        let positions = |delta: &Delta| -> Vec<i64> {
            delta.places[&(29_000_000, 7)]
                .iter()
                .map(|one| one - first)
                .collect()
        };
        assert_eq!(positions(&delta), [5, 15]);
        let mut again = Delta::default();
        again.add_text(&delta.to_text()).unwrap();
        assert_eq!(again, delta);
        again
            .add_text(r#"{"sums":[[29000000,7,"0:1;;;"]],"sessions":[],"postings":[]}"#)
            .unwrap();
        assert_eq!(positions(&again), [5, 15]);
        assert_eq!(again.unplaced, BTreeSet::from([(29_000_000, 7)]));
        again
            .add_text(r#"{"counts":[[29000000,8,"0:1","","",""]],"sessions":[],"postings":[]}"#)
            .unwrap();
        assert_eq!(again.unplaced.len(), 2);
        let mut counts = Delta::default();
        counts.add_text_without_places(now).unwrap();
        assert_eq!((&counts.counts, counts.places.len()), (&delta.counts, 0));
    }

    #[test]
    fn a_version_before_does_not_read_what_says_where_records_stand() {
        /// As it was there.
        #[derive(Debug, Deserialize)]
        struct Before<'a> {
            #[serde(borrow, default)]
            sums: Vec<(i64, i64, &'a str)>,
        }
        let mut delta = Delta::default();
        let text = r#"{"sums":[[29000000,7,"0:1;;;"]],"sessions":[],"postings":[]}"#;
        delta.add_text(text).unwrap();
        assert_eq!(
            serde_json::from_str::<Before<'_>>(text).unwrap().sums.len(),
            1
        );
        let now = delta.to_text();
        let error = serde_json::from_str::<Before<'_>>(&now);
        assert!(error.is_err(), "{error:?}");
    }
}
