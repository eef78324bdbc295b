//! `[telemetry]` and `[egress]`: where a copy of what is measured goes, and who else may be asked.

use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use telemetry::egress::Network;
use telemetry::export::Protocol;

use super::Environment;
use super::reader::Reader;
use super::secret::Written;
use super::sections::http_url;

/// The whole of it, in parts of a million.
const ALL_PPM: u32 = 1_000_000;

/// `[telemetry]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// The collector, without a slash at the end; absent means that nothing is sent.
    pub endpoint: Option<String>,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Headers for it, `NAME=VALUE` with commas, or a reference to them.
    pub headers: Option<Written>,
    /// Of so many of a million traces that begin here spans are sent.
    pub sampled_ppm: u32,
    /// How often metrics are sent; absent means never.
    pub metrics_every: Option<Duration>,
    /// `service.name`.
    pub service_name: String,
    /// Whether prompts are hashed, for cache health and for who goes on with whom in a session.
    pub hashes_prompts: bool,
}

/// Reads `[telemetry]`.
pub(super) fn telemetry(reader: &mut Reader<'_>) -> Telemetry {
    let mut section = reader.section("telemetry");
    let protocols = [
        ("http/protobuf", Protocol::HttpProtobuf),
        ("grpc", Protocol::Grpc),
    ];
    let endpoint = section.optional_parsed("endpoint", http_url);
    let protocol = section.choice("protocol", &protocols);
    let headers = section.optional_text("headers");
    let sampled_ppm = section.parsed("sampling_ratio", "1", ratio);
    let every = section.milliseconds("metrics_every_ms", 60_000, 0..=3_600_000);
    let telemetry = Telemetry {
        endpoint,
        protocol: protocol.unwrap_or(Protocol::HttpProtobuf),
        headers: headers.as_deref().map(Written::new),
        sampled_ppm: sampled_ppm.unwrap_or(ALL_PPM),
        metrics_every: (!every.is_zero()).then_some(every),
        service_name: section.text("service_name", "waybill"),
        hashes_prompts: section.boolean("prompt_hashes", true),
    };
    section.finish();
    telemetry
}

impl Telemetry {
    /// The headers, read. Their values are marked as secret, so that nobody prints them.
    ///
    /// # Errors
    /// When they name nothing, or are not of the form. Never repeats a value.
    pub fn read_headers(&self, environment: &Environment) -> Result<HeaderMap, String> {
        let Some(written) = &self.headers else {
            return Ok(HeaderMap::new());
        };
        let Some(text) = written.resolve(environment)? else {
            return Err("names a variable that is not set".to_owned());
        };
        let mut headers = HeaderMap::new();
        let pairs = text.expose().split([',', '\n']).map(str::trim);
        for (index, pair) in pairs.filter(|pair| !pair.is_empty()).enumerate() {
            let read = || {
                let (name, value) = pair.split_once('=')?;
                let name: HeaderName = name.trim().parse().ok()?;
                let mut value = HeaderValue::from_str(value.trim()).ok()?;
                value.set_sensitive(true);
                Some((name, value))
            };
            let number = index + 1;
            let (name, value) =
                read().ok_or_else(|| format!("header {number} is not of the form NAME=VALUE"))?;
            headers.append(name, value);
        }
        Ok(headers)
    }
}

/// `[egress]`: who may be asked at addresses that callers and workspaces write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Egress {
    /// Networks that may be asked although they are not public.
    pub allow: Vec<Network>,
}

/// Reads `[egress]`.
pub(super) fn egress(reader: &mut Reader<'_>) -> Egress {
    let mut section = reader.section("egress");
    let allow = section.parsed("allow", "", |text| {
        let words = text.split([',', ' ']).filter(|word| !word.is_empty());
        words
            .map(str::parse::<Network>)
            .collect::<Result<Vec<_>, _>>()
    });
    section.finish();
    Egress {
        allow: allow.unwrap_or_default(),
    }
}

/// A share between 0 and 1, to six digits, as parts of a million.
pub fn ratio(text: &str) -> Result<u32, String> {
    const DIGITS: u32 = 6;
    ledger::decimal::parse(text.trim(), DIGITS)
        .ok()
        .and_then(|ppm| u32::try_from(ppm).ok())
        .filter(|ppm| *ppm <= ALL_PPM)
        .ok_or_else(|| format!("\"{text}\" is no share between 0 and 1, such as \"0.25\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_to_the_millionth() {
        for (text, ppm) in [
            ("1", 1_000_000),
            ("0", 0),
            ("0.25", 250_000),
            ("0.000001", 1),
        ] {
            assert_eq!(ratio(text), Ok(ppm), "{text}");
        }
        for wrong in ["", "-1", "1.1", "half", "2"] {
            assert!(ratio(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn headers_are_read_and_never_shown() {
        let telemetry = |written: &str| Telemetry {
            endpoint: None,
            protocol: Protocol::Grpc,
            headers: Some(Written::new(written)),
            sampled_ppm: 0,
            metrics_every: None,
            service_name: String::new(),
            hashes_prompts: true,
        };
        let variables = [(
            "HEADERS".to_owned(),
            "authorization=Bearer a=b, x-team = c".to_owned(),
        )];
        let environment: Environment = variables.into_iter().collect();
        let read = telemetry("env:HEADERS").read_headers(&environment).unwrap();
        assert_eq!(read["authorization"], "Bearer a=b");
        assert_eq!(read["x-team"], "c");
        assert!(!format!("{read:?}").contains("Bearer"));
        let wrong = telemetry("a=b,secret").read_headers(&environment);
        assert_eq!(wrong.unwrap_err(), "header 2 is not of the form NAME=VALUE");
        assert!(telemetry("env:ABSENT").read_headers(&environment).is_err());
    }
}
