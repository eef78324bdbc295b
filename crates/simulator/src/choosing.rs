//! Which script holds for a call: header, then queue, then model name, then standing script, then persona.

use std::sync::Arc;

use http::request::Parts;
use serde_json::Value;

use crate::dialect::Route;
use crate::script::{Script, ScriptError};
use crate::stage::{Place, Stage};

/// The header that carries a script.
const HEADER: &str = "x-simulate";

/// What a call asks for, as far as it can be told before its dialect reads it.
pub(crate) struct Chosen {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) script: Result<Arc<Script>, ScriptError>,
}

pub(crate) fn choose(
    stage: &Stage,
    place: &Place<'_>,
    parts: &Parts,
    json: Option<&Value>,
    route: Option<&Route>,
) -> Chosen {
    let field = |name: &str| json.and_then(|json| json.get(name));
    let in_path = route.and_then(|route| route.model.as_deref());
    let model = in_path
        .or_else(|| field("model").and_then(Value::as_str))
        .unwrap_or_default()
        .to_owned();
    let in_path = route.and_then(|route| route.streams);
    let stream = in_path.unwrap_or_else(|| field("stream") == Some(&Value::Bool(true)));
    let script = script(stage, place, parts, &model);
    Chosen {
        model,
        stream,
        script,
    }
}

fn script(
    stage: &Stage,
    place: &Place<'_>,
    parts: &Parts,
    model: &str,
) -> Result<Arc<Script>, ScriptError> {
    let (name, in_name) = match model.split_once('!') {
        Some((name, text)) => (name, Some(text)),
        None => (model, None),
    };
    let names = [model, name];
    let script = if let Some(text) = parts.headers.get(HEADER) {
        Arc::new(Script::parse(&String::from_utf8_lossy(text.as_bytes()))?)
    } else if let Some(script) = stage.shelf.take_once(&names) {
        script
    } else if let Some(text) = in_name {
        Arc::new(Script::parse(text)?)
    } else if let Some(script) = stage
        .shelf
        .standing(&names)
        .or_else(|| place.script.cloned())
    {
        script
    } else {
        return Ok(Arc::default());
    };
    let counted_at = format!("{}/{name}", place.persona);
    if script.every > 1 && !stage.shelf.is_nth(&counted_at, &script) {
        return Ok(Arc::default());
    }
    Ok(script)
}
