//! The table and the picture.

use std::fmt::Write as _;

use crate::day::Result;
use crate::policy::Kind;

/// The report as Markdown.
pub(crate) fn markdown(results: &[Result], seed: u64, hours: i64) -> String {
    let mut text = format!(
        "# Routing, simulated\n\n\
         {hours} hours of traffic (agents whose prompts grow, chats, batches) over eight endpoints of one model, \
         once for each policy, with the same callers, the same troubles and the same luck (seed {seed}).\n\
         Made by `cargo run --release -p bench --bin routing -- --write docs`; nothing in it is measured on a network.\n\n\
         ![Cost of a day by policy](routing-simulation.svg)\n"
    );
    for fleet in ["calm", "stormy"] {
        let _ = write!(
            text,
            "\n## A {fleet} day\n\n\
             | Policy | Turns answered | Cost, USD | Prompt tokens cached | First token p50, p99 (ms) | Wasted attempts | Bad tool calls |\n\
             |---|---|---|---|---|---|---|\n"
        );
        for result in results.iter().filter(|result| result.fleet == fleet) {
            let _ = writeln!(
                text,
                "| {} | {:.2} % of {} | {:.2} | {:.1} % | {}, {} | {} ({:.1} %) | {} |",
                result.policy.name(),
                result.success() * 100.0,
                result.turns,
                result.cost(),
                result.cached() * 100.0,
                result.first_token(500),
                result.first_token(990),
                result.wasted,
                result.wasted as f64 * 100.0 / result.calls.max(1) as f64,
                result.bad_tools,
            );
        }
    }
    let noticed = results.iter().filter(|result| result.policy == Kind::Ours);
    let noticed = noticed
        .map(|result| result.calls_to_notice)
        .max()
        .unwrap_or(0);
    let _ = write!(
        text,
        "\nAn endpoint that had died was known to be out after {noticed} failed calls at most.\n\n\
         The stormy day: the maker is dead for 24 and 30 minutes and takes 90 calls a minute, a cloud fails 30 % of \
         calls for three hours, another slows down fifteenfold, the cheapest endpoint breaks 45 % of its tool calls, \
         one host fails 2 % all day and another takes 20 calls a minute.\n\
         A turn whose tool calls are broken is asked again, and paid for again.\n\
         OpenRouter's default is modelled as its guides document it: 1/price² over list prices, outages of the last 30 \
         seconds last, sticky sessions, tool tiers once an endpoint has 200 calls with tools in two hours; what the \
         guides leave open may differ.\n"
    );
    text
}

const WIDTH: f64 = 760.0;
const LABEL: f64 = 300.0;
const ROW: f64 = 26.0;

/// Cost by policy as bars.
pub(crate) fn picture(results: &[Result]) -> String {
    let most = results.iter().map(Result::cost).fold(1.0, f64::max);
    let height = 60.0 + ROW * results.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"26\" font-size=\"15\" fill=\"#1f2328\">Cost of a simulated day, USD (less is better)</text>\n"
    );
    for (row, result) in results.iter().enumerate() {
        let y = 44.0 + ROW * row as f64;
        let length = (WIDTH - LABEL - 90.0) * result.cost() / most;
        let colour = if result.policy == Kind::Ours {
            "#0969da"
        } else {
            "#afb8c1"
        };
        let _ = writeln!(
            svg,
            "<text x=\"12\" y=\"{:.0}\" fill=\"#1f2328\">{}, {}</text>\
             <rect x=\"{LABEL}\" y=\"{y:.0}\" width=\"{length:.0}\" height=\"18\" rx=\"3\" fill=\"{colour}\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\" fill=\"#59636e\">{:.2}</text>",
            y + 14.0,
            result.fleet,
            result.policy.name(),
            LABEL + length + 8.0,
            y + 14.0,
            result.cost(),
        );
    }
    svg.push_str("</svg>\n");
    svg
}
