//! Rankings: documents are ordered by the share of the query's words they hold.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::ask::{positive, required_items, required_text};
use super::{Made, Problem, Received};
use crate::tokens::count_tokens;

/// Documents that one search unit covers, as the price lists of such services count.
const DOCUMENTS_PER_UNIT: usize = 100;

/// A ranking: the index of each document and its score in thousandths, best first.
struct Ranking {
    model: String,
    tokens: u64,
    documents: Vec<String>,
    ranked: Vec<(usize, u64)>,
}

/// `POST /v1/rerank`, as several hosts have it.
pub(super) fn plain(received: &Received<'_>) -> Result<Made, Problem> {
    let ranking = ranking(received)?;
    let returns = received.body.get("return_documents") == Some(&Value::Bool(true));
    let results: Vec<Value> = ranking
        .ranked
        .iter()
        .map(|(index, score)| {
            let mut result = json!({"index": index, "relevance_score": thousandths(*score)});
            if returns {
                result["document"] = json!({"text": ranking.documents[*index]});
            }
            result
        })
        .collect();
    Ok(received.made(ranking.tokens, |usage| {
        let mut value = json!({"object": "list", "model": ranking.model, "results": results});
        if let Some(usage) = usage {
            value["usage"] = json!({"prompt_tokens": usage.prompt, "total_tokens": usage.prompt});
        }
        value
    }))
}

/// `POST /v2/rerank`, as Cohere has it.
pub(super) fn cohere(received: &Received<'_>) -> Result<Made, Problem> {
    if received.body.get("return_documents").is_some() {
        return Err(Problem::bad(
            "unknown field: parameter 'return_documents' is not a valid field",
        ));
    }
    let ranking = ranking(received)?;
    let results: Vec<Value> = ranking
        .ranked
        .iter()
        .map(|(index, score)| json!({"index": index, "relevance_score": thousandths(*score)}))
        .collect();
    let units = ranking.documents.len().div_ceil(DOCUMENTS_PER_UNIT);
    Ok(received.made(ranking.tokens, |usage| {
        let mut meta = json!({"api_version": {"version": "2"}});
        if usage.is_some() {
            meta["billed_units"] = json!({"search_units": units});
        }
        json!({"id": "rerank-sim", "results": results, "meta": meta})
    }))
}

fn ranking(received: &Received<'_>) -> Result<Ranking, Problem> {
    let body = received.body;
    let model = received.model()?;
    let query = required_text(body, "query")?;
    let mut documents = Vec::new();
    for document in required_items(body, "documents")? {
        let text = document.as_str().or_else(|| document["text"].as_str());
        let Some(text) = text else {
            return Err(Problem::bad_field(
                "documents",
                "Invalid type for 'documents': expected texts.",
            ));
        };
        documents.push(text.to_owned());
    }
    let top = positive(body, "top_n")?
        .map_or(usize::MAX, |top| usize::try_from(top).unwrap_or(usize::MAX));
    let words: Vec<String> = words(&query).collect();
    let mut ranked: Vec<(usize, u64)> = documents
        .iter()
        .map(|document| share(&words, document))
        .enumerate()
        .collect();
    ranked.sort_by_key(|(index, score)| (Reverse(*score), *index));
    ranked.truncate(top);
    let tokens = documents.iter().map(|d| count_tokens(d)).sum::<u64>() + count_tokens(&query);
    Ok(Ranking {
        model,
        tokens,
        documents,
        ranked,
    })
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// The share of the words that a document holds, in thousandths.
fn share(wanted: &[String], document: &str) -> u64 {
    let held: Vec<String> = words(document).collect();
    let found = wanted.iter().filter(|word| held.contains(word)).count();
    (found * 1000 / wanted.len().max(1)) as u64
}

fn thousandths(score: u64) -> f64 {
    f64::from(u32::try_from(score).unwrap_or(u32::MAX)) / 1000.0
}
