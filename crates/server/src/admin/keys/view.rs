//! What is shown of a key.

use http::StatusCode;
use ledger::Amount;
use serde::Serialize;
use store::{Spending, StoredKey};

use crate::api::key::Money;
use crate::key_terms::Written;
use crate::limits::RateRow;
use crate::reply::{self, Answer};
use crate::time::iso;

#[derive(Serialize)]
pub(super) struct View<'a> {
    hash: &'a str,
    name: &'a str,
    label: &'a str,
    disabled: bool,
    #[serde(flatten)]
    money: Money,
    created_at: String,
    updated_at: Option<String>,
    expires_at: Option<String>,
    creator_user_id: Option<&'a str>,
    /// Asked for by newer clients; keys made for somebody's own users do not exist here.
    external_user: Option<&'a str>,
    workspace_id: &'a str,
    /// Ours: limits of its own, and why the house disabled it.
    rate_limits: Vec<RateRow>,
    hedge: Option<String>,
    recover: Option<bool>,
    disabled_reason: Option<String>,
    /// Ours: whether the content of its calls is kept; null is as its workspace has it.
    io_logging: Option<bool>,
}

impl<'a> View<'a> {
    pub(super) fn of(
        key: &'a StoredKey,
        (spending, remaining): (&Spending, Option<Amount>),
        terms: Written,
    ) -> Self {
        Self {
            hash: key.hash.as_str(),
            name: &key.name,
            label: &key.label,
            disabled: key.disabled,
            money: Money::of(key, spending, remaining),
            created_at: iso(key.created_at_ms),
            updated_at: key.updated_at_ms.map(iso),
            expires_at: key.expires_at_ms.map(iso),
            creator_user_id: key.creator_user_id.as_deref(),
            external_user: None,
            workspace_id: &key.workspace_id,
            rate_limits: terms.rate_limits,
            hedge: terms.hedge,
            recover: terms.recover,
            disabled_reason: terms.frozen,
            io_logging: terms.io_logging,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Envelope<T> {
    pub(super) data: T,
}

#[derive(Serialize)]
struct Created<'a> {
    data: View<'a>,
    key: &'a str,
}

/// Answers that a key was made: 201, and the secret, this once.
pub(in crate::admin) fn created(key: &StoredKey, terms: Written, secret: &str) -> Answer {
    let created = Created {
        data: View::of(key, (&Spending::default(), key.limit), terms),
        key: secret,
    };
    reply::json(StatusCode::CREATED, &created)
}

#[derive(Serialize)]
pub(super) struct Deleted {
    pub(super) deleted: bool,
}
