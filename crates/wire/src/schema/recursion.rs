//! Whether a schema holds itself, by its references.

use std::collections::BTreeSet;

use serde_json::Value;

/// The longest chain of references that is followed; a longer one leads back, for all that matters.
const CHAIN_MAX: usize = 64;

/// Whether a schema holds itself, by its references.
pub(crate) fn is_recursive(schema: &Value) -> bool {
    let mut following = Following {
        root: schema,
        open: Vec::new(),
        done: BTreeSet::new(),
    };
    following.holds_itself(schema)
}

/// References on their way to what they mean; each is followed once.
struct Following<'s> {
    root: &'s Value,
    open: Vec<&'s str>,
    done: BTreeSet<&'s str>,
}

impl<'s> Following<'s> {
    fn holds_itself(&mut self, value: &'s Value) -> bool {
        let members = match value {
            Value::Array(list) => return list.iter().any(|value| self.holds_itself(value)),
            Value::Object(members) => members,
            _ => return false,
        };
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            return self.leads_back(reference);
        }
        // What is only defined is looked at where it is used.
        let mut used = members
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "$defs" | "definitions"));
        used.any(|(_, value)| self.holds_itself(value))
    }

    fn leads_back(&mut self, reference: &'s str) -> bool {
        if self.open.contains(&reference) || self.open.len() > CHAIN_MAX {
            return true;
        }
        if !self.done.insert(reference) {
            return false;
        }
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| self.root.pointer(pointer));
        self.open.push(reference);
        let leads_back = target.is_some_and(|target| self.holds_itself(target));
        self.open.pop();
        leads_back
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_that_holds_itself_is_known() {
        let list = json!({"$ref": "#/$defs/List"});
        let inner = json!({"type": "object", "properties": {"rest": list}});
        let twice = json!({"$defs": {"List": {"type": "string"}}, "anyOf": [list, list]});
        assert!(is_recursive(
            &json!({"$defs": {"List": inner}, "items": list})
        ));
        assert!(is_recursive(
            &json!({"properties": {"self": {"$ref": "#"}}})
        ));
        assert!(!is_recursive(&twice));
    }
}
