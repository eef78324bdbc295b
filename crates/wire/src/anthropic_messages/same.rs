//! A request for one endpoint of the same dialect: edits between untouched slices.

use chat::{Error, Kind, Parameter};

use super::family::{Family, Thinking, is_claude};
use super::history::{self, Kept};
use super::host::{Host, betas, default_limit};
use super::invoke;
use crate::draft::Draft;
use crate::incoming::Incoming;
use crate::members::Members;
use crate::outgoing::{Outgoing, Written};
use crate::splice::{Edits, ObjectEdits, push_quoted, quoted};

/// Fields that speak to us, not to a provider. Source: section 27 of our digest.
const OURS: &[&str] = &[
    "models",
    "fallbacks",
    "route",
    "provider",
    "preset",
    "plugins",
    "session_id",
    "user",
    "trace",
    "debug",
    "stop_server_tools_when",
];

/// Fields that are dropped where an endpoint is known to decline them.
const SAMPLING: &[(&str, Parameter)] = &[
    ("temperature", Parameter::Temperature),
    ("top_p", Parameter::TopP),
    ("top_k", Parameter::TopK),
    ("stop_sequences", Parameter::Stop),
];

/// The least budget that thinking can have, tokens.
pub(super) const BUDGET_MIN: u64 = 1_024;

/// Writes the request for one endpoint. `body` is the one that `request` was read from.
pub(super) fn write(body: &[u8], request: &Incoming, to: &Outgoing<'_>) -> Result<Written, Error> {
    let text = std::str::from_utf8(body)
        .map_err(|_| Error::caller(Kind::InvalidRequest, "the request body is not UTF-8"))?;
    let members = request.members(text);
    let host = Host::of(to);
    let mut edits = Edits::default();
    let mut draft = Draft::new(&members);
    for name in OURS {
        draft.remove(name);
    }
    for (name, parameter) in SAMPLING {
        if to
            .supported
            .is_some_and(|supported| !supported.contains(*parameter))
        {
            draft.drop_field(name);
        }
    }
    match host.names_model() {
        true => draft.set("model", quoted(to.native_model)),
        false => draft.remove("model"),
    }
    if let Some(version) = host.version() {
        draft.set("anthropic_version", quoted(version));
    }
    if !host.names_stream() {
        draft.remove("stream");
    }
    let betas = request.beside.betas.as_deref();
    if let Some(betas) = betas.filter(|_| host == Host::Bedrock) {
        draft.set("anthropic_beta", beta_list(betas));
    }
    let kept = history::edit(&members, is_claude(to.native_model), &mut edits);
    limit(&mut draft, &mut edits, to, &kept);
    for path in &kept.dropped {
        draft.name_dropped(path);
    }
    if !host.takes_cache_control() && draft.get("cache_control").is_some() {
        trailing_mark(&mut draft, &mut edits);
    }
    let mut headers = host.headers(betas);
    match host {
        Host::Bedrock => headers.extend(beside(&mut draft, request)?),
        Host::Anthropic | Host::Vertex => {
            invoke::OWN.iter().for_each(|name| draft.drop_field(name));
        }
    }
    let dropped = draft.commit(&mut edits);
    Ok(Written {
        body: edits.apply(text, "", ""),
        headers,
        dropped,
    })
}

/// Takes out of the body what Bedrock is told in headers, and gives those.
fn beside(
    draft: &mut Draft<'_, '_>,
    request: &Incoming,
) -> Result<Vec<(&'static str, String)>, Error> {
    let mut said = Vec::new();
    for name in invoke::OWN {
        let member = draft.get(name).map(|member| member.value);
        // The body was read before, so what stands here is JSON.
        let value = member.and_then(|at| serde_json::from_str(at.of(draft.members.text)).ok());
        said.extend(value.map(|value| ((*name).to_owned(), value)));
        draft.remove(name);
    }
    draft.remove("service_tier");
    let tier = request.service_tier.as_deref();
    let told = invoke::tell(&said, tier, request.needs.stream)?;
    if let Some(reads) = told.reads.filter(|_| draft.get(invoke::READS).is_none()) {
        draft.set(invoke::READS, reads.to_string());
    }
    for name in &told.dropped {
        draft.name_dropped(name);
    }
    Ok(told.headers)
}

fn beta_list(header: &str) -> String {
    let mut list = String::from("[");
    for (position, beta) in betas(header).enumerate() {
        if position > 0 {
            list.push(',');
        }
        push_quoted(&mut list, beta);
    }
    list.push(']');
    list
}

/// Sets the output limit where it is ours or was missing, and sees that thinking fits under it.
fn limit(draft: &mut Draft<'_, '_>, edits: &mut Edits<'_>, to: &Outgoing<'_>, kept: &Kept) {
    let asked = draft
        .get("max_tokens")
        .and_then(|_| draft.members.count("max_tokens"));
    let limit = to
        .output_limit
        .or(asked)
        .unwrap_or_else(|| default_limit(to));
    if asked != Some(limit) {
        draft.set("max_tokens", limit.to_string());
    }
    let Some(thinking) = draft
        .get("thinking")
        .and_then(|_| draft.members.object("thinking"))
    else {
        return;
    };
    if !thinking
        .string("type")
        .is_some_and(|kind| kind.is("enabled"))
    {
        return;
    }
    // Models that think by a budget refuse to go on with a tool call that they have not thought
    // about: another model has made it.
    let is_unthought = Family::of(to.native_model).thinking <= Thinking::Budget
        && is_claude(to.native_model)
        && kept
            .is_unthought
            .unwrap_or_else(|| history::is_unthought(draft.members));
    let room = limit.saturating_sub(1);
    let budget = thinking.count("budget_tokens").unwrap_or(0);
    if is_unthought || (to.output_limit.is_some() && room < BUDGET_MIN) {
        draft.set("thinking", "{\"type\":\"disabled\"}");
        draft.name_dropped("thinking");
    } else if to.output_limit.is_some() && budget > room {
        let mut inner = ObjectEdits::new(&thinking);
        inner.set("budget_tokens", room.to_string());
        inner.commit(edits);
        draft.name_dropped("thinking.budget_tokens");
    }
}

/// Marks the last block for caching where the host cannot mark the whole prompt.
fn trailing_mark(draft: &mut Draft<'_, '_>, edits: &mut Edits<'_>) {
    let members: &Members<'_> = draft.members;
    let mark = draft
        .get("cache_control")
        .map(|field| field.value.of(members.text));
    let is_marked = mark.is_some_and(|mark| history::mark_last(members, mark, edits));
    match is_marked {
        true => draft.remove("cache_control"),
        false => draft.drop_field("cache_control"),
    }
}
