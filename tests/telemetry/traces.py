"""Traces and metrics by OTLP."""

import time

from collector import Grpc, Http, attributes
from house import MODEL, House

PARENT_TRACE, PARENT_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{PARENT_TRACE}-{PARENT_SPAN}"
SERVER, CLIENT, ERROR = 2, 3, 2
SECRET = "collector-secret-value"


def telemetry(url, protocol):
    return f'[telemetry]\nendpoint = "{url}"\nprotocol = "{protocol}"\nheaders = "env:PROOF_HEADERS"\nmetrics_every_ms = 1000\n'


def over_grpc(binaries, place):
    """A collector that speaks gRPC receives a trace of every call and the metrics"""
    with Grpc() as receiver:
        return told(binaries, place, receiver, "grpc")


def over_http(binaries, place):
    """A collector that speaks HTTP receives a trace of every call and the metrics"""
    with Http() as receiver:
        return told(binaries, place, receiver, "http/protobuf")


def told(binaries, place, receiver, protocol):
    kept = receiver.kept
    headers = {"PROOF_HEADERS": f"x-proof={SECRET}"}
    with House(binaries, place, telemetry(receiver.url, protocol), environment=headers) as house:
        whole = house.chat(headers={"x-session-id": "a-session"}, user="somebody")
        stream = house.chat(stream=True)
        house.next("first-model", "status=503")
        moved = house.chat()
        failed = house.chat("status=400")
        mine = house.chat(headers={"traceparent": f"{PARENT}-01", "tracestate": "proof=yes"})
        hidden = house.chat(headers={"traceparent": f"{PARENT[:-1]}8-00"})
        assert [answer.status for answer in (whole, stream, moved, failed, mine, hidden)] == [200, 200, 200, 400, 200, 200]
        kept.wait(lambda kept: len({span.trace_id for span in kept.spans}) >= 5)
        one_call(house, kept, whole, 1)
        one_call(house, kept, stream, 1)
        one_call(house, kept, moved, 2)
        refused(kept, failed)
        part_of_anothers(house, kept, mine)
        assert not any(span.parent_span_id.hex() == PARENT_SPAN[:-1] + "8" for span in kept.spans), "a trace that is not kept was told"
        providers_were_told(house, kept)
        assert all(resource["service.name"] == "waybill" and resource["service.version"] for resource in kept.resources)
        assert all(headers.get("x-proof") == SECRET for headers in kept.headers), kept.headers
        metrics(kept)
        # What waits is sent before the end.
        last = house.chat()
        assert house.stop() == 0
        assert kept.trace(last.trace_id), "the last call was lost at the end"
        with open(house.log, encoding="utf-8") as log:
            assert SECRET not in log.read(), "the collector's secret is in the log"
    return f"{len(kept.spans)} spans, {len(kept.metrics)} metrics"


def call_and_attempts(spans):
    call = [span for span in spans if span.kind == SERVER]
    attempts = [span for span in spans if span.kind == CLIENT]
    assert len(call) == 1 and len(call) + len(attempts) == len(spans), spans
    assert all(attempt.parent_span_id == call[0].span_id for attempt in attempts)
    assert len({span.span_id for span in spans}) == len(spans), "two spans share an id"
    return call[0], attempts


def one_call(house, kept, answer, tried):
    """The spans of a call that was served say what its record says."""
    record = house.record(answer)
    call, attempts = call_and_attempts(kept.trace(answer.trace_id))
    said = attributes(call)
    assert call.name == f"chat {MODEL}" and not call.parent_span_id
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.provider.name"] == ("first" if tried == 1 else "second")
    assert said["gen_ai.request.model"] == said["gen_ai.response.model"] == MODEL
    assert said["gen_ai.response.id"] == answer.id
    assert said["gen_ai.response.finish_reasons"] == ["stop"]
    assert said["gen_ai.usage.input_tokens"] == record["tokens_prompt"], (said, record)
    assert said["gen_ai.usage.output_tokens"] == record["tokens_completion"], (said, record)
    assert said["waybill.overhead_us"] == record["overhead_us"]
    assert said["waybill.cost_nanodollars"] == round(record["total_cost"] * 1e9)
    assert said["http.response.status_code"] == 200
    assert (call.end_time_unix_nano - call.start_time_unix_nano) // 1_000_000 == record["latency"]
    assert abs(call.start_time_unix_nano / 1e9 - time.time()) < 60
    assert len(attempts) == tried
    for attempt in attempts:
        assert call.start_time_unix_nano <= attempt.start_time_unix_nano <= attempt.end_time_unix_nano <= call.end_time_unix_nano
    if tried == 2:
        broke, served = attempts
        assert broke.status.code == ERROR and attributes(broke)["error.type"], broke
        assert attributes(broke)["http.response.status_code"] == 503
        assert served.status.code != ERROR and attributes(served)["gen_ai.provider.name"] == "second"


def refused(kept, answer):
    call, attempts = call_and_attempts(kept.trace(answer.trace_id))
    assert call.status.code == ERROR and attributes(call)["error.type"], call
    assert call.name == "chat" and attributes(call)["http.response.status_code"] == 400
    assert "gen_ai.usage.input_tokens" not in attributes(call)
    assert len(attempts) == 1


def part_of_anothers(house, kept, answer):
    spans = kept.trace(PARENT_TRACE)
    call, _ = call_and_attempts(spans)
    assert call.parent_span_id.hex() == PARENT_SPAN
    assert attributes(call)["gen_ai.response.id"] == answer.id
    assert all(span.trace_state == "proof=yes" for span in spans)


def providers_were_told(house, kept):
    """Each request to a provider names, as its parent, the span that tells of it."""
    told = [dict(entry["headers"]).get("traceparent", "") for entry in house.asked()]
    spans = {(span.trace_id.hex(), span.span_id.hex()) for span in kept.spans if span.kind == CLIENT}
    sampled = [parent.split("-") for parent in told if parent.endswith("-01")]
    assert {(trace, span) for _, trace, span, _ in sampled} == spans, (sampled, spans)
    assert sum(parent.endswith("-00") for parent in told) == 1, told


def metrics(kept):
    def all_calls(kept):
        metric = kept.metrics.get("waybill.calls")
        return metric and sum(point.as_double for point in metric.sum.data_points) >= 6
    kept.wait(all_calls)
    calls = kept.metrics["waybill.calls"].sum
    assert calls.is_monotonic and calls.aggregation_temporality == 2
    duration = kept.metrics["gen_ai.client.operation.duration"]
    assert duration.unit == "s"
    point = next(point for point in duration.histogram.data_points if attributes(point)["gen_ai.provider.name"] == "first")
    assert point.count == sum(point.bucket_counts) == 4 and len(point.bucket_counts) == len(point.explicit_bounds) + 1, point
    assert 0 < point.start_time_unix_nano < point.time_unix_nano
    tokens = kept.metrics["gen_ai.client.token.usage"]
    assert {attributes(point)["gen_ai.token.type"] for point in tokens.histogram.data_points} == {"input", "output"}
    assert kept.metrics["waybill.calls_in_flight"].gauge.data_points


def a_collector_that_is_away(binaries, place):
    """Calls go on as if nothing were while the collector is away, and what was lost is counted"""
    with House(binaries, place, telemetry("http://127.0.0.1:1", "http/protobuf"), environment={"PROOF_HEADERS": "a=b"}) as house:
        started = time.monotonic()
        for _ in range(50):
            assert house.chat().status == 200
        took = time.monotonic() - started
        assert took < 10, f"fifty calls took {took:.1f} s"
        deadline = time.monotonic() + 20
        while "waybill_telemetry_dropped_calls_total 0" in house.metrics():
            assert time.monotonic() < deadline, "nothing was counted as dropped"
            time.sleep(0.2)
        assert "waybill_telemetry_spans_total 0" in house.metrics()
        assert house.stop() == 0
    return f"50 calls in {took:.1f} s"
