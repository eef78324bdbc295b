//! `Metric`: what is counted, as it is at one moment.

/// One metric and all of its series.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name, with dots.
    pub name: String,
    /// What it means.
    pub description: String,
    /// Unit in UCUM: `s`, `{token}`; empty for none.
    pub unit: &'static str,
    /// What kind it is, with its series.
    pub points: Points,
}

/// Labels by name.
pub type Labels = Vec<(String, String)>;

/// The series of a metric.
#[derive(Debug, Clone, PartialEq)]
pub enum Points {
    /// Numbers that only grow.
    Counters(Vec<(Labels, f64)>),
    /// Numbers that go up and down.
    Gauges(Vec<(Labels, f64)>),
    /// Counts in buckets.
    Histograms(Vec<(Labels, Buckets)>),
}

/// A histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    /// Inclusive upper bounds, ascending.
    pub bounds: Vec<f64>,
    /// What fell into each bucket; one more than there are bounds.
    pub counts: Vec<u64>,
    /// The sum of all that was observed.
    pub sum: f64,
}
