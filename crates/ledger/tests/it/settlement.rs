//! The settlement table: complete, without idle rows, and the same as in the documentation.

use std::collections::BTreeSet;

use chat::{Unit, Usage};
use ledger::settlement::{self, TABLE};
use ledger::{AbortStopsBill, Action, Basis, Ending, Price, PriceSheet, UsageKnown};

fn cells() -> impl Iterator<Item = (Ending, AbortStopsBill, UsageKnown)> {
    Ending::ALL.into_iter().flat_map(|ending| {
        AbortStopsBill::ALL
            .into_iter()
            .flat_map(move |abort| UsageKnown::ALL.into_iter().map(move |u| (ending, abort, u)))
    })
}

#[test]
fn every_combination_has_one_row_and_every_row_its_name() {
    for (ending, abort, usage) in cells() {
        let rows = TABLE
            .iter()
            .filter(|row| {
                row.ending == ending && row.aborts.contains(&abort) && row.usages.contains(&usage)
            })
            .count();
        assert_eq!(rows, 1, "{ending:?} {abort:?} {usage:?}");
    }
    let names: BTreeSet<_> = TABLE.iter().map(|row| row.rule.name).collect();
    assert_eq!(names.len(), TABLE.len());
}

#[test]
fn what_to_do_with_the_provider_does_not_wait_for_the_usage() {
    for (ending, abort, usage) in cells() {
        assert_eq!(
            settlement::rule(ending, abort, usage).action,
            settlement::action(ending, abort),
            "{ending:?} {abort:?} {usage:?}"
        );
    }
}

#[test]
fn a_caller_that_leaves_never_rides_for_free() {
    let left = [
        Ending::LeftBeforeHeaders,
        Ending::LeftBeforeFirstToken,
        Ending::LeftMidStream,
    ];
    for (ending, abort, usage) in cells().filter(|(ending, ..)| left.contains(ending)) {
        let rule = settlement::rule(ending, abort, usage);
        let basis = match usage {
            UsageKnown::Provider => Basis::ProviderUsage,
            UsageKnown::Estimated => Basis::Estimate,
            UsageKnown::None => Basis::Unpriced,
        };
        let action = match abort {
            AbortStopsBill::Yes | AbortStopsBill::Unknown => Action::Abort,
            AbortStopsBill::No => Action::Drain,
        };
        assert_eq!((rule.basis, rule.action), (basis, action), "{ending:?}");
    }
}

#[test]
fn tokens_that_were_delivered_are_charged_by_every_ending() {
    let delivered = [
        Ending::Complete,
        Ending::Length,
        Ending::LeftMidStream,
        Ending::CutMidStream,
        Ending::ErrorAfterTokens,
        Ending::Incomplete,
    ];
    for (ending, abort, usage) in cells().filter(|(ending, ..)| delivered.contains(ending)) {
        let basis = settlement::rule(ending, abort, usage).basis;
        assert!(
            matches!(
                basis,
                Basis::ProviderUsage | Basis::Estimate | Basis::Unpriced
            ),
            "{ending:?} {abort:?} {usage:?}: {basis:?}"
        );
    }
}

#[test]
fn bases_charge_what_they_say() {
    let sheet = PriceSheet::default()
        .with(Unit::Input, Price::from_picos(1000))
        .with(Unit::Output, Price::from_picos(2000))
        .with(Unit::Request, Price::from_picos(50_000))
        .with(Unit::WebSearch, Price::from_picos(700_000));
    let usage = Usage::default()
        .with(Unit::Input, 10)
        .with(Unit::Output, 5)
        .with(Unit::Request, 1)
        .with(Unit::WebSearch, 2);
    // ending, usage known → nano-USD
    for (ending, known, nanos) in [
        (Ending::Complete, UsageKnown::Provider, Some(1470)),
        (Ending::CutMidStream, UsageKnown::Estimated, Some(1470)),
        (Ending::Empty, UsageKnown::Provider, Some(1450)),
        (Ending::Empty, UsageKnown::None, Some(0)),
        (Ending::FailedAttempt, UsageKnown::Provider, Some(0)),
        (Ending::CacheHit, UsageKnown::Provider, Some(0)),
        (Ending::Complete, UsageKnown::None, None),
        (Ending::Crash, UsageKnown::None, Some(0)),
    ] {
        let rule = settlement::rule(ending, AbortStopsBill::Unknown, known);
        let charged = rule.charge(&usage, &sheet, 0).ok().map(|b| b.total.nanos());
        assert_eq!(charged, nanos, "{ending:?} {known:?}");
    }
    // An empty answer without fees is free even where the sheet has no prices for them.
    let bare = PriceSheet::default().with(Unit::Input, Price::from_picos(1000));
    let rule = settlement::rule(Ending::Empty, AbortStopsBill::No, UsageKnown::Provider);
    let usage = Usage::default().with(Unit::Input, 10);
    assert_eq!(rule.charge(&usage, &bare, 0).unwrap().total.nanos(), 0);
}

#[test]
fn the_documentation_has_the_same_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/money.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (begin, end) = ("<!-- settlement: begin -->\n", "<!-- settlement: end -->");
    let found = text
        .split_once(begin)
        .and_then(|(_, rest)| rest.split_once(end))
        .map(|(table, _)| table.trim());
    let table = settlement::markdown();
    assert!(
        found == Some(table.trim()),
        "between \"{}\" and \"{end}\" docs/money.md should have:\n{table}",
        begin.trim()
    );
}
