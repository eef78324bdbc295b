//! An operator's tables: override, add, and every mistake at once.

use catalog::{Access, Catalog, LoadError, Rows};
use chat::{Dialect, ServiceTier, Unit};
use ledger::Circumstances;

fn rows(config: &str) -> (Rows, Vec<LoadError>) {
    let table: toml::Table = config.parse().expect("the test's TOML parses");
    Rows::read_config(table["providers"].as_table().expect("a table"))
}

fn load(config: &str) -> Result<Catalog, Vec<LoadError>> {
    let builtin = catalog::builtin().expect("the built-in files parse");
    let (rows, mut errors) = rows(config);
    match catalog::load(&builtin, &[&rows], &Access::ALL) {
        Ok(catalog) if errors.is_empty() => Ok(catalog),
        Ok(_) => Err(errors),
        Err(others) => {
            LoadError::merge(&mut errors, others);
            Err(errors)
        }
    }
}

#[test]
fn a_provider_of_ones_own_is_a_row_and_its_model_is_made_on_the_fly() {
    let catalog = load(
        r#"
        [providers.my-vllm]
        name = "My vLLM"
        dialects = ["openai-chat"]
        base_url = "http://10.0.0.5:8000/v1/"
        data_policy = { training = false, retention_days = 0, region = "eu" }

        [[providers.my-vllm.endpoints]]
        model = "meta-llama/llama-3.3-70b-instruct"
        upstream_model = "Llama-3.3-70B-Instruct"
        context_length = 131072
        max_completion_tokens = 8192
        quantization = "fp8"
        price = { input = "0.10", output = "0.30", cache_read = "0.01", request = "0.002" }

        [[providers.my-vllm.endpoints]]
        model = "acme/new-model"
        upstream_model = "new"
        "#,
    )
    .unwrap();
    let known = catalog.model("meta-llama/llama-3.3-70b-instruct").unwrap();
    let own = known
        .endpoints
        .iter()
        .find(|e| e.provider.slug.as_str() == "my-vllm")
        .unwrap();
    assert_eq!(own.tag.as_ref(), "my-vllm/fp8");
    assert_eq!(own.prices.get(Unit::Input).unwrap().picos(), 100_000);
    assert_eq!(
        own.prices.get(Unit::Request).unwrap().picos(),
        2_000_000_000
    );
    assert_eq!(
        (own.region.as_deref(), own.provider.data_policy.is_zdr()),
        (Some("eu"), true)
    );
    let connection = own.connection(Dialect::OpenaiChat).unwrap();
    assert_eq!(connection.base_url.as_ref(), "http://10.0.0.5:8000/v1");
    let made = catalog.model("acme/new-model").unwrap();
    assert_eq!((made.name.as_ref(), made.endpoints.len()), ("new-model", 1));
    assert_eq!(made.endpoints[0].known_prices(), None);
}

#[test]
fn a_row_over_a_builtin_one_says_only_what_differs() {
    let catalog = load(
        r#"
        [providers.together]
        base_url = "http://127.0.0.1:9/v1"

        [[providers.openai.endpoints]]
        model = "openai/gpt-4o"
        price = { output = "9.5" }

        [[providers.openai.endpoints]]
        model = "openai/gpt-4o"
        upstream_model = "ft:gpt-4o:mine"
        tag = "mine"
        "#,
    )
    .unwrap();
    let together = catalog.provider("togetherai").unwrap();
    assert_eq!(
        together.connections[0].base_url.as_ref(),
        "http://127.0.0.1:9/v1"
    );
    assert_eq!(together.name.as_ref(), "Together");
    let model = catalog.model("openai/gpt-4o").unwrap();
    let at = |tag: &str| {
        model
            .endpoints
            .iter()
            .find(|e| e.tag.as_ref() == tag)
            .unwrap()
    };
    let price = |tag: &str, unit| {
        at(tag)
            .prices
            .get(unit)
            .map(|price| price.to_usd_per_million())
    };
    assert_eq!(price("openai", Unit::Output).as_deref(), Some("9.5"));
    assert_eq!(price("openai", Unit::Input).as_deref(), Some("2.5"));
    assert_eq!(price("openai/mine", Unit::Input), None);
}

#[test]
fn an_alias_means_the_builtin_provider_and_the_builtin_model() {
    let catalog = load(
        r#"
        [[providers.togetherai.endpoints]]
        model = "anthropic/claude-haiku-4-5"
        upstream_model = "claude"
        [[providers.togetherai.endpoints]]
        model = "openai/gpt-oss-20b:free"
        upstream_model = "oss"
        "#,
    )
    .unwrap();
    let served = |slug: &str| {
        let model = catalog.model(slug).unwrap();
        model
            .endpoints
            .iter()
            .any(|e| e.provider.slug.as_str() == "together")
    };
    assert!(served("anthropic/claude-haiku-4.5"));
    assert!(served("openai/gpt-oss-20b:free"));
}

#[test]
fn every_mistake_is_reported_with_its_path() {
    let errors = load(
        r#"
        [providers.my-vllm]
        name = 7
        colour = "blue"
        dialects = ["openai-chat", "esperanto"]
        base_url = "10.0.0.5:8000"
        auth = "handshake"
        data_policy = { training = "no", retention = 3 }

        [[providers.my-vllm.endpoints]]
        model = "a/b"
        upstream_model = "b"
        context_length = 0
        quantization = "fp7"
        price = { input = 0.1, output = "cheap", tip = "1" }

        [[providers.my-vllm.endpoints]]
        upstream_model = "b"
        price = { input = "free" }

        [providers.No]
        base_url = "http://h/v1"

        [providers.empty]

        [[providers.openai.endpoints]]
        model = "no-author"
        upstream_model = "x"
        price = { input = "0.0000001", tiers = [{ input = "1" }] }

        [[providers.openai.endpoints]]
        model = "acme/unnamed"
        "#,
    )
    .unwrap_err();
    let mut found: Vec<&str> = errors.iter().map(|error| error.path.as_str()).collect();
    found.sort_unstable();
    let expected = [
        "providers.No",
        "providers.empty.base_url",
        "providers.my-vllm.auth",
        "providers.my-vllm.base_url",
        "providers.my-vllm.colour",
        "providers.my-vllm.data_policy.retention",
        "providers.my-vllm.data_policy.training",
        "providers.my-vllm.dialects",
        "providers.my-vllm.endpoints[0].context_length",
        "providers.my-vllm.endpoints[0].price.input",
        "providers.my-vllm.endpoints[0].price.output",
        "providers.my-vllm.endpoints[0].price.tip",
        "providers.my-vllm.endpoints[0].quantization",
        "providers.my-vllm.endpoints[1].model",
        "providers.my-vllm.endpoints[1].price.input",
        "providers.my-vllm.name",
        "providers.openai.endpoints[0].model",
        "providers.openai.endpoints[0].price.input",
        "providers.openai.endpoints[0].price.tiers[0]",
        "providers.openai.endpoints[1].upstream_model",
    ];
    assert_eq!(found, expected, "{errors:#?}");
}

#[test]
fn the_endpoints_of_a_good_provider_are_checked_too() {
    let errors = load(
        r#"
        [providers.my-vllm]
        base_url = "http://10.0.0.5:8000/v1"
        [[providers.my-vllm.endpoints]]
        model = "a/b"
        upstream_model = "b"
        context_length = 0
        quantization = "fp7"
        status = "old"
        input = ["smell"]
        supported_parameters = ["magic"]
        price = { output = "cheap", tiers = [{ input = "1" }, { above_prompt_tokens = 5, input = "-1" }] }
        [[providers.my-vllm.endpoints]]
        model = "a/c"
        upstream_model = "c"
        [[providers.my-vllm.endpoints]]
        model = "a/c"
        upstream_model = "d"
        "#,
    )
    .unwrap_err();
    let found: Vec<&str> = errors.iter().map(|error| error.path.as_str()).collect();
    let first = "providers.my-vllm.endpoints[0]";
    let expected = [
        "context_length",
        "input",
        "price.output",
        "price.tiers[0]",
        "price.tiers[1].input",
        "quantization",
        "status",
        "supported_parameters",
    ];
    let mut expected: Vec<String> = expected
        .iter()
        .map(|field| format!("{first}.{field}"))
        .collect();
    expected.push("providers.my-vllm.endpoints[2].tag".to_owned());
    assert_eq!(found, expected, "{errors:#?}");
}

#[test]
fn rows_survive_being_kept_as_text() {
    let rows = catalog::builtin().unwrap();
    let text = rows.to_json().unwrap();
    assert!(Rows::from_json(&text).unwrap() == rows);
}

#[test]
fn prices_have_tiers_of_every_kind_and_are_written_as_they_are_read() {
    let catalog = load(
        r#"
        [providers.my-vllm]
        base_url = "http://10.0.0.5:8000/v1"
        dialects = ["openai-chat"]
        [[providers.my-vllm.endpoints]]
        model = "a/b"
        upstream_model = "b"
        [providers.my-vllm.endpoints.price]
        input = "4"
        tiers = [
            { service_tier = "flex", input = "2" },
            { service_tier = "fast", above_prompt_tokens = 10, input = "8" },
            { utc_start = 2200, utc_end = 600, input = "1" },
        ]
        "#,
    )
    .unwrap();
    let prices = &catalog.model("a/b").unwrap().endpoints[0].prices;
    for (service_tier, prompt_tokens, utc_minute, picos) in [
        (None, 11, 720, 4),
        (Some(ServiceTier::Flex), 11, 720, 2),
        (Some(ServiceTier::Priority), 10, 720, 4),
        (Some(ServiceTier::Priority), 11, 720, 8),
        (Some(ServiceTier::Priority), 11, 22 * 60, 1),
        (None, 0, 6 * 60, 4),
    ] {
        let at = Circumstances {
            prompt_tokens,
            utc_minute,
            service_tier,
        };
        let price = prices.price_at(Unit::Input, &at).unwrap();
        assert_eq!(price.picos(), picos * 1_000_000, "{at:?}");
    }
    let errors = load(
        r#"
        [providers.my-vllm]
        base_url = "http://10.0.0.5:8000/v1"
        dialects = ["openai-chat"]
        [[providers.my-vllm.endpoints]]
        model = "a/b"
        upstream_model = "b"
        price = { input = "4", tiers = [{ service_tier = "warp", input = "2" }] }
        "#,
    )
    .unwrap_err();
    assert!(
        errors
            .iter()
            .any(|error| error.to_string().contains("warp")),
        "{errors:?}"
    );
}
