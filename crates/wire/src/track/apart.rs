//! Takes objects of answers apart, and says how an answer is broken: what cannot be taken apart is never
//! read as absent.

use chat::{Error, Kind};

use crate::members::{self, Members};
use crate::scan::Malformed;

/// A failure of the provider in the middle of its answer.
pub(crate) fn broken(message: &str) -> Error {
    Error::provider(Kind::ProviderUnavailable, message)
}

/// The failure of an answer that its provider ended without its end.
pub(crate) fn failed_answer() -> Error {
    broken("the provider broke its answer off")
}

/// An object of a provider's answer that cannot be taken apart. The text was checked before: nothing
/// else can be wrong with it.
pub(crate) fn too_many(_: Malformed) -> Error {
    broken("the provider sent an object with too many members")
}

/// An object of an answer without which something would be missing from it.
///
/// # Errors
/// It has too many members to be taken apart.
pub(crate) fn object_of<'a>(
    holder: &Members<'a>,
    name: &str,
) -> Result<Option<Members<'a>>, Error> {
    holder.try_object(name).map_err(too_many)
}

/// The same, for a small object of which every part is read: counts, sources.
///
/// # Errors
/// It, or an object in it, has too many members to be taken apart.
pub(crate) fn all_of_object<'a>(
    holder: &Members<'a>,
    name: &str,
) -> Result<Option<Members<'a>>, Error> {
    let object = object_of(holder, name)?;
    if let Some(object) = &object {
        check_all(object)?;
    }
    Ok(object)
}

/// Whether a small object can be taken apart with all that is in it.
///
/// # Errors
/// As for [`all_of_object`].
pub(crate) fn check_all(object: &Members<'_>) -> Result<(), Error> {
    members::check_all(object.text, object.span).map_err(too_many)
}
