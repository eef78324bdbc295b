//! `Room`: where spools lie on the disk: a folder of the data directory, a folder in it for each
//! destination, a file for calls that are sent together. Everything is sealed: it may hold content.
//!
//! Files are written whole and renamed into place, so that a killed process leaves none in halves. They
//! are not flushed: what a power failure takes is what the operating system had not written yet.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use store::{DataKey, Vault, VaultError};

use super::letter;
use super::spool::{Dead, Parked, Verdict, Waiting};

/// The file that holds the wrapped key of all others.
const KEY: &str = "key";

const WAITING: &str = "waiting";
const DEAD: &str = "dead";

/// Why something cannot be kept or read. Never repeats any of it.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// The disk.
    #[error("{0}")]
    Disk(#[from] io::Error),
    /// The key.
    #[error("{0}")]
    Sealed(#[from] VaultError),
    /// It is in no form of ours.
    #[error("it is damaged")]
    Damaged,
}

/// Where spools lie.
#[derive(Debug)]
pub struct Room {
    dir: PathBuf,
    key: DataKey,
}

impl Room {
    /// The room in a folder, which is made if there is none. A key that an old master key has wrapped is
    /// wrapped anew.
    ///
    /// # Errors
    /// When the disk does not let us, or the key cannot be opened.
    pub fn open(dir: PathBuf, vault: &Vault) -> Result<Self, RoomError> {
        fs::create_dir_all(&dir)?;
        let path = dir.join(KEY);
        let key = match fs::read_to_string(&path) {
            Ok(wrapped) => {
                let wrapped = wrapped.trim();
                if let Some(renewed) = vault.rewrapped(wrapped)? {
                    write_whole(&path, renewed.as_bytes())?;
                }
                vault.data_key(wrapped)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (key, wrapped) = vault.new_data_key()?;
                write_whole(&path, wrapped.as_bytes())?;
                key
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { dir, key })
    }

    /// Seals calls of a destination; what is to be written.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(
        &self,
        place: (&str, u64),
        (calls, verdict): (&[Waiting], Option<&Verdict>),
    ) -> Result<Vec<u8>, RoomError> {
        let plain = letter::write(calls, verdict).ok_or(RoomError::Damaged)?;
        Ok(self.key.seal(&plain, &bound_to(place))?)
    }

    /// Writes sealed calls that wait.
    ///
    /// # Errors
    /// The disk's.
    pub fn put_waiting(&self, place: (&str, u64), sealed: &[u8]) -> Result<(), RoomError> {
        self.put(place, WAITING, sealed)
    }

    /// Writes sealed calls that were given up, in the place of those that waited under that number.
    ///
    /// # Errors
    /// The disk's.
    pub fn put_dead(&self, place: (&str, u64), sealed: &[u8]) -> Result<(), RoomError> {
        self.put(place, DEAD, sealed)?;
        remove(&self.file(place, WAITING))
    }

    fn put(&self, place: (&str, u64), state: &str, sealed: &[u8]) -> Result<(), RoomError> {
        fs::create_dir_all(self.folder(place.0))?;
        write_whole(&self.file(place, state), sealed)?;
        Ok(())
    }

    /// Reads calls that wait.
    ///
    /// # Errors
    /// The disk's, or when they cannot be opened.
    pub fn waiting(&self, place: (&str, u64)) -> Result<Vec<Waiting>, RoomError> {
        self.read(place, WAITING).map(|(calls, _)| calls)
    }

    fn read(
        &self,
        place: (&str, u64),
        state: &str,
    ) -> Result<(Vec<Waiting>, Option<Verdict>), RoomError> {
        let sealed = fs::read(self.file(place, state))?;
        let plain = self.key.open(&sealed, &bound_to(place))?;
        letter::read(&plain).ok_or(RoomError::Damaged)
    }

    /// Removes what is under a number, if anything is.
    ///
    /// # Errors
    /// The disk's.
    pub fn remove(&self, place: (&str, u64)) -> Result<(), RoomError> {
        remove(&self.file(place, WAITING))?;
        remove(&self.file(place, DEAD))
    }

    /// Removes everything of a destination.
    ///
    /// # Errors
    /// The disk's.
    pub fn clear(&self, destination: &str) -> Result<(), RoomError> {
        match fs::remove_dir_all(self.folder(destination)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The destinations of which something is here.
    ///
    /// # Errors
    /// The disk's.
    pub fn destinations(&self) -> Result<Vec<String>, RoomError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                found.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(found)
    }

    /// What is here of a destination: what waits, the oldest first, and what was given up. What cannot
    /// be read is removed, and counted.
    ///
    /// # Errors
    /// The disk's.
    pub fn left(&self, destination: &str) -> Result<Left, RoomError> {
        let mut left = Left::default();
        let mut names: Vec<(u64, bool, u64)> = Vec::new();
        for entry in fs::read_dir(self.folder(destination))? {
            let entry = entry?;
            match number_of(&entry.path()) {
                Some((number, is_dead)) => names.push((number, is_dead, entry.metadata()?.len())),
                None => remove(&entry.path())?,
            }
        }
        names.sort_unstable();
        for (number, is_dead, bytes) in names {
            let place = (destination, number);
            let read = self.read(place, if is_dead { DEAD } else { WAITING });
            match (read, is_dead) {
                (Ok((calls, Some(verdict))), true) => {
                    left.dead.extend(calls.into_iter().map(|waiting| Dead {
                        waiting,
                        verdict: verdict.clone(),
                        number: Some(number),
                    }));
                }
                (Ok((calls, None)), false) => left.parked.push(Parked {
                    number,
                    calls: calls.len(),
                    bytes,
                }),
                _ => {
                    left.unreadable += 1;
                    self.remove(place)?;
                }
            }
        }
        Ok(left)
    }

    fn folder(&self, destination: &str) -> PathBuf {
        self.dir.join(destination)
    }

    fn file(&self, (destination, number): (&str, u64), state: &str) -> PathBuf {
        self.folder(destination)
            .join(format!("{number:016x}.{state}"))
    }
}

/// What an earlier life has left of a destination.
#[derive(Debug, Default)]
pub struct Left {
    /// What waits, the oldest first.
    pub parked: Vec<Parked>,
    /// What was given up.
    pub dead: Vec<Dead>,
    /// Files that could not be read.
    pub unreadable: usize,
}

fn bound_to((destination, number): (&str, u64)) -> String {
    format!("broadcast-spool/{destination}/{number}")
}

/// The number of a file, and whether it holds what was given up.
fn number_of(path: &Path) -> Option<(u64, bool)> {
    let number = path.file_stem()?.to_str()?;
    let number = u64::from_str_radix(number, 16).ok()?;
    match path.extension()?.to_str()? {
        WAITING => Some((number, false)),
        DEAD => Some((number, true)),
        _ => None,
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(bytes)?;
    drop(file);
    fs::rename(&unfinished, path)
}

fn remove(path: &Path) -> Result<(), RoomError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
