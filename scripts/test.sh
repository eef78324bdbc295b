#!/usr/bin/env bash
# Sets up everything and runs every test; `make test` and `.ci/run` end here.
#
# Rust's tests first, with real PostgreSQL and Valkey servers behind them, then the real clients of
# the field and a browser against `waybill demo`, then a short fuzzing, then the books of servers that
# are killed, then what the SDKs of providers say of our requests, then what collectors and
# destinations are told. All of it runs even when a part fails. The last lines say how each part
# ended and repeat what failed, for whoever sees only the end; target/tests/ has all that was said.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:$HOME/.cargo/bin"
logs=target/tests

scripts/need cargo cc cxx python node chromium promtool || exit 1
mkdir -p $logs

# The console is part of the binary, so that it is built before anything else is.
scripts/console build || exit 1

rust_tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        scripts/with-services cargo nextest run --workspace --all-features --locked --no-fail-fast
    else
        scripts/with-services cargo test --workspace --all-features --locked --no-fail-fast
    fi
}

# A log's lines that name a failure in the words of one of our runners; failing that, its end.
what_failed() {
    grep -aE '^ *(FAIL|TIMEOUT|SIG[A-Z]+|TRY [0-9]+ FAIL|not ok|failed|✘|[0-9]+\) \[)|^(test .* FAILED|FAILED )|panicked at|^error' "$1" |
        sort -u | head -n 12 | grep . || tail -n 8 "$1"
}

summary=()
status=0
# part NAME COMMAND…: runs a part of the tests and notes how it ended.
part() {
    local name=$1 from=$SECONDS
    shift
    if "$@" 2>&1 | tee "$logs/$name.log"; then
        summary+=("ok      $name ($((SECONDS - from)) s)")
    else
        status=1
        summary+=("failed  $name ($((SECONDS - from)) s)" "$(what_failed "$logs/$name.log" | cut -c 1-200 | sed 's/^ */        /')")
    fi
}

part rust rust_tests
part clients scripts/test-clients
part console scripts/console test
part fuzz scripts/fuzz 10
part money scripts/with-services tests/money/run
part validators tests/validators/run
part telemetry scripts/with-services tests/telemetry/run
part routing tests/routing/run

echo "waybill: the tests, part by part"
printf '%s\n' "${summary[@]}"
exit $status
