//! What a search of the caller's has found, and the model is to answer from.

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchResult {
    /// Its address, or another name of the place where it was found.
    pub source: String,
    /// Its title.
    pub title: String,
    /// What it says: an answer that cites it says which of these texts.
    pub texts: Vec<String>,
    /// Whether the answer is to say what it takes from it.
    pub is_cited: bool,
}

impl SearchResult {
    /// As one text, for models that know no such things: title, source and texts, a line each.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let lines = [&self.title, &self.source].into_iter().chain(&self.texts);
        for line in lines.filter(|line| !line.is_empty()) {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_text_it_says_everything_but_that_it_is_to_be_cited() {
        let found = SearchResult {
            source: "https://x.test/tides".to_owned(),
            title: String::new(),
            texts: vec!["Low at six.".to_owned(), "High at noon.".to_owned()],
            is_cited: true,
        };
        let text = "https://x.test/tides\nLow at six.\nHigh at noon.\n";
        assert_eq!(found.to_text(), text);
    }
}
