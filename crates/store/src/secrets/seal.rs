//! AES-256-GCM over bytes, under a nonce of chance that goes in front of what is sealed.
//!
//! Chance is safe here because a data key seals few things: of 96-bit nonces so many may be drawn
//! for one key (2^32) before two are alike with a likelihood that counts (NIST SP 800-38D, 8.3).

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::master::KEY_BYTES;

/// Something cannot be sealed (no randomness) or opened (another key, another place, or damage).
/// Which one it is is deliberately not said.
pub(super) struct Unsealable;

/// Bytes from the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Unsealable> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Unsealable)?;
    Ok(bytes)
}

/// `nonce ‖ ciphertext ‖ tag`, bound to `place`.
pub(super) fn seal(
    key: &[u8; KEY_BYTES],
    plain: &[u8],
    place: &[u8],
) -> Result<Vec<u8>, Unsealable> {
    let nonce: [u8; NONCE_LEN] = random()?;
    let mut bytes = Vec::with_capacity(NONCE_LEN + plain.len() + MAX_TAG_LEN);
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(plain);
    let (_, sealed) = bytes.split_at_mut(NONCE_LEN);
    let tag = cipher(key)?
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place),
            sealed,
        )
        .map_err(|_| Unsealable)?;
    bytes.extend_from_slice(tag.as_ref());
    Ok(bytes)
}

/// What was sealed, if this is the key and the place.
pub(super) fn open(
    key: &[u8; KEY_BYTES],
    sealed: &[u8],
    place: &[u8],
) -> Result<Vec<u8>, Unsealable> {
    let (nonce, rest) = sealed.split_first_chunk().ok_or(Unsealable)?;
    let mut bytes = rest.to_vec();
    let plain = cipher(key)?
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(place),
            &mut bytes,
        )
        .map_err(|_| Unsealable)?
        .len();
    bytes.truncate(plain);
    Ok(bytes)
}

fn cipher(key: &[u8; KEY_BYTES]) -> Result<LessSafeKey, Unsealable> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Unsealable)?;
    Ok(LessSafeKey::new(key))
}
