//! A question, as it is asked and as it is meant.

use chat::Error;
use serde::Deserialize;
use serde_json::{Number, Value};
use store::{Dimension, FacetFilter, KeyHash};

use super::dimensions::{DIMENSIONS, Dimensional, Told};
use super::metrics::{METRICS, Metric, REQUEST_COUNT};
use super::span::Granularity;
use crate::admin::desk::invalid;
use crate::keyring::Keyring;
use crate::time::{DAY_MS, read_utc};

/// Dimensions of one question.
const DIMENSIONS_MAX: usize = 2;

/// Filters of one question.
const FILTERS_MAX: usize = 20;

/// Values of one filter.
const VALUES_MAX: usize = 500;

/// Rows where nobody says.
const ROWS: usize = 1000;

/// Rows of one answer, whatever is asked for.
const ROWS_MAX: usize = 50_000;

/// Days, today included, where no time is asked for.
const DAYS: i64 = 30;

/// Percentiles can be asked for of so many days.
const SKETCHED_DAYS_MAX: i64 = 31;

/// Status lines that can be compared.
const STATUSES: std::ops::Range<i64> = 0..1000;

/// The body of `POST /analytics/query`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    metrics: Vec<String>,
    #[serde(default)]
    dimensions: Vec<String>,
    #[serde(default)]
    filters: Vec<Filter>,
    granularity: Option<String>,
    time_range: Option<TimeRange>,
    order_by: Option<OrderBy>,
    limit: Option<i64>,
    group_limit: Option<i64>,
    classifier_dimensions: Option<Value>,
    classifier_filters: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    field: String,
    operator: String,
    value: Values,
    #[serde(default)]
    include_unset: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Values {
    One(Scalar),
    Many(Vec<Scalar>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(Number),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeRange {
    start: String,
    end: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderBy {
    field: String,
    direction: Direction,
}

/// Which way rows are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    /// The least first.
    Asc,
    /// The greatest first.
    Desc,
}

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// Is it.
    Eq,
    /// Is another.
    Neq,
    /// Is one of them.
    In,
    /// Is none of them.
    NotIn,
    /// Is greater.
    Gt,
    /// Is greater, or it.
    Gte,
    /// Is less.
    Lt,
    /// Is less, or it.
    Lte,
}

impl Operator {
    /// All of them.
    pub(super) const ALL: [Self; 8] = [
        Self::Eq,
        Self::Neq,
        Self::In,
        Self::NotIn,
        Self::Gt,
        Self::Gte,
        Self::Lt,
        Self::Lte,
    ];

    /// In questions.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Neq => "neq",
            Self::In => "in",
            Self::NotIn => "not_in",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
        }
    }

    /// Whether it compares with a list.
    pub(super) const fn is_of_list(self) -> bool {
        matches!(self, Self::In | Self::NotIn)
    }
}

/// By what rows are ordered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// The beginning of their piece of time.
    Date,
    /// A metric.
    Metric(&'static Metric),
    /// The dimension with this number.
    Dimension(usize),
}

/// What is meant.
#[derive(Debug)]
pub(super) struct Question {
    /// In the order in which they were asked for, each once.
    pub(super) metrics: Vec<&'static Metric>,
    /// Likewise.
    pub(super) dimensions: Vec<&'static Dimensional>,
    /// Of which calls.
    pub(super) filter: FacetFilter,
    /// By which time, if by any.
    pub(super) granularity: Option<Granularity>,
    /// From when to before when, Unix milliseconds.
    pub(super) range: (i64, i64),
    /// The order of the rows, if another is asked for than the usual one.
    pub(super) order: Option<(Order, Direction)>,
    /// Rows of the answer.
    pub(super) limit: usize,
    /// Rows of each combination of dimensions.
    pub(super) group_limit: usize,
    /// What could not be resolved.
    pub(super) warnings: Vec<String>,
}

impl Asked {
    /// What that means.
    ///
    /// # Errors
    /// When a field is not what it should be.
    pub(super) fn question(&self, keyring: &Keyring, now_ms: i64) -> Result<Question, Error> {
        for (field, value) in [
            ("classifier_dimensions", &self.classifier_dimensions),
            ("classifier_filters", &self.classifier_filters),
        ] {
            if value.is_some() {
                return Err(invalid(field, "no workspace has a classifier"));
            }
        }
        let metrics = self.metrics()?;
        let dimensions = self.dimensions()?;
        let granularity = self.granularity()?;
        let range = self.range(now_ms)?;
        let is_long = range.1.saturating_sub(range.0) > SKETCHED_DAYS_MAX * DAY_MS;
        let sketched = metrics.iter().find(|metric| metric.sketch().is_some());
        if let (true, Some(metric)) = (is_long, sketched) {
            let message = format!("{} needs at most {SKETCHED_DAYS_MAX} days", metric.name);
            return Err(invalid("time_range", message));
        }
        let mut warnings = Vec::new();
        let filter = self.filter(keyring, &mut warnings)?;
        let order = self.order(&metrics, &dimensions, granularity)?;
        let is_series = granularity.is_some() && !dimensions.is_empty();
        let (limit, group_limit) = self.limits(is_series)?;
        Ok(Question {
            metrics,
            dimensions,
            filter,
            granularity,
            range,
            order,
            limit,
            group_limit,
            warnings,
        })
    }

    fn metrics(&self) -> Result<Vec<&'static Metric>, Error> {
        let mut metrics: Vec<&'static Metric> = Vec::new();
        for name in &self.metrics {
            let metric = Metric::named(name).ok_or_else(|| {
                let names = METRICS.iter().map(|metric| metric.name);
                unknown("metrics", name, names)
            })?;
            if !metrics.iter().any(|known| known.name == metric.name) {
                metrics.push(metric);
            }
        }
        if metrics.is_empty() {
            return Err(invalid("metrics", "ask for one at least"));
        }
        Ok(metrics)
    }

    fn dimensions(&self) -> Result<Vec<&'static Dimensional>, Error> {
        if self.dimensions.len() > DIMENSIONS_MAX {
            let message = format!("more than {DIMENSIONS_MAX}");
            return Err(invalid("dimensions", message));
        }
        let mut dimensions: Vec<&'static Dimensional> = Vec::new();
        for name in &self.dimensions {
            let dimension = dimension("dimensions", name)?;
            if !dimensions.iter().any(|known| known.name == dimension.name) {
                dimensions.push(dimension);
            }
        }
        Ok(dimensions)
    }

    fn granularity(&self) -> Result<Option<Granularity>, Error> {
        let Some(name) = &self.granularity else {
            return Ok(None);
        };
        let found = Granularity::ALL.into_iter().find(|one| one.name() == name);
        let names = Granularity::ALL.map(Granularity::name).into_iter();
        found
            .map(Some)
            .ok_or_else(|| unknown("granularity", name, names))
    }

    /// What ends later than now ends with today: nothing is counted after now, and whole days are
    /// found faster.
    fn range(&self, now_ms: i64) -> Result<(i64, i64), Error> {
        let today = Granularity::Day.start_of(now_ms);
        let tonight = today.saturating_add(DAY_MS);
        let Some(range) = &self.time_range else {
            return Ok((today.saturating_sub((DAYS - 1) * DAY_MS), tonight));
        };
        let read = |field, text: &str| read_utc(text).map_err(|message| invalid(field, message));
        let start = read("time_range.start", &range.start)?;
        let end = read("time_range.end", &range.end)?;
        if start >= end {
            return Err(invalid("time_range", "start is not before end"));
        }
        let end = if end > now_ms { tonight } else { end };
        Ok((start.min(end), end))
    }

    fn limits(&self, is_series: bool) -> Result<(usize, usize), Error> {
        let read = |field, limit: Option<i64>| {
            let wrong = |limit| invalid(field, format!("{limit} is not from 1 to {ROWS_MAX}"));
            let read = |limit| {
                let rows = usize::try_from(limit).ok();
                let rows = rows.filter(|rows| (1..=ROWS_MAX).contains(rows));
                rows.ok_or_else(|| wrong(limit))
            };
            limit.map(read).transpose()
        };
        let limit = read("limit", self.limit)?;
        let group_limit = read("group_limit", self.group_limit)?;
        // A series that is cut at a row lacks its end.
        let usual = if is_series && group_limit.is_none() {
            ROWS_MAX
        } else {
            ROWS
        };
        Ok((limit.unwrap_or(usual), group_limit.unwrap_or(ROWS_MAX)))
    }

    fn order(
        &self,
        metrics: &[&'static Metric],
        dimensions: &[&'static Dimensional],
        granularity: Option<Granularity>,
    ) -> Result<Option<(Order, Direction)>, Error> {
        let Some(OrderBy { field, direction }) = &self.order_by else {
            return Ok(None);
        };
        let metric = metrics.iter().find(|metric| metric.name == field);
        let dimension = dimensions.iter().position(|one| one.name == field);
        let order = match (metric, dimension) {
            (Some(metric), _) => Order::Metric(metric),
            (None, Some(index)) => Order::Dimension(index),
            (None, None) if field == REQUEST_COUNT.name => Order::Metric(REQUEST_COUNT),
            (None, None) if field == "date" && granularity.is_some() => Order::Date,
            (None, None) => {
                let message = format!(
                    "\"{field}\" is no requested metric or dimension, nor request_count, nor date \
                     with a granularity"
                );
                return Err(invalid("order_by.field", message));
            }
        };
        Ok(Some((order, *direction)))
    }

    fn filter(&self, keyring: &Keyring, warnings: &mut Vec<String>) -> Result<FacetFilter, Error> {
        if self.filters.len() > FILTERS_MAX {
            return Err(invalid("filters", format!("more than {FILTERS_MAX}")));
        }
        let mut filter = FacetFilter::default();
        for asked in &self.filters {
            filter = asked.add_to(filter)?;
            warnings.extend(asked.unresolved(keyring)?);
        }
        Ok(filter)
    }
}

impl Filter {
    fn operator(&self) -> Result<Operator, Error> {
        let found = Operator::ALL
            .into_iter()
            .find(|one| one.name() == self.operator);
        let names = Operator::ALL.map(Operator::name).into_iter();
        found.ok_or_else(|| unknown("filters.operator", &self.operator, names))
    }

    /// The values, as they are in facets.
    fn values(&self, operator: Operator) -> Result<Vec<String>, Error> {
        let text = |one: &Scalar| match one {
            Scalar::Text(text) => text.clone(),
            Scalar::Number(number) => number.to_string(),
        };
        let values = match &self.value {
            Values::One(one) if !operator.is_of_list() => vec![text(one)],
            Values::Many(many) if operator.is_of_list() => many.iter().map(text).collect(),
            Values::One(_) | Values::Many(_) => {
                let wanted = if operator.is_of_list() {
                    "a list"
                } else {
                    "one value"
                };
                let message = format!("{} needs {wanted}", self.operator);
                return Err(invalid("filters.value", message));
            }
        };
        if values.len() > VALUES_MAX {
            let message = format!("more than {VALUES_MAX} values");
            return Err(invalid("filters.value", message));
        }
        Ok(values)
    }

    fn add_to(&self, filter: FacetFilter) -> Result<FacetFilter, Error> {
        let dimension = dimension("filters.field", &self.field)?;
        let operator = self.operator()?;
        let values = self.values(operator)?.into_iter();
        let mut values: Vec<String> = values.flat_map(|one| dimension.counted(one)).collect();
        if self.include_unset && !(operator.is_of_list() && dimension.has_unset) {
            let message = format!("{} {} has no unset values", self.field, self.operator);
            return Err(invalid("filters.include_unset", message));
        }
        Ok(match operator {
            Operator::Eq => filter.one_of(dimension.of, values),
            Operator::Neq => filter.none_of(dimension.of, values),
            Operator::In => {
                if self.include_unset {
                    values.push(String::new());
                }
                filter.one_of(dimension.of, values)
            }
            Operator::NotIn => {
                if dimension.has_unset && !self.include_unset {
                    values.push(String::new());
                }
                filter.none_of(dimension.of, values)
            }
            Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte => {
                let statuses = self.compared(operator, &values)?;
                filter.one_of(dimension.of, statuses)
            }
        })
    }

    /// The status lines for which a comparison holds; nothing else here is a number.
    fn compared(&self, operator: Operator, values: &[String]) -> Result<Vec<String>, Error> {
        let status = Dimensional::named(&self.field).filter(|one| one.of == Dimension::Status);
        if status.is_none() {
            let message = format!("{} has no order; only status has", self.field);
            return Err(invalid("filters.operator", message));
        }
        let bound: Option<f64> = values.first().and_then(|value| value.parse().ok());
        let bound = bound.ok_or_else(|| invalid("filters.value", "not a number"))?;
        let holds = |status: &i64| {
            let status = *status as f64;
            match operator {
                Operator::Gt => status > bound,
                Operator::Gte => status >= bound,
                Operator::Lt => status < bound,
                _ => status <= bound,
            }
        };
        Ok(STATUSES
            .filter(holds)
            .map(|status| status.to_string())
            .collect())
    }

    /// What is said of keys that are not known here.
    fn unresolved(&self, keyring: &Keyring) -> Result<Vec<String>, Error> {
        let dimension = dimension("filters.field", &self.field)?;
        if dimension.told != Told::Key {
            return Ok(Vec::new());
        }
        let values = self.values(self.operator()?)?.into_iter();
        let unknown = values.filter(|hash| keyring.get(&KeyHash::from_text(hash)).is_none());
        let said = |hash| format!("api_key_id: no key has the hash \"{hash}\" (any more)");
        Ok(unknown.map(said).collect())
    }
}

fn dimension(field: &str, name: &str) -> Result<&'static Dimensional, Error> {
    Dimensional::named(name).ok_or_else(|| {
        let names = DIMENSIONS.iter().map(|dimension| dimension.name);
        unknown(field, name, names)
    })
}

fn unknown<'a>(field: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect();
    invalid(field, format!("\"{name}\" is none of {}", known.join(", ")))
}
