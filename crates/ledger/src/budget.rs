//! `Budget`: who may spend how much in which window, and whether a call falls under it.
//!
//! One concept for all: a key's `limit` with its `limit_reset`, a workspace's budget, a budget of an
//! end user. A limit of zero allows nothing; no limit at all is no `Budget`.

use std::fmt;
use std::sync::Arc;

use crate::{Amount, Window, WindowId};

/// A budget's id. Every call under a budget carries it to its record, so copies share the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BudgetId(Arc<str>);

impl BudgetId {
    /// Takes an id as text.
    #[must_use]
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BudgetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One counter: a budget in one piece of its time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BudgetWindow {
    /// Which budget.
    pub budget: BudgetId,
    /// Which piece of time.
    pub window: WindowId,
}

impl BudgetWindow {
    /// Reads what `Display` wrote: `<budget>@day:1767225600`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (budget, window) = text.rsplit_once('@')?;
        Some(Self {
            budget: BudgetId::from_text(budget),
            window: WindowId::from_text(window)?,
        })
    }
}

impl fmt::Display for BudgetWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.budget, self.window)
    }
}

/// What happens at the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Enforcement {
    /// The call is refused.
    Hard,
    /// The call goes on, and says that the limit is reached.
    Warn,
}

impl Enforcement {
    /// The word in SQL and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Warn => "warn",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Hard, Self::Warn]
            .into_iter()
            .find(|e| e.name() == name)
    }
}

/// What a call has that a budget may look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallFacts<'a> {
    /// The workspace that pays.
    pub workspace_id: &'a str,
    /// The member whose key it is, when the key belongs to one.
    pub member_id: Option<&'a str>,
    /// Hash of the key.
    pub key_hash: &'a str,
    /// App URL (`HTTP-Referer`).
    pub app: Option<&'a str>,
    /// The caller's own user (`user`).
    pub end_user: Option<&'a str>,
    /// Metadata of the call, name and value.
    pub metadata: &'a [(String, String)],
    /// Whether it is paid with a credential of the caller's own.
    pub is_byok: bool,
}

/// Pairs of metadata, all of which a call must carry. An empty selector selects nothing, so that a
/// lost row cannot become a limit for everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector(Vec<(String, String)>);

impl Selector {
    /// The selector of these pairs; their order does not matter.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort();
        pairs.dedup();
        Self(pairs)
    }

    /// Reads `name=value&name=value`, in which `%25`, `%26` and `%3D` stand for `%`, `&` and `=`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let pairs: Option<Vec<_>> = text
            .split('&')
            .map(|pair| pair.split_once('='))
            .map(|pair| pair.map(|(name, value)| (plain(name), plain(value))))
            .collect();
        pairs.map(Self::new)
    }

    /// One of the pairs, always the same: whoever carries all of them carries this one. Absent when
    /// there are none.
    #[must_use]
    pub fn first(&self) -> Option<&(String, String)> {
        self.0.first()
    }

    /// Whether metadata carries all the pairs.
    #[must_use]
    pub fn selects(&self, metadata: &[(String, String)]) -> bool {
        !self.0.is_empty() && self.0.iter().all(|pair| metadata.contains(pair))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, value)) in self.0.iter().enumerate() {
            let between = if position == 0 { "" } else { "&" };
            write!(f, "{between}{}={}", escaped(name), escaped(value))?;
        }
        Ok(())
    }
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace('&', "%26")
        .replace('=', "%3D")
}

fn plain(text: &str) -> String {
    text.replace("%3D", "=")
        .replace("%26", "&")
        .replace("%25", "%")
}

/// Whom a budget is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Everybody in the house.
    Organization,
    /// A workspace, by id.
    Workspace(String),
    /// A member, by id: all the keys that belong to them.
    Member(String),
    /// A key, by hash.
    Key(String),
    /// An app, by its URL.
    App(String),
    /// An end user, as callers name them in `user`.
    EndUser(String),
    /// Calls with such metadata.
    Metadata(Selector),
}

impl Subject {
    /// Whether a call is this subject's.
    #[must_use]
    pub fn covers(&self, call: &CallFacts<'_>) -> bool {
        match self {
            Self::Organization => true,
            Self::Workspace(id) => id == call.workspace_id,
            Self::Member(id) => call.member_id == Some(id),
            Self::Key(hash) => hash == call.key_hash,
            Self::App(url) => call.app == Some(url),
            Self::EndUser(name) => call.end_user == Some(name),
            Self::Metadata(selector) => selector.selects(call.metadata),
        }
    }

    /// The word for the kind of subject in SQL and JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Workspace(_) => "workspace",
            Self::Member(_) => "member",
            Self::Key(_) => "key",
            Self::App(_) => "app",
            Self::EndUser(_) => "end_user",
            Self::Metadata(_) => "metadata",
        }
    }

    /// Which one of its kind, as text; empty for the organization.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Organization => String::new(),
            Self::Workspace(text)
            | Self::Member(text)
            | Self::Key(text)
            | Self::App(text)
            | Self::EndUser(text) => text.clone(),
            Self::Metadata(selector) => selector.to_string(),
        }
    }

    /// Reads back what [`Subject::kind`] and [`Subject::value`] wrote.
    #[must_use]
    pub fn from_parts(kind: &str, value: &str) -> Option<Self> {
        let text = || value.to_owned();
        match kind {
            "organization" => Some(Self::Organization),
            "workspace" => Some(Self::Workspace(text())),
            "member" => Some(Self::Member(text())),
            "key" => Some(Self::Key(text())),
            "app" => Some(Self::App(text())),
            "end_user" => Some(Self::EndUser(text())),
            "metadata" => Selector::from_text(value).map(Self::Metadata),
            _ => None,
        }
    }
}

/// A limit on what calls may cost in a window of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Its id.
    pub id: BudgetId,
    /// Whom it is for.
    pub subject: Subject,
    /// The workspace whose calls alone can fall under it; absent for one of the whole house. Names
    /// of end users, apps and metadata mean something within a workspace only.
    pub workspace_id: Option<String>,
    /// The most that may be spent in one window; nano-USD, 0 allows nothing.
    pub limit: Amount,
    /// How time is cut.
    pub window: Window,
    /// What happens at the limit.
    pub enforcement: Enforcement,
    /// Whether calls with credentials of the caller's own count, at list price.
    pub counts_byok: bool,
}

impl Budget {
    /// Whether a call falls under this budget.
    #[must_use]
    pub fn covers(&self, call: &CallFacts<'_>) -> bool {
        let in_workspace = self
            .workspace_id
            .as_deref()
            .is_none_or(|id| id == call.workspace_id);
        in_workspace && (self.counts_byok || !call.is_byok) && self.subject.covers(call)
    }

    /// The counter that a call beginning at this second (Unix time) is counted in. A call stays in
    /// the window that it began in, however long it lasts.
    #[must_use]
    pub fn window_at(&self, now: i64) -> BudgetWindow {
        BudgetWindow {
            budget: self.id.clone(),
            window: self.window.at(now),
        }
    }
}
