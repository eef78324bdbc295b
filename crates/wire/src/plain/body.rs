//! Reads a request that is an object of few fields: checked by shapes, spans kept.

use chat::{Error, Kind};

use crate::incoming::Incoming;
use crate::outgoing::{Outgoing, Written};
use crate::scan::text;
use crate::shape::{Fault, Field, check_field, required};
use crate::splice::{Edits, quoted};
use crate::{draft::Draft, quirks};

/// Fields that speak to us, not to a provider.
const OURS: &[&str] = &[
    "models",
    "route",
    "provider",
    "preset",
    "plugins",
    "session_id",
    "trace",
    "metadata",
    "stream",
];

/// Reads and checks the fields of a request; of fields with the same name the first one counts.
pub(crate) fn read(body: &[u8], fields: &[&[Field]]) -> Result<Incoming, Fault> {
    let text = text(body)?;
    let known: Vec<Field> = fields.iter().copied().flatten().copied().collect();
    let mut incoming = Incoming::walk(text, |scanner, name, _| {
        check_field(scanner, (text, name), &known)
    })?;
    let members = incoming.members(text);
    let missing = fields
        .iter()
        .copied()
        .flatten()
        .find(|field| field.is_required && members.present(field.name).is_none());
    if let Some(field) = missing {
        return Err(required(field));
    }
    incoming.read_small_fields(&members)?;
    Ok(incoming)
}

/// The same bytes for one endpoint, without what speaks to us, and with its name of the model.
pub(super) fn spliced(
    (body, request): (&[u8], &Incoming),
    to: &Outgoing<'_>,
) -> Result<Written, Error> {
    let text = std::str::from_utf8(body).map_err(|_| unreadable())?;
    let members = request.members(text);
    let mut edits = Edits::default();
    let mut draft = Draft::new(&members);
    OURS.iter().for_each(|name| draft.remove(name));
    quirks::apply(&mut draft, &mut edits, to);
    draft.set("model", quoted(to.native_model));
    let dropped = draft.commit(&mut edits);
    Ok(Written {
        body: edits.apply(text, "", ""),
        dropped,
        ..Written::default()
    })
}

/// A body that was read before and cannot be read again.
pub(super) fn unreadable() -> Error {
    Error::caller(Kind::InvalidRequest, "the request body cannot be read")
}
