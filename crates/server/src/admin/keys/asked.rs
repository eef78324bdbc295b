//! What may be asked of a key: the bodies of `POST /keys` and `PATCH /keys/{hash}`, checked.

use chat::Error;
use ledger::Amount;
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{DEFAULT_WORKSPACE_ID, KeyPatch, LimitReset, NewKey};

use crate::admin::desk::{invalid, present};
use crate::api::wishes::{HEDGE_WORDS, read_hedge};
use crate::key_terms::Written;
use crate::limits::RateRow;
use crate::money::read_usd;
use crate::time::read_utc;

/// The longest name of a key, characters.
const NAME_MAX: usize = 200;

/// The most limits of a key's own.
const RATES_MAX: usize = 16;

/// The body of `POST /keys`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKeyBody {
    name: String,
    #[serde(default)]
    limit: Option<Box<RawValue>>,
    #[serde(default)]
    limit_reset: Option<String>,
    #[serde(default)]
    include_byok_in_limit: Option<bool>,
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    creator_user_id: Option<String>,
    #[serde(default)]
    workspace_id: Option<String>,
    #[serde(default)]
    rate_limits: Option<Vec<RateRow>>,
    #[serde(default)]
    hedge: Option<String>,
    #[serde(default)]
    recover: Option<bool>,
    #[serde(default)]
    io_logging: Option<bool>,
}

impl NewKeyBody {
    /// The workspace it is to be in.
    pub(super) fn workspace(&self) -> &str {
        self.workspace_id.as_deref().unwrap_or(DEFAULT_WORKSPACE_ID)
    }

    /// What it is held to beyond the fields of every key.
    pub(super) fn terms(&self) -> Result<Written, Error> {
        Ok(Written {
            rate_limits: check_rates(self.rate_limits.clone().unwrap_or_default())?,
            hedge: check_hedge(self.hedge.clone())?,
            recover: self.recover,
            frozen: None,
            io_logging: self.io_logging,
        })
    }

    /// The key that is asked for, with that secret.
    pub(super) fn key(&self, secret: &str, terms: &Written, now_ms: i64) -> Result<NewKey, Error> {
        let name = check_name(&self.name)?;
        let limit = read_limit(self.limit.as_deref())?;
        let reset = read_reset(self.limit_reset.as_deref())?;
        let expires_at_ms = self.expires_at.as_deref().map(read_utc).transpose();
        let expires_at_ms = expires_at_ms.map_err(|message| invalid("expires_at", message))?;
        Ok(NewKey::new(secret, name, self.workspace(), now_ms)
            .with_limit(limit, reset)
            .with_byok_in_limit(self.include_byok_in_limit.unwrap_or(false))
            .with_expiry(expires_at_ms)
            .with_creator(self.creator_user_id.clone())
            .with_terms(terms.to_text()))
    }
}

/// The body of `PATCH /keys/{hash}`. For `limit` and `limit_reset`, null removes and absent keeps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    disabled: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    limit: Option<Option<Box<RawValue>>>,
    #[serde(default, deserialize_with = "present")]
    limit_reset: Option<Option<String>>,
    #[serde(default)]
    include_byok_in_limit: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    rate_limits: Option<Option<Vec<RateRow>>>,
    #[serde(default, deserialize_with = "present")]
    hedge: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    recover: Option<Option<bool>>,
    #[serde(default, deserialize_with = "present")]
    io_logging: Option<Option<bool>>,
}

impl ChangeBody {
    /// What it changes of the key, and of its terms.
    pub(super) fn read(self) -> Result<(KeyPatch, TermsChange), Error> {
        let rate_limits = self.rate_limits.map(Option::unwrap_or_default);
        let terms = TermsChange {
            rate_limits: rate_limits.map(check_rates).transpose()?,
            hedge: self.hedge.map(check_hedge).transpose()?,
            recover: self.recover,
            disabled: self.disabled,
            io_logging: self.io_logging,
        };
        let name = self.name.as_deref().map(check_name).transpose()?;
        let limit = self.limit.map(|limit| read_limit(limit.as_deref()));
        let reset = self.limit_reset.map(|reset| read_reset(reset.as_deref()));
        let patch = KeyPatch {
            name: name.map(str::to_owned),
            disabled: self.disabled,
            limit: limit.transpose()?,
            limit_reset: reset.transpose()?,
            include_byok_in_limit: self.include_byok_in_limit,
            expires_at_ms: None,
        };
        Ok((patch, terms))
    }
}

/// What changes of a key's terms; what is absent stays.
pub(super) struct TermsChange {
    rate_limits: Option<Vec<RateRow>>,
    hedge: Option<Option<String>>,
    recover: Option<Option<bool>>,
    disabled: Option<bool>,
    io_logging: Option<Option<bool>>,
}

impl TermsChange {
    /// What becomes of a key's terms. Whoever switches it on again lets it go on.
    pub(super) fn of(self, text: Option<String>) -> Option<String> {
        let before = Written::from_text(text.as_deref());
        let mut after = before.clone();
        after.rate_limits = self.rate_limits.unwrap_or(after.rate_limits);
        after.hedge = self.hedge.unwrap_or(after.hedge);
        after.recover = self.recover.unwrap_or(after.recover);
        after.io_logging = self.io_logging.unwrap_or(after.io_logging);
        after.frozen = after.frozen.filter(|_| self.disabled != Some(false));
        // A text of a newer version may say more than is known here.
        if after == before {
            text
        } else {
            after.to_text()
        }
    }
}

fn check_name(name: &str) -> Result<&str, Error> {
    if name.trim().is_empty() || name.chars().count() > NAME_MAX {
        return Err(invalid(
            "name",
            format!("expected 1 to {NAME_MAX} characters"),
        ));
    }
    Ok(name)
}

fn check_rates(rows: Vec<RateRow>) -> Result<Vec<RateRow>, Error> {
    if rows.len() > RATES_MAX {
        return Err(invalid("rate_limits", format!("at most {RATES_MAX}")));
    }
    for (index, row) in rows.iter().enumerate() {
        row.rules_of_key()
            .map_err(|message| invalid(&format!("rate_limits[{index}]"), message))?;
    }
    Ok(rows)
}

fn check_hedge(word: Option<String>) -> Result<Option<String>, Error> {
    let is_word = word
        .as_deref()
        .is_none_or(|word| read_hedge(word).is_some());
    is_word
        .then_some(word)
        .ok_or_else(|| invalid("hedge", HEDGE_WORDS.to_owned()))
}

fn read_limit(limit: Option<&RawValue>) -> Result<Option<Amount>, Error> {
    limit
        .filter(|text| text.get() != "null")
        .map(read_usd)
        .transpose()
        .map_err(|message| invalid("limit", message))
}

fn read_reset(reset: Option<&str>) -> Result<Option<LimitReset>, Error> {
    let Some(word) = reset else {
        return Ok(None);
    };
    LimitReset::from_name(word).map(Some).ok_or_else(|| {
        let message = format!("\"{word}\" is none of \"daily\", \"weekly\", \"monthly\", null");
        invalid("limit_reset", message)
    })
}
