//! A caller's request, read once: what routing and money need, and where its top-level fields stand.

use chat::Needs;
use serde_json::Value;

use crate::members::{MEMBERS_MAX, Member, Members};
use crate::opening::opening;
use crate::scan::{Scanner, Span, Text, ValueKind};
use crate::shape::Fault;

/// A caller's request: validated, the spans of its top-level fields known; the bytes stay as they are.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// The model asked for first.
    pub model: Option<String>,
    /// Further models, in the caller's order (without `model`).
    pub models: Vec<String>,
    /// All that routing may know.
    pub needs: Needs,
    /// The `provider` object, parsed; its content is the catalog's to judge.
    pub provider: Option<Value>,
    /// The deprecated `route`: `fallback` or `sort`.
    pub route: Option<String>,
    /// Groups calls; at most 256 characters.
    pub session_id: Option<String>,
    /// The caller's own name for its end user.
    pub user: Option<String>,
    /// Where the caller says that this call stands among others: the `trace` object.
    pub trace: Option<Value>,
    /// The caller's labels of this call, at most 16 pairs.
    pub metadata: Vec<(String, String)>,
    /// The caller's hint for cache affinity.
    pub prompt_cache_key: Option<String>,
    /// The service tier asked for.
    pub service_tier: Option<String>,
    /// The preset asked for.
    pub preset: Option<String>,
    /// A number that is the same for every request of its conversation; absent where there are no messages.
    pub opening: Option<u64>,
    /// What stands beside the body: facts of the path and of a few headers.
    pub beside: Beside,
    /// Where the top-level fields stand in the body this was read from.
    pub(crate) fields: Vec<FieldSpan>,
    /// Where the object itself stands.
    pub(crate) object: Span,
}

/// What a request says beside its body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// The model, where the path names it (Gemini).
    pub model: Option<String>,
    /// Whether the path asks for a stream (Gemini).
    pub stream: bool,
    /// Whether that stream is to be one JSON array instead of server-sent events (Gemini).
    pub as_array: bool,
    /// Beta features the caller opts into (Anthropic's `anthropic-beta`), as written.
    pub betas: Option<String>,
}

/// Where one top-level field stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldSpan {
    pub(crate) name: Span,
    pub(crate) value: Span,
    pub(crate) kind: ValueKind,
    /// Whether there are escapes in its name, and in its value where that is a string.
    has_escapes: (bool, bool),
}

impl Incoming {
    /// Walks the top level of a body once and keeps where its fields stand. `read` has to take the
    /// value of each field from the scanner, and says what is wrong with it.
    pub(crate) fn walk<'a>(
        text: &'a str,
        mut read: impl FnMut(&mut Scanner<'a>, Text<'a>, ValueKind) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let mut scanner = Scanner::new(text);
        let kind = scanner.peek()?;
        if kind != ValueKind::Object {
            let found = kind.name();
            let problem = format!("the request body must be a JSON object, not {found}");
            return Err(Fault::wrong(problem));
        }
        let mut fields = Vec::with_capacity(16);
        let object = scanner.object(|scanner, name| {
            if fields.len() == MEMBERS_MAX {
                let problem = format!("more than {MEMBERS_MAX} fields in one request");
                return Err(Fault::wrong(problem));
            }
            let mut value = scanner.clone();
            let kind = value.peek()?;
            let start = value.position();
            read(scanner, name, kind)?;
            let end = scanner.position();
            let value = Span { start, end };
            let escapes = || memchr::memchr(b'\\', value.of(text).as_bytes()).is_some();
            fields.push(FieldSpan {
                name: name.span,
                value,
                kind,
                has_escapes: (name.has_escapes, kind == ValueKind::String && escapes()),
            });
            Ok(())
        })?;
        scanner.finish()?;
        let mut incoming = Self {
            fields,
            object,
            ..Self::default()
        };
        // While it is known to be text: later that would have to be found out anew.
        incoming.opening = opening(&incoming.members(text));
        Ok(incoming)
    }

    /// How many answers are wanted, where it is more than one.
    pub(crate) fn choices(&self) -> Option<u32> {
        Some(self.needs.choices).filter(|count| *count > 1)
    }

    /// The top-level fields in the body they were read from; without those that do not fit it.
    pub(crate) fn members<'a>(&self, text: &'a str) -> Members<'a> {
        let list = self
            .fields
            .iter()
            .filter_map(|field| {
                text.get(field.value.start..field.value.end)?;
                let (name_escapes, has_escapes) = field.has_escapes;
                Some(Member {
                    name: Text::within(text, field.name, name_escapes)?,
                    value: field.value,
                    kind: field.kind,
                    has_escapes,
                })
            })
            .collect();
        Members {
            text,
            span: self.object,
            list,
        }
    }

    /// Reads the `trace` object, which means the same in every dialect.
    pub(crate) fn read_trace(&mut self, members: &Members<'_>) {
        let trace = members.present("trace");
        // Checked before, where its form is known; elsewhere what is no object says nothing.
        let trace =
            trace.and_then(|member| serde_json::from_str(member.value.of(members.text)).ok());
        self.trace = trace.filter(Value::is_object);
    }

    /// Reads the fields that mean the same in every dialect in which they stand at the top.
    pub(crate) fn read_small_fields(&mut self, members: &Members<'_>) -> Result<(), Fault> {
        let text = members.text;
        self.read_trace(members);
        let said = |name: &str| members.string(name).map(|said| said.decode().into_owned());
        self.model = said("model");
        self.route = said("route");
        self.session_id = said("session_id").filter(|id| !id.is_empty());
        self.user = said("user");
        self.prompt_cache_key = said("prompt_cache_key");
        self.service_tier = said("service_tier");
        self.preset = said("preset");
        if let Some(member) = members.present("provider") {
            let provider = serde_json::from_str(member.value.of(text));
            self.provider =
                Some(provider.map_err(|error| Fault::wrong(error.to_string()).inside("provider"))?);
        }
        if let Some(metadata) = members.object("metadata") {
            let pairs = metadata.list.iter().filter_map(|member| {
                let value = Scanner::within(text, member.value).string().ok()?;
                let name = member.name.decode().into_owned();
                Some((name, value.decode().into_owned()))
            });
            self.metadata = pairs.collect();
        }
        if let Some(member) = members.present("models") {
            let mut models = Vec::new();
            // Checked before: an array of strings; so nothing can go wrong here.
            let _ = Scanner::within(text, member.value).array(|scanner, _| {
                if scanner.peek()? == ValueKind::String {
                    models.push(scanner.string()?.decode().into_owned());
                }
                Ok::<(), Fault>(())
            });
            self.models = models;
        }
        Ok(())
    }
}
