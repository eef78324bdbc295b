//! The tools of a request under the names by which other dialects know them.
//!
//! This dialect has tools in namespaces, and tools whose input is free text. Others know neither: a
//! tool in a namespace gets the name of both, and a free text is the only member of an object. What
//! the model then calls is told to the caller in the caller's own words.

use std::borrow::Cow;

use serde_json::Value;

use crate::codec::Asked;

/// The longest name of a tool that every provider takes, bytes.
const NAME_BYTES_MAX: usize = 64;

/// A tool that other dialects know under another name, or in another form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// What others call it.
    pub(super) told: String,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// Whether its input is free text.
    pub(super) is_free: bool,
}

/// The tools of one request that others do not know as they are.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Vec<Known>);

impl Names {
    /// Of a list of tools.
    pub(super) fn of(tools: &Value) -> Self {
        let mut known = Vec::new();
        let mut plain = Vec::new();
        for tool in tools.as_array().into_iter().flatten() {
            let inner = tool["tools"].as_array().filter(|_| is_namespace(tool));
            let namespace = inner.and_then(|_| tool["name"].as_str());
            let list = inner.map_or(std::slice::from_ref(tool), Vec::as_slice);
            for tool in list {
                let Some(name) = tool["name"].as_str() else {
                    continue;
                };
                let is_free = tool["type"] == "custom";
                match namespace.is_some() || is_free {
                    true => known.push((namespace, name, is_free)),
                    false => plain.push(name),
                }
            }
        }
        let mut names = Self::default();
        for (namespace, name, is_free) in known {
            let told = joined(namespace, name);
            // Two tools may not have one name.
            let is_taken = |told: &str| plain.contains(&told) || names.by_told(told).is_some();
            let mut numbers = 2..;
            let mut own = told.clone();
            while let (true, Some(number)) = (is_taken(&own), numbers.next()) {
                own = format!("{told}_{number}");
            }
            names.0.push(Known {
                told: own,
                namespace: namespace.map(str::to_owned),
                name: name.to_owned(),
                is_free,
            });
        }
        names
    }

    /// Of a request that was read before.
    pub(super) fn of_asked(asked: &Asked<'_>) -> Self {
        let text = std::str::from_utf8(asked.body).unwrap_or_default();
        let members = asked.request.members(text);
        let tools = members.present("tools").map(|tools| tools.value);
        let tools = tools.map_or("", |tools| tools.of(text));
        let has_some = tools.contains("\"namespace\"") || tools.contains("\"custom\"");
        match has_some {
            true => Self::of(&serde_json::from_str(tools).unwrap_or_default()),
            false => Self::default(),
        }
    }

    /// What others call a tool.
    pub(super) fn told<'n>(&'n self, namespace: Option<&str>, name: &'n str) -> Cow<'n, str> {
        let known = |known: &&Known| known.name == name && known.namespace.as_deref() == namespace;
        match (self.0.iter().find(known), namespace) {
            (Some(known), _) => Cow::Borrowed(&known.told),
            // It is offered no more.
            (None, Some(_)) => Cow::Owned(joined(namespace, name)),
            (None, None) => Cow::Borrowed(name),
        }
    }

    /// The tool that others know by a name, where the caller knows it otherwise.
    pub(super) fn by_told(&self, told: &str) -> Option<&Known> {
        self.0.iter().find(|known| known.told == told)
    }
}

/// Whether a tool is a namespace: it holds others.
pub(super) fn is_namespace(tool: &Value) -> bool {
    tool["type"] == "namespace"
}

/// The name of a namespace and a tool in it, as one.
fn joined(namespace: Option<&str>, name: &str) -> String {
    let Some(namespace) = namespace else {
        return name.to_owned();
    };
    let whole = match namespace.ends_with("__") {
        true => format!("{namespace}{name}"),
        false => format!("{namespace}__{name}"),
    };
    if whole.len() <= NAME_BYTES_MAX {
        return whole;
    }
    // The end tells tools of one namespace apart. Names are of ASCII letters; others are refused.
    let end = whole.len().saturating_sub(NAME_BYTES_MAX);
    whole
        .get(end..)
        .map_or_else(|| name.to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_tool_has_one_name_and_finds_its_way_back() {
        let long = "n".repeat(80);
        let names = Names::of(&json!([
            {"type": "function", "name": "agents__spawn"},
            {"type": "namespace", "name": "agents", "tools": [
                {"type": "function", "name": "spawn"}, {"type": "custom", "name": "say"}]},
            {"type": "namespace", "name": "mcp__x__", "tools": [{"type": "function", "name": "y"}]},
            {"type": "namespace", "name": long, "tools": [{"type": "function", "name": "z"}]},
            {"type": "custom", "name": "patch"},
            {"type": "web_search"},
        ]));
        let told: Vec<_> = names.0.iter().map(|known| known.told.as_str()).collect();
        let cut = format!("{}__z", "n".repeat(61));
        let expected = ["agents__spawn_2", "agents__say", "mcp__x__y", &cut, "patch"];
        assert_eq!(told, expected);
        for known in &names.0 {
            let namespace = known.namespace.as_deref();
            assert_eq!(names.told(namespace, &known.name), known.told);
            assert_eq!(names.by_told(&known.told), Some(known));
        }
        assert_eq!(names.told(Some("gone"), "x"), "gone__x");
        assert_eq!(names.told(None, "agents__spawn"), "agents__spawn");
    }
}
