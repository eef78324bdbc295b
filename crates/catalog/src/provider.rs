//! Provider: a company or host behind one base URL and one credential scheme.

use std::fmt;
use std::sync::Arc;

use chat::Dialect;

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is; whether it exists is for the catalog to say.
            #[must_use]
            pub fn new(text: &str) -> Self {
                Self(text.into())
            }

            /// The slug as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}
pub(crate) use slug;

slug! {
    /// Identifies a provider, as in `provider.order`: `groq`, `amazon-bedrock`.
    ProviderSlug
}

/// How a credential is put on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer,
    /// A header of this name with the bare credential in it.
    Header(Box<str>),
    /// AWS Signature Version 4 (or a Bedrock API key as bearer).
    SigV4,
    /// A Google access token made from a service account or application-default credentials.
    Google,
    /// Azure's `api-key` header, or an Entra access token as bearer.
    Azure,
    /// No credential at all, as on one's own machine.
    None,
}

impl Auth {
    /// The words of rows, for messages.
    pub const WORDS: &'static str = "bearer, header:<name>, sigv4, google, azure, none";

    /// Reads the word of a row; `None` when it is not one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "bearer" => Some(Self::Bearer),
            "sigv4" => Some(Self::SigV4),
            "google" => Some(Self::Google),
            "azure" => Some(Self::Azure),
            "none" => Some(Self::None),
            _ => match text.strip_prefix("header:") {
                Some(name) if is_header_name(name) => Some(Self::Header(name.into())),
                _ => None,
            },
        }
    }
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// What kind of company or host a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// Serves the models it makes.
    FirstParty,
    /// Serves models of others on its own machines.
    Host,
    /// Passes calls on to others.
    Aggregator,
    /// Runs on the operator's own machine.
    Local,
    /// Pretends: a scripted provider for tests and demos.
    Simulated,
}

impl ProviderKind {
    /// Reads the word of a row; `None` when it is not one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "first_party" => Some(Self::FirstParty),
            "host" => Some(Self::Host),
            "aggregator" => Some(Self::Aggregator),
            "local" => Some(Self::Local),
            "simulated" => Some(Self::Simulated),
            _ => None,
        }
    }
}

/// What a provider does with prompts. Unknown counts as the worst.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataPolicy {
    /// Whether it may train on prompts; absent means unknown.
    pub training: Option<bool>,
    /// For how many days it keeps prompts; absent means unknown.
    pub retention_days: Option<u32>,
    /// Whether zero data retention is agreed; absent means unknown.
    pub zdr: Option<bool>,
    /// Where data stays, when that is known.
    pub region: Option<Box<str>>,
}

impl DataPolicy {
    /// Whether it may train on prompts, as far as anybody can rule that out.
    #[must_use]
    pub fn may_train(&self) -> bool {
        self.training != Some(false)
    }

    /// Whether it keeps nothing: agreed, or stated as zero days.
    #[must_use]
    pub fn is_zdr(&self) -> bool {
        match self.zdr {
            Some(agreed) => agreed && !self.may_train(),
            None => self.retention_days == Some(0) && !self.may_train(),
        }
    }
}

/// How one dialect is spoken to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The dialect.
    pub dialect: Dialect,
    /// Where requests go; ends where the dialect's path begins, without a slash. Variables are
    /// filled in, unless the provider lacks them (see [`Access::Lacking`]).
    pub base_url: Box<str>,
    /// How the credential is presented.
    pub auth: Auth,
    /// Names of habits, from `wire`'s table of quirks.
    pub quirks: Arc<[Box<str>]>,
}

/// Whether a provider can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It has a credential, or needs none, and its address is known.
    Ready,
    /// Nobody has given a credential.
    NoCredential,
    /// There is a credential, but these variables of its base URL have no value.
    Lacking(Vec<Box<str>>),
}

/// A company or host behind one base URL and one credential scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Identifies it.
    pub slug: ProviderSlug,
    /// Other slugs it goes by.
    pub aliases: Vec<Box<str>>,
    /// Display name.
    pub name: Box<str>,
    /// What it is; absent where nobody has said.
    pub kind: Option<ProviderKind>,
    /// One per dialect it speaks, the preferred one first.
    pub connections: Vec<Connection>,
    /// Environment variables in which its users keep the credential; the first one set is used.
    pub env: Vec<Box<str>>,
    /// Link to its API documentation.
    pub docs: Option<Box<str>>,
    /// Whether closing the connection of a stream stops the bill; absent means unknown.
    pub abort_stops_billing: Option<bool>,
    /// What it does with prompts.
    pub data_policy: DataPolicy,
    /// Link to its privacy policy.
    pub privacy_policy_url: Option<Box<str>>,
    /// Link to its terms.
    pub terms_of_service_url: Option<Box<str>>,
    /// Link to its status page.
    pub status_page_url: Option<Box<str>>,
    /// Country, ISO 3166 alpha-2.
    pub headquarters: Option<Box<str>>,
    /// Countries of its data centres, ISO 3166 alpha-2.
    pub datacenters: Vec<Box<str>>,
    /// Whether it can be used.
    pub access: Access,
}

impl Provider {
    /// Whether it can be used: it has a credential, or needs none.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.access == Access::Ready
    }

    /// Whether it needs no credential.
    #[must_use]
    pub fn needs_no_credential(&self) -> bool {
        self.connections
            .iter()
            .all(|connection| connection.auth == Auth::None)
    }

    /// How a dialect is spoken to it, if it speaks it.
    #[must_use]
    pub fn connection(&self, dialect: Dialect) -> Option<&Connection> {
        self.connections
            .iter()
            .find(|connection| connection.dialect == dialect)
    }

    /// Whether `name` means this provider: its slug, an alias, or (whatever the case) its name.
    #[must_use]
    pub fn goes_by(&self, name: &str) -> bool {
        self.slug.as_str() == name
            || self.aliases.iter().any(|alias| alias.as_ref() == name)
            || self.name.eq_ignore_ascii_case(name)
            || self.slug.as_str().eq_ignore_ascii_case(name)
    }
}
