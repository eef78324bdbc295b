//! Fleets: endpoints of one model with prices, speeds and scripted troubles.

use anyhow::Context as _;
use catalog::{Access, Catalog, Rows};
use serde_json::{Value, json};

use crate::traffic::HOUR_MS;

pub(crate) const MODEL: &str = "acme/model";

/// What is wrong with an endpoint for a while; hours of the day.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    /// Every call fails.
    Dead(f64, f64),
    /// So large a share of calls fails.
    Partial(f64, f64, f64),
    /// The time to the first token is multiplied, growing to this over the time.
    Slow(f64, f64, f64),
    /// At most so many calls a minute.
    Limit(u32),
    /// So large a share of answers with tools has bad tool calls.
    BadTools(f64),
}

/// An endpoint, as it really is.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    /// USD per million tokens: input, output, cached input.
    price: (&'static str, &'static str, Option<&'static str>),
    /// Milliseconds to the first token.
    pub(crate) first_token_ms: f64,
    /// Tokens per second.
    pub(crate) speed: f64,
    /// For how long it keeps a prompt cached, minutes.
    pub(crate) cache_minutes: i64,
    pub(crate) troubles: Vec<Trouble>,
}

/// A fleet.
pub(crate) struct Fleet {
    pub(crate) name: &'static str,
    pub(crate) endpoints: Vec<Spec>,
}

type Price = (&'static str, &'static str, Option<&'static str>);

fn spec(name: &'static str, price: Price, (first_token_ms, speed): (f64, f64)) -> Spec {
    Spec {
        name,
        price,
        first_token_ms,
        speed,
        cache_minutes: 5,
        troubles: Vec::new(),
    }
}

impl Spec {
    fn with(mut self, trouble: Trouble) -> Self {
        self.troubles.push(trouble);
        self
    }
}

/// The same eight endpoints, on a calm day and on a bad one.
pub(crate) fn fleets() -> Vec<Fleet> {
    vec![
        Fleet {
            name: "calm",
            endpoints: endpoints(),
        },
        Fleet {
            name: "stormy",
            endpoints: stormy(),
        },
    ]
}

fn endpoints() -> Vec<Spec> {
    vec![
        spec("maker", ("1.00", "4.00", Some("0.10")), (450.0, 70.0)),
        spec("cloud-one", ("1.10", "4.40", Some("0.11")), (500.0, 80.0)),
        spec("cloud-two", ("1.25", "4.50", Some("0.30")), (380.0, 60.0)),
        spec("budget", ("0.80", "3.20", None), (900.0, 40.0)),
        spec("bargain", ("0.70", "2.80", None), (700.0, 50.0)),
        spec("quick", ("2.00", "6.00", Some("0.20")), (150.0, 220.0)),
        spec("host", ("1.50", "5.00", Some("0.40")), (600.0, 55.0)),
        spec("premium", ("3.00", "9.00", Some("0.30")), (250.0, 120.0)),
    ]
}

fn stormy() -> Vec<Spec> {
    let troubled = endpoints().into_iter().map(|spec| match spec.name {
        "maker" => spec
            .with(Trouble::Dead(2.0, 2.4))
            .with(Trouble::Dead(14.0, 14.5))
            .with(Trouble::Limit(90)),
        "cloud-one" => spec.with(Trouble::Partial(9.0, 12.0, 0.3)),
        "cloud-two" => spec.with(Trouble::Slow(6.0, 20.0, 15.0)),
        "budget" => spec
            .with(Trouble::Partial(0.0, 24.0, 0.02))
            .with(Trouble::Dead(1.0, 1.2)),
        "bargain" => spec.with(Trouble::BadTools(0.45)),
        "host" => spec.with(Trouble::Limit(20)),
        _ => spec,
    });
    troubled.collect()
}

impl Fleet {
    /// The fleet as the router knows it: names, prices, abilities, and nothing of its troubles.
    ///
    /// # Errors
    /// When the rows are no catalog, which would be a mistake here.
    pub(crate) fn catalog(&self) -> anyhow::Result<Catalog> {
        let providers: serde_json::Map<String, Value> = self
            .endpoints
            .iter()
            .map(|spec| {
                let (input, output, cached) = spec.price;
                let mut price = json!({ "input": input, "output": output });
                if let Some(cached) = cached {
                    price["cache_read"] = json!(cached);
                }
                let row = json!({ "slug": spec.name, "auth": "none",
                    "base_url": format!("http://{}/v1", spec.name), "dialects": ["openai-chat"],
                    "endpoints": [{ "model": MODEL, "upstream_model": "m", "tools": true, "price": price }] });
                (spec.name.to_owned(), row)
            })
            .collect();
        let rows = json!({ "providers": providers, "models": {} }).to_string();
        let rows = Rows::from_json(&rows).context("the fleet's rows")?;
        catalog::load(&Rows::default(), &[&rows], &Access::ALL)
            .map_err(|errors| anyhow::anyhow!("the fleet does not load: {errors:?}"))
    }
}

/// Whether a time of day, in milliseconds, lies between two hours.
pub(crate) fn during(at_ms: i64, from: f64, to: f64) -> bool {
    let hour = at_ms.rem_euclid(24 * HOUR_MS) as f64 / HOUR_MS as f64;
    from <= hour && hour < to
}

impl Spec {
    /// Whether it has a price for cached prompts.
    pub(crate) const fn caches(&self) -> bool {
        self.price.2.is_some()
    }

    /// List prices of a million tokens, USD: input and output.
    pub(crate) fn list_price(&self) -> (f64, f64) {
        let read = |text: &str| text.parse().unwrap_or(f64::INFINITY);
        (read(self.price.0), read(self.price.1))
    }
}
