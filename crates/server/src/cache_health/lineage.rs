//! `Lineage`: which call of a session goes on with which: the one whose whole prompt is the longest
//! beginning of its own. Hashes only.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ledger::GenerationId;

/// Prompts that are remembered, about a hundred bytes each; the oldest go first.
const ENDS_MAX: usize = 65_536;

/// Where the prompts of calls ended.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    ends: HashMap<u64, GenerationId>,
    in_order: VecDeque<u64>,
}

impl Lineage {
    /// Remembers a call of a session by the numbers of its prompt
    /// ([`stations`](wire::prefix::Prefix::stations)); the call that it goes on with, if that is known.
    /// One that is asked again is no continuation of itself.
    pub(super) fn place(
        &mut self,
        session: u64,
        stations: &[u64],
        id: &GenerationId,
    ) -> Option<GenerationId> {
        let (whole, beginnings) = stations.split_last()?;
        let mut beginnings = beginnings.iter().rev();
        let before = beginnings.find_map(|end| self.ends.get(&in_session(session, *end)));
        let before = before.cloned();
        let end = in_session(session, *whole);
        if self.ends.insert(end, id.clone()).is_none() {
            self.in_order.push_back(end);
        }
        if self.in_order.len() > ENDS_MAX
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.ends.remove(&oldest);
        }
        before
    }
}

fn in_session(session: u64, end: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (session, end).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use wire::prefix::Prefix;

    use super::*;

    fn asked(turns: &[&str]) -> Vec<u64> {
        let messages: Vec<String> = turns
            .iter()
            .map(|text| format!("{{\"role\":\"user\",\"content\":\"{text}\"}}"))
            .collect();
        let body = format!(
            "{{\"tools\":[{}],\"messages\":[{}]}}",
            turns.len(),
            messages.join(",")
        );
        Prefix::of(body.as_bytes()).unwrap().stations()
    }

    #[test]
    fn a_call_goes_on_with_the_longest_prompt_that_is_a_beginning_of_its_own() {
        let mut lineage = Lineage::default();
        let mut place = |session: u64, turns: &[&str], id: &str| {
            let before = lineage.place(session, &asked(turns), &GenerationId::from_text(id));
            before.map(|id| id.to_string())
        };
        assert_eq!(place(1, &["plan"], "a"), None);
        assert_eq!(place(1, &["plan", "x", "y"], "b").as_deref(), Some("a"));
        // A part of the work that another agent does, with a prompt of its own.
        assert_eq!(place(1, &["look"], "c"), None);
        assert_eq!(place(1, &["look", "z"], "d").as_deref(), Some("c"));
        assert_eq!(
            place(1, &["plan", "x", "y", "w"], "e").as_deref(),
            Some("b")
        );
        // Asked again, and asked otherwise.
        assert_eq!(
            place(1, &["plan", "x", "y", "w"], "f").as_deref(),
            Some("b")
        );
        assert_eq!(place(1, &["plan", "q"], "g").as_deref(), Some("a"));
        assert_eq!(place(2, &["plan", "x"], "h"), None, "another session");
    }

    #[test]
    fn what_is_remembered_stays_within_its_bound() {
        let mut lineage = Lineage::default();
        for number in 0..ENDS_MAX as u64 + 10 {
            lineage.place(1, &[number], &GenerationId::from_text("gen-1"));
        }
        assert_eq!(lineage.ends.len(), ENDS_MAX);
        assert_eq!(lineage.in_order.len(), ENDS_MAX);
    }
}
