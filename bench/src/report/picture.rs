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
const CAPTION_HEIGHT: u64 = 34;
const INK: &str = "#223";
const OURS: &str = "#2f6f8f";
const OTHERS: &str = "#b4bcc4";

/// A picture and the file it belongs in.
pub(super) struct Picture {
    pub(super) file: &'static str,
    pub(super) title: &'static str,
    pub(super) svg: String,
}

/// One bar.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) length: u64,
    /// The value as it is written behind the bar.
    pub(super) value: String,
    /// Whether it is drawn as ours where others are beside it.
    pub(super) is_ours: bool,
}

/// Bars that are compared with each other.
pub(super) struct Panel {
    pub(super) caption: String,
    pub(super) bars: Vec<Bar>,
}

/// The pictures that the report has figures for.
pub(super) fn pictures(report: &Report) -> Vec<Picture> {
    let closed = report
        .measured
        .loads
        .iter()
        .filter(|load| load.how == Loop::Closed);
    let throughput = closed.clone().map(|load| {
        let calls = load.median.calls_per_second;
        let label = format!("{}, {}", load.workload, load.subject);
        Bar {
            label,
            length: calls,
            value: grouped(calls),
            is_ours: true,
        }
    });
    let open = report
        .measured
        .loads
        .iter()
        .filter(|load| load.how != Loop::Closed);
    let latency = open.flat_map(|load| {
        let latency = load.median.latency;
        [("p50", latency.p50_us), ("p99", latency.p99_us)].map(|(name, length)| Bar {
            label: format!("{}, {}, {name}", load.workload, load.subject),
            length,
            value: ms(length),
            is_ours: true,
        })
    });
    let processor = closed.filter_map(|load| {
        let length = load.median.processor.subject_ns?;
        Some(Bar {
            label: format!("{}, {}", load.workload, load.subject),
            length,
            value: us(length),
            is_ours: true,
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
        svg: chart(title, bars),
    })
    .collect()
}

fn chart(title: &str, bars: Vec<Bar>) -> String {
    let panel = Panel {
        caption: String::new(),
        bars,
    };
    panels(title, &[panel], "")
}

/// Panels below one another; in each the longest bar fills its room.
pub(super) fn panels(title: &str, panels: &[Panel], footer: &str) -> String {
    let (mut rows, mut y) = (String::new(), TOP);
    for panel in panels {
        if !panel.caption.is_empty() {
            let baseline = y + CAPTION_HEIGHT - 10;
            let caption = escaped(&panel.caption);
            let _ = writeln!(
                rows,
                "<text x=\"12\" y=\"{baseline}\" fill=\"{INK}\">{caption}</text>"
            );
            y += CAPTION_HEIGHT;
        }
        let longest = panel
            .bars
            .iter()
            .map(|bar| bar.length)
            .max()
            .unwrap_or(0)
            .max(1);
        for bar in &panel.bars {
            row(&mut rows, bar, (y, longest));
            y += ROW_HEIGHT;
        }
    }
    if !footer.is_empty() {
        y += ROW_HEIGHT;
        let (baseline, footer) = (y - 8, escaped(footer));
        let _ = writeln!(
            rows,
            "<text x=\"12\" y=\"{baseline}\" font-size=\"11\" fill=\"#667\">{footer}</text>"
        );
    }
    let height = y + 12;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>{0}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"28\" font-size=\"16\" font-weight=\"bold\" fill=\"{INK}\">{0}</text>\n{rows}</svg>\n",
        escaped(title)
    )
}

fn row(svg: &mut String, bar: &Bar, (y, longest): (u64, u64)) {
    let room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
    // A bar of its true length, or of one unit where that would not be seen.
    let length = (u128::from(bar.length) * u128::from(room) / u128::from(longest)).max(1);
    let (label_x, value_x) = (LABEL_WIDTH - 10, u128::from(LABEL_WIDTH) + length + 8);
    let colour = if bar.is_ours { OURS } else { OTHERS };
    let baseline = y + 16;
    let row = format!(
        "<text x=\"{label_x}\" y=\"{baseline}\" text-anchor=\"end\" fill=\"{INK}\">{}</text>\
         <rect x=\"{LABEL_WIDTH}\" y=\"{}\" width=\"{length}\" height=\"16\" fill=\"{colour}\"/>\
         <text x=\"{value_x}\" y=\"{baseline}\" fill=\"{INK}\">{}</text>",
        escaped(&bar.label),
        y + 3,
        escaped(&bar.value),
    );
    let _ = writeln!(svg, "{row}"); // Writing to a String cannot fail.
}

/// Points as a line over time, from zero up: a leak is a slope.
pub(super) fn curve(title: &str, (across, up): (&str, &str), points: &[(u64, u64)]) -> String {
    const HEIGHT: u64 = 260;
    const LEFT: u64 = 70;
    let (right, bottom) = (WIDTH - 20, HEIGHT - 40);
    let end = points.iter().map(|point| point.0).max().unwrap_or(0).max(1);
    let most = points.iter().map(|point| point.1).max().unwrap_or(0).max(1);
    let places: Vec<String> = points
        .iter()
        .map(|(x, y)| {
            let x = LEFT + x * (right - LEFT) / end;
            format!("{x},{}", bottom - y * (bottom - TOP) / most)
        })
        .collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>{0}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"28\" font-size=\"16\" font-weight=\"bold\" fill=\"{INK}\">{0}</text>\n\
         <text x=\"12\" y=\"{TOP}\" fill=\"{INK}\">{most} {1}</text>\n\
         <text x=\"12\" y=\"{bottom}\" fill=\"{INK}\">0</text>\n\
         <text x=\"{right}\" y=\"{2}\" text-anchor=\"end\" fill=\"{INK}\">{end} {3}</text>\n\
         <line x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{right}\" y2=\"{bottom}\" stroke=\"{OTHERS}\"/>\n\
         <polyline points=\"{4}\" fill=\"none\" stroke=\"{OURS}\" stroke-width=\"2\"/>\n</svg>\n",
        escaped(title),
        escaped(up),
        HEIGHT - 16,
        escaped(across),
        places.join(" "),
    )
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
            is_ours: true,
        }
    }

    #[test]
    fn bars_are_as_long_as_their_share_of_the_longest() {
        let svg = chart("t", vec![bar("a", 1000), bar("b", 500), bar("c", 0)]);
        let room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
        for length in [room, room / 2, 1] {
            assert!(
                svg.contains(&format!("width=\"{length}\" height=\"16\"")),
                "{length}: {svg}"
            );
        }
    }

    #[test]
    fn a_curve_begins_at_zero_and_fills_its_room() {
        let svg = curve("t", ("s", "MiB"), &[(0, 50), (10, 100)]);
        assert!(svg.contains("points=\"70,134 740,48\""), "{svg}");
        assert!(curve("t", ("s", "MiB"), &[]).contains("points=\"\""));
    }

    #[test]
    fn labels_cannot_break_the_picture() {
        let svg = chart("a < b & c", vec![bar("<x>", 1)]);
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("&lt;x&gt;"));
        assert!(!svg.contains("<x>"));
    }

    #[test]
    fn a_chart_of_nothing_but_zeros_does_not_divide_by_zero() {
        assert!(chart("t", vec![bar("a", 0)]).ends_with("</svg>\n"));
    }
}
