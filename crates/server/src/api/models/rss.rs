//! The list of models as an RSS 2.0 feed.

use std::fmt::Write as _;

use jiff::fmt::rfc2822::DateTimePrinter;

/// The media type of the feed.
pub const CONTENT_TYPE: &str = "application/rss+xml; charset=utf-8";

/// One model in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<'a> {
    /// Display name.
    pub title: &'a str,
    /// Id of the model; what makes the item one.
    pub id: &'a str,
    /// In a sentence.
    pub description: String,
    /// Release, Unix seconds, where known.
    pub released: Option<i64>,
}

/// The feed of a server at `public_url`.
#[must_use]
pub fn feed<'a>(public_url: &str, items: impl Iterator<Item = Item<'a>>) -> String {
    let url = escape(public_url.trim_end_matches('/'));
    let mut feed = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\">\n<channel>\n\
         <title>Models</title>\n<link>{url}/api/v1/models</link>\n\
         <description>Models that can be called through this Waybill</description>\n"
    );
    // Writing to a String cannot fail.
    for item in items {
        let id = escape(item.id);
        let _ = write!(
            feed,
            "<item>\n<title>{}</title>\n<link>{url}/api/v1/models/{id}/endpoints</link>\n\
             <guid isPermaLink=\"false\">{id}</guid>\n<description>{}</description>\n",
            escape(item.title),
            escape(&item.description),
        );
        if let Some(date) = item.released.and_then(rfc_822) {
            let _ = writeln!(feed, "<pubDate>{date}</pubDate>");
        }
        feed.push_str("</item>\n");
    }
    feed.push_str("</channel>\n</rss>\n");
    feed
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A Unix time as RSS wants it: `Thu, 01 Jan 1970 00:00:00 GMT`.
fn rfc_822(unix_seconds: i64) -> Option<String> {
    let at = jiff::Timestamp::from_second(unix_seconds).ok()?;
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feed_is_escaped_and_has_one_item_per_model() {
        let item = Item {
            title: "A & <B>",
            id: "acme/one",
            description: "\"text\"".to_owned(),
            released: Some(0),
        };
        let feed = feed("http://x/", [item].into_iter());
        assert!(feed.contains("<title>A &amp; &lt;B&gt;</title>"), "{feed}");
        assert!(feed.contains("<link>http://x/api/v1/models/acme/one/endpoints</link>"));
        assert!(feed.contains("<pubDate>Thu, 01 Jan 1970"));
        assert_eq!(feed.matches("<item>").count(), 1);
    }
}
