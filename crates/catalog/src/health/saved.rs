//! The board as text: what survives a restart, and what replicas can tell one another.
//!
//! Windows only: an outage that was under way is not saved, it shows again at the first call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::{DAY_MS, Entry, MINUTE_MS};
use super::sketch::Sketch;
use super::window::{Content, Detail, Ring, Tally};

/// The form's number; a text of another form is not read.
const FORM: u32 = 1;

const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The windows of all endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    form: u32,
    endpoints: BTreeMap<String, SavedEndpoint>,
}

impl Saved {
    pub(super) const fn new(endpoints: BTreeMap<String, SavedEndpoint>) -> Self {
        Self {
            form: FORM,
            endpoints,
        }
    }

    pub(super) fn endpoints(&self) -> impl Iterator<Item = (&str, &SavedEndpoint)> {
        let all = self.endpoints.iter();
        all.map(|(id, endpoint)| (id.as_str(), endpoint))
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// Whether all of it is more than a day old, and so outside every window.
    #[must_use]
    pub fn is_over(&self, now_ms: i64) -> bool {
        let oldest = (now_ms - DAY_MS - HOUR_MS).div_euclid(HOUR_MS);
        let hours = self.endpoints.values().flat_map(|one| &one.hours);
        hours.into_iter().all(|(number, _)| *number < oldest)
    }

    /// As JSON.
    ///
    /// # Errors
    /// Never in practice; the signature is that of the JSON writer.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads what [`Saved::to_json`] wrote; a text of another form is empty.
    ///
    /// # Errors
    /// When the text is no such document.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let saved: Self = serde_json::from_str(text)?;
        Ok(if saved.form == FORM {
            saved
        } else {
            Self::default()
        })
    }

    /// Adds what another replica has seen. Slices begin at the same times everywhere, so the sum is
    /// what one process would have seen.
    pub fn merge(&mut self, other: &Self) {
        self.form = FORM;
        for (id, theirs) in &other.endpoints {
            let mine = self.endpoints.remove(id);
            let mut entry = Entry::new();
            mine.iter()
                .chain([theirs])
                .for_each(|saved| saved.put_into(&mut entry));
            self.endpoints.insert(id.clone(), SavedEndpoint::of(&entry));
        }
    }
}

/// The windows of one endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedEndpoint {
    #[serde(rename = "m")]
    minutes: Vec<(i64, SavedDetail)>,
    #[serde(rename = "f")]
    fives: Vec<(i64, SavedDetail)>,
    #[serde(rename = "h")]
    hours: Vec<(i64, Tally)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct SavedDetail(Tally, Buckets, Buckets, Buckets);

/// Buckets that are not empty.
type Buckets = Vec<(u8, u16)>;

impl SavedEndpoint {
    pub(super) fn of(entry: &Entry) -> Self {
        let hours = entry.hours.filled();
        let mut saved = Self {
            minutes: details(&entry.minutes),
            fives: details(&entry.fives),
            hours: hours.map(|(number, tally)| (number, *tally)).collect(),
        };
        saved.hours.sort_unstable_by_key(|(number, _)| *number);
        saved
    }

    pub(super) fn put_into(&self, entry: &mut Entry) {
        put_details(&self.minutes, &mut entry.minutes);
        put_details(&self.fives, &mut entry.fives);
        for (number, saved) in &self.hours {
            if let Some(tally) = entry.hours.slice(*number) {
                tally.add(saved);
            }
        }
    }
}

fn details<const N: usize>(ring: &Ring<Detail, N>) -> Vec<(i64, SavedDetail)> {
    let mut saved: Vec<(i64, SavedDetail)> = ring
        .filled()
        .map(|(number, detail)| {
            let saved = SavedDetail(
                detail.tally,
                buckets(&detail.first_token_ms),
                buckets(&detail.total_ms),
                buckets(&detail.speed),
            );
            (number, saved)
        })
        .collect();
    saved.sort_unstable_by_key(|(number, _)| *number);
    saved
}

fn buckets(sketch: &Sketch) -> Buckets {
    let filled = sketch.filled();
    filled
        .filter_map(|(bucket, count)| Some((u8::try_from(bucket).ok()?, count)))
        .collect()
}

fn put_details<const N: usize>(saved: &[(i64, SavedDetail)], ring: &mut Ring<Detail, N>)
where
    Detail: Content,
{
    for (number, SavedDetail(tally, first_token_ms, total_ms, speed)) in saved {
        let Some(detail) = ring.slice(*number) else {
            continue;
        };
        detail.tally.add(tally);
        for (sketch, buckets) in [
            (&mut detail.first_token_ms, first_token_ms),
            (&mut detail.total_ms, total_ms),
            (&mut detail.speed, speed),
        ] {
            for (bucket, count) in buckets {
                sketch.add_many(usize::from(*bucket), *count);
            }
        }
    }
}
