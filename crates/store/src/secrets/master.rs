//! `MasterKeys`: the current one first, older ones to read with.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// Bytes of a master key, and of a data key.
pub(super) const KEY_BYTES: usize = 32;

/// The file of the data directory.
const FILE: &str = "master.key";

/// So many older keys are kept for reading; more than anybody changes keys before all is renewed.
const KEYS_MAX: usize = 16;

/// One master key. The id is public: the beginning of a hash of the key.
pub(super) struct MasterKey {
    pub(super) id: String,
    pub(super) bytes: [u8; KEY_BYTES],
}

/// The keys that data keys are wrapped with.
pub struct MasterKeys(pub(super) Vec<MasterKey>);

/// Why a text holds no master keys. Never repeats any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyMistake {
    /// There is nothing in it.
    #[error("it is empty; a master key is 64 hexadecimal digits (openssl rand -hex 32)")]
    Empty,
    /// A word of it is no key.
    #[error("word {0} is not 64 hexadecimal digits (openssl rand -hex 32)")]
    NotAKey(usize),
    /// There are more keys than anybody needs.
    #[error("there are more than {KEYS_MAX} keys in it")]
    TooMany,
}

impl MasterKeys {
    /// Reads keys as they are written: 64 hexadecimal digits each, spaces or lines between them. The
    /// first one seals, all of them open; so a new key is put in front of the old ones.
    ///
    /// # Errors
    /// When that is not what it holds.
    pub fn from_text(text: &str) -> Result<Self, KeyMistake> {
        let mut keys = Vec::new();
        for (index, word) in text.split_whitespace().enumerate() {
            let mut bytes = [0; KEY_BYTES];
            hex::decode_to_slice(word, &mut bytes).map_err(|_| KeyMistake::NotAKey(index + 1))?;
            keys.push(MasterKey {
                id: id_of(&bytes),
                bytes,
            });
        }
        match keys.len() {
            0 => Err(KeyMistake::Empty),
            1..=KEYS_MAX => Ok(Self(keys)),
            _ => Err(KeyMistake::TooMany),
        }
    }

    /// The keys in the file `master.key` of a data directory, which only its owner may read; `fresh`
    /// becomes the first one, durably, when there is no such file.
    ///
    /// # Errors
    /// When the directory or the file cannot be read or made, when the file holds something else, or
    /// when others may read it.
    pub fn in_data_dir(data_dir: &Path, fresh: [u8; KEY_BYTES]) -> io::Result<Self> {
        let path = data_dir.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(data_dir)?;
                keep(data_dir, &path, &hex::encode(fresh))?;
                std::fs::read_to_string(&path)?
            }
            Err(error) => return Err(error),
        };
        only_ours(&path)?;
        Self::from_text(&text).map_err(|mistake| {
            let what = format!("{}: {mistake}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, what)
        })
    }

    /// Keys that end with the process, for a database that does, too.
    #[must_use]
    pub fn for_this_process(fresh: [u8; KEY_BYTES]) -> Self {
        Self(vec![MasterKey {
            id: id_of(&fresh),
            bytes: fresh,
        }])
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.0.iter().map(|key| key.id.as_str());
        f.debug_list().entries(ids).finish()
    }
}

/// A name that tells keys apart and says nothing else of them.
fn id_of(bytes: &[u8; KEY_BYTES]) -> String {
    const ID_BYTES: usize = 4;
    let mut hash = Sha256::new();
    hash.update(b"waybill master key id\0");
    hash.update(bytes);
    hex::encode(&hash.finalize()[..ID_BYTES])
}

/// Under another name first, so that a crash leaves the whole file or none. Whoever comes second
/// finds the first one's key: a link, unlike a rename, replaces nothing.
fn keep(data_dir: &Path, path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension(format!("new-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&unfinished, path);
    std::fs::remove_file(&unfinished)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => File::open(data_dir)?.sync_all(),
    }
}

/// A master key that others may read protects nothing.
#[cfg(unix)]
fn only_ours(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if std::fs::metadata(path)?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    let what = format!("others may read {}: chmod 600 it", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
}

#[cfg(not(unix))]
fn only_ours(_path: &Path) -> io::Result<()> {
    Ok(())
}
