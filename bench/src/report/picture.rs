//! Bar charts as SVG, written by hand: they need no program to draw and can be read as text.

use std::fmt::Write as _;

use super::Report;
use super::figures::Loop;
use super::number::{grouped, ms, us};

const WIDTH: u64 = 760;
const LABEL_WIDTH: u64 = 330;
const VALUE_WIDTH: u64 = 90;
const ROW_HEIGHT: u64 = 26;
const TOP: u64 = 48;

/// A picture and the file it belongs in.
pub(super) struct Picture {
    pub(super) file: &'static str,
    pub(super) title: &'static str,
    pub(super) svg: String,
}

/// One bar.
struct Bar {
    label: String,
    length: u64,
    /// The value as it is written behind the bar.
    value: String,
}

/// The pictures that the report has figures for.
pub(super) fn pictures(report: &Report) -> Vec<Picture> {
    let closed = report.loads.iter().filter(|load| load.how == Loop::Closed);
    let throughput = closed.clone().map(|load| {
        let calls = load.median.calls_per_second;
        let label = format!("{}, {}", load.workload, load.subject);
        Bar {
            label,
            length: calls,
            value: grouped(calls),
        }
    });
    let open = report.loads.iter().filter(|load| load.how != Loop::Closed);
    let latency = open.flat_map(|load| {
        let latency = load.median.latency;
        [("p50", latency.p50_us), ("p99", latency.p99_us)].map(|(name, length)| Bar {
            label: format!("{}, {}, {name}", load.workload, load.subject),
            length,
            value: ms(length),
        })
    });
    let processor = closed.filter_map(|load| {
        let length = load.median.processor.subject_ns?;
        Some(Bar {
            label: format!("{}, {}", load.workload, load.subject),
            length,
            value: us(length),
        })
    });
    let rows = [
        (
            "throughput.svg",
            "Calls per second, closed loop",
            throughput.collect::<Vec<_>>(),
        ),
        (
            "latency.svg",
            "Latency from the intended send, open loop, ms",
            latency.collect(),
        ),
        ("processor.svg", "CPU per call, µs", processor.collect()),
    ];
    let rows = rows.into_iter().filter(|(_, _, bars)| !bars.is_empty());
    rows.map(|(file, title, bars)| Picture {
        file,
        title,
        svg: chart(title, &bars),
    })
    .collect()
}

fn chart(title: &str, bars: &[Bar]) -> String {
    let height = TOP + ROW_HEIGHT * bars.len() as u64 + 12;
    let longest = bars.iter().map(|bar| bar.length).max().unwrap_or(0).max(1);
    let room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>{0}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"28\" font-size=\"16\" font-weight=\"bold\">{0}</text>\n",
        escaped(title)
    );
    for (index, bar) in bars.iter().enumerate() {
        let y = TOP + ROW_HEIGHT * index as u64;
        // A bar of its true length, or of one unit where that would not be seen.
        let length = (u128::from(bar.length) * u128::from(room) / u128::from(longest)).max(1);
        let (label_x, value_x) = (LABEL_WIDTH - 10, u128::from(LABEL_WIDTH) + length + 8);
        let baseline = y + 16;
        let row = format!(
            "<text x=\"{label_x}\" y=\"{baseline}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABEL_WIDTH}\" y=\"{}\" width=\"{length}\" height=\"16\" fill=\"#2f6f8f\"/>\
             <text x=\"{value_x}\" y=\"{baseline}\">{}</text>",
            escaped(&bar.label),
            y + 3,
            escaped(&bar.value),
        );
        let _ = writeln!(svg, "{row}"); // Writing to a String cannot fail.
    }
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, length: u64) -> Bar {
        Bar {
            label: label.to_owned(),
            length,
            value: grouped(length),
        }
    }

    #[test]
    fn bars_are_as_long_as_their_share_of_the_longest() {
        let svg = chart("t", &[bar("a", 1000), bar("b", 500), bar("c", 0)]);
        let room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
        for length in [room, room / 2, 1] {
            assert!(
                svg.contains(&format!("width=\"{length}\" height=\"16\"")),
                "{length}: {svg}"
            );
        }
    }

    #[test]
    fn labels_cannot_break_the_picture() {
        let svg = chart("a < b & c", &[bar("<x>", 1)]);
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("&lt;x&gt;"));
        assert!(!svg.contains("<x>"));
    }

    #[test]
    fn a_chart_of_nothing_but_zeros_does_not_divide_by_zero() {
        assert!(chart("t", &[bar("a", 0)]).ends_with("</svg>\n"));
    }
}
