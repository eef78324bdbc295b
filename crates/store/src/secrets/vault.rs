//! `Vault`: seals and opens, wraps data keys, renews what an old key has sealed.
//!
//! A wrapped data key is `v1.<id of the master key>.<hex>`, a sealed secret that and `.<hex>`. Both
//! are printable and of no use without the master key.

use super::master::{KEY_BYTES, MasterKey, MasterKeys};
use super::seal::{self, Unsealable};

/// The form of what is written here.
const FORM: &str = "v1";

/// What a wrapped data key is bound to.
const WRAPPING: &[u8] = b"waybill data key";

/// Why a secret could not be sealed or opened. Never repeats any of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It was sealed with a master key that is not here.
    #[error(
        "it is sealed with master key {id}, which this server does not have; give every replica the \
         same keys (storage.master_key), old ones behind the new one"
    )]
    OtherKey {
        /// The id of that key.
        id: String,
    },
    /// It was not sealed here, was sealed for another place, or is damaged.
    #[error("it cannot be opened: it is damaged, or was sealed for another place")]
    Unopenable,
    /// The operating system has no randomness.
    #[error("it cannot be sealed: the operating system has no randomness")]
    Unsealable,
}

/// Seals secrets for the database and opens them again.
#[derive(Debug)]
pub struct Vault {
    keys: MasterKeys,
}

/// A key that seals many things of one kind, such as the payloads of a day. Not printable.
pub struct DataKey([u8; KEY_BYTES]);

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl DataKey {
    /// Seals bytes for a place.
    ///
    /// # Errors
    /// [`VaultError::Unsealable`].
    pub fn seal(&self, plain: &[u8], place: &str) -> Result<Vec<u8>, VaultError> {
        seal::seal(&self.0, plain, place.as_bytes()).map_err(unsealable)
    }

    /// Opens what [`DataKey::seal`] made for the same place.
    ///
    /// # Errors
    /// [`VaultError::Unopenable`].
    pub fn open(&self, sealed: &[u8], place: &str) -> Result<Vec<u8>, VaultError> {
        seal::open(&self.0, sealed, place.as_bytes()).map_err(unopenable)
    }

    /// A fresh key, to be kept under another data key instead of a master key.
    ///
    /// # Errors
    /// [`VaultError::Unsealable`].
    pub fn fresh() -> Result<Self, VaultError> {
        seal::random().map(Self).map_err(unsealable)
    }

    /// Another key, sealed with this one for a place; as text for a column.
    ///
    /// # Errors
    /// [`VaultError::Unsealable`].
    pub fn wrap(&self, other: &Self, place: &str) -> Result<String, VaultError> {
        Ok(hex::encode(self.seal(&other.0, place)?))
    }

    /// The key of a text that [`DataKey::wrap`] made for the same place.
    ///
    /// # Errors
    /// [`VaultError::Unopenable`].
    pub fn unwrapped(&self, wrapped: &str, place: &str) -> Result<Self, VaultError> {
        let sealed = hex::decode(wrapped).map_err(|_| VaultError::Unopenable)?;
        let bytes = <[u8; KEY_BYTES]>::try_from(self.open(&sealed, place)?);
        Ok(Self(bytes.map_err(|_| VaultError::Unopenable)?))
    }
}

impl Vault {
    /// A vault with those keys.
    #[must_use]
    pub const fn new(keys: MasterKeys) -> Self {
        Self { keys }
    }

    /// Seals a secret for a place, such as `observability-destination/ID`, under a data key of its
    /// own. The text is for a `TEXT` column.
    ///
    /// # Errors
    /// [`VaultError::Unsealable`].
    pub fn seal(&self, secret: &str, place: &str) -> Result<String, VaultError> {
        let (key, wrapped) = self.new_data_key()?;
        let sealed = key.seal(secret.as_bytes(), place)?;
        Ok(format!("{wrapped}.{}", hex::encode(sealed)))
    }

    /// Opens what [`Vault::seal`] made for the same place.
    ///
    /// # Errors
    /// [`VaultError::OtherKey`], [`VaultError::Unopenable`].
    pub fn open(&self, sealed: &str, place: &str) -> Result<String, VaultError> {
        let (wrapped, sealed) = sealed.rsplit_once('.').ok_or(VaultError::Unopenable)?;
        let sealed = hex::decode(sealed).map_err(|_| VaultError::Unopenable)?;
        let plain = self.data_key(wrapped)?.open(&sealed, place)?;
        String::from_utf8(plain).map_err(|_| VaultError::Unopenable)
    }

    /// The same secret with its data key wrapped by the current master key; `None` when it is so
    /// already. What the data key has sealed is not touched.
    ///
    /// # Errors
    /// [`VaultError::OtherKey`], [`VaultError::Unopenable`], [`VaultError::Unsealable`].
    pub fn renewed(&self, sealed: &str) -> Result<Option<String>, VaultError> {
        let (wrapped, rest) = sealed.rsplit_once('.').ok_or(VaultError::Unopenable)?;
        let wrapped = self.rewrapped(wrapped)?;
        Ok(wrapped.map(|wrapped| format!("{wrapped}.{rest}")))
    }

    /// A fresh data key, and its wrapped form for the database.
    ///
    /// # Errors
    /// [`VaultError::Unsealable`].
    pub fn new_data_key(&self) -> Result<(DataKey, String), VaultError> {
        let key = DataKey(seal::random().map_err(unsealable)?);
        let wrapped = self.wrap(&key)?;
        Ok((key, wrapped))
    }

    /// The data key of a wrapped form.
    ///
    /// # Errors
    /// [`VaultError::OtherKey`], [`VaultError::Unopenable`].
    pub fn data_key(&self, wrapped: &str) -> Result<DataKey, VaultError> {
        let (id, sealed) = parts(wrapped)?;
        let master = self.keys.0.iter().find(|key| key.id == id);
        let master = master.ok_or_else(|| VaultError::OtherKey { id: id.to_owned() })?;
        let key = seal::open(&master.bytes, &sealed, WRAPPING).map_err(unopenable)?;
        let bytes = <[u8; KEY_BYTES]>::try_from(key);
        Ok(DataKey(bytes.map_err(|_| VaultError::Unopenable)?))
    }

    /// The wrapped form under the current master key; `None` when it is that already.
    ///
    /// # Errors
    /// [`VaultError::OtherKey`], [`VaultError::Unopenable`], [`VaultError::Unsealable`].
    pub fn rewrapped(&self, wrapped: &str) -> Result<Option<String>, VaultError> {
        let (id, _) = parts(wrapped)?;
        if self.current()?.id == id {
            return Ok(None);
        }
        let key = self.data_key(wrapped)?;
        self.wrap(&key).map(Some)
    }

    fn wrap(&self, key: &DataKey) -> Result<String, VaultError> {
        let master = self.current()?;
        let sealed = seal::seal(&master.bytes, &key.0, WRAPPING).map_err(unsealable)?;
        Ok(format!("{FORM}.{}.{}", master.id, hex::encode(sealed)))
    }

    fn current(&self) -> Result<&MasterKey, VaultError> {
        self.keys.0.first().ok_or(VaultError::Unsealable)
    }
}

/// A name that nobody else takes, 32 hexadecimal digits.
///
/// # Errors
/// [`VaultError::Unsealable`].
pub(crate) fn unique_name() -> Result<String, VaultError> {
    let bytes: [u8; 16] = seal::random().map_err(unsealable)?;
    Ok(hex::encode(bytes))
}

/// The id of the master key and the sealed data key of a wrapped form.
fn parts(wrapped: &str) -> Result<(&str, Vec<u8>), VaultError> {
    let rest = wrapped.strip_prefix(FORM);
    let rest = rest.and_then(|rest| rest.strip_prefix('.'));
    let (id, sealed) = rest
        .and_then(|rest| rest.split_once('.'))
        .ok_or(VaultError::Unopenable)?;
    let sealed = hex::decode(sealed).map_err(|_| VaultError::Unopenable)?;
    Ok((id, sealed))
}

fn unsealable(_: Unsealable) -> VaultError {
    VaultError::Unsealable
}

fn unopenable(_: Unsealable) -> VaultError {
    VaultError::Unopenable
}
