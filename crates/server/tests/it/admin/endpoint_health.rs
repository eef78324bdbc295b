//! `GET /observability/endpoints`: how endpoints do, and which of them are left for last.

use serde_json::{Value, json};

use crate::stage::{Stage, hello};

const PATH: &str = "/api/v1/observability/endpoints";

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_were_called_tell_how_they_do_and_until_when_they_cool_down() {
    let stage = Stage::open().await;
    let list = stage.get(PATH, &stage.management_key).await.json();
    assert_eq!(list["data"], json!([]), "nobody was called yet");

    let mut request = hello("simulated/echo");
    request["stream"] = true.into();
    request["provider"] = json!({"only": ["sim-one"]});
    assert_eq!(stage.chat(&request, "").await.status, 200);
    request["provider"] = json!({"only": ["sim-two"]});
    for _ in 0..3 {
        assert_ne!(stage.chat(&request, "status=503").await.status, 200);
    }
    let list = stage.get(PATH, &stage.management_key).await.json();
    let all = list["data"].as_array().unwrap();
    let (out, well) = (&all[0], &all[1]);
    assert_eq!(all.len(), 2, "{list}");
    assert_eq!(out["endpoint"], "simulated/echo@sim-two", "the worst first");
    assert_eq!(
        (&out["standing"], &out["provider"]),
        (&json!("out"), &json!("sim-two"))
    );
    let until = out["cooling_until"].as_str().unwrap();
    assert!(until > out["last_heard_at"].as_str().unwrap(), "{out}");
    assert_eq!(out["uptime_last_30m"], 0.0);

    assert_eq!(
        (&well["model"], &well["tag"]),
        (&json!("simulated/echo"), &json!("sim-one"))
    );
    assert_eq!(
        (&well["standing"], &well["cooling_until"]),
        (&json!("normal"), &Value::Null)
    );
    assert_eq!(well["uptime_last_1d"], 100.0);
    assert!(well["latency_last_30m"]["p50"].is_number(), "{well}");
    assert_eq!(well["hours"], Value::Null, "unless asked for");
    assert_eq!(stage.get(PATH, &stage.key).await.status, 403);

    let path = format!("{PATH}?model=simulated/echo&hours=true");
    let list = stage.get(&path, &stage.management_key).await.json();
    let count = |index: usize, what: &str| -> u64 {
        let hours = list["data"][index]["hours"].as_array().unwrap();
        hours.iter().map(|hour| hour[what].as_u64().unwrap()).sum()
    };
    assert_eq!((count(0, "failed"), count(0, "served")), (3, 0));
    assert_eq!((count(1, "failed"), count(1, "served")), (0, 1));
    let other = format!("{PATH}?model=simulated/other");
    let list = stage.get(&other, &stage.management_key).await.json();
    assert_eq!(list["data"], json!([]));
}
