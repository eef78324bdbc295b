//! Reads a provider's answer, streamed or whole: one dispatch on the type of an event.

use std::borrow::Cow;

use chat::{Error, Event, Reason, Unit};
use serde_json::{Value, json};

use super::answer::{Answer, At, Voice};
use super::usage;
use crate::codec::Reader;
use crate::error::read_error;
use crate::finish::unify;
use crate::frame::Frame;
use crate::members::Members;
use crate::scan::{self, Malformed, Scanner, ValueKind};
use crate::track::{Listen, all_of_object, broken, object_of};

/// Reads one answer.
#[derive(Debug, Default)]
pub(super) struct ResponsesReader {
    answer: Answer,
    is_started: bool,
}

impl Reader for ResponsesReader {
    fn frame(&mut self, frame: &Frame, listen: &mut Listen<'_>) -> Result<bool, Error> {
        let data = frame.data.trim_ascii();
        if data == b"[DONE]" {
            return Ok(true);
        }
        if data.is_empty() {
            return Ok(false);
        }
        let text = scan::text(data).map_err(malformed)?;
        let top = Members::of_text(text).map_err(malformed)?;
        self.event(&top, listen)
    }

    fn end(&mut self, _listen: &mut Listen<'_>) -> Result<(), Error> {
        match self.answer.has_finished() {
            true => Ok(()),
            false if self.answer.is_empty() => Err(broken(
                "the provider ended its answer without saying anything",
            )),
            false => Err(broken("the provider's stream ended before its answer did")),
        }
    }

    fn whole(&mut self, body: &[u8], listen: &mut Listen<'_>) -> Result<(), Error> {
        let text = scan::text(body).map_err(malformed)?;
        let top = Members::of_text(text).map_err(malformed)?;
        if top
            .get("output")
            .is_none_or(|output| output.kind != ValueKind::Array)
        {
            let is_error = top.present("error").is_some() || top.present("message").is_some();
            return Err(match is_error {
                true => read_error(200, body),
                false => broken("the provider answered without output"),
            });
        }
        self.start(&top, listen);
        self.complete(&top, listen)
    }
}

impl ResponsesReader {
    /// Takes one event; says whether it was the last.
    pub(super) fn event(
        &mut self,
        top: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<bool, Error> {
        let Some(kind) = top.string("type") else {
            return match top.present("error") {
                Some(_) => Err(read_error(200, top.span.of(top.text).as_bytes())),
                None => Ok(false),
            };
        };
        let kind = kind.decode();
        match kind.strip_prefix("response.").unwrap_or(&kind) {
            "output_text.delta" => {
                let at = at(top, "content_index");
                self.delta(Voice::Text, at, top, listen)?;
                self.logprobs(at, top, listen)?;
            }
            "refusal.delta" => self.delta(Voice::Refusal, at(top, "content_index"), top, listen)?,
            "reasoning_text.delta" => {
                self.delta(Voice::Thought, at(top, "content_index"), top, listen)?;
            }
            "reasoning_summary_text.delta" => {
                self.delta(Voice::Summary, at(top, "summary_index"), top, listen)?;
            }
            "function_call_arguments.delta" | "custom_tool_call_input.delta" => {
                self.delta(Voice::Call, at(top, "content_index"), top, listen)?;
            }
            "output_text.annotation.added" => {
                if let Some(annotation) = top.present("annotation") {
                    let annotation = value(annotation.value.of(top.text))?;
                    self.answer
                        .cite(at(top, "content_index"), &annotation, listen)?;
                }
            }
            "output_item.added" => self.item_added(top, listen)?,
            "output_item.done" => {
                if let Some(item) = top.present("item") {
                    let item = value(item.value.of(top.text))?;
                    self.answer.item(at(top, "").0, &item, listen)?;
                }
            }
            "created" | "in_progress" | "queued" => {
                if let Some(response) = object_of(top, "response")? {
                    self.start(&response, listen);
                }
            }
            "completed" | "incomplete" | "failed" | "cancelled" => {
                let Some(response) = object_of(top, "response")? else {
                    return Err(broken("the provider ended its answer without showing it"));
                };
                self.start(&response, listen);
                self.complete(&response, listen)?;
                return Ok(true);
            }
            "error" => return Err(read_error(200, top.span.of(top.text).as_bytes())),
            _ => {}
        }
        Ok(false)
    }

    fn delta(
        &mut self,
        voice: Voice,
        at: At,
        top: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        let said = top.string("delta").map(|delta| delta.decode());
        self.answer.say(voice, at, said.unwrap_or_default(), listen)
    }

    fn logprobs(
        &mut self,
        at: At,
        top: &Members<'_>,
        listen: &mut Listen<'_>,
    ) -> Result<(), Error> {
        if let Some(tokens) = top.present("logprobs") {
            let json = tokens.value.of(top.text);
            if json.len() > 2 {
                self.answer.logprobs(at, value(json)?, listen);
            }
        }
        Ok(())
    }

    fn item_added(&mut self, top: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        let Some(item) = object_of(top, "item")? else {
            return Ok(());
        };
        let text = |name: &str| {
            item.string(name)
                .map_or(Cow::Borrowed(""), |said| said.decode())
        };
        let is_free = match &*text("type") {
            "function_call" => false,
            "custom_tool_call" => true,
            _ => return Ok(()),
        };
        let names = (&*text("call_id"), &*text("name"));
        self.answer.call((at(top, "").0, is_free), names, listen)
    }

    fn start(&mut self, response: &Members<'_>, listen: &mut Listen<'_>) {
        if std::mem::replace(&mut self.is_started, true) {
            return;
        }
        let native_model = response.filled("model").map(|model| model.decode());
        if let Some(model) = &native_model {
            self.answer.name_model(model);
        }
        let native_id = response.filled("id").map(|id| id.decode());
        listen(Event::Start {
            native_id,
            native_model,
        });
    }

    /// The answer as a whole, at its end: tells what no event has told.
    fn complete(&mut self, response: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        let status = response.string("status").map(|status| status.decode());
        let error = response.present("error");
        if let Some(error) = error.filter(|error| error.kind == ValueKind::Object) {
            let error = error.value.of(response.text);
            return Err(read_error(200, format!("{{\"error\":{error}}}").as_bytes()));
        }
        match status.as_deref() {
            Some("failed") => return Err(broken("the provider failed without saying why")),
            Some("cancelled") => return Err(broken("the provider cancelled its answer")),
            Some("queued" | "in_progress") => {
                return Err(broken(
                    "the provider put its answer off instead of giving it",
                ));
            }
            Some(_) | None => {}
        }
        self.items(response, listen)?;
        if let Some(usage) = all_of_object(response, "usage")? {
            let mut counted = usage::read(&usage);
            let searches = self.answer.searches();
            if searches > 0 && counted.get(Unit::WebSearch).is_none() {
                counted.set(Unit::WebSearch, searches);
            }
            listen(Event::Usage(counted));
        }
        let details = object_of(response, "incomplete_details")?;
        let cut = details
            .as_ref()
            .and_then(|details| details.filled("reason"));
        let (reason, native) = match (status, cut) {
            (Some(status), None) if status == "incomplete" => (Reason::Length, status),
            (Some(status), None) => (Reason::Stop, status),
            (None, None) => (Reason::Stop, "completed".into()),
            (_, Some(cut)) => (unify(&cut.decode()), cut.decode()),
        };
        if self.answer.is_empty() && reason == Reason::Stop {
            return Err(broken("the provider sent an empty answer"));
        }
        self.answer
            .finish(reason, Some(native.into_owned()), listen)
    }

    /// Reads the items whose final form has not been seen.
    fn items(&mut self, response: &Members<'_>, listen: &mut Listen<'_>) -> Result<(), Error> {
        let output = response.present("output");
        let Some(output) = output.filter(|output| output.kind == ValueKind::Array) else {
            return Ok(());
        };
        let mut result = Ok(());
        let _ = Scanner::within(response.text, output.value).array(|scanner, position| {
            let number = u64::try_from(position).unwrap_or(u64::MAX);
            let item = scanner.skip()?;
            if result.is_ok() && !self.answer.is_done(number) {
                result = value(item.of(response.text))
                    .and_then(|item| self.answer.item(number, &item, listen));
            }
            Ok::<(), Malformed>(())
        });
        result
    }
}

/// Where an event belongs; a provider that forgets an index means the first.
fn at(top: &Members<'_>, part: &str) -> At {
    let index = |name: &str| top.count(name).unwrap_or(0);
    (index("output_index"), index(part))
}

fn value(json: &str) -> Result<Value, Error> {
    serde_json::from_str(json).map_err(|error| {
        broken("the provider sent malformed JSON").with_detail(json!(error.to_string()).to_string())
    })
}

fn malformed(error: Malformed) -> Error {
    broken("the provider sent an answer that is not JSON").with_detail(error.to_string())
}
