//! A provider's row, checked.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use chat::Dialect;

use super::{Problems, boxed, dialects};
use crate::load::Access;
use crate::provider::{
    self as made, Auth, Connection, DataPolicy, Provider, ProviderKind, ProviderSlug,
};
use crate::rows::{DialectRow, ProviderRow};

/// Checks a provider's row.
pub(crate) fn provider(
    slug: &str,
    row: &ProviderRow,
    access: &Access<'_>,
    problems: &mut Problems,
) -> Option<Provider> {
    let before = problems.len();
    let path = format!("providers.{slug}");
    if !is_slug(slug) {
        let message = format!("\"{slug}\" is no slug: lowercase letters, digits, '-' and '.' only");
        problems.add(path.clone(), message);
    }
    let (places, connections) = connections(&path, row, problems);
    let kind = row.kind.as_deref().and_then(|text| {
        let known = "first_party, host, aggregator, local";
        problems.word(
            format!("{path}.kind"),
            text,
            ProviderKind::read(text),
            known,
        )
    });
    let mut provider = Provider {
        slug: ProviderSlug::new(slug),
        aliases: boxed(row.aliases.as_deref()),
        name: row.name.as_deref().unwrap_or(slug).into(),
        kind,
        connections,
        env: boxed(row.env.as_ref().map(|env| env.as_slice())),
        docs: row.docs.as_deref().map(Into::into),
        abort_stops_billing: row.abort_stops_billing,
        data_policy: data_policy(row),
        privacy_policy_url: row.privacy_policy_url.as_deref().map(Into::into),
        terms_of_service_url: row.terms_of_service_url.as_deref().map(Into::into),
        status_page_url: row.status_page_url.as_deref().map(Into::into),
        headquarters: row.headquarters.as_deref().map(Into::into),
        datacenters: boxed(row.datacenters.as_deref()),
        access: made::Access::NoCredential,
    };
    let mut lacking = BTreeSet::new();
    let filled: Vec<Box<str>> = std::iter::zip(&places, &provider.connections)
        .map(|(place, connection)| {
            let asked = (access, &provider);
            address(place, &connection.base_url, asked, (&mut lacking, problems))
        })
        .collect();
    for (connection, base_url) in std::iter::zip(&mut provider.connections, filled) {
        connection.base_url = base_url;
    }
    if (access.has_credential)(&provider) {
        let lacking: Vec<Box<str>> = lacking.into_iter().map(String::into_boxed_str).collect();
        provider.access = match lacking.is_empty() {
            true => made::Access::Ready,
            false => made::Access::Lacking(lacking),
        };
    }
    (problems.len() == before).then_some(provider)
}

/// The connections with their addresses as they are written, and where those stand.
fn connections(
    path: &str,
    row: &ProviderRow,
    problems: &mut Problems,
) -> (Vec<String>, Vec<Connection>) {
    let dialects = match &row.dialects {
        Some(names) => dialects(format!("{path}.dialects"), names, problems),
        None => vec![Dialect::OpenaiChat],
    };
    for name in row.by_dialect.keys() {
        let is_listed = dialects.iter().any(|dialect| dialect.name() == name);
        if !is_listed {
            let message = format!("\"{name}\" is not among the provider's dialects");
            problems.add(format!("{path}.by_dialect.{name}"), message);
        }
    }
    let quirks: Arc<[Box<str>]> = boxed(row.quirks.as_deref()).into();
    let same = DialectRow::default();
    let mut connections = Vec::with_capacity(dialects.len());
    let mut places = Vec::with_capacity(dialects.len());
    for dialect in dialects {
        let differs = row.by_dialect.get(dialect.name()).unwrap_or(&same);
        let at = match differs.base_url {
            Some(_) => format!("{path}.by_dialect.{dialect}.base_url"),
            None => format!("{path}.base_url"),
        };
        let Some(written) = differs.base_url.as_ref().or(row.base_url.as_ref()) else {
            problems.add(
                at,
                "the address is missing, such as \"https://host/v1\"".to_owned(),
            );
            continue;
        };
        let word = differs.auth.as_ref().or(row.auth.as_ref());
        let auth = word.map_or(Some(Auth::Bearer), |word| {
            problems.word(format!("{path}.auth"), word, Auth::read(word), Auth::WORDS)
        });
        places.push(at);
        connections.push(Connection {
            dialect,
            base_url: written.as_str().into(),
            auth: auth.unwrap_or(Auth::Bearer),
            quirks: match &differs.quirks {
                Some(quirks) => boxed(Some(quirks)).into(),
                None => Arc::clone(&quirks),
            },
        });
    }
    (places, connections)
}

/// Fills the variables of an address in, and notes those without a value. In `${a|b}` the first one
/// that has a value counts.
pub(super) fn address(
    path: impl fmt::Display,
    written: &str,
    (access, provider): (&Access<'_>, &Provider),
    (lacking, problems): (&mut BTreeSet<String>, &mut Problems),
) -> Box<str> {
    let mut filled = String::with_capacity(written.len());
    let mut rest = written;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((names, after)) = after.split_once('}') else {
            problems.add(
                path.to_string(),
                format!("\"{written}\" has a \"${{\" without \"}}\""),
            );
            return written.into();
        };
        let value = names
            .split('|')
            .find_map(|name| (access.variable)(provider, name));
        match value {
            Some(value) => filled.push_str(&value),
            None => {
                lacking.insert(variable_among(names).to_owned());
                filled.push_str(&format!("${{{names}}}"));
            }
        }
        rest = after;
    }
    filled.push_str(rest);
    let has_scheme = ["http://", "https://", "${"]
        .iter()
        .any(|start| written.starts_with(start));
    if !has_scheme {
        let message =
            format!("\"{written}\" is no address: it must begin with http:// or https://");
        problems.add(path.to_string(), message);
    }
    filled.trim_end_matches('/').into()
}

/// The name to tell people: the first variable of the environment.
fn variable_among(names: &str) -> &str {
    let is_variable = |name: &&str| name.starts_with(|first: char| first.is_ascii_uppercase());
    names.split('|').find(is_variable).unwrap_or(names)
}

fn data_policy(row: &ProviderRow) -> DataPolicy {
    let stated = row.data_policy.clone().unwrap_or_default();
    DataPolicy {
        training: stated.training,
        retention_days: stated.retention_days,
        zdr: stated.zdr,
        region: stated.region.map(String::into_boxed_str),
    }
}

fn is_slug(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    !text.is_empty() && text.bytes().all(allowed)
}
