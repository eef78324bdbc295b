//! What is known of a provider by its habits, for those who write requests.

use chat::{Feature, habit};

use super::{Form, Habit, Quirk, Recall};
use crate::continuation::GoesOn;
use crate::outgoing::Outgoing;

/// Whether a provider refuses a field.
pub(crate) fn refuses(quirks: &[&Quirk], field: &str) -> bool {
    quirks
        .iter()
        .any(|quirk| matches!(quirk.habit, Habit::Drop(fields) if fields.contains(&field)))
}

/// Whether a provider takes what OpenRouter has added to the dialects.
pub(crate) fn is_openrouter(quirks: &[&Quirk]) -> bool {
    quirks
        .iter()
        .any(|quirk| matches!(quirk.habit, Habit::Reasoning(Form::Keep)))
}

/// What a provider calls one of these fields, where it has a habit of calling it otherwise.
pub(crate) fn renamed(quirks: &[&Quirk], fields: &[&str]) -> Option<&'static str> {
    quirks.iter().find_map(|quirk| match quirk.habit {
        Habit::Rename(from, to) if fields.contains(&from) => Some(to),
        _ => None,
    })
}

/// Whether a provider takes `stream_options`.
pub(crate) fn takes_stream_options(quirks: &[&Quirk]) -> bool {
    !quirks
        .iter()
        .any(|quirk| matches!(quirk.habit, Habit::NoStreamOptions))
}

/// Whether a provider understands `cache_control` wherever it may stand.
pub(crate) fn takes_cache_control(quirks: &[&Quirk]) -> bool {
    quirks
        .iter()
        .any(|quirk| matches!(quirk.habit, Habit::CacheControl))
}

/// Whether an endpoint knows tools that are called with free text.
pub(crate) fn knows_free_text(to: &Outgoing<'_>) -> bool {
    to.quirks
        .iter()
        .filter(|quirk| matches!(quirk.habit, Habit::Expresses))
        .any(|quirk| {
            habit::expressed_by(quirk.name, to.native_model).contains(Feature::CustomTools)
        })
}

/// How a provider is asked to go on with a text by one of its models; `None` where it does not.
#[must_use]
pub fn goes_on(quirks: &[&Quirk], native_model: &str) -> Option<GoesOn> {
    quirks.iter().find_map(|quirk| match &quirk.habit {
        Habit::GoesOn(how, models) if models.include(native_model) => Some(*how),
        _ => None,
    })
}

/// How a provider wants to be asked to reason.
pub(crate) fn reasoning_form(quirks: &[&Quirk]) -> Form {
    let form = quirks.iter().rev().find_map(|quirk| match quirk.habit {
        Habit::Reasoning(form) => Some(form),
        _ => None,
    });
    form.unwrap_or(Form::Unknown)
}

/// Which of its earlier reasoning a provider gets back.
pub(crate) fn recall(quirks: &[&Quirk]) -> Recall {
    if is_openrouter(quirks) {
        return Recall::Details;
    }
    let habit = quirks.iter().find_map(|quirk| match quirk.habit {
        Habit::Recall(recall, _) => Some(recall),
        _ => None,
    });
    habit.unwrap_or(Recall::Nothing)
}

/// Names something that was lost, once.
pub(crate) fn name_once(dropped: &mut Vec<String>, name: &str) {
    if !dropped.iter().any(|known| known == name) {
        dropped.push(name.to_owned());
    }
}
