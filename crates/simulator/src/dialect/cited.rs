//! What an answer cites: the first document or search result of a request that is to be cited.

/// A document or a search result of a request, and what an answer cites of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cited {
    /// What it is, and what places in it are counted in.
    pub(crate) what: What,
    /// Which one it is, among all of its kind in the request.
    pub(crate) index: usize,
    pub(crate) title: String,
    /// Where a search result was found.
    pub(crate) source: String,
    /// The words that are cited: as much of the beginning as can be cited at once.
    pub(crate) quote: String,
    /// Whether the request wants it to be cited.
    pub(crate) is_cited: bool,
}

/// What is cited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Characters of a document that is text.
    Text,
    /// Texts of a document that is a list of them.
    Texts,
    /// Pages of a document of another kind.
    Pages,
    /// Texts of a search result.
    SearchResult,
}

impl Cited {
    /// Where the cited words begin, and where they end.
    pub(crate) fn place(&self) -> (usize, usize) {
        match self.what {
            What::Text => (0, self.quote.chars().count()),
            What::Texts | What::SearchResult => (0, 1),
            What::Pages => (1, 2),
        }
    }

    /// The first of a request's documents and search results, in order, that is to be cited.
    pub(crate) fn first(all: impl Iterator<Item = Self>) -> Option<Self> {
        let (mut documents, mut results) = (0, 0);
        for mut it in all {
            let before = match it.what {
                What::SearchResult => &mut results,
                What::Text | What::Texts | What::Pages => &mut documents,
            };
            it.index = *before;
            *before += 1;
            if it.is_cited {
                return Some(it);
            }
        }
        None
    }
}
