//! An answer: its choices, and whether it is whole.

use chat::{Error, ServiceTier};

use super::{Choice, broken};

/// No answer has more choices than a request can ask for.
const CHOICES_MAX: usize = 128;

/// Everything remembered of one answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tracker {
    pub(crate) choices: Vec<Choice>,
    pub(crate) is_started: bool,
    /// The special tier that the provider says it serves by.
    pub(crate) service_tier: Option<ServiceTier>,
}

impl Tracker {
    /// The choice with an index, new if need be.
    pub(crate) fn choice(&mut self, index: u32) -> Result<&mut Choice, Error> {
        let position = self.choices.iter().position(|choice| choice.is_at(index));
        let position = match position {
            Some(position) => position,
            None if self.choices.len() == CHOICES_MAX => {
                return Err(broken(
                    "the provider sent more choices than can be asked for",
                ));
            }
            None => {
                self.choices.push(Choice::at_index(index));
                self.choices.len() - 1
            }
        };
        self.choices
            .get_mut(position)
            .ok_or_else(|| broken("the provider sent no choice"))
    }

    /// Whether the answer is whole: every choice ended, and no tool call is open. An answer that was
    /// cut at the output limit may end inside a tool call, since the caller is told that it was cut.
    ///
    /// Where the provider itself said that it was done, one choice with a reason is enough: some
    /// proxies (LiteLLM) tell the reason of the first choice only. None at all never is.
    pub(crate) fn check_whole(&self, is_done: bool) -> Result<(), Error> {
        if self.choices.is_empty() {
            return Err(broken(
                "the provider ended its answer without saying anything",
            ));
        }
        for choice in &self.choices {
            choice.check_calls()?;
        }
        let ended = self
            .choices
            .iter()
            .filter(|choice| choice.has_finished())
            .count();
        if ended == self.choices.len() || (is_done && ended > 0) {
            return Ok(());
        }
        Err(broken("the provider's stream ended before its answer did"))
    }
}
