//! `GET /budgets`, page by page.

use ledger::{Amount, Budget, BudgetId, Enforcement, Subject, Window};

use crate::stage::Stage;

fn budget(number: usize) -> Budget {
    Budget {
        id: BudgetId::from_text(format!("budget-{number:03}")),
        subject: Subject::App(format!("app-{number}")),
        workspace_id: None,
        limit: Amount::from_nanos(1_000_000_000),
        window: Window::Lifetime,
        enforcement: Enforcement::Hard,
        counts_byok: false,
    }
}

#[tokio::test]
async fn pages_of_budgets_show_each_of_them_once_the_oldest_first() {
    let stage = Stage::open().await;
    let budgets = stage.running.app.store.budgets();
    for number in 0..150 {
        // Several are made in one millisecond.
        let made_at_ms = i64::try_from(number / 4).unwrap();
        budgets
            .put(&budget(number), true, made_at_ms)
            .await
            .unwrap();
    }
    let (mut ids, mut sizes) = (Vec::new(), Vec::new());
    for query in ["", "?offset=100", "?offset=200"] {
        let path = format!("/api/v1/budgets{query}");
        let page = stage.get(&path, &stage.management_key).await.json();
        let page = page["data"].as_array().unwrap();
        sizes.push(page.len());
        ids.extend(
            page.iter()
                .map(|budget| budget["id"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(sizes, [100, 50, 0]);
    let expected: Vec<String> = (0..150)
        .map(|number| budget(number).id.to_string())
        .collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn an_offset_that_is_no_number_is_named() {
    let stage = Stage::open().await;
    for offset in ["-1", "many", "1.5"] {
        let path = format!("/api/v1/budgets?offset={offset}");
        let message = stage
            .get(&path, &stage.management_key)
            .await
            .error(400, "invalid_request");
        assert!(message.starts_with("offset"), "{message}");
    }
}
