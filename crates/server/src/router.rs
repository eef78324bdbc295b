//! One table of every path.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use http::Method;

use crate::app::App;
use crate::{admin, api, reply};

/// Where the API stands: OpenRouter's place, and the one that other SDKs expect.
const PREFIXES: [&str; 2] = ["/api/v1", "/v1"];

/// Where Google's own clients look; what they know stands under [`PREFIXES`] as well.
const BETA_PREFIXES: [&str; 2] = ["/api/v1beta", "/v1beta"];

/// Ends of paths whose `POST` is a call to a model; those run apart from everything else.
const CALLS: [&str; 6] = [
    "/completions",
    "/embeddings",
    "/rerank",
    "/responses",
    "/messages",
    "/messages/count_tokens",
];

type Row = (&'static str, MethodRouter<Arc<App>>);

/// A provider's own API: every method that asks or changes something.
fn native() -> MethodRouter<Arc<App>> {
    use api::native::pass;
    get(pass).post(pass).put(pass).patch(pass).delete(pass)
}

/// What Google's own clients ask: the path names the model, and ends in what is asked of it. Any
/// client may ask what there is to know of a model.
fn gemini_paths() -> Vec<Row> {
    let row = || post(api::generate_content::create).get(api::model::retrieve);
    vec![
        ("/models/{model}", row()),
        ("/models/{author}/{slug}", row()),
    ]
}

/// Below each of the beta prefixes.
fn beta_paths() -> Vec<Row> {
    let list = ("/models", get(api::gemini_models::list));
    // Vercel's client leaves `models` out where the model's name has a slash.
    let named = ("/{author}/{slug}", post(api::generate_content::create));
    [list, named].into_iter().chain(gemini_paths()).collect()
}

/// What only we have: signing in to the console, and what it makes easy.
fn console_paths() -> Vec<Row> {
    vec![
        ("/keys/{hash}/rotate", post(admin::key_rotation::rotate)),
        ("/credentials", get(admin::credentials::list)),
        (
            "/credentials/{provider}",
            put(admin::credentials::put).delete(admin::credentials::delete),
        ),
        (
            "/credentials/{provider}/check",
            post(admin::credentials::check),
        ),
        (
            "/providers/own",
            get(admin::own_providers::list).post(admin::own_providers::create),
        ),
        (
            "/providers/own/{slug}",
            delete(admin::own_providers::delete),
        ),
        (
            "/console/session",
            get(admin::session::get)
                .post(admin::session::create)
                .delete(admin::session::delete),
        ),
        ("/console/sessions", get(admin::session::list)),
        ("/console/sessions/{id}", delete(admin::session::end_one)),
        (
            "/console/password",
            put(admin::session::put_password).delete(admin::session::delete_password),
        ),
    ]
}

/// Below each prefix: what is presented to providers.
fn credential_paths() -> Vec<Row> {
    vec![
        ("/byok", get(admin::byok::list).post(admin::byok::create)),
        (
            "/byok/{id}",
            get(admin::byok::get)
                .patch(admin::byok::change)
                .delete(admin::byok::delete),
        ),
        ("/byok/{id}/check", post(admin::byok::check)),
    ]
}

/// Below each prefix: to whom calls are told.
fn observability_paths() -> Vec<Row> {
    vec![
        ("/observability/attention", get(admin::attention::list)),
        (
            "/observability/endpoints",
            get(admin::endpoint_health::list),
        ),
        (
            "/observability/destination-types",
            get(admin::destinations::types),
        ),
        (
            "/observability/destinations",
            get(admin::destinations::list).post(admin::destinations::create),
        ),
        (
            "/observability/destinations/{id}",
            get(admin::destinations::get)
                .patch(admin::destinations::change)
                .delete(admin::destinations::delete),
        ),
        (
            "/observability/destinations/{id}/test",
            post(admin::deliveries::test),
        ),
        (
            "/observability/destinations/{id}/deliveries",
            get(admin::deliveries::list),
        ),
        (
            "/observability/destinations/{id}/deliveries/retry",
            post(admin::deliveries::retry),
        ),
    ]
}

/// What is known of single calls.
fn record_paths() -> Vec<Row> {
    use api::{cache_health, feedback, generation, generation_content};
    let content = get(generation_content::get).delete(generation_content::delete);
    let remarks = get(feedback::counts).post(feedback::give);
    vec![
        ("/generation", get(generation::get)),
        ("/generations", get(api::generations::get)),
        ("/sessions", get(api::session::list::get)),
        ("/sessions/{id}", get(api::session::get)),
        ("/generation/content", content),
        ("/generation/feedback", remarks),
        ("/cache/health", get(cache_health::get)),
    ]
}

/// Below each prefix: what was counted of calls.
fn analytics_paths() -> Vec<Row> {
    vec![
        ("/activity", get(admin::activity::get)),
        ("/analytics/meta", get(admin::analytics::meta)),
        ("/analytics/query", post(admin::analytics::query)),
        (
            "/datasets/rankings-daily",
            get(api::datasets::rankings_daily),
        ),
        ("/datasets/app-rankings", get(api::datasets::app_rankings)),
        ("/datasets/session-cost", get(api::datasets::session_cost)),
        ("/status", get(api::status::get)),
        ("/status/public", put(api::status::put_public)),
    ]
}

/// Below each prefix.
fn api_paths() -> Vec<Row> {
    vec![
        ("/chat/completions", post(api::chat_completions::create)),
        ("/completions", post(api::completions::create)),
        ("/embeddings", post(api::embeddings::create)),
        ("/rerank", post(api::rerank::create)),
        ("/responses", post(api::responses::create)),
        ("/messages", post(api::messages::create)),
        ("/messages/count_tokens", post(api::messages::count_tokens)),
        ("/models", get(api::models::list)),
        ("/models/count", get(api::models::count)),
        ("/models/user", get(api::models::of_user)),
        (
            "/models/{author}/{slug}/endpoints",
            get(api::model_endpoints::list),
        ),
        ("/model/{author}/{slug}", get(api::model::get)),
        ("/embeddings/models", get(api::models::embeddings)),
        ("/endpoints/zdr", get(api::model_endpoints::zdr)),
        ("/providers", get(api::providers::list)),
        ("/key", get(api::key::get)),
        ("/keys", get(admin::keys::list).post(admin::keys::create)),
        (
            "/keys/{hash}",
            get(admin::keys::get)
                .merge(patch(admin::keys::change))
                .merge(delete(admin::keys::delete)),
        ),
        ("/credits", get(api::credits::get)),
        ("/ledger/statement", get(admin::statement::get)),
        ("/ledger/entries", get(admin::entries::get)),
        ("/credits/grants", post(admin::credits::grant)),
        ("/credits/purchases", post(admin::credits::purchase)),
        ("/credits/refunds", post(admin::credits::refund)),
        ("/credits/fees", post(admin::credits::fee)),
        (
            "/budgets",
            get(admin::budgets::list).post(admin::budgets::create),
        ),
        (
            "/budgets/{id}",
            patch(admin::budgets::change).merge(delete(admin::budgets::delete)),
        ),
        ("/workspaces", get(admin::workspaces::list)),
        (
            "/workspaces/{id}",
            get(admin::workspaces::get).merge(patch(admin::workspaces::change)),
        ),
        (
            "/workspaces/{id}/budgets",
            get(admin::workspace_budgets::list),
        ),
        (
            "/workspaces/{id}/budgets/{interval}",
            get(admin::workspace_budgets::get)
                .put(admin::workspace_budgets::put)
                .delete(admin::workspace_budgets::delete),
        ),
        ("/native/{provider}/{*path}", native()),
        ("/plan", post(api::plan::explain)),
        ("/openapi.json", get(api::openapi::get)),
    ]
    .into_iter()
    .chain(record_paths())
    .chain(gemini_paths())
    .chain(console_paths())
    .chain(observability_paths())
    .chain(analytics_paths())
    .chain(credential_paths())
    .collect()
}

/// At the root.
fn root_paths() -> Vec<Row> {
    vec![
        ("/native/{provider}/{*path}", native()),
        ("/", get(api::console::index)),
        ("/assets/{*path}", get(api::console::asset)),
        ("/healthz", get(api::health::alive)),
        ("/readyz", get(api::health::ready)),
        ("/metrics", get(api::metrics::get)),
    ]
}

/// Everything below a prefix, in full.
fn prefixed() -> impl Iterator<Item = (String, MethodRouter<Arc<App>>)> {
    let below = |prefixes: [&'static str; 2], paths: fn() -> Vec<Row>| {
        prefixes.into_iter().flat_map(move |prefix| {
            let paths = paths().into_iter();
            paths.map(move |(path, methods)| (format!("{prefix}{path}"), methods))
        })
    };
    below(PREFIXES, api_paths).chain(below(BETA_PREFIXES, beta_paths))
}

/// Every full path, so that a test can compare them with our OpenAPI document.
pub fn paths() -> impl Iterator<Item = String> {
    let of_api = prefixed().map(|(path, _)| path);
    let at_root = root_paths().into_iter().map(|(path, _)| path.to_owned());
    // What takes the rest of a path is a parameter like any other to those who read about it.
    of_api.chain(at_root).map(|path| path.replace("{*", "{"))
}

/// The service.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for (path, methods) in root_paths() {
        router = router.route(path, methods);
    }
    for (path, methods) in prefixed() {
        router = router.route(&path, methods);
    }
    router
        .fallback(api::console::elsewhere)
        .method_not_allowed_fallback(reply::unknown_method)
        .with_state(app)
}

/// Whether a request is a call to a model.
#[must_use]
pub fn is_call(method: &Method, path: &str) -> bool {
    let is_native = path.contains("/native/");
    // Below `/models/` nothing else is posted.
    let is_post = method == Method::POST;
    let is_known = path.contains("/models/") || CALLS.iter().any(|end| path.ends_with(end));
    is_native || (is_post && is_known)
}
