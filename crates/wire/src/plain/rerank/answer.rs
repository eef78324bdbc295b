//! Reads scores under any of their names, and writes them in order with the documents beside them.

use std::cmp::Ordering;

use bytes::Bytes;
use chat::{Error, Unit, Usage};

use crate::codec::Asked;
use crate::members::Members;
use crate::openai_chat::usage::{money, native_cost};
use crate::plain::tap::{Answer, Read, billed_units, list, members, without};
use crate::scan::{Malformed, Scanner, Span, ValueKind};
use crate::splice::{push_member, quoted};
use crate::stamp::{CostText, Stamp};
use crate::track::all_of_object;

/// The names under which a score stands: Cohere's and most others', and those of some local servers.
const SCORES: [&str; 3] = ["relevance_score", "relevanceScore", "score"];

/// Documents in order of relevance.
pub(super) struct Ranked {
    stamp: Stamp,
    /// Each document as an object, as the caller is shown it.
    documents: Vec<String>,
    /// Position of the document, and its score as the provider wrote it.
    scores: Vec<(usize, String)>,
    top_n: Option<usize>,
    units: Option<u64>,
}

impl Ranked {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        let text = std::str::from_utf8(asked.body).unwrap_or_default();
        let request = asked.request.members(text);
        let mut documents = Vec::new();
        if let Some(list) = request.present("documents") {
            // Checked before, so the walk cannot fail.
            let _ = Scanner::within(text, list.value).array(|scanner, _| {
                let kind = scanner.peek()?;
                let json = scanner.skip()?.of(text);
                documents.push(match kind {
                    ValueKind::String => format!("{{\"text\":{json}}}"),
                    _ => json.to_owned(),
                });
                Ok::<(), Malformed>(())
            });
        }
        let top_n = request.count("top_n");
        Self {
            stamp: asked.stamp.clone(),
            documents,
            scores: Vec::new(),
            top_n: top_n.and_then(|count| usize::try_from(count).ok()),
            units: None,
        }
    }

    fn take(&mut self, text: &str, span: Span) -> Result<(), Error> {
        let entry = Members::of_span(text, span).map_err(|_| without("scores"))?;
        let score = SCORES.iter().find_map(|name| entry.number(name));
        let index = entry.count("index");
        let index = index.and_then(|index| usize::try_from(index).ok());
        match (index, score) {
            (Some(index), Some(score)) if index < self.documents.len() => {
                self.scores.push((index, score.to_owned()));
                Ok(())
            }
            _ => Err(without("scores of the documents")),
        }
    }
}

impl Answer for Ranked {
    fn read(&mut self, body: &Bytes) -> Result<Read, Error> {
        let top = members(body)?;
        let entries = list(&top, "results").or_else(|| list(&top, "data"));
        self.scores.clear();
        for span in entries.ok_or_else(|| without("scores"))? {
            self.take(top.text, span)?;
        }
        if self.scores.is_empty() {
            return Err(without("scores"));
        }
        // Only compared: the digits themselves are the provider's.
        let value = |score: &str| score.parse::<f64>().unwrap_or(f64::MIN);
        self.scores.sort_by(|(_, one), (_, other)| {
            let order = value(other).partial_cmp(&value(one));
            order.unwrap_or(Ordering::Equal)
        });
        if let Some(most) = self.top_n {
            self.scores.truncate(most);
        }
        let usage = counted(&top)?;
        self.units = usage.get(Unit::Request);
        Ok(Read {
            native_id: top.filled("id").map(|id| id.decode().into_owned()),
            usage,
        })
    }

    fn write(&mut self, usage: &Usage, cost: &CostText) -> Result<Bytes, Error> {
        let mut results = String::new();
        for (index, score) in &self.scores {
            let mut entry = String::new();
            push_member(&mut entry, "index", &index.to_string());
            push_member(&mut entry, "relevance_score", score);
            let document = self.documents.get(*index);
            let document = document.ok_or_else(|| without("scores of the documents"))?;
            push_member(&mut entry, "document", document);
            if !results.is_empty() {
                results.push(',');
            }
            results.push_str(&format!("{{{entry}}}"));
        }
        let mut counted = String::new();
        let tokens = usage.prompt_tokens().to_string();
        push_member(&mut counted, "total_tokens", &tokens);
        if let Some(units) = self.units {
            push_member(&mut counted, "search_units", &units.to_string());
        }
        push_member(&mut counted, "cost", money(cost.total.as_deref()));
        let mut members = String::new();
        push_member(&mut members, "id", &quoted(&self.stamp.id));
        push_member(&mut members, "model", &quoted(&self.stamp.model));
        push_member(&mut members, "provider", &quoted(&self.stamp.provider));
        push_member(&mut members, "results", &format!("[{results}]"));
        push_member(&mut members, "usage", &format!("{{{counted}}}"));
        Ok(format!("{{{members}}}").into())
    }
}

/// Voyage, Together and others count tokens in `usage`; Cohere counts search units (a query with up
/// to 100 documents is one) in `meta.billed_units`, which are priced as requests. Nothing comes out.
///
/// # Errors
/// It cannot be taken apart.
fn counted(top: &Members<'_>) -> Result<Usage, Error> {
    let mut counted = Usage::default();
    let usage = all_of_object(top, "usage")?;
    if let Some(usage) = &usage {
        let names = ["total_tokens", "prompt_tokens", "input_tokens"];
        if let Some(tokens) = names.iter().find_map(|name| usage.count(name)) {
            counted.set(Unit::Input, tokens);
        }
        counted.native_cost_nanos = native_cost(usage).filter(|nanos| *nanos >= 0);
        counted.native = Some(usage.span.of(usage.text).into());
    }
    let billed = billed_units(top)?;
    let units = |of: &Option<Members<'_>>| of.as_ref().and_then(|of| of.count("search_units"));
    if let Some(units) = units(&billed).or_else(|| units(&usage)) {
        counted.set(Unit::Request, units);
    }
    if let Some(tokens) = billed.as_ref().and_then(|it| it.count("input_tokens")) {
        counted.set(Unit::Input, tokens);
    }
    if !counted.is_empty() {
        counted.set(Unit::Output, 0);
        // Who counts units counts no tokens.
        if counted.get(Unit::Input).is_none() {
            counted.set(Unit::Input, 0);
        }
    }
    Ok(counted)
}
