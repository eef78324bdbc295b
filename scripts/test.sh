#!/usr/bin/env bash
# Sets up everything and runs every test; `make test` and `.ci/run` end here.
#
# Rust's tests first, with real PostgreSQL and Valkey servers behind them, then the real clients of
# the field and a browser against `waybill demo`, then a short fuzzing, then the books of servers that
# are killed, then what the SDKs of providers say of our requests, then what collectors and
# destinations are told. All of it runs even when a part fails; the exit status tells.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:$HOME/.cargo/bin"

scripts/need cargo cc cxx python node chromium || exit 1

# The console is part of the binary, so that it is built before anything else is.
scripts/console build || exit 1

rust_tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        scripts/with-services cargo nextest run --workspace --all-features --locked --no-fail-fast
    else
        scripts/with-services cargo test --workspace --all-features --locked --no-fail-fast
    fi
}

status=0
rust_tests || { status=1; echo "waybill: Rust tests failed" >&2; }
scripts/test-clients || { status=1; echo "waybill: client tests failed" >&2; }
scripts/console test || { status=1; echo "waybill: the console's tests failed" >&2; }
scripts/fuzz 10 || { status=1; echo "waybill: fuzzing found something" >&2; }
scripts/with-services tests/money/run || { status=1; echo "waybill: the books were not proved" >&2; }
tests/validators/run || { status=1; echo "waybill: SDKs would not have written what we write" >&2; }
tests/telemetry/run || { status=1; echo "waybill: what others are told is not as it should be" >&2; }
tests/routing/run || { status=1; echo "waybill: load does not move as it should" >&2; }
exit $status
