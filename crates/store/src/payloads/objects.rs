//! `Objects`: where segments lie, by name. A directory of this machine, or memory; a bucket is made
//! above, where there is a client.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ledger::books::BoxFuture;
use tokio::task::spawn_blocking;

/// Why an object could not be written, read or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// It is not here.
    #[error("the object {0} is not here")]
    Missing(String),
    /// The disk or the bucket is away, full or slow. The same may succeed later.
    #[error("the store of payloads is unavailable: {0}")]
    Unavailable(String),
}

/// Whoever keeps objects by name. A name is a relative path of ours: letters, digits, `-`, `_`, `.`
/// and `/`.
pub trait Objects: Send + Sync {
    /// Writes an object, whole and durably, whether or not one of that name was there.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`].
    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), ObjectError>>;

    /// A part of an object, or all of it.
    ///
    /// # Errors
    /// [`ObjectError::Missing`], [`ObjectError::Unavailable`].
    fn get<'a>(
        &'a self,
        name: &'a str,
        part: Option<Range<u64>>,
    ) -> BoxFuture<'a, Result<Vec<u8>, ObjectError>>;

    /// Removes an object; one that is not there is removed already.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`].
    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), ObjectError>>;

    /// Whether every replica sees the same objects.
    fn is_shared(&self) -> bool;
}

/// A directory of this machine, which only its owner may read.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
    is_shared: bool,
}

impl Directory {
    /// That directory; it is made with the first object. `is_shared` says that every replica has it,
    /// by a network file system.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, is_shared: bool) -> Self {
        let root = root.into();
        Self { root, is_shared }
    }

    /// Runs work with a file where waiting for the disk holds up nobody.
    async fn at<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, ObjectError> {
        let path = self.root.join(name);
        let told = name.to_owned();
        let done = spawn_blocking(move || work(&path)).await;
        let done = done.map_err(|error| ObjectError::Unavailable(error.to_string()))?;
        done.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ObjectError::Missing(told),
            _ => ObjectError::Unavailable(format!("{told}: {error}")),
        })
    }
}

impl Objects for Directory {
    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(self.at(name, move |path| write(path, &bytes)))
    }

    fn get<'a>(
        &'a self,
        name: &'a str,
        part: Option<Range<u64>>,
    ) -> BoxFuture<'a, Result<Vec<u8>, ObjectError>> {
        Box::pin(self.at(name, move |path| read(path, part)))
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(async move {
            match self.at(name, |path| fs::remove_file(path)).await {
                Ok(()) | Err(ObjectError::Missing(_)) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }
}

/// Under another name first, so that a crash leaves the whole file or none.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    make_folder(folder)?;
    let unfinished = path.with_extension("unfinished");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(folder)?.sync_all()
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn read(path: &Path, part: Option<Range<u64>>) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    match part {
        None => {
            file.read_to_end(&mut bytes)?;
        }
        Some(part) => {
            file.seek(SeekFrom::Start(part.start))?;
            let length = part.end.saturating_sub(part.start);
            file.take(length).read_to_end(&mut bytes)?;
        }
    }
    Ok(bytes)
}

/// Objects that end with the process, for a database that does, too.
#[derive(Debug, Default)]
pub struct InMemory(Mutex<HashMap<String, Vec<u8>>>);

impl InMemory {
    /// How many bytes lie in it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.with(|objects| objects.values().map(Vec::len).sum())
    }

    /// How many objects there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.with(|objects| objects.len())
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Vec<u8>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Objects for InMemory {
    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), ObjectError>> {
        self.with(|objects| objects.insert(name.to_owned(), bytes));
        Box::pin(std::future::ready(Ok(())))
    }

    fn get<'a>(
        &'a self,
        name: &'a str,
        part: Option<Range<u64>>,
    ) -> BoxFuture<'a, Result<Vec<u8>, ObjectError>> {
        let found = self.with(|objects| {
            let whole = objects.get(name)?;
            let Some(part) = part else {
                return Some(whole.clone());
            };
            let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(whole.len());
            Some(whole[place(part.start)..place(part.end)].to_vec())
        });
        let found = found.ok_or_else(|| ObjectError::Missing(name.to_owned()));
        Box::pin(std::future::ready(found))
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), ObjectError>> {
        self.with(|objects| objects.remove(name));
        Box::pin(std::future::ready(Ok(())))
    }

    fn is_shared(&self) -> bool {
        true
    }
}
