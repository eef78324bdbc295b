//! The configuration of a gateway that is measured.

use std::net::SocketAddr;

use crate::load::order::{Speech, Workload};

/// A credential that no provider knows; the simulator accepts every one.
const CREDENTIAL: &str = "not-a-secret";

/// A simulated provider for each dialect with one endpoint per workload, and every other setting as it comes.
pub(super) fn gateway(upstream: SocketAddr, workloads: &[Workload]) -> String {
    let mut text = "# Written by `make bench`.\n".to_owned();
    for (speech, slug, dialect) in [
        (Speech::Chat, "simulated", "openai-chat"),
        (Speech::Messages, "simulated-messages", "anthropic-messages"),
    ] {
        let its = |workload: &&Workload| workload.way.provider() == speech;
        let endpoints: Vec<&Workload> = workloads.iter().filter(its).collect();
        if !endpoints.is_empty() {
            text.push_str(&provider(upstream, (slug, dialect), &endpoints));
        }
    }
    text
}

fn provider(upstream: SocketAddr, who: (&str, &str), workloads: &[&Workload]) -> String {
    let mut text = head(upstream, who);
    for workload in workloads {
        text.push_str(&endpoint(
            who.0,
            &workload.model,
            &workload.upstream_model(),
        ));
    }
    text
}

fn head(upstream: SocketAddr, (slug, dialect): (&str, &str)) -> String {
    format!(
        "\n[providers.{slug}]\n\
         name = \"Simulated\"\n\
         dialects = [\"{dialect}\"]\n\
         base_url = \"http://{upstream}/v1\"\n\
         credential = \"{CREDENTIAL}\"\n"
    )
}

fn endpoint(slug: &str, model: &str, upstream_model: &str) -> String {
    format!(
        "\n[[providers.{slug}.endpoints]]\n\
         model = \"{model}\"\n\
         upstream_model = \"{upstream_model}\"\n\
         context_length = 1000000\n\
         max_completion_tokens = 200000\n\
         price = {{ input = \"0.10\", output = \"0.30\" }}\n"
    )
}

/// A second provider that serves these as well.
pub(crate) fn second(upstream: SocketAddr, workloads: &[Workload]) -> String {
    let workloads: Vec<&Workload> = workloads.iter().collect();
    provider(upstream, ("second", "openai-chat"), &workloads)
}

/// So many endpoints of models that nobody asks for.
pub(super) fn elsewhere(upstream: SocketAddr, endpoints: usize) -> String {
    let mut text = head(upstream, ("elsewhere", "openai-chat"));
    for index in 0..endpoints {
        text.push_str(&endpoint(
            "elsewhere",
            &format!("elsewhere/model-{index}"),
            &format!("model-{index}"),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::order::{Form, Way};

    #[test]
    fn the_configuration_has_a_row_per_workload() {
        let workload = |model: &str, script: &str, way| {
            let script = script.to_owned();
            Workload {
                name: "x",
                model: model.to_owned(),
                script,
                body_bytes: 1024,
                form: Form::Whole,
                way,
            }
        };
        let workloads = [
            workload("simulated/a", "tokens=9", Way::Chat),
            workload("simulated/b", "chunks=2", Way::MessagesToChat),
            workload("simulated/c", "chunks=2", Way::ChatToMessages),
        ];
        let text = gateway("127.0.0.1:4010".parse().unwrap(), &workloads);
        assert!(
            text.contains("base_url = \"http://127.0.0.1:4010/v1\""),
            "{text}"
        );
        assert!(text.contains("model = \"simulated/b\"\nupstream_model = \"bench!chunks=2\""));
        assert_eq!(text.matches("[[providers.simulated.endpoints]]").count(), 2);
        assert_eq!(
            text.matches("[[providers.simulated-messages.endpoints]]")
                .count(),
            1
        );
    }

    #[test]
    fn endpoints_that_nobody_asks_for_are_as_many_as_wanted() {
        let text = elsewhere("127.0.0.1:4010".parse().unwrap(), 3);
        assert_eq!(text.matches("[[providers.elsewhere.endpoints]]").count(), 3);
        assert!(text.contains("model = \"elsewhere/model-2\"\nupstream_model = \"model-2\""));
    }
}
