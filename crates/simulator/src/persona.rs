//! Several simulated providers in one process, told apart by the first part of the path.

use std::sync::Arc;

use crate::script::Script;

/// A simulated provider: its name, where it is, and how it answers when nothing else is scripted.
#[derive(Clone, Debug)]
pub struct Persona {
    /// First part of the path, such as `fast`.
    pub slug: String,
    /// Display name, such as `Simulated Fast`; every answer says it.
    pub name: String,
    /// The base URL that the dialect's paths are added to, such as `http://127.0.0.1:4010/fast/v1`.
    pub base_url: String,
    /// How it answers by default.
    pub script: Arc<Script>,
    /// The wire format the base URL is for, in the catalog's word, such as `openai-chat`. Every persona speaks all
    /// of them; this one is how it presents itself.
    pub dialect: &'static str,
    /// How it wants to be called, in the catalog's word: `none`, `sigv4` or `google`. [`Simulator::credential`]
    /// gives what goes with it.
    ///
    /// [`Simulator::credential`]: crate::Simulator::credential
    pub auth: &'static str,
}

/// A persona before it has an address.
#[derive(Clone, Debug)]
pub struct PersonaSpec {
    /// First part of the path.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// How it answers by default.
    pub script: Script,
    /// The wire format it presents itself with.
    pub dialect: &'static str,
}

impl PersonaSpec {
    /// A persona from its parts.
    #[must_use]
    pub fn new(slug: &str, name: &str, script: Script) -> Self {
        Self {
            slug: slug.to_owned(),
            name: name.to_owned(),
            script,
            dialect: OPENAI_CHAT,
        }
    }

    /// The same persona, presenting itself with another wire format.
    #[must_use]
    pub fn speaking(mut self, dialect: &'static str) -> Self {
        self.dialect = dialect;
        self
    }

    /// The persona below a simulator's root URL.
    pub(crate) fn placed(self, root: &str) -> Persona {
        let below = BASES.iter().find(|(dialect, _)| *dialect == self.dialect);
        let below = below.map_or("/v1", |(_, path)| path);
        Persona {
            base_url: format!("{root}/{}{below}", self.slug),
            slug: self.slug,
            name: self.name,
            script: Arc::new(self.script),
            dialect: self.dialect,
            auth: match self.dialect {
                "bedrock-converse" => "sigv4",
                "vertex" => "google",
                _ => "none",
            },
        }
    }
}

const OPENAI_CHAT: &str = "openai-chat";

/// What each wire format's base URL ends with, where it is not `/v1`.
const BASES: [(&str, &str); 5] = [
    ("gemini", "/v1beta"),
    ("vertex", "/v1"),
    ("bedrock-converse", ""),
    ("azure-openai", "/openai"),
    ("cohere", "/v2"),
];

/// How the plain simulator calls itself in its answers.
pub(crate) const PLAIN_NAME: &str = "the Waybill simulator";

/// The fleet for demos: a quick one, a slow one, one that fails every third call, a cheap one, and one that thinks.
#[must_use]
pub fn demo_fleet() -> Vec<PersonaSpec> {
    let rows = [
        ("fast", "Simulated Fast", "delay=20ms,gap=2ms"),
        (
            "slow",
            "Simulated Slow",
            "delay=600ms,first-token=400ms,gap=60ms,comment=200ms",
        ),
        (
            "flaky",
            "Simulated Flaky",
            "status=503,message=Simulated%20outage,every=3",
        ),
        ("cheap", "Simulated Cheap", "delay=150ms,gap=15ms"),
        (
            "thinker",
            "Simulated Thinker",
            "delay=80ms,gap=8ms,reasoning=40",
        ),
    ];
    rows.iter()
        .filter_map(|(slug, name, script)| {
            Some(PersonaSpec::new(slug, name, Script::parse(script).ok()?))
        })
        .collect()
}

/// One simulated provider for each wire format beside `openai-chat`.
#[must_use]
pub fn dialect_fleet() -> Vec<PersonaSpec> {
    let rows = [
        ("responses", "Simulated Responses", "openai-responses"),
        ("messages", "Simulated Messages", "anthropic-messages"),
        ("gemini", "Simulated Gemini", "gemini"),
        ("vertex", "Simulated Vertex", "vertex"),
        ("bedrock", "Simulated Bedrock", "bedrock-converse"),
        ("azure", "Simulated Azure", "azure-openai"),
        ("cohere", "Simulated Cohere", "cohere"),
    ];
    let spec = |(slug, name, dialect): (&str, &str, &'static str)| {
        let script = Script::parse("delay=40ms,gap=4ms").ok()?;
        Some(PersonaSpec::new(slug, name, script).speaking(dialect))
    };
    rows.into_iter().filter_map(spec).collect()
}
