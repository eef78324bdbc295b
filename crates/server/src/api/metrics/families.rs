//! Families of metrics, written once and read twice: as Prometheus text, and by a collector.

use std::fmt::{Display, Write as _};

use ledger::decimal;
use telemetry::metric::{Buckets, Metric, Points};

use super::histogram::Reading;

/// Names and values.
type Labels<'a> = [(&'a str, &'a str)];

/// Families of metrics in the making: as Prometheus text, and as they go to a collector. Writing to a
/// `String` cannot fail, hence the ignored results.
#[derive(Debug, Default)]
pub struct Page {
    /// The text of the page.
    pub text: String,
    /// The same, for a collector.
    pub metrics: Vec<Metric>,
}

impl Page {
    /// Begins a family; its samples follow.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        let (name, unit) = dotted(name);
        self.metrics.push(Metric {
            name,
            description: help.to_owned(),
            unit,
            points: match kind {
                "counter" => Points::Counters(Vec::new()),
                "histogram" => Points::Histograms(Vec::new()),
                _ => Points::Gauges(Vec::new()),
            },
        });
    }

    /// A sample of the family that was begun last.
    pub(super) fn sample(&mut self, name: &str, labels: &Labels<'_>, value: impl Display) {
        let value = value.to_string();
        self.write(name, labels, &value);
        let Ok(value) = value.parse() else { return };
        match self.metrics.last_mut().map(|metric| &mut metric.points) {
            Some(Points::Counters(points) | Points::Gauges(points)) => {
                points.push((owned(labels), value));
            }
            Some(Points::Histograms(_)) | None => {}
        }
    }

    fn write(&mut self, name: &str, labels: &Labels<'_>, value: &str) {
        self.text.push_str(name);
        if !labels.is_empty() {
            self.text.push('{');
            for (index, (label, text)) in labels.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                let _ = write!(self.text, "{comma}{label}=\"{}\"", escape(text));
            }
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    /// A sample that appears with its first event: most combinations of labels never happen.
    pub(super) fn nonzero(&mut self, name: &str, labels: &Labels<'_>, value: u64) {
        if value > 0 {
            self.sample(name, labels, value);
        }
    }

    /// A histogram of the family that was begun last.
    pub(super) fn histogram(&mut self, name: &str, labels: &Labels<'_>, reading: &Reading) {
        let bucket = format!("{name}_bucket");
        let digits = reading.scale.digits;
        let bounds = reading.scale.bounds.iter();
        let bounds = bounds.map(|bound| decimal::format(i128::from(*bound), digits));
        let bounds = bounds.chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&reading.cumulative) {
            let mut labels = labels.to_vec();
            labels.push(("le", &bound));
            self.write(&bucket, &labels, &count.to_string());
        }
        let sum = decimal::format(i128::from(reading.sum), digits);
        self.write(&format!("{name}_sum"), labels, &sum);
        let count = reading.cumulative.last().copied().unwrap_or(0);
        self.write(&format!("{name}_count"), labels, &count.to_string());
        if let Some(Points::Histograms(points)) =
            self.metrics.last_mut().map(|metric| &mut metric.points)
        {
            points.push((owned(labels), buckets(reading)));
        }
    }
}

/// A reading as a collector wants it: each bucket by itself.
fn buckets(reading: &Reading) -> Buckets {
    let digits = reading.scale.digits;
    let number = |value: u64| {
        let text = decimal::format(i128::from(value), digits);
        text.parse().unwrap_or_default()
    };
    let before = std::iter::once(0).chain(reading.cumulative.iter().copied());
    let counts = reading.cumulative.iter().zip(before);
    Buckets {
        bounds: reading
            .scale
            .bounds
            .iter()
            .map(|bound| number(*bound))
            .collect(),
        counts: counts
            .map(|(count, before)| count.saturating_sub(before))
            .collect(),
        sum: number(reading.sum),
    }
}

/// The name that OpenTelemetry has for it, where it has one, and the unit: Prometheus knows no dots
/// and puts units and totals into names.
fn dotted(name: &str) -> (String, &'static str) {
    let known = match name {
        "gen_ai_client_operation_duration_seconds" => ("gen_ai.client.operation.duration", "s"),
        "gen_ai_client_operation_time_to_first_chunk_seconds" => {
            ("gen_ai.client.operation.time_to_first_chunk", "s")
        }
        "gen_ai_client_token_usage" => ("gen_ai.client.token.usage", "{token}"),
        _ => ("", ""),
    };
    if !known.0.is_empty() {
        return (known.0.to_owned(), known.1);
    }
    let short = name.strip_suffix("_total").unwrap_or(name);
    let (short, unit) = match short.strip_suffix("_seconds") {
        Some(short) => (short, "s"),
        None => (short, ""),
    };
    let dotted = match short.strip_prefix("waybill_") {
        Some(own) => format!("waybill.{own}"),
        None => short.to_owned(),
    };
    (dotted, unit)
}

fn owned(labels: &Labels<'_>) -> Vec<(String, String)> {
    let name = |name: &str| match name {
        "gen_ai_provider_name" => "gen_ai.provider.name".to_owned(),
        "gen_ai_response_model" => "gen_ai.response.model".to_owned(),
        "gen_ai_operation_name" => "gen_ai.operation.name".to_owned(),
        "gen_ai_token_type" => "gen_ai.token.type".to_owned(),
        _ => name.to_owned(),
    };
    let labels = labels.iter();
    labels
        .map(|(label, value)| (name(label), (*value).to_owned()))
        .collect()
}

/// Label values may hold any text; these three characters are written as escapes.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
