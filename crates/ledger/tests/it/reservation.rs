//! The reservation machine, told as tables of operations.

use ledger::entry::balance;
use ledger::{
    Account, Amount, Budget, BudgetId, Enforcement, FreeCalls, GenerationId, Ledgerbook, Subject,
    Verdict, Window,
};

fn nanos(n: i64) -> Amount {
    Amount::from_nanos(n)
}

pub(crate) fn budget(id: &str, limit: i64, window: &str, enforcement: Enforcement) -> Budget {
    Budget {
        id: BudgetId::from_text(id),
        subject: Subject::Organization,
        workspace_id: None,
        limit: nanos(limit),
        window: Window::from_text(window).unwrap(),
        enforcement,
        counts_byok: false,
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Ok => "ok".into(),
        Verdict::Late => "late".into(),
        Verdict::Exhausted { budget, available } => {
            format!("exhausted({budget},{})", available.nanos())
        }
        Verdict::AlreadyReserved => "already_reserved".into(),
        Verdict::AlreadySettled => "already_settled".into(),
        Verdict::AlreadyReleased => "already_released".into(),
        Verdict::AlreadyExpired => "already_expired".into(),
        Verdict::UnknownGeneration => "unknown".into(),
        Verdict::UnknownBudget(id) => format!("no_budget({id})"),
        Verdict::Invalid => "invalid".into(),
    }
}

/// Does one line: `operation id budgets amount`; `-` where there is none. `budget` lines have
/// `limit window enforcement` in place of these. `at` sets the hour.
fn operate(books: &mut Ledgerbook, at: &mut i64, words: &[&str]) -> Option<Verdict> {
    let number = |word: &str| word.parse::<i64>().unwrap();
    let id = GenerationId::from_text(words[1]);
    match words[0] {
        "at" => {
            *at = number(words[1]) * 3600;
            None
        }
        "budget" => {
            let enforcement = Enforcement::from_name(words[4]).unwrap();
            books.set(budget(words[1], number(words[2]), words[3], enforcement));
            None
        }
        "reserve" => {
            let of: Vec<_> = words[2].split('+').map(BudgetId::from_text).collect();
            Some(books.reserve(&id, nanos(number(words[3])), &of, *at))
        }
        "top_up" => Some(books.top_up(&id, nanos(number(words[3])), *at)),
        "settle" => Some(books.settle(&id, nanos(number(words[3])), *at)),
        "release" => Some(books.release(&id, *at)),
        "expire" => Some(books.expire(&id, *at)),
        other => unreachable!("no operation {other:?}"),
    }
}

/// What counts now, budget by budget: `id=posted/reserved`, with `!overage` where there is some.
fn counted(books: &Ledgerbook, at: i64) -> String {
    let one = |budget: &Budget| {
        let tally = books.counted(budget, at);
        let overage = match tally.overage.nanos() {
            0 => String::new(),
            overage => format!("!{overage}"),
        };
        let (posted, reserved) = (tally.posted.nanos(), tally.reserved.nanos());
        format!("{}={posted}/{reserved}{overage}", budget.id)
    };
    books.budgets().map(one).collect::<Vec<_>>().join(" ")
}

/// Runs a table: each line an operation, `→`, the verdict (if any), and what counts afterwards.
#[track_caller]
fn check(free_calls: FreeCalls, table: &str) {
    let mut books = Ledgerbook::new(free_calls);
    let mut at = 0;
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (operation, expected) = line.split_once('→').unwrap_or((line, ""));
        let words: Vec<_> = operation.split_whitespace().collect();
        let said = operate(&mut books, &mut at, &words);
        let Some(said) = said else { continue };
        let found = format!("{} {}", verdict(&said), counted(&books, at));
        let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(found, expected, "after: {line}");
        balanced(&books);
    }
}

/// The entries say the same as the tallies.
pub(crate) fn balanced(books: &Ledgerbook) {
    let of = |account: &Account| balance(books.entries(), account).unwrap();
    for (window, tally) in books.tallies() {
        assert_eq!(
            of(&Account::Posted(window.clone())),
            tally.posted,
            "{window}"
        );
        assert_eq!(
            of(&Account::Reserved(window.clone())),
            tally.reserved,
            "{window}"
        );
        let bound = tally.posted.nanos() + tally.reserved.nanos() - tally.overage.nanos();
        assert_eq!(
            of(&Account::Open(window.clone())).nanos(),
            -bound,
            "{window}"
        );
    }
    for budget in books.budgets() {
        let overage: i64 = books
            .tallies()
            .filter(|(window, _)| window.budget == budget.id)
            .map(|(_, tally)| tally.overage.nanos())
            .sum();
        let account = Account::Overage(budget.id.clone());
        assert_eq!(of(&account).nanos(), -overage, "{}", budget.id);
    }
    let mut ids: Vec<_> = books.entries().iter().map(|entry| &entry.id).collect();
    ids.sort();
    let posted = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), posted, "an entry was posted twice");
}

#[test]
fn one_budget_from_reservation_to_every_end() {
    check(
        FreeCalls::Pass,
        "
        budget   B 1000 lifetime hard
        reserve  G1 B 600   → ok               B=0/600
        reserve  G2 B 500   → exhausted(B,400) B=0/600
        settle   G1 - 250   → ok               B=250/0
        settle   G1 - 250   → already_settled  B=250/0
        release  G1 - -     → already_settled  B=250/0
        reserve  G3 B 750   → ok               B=250/750
        expire   G3 - -     → ok               B=250/0
        expire   G3 - -     → already_expired  B=250/0
        reserve  G4 B 750   → ok               B=250/750
        reserve  G4 B 750   → already_reserved B=250/750
        release  G4 - -     → ok               B=250/0
        release  G4 - -     → already_released B=250/0
        settle   G4 - 10    → already_released B=250/0
        reserve  G4 B 10    → already_released B=250/0
        settle   G9 - 10    → unknown          B=250/0
        top_up   G9 - 10    → unknown          B=250/0
        reserve  G5 X 10    → no_budget(X)     B=250/0
        reserve  G5 B -1    → invalid          B=250/0
        ",
    );
}

#[test]
fn all_budgets_admit_a_call_or_none_is_touched() {
    check(
        FreeCalls::Pass,
        "
        budget   K 500 lifetime hard
        budget   W 800 lifetime hard
        reserve  G1 K+W 400  → ok               K=0/400 W=0/400
        reserve  G2 K+W 200  → exhausted(K,100) K=0/400 W=0/400
        reserve  G3 W 400    → ok               K=0/400 W=0/800
        reserve  G4 K+W 50   → exhausted(W,0)   K=0/400 W=0/800
        settle   G1 - 100    → ok               K=100/0 W=100/400
        reserve  G5 K+X 10   → no_budget(X)     K=100/0 W=100/400
        reserve  G6 K+K 300  → ok               K=100/300 W=100/400
        release  G6 - -      → ok               K=100/0 W=100/400
        ",
    );
}

#[test]
fn top_ups_name_the_total_and_can_be_repeated() {
    check(
        FreeCalls::Pass,
        "
        budget   K 500 lifetime hard
        budget   W 400 lifetime hard
        reserve  G1 K+W 100 → ok               K=0/100 W=0/100
        top_up   G1 - 300   → ok               K=0/300 W=0/300
        top_up   G1 - 300   → ok               K=0/300 W=0/300
        top_up   G1 - 200   → ok               K=0/300 W=0/300
        top_up   G1 - 401   → exhausted(W,100) K=0/300 W=0/300
        top_up   G1 - 400   → ok               K=0/400 W=0/400
        settle   G1 - 350   → ok               K=350/0 W=350/0
        top_up   G1 - 400   → already_settled  K=350/0 W=350/0
        ",
    );
}

#[test]
fn cost_above_the_reservation_is_an_explicit_overage() {
    check(
        FreeCalls::Pass,
        "
        budget   B 1000 lifetime hard
        reserve  G1 B 900  → ok              B=0/900
        settle   G1 - 1200 → ok              B=1200/0!300
        reserve  G2 B 1    → exhausted(B,0)  B=1200/0!300
        settle   G1 - 1200 → already_settled B=1200/0!300
        budget   B 2000 lifetime hard
        reserve  G3 B 800  → ok              B=1200/800!300
        expire   G3 - -    → ok              B=1200/0!300
        settle   G3 - 700  → late            B=1900/0!1000
        settle   G3 - 700  → already_settled B=1900/0!1000
        ",
    );
}

#[test]
fn a_limit_of_zero_allows_nothing_but_free_calls_where_these_pass() {
    check(
        FreeCalls::Pass,
        "
        budget   B 0 lifetime hard
        reserve  G1 B 1 → exhausted(B,0) B=0/0
        reserve  G2 B 0 → ok             B=0/0
        settle   G2 - 0 → ok             B=0/0
        ",
    );
    check(
        FreeCalls::NeedMoney,
        "
        budget   B 0 lifetime hard
        reserve  G1 B 0 → exhausted(B,0) B=0/0
        budget   B 1 lifetime hard
        reserve  G1 B 0 → ok             B=0/0
        ",
    );
}

#[test]
fn a_budget_that_warns_never_refuses() {
    check(
        FreeCalls::NeedMoney,
        "
        budget   H 500 lifetime hard
        budget   W 100 lifetime warn
        reserve  G1 H+W 400 → ok               H=0/400 W=0/400
        reserve  G2 H+W 200 → exhausted(H,100) H=0/400 W=0/400
        settle   G1 - 300   → ok               H=300/0 W=300/0
        ",
    );
}

#[test]
fn a_call_stays_in_the_window_that_it_began_in() {
    check(
        FreeCalls::Pass,
        "
        budget   B 100 daily hard
        at       23
        reserve  G1 B 80  → ok              B=0/80
        at       24
        reserve  G2 B 90  → ok              B=0/90
        top_up   G1 - 101 → exhausted(B,20) B=0/90
        top_up   G1 - 100 → ok              B=0/90
        settle   G1 - 100 → ok              B=0/90
        settle   G2 - 90  → ok              B=90/0
        at       23
        reserve  G3 B 1   → exhausted(B,0)  B=100/0
        ",
    );
}

#[test]
fn a_rolling_window_frees_money_bucket_by_bucket() {
    check(
        FreeCalls::Pass,
        "
        budget   B 100 rolling:2h hard
        at       10
        reserve  G1 B 60  → ok              B=0/60
        settle   G1 - 60  → ok              B=60/0
        at       11
        reserve  G2 B 40  → ok              B=60/40
        reserve  G3 B 1   → exhausted(B,0)  B=60/40
        at       12
        reserve  G3 B 1   → exhausted(B,0)  B=60/40
        at       13
        reserve  G3 B 61  → exhausted(B,60) B=0/40
        reserve  G3 B 50  → ok              B=0/90
        top_up   G2 - 51  → exhausted(B,10) B=0/90
        top_up   G2 - 50  → ok              B=0/100
        ",
    );
}
