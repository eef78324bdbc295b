//! The console's password: PBKDF2 with SHA-256, and few guesses.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use chat::{Error, Kind};
use ring::pbkdf2;
use store::{Store, StoreError};

use crate::clock;

/// The setting that holds it.
pub const SETTING: &str = "console/password";

/// The fewest and the most characters.
pub const LENGTHS: std::ops::RangeInclusive<usize> = 10..=256;

/// Rounds of PBKDF2. Source: OWASP's Password Storage Cheat Sheet for PBKDF2-HMAC-SHA256, 2023.
const ROUNDS: u32 = 600_000;

/// The name of the scheme in what is stored, so that a later one can be told from it.
const SCHEME: &str = "pbkdf2-sha256";

/// Guesses that may fail within [`WINDOW_MS`], in all: a password is guessed by many or by one alike.
const GUESSES_MAX: usize = 10;

/// Milliseconds: five minutes.
const WINDOW_MS: i64 = 5 * 60 * 1000;

/// What is stored of a password: `pbkdf2-sha256$ROUNDS$SALT$HASH`, the last two in hex.
///
/// # Errors
/// When the system gives no randomness.
pub fn stored(password: &str) -> Result<String, getrandom::Error> {
    let salt = clock::random::<16>()?;
    let hash = derive(password, &salt, ROUNDS);
    let (salt, hash) = (hex::encode(salt), hex::encode(hash));
    Ok(format!("{SCHEME}${ROUNDS}${salt}${hash}"))
}

fn derive(password: &str, salt: &[u8], rounds: u32) -> [u8; 32] {
    let mut hash = [0; 32];
    let rounds = NonZeroU32::new(rounds).unwrap_or(NonZeroU32::MIN);
    let bytes = password.as_bytes();
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, bytes, &mut hash);
    hash
}

/// Whether a password is the one that `stored` was made of. Takes a good part of a second.
#[must_use]
pub fn is_right(password: &str, stored: &str) -> bool {
    let mut parts = stored.split('$');
    let parts = [(); 4].map(|()| parts.next().unwrap_or_default());
    let [SCHEME, rounds, salt, hash] = parts else {
        return false;
    };
    let rounds = rounds.parse().ok().and_then(NonZeroU32::new);
    let (Some(rounds), Ok(salt), Ok(hash)) = (rounds, hex::decode(salt), hex::decode(hash)) else {
        return false;
    };
    let bytes = password.as_bytes();
    pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, bytes, &hash).is_ok()
}

/// What is stored of the password, if there is one.
///
/// # Errors
/// When the store is away.
pub async fn kept(store: &Store) -> Result<Option<String>, StoreError> {
    let setting = store.settings().get(SETTING).await?;
    Ok(setting.map(|setting| setting.value))
}

/// Guesses of this process that have failed, and the one that is being checked.
///
/// A guess is counted before it is checked, so that many at once are not more than one after another.
/// Management keys and links are too long to be guessed and are not counted: who is shut out here by
/// somebody else's guesses gets in by those.
#[derive(Debug, Default)]
pub struct Guesses(Mutex<VecDeque<i64>>);

impl Guesses {
    /// Counts a guess.
    ///
    /// # Errors
    /// When there have been too many.
    pub fn count(&self, now_ms: i64) -> Result<(), Error> {
        let mut times = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        while times.front().is_some_and(|at| at + WINDOW_MS <= now_ms) {
            times.pop_front();
        }
        if times.len() < GUESSES_MAX {
            times.push_back(now_ms);
            return Ok(());
        }
        let oldest = times.front().copied().unwrap_or(now_ms);
        let message = "Too many wrong passwords; wait some minutes, or use a management key";
        let mut error = Error::caller(Kind::RateLimitExceeded, message);
        let wait_ms = u64::try_from(oldest + WINDOW_MS - now_ms).unwrap_or(0);
        error.metadata_mut().retry_after = Some(Duration::from_millis(wait_ms));
        Err(error)
    }

    /// Forgets everything: the right one was among them.
    pub fn forgive(&self) {
        let mut times = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        times.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_is_right() {
        let salt = [7; 16];
        let hash = hex::encode(derive("correct horse", &salt, 3));
        let stored = format!("{SCHEME}$3${}${hash}", hex::encode(salt));
        assert!(is_right("correct horse", &stored));
        for (password, stored) in [
            ("correct horsf", stored.as_str()),
            ("", &stored),
            ("correct horse", "pbkdf2-sha256$0$00$00"),
            ("correct horse", "plain$1$00$00"),
            ("correct horse", ""),
        ] {
            assert!(!is_right(password, stored), "{password} {stored}");
        }
    }

    #[test]
    fn a_few_guesses_and_then_none_for_a_while() {
        let guesses = Guesses::default();
        for at in 0..10 {
            assert!(guesses.count(at).is_ok());
        }
        let error = guesses.count(10).unwrap_err();
        assert_eq!(error.kind.status(), 429);
        assert!(guesses.count(WINDOW_MS).is_ok(), "the first is forgotten");
        assert!(guesses.count(WINDOW_MS).is_err());
        guesses.forgive();
        assert!(guesses.count(WINDOW_MS).is_ok());
    }
}
