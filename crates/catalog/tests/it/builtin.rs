//! The built-in rows: all of them load, and well-known facts are in them.

use catalog::{Access, Auth, Catalog, ModelKind, Status};
use chat::{Dialect, Modality, Parameter, Unit};

fn everything() -> Catalog {
    let rows = catalog::builtin().expect("the built-in files parse");
    catalog::load(&rows, &[], &Access::ALL).unwrap_or_else(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

#[test]
fn every_builtin_row_is_valid_and_there_are_enough() {
    let catalog = everything();
    let author_models = catalog.models().filter(|model| model.variant.is_none());
    assert!(
        catalog.providers().len() >= 60,
        "{} providers",
        catalog.providers().len()
    );
    assert!(author_models.count() >= 400);
    assert!(
        catalog.endpoint_count() >= 4000,
        "{} endpoints",
        catalog.endpoint_count()
    );
}

#[test]
fn every_file_of_models_is_compiled_in() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/models");
    let rows = catalog::builtin().unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let author = name.trim_end_matches(".json");
        let is_theirs = |slug: &String| {
            slug.trim_start_matches('~')
                .starts_with(&format!("{author}/"))
        };
        assert!(
            rows.models.keys().any(is_theirs),
            "{name} is not in authors.rs"
        );
        files += 1;
    }
    assert!(files > 100);
}

#[test]
fn well_known_prices_are_exact() {
    let catalog = everything();
    // model, provider tag → USD per million: input, output, cache read, cache write, one-hour write
    for (model, tag, expected) in [
        ("openai/gpt-4o", "openai", "2.5 10 1.25 - -"),
        ("openai/gpt-4o-mini", "openai", "0.15 0.6 0.075 - -"),
        ("openai/gpt-5", "openai", "1.25 10 0.125 - -"),
        ("anthropic/claude-haiku-4.5", "anthropic", "1 5 0.1 1.25 2"),
        (
            "google/gemini-2.5-pro",
            "google-ai-studio",
            "1.25 10 0.125 - -",
        ),
        (
            "meta-llama/llama-3.3-70b-instruct",
            "groq",
            "0.59 0.79 - - -",
        ),
    ] {
        let model = catalog.model(model).unwrap();
        let endpoint = model
            .endpoints
            .iter()
            .find(|e| e.tag.as_ref() == tag)
            .unwrap();
        let text = |unit| {
            let price = endpoint.prices.get(unit);
            price.map_or("-".to_owned(), |price| price.to_usd_per_million())
        };
        let units = [
            Unit::Input,
            Unit::Output,
            Unit::CacheRead,
            Unit::CacheWrite,
            Unit::CacheWrite1h,
        ];
        assert_eq!(
            units.map(text).join(" "),
            expected,
            "{} at {tag}",
            model.slug
        );
    }
}

#[test]
fn long_prompts_have_their_own_price() {
    let catalog = everything();
    let model = catalog.model("google/gemini-2.5-pro").unwrap();
    let endpoint = model
        .endpoints
        .iter()
        .find(|e| e.tag.as_ref() == "google-ai-studio")
        .unwrap();
    let input = |tokens| {
        let price = endpoint.prices.effective(Unit::Input, tokens, 0).unwrap();
        price.to_usd_per_million()
    };
    assert_eq!([input(200_000), input(200_001)], ["1.25", "2.5"]);
}

#[test]
fn a_price_nobody_stated_is_missing_and_free_only_where_it_says_so() {
    let catalog = everything();
    for model in catalog.models() {
        for endpoint in &model.endpoints {
            let says_free = endpoint.upstream_model.contains("free")
                || model.variant.as_deref() == Some("free")
                || endpoint.upstream_model.contains("-flash");
            assert!(
                !endpoint.prices.is_free() || says_free,
                "{} is free?",
                endpoint.id
            );
            assert!(
                endpoint.billing.is_none() || endpoint.prices.is_empty(),
                "{}",
                endpoint.id
            );
        }
    }
}

#[test]
fn no_price_carries_the_scar_of_a_binary_float() {
    let rows = catalog::builtin().unwrap();
    for model in rows.models.values() {
        for endpoint in &model.endpoints {
            for (unit, text) in endpoint.price.iter().flat_map(|price| &price.prices) {
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                assert!(digits <= 13, "{} {}: {text}", model.slug, unit.name());
            }
        }
    }
}

#[test]
fn aliases_dated_slugs_and_suffixes_resolve() {
    let catalog = everything();
    for (asked, slug) in [
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("anthropic/claude-haiku-4-5", "anthropic/claude-haiku-4.5"),
        (
            "anthropic/claude-4.5-haiku-20251001",
            "anthropic/claude-haiku-4.5",
        ),
        ("Anthropic/Claude-Haiku-4.5", "anthropic/claude-haiku-4.5"),
        ("deepseek-ai/DeepSeek-R1", "deepseek/deepseek-r1"),
        ("openai/gpt-4o:nitro", "openai/gpt-4o"),
        ("openai/gpt-oss-20b:free", "openai/gpt-oss-20b:free"),
        ("openai/gpt-oss-20b:free:online", "openai/gpt-oss-20b:free"),
    ] {
        let resolved = catalog.resolve(asked).unwrap_or_else(|| panic!("{asked}"));
        assert_eq!(resolved.model.slug.as_str(), slug, "{asked}");
    }
    assert!(catalog.resolve("openai/gpt-4o:cheapest").is_none());
    let haiku = catalog.model("anthropic/claude-haiku-4.5").unwrap();
    assert_eq!(
        haiku.canonical_slug.as_str(),
        "anthropic/claude-4.5-haiku-20251001"
    );
}

#[test]
fn a_free_variant_is_served_under_its_own_name_only() {
    let catalog = everything();
    let plain = catalog.model("openai/gpt-oss-20b").unwrap();
    let free = catalog.model("openai/gpt-oss-20b:free").unwrap();
    assert!(
        plain
            .endpoints
            .iter()
            .all(|endpoint| !endpoint.prices.is_free())
    );
    assert!(
        free.endpoints
            .iter()
            .all(|endpoint| endpoint.prices.is_free())
    );
    assert!(free.name.ends_with("(free)"));
}

#[test]
fn models_say_what_a_listing_needs() {
    let catalog = everything();
    let model = catalog.model("openai/gpt-4o").unwrap();
    assert_eq!(model.created, 1_715_558_400);
    assert_eq!(model.modality(), "text+image+file->text");
    assert_eq!(model.tokenizer(), "GPT");
    assert_eq!(model.context_length(), Some(128_000));
    assert_eq!(model.top_endpoint().unwrap().tag.as_ref(), "openai");
    let supported = model.supported_parameters();
    for parameter in [
        Parameter::Tools,
        Parameter::Temperature,
        Parameter::StructuredOutputs,
    ] {
        assert!(supported.contains(parameter), "{}", parameter.name());
    }
    let embedding = catalog.model("openai/text-embedding-3-small").unwrap();
    assert_eq!(embedding.kind, ModelKind::Embedding);
    assert!(embedding.output.contains(Modality::Embeddings));
}

#[test]
fn providers_say_how_they_are_reached() {
    let catalog = everything();
    let chat = |name: &str| {
        let provider = catalog.provider(name).unwrap_or_else(|| panic!("{name}"));
        provider.connection(Dialect::OpenaiChat).cloned()
    };
    assert_eq!(
        chat("openai").unwrap().base_url.as_ref(),
        "https://api.openai.com/v1"
    );
    let claude = chat("anthropic").unwrap();
    assert_eq!(
        (claude.base_url.as_ref(), claude.auth),
        ("https://api.anthropic.com/v1", Auth::Bearer)
    );
    let gemini = chat("google").unwrap();
    assert_eq!(
        gemini.base_url.as_ref(),
        "https://generativelanguage.googleapis.com/v1beta/openai"
    );
    let mistral = chat("Mistral").unwrap();
    assert!(
        mistral
            .quirks
            .iter()
            .any(|quirk| quirk.as_ref() == "no-stream-options")
    );
    assert_eq!(chat("amazon-bedrock"), None);
    assert_eq!(chat("azure").unwrap().auth, Auth::Azure);
    assert!(
        catalog
            .providers()
            .all(|provider| !provider.connections.is_empty())
    );
}

#[test]
fn responses_only_models_are_not_asked_in_chat_dialect() {
    let catalog = everything();
    let model = catalog.model("openai/gpt-5-pro").unwrap();
    let own = model
        .endpoints
        .iter()
        .find(|e| e.tag.as_ref() == "openai")
        .unwrap();
    assert_eq!(own.dialects, [Dialect::OpenaiResponses]);
    let model = catalog.model("openai/gpt-4o").unwrap();
    let own = model
        .endpoints
        .iter()
        .find(|e| e.tag.as_ref() == "openai")
        .unwrap();
    assert!(own.dialects.contains(&Dialect::OpenaiChat));
    assert_eq!(own.status, Status::Stable);
}

#[test]
fn without_credentials_nothing_is_enabled_and_missing_variables_are_named() {
    let rows = catalog::builtin().unwrap();
    let nobody = catalog::load(&rows, &[], &Access::NONE).unwrap();
    assert!(nobody.providers().all(|provider| !provider.is_enabled()));
    let keyed = Access {
        has_credential: &|provider| provider.slug.as_str() == "azure",
        variable: &|_, _| None,
    };
    let catalog = catalog::load(&rows, &[], &keyed).unwrap();
    let azure = catalog.provider("azure").unwrap();
    let lacking = vec!["AZURE_RESOURCE_NAME".into()];
    assert_eq!(azure.access, catalog::provider::Access::Lacking(lacking));
}
