//! `Policy`: what a workspace wants of the content of its calls, and whether one call is taken.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::Preferences;
use serde::{Deserialize, Serialize};

use super::redaction::Redaction;

/// Sampling rates are parts of this; the smallest that OpenRouter allows (0.0001) is one.
const PARTS: u32 = 10_000;

/// Days for which content is kept where a workspace does not say.
const RETENTION_DAYS: u32 = 30;

/// The most days: ten years.
const RETENTION_DAYS_MAX: u32 = 3650;

/// The most patterns of a workspace's own, and the longest, characters.
const OWN_MAX: usize = 32;
const PATTERN_MAX: usize = 512;

/// What is taken out where a workspace does not say. Addresses stay: too many prompts are about them.
const REDACTED: [&str; 4] = ["card", "api_key", "jwt", "private_key"];

/// A pattern of a workspace's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomPattern {
    /// What stands in brackets where it was found.
    pub name: String,
    /// A regular expression, without look-around and back-references.
    pub pattern: String,
}

/// What a workspace wants, as it is stored. Nothing means what the house does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// Whether content is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enabled: bool,
    /// Of how many calls, 0.0001 to 1; all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Whether also of requests in providers' own APIs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub native: bool,
    /// Whether an inference key may read that of its own calls.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keys_may_read: bool,
    /// For how many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Names of built-in patterns that are taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redact: Option<Vec<String>>,
    /// Further patterns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redact_custom: Vec<CustomPattern>,
}

/// The same, ready for calls.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether content is kept where a key does not say otherwise.
    pub is_on: bool,
    /// Of so many of [`PARTS`] calls.
    parts: u32,
    /// Whether also of requests in providers' own APIs.
    pub with_native: bool,
    /// Whether an inference key may read that of its own calls.
    pub keys_may_read: bool,
    /// For how many days.
    pub retention_days: u32,
    /// What is taken out first.
    pub redaction: Redaction,
}

/// The policies of the workspaces that have one.
pub type Policies = HashMap<String, Arc<Policy>>;

impl Written {
    /// The policy.
    ///
    /// # Errors
    /// The field that is wrong, and in words why.
    pub fn policy(&self) -> Result<Policy, (&'static str, String)> {
        let rate = self.rate.unwrap_or(1.0);
        if !(1.0 / f64::from(PARTS)..=1.0).contains(&rate) {
            let message = format!("{rate} is not between 0.0001 and 1");
            return Err(("io_logging_sampling_rate", message));
        }
        let retention_days = self.retention_days.unwrap_or(RETENTION_DAYS);
        if !(1..=RETENTION_DAYS_MAX).contains(&retention_days) {
            let message = format!("{retention_days} is not between 1 and {RETENTION_DAYS_MAX}");
            return Err(("io_logging_retention_days", message));
        }
        Ok(Policy {
            is_on: self.enabled,
            parts: (rate * f64::from(PARTS)).round() as u32,
            with_native: self.native,
            keys_may_read: self.keys_may_read,
            retention_days,
            redaction: self.redaction()?,
        })
    }

    /// The names of the built-in patterns that are taken out.
    #[must_use]
    pub fn redacted(&self) -> Vec<String> {
        let usual = || REDACTED.map(str::to_owned).to_vec();
        self.redact.clone().unwrap_or_else(usual)
    }

    fn redaction(&self) -> Result<Redaction, (&'static str, String)> {
        const FIELD: &str = "io_logging_redact_custom";
        if self.redact_custom.len() > OWN_MAX {
            return Err((FIELD, format!("at most {OWN_MAX} patterns")));
        }
        for own in &self.redact_custom {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if own.name.is_empty() || own.name.len() > 32 || !own.name.chars().all(is_word) {
                let message = "a name is 1 to 32 letters, digits, \"-\" and \"_\"";
                return Err((FIELD, message.to_owned()));
            }
            if own.pattern.chars().count() > PATTERN_MAX {
                return Err((
                    FIELD,
                    format!("a pattern has at most {PATTERN_MAX} characters"),
                ));
            }
        }
        let own = self.redact_custom.iter();
        let own = own.map(|own| (own.name.as_str(), own.pattern.as_str()));
        let names = self.redacted();
        Redaction::new([], own.clone()).map_err(|message| (FIELD, message))?;
        Redaction::new(names.iter().map(String::as_str), own)
            .map_err(|message| ("io_logging_redact", message))
    }
}

impl Default for Policy {
    fn default() -> Self {
        // What is built in reads; a test holds it to that.
        Written::default().policy().unwrap_or_else(|_| Self {
            is_on: false,
            parts: PARTS,
            with_native: false,
            keys_may_read: false,
            retention_days: RETENTION_DAYS,
            redaction: Redaction::default(),
        })
    }
}

impl Policy {
    /// Whether the content of a call is taken: `own` is the switch of its key, which wins over the
    /// workspace's; `group` is its session, or its id where it has none. Sessions stay whole.
    #[must_use]
    pub fn takes(&self, own: Option<bool>, group: &str) -> bool {
        own.unwrap_or(self.is_on) && draw(group) < self.parts
    }
}

/// Whether a call is under a rule of zero retention: that of the request, or of the account.
#[must_use]
pub fn is_never_kept(request: &Preferences, account: Option<&Preferences>) -> bool {
    let forbids = |preferences: &Preferences| preferences.zdr || preferences.denies_data_collection;
    forbids(request) || account.is_some_and(forbids)
}

/// A number below [`PARTS`] that depends on the text only: FNV-1a, its bits mixed as splitmix64 does.
fn draw(text: &str) -> u32 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let mixed = mixed ^ (mixed >> 31);
    // Below PARTS, so it fits.
    u32::try_from(mixed % u64::from(PARTS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_takes_so_many_and_always_the_same() {
        let policy = |rate| {
            let written = Written {
                enabled: true,
                rate: Some(rate),
                ..Written::default()
            };
            written.policy().unwrap()
        };
        for (rate, low, high) in [(1.0, 20_000, 20_000), (0.1, 1_800, 2_200), (0.0001, 0, 10)] {
            let policy = policy(rate);
            let taken = (0..20_000).filter(|n| policy.takes(None, &format!("session {n}")));
            let taken = taken.count();
            assert!((low..=high).contains(&taken), "{rate}: {taken}");
        }
        // Whoever is taken at a low rate is taken at a higher one.
        for n in 0..2_000 {
            let group = format!("gen-{n}");
            assert!(!policy(0.1).takes(None, &group) || policy(0.2).takes(None, &group));
        }
    }

    #[test]
    fn the_switch_of_a_key_wins() {
        let (off, on) = (
            Policy::default(),
            Written {
                enabled: true,
                ..Written::default()
            },
        );
        let on = on.policy().unwrap();
        for (policy, own, taken) in [
            (&off, None, false),
            (&off, Some(true), true),
            (&on, None, true),
            (&on, Some(false), false),
        ] {
            assert_eq!(policy.takes(own, "x"), taken, "{own:?}");
        }
        assert_eq!(off.retention_days, 30);
        assert_eq!(
            off.redaction.text("4111111111111111 a@b.example"),
            "[card] a@b.example"
        );
    }

    #[test]
    fn zero_retention_is_the_requests_or_the_accounts() {
        let plain = Preferences::default();
        let zdr = Preferences {
            zdr: true,
            ..Preferences::default()
        };
        let denies = Preferences {
            denies_data_collection: true,
            ..Preferences::default()
        };
        assert!(!is_never_kept(&plain, None));
        for (request, account) in [
            (&zdr, &plain),
            (&denies, &plain),
            (&plain, &zdr),
            (&plain, &denies),
        ] {
            assert!(is_never_kept(request, Some(account)));
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_field() {
        let wrong = |written: Written| written.policy().unwrap_err().0;
        let own = |name: &str, pattern: &str| CustomPattern {
            name: name.to_owned(),
            pattern: pattern.to_owned(),
        };
        assert_eq!(
            wrong(Written {
                rate: Some(1.5),
                ..Written::default()
            }),
            "io_logging_sampling_rate"
        );
        assert_eq!(
            wrong(Written {
                rate: Some(f64::NAN),
                ..Written::default()
            }),
            "io_logging_sampling_rate"
        );
        assert_eq!(
            wrong(Written {
                retention_days: Some(0),
                ..Written::default()
            }),
            "io_logging_retention_days"
        );
        let unknown = Some(vec!["phone".to_owned()]);
        assert_eq!(
            wrong(Written {
                redact: unknown,
                ..Written::default()
            }),
            "io_logging_redact"
        );
        for own in [
            own("a b", "x"),
            own("x", "("),
            own("x", "x*"),
            own("x", &"x".repeat(600)),
        ] {
            let written = Written {
                redact_custom: vec![own],
                ..Written::default()
            };
            assert_eq!(wrong(written), "io_logging_redact_custom");
        }
    }
}
