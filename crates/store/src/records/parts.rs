//! What makes a facet, as it stands in a call: borrowed, so that a combination that was met before is found without
//! a copy of it, and without the cryptographic hash that names it.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use foldhash::{HashMap, HashMapExt as _};
use ledger::Generation;
use sha2::{Digest as _, Sha256};

use super::facets::{Facet, first_bits};
use crate::rows;

/// So many combinations are found quickly, at some 300 bytes each; then all are forgotten, and named anew.
const RECENT_MAX: usize = 32_768;

/// The parts of a facet, in the order in which they are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Parts<'a> {
    pub(super) texts: [&'a str; 10],
    pub(super) status: i64,
}

impl<'a> Parts<'a> {
    /// Those of a call.
    pub(super) fn of(generation: &'a Generation) -> Self {
        let caller = &generation.caller;
        let (outcome, kind, _) = rows::write_outcome(&generation.outcome);
        let text = |text: &'a Option<String>| text.as_deref().unwrap_or_default();
        let origin = text(&caller.http_referer);
        let model = match generation.model.as_str() {
            "" => &generation.requested_model,
            served => served,
        };
        Self {
            texts: [
                &caller.workspace_id,
                &caller.key_hash,
                generation.dialect.name(),
                caller.app_title.as_deref().unwrap_or(origin),
                origin,
                model,
                text(&generation.provider),
                text(&generation.endpoint),
                outcome,
                kind.unwrap_or_default(),
            ],
            status: i64::from(generation.status),
        }
    }

    /// The name of this combination: the first 63 bits of a hash over its parts.
    pub(super) fn id(&self) -> i64 {
        let mut hash = Sha256::new();
        let status = self.status.to_string();
        for part in self.texts.into_iter().chain([status.as_str()]) {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part);
        }
        first_bits(hash)
    }

    /// A copy, of nobody known.
    pub(super) fn to_facet(self) -> Facet {
        let [
            workspace_id,
            key_hash,
            dialect,
            app,
            origin,
            model,
            provider,
            endpoint,
            outcome,
            error_kind,
        ] = self.texts.map(str::to_owned);
        Facet {
            workspace_id,
            key_hash,
            member: None,
            dialect,
            app,
            origin,
            model,
            provider,
            endpoint,
            status: self.status,
            outcome,
            error_kind,
        }
    }
}

/// The combinations of late, and the facets that their calls count as. A batch has calls of many keys, one after the
/// other: were only the last one remembered, each of them would be named anew.
#[derive(Debug, Default)]
pub(super) struct Recent {
    hash: RandomState,
    /// By a quick hash; what is found is compared before it is believed.
    named: HashMap<u64, Named>,
}

impl Recent {
    pub(super) fn find(&self, parts: &Parts<'_>) -> Option<i64> {
        let named = self.named.get(&self.hash.hash_one(parts))?;
        named.is_of(parts).then_some(named.id)
    }

    pub(super) fn put(&mut self, parts: &Parts<'_>, id: i64) {
        if self.named.len() >= RECENT_MAX {
            self.named = HashMap::new();
        }
        let hash = self.hash.hash_one(parts);
        self.named.insert(hash, Named::new(parts, id));
    }
}

/// A combination in one piece of memory: with thousands of keys in use, to compare ten texts that lie apart would
/// wait for memory ten times.
#[derive(Debug)]
struct Named {
    texts: Box<str>,
    /// Where each of them ends.
    ends: [usize; 10],
    status: i64,
    id: i64,
}

impl Named {
    fn new(parts: &Parts<'_>, id: i64) -> Self {
        let mut end = 0;
        Self {
            texts: parts.texts.concat().into(),
            ends: parts.texts.map(|text| {
                end += text.len();
                end
            }),
            status: parts.status,
            id,
        }
    }

    fn is_of(&self, parts: &Parts<'_>) -> bool {
        let mut from = 0;
        let mut texts = self.ends.iter().zip(parts.texts);
        self.status == parts.status
            && texts.all(|(end, text)| {
                let own = self.texts.get(from..*end);
                from = *end;
                own == Some(text)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_combination_is_found_again_and_another_one_is_not() {
        let (mut recent, nothing) = (Recent::default(), Facet::nothing());
        let parts = |status| Parts {
            status,
            ..nothing.parts()
        };
        recent.put(&parts(200), 7);
        recent.put(&parts(429), 8);
        assert_eq!(recent.find(&parts(200)), Some(7));
        assert_eq!(recent.find(&parts(429)), Some(8));
        assert_eq!(recent.find(&parts(500)), None);
        // Somebody else's behind the same quick hash is not believed.
        let hash = recent.hash.hash_one(parts(500));
        recent.named.insert(hash, Named::new(&parts(200), 7));
        assert_eq!(recent.find(&parts(500)), None);
    }

    #[test]
    fn texts_that_are_parted_elsewhere_are_others() {
        let nothing = Facet::nothing();
        let parts = |app, origin| {
            let mut parts = nothing.parts();
            (parts.texts[3], parts.texts[4]) = (app, origin);
            parts
        };
        let named = Named::new(&parts("ab", "c"), 7);
        assert!(named.is_of(&parts("ab", "c")));
        for (app, origin) in [
            ("a", "bc"),
            ("abc", ""),
            ("", "abc"),
            ("ab", ""),
            ("ab", "cd"),
        ] {
            assert!(!named.is_of(&parts(app, origin)), "{app}, {origin}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut recent, nothing) = (Recent::default(), Facet::nothing());
        for status in 0..40_000 {
            let parts = Parts {
                status,
                ..nothing.parts()
            };
            recent.put(&parts, status);
            assert_eq!(recent.find(&parts), Some(status));
            assert!(recent.named.len() <= RECENT_MAX);
        }
    }
}
