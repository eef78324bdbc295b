//! Signs of answers that are not what they should be, as conditions of rows and of what was counted.
//!
//! They follow from the columns of a record, as [`Sign::is_of`] has it of a record: nothing is stored
//! for them, and old records have them as well.

use chat::{Dialect, Reason};
use ledger::quality::{Sign, speaks};

use crate::records::measures::{Measure, Measures};

/// The condition of a row that has one of the signs, after others; nothing where none is asked for.
pub(super) fn of_row(signs: &[Sign]) -> String {
    one_of(signs, row)
}

/// The condition of counts among whose calls one may have one of the signs, of a table `r`.
pub(super) fn of_counts(signs: &[Sign]) -> String {
    one_of(signs, |sign| {
        let terms = needed(sign)
            .iter()
            .map(|measure| format!("r.{} > 0", measure.name()));
        terms.collect::<Vec<_>>().join(" AND ")
    })
}

/// Whether counts fit [`of_counts`].
pub(super) fn may_be_in(signs: &[Sign], measures: &Measures) -> bool {
    let may_have = |sign: &Sign| needed(*sign).iter().all(|one| measures.get(*one) > 0);
    signs.is_empty() || signs.iter().any(may_have)
}

fn one_of(signs: &[Sign], condition: impl Fn(Sign) -> String) -> String {
    if signs.is_empty() {
        return String::new();
    }
    let terms: Vec<String> = signs
        .iter()
        .map(|sign| format!("({})", condition(*sign)))
        .collect();
    format!(" AND ({})", terms.join(" OR "))
}

/// What is counted at least once where an answer has the sign.
const fn needed(sign: Sign) -> &'static [Measure] {
    match sign {
        Sign::Empty => &[Measure::Calls],
        Sign::CutShort => &[Measure::Truncated],
        Sign::BrokenOff => &[Measure::Failed, Measure::FirstTokens],
        Sign::Withheld => &[Measure::Filtered],
        Sign::InvalidTools => &[Measure::InvalidTools],
    }
}

fn row(sign: Sign) -> String {
    match sign {
        Sign::Empty => {
            let silent = Dialect::ALL.into_iter().filter(|dialect| !speaks(*dialect));
            let silent: Vec<String> = silent.map(|one| format!("'{}'", one.name())).collect();
            format!(
                "endpoint IS NOT NULL AND outcome = 'completed' AND completion_tokens = 0 \
                 AND COALESCE(finish_reason, '{stop}') = '{stop}' AND dialect NOT IN ({})",
                silent.join(", "),
                stop = Reason::Stop.name()
            )
        }
        Sign::CutShort => format!(
            "outcome = 'completed' AND finish_reason = '{}'",
            Reason::Length.name()
        ),
        Sign::BrokenOff => {
            "endpoint IS NOT NULL AND outcome = 'failed' AND first_token_ms IS NOT NULL".to_owned()
        }
        Sign::Withheld => format!("finish_reason = '{}'", Reason::ContentFilter.name()),
        // A text of somebody else's cannot hold these quotes unescaped.
        Sign::InvalidTools => "dropped LIKE '%\"has_invalid_tools\":true%'".to_owned(),
    }
}
