//! `waybill-simulator`: the simulated provider as a program of its own, for tests in other languages.

use std::io::{self, Write};
use std::process::ExitCode;

use simulator::{Options, Simulator};

const USAGE: &str = "usage: waybill-simulator [--listen ADDR] [--key KEY] [--ledger-entries N] [--threads N]
Starts a simulated provider and prints where it is as one line of JSON. ADDR is 127.0.0.1:0 unless told.
";

struct Arguments {
    listen: String,
    threads: Option<usize>,
    options: Options,
}

fn main() -> ExitCode {
    let arguments = match read_arguments(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return say(USAGE),
        Err(error) => {
            let _ = write!(io::stderr(), "waybill-simulator: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "waybill-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read_arguments(mut given: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut arguments = Arguments {
        listen: "127.0.0.1:0".to_owned(),
        threads: None,
        options: Options::default(),
    };
    while let Some(name) = given.next() {
        if name == "--help" || name == "-h" {
            return Ok(None);
        }
        let value = given
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        let number = || {
            value
                .parse::<usize>()
                .map_err(|_| format!("{name} needs a number"))
        };
        match name.as_str() {
            "--listen" => arguments.listen = value,
            "--key" => arguments.options.key = Some(value),
            "--ledger-entries" => arguments.options.limits.entries = number()?,
            "--threads" => arguments.threads = Some(number()?.max(1)),
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    Ok(Some(arguments))
}

fn run(arguments: Arguments) -> io::Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = arguments.threads {
        builder.worker_threads(threads);
    }
    let runtime = builder.enable_all().build()?;
    runtime.block_on(async {
        let simulator = Simulator::start_with(arguments.listen, arguments.options).await?;
        let personas: serde_json::Map<String, serde_json::Value> = simulator
            .personas()
            .iter()
            .map(|persona| (persona.slug.clone(), persona.base_url.as_str().into()))
            .collect();
        let line = serde_json::json!({
            "simulated": true,
            "listen": simulator.addr().to_string(),
            "url": simulator.root_url(),
            "base_url": simulator.base_url(),
            "personas": personas,
        });
        let mut out = io::stdout();
        writeln!(out, "{line}")?;
        out.flush()?;
        tokio::signal::ctrl_c().await?;
        simulator.shutdown().await;
        Ok(())
    })
}

fn say(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
