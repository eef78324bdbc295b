//! The query of `GET /models`: the documented filters, sorting and pages, read and validated.
//!
//! Unknown names are ignored, as clients add their own; a known name with a value that cannot be
//! meant is a 400 that says what is expected. Empty values and `null` mean "not given".

use std::str::FromStr;

use chat::{Error, Kind, Modalities, Modality, Parameter, Parameters};
use ledger::Price;

/// The largest page.
pub const LIMIT_MAX: u64 = 1000;
/// The size of a page when only `offset` is given.
pub const LIMIT_DEFAULT: u64 = 500;

/// Use cases that OpenRouter sorts models into. Accepted; nothing is known about them here, so
/// they leave nothing out.
const CATEGORIES: [&str; 12] = [
    "programming",
    "roleplay",
    "marketing",
    "marketing/seo",
    "technology",
    "science",
    "translation",
    "legal",
    "finance",
    "health",
    "trivia",
    "academia",
];

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// What a model must fulfil.
    pub filter: Filter,
    /// In which order; by id when absent.
    pub sort: Option<Sort>,
    /// Which part; everything when absent.
    pub page: Option<Page>,
    /// As RSS instead of JSON.
    pub is_rss: bool,
    /// The whole catalog instead of what is usable here.
    pub is_all: bool,
}

/// Part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many to skip.
    pub offset: u64,
    /// How many to list, at most [`LIMIT_MAX`].
    pub limit: u64,
}

/// What a model must fulfil to be listed. Empty lists and absent bounds ask for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Lowercase words that id, name or description must contain.
    pub words: Vec<String>,
    /// Parameters that must all be supported.
    pub parameters: Parameters,
    /// Content that must all be taken.
    pub input: Modalities,
    /// Content of which some must be given; `None` asks for nothing.
    pub output: Option<Modalities>,
    /// Tokens of context, at least.
    pub context_min: Option<u64>,
    /// Price of input.
    pub prompt: Range<Price>,
    /// Price of output.
    pub completion: Range<Price>,
    /// Tokenizer group, lowercase.
    pub tokenizer: Option<String>,
    /// Authors, lowercase.
    pub authors: Vec<String>,
    /// Providers by slug or display name, lowercase.
    pub providers: Vec<String>,
    /// Only with an endpoint that keeps nothing.
    pub is_zdr: bool,
    /// Only with an endpoint in this region, lowercase.
    pub region: Option<String>,
    /// Days since release.
    pub age_days: Range<u64>,
    /// Whether something is asked for that is known of no model here (benchmarks, statistics, what
    /// authors allow): then none qualifies, because what is missing fulfils nothing.
    pub is_unmeasured: bool,
}

impl Default for Filter {
    /// Models that give text: what is listed when nothing is said.
    fn default() -> Self {
        Self {
            words: Vec::new(),
            parameters: Parameters::default(),
            input: Modalities::default(),
            output: Some(Modalities::TEXT),
            context_min: None,
            prompt: Range::default(),
            completion: Range::default(),
            tokenizer: None,
            authors: Vec::new(),
            providers: Vec::new(),
            is_zdr: false,
            region: None,
            age_days: Range::default(),
            is_unmeasured: false,
        }
    }
}

/// Bounds, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range<T> {
    /// At least.
    pub min: Option<T>,
    /// At most.
    pub max: Option<T>,
}

impl<T> Default for Range<T> {
    fn default() -> Self {
        Self {
            min: None,
            max: None,
        }
    }
}

impl<T: PartialOrd> Range<T> {
    /// Whether a value lies within. A missing value lies within no bound.
    pub fn admits(&self, value: Option<&T>) -> bool {
        match value {
            Some(value) => {
                self.min.as_ref().is_none_or(|min| min <= value)
                    && self.max.as_ref().is_none_or(|max| value <= max)
            }
            None => self.min.is_none() && self.max.is_none(),
        }
    }
}

/// The documented orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Mean of input and output price, cheapest first.
    PriceUp,
    /// The same, dearest first.
    PriceDown,
    /// Longest context first.
    Context,
    /// Latest release first.
    Newest,
    /// By a statistic or benchmark that nobody has measured here: all are last, in the order of
    /// their ids.
    Unmeasured,
}

const SORTS: [(&str, Sort); 12] = [
    ("pricing-low-to-high", Sort::PriceUp),
    ("pricing-high-to-low", Sort::PriceDown),
    ("context-high-to-low", Sort::Context),
    ("newest", Sort::Newest),
    ("throughput-high-to-low", Sort::Unmeasured),
    ("latency-low-to-high", Sort::Unmeasured),
    ("most-popular", Sort::Unmeasured),
    ("top-weekly", Sort::Unmeasured),
    ("intelligence-high-to-low", Sort::Unmeasured),
    ("coding-high-to-low", Sort::Unmeasured),
    ("agentic-high-to-low", Sort::Unmeasured),
    ("design-arena-elo-high-to-low", Sort::Unmeasured),
];

/// Reads a query from its decoded pairs; of a name given twice the last one counts.
///
/// # Errors
/// When a known name has a value that cannot be meant; the error names the field.
pub fn read(pairs: &[(String, String)]) -> Result<Query, Error> {
    let mut query = Query::default();
    let (mut offset, mut limit) = (None, None);
    for (name, value) in pairs {
        let field = Field { name, value };
        if value.is_empty() || value == "null" {
            continue;
        }
        match name.as_str() {
            "offset" => offset = Some(field.number()?),
            "limit" => limit = Some(field.number_from_one(LIMIT_MAX)?),
            "sort" => query.sort = Some(field.one_of(&SORTS)?),
            "use_rss" => query.is_rss = field.is_true()?,
            "all" => query.is_all = field.is_true()?,
            "category" => {
                field.one_of(&CATEGORIES.map(|category| (category, ())))?;
            }
            _ => read_filter(&mut query.filter, field)?,
        }
    }
    if offset.is_some() || limit.is_some() {
        query.page = Some(Page {
            offset: offset.unwrap_or(0),
            limit: limit.unwrap_or(LIMIT_DEFAULT),
        });
    }
    Ok(query)
}

fn read_filter(filter: &mut Filter, field: Field<'_>) -> Result<(), Error> {
    match field.name {
        "q" => {
            filter.words = field
                .value
                .to_lowercase()
                .split_whitespace()
                .map(str::to_owned)
                .collect()
        }
        "supported_parameters" => {
            filter.parameters = field.set("a parameter", Parameter::from_name)?
        }
        "input_modalities" => filter.input = field.set("a modality", Modality::from_name)?,
        "output_modalities" if field.value == "all" => filter.output = None,
        "output_modalities" => filter.output = Some(field.set("a modality", Modality::from_name)?),
        "context" => filter.context_min = Some(field.number_from_one(u64::MAX)?),
        "min_price" => filter.prompt.min = Some(field.price()?),
        "max_price" => filter.prompt.max = Some(field.price()?),
        "min_output_price" => filter.completion.min = Some(field.price()?),
        "max_output_price" => filter.completion.max = Some(field.price()?),
        "arch" => filter.tokenizer = Some(field.value.to_lowercase()),
        "model_authors" => filter.authors = field.list(),
        "providers" => filter.providers = field.list(),
        "distillable" => {
            field.is_true()?;
            filter.is_unmeasured = true; // the catalog does not know what authors allow
        }
        "zdr" => filter.is_zdr = field.is_true()?,
        "region" => filter.region = Some(field.one_of(&[("eu", "eu"), ("us", "us")])?.to_owned()),
        "min_age_days" => filter.age_days.min = Some(field.number()?),
        "max_age_days" => filter.age_days.max = Some(field.number()?),
        "min_intelligence_index"
        | "max_intelligence_index"
        | "min_coding_index"
        | "max_coding_index"
        | "min_agentic_index"
        | "max_agentic_index"
        | "min_tool_success_rate"
        | "max_tool_success_rate" => {
            field.price()?; // any decimal that is not negative
            filter.is_unmeasured = true;
        }
        _ => {}
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Field<'a> {
    name: &'a str,
    value: &'a str,
}

impl Field<'_> {
    fn refuse(self, expected: &str) -> Error {
        let Self { name, value } = self;
        // The caller sees its own text again, but not pages of it.
        let shown: String = value.chars().take(60).collect();
        Error::caller(
            Kind::InvalidRequest,
            format!("{name}: expected {expected}, not \"{shown}\""),
        )
        .with_field(name)
    }

    fn number<T: FromStr>(self) -> Result<T, Error> {
        self.value
            .parse()
            .map_err(|_| self.refuse("a whole number, not negative"))
    }

    fn number_from_one(self, max: u64) -> Result<u64, Error> {
        let number = self.number()?;
        if !(1..=max).contains(&number) {
            return Err(self.refuse(&format!("a number from 1 to {max}")));
        }
        Ok(number)
    }

    fn price(self) -> Result<Price, Error> {
        Price::from_usd_per_million(self.value).map_err(|_| self.refuse("a decimal, not negative"))
    }

    fn is_true(self) -> Result<bool, Error> {
        self.one_of(&[("true", true), ("false", false), ("1", true), ("0", false)])
    }

    fn one_of<T: Copy>(self, known: &[(&str, T)]) -> Result<T, Error> {
        let found = known.iter().find(|(name, _)| *name == self.value);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.refuse(&format!("one of {}", names.join(", ")))
        })
    }

    /// The parts between commas, lowercase.
    fn list(self) -> Vec<String> {
        self.value
            .split(',')
            .map(|part| part.trim().to_lowercase())
            .filter(|part| !part.is_empty())
            .collect()
    }

    fn set<T, S: FromIterator<T>>(
        self,
        what: &str,
        from_name: impl Fn(&str) -> Option<T>,
    ) -> Result<S, Error> {
        self.list()
            .iter()
            .map(|name| {
                from_name(name)
                    .ok_or_else(|| self.refuse(&format!("{what}, in a list with commas")))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(query: &str) -> Result<Query, Error> {
        let pairs: Vec<(String, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        read(&pairs)
    }

    #[test]
    fn nothing_asks_for_all_text_models_on_one_page() {
        let query = read_text("").unwrap();
        assert_eq!(query, Query::default());
        assert_eq!(query.filter.output, Some(Modalities::TEXT));
        assert_eq!(query.page, None);
    }

    #[test]
    fn pages_are_opt_in() {
        for (text, page) in [
            ("offset=10", Some((10, LIMIT_DEFAULT))),
            ("limit=3", Some((0, 3))),
            ("offset=4&limit=1000", Some((4, 1000))),
            ("offset=null", None),
        ] {
            let page = page.map(|(offset, limit)| Page { offset, limit });
            assert_eq!(read_text(text).unwrap().page, page, "{text}");
        }
    }

    #[test]
    fn values_that_cannot_be_meant_are_refused_by_field() {
        for text in [
            "limit=0",
            "limit=1001",
            "offset=-1",
            "sort=cheap",
            "category=poetry",
            "supported_parameters=tools,telepathy",
            "input_modalities=smell",
            "output_modalities=text,smell",
            "context=0",
            "min_price=-1",
            "max_output_price=cheap",
            "distillable=maybe",
            "region=mars",
            "max_age_days=1.5",
            "min_coding_index=good",
        ] {
            let field = text.split('=').next().unwrap();
            let error = read_text(text).expect_err(text);
            assert_eq!(error.kind, Kind::InvalidRequest);
            assert_eq!(error.metadata.unwrap().field.as_deref(), Some(field));
            assert!(error.message.starts_with(field), "{}", error.message);
        }
    }

    #[test]
    fn every_documented_parameter_is_understood() {
        let document: serde_json::Value =
            serde_json::from_str(include_str!("../../../openapi/models.json")).unwrap();
        let parameters = document["paths"]["/models"]["get"]["parameters"]
            .as_array()
            .unwrap();
        assert!(parameters.len() == 32, "{}", parameters.len());
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap();
            let values = parameter["schema"]["enum"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            for value in &values {
                let text = format!("{name}={}", value.as_str().unwrap());
                assert!(read_text(&text).is_ok(), "{text}");
            }
            let is_free_text = matches!(
                name,
                "q" | "arch" | "model_authors" | "providers" | "use_rss_chat_links"
            );
            // Every other name refuses nonsense, so each is read somewhere.
            let refused = read_text(&format!("{name}=~nonsense~")).is_err();
            assert_eq!(refused, !is_free_text, "{name}");
        }
    }

    #[test]
    fn a_missing_value_lies_within_no_bound() {
        let bounded = Range {
            min: Some(1),
            max: Some(3),
        };
        for (value, admitted) in [
            (None, false),
            (Some(0), false),
            (Some(1), true),
            (Some(3), true),
            (Some(4), false),
        ] {
            assert_eq!(bounded.admits(value.as_ref()), admitted, "{value:?}");
        }
        assert!(Range::<u64>::default().admits(None));
    }
}
