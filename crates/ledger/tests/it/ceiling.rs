//! Ceilings: no call within its extent costs more, and affordable output is their inverse.

use chat::{ServiceTier, Unit, Usage};
use ledger::{
    Amount, Condition, Extent, Price, PriceOverride, PriceSheet, Unpriced, affordable_output,
    ceiling, cost,
};

use crate::random::{Random, for_seeds};

fn sheet(prices: &[(Unit, u64)]) -> PriceSheet {
    prices
        .iter()
        .fold(PriceSheet::default(), |sheet, (unit, picos)| {
            sheet.with(*unit, Price::from_picos(*picos))
        })
}

fn text(prompt: u64, output: u64) -> Extent {
    Extent::new(prompt, output)
        .without_media()
        .without_cache_writes()
}

#[test]
fn a_ceiling_takes_the_dearest_price_that_may_apply() {
    use Unit::{
        CacheWrite, CacheWrite1h, Input, InputAudio, Output, Reasoning, Request, WebSearch,
    };
    let plain = sheet(&[(Input, 1000), (Output, 5000)]);
    let rich = sheet(&[
        (Input, 1000),
        (CacheWrite, 1250),
        (CacheWrite1h, 2000),
        (InputAudio, 9000),
        (Output, 5000),
        (Reasoning, 6000),
        (Request, 7000),
        (WebSearch, 10_000),
    ]);
    let over = |condition, unit, picos| {
        let mut sheet = plain.clone();
        let prices = vec![(unit, Price::from_picos(picos))];
        sheet.overrides.push(PriceOverride { condition, prices });
        sheet
    };
    let long = Condition {
        min_prompt_tokens: Some(100),
        ..Condition::default()
    };
    // From 02:00 to 03:00
    let night = Condition {
        utc_minutes: Some((120, 180)),
        ..Condition::default()
    };
    // extent, sheet, minute of the day → nano-USD
    for (extent, sheet, minute, nanos) in [
        (text(10, 4), plain.clone(), 0, 30),
        (text(0, 0), plain.clone(), 0, 0),
        (text(10, 4), rich.clone(), 0, 10 + 24 + 7),
        (
            text(10, 4).with_searches(2),
            rich.clone(),
            0,
            10 + 24 + 7 + 20,
        ),
        (
            Extent::new(10, 4).without_media(),
            rich.clone(),
            0,
            20 + 24 + 7,
        ),
        (Extent::new(10, 4), rich.clone(), 0, 90 + 24 + 7),
        (text(100, 1), over(long, Input, 2000), 0, 105),
        (text(101, 1), over(long, Input, 2000), 0, 207),
        // A cheaper override may not come to hold; a dearer one may within the hour.
        (text(101, 1), over(long, Input, 10), 0, 106),
        (text(10, 1), over(night, Output, 8000), 0, 15),
        (text(10, 1), over(night, Output, 8000), 60, 18),
        (text(10, 1), over(night, Output, 8000), 179, 18),
        (text(10, 1), over(night, Output, 8000), 180, 15),
    ] {
        assert_eq!(
            ceiling(&extent, &sheet, minute * 60),
            Ok(Amount::from_nanos(nanos)),
            "{extent:?} at minute {minute}"
        );
    }
}

#[test]
fn what_has_no_price_has_no_ceiling() {
    let embedding = sheet(&[(Unit::Input, 1000)]);
    assert!(ceiling(&text(10, 0), &embedding, 0).is_ok());
    assert_eq!(
        ceiling(&text(10, 1), &embedding, 0),
        Err(Unpriced::NoPrice(Unit::Output))
    );
    assert_eq!(
        ceiling(&text(10, 0).with_searches(1), &embedding, 0),
        Err(Unpriced::NoPrice(Unit::WebSearch))
    );
    assert_eq!(
        ceiling(&text(1, 0), &PriceSheet::default(), 0),
        Err(Unpriced::NoPrice(Unit::Input))
    );
    let dear = sheet(&[(Unit::Input, u64::MAX), (Unit::Output, 1)]);
    assert_eq!(
        ceiling(&text(u64::MAX, 1), &dear, 0),
        Err(Unpriced::TooLarge)
    );
}

#[test]
fn affordable_output_says_how_far_the_money_reaches() {
    let plain = sheet(&[(Unit::Input, 1000), (Unit::Output, 5000)]);
    let free_output = sheet(&[(Unit::Input, 1000), (Unit::Output, 0)]);
    let free = sheet(&[(Unit::Input, 0), (Unit::Output, 0)]);
    // available, sheet → tokens
    for (available, sheet, tokens) in [
        (100, &plain, Some(18)),
        (104, &plain, Some(18)),
        (105, &plain, Some(19)),
        (10, &plain, Some(0)),
        (9, &plain, None),
        (-1, &plain, None),
        (10, &free_output, Some(u64::MAX)),
        (0, &free, Some(u64::MAX)),
    ] {
        assert_eq!(
            affordable_output(Amount::from_nanos(available), &text(10, 99), sheet, 0),
            tokens,
            "{available}"
        );
    }
    let unpriced = sheet(&[(Unit::Input, 1000)]);
    assert_eq!(
        affordable_output(Amount::from_nanos(100), &text(1, 1), &unpriced, 0),
        None
    );
}

/// A sheet of random prices and overrides, in which input and output have prices.
fn any_sheet(random: &mut Random) -> PriceSheet {
    let mut sheet = sheet(&[
        (Unit::Input, random.below(5_000)),
        (Unit::Output, 1 + random.below(20_000)),
        (Unit::WebSearch, random.below(1_000_000)),
    ]);
    for unit in Unit::ALL {
        if random.below(3) == 0 {
            sheet.set(unit, Price::from_picos(1 + random.below(30_000)));
        }
    }
    for _ in 0..random.below(4) {
        let minute = |random: &mut Random| u16::try_from(random.below(1440)).unwrap();
        let condition = Condition {
            min_prompt_tokens: (random.below(2) == 0).then(|| random.below(2000)),
            utc_minutes: (random.below(2) == 0).then(|| (minute(random), minute(random))),
            service_tier: *random.pick(&[None, Some(ServiceTier::Flex)]),
        };
        let prices = (0..1 + random.below(4))
            .map(|_| {
                let unit = *random.pick(&Unit::ALL);
                (unit, Price::from_picos(1 + random.below(30_000)))
            })
            .collect();
        sheet.overrides.push(PriceOverride { condition, prices });
    }
    sheet
}

/// Splits a bound at random over these units.
fn spread(random: &mut Random, usage: &mut Usage, units: &[Unit], bound: u64) {
    let mut rest = bound;
    for unit in units {
        let count = random.below(rest + 1);
        usage.set(*unit, count);
        rest -= count;
    }
}

#[test]
fn no_call_within_its_extent_costs_more_than_its_ceiling() {
    for_seeds(0..3000, |seed| {
        let mut random = Random::new(seed);
        let sheet = any_sheet(&mut random);
        let mut extent = Extent::new(random.below(3000), random.below(3000)).with_searches(2);
        let (mut prompt, mut output) = (vec![Unit::Input, Unit::CacheRead], vec![Unit::Output]);
        output.push(Unit::Reasoning);
        match random.below(3) {
            0 => extent = extent.without_media(),
            1 => {
                prompt.extend([Unit::InputAudio, Unit::InputImage]);
                output.extend([Unit::OutputAudio, Unit::OutputImage]);
            }
            _ => {}
        }
        if random.below(2) == 0 {
            extent = extent.without_cache_writes();
        } else {
            prompt.extend([Unit::CacheWrite1h, Unit::CacheWrite]);
        }
        if random.below(2) == 0 {
            prompt.reverse();
            output.reverse();
        }
        let at = random.nanos(200_000);
        let mut usage = Usage::default()
            .with(Unit::Request, 1)
            .with(Unit::WebSearch, random.below(3));
        usage.service_tier = *random.pick(&[None, Some(ServiceTier::Flex)]);
        spread(&mut random, &mut usage, &prompt, extent.prompt_tokens);
        spread(&mut random, &mut usage, &output, extent.output_tokens);
        let settled_at = at + random.nanos(3600);
        if let Ok(bill) = cost(&usage, &sheet, settled_at) {
            let ceiling = ceiling(&extent, &sheet, at).unwrap();
            assert!(bill.total <= ceiling, "{usage:?}\n{extent:?}\n{sheet:?}");
        }
    });
}

#[test]
fn affordable_output_is_the_inverse_of_the_ceiling() {
    for_seeds(0..2000, |seed| {
        let mut random = Random::new(seed);
        let sheet = any_sheet(&mut random);
        let at = random.nanos(200_000);
        let available = Amount::from_nanos(random.nanos(50_000));
        let extent = |output| Extent::new(7, output);
        let reach = |output| ceiling(&extent(output), &sheet, at).unwrap() <= available;
        match affordable_output(available, &extent(0), &sheet, at) {
            Some(tokens) => assert!(reach(tokens) && !reach(tokens + 1), "{tokens}"),
            None => assert!(!reach(0)),
        }
    });
}
