# Everything a person types here. `make` alone lists it.
# Pass more to a command with ARGS, e.g. `make run ARGS="--listen 0.0.0.0:8080"`.

SHELL := /bin/bash
# Rust is often installed for one shell only; look where rustup puts it.
export PATH := $(PATH):$(HOME)/.cargo/bin
ARGS ?=
BASELINE := bench/baseline.json
PICTURE := docs/pictures/performance.svg

.DEFAULT_GOAL := help
.PHONY: help run demo console test test-engine fuzz bench bench-check bench-keep soak lint fmt

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

run: console ## Build Waybill with its console and start it here (SQLite in ./data)
	@scripts/need cargo cc
	cargo build --release --locked -p server --bin waybill
	@exec cargo run --quiet --release --locked -p server --bin waybill -- serve $(ARGS)

demo: console ## The same with simulated providers: every feature, no provider's key
	@scripts/need cargo cc
	cargo build --release --locked -p server --bin waybill --features demo
	@exec cargo run --quiet --release --locked -p server --bin waybill --features demo -- demo $(ARGS)

console: ## Build the console alone, for the next `cargo build` to take in
	@scripts/console build

test: ## Set up and run every test (PostgreSQL, Valkey and real clients included)
	@scripts/test.sh

test-engine: ## A real inference engine behind Waybill (installs about 350 MB)
	@scripts/need cargo cc python
	@tests/engine/run $(ARGS)

fuzz: ## Fuzz decoders, editor and readers (ARGS="SECONDS TARGET…", 60 s each)
	@scripts/need cargo cc cxx
	@scripts/fuzz $(or $(ARGS),60)

bench: ## Run the benchmarks and write a report (ARGS="--quick", "--others", …)
	@scripts/need cargo cc python
	@scripts/need nginx || echo "measured without nginx as the reference" >&2
	@exec cargo run --release --locked -p bench -- $(ARGS)

bench-check: ## The same, and say what moved by more than 5 % against the kept baseline
	@exec $(MAKE) --no-print-directory bench ARGS="--check $(BASELINE) $(ARGS)"

bench-keep: ## The same with other gateways; keeps the baseline and README's picture
	@exec $(MAKE) --no-print-directory bench ARGS="--others --keep $(BASELINE) --picture $(PICTURE) $(ARGS)"

soak: ## An hour of calls, faults, new keys and catalogs (ARGS="--minutes 5")
	@scripts/need cargo cc
	@exec cargo run --release --locked -p bench -- soak $(ARGS)

lint: ## Formatting, clippy with warnings denied, dependency rules
	@scripts/need cargo cc python rustfmt clippy
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	scripts/check-dependencies
	@# The fuzz targets are a workspace of their own, whose code and lock file have to follow ours.
	cargo clippy --locked --manifest-path fuzz/Cargo.toml --target-dir target -- -D warnings

fmt: ## Format the Rust code
	@scripts/need cargo rustfmt
	cargo fmt --all
