//! Writes preferences as the `provider` object they could have been read from.

use serde_json::{Map, Value, json};

use super::{Cutoffs, MaxPrice, Preferences, Sort};

impl Sort {
    /// The word in `provider.sort`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::Exacto => "exacto",
            Self::Balanced => "balanced",
        }
    }
}

impl Preferences {
    /// The object; what is as usual is left out, so that no preferences are `{}`.
    #[must_use]
    pub fn write(&self) -> Value {
        let usual = Self::default();
        let mut object = Map::new();
        if *self == usual {
            return Value::Object(object);
        }
        let mut put = |differs: bool, name: &str, value: Value| {
            if differs {
                object.insert(name.to_owned(), value);
            }
        };
        put(!self.order.is_empty(), "order", json!(self.order));
        put(!self.allow_fallbacks, "allow_fallbacks", json!(false));
        put(self.only.is_some(), "only", json!(self.only));
        put(!self.ignore.is_empty(), "ignore", json!(self.ignore));
        put(self.require_parameters, "require_parameters", json!(true));
        put(
            self.denies_data_collection,
            "data_collection",
            json!("deny"),
        );
        put(self.zdr, "zdr", json!(true));
        put(
            self.enforce_distillable_text,
            "enforce_distillable_text",
            json!(true),
        );
        put(
            self.quantizations.is_some(),
            "quantizations",
            json!(self.quantizations),
        );
        let by = self.sort.map(Sort::name);
        let partition = if self.sorts_across_models {
            "none"
        } else {
            "model"
        };
        let sort = json!({ "by": by, "partition": partition });
        put(by.is_some() || self.sorts_across_models, "sort", sort);
        let throughput = self.preferred_min_throughput;
        let latency = self.preferred_max_latency;
        put(
            !throughput.is_empty(),
            "preferred_min_throughput",
            cutoffs(&throughput),
        );
        put(
            !latency.is_empty(),
            "preferred_max_latency",
            cutoffs(&latency),
        );
        put(
            self.max_price != usual.max_price,
            "max_price",
            max_price(&self.max_price),
        );
        put(self.regions.is_some(), "regions", json!(self.regions));
        put(self.sticky.is_some(), "sticky", json!(self.sticky));
        Value::Object(object)
    }
}

fn cutoffs(cutoffs: &Cutoffs) -> Value {
    let names = ["p50", "p75", "p90", "p99"];
    let stated = names.into_iter().zip(cutoffs.all());
    stated
        .filter_map(|(name, value)| Some((name.to_owned(), json!(value?))))
        .collect::<Map<_, _>>()
        .into()
}

fn max_price(most: &MaxPrice) -> Value {
    let million = |price: Option<ledger::Price>| price.map(ledger::Price::to_usd_per_million);
    let unit = |price: Option<ledger::Price>| price.map(ledger::Price::to_usd_per_unit);
    let stated = [
        ("prompt", million(most.prompt)),
        ("completion", million(most.completion)),
        ("audio", million(most.audio)),
        ("request", unit(most.request)),
        ("image", unit(most.image)),
    ];
    stated
        .into_iter()
        .filter_map(|(name, price)| Some((name.to_owned(), json!(price?))))
        .collect::<Map<_, _>>()
        .into()
}
