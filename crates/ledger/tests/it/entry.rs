//! Entries: both sides of every event, ids that repeat with it, and balances that sum to zero.

use ledger::entry::{balance, charge, expire, grant, purchase, refund, release, reserve, settle};
use ledger::{
    Account, Amount, BudgetId, BudgetWindow, Entry, EntryKind, Event, GenerationId, Hold, Window,
};

fn nanos(n: i64) -> Amount {
    Amount::from_nanos(n)
}

fn window(budget: &str) -> BudgetWindow {
    BudgetWindow {
        budget: BudgetId::from_text(budget),
        window: Window::from_text("daily").unwrap().at(1_767_225_600),
    }
}

fn hold(budget: &str, amount: i64) -> Hold {
    Hold::new(window(budget), nanos(amount))
}

/// An entry as a line: kind, from, to, amount.
fn line(entry: &Entry) -> String {
    let kind = entry.kind.name();
    let amount = entry.amount.nanos();
    format!("{kind} {} > {} {amount}", entry.credit, entry.debit)
}

fn lines(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(line).collect()
}

#[test]
fn each_event_has_its_lines() {
    let id = GenerationId::from_text("gen-1");
    let event = Event::of_call(&id, 7);
    let at = "B@day:1767225600";
    let both = [hold("B", 100)];
    for (entries, expected) in [
        (
            reserve(&event, &both),
            vec![format!("reserve open:{at} > reserved:{at} 100")],
        ),
        (
            settle(&event, &both, nanos(60)),
            vec![
                format!("settle reserved:{at} > posted:{at} 60"),
                format!("release reserved:{at} > open:{at} 40"),
            ],
        ),
        (
            settle(&event, &both, nanos(130)),
            vec![
                format!("settle reserved:{at} > posted:{at} 100"),
                format!("overage overage:B > posted:{at} 30"),
            ],
        ),
        (
            release(&event, &both),
            vec![format!("release reserved:{at} > open:{at} 100")],
        ),
        (
            expire(&event, &both),
            vec![format!("expire reserved:{at} > open:{at} 100")],
        ),
        (
            charge(&event, "w1", nanos(50), nanos(2)),
            vec![
                "charge workspace:w1 > usage 50".to_owned(),
                "fee workspace:w1 > fees 2".to_owned(),
            ],
        ),
        (reserve(&event, &[hold("B", 0)]), vec![]),
        (charge(&event, "w1", nanos(0), nanos(0)), vec![]),
    ] {
        assert_eq!(lines(&entries), expected);
        assert!(
            entries
                .iter()
                .all(|e| e.at == 7 && e.generation.as_ref() == Some(&id))
        );
    }
}

#[test]
fn a_prepaid_balance_is_the_sum_of_its_entries() {
    let event = |id| Event {
        id,
        generation: None,
        at: 0,
    };
    let id = GenerationId::from_text("gen-1");
    let mut entries: Vec<Entry> = [
        purchase(&event("p1"), "w1", nanos(1000)),
        grant(&event("g1"), "w1", nanos(500)),
        refund(&event("r1"), "w1", nanos(20)),
        grant(&event("g2"), "w2", nanos(9)),
        grant(&event("g3"), "w1", nanos(-5)),
    ]
    .into_iter()
    .flatten()
    .collect();
    entries.extend(charge(&Event::of_call(&id, 0), "w1", nanos(300), nanos(3)));
    let of = |account: &Account| balance(&entries, account).unwrap().nanos();
    for (text, expected) in [
        ("workspace:w1", 1217),
        ("workspace:w2", 9),
        ("credits", -1000),
        ("grants", -509),
        ("refunds", -20),
        ("usage", 300),
        ("fees", 3),
    ] {
        assert_eq!(of(&Account::from_text(text).unwrap()), expected, "{text}");
    }
    let mut accounts: Vec<_> = entries
        .iter()
        .flat_map(|entry| [&entry.debit, &entry.credit])
        .collect();
    accounts.sort();
    accounts.dedup();
    assert_eq!(accounts.into_iter().map(of).sum::<i64>(), 0);
}

#[test]
fn the_same_event_makes_the_same_ids_and_another_event_others() {
    let (one, two) = (
        GenerationId::from_text("gen-1"),
        GenerationId::from_text("gen-2"),
    );
    let holds = [hold("A", 100), hold("B", 100)];
    let ids = |generation, at| {
        let event = Event::of_call(generation, at);
        let mut entries = reserve(&event, &holds);
        entries.extend(settle(&event, &holds, nanos(60)));
        entries.extend(charge(&event, "w1", nanos(60), nanos(1)));
        let mut ids: Vec<_> = entries.into_iter().map(|entry| entry.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&one, 1), ids(&one, 99));
    let mut all = [ids(&one, 1), ids(&two, 1)].concat();
    let posted = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), posted);
}

#[test]
fn accounts_and_kinds_are_read_back_as_they_were_written() {
    let odd = BudgetWindow {
        budget: BudgetId::from_text("a:b@c"),
        ..window("B")
    };
    for account in [
        Account::Credits,
        Account::Grants,
        Account::Refunds,
        Account::Workspace("w:1".into()),
        Account::Usage,
        Account::Fees,
        Account::Open(odd.clone()),
        Account::Reserved(window("B")),
        Account::Posted(odd),
        Account::Overage(BudgetId::from_text("a:b")),
    ] {
        assert_eq!(Account::from_text(&account.to_string()), Some(account));
    }
    for text in ["", "credits:1", "open", "open:B", "moon:1"] {
        assert_eq!(Account::from_text(text), None, "{text:?}");
    }
    for kind in EntryKind::ALL {
        assert_eq!(EntryKind::from_name(kind.name()), Some(kind));
    }
}

#[test]
fn the_history_of_a_settled_call_leaves_nothing_reserved() {
    let id = GenerationId::from_text("gen-1");
    let event = Event::of_call(&id, 7);
    let at = window("b");
    for (held, topped_up, cost) in [(100, 0, 60), (100, 40, 60), (100, 100, 100), (100, 30, 130)] {
        let mut hold = hold("b", held);
        hold.topped_up = nanos(topped_up);
        let entries = ledger::entry::history(&event, &hold, nanos(cost));
        let on = |account: Account| balance(&entries, &account).unwrap();
        assert_eq!(on(Account::Reserved(at.clone())), Amount::ZERO);
        assert_eq!(on(Account::Posted(at.clone())), nanos(cost));
        let overage = ledger::entry::overage(&event, &hold, nanos(cost));
        let above = overage.map_or(Amount::ZERO, |line| line.amount);
        assert_eq!(above, nanos((cost - held).max(0)));
        assert_eq!(
            on(Account::Open(at.clone())),
            nanos(-cost + above.nanos()),
            "{held} {topped_up} {cost}"
        );
        let mut ids: Vec<_> = entries.iter().map(|entry| &entry.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), entries.len());
    }
    let counted = ledger::entry::count(&event, &at, nanos(5)).unwrap();
    assert_eq!(line(&counted), format!("settle open:{at} > posted:{at} 5"));
}
