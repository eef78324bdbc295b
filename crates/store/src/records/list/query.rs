//! What may be asked of a list.

use std::time::Duration;

use ledger::quality::Sign;
use tokio::time::Instant;

use crate::records::FacetFilter;

/// Which records, and which page of them. Empty, it is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// At this moment or later, Unix milliseconds.
    pub from_ms: Option<i64>,
    /// Before this one.
    pub to_ms: Option<i64>,
    /// By what is counted by.
    pub filter: FacetFilter,
    /// Of that session.
    pub session_id: Option<String>,
    /// Made for that end user, as the request named them. No count points to them.
    pub external_user: Option<String>,
    /// That cost so much or more, nano-USD.
    pub cost_nanos_min: Option<i64>,
    /// That took so long or longer, milliseconds.
    pub total_ms_min: Option<i64>,
    /// Whose answer has one of these; empty, whatever it has.
    pub signs: Vec<Sign>,
    /// With this text: the beginning of a generation's id, a whole session id, a part of a name that
    /// is counted by (of these, whatever there is first); else a part of the provider's id, the end
    /// user, the user agent or the error's message.
    pub text: Option<String>,
    /// Where the page begins: [`Page::next`](super::Page::next) of the one before.
    pub before: Option<i64>,
    /// How long rows are searched for what no count points to, and for dear, slow and remarkable calls,
    /// before there is a next page; some hundred rows, or an hour, are in any case. 150 milliseconds
    /// when absent.
    pub search_max: Option<Duration>,
    /// Records of a page, from 1 to [`PAGE_MAX`](super::PAGE_MAX).
    pub count: usize,
}

/// How long a search takes when nothing else is said, but for one step more: rows that nobody has read
/// for long come from the disk.
const SEARCH_MAX: Duration = Duration::from_millis(150);

impl ListQuery {
    /// When a search that begins now has to have come to its last step.
    pub(super) fn ends(&self) -> Instant {
        Instant::now() + self.search_max.unwrap_or(SEARCH_MAX)
    }

    /// When one that begins now gives up the step that it is at, unless that is its first.
    pub(super) fn ends_at_last(&self) -> Instant {
        let search_max = self.search_max.unwrap_or(SEARCH_MAX);
        Instant::now() + search_max + search_max / 3
    }

    /// Whether only dear or slow calls are wanted, or remarkable ones.
    pub(super) fn has_peak(&self) -> bool {
        self.cost_nanos_min.is_some() || self.total_ms_min.is_some() || !self.signs.is_empty()
    }

    /// Whether nothing that is counted says where they are.
    pub(super) fn is_only_in_rows(&self) -> bool {
        self.signs.contains(&Sign::Empty) || self.external_user.is_some()
    }
}
