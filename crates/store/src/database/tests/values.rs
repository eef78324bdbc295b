//! What is bound and read is the same on both engines, and so is who is to blame for what goes wrong.

use sqlx::Connection as _;

use crate::StoreError;
use crate::database::transaction::Begun;
use crate::database::{Database, Row, Statement, Transaction};

/// Runs a test in a transaction of each engine, which is undone.
#[expect(clippy::disallowed_methods, reason = "tests find their server here")]
async fn on_both(test: impl AsyncFn(&mut Transaction)) {
    let mut urls = vec!["sqlite::memory:".to_owned()];
    match std::env::var("TEST_POSTGRES_URL") {
        Ok(url) => urls.push(url),
        Err(_) => eprintln!("TEST_POSTGRES_URL is not set: not tested on PostgreSQL"),
    }
    for url in urls {
        let database = Database::open(&url).await.unwrap();
        let mut transaction = database.begin().await.unwrap();
        test(&mut transaction).await;
        transaction.undo().await.unwrap();
        database.close().await;
    }
}

async fn only_row(statement: Statement, transaction: &mut Transaction) -> Row {
    let mut rows = statement.rows(transaction).await.unwrap();
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

#[track_caller]
fn assert_unreadable<T: std::fmt::Debug>(read: Result<T, StoreError>, named: &str) {
    match read {
        Err(StoreError::Unreadable(text)) => assert!(text.contains(named), "{text}"),
        other => panic!("{named}: {other:?}"),
    }
}

#[tokio::test]
async fn whole_numbers_of_every_width_are_read() {
    on_both(async |transaction| {
        let row = Statement::new(
            "SELECT CAST(-7 AS SMALLINT) AS small, -70000 AS plain, CAST(-9 AS BIGINT) AS large, \
             $1 AS least, $2 AS most, COUNT(*) AS found, CAST(SUM(one) AS BIGINT) AS total, 1 AS yes, 0 AS no \
             FROM (SELECT 1 AS one UNION ALL SELECT 1) AS two",
        );
        let row = only_row(row.int(i64::MIN).int(i64::MAX), transaction).await;
        for (name, expected) in [
            ("small", -7),
            ("plain", -70_000),
            ("large", -9),
            ("least", i64::MIN),
            ("most", i64::MAX),
            ("found", 2),
            ("total", 2),
        ] {
            assert_eq!(row.int(name), Ok(expected), "{name}");
            assert_eq!(row.maybe_int(name), Ok(Some(expected)), "{name}");
        }
        assert_eq!((row.flag("yes"), row.flag("no")), (Ok(true), Ok(false)));
    })
    .await;
}

#[tokio::test]
async fn a_null_is_read_as_none_and_never_as_a_value() {
    on_both(async |transaction| {
        let sql = "SELECT CAST($1 AS BIGINT) AS number, CAST($2 AS TEXT) AS word, \
                   CAST($3 AS TEXT) AS made, NULL AS bare";
        let row = Statement::new(sql).maybe_int(None).maybe_text(None);
        let row = only_row(row.maybe_owned_text(None), transaction).await;
        assert_eq!(row.maybe_int("number"), Ok(None));
        assert_eq!(row.maybe_text("word"), Ok(None));
        assert_eq!(row.maybe_text("made"), Ok(None));
        assert_eq!(row.maybe_text("bare"), Ok(None));
        assert_unreadable(row.int("number"), "number");
        assert_unreadable(row.flag("number"), "number");
        assert_unreadable(row.text("word"), "word");
    })
    .await;
}

#[tokio::test]
async fn a_value_of_another_kind_is_an_error_that_names_its_column() {
    on_both(async |transaction| {
        let row = Statement::new("SELECT $1 AS word, $2 AS number, 1.5 AS part");
        let row = only_row(row.text("12").int(12), transaction).await;
        assert_unreadable(row.int("word"), "word");
        assert_unreadable(row.maybe_int("word"), "word");
        assert_unreadable(row.text("number"), "number");
        assert_unreadable(row.maybe_text("number"), "number");
        assert_unreadable(row.int("part"), "part");
        assert_unreadable(row.text("part"), "part");
        assert_unreadable(row.int("elsewhere"), "elsewhere");
        assert_unreadable(row.maybe_text("elsewhere"), "elsewhere");
    })
    .await;
}

#[tokio::test]
async fn texts_come_back_as_they_were_but_for_nul() {
    on_both(async |transaction| {
        let long = "ü".repeat(100_000);
        for (text, expected) in [
            ("", ""),
            ("12", "12"),
            ("a 'quoted' \"text\" $1 ?", "a 'quoted' \"text\" $1 ?"),
            (&long, &long),
            ("\0", "\u{2400}"),
            ("a\0\0b", "a\u{2400}\u{2400}b"),
        ] {
            let row = Statement::new("SELECT $1 AS a, $2 AS b, $3 AS c, $4 AS d")
                .text(text)
                .maybe_text(Some(text))
                .owned_text(text.to_owned())
                .maybe_owned_text(Some(text.to_owned()));
            let row = only_row(row, transaction).await;
            for name in ["a", "b", "c", "d"] {
                assert_eq!(row.text(name).unwrap(), expected, "{name}");
                let maybe = row.maybe_text(name).unwrap();
                assert_eq!(maybe.as_deref(), Some(expected), "{name}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_place_is_that_of_its_column_in_every_row() {
    on_both(async |transaction| {
        let rows = Statement::new(
            "SELECT 'one' AS word, 1 AS number, CAST(NULL AS TEXT) AS other UNION ALL \
             SELECT 'two', 2, 'more' ORDER BY number",
        );
        let rows = rows.rows(transaction).await.unwrap();
        let place = |name: &str| rows[0].place(name);
        let (number, word, other) = (place("number"), place("word"), place("other"));
        let (number, word, other) = (number.unwrap(), word.unwrap(), other.unwrap());
        for (row, expected) in rows
            .iter()
            .zip([(1, "one", None), (2, "two", Some("more"))])
        {
            assert_eq!(row.int_at(number), Ok(expected.0));
            assert_eq!(row.text_at(word).as_deref(), Ok(expected.1));
            // Whoever borrows a text keeps nobody from reading it again.
            assert_eq!(row.borrowed_text_at(word), Ok(expected.1));
            assert_eq!(row.borrowed_text("word"), Ok(expected.1));
            assert_eq!(row.maybe_borrowed_text_at(other), Ok(expected.2));
        }
        assert_unreadable(rows[0].borrowed_text_at(other), "2");
        assert_unreadable(rows[0].int_at(word), "0");
        assert_unreadable(rows[0].place("elsewhere"), "elsewhere");
    })
    .await;
}

#[tokio::test]
async fn binds_of_several_rows_stand_where_they_should() {
    on_both(async |transaction| {
        let made = "CREATE TEMPORARY TABLE several (number BIGINT, word TEXT, other TEXT)";
        transaction.run_script(made).await.unwrap();
        let places = transaction.values(3, 3);
        let sql = format!("INSERT INTO several (number, word, other) VALUES {places}");
        let mut statement = Statement::assembled(sql).with_room_for(9);
        for number in 0..3 {
            statement = statement.int(number).text(&format!("word {number}"));
            statement = statement.maybe_owned_text((number == 1).then(|| "other".to_owned()));
        }
        assert_eq!(statement.run(transaction).await, Ok(3));
        let rows = Statement::new("SELECT * FROM several ORDER BY number");
        let rows = rows.rows(transaction).await.unwrap();
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                let texts = (row.text("word").unwrap(), row.maybe_text("other").unwrap());
                (row.int("number").unwrap(), texts.0, texts.1)
            })
            .collect();
        let row = |number: i64, other: Option<&str>| {
            (number, format!("word {number}"), other.map(str::to_owned))
        };
        assert_eq!(rows, [row(0, None), row(1, Some("other")), row(2, None)]);
    })
    .await;
}

#[tokio::test]
async fn who_is_to_blame_is_told_alike() {
    for (sql, expected) in [
        (
            "INSERT INTO blamed VALUES (1, 1, 1)",
            StoreError::AlreadyExists("row"),
        ),
        (
            "INSERT INTO blamed VALUES (2, 1, 7)",
            StoreError::Missing("row"),
        ),
        (
            "INSERT INTO blamed VALUES (2, NULL, 1)",
            StoreError::Refused(String::new()),
        ),
        (
            "INSERT INTO blamed VALUES (2, -1, 1)",
            StoreError::Refused(String::new()),
        ),
        (
            "INSERT INTO nowhere VALUES (1)",
            StoreError::Unavailable(String::new()),
        ),
    ] {
        on_both(async |transaction| {
            let made = "CREATE TEMPORARY TABLE blamed (id BIGINT PRIMARY KEY, \
                        amount BIGINT NOT NULL CHECK (amount > 0), parent BIGINT REFERENCES blamed (id)); \
                        INSERT INTO blamed VALUES (1, 1, 1)";
            transaction.run_script(made).await.unwrap();
            let error = Statement::new(sql).run(transaction).await.unwrap_err();
            let is_as_expected = match (&error, &expected) {
                (StoreError::Refused(text), StoreError::Refused(_))
                | (StoreError::Unavailable(text), StoreError::Unavailable(_)) => !text.is_empty(),
                (error, expected) => *error == *expected,
            };
            assert!(is_as_expected, "{sql}: {error:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_full_disk_may_be_waited_out() {
    let database = Database::open("sqlite::memory:").await.unwrap();
    let mut transaction = database.begin().await.unwrap();
    let made = "CREATE TABLE heap (bytes BLOB); PRAGMA max_page_count = 10";
    transaction.run_script(made).await.unwrap();
    let sql = "INSERT INTO heap VALUES (zeroblob(1000000))";
    let error = Statement::new(sql).run(&mut transaction).await.unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
}

#[tokio::test]
async fn a_statement_is_prepared_once() {
    on_both(async |transaction| {
        let before = prepared(transaction);
        for number in 0..3 {
            let row = only_row(
                Statement::new("SELECT $1 AS number").int(number),
                transaction,
            );
            assert_eq!(row.await.int("number"), Ok(number));
            let none = Statement::assembled("SELECT 1 AS one".to_owned());
            assert_eq!(only_row(none, transaction).await.int("one"), Ok(1));
        }
        assert_eq!(prepared(transaction), before + 2);
    })
    .await;
}

fn prepared(transaction: &mut Transaction) -> usize {
    match transaction.begun() {
        Begun::Sqlite(begun) => begun.cached_statements_size(),
        Begun::Postgres(begun) => begun.cached_statements_size(),
    }
}
