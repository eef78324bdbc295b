//! Which calls fall under which budget.

use ledger::{Amount, Budget, BudgetId, CallFacts, Enforcement, Selector, Subject, Window};

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn a_subject_covers_its_own_calls_and_no_others() {
    let metadata = pairs(&[("team", "search"), ("env", "prod")]);
    let call = CallFacts {
        workspace_id: "w1",
        member_id: Some("m1"),
        key_hash: "k1",
        app: Some("https://app.example"),
        end_user: Some("ann"),
        metadata: &metadata,
        is_byok: false,
    };
    let bare = CallFacts {
        workspace_id: "w2",
        key_hash: "k2",
        ..CallFacts::default()
    };
    let metadata = |of: &[(&str, &str)]| Subject::Metadata(Selector::new(pairs(of)));
    // subject, covers the first call, covers the bare one
    for (subject, first, second) in [
        (Subject::Organization, true, true),
        (Subject::Workspace("w1".into()), true, false),
        (Subject::Member("m1".into()), true, false),
        (Subject::Key("k1".into()), true, false),
        (Subject::Key("k2".into()), false, true),
        (Subject::App("https://app.example".into()), true, false),
        (Subject::EndUser("ann".into()), true, false),
        (Subject::EndUser(String::new()), false, false),
        (metadata(&[("team", "search")]), true, false),
        (
            metadata(&[("env", "prod"), ("team", "search")]),
            true,
            false,
        ),
        (metadata(&[("env", "prod"), ("team", "ads")]), false, false),
        (metadata(&[]), false, false),
    ] {
        assert_eq!(subject.covers(&call), first, "{subject:?}");
        assert_eq!(subject.covers(&bare), second, "{subject:?}");
        let read = Subject::from_parts(subject.kind(), &subject.value());
        if subject != metadata(&[]) {
            assert_eq!(read, Some(subject));
        }
    }
}

#[test]
fn selectors_survive_their_text_whatever_is_in_them() {
    for of in [
        pairs(&[("a", "1")]),
        pairs(&[("a=b", "c&d"), ("100%", "%26=%25")]),
        pairs(&[("", "")]),
    ] {
        let selector = Selector::new(of.clone());
        assert_eq!(Selector::from_text(&selector.to_string()), Some(selector));
    }
    assert_eq!(Selector::from_text("no pair"), None);
    assert_eq!(Subject::from_parts("planet", "earth"), None);
}

#[test]
fn a_budget_counts_byok_and_other_workspaces_only_where_it_says_so() {
    let budget = |workspace_id: Option<&str>, counts_byok| Budget {
        id: BudgetId::from_text("b"),
        subject: Subject::EndUser("ann".into()),
        workspace_id: workspace_id.map(str::to_owned),
        limit: Amount::ZERO,
        window: Window::Lifetime,
        enforcement: Enforcement::Hard,
        counts_byok,
    };
    let call = |is_byok| CallFacts {
        workspace_id: "w1",
        end_user: Some("ann"),
        is_byok,
        ..CallFacts::default()
    };
    for (budget, is_byok, covers) in [
        (budget(None, false), false, true),
        (budget(None, false), true, false),
        (budget(None, true), true, true),
        (budget(Some("w1"), false), false, true),
        (budget(Some("w2"), false), false, false),
    ] {
        assert_eq!(
            budget.covers(&call(is_byok)),
            covers,
            "{budget:?} {is_byok}"
        );
    }
}
