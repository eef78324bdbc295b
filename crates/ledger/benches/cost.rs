//! What a cost costs: the bill of one call, and the two questions that a budget asks before it.
//!
//! Nothing here may be felt beside a call of some hundred microseconds.

#![expect(
    missing_docs,
    reason = "the functions are written by criterion's macros"
)]
use std::hint::black_box;

use chat::{Unit, Usage};
use criterion::{Criterion, criterion_group, criterion_main};
use ledger::{Amount, Condition, Extent, Price, PriceOverride, PriceSheet};
use ledger::{affordable_output, ceiling};

/// Some moment, in Unix seconds.
const AT: i64 = 1_800_000_000;

fn price(usd_per_million: &str) -> Price {
    Price::from_usd_per_million(usd_per_million).expect("our own text")
}

/// Four prices, and two of them dearer for long prompts: as large as sheets of the catalog are.
fn sheet() -> PriceSheet {
    let mut sheet = PriceSheet::default()
        .with(Unit::Input, price("1.25"))
        .with(Unit::Output, price("10"))
        .with(Unit::CacheRead, price("0.125"))
        .with(Unit::CacheWrite, price("1.5625"));
    sheet.overrides.push(PriceOverride {
        condition: Condition {
            min_prompt_tokens: Some(200_000),
            ..Condition::default()
        },
        prices: vec![(Unit::Input, price("2.50")), (Unit::Output, price("15"))],
    });
    sheet
}

fn cost(criterion: &mut Criterion) {
    let (sheet, plain) = (sheet(), PriceSheet::default().with(Unit::Input, price("1")));
    let usage = Usage::default()
        .with(Unit::Input, 1_200)
        .with(Unit::CacheRead, 8_000)
        .with(Unit::CacheWrite, 300)
        .with(Unit::Reasoning, 400)
        .with(Unit::Output, 700);
    let short = Usage::default().with(Unit::Input, 300);
    criterion.bench_function("cost, five units, overrides", |bench| {
        bench.iter(|| ledger::cost(black_box(&usage), black_box(&sheet), AT));
    });
    criterion.bench_function("cost, one unit", |bench| {
        bench.iter(|| ledger::cost(black_box(&short), black_box(&plain), AT));
    });
    let extent = Extent::new(9_500, 4_096);
    criterion.bench_function("ceiling of a call", |bench| {
        bench.iter(|| ceiling(black_box(&extent), black_box(&sheet), AT));
    });
    let available = Amount::from_nanos(25_000_000);
    criterion.bench_function("output that the money reaches for", |bench| {
        bench.iter(|| affordable_output(black_box(available), black_box(&extent), &sheet, AT));
    });
}

criterion_group!(benches, cost);
criterion_main!(benches);
