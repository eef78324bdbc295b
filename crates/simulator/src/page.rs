//! The page a person finds at `/`: that all of this is simulated, who is here, and how to script it.

use crate::persona::Persona;
use crate::script::GRAMMAR;

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<title>Simulated provider</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;\
margin:2rem auto;padding:0 1rem}td,th{text-align:left;vertical-align:top;padding:.15rem .8rem .15rem 0}\
code{font-size:.9em}</style></head><body><h1>Simulated provider</h1>\
<p><strong>Nothing here is a real model.</strong> This is the Waybill simulator: every answer, every token \
count and every failure is scripted.</p>";

const SCRIPTING: &str = "<h2>Scripting</h2><p>Write a script after a <code>!</code> in the model name \
(<code>gpt-sim!delay=200ms,chunks=100</code>), send it in the header <code>x-simulate</code>, or \
<code>POST /script</code> <code>{\"model\":\"gpt-sim\",\"script\":\"status=429\",\"times\":1}</code>. \
<code>GET /ledger</code> shows what was asked and served.</p><table><tr><th>example</th><th>does</th></tr>";

pub(crate) fn html(personas: &[Persona]) -> String {
    let mut page = HEAD.to_owned();
    if !personas.is_empty() {
        page.push_str("<h2>Simulated providers</h2><table>");
        for persona in personas {
            let cells =
                [&persona.name, &persona.base_url, &persona.script.label].map(|t| escaped(t));
            page.push_str(&format!(
                "<tr><td>{}</td><td><code>{}</code></td><td><code>{}</code></td></tr>",
                cells[0], cells[1], cells[2]
            ));
        }
        page.push_str("</table>");
    }
    page.push_str(SCRIPTING);
    for row in GRAMMAR {
        page.push_str(&format!(
            "<tr><td><code>{}</code></td><td>{}</td></tr>",
            escaped(row.example),
            escaped(row.meaning)
        ));
    }
    page.push_str("</table></body></html>");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
