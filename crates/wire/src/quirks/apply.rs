//! Does to a request what the habits of a provider say.

use super::{Habit, Quirk, Recall, messages, reasoning, recall};
use crate::draft::Draft;
use crate::outgoing::Outgoing;
use crate::splice::Edits;

/// Applies the habits of a provider to a request.
pub(crate) fn apply(draft: &mut Draft<'_, '_>, edits: &mut Edits<'_>, to: &Outgoing<'_>) {
    let quirks = to.quirks;
    reasoning::apply(draft, quirks);
    for quirk in quirks {
        match quirk.habit {
            Habit::Rename(from, to) => draft.rename(from, to),
            Habit::Drop(fields) => fields.iter().for_each(|field| draft.drop_field(field)),
            Habit::Cap(field, max, json) => draft.cap(field, max, json),
            Habit::NoStreamOptions
            | Habit::CacheControl
            | Habit::Expresses
            | Habit::Reasoning(_)
            | Habit::GoesOn(..)
            | Habit::Messages(_)
            | Habit::Recall(..) => {}
        }
    }
    let mut wanted: Vec<messages::MessageEdit> = Vec::new();
    let keeps_all = matches!(recall(quirks), Recall::Details | Recall::Signatures);
    if !keeps_all && recall::may_be_foreign(draft.members.text) {
        wanted.push(recall::without_foreign);
    }
    wanted.extend(quirks.iter().filter_map(|quirk| match quirk.habit {
        Habit::Messages(edit) | Habit::Recall(_, edit) => Some(edit),
        _ => None,
    }));
    if !wanted.is_empty() {
        let family = recall::family_of(to.native_model);
        messages::apply(draft, edits, (&wanted, family));
    }
}

/// Applies the habits that are about single fields: those of bodies that are no chat requests.
pub(crate) fn apply_to_fields(draft: &mut Draft<'_, '_>, quirks: &[&Quirk]) {
    for quirk in quirks {
        match quirk.habit {
            Habit::Drop(fields) => fields.iter().for_each(|field| draft.drop_field(field)),
            Habit::Cap(field, max, json) => draft.cap(field, max, json),
            Habit::Rename(..)
            | Habit::NoStreamOptions
            | Habit::CacheControl
            | Habit::Expresses
            | Habit::Reasoning(_)
            | Habit::GoesOn(..)
            | Habit::Messages(_)
            | Habit::Recall(..) => {}
        }
    }
}
