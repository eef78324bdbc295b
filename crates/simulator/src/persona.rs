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
    /// The base URL that `/chat/completions` is added to, such as `http://127.0.0.1:4010/fast/v1`.
    pub base_url: String,
    /// How it answers by default.
    pub script: Arc<Script>,
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
}

impl PersonaSpec {
    /// A persona from its parts.
    #[must_use]
    pub fn new(slug: &str, name: &str, script: Script) -> Self {
        Self {
            slug: slug.to_owned(),
            name: name.to_owned(),
            script,
        }
    }
}

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
