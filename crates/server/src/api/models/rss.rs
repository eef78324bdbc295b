//! The list of models as an RSS 2.0 feed.

use std::fmt::Write as _;

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
        if let Some(released) = item.released {
            let _ = writeln!(feed, "<pubDate>{}</pubDate>", rfc_822(released));
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

/// A Unix time as RFC 822 wants it, with a four-digit year: `Thu, 01 Jan 1970 00:00:00 GMT`.
fn rfc_822(unix_seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let days = unix_seconds.div_euclid(86_400);
    let second = unix_seconds.rem_euclid(86_400);
    let (year, month, day) = civil(days);
    let name = |names: &[&'static str], index: i64| {
        let index = usize::try_from(index).unwrap_or(0);
        names.get(index).copied().unwrap_or("")
    };
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        name(&DAYS, days.rem_euclid(7)),
        name(&MONTHS, month - 1),
        second / 3600,
        second / 60 % 60,
        second % 60,
    )
}

/// Year, month and day of a count of days since 1 January 1970, in the Gregorian calendar.
///
/// The year is taken to begin in March, so that the leap day is its last and months have a
/// regular pattern of 153 days per five.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_PER_ERA: i64 = 146_097; // 400 years
    let since_march_year_zero = days + 719_468;
    let era = since_march_year_zero.div_euclid(DAYS_PER_ERA);
    let day_of_era = since_march_year_zero.rem_euclid(DAYS_PER_ERA);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / (DAYS_PER_ERA - 1);
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_164_799, "Wed, 28 Feb 2024 23:59:59 GMT"),
            (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        ] {
            assert_eq!(rfc_822(seconds), text);
        }
    }

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
