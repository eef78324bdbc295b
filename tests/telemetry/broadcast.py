"""Destinations of workspaces: read by the standard's own library, and signatures by an implementation of their own."""

import hashlib
import hmac

from collector import Http, attributes, otlp_json
from house import House

KEYS = {"accessKeyId": "AKIAPROOF00000000000", "secretAccessKey": "a-secret-access-key-for-proofs"}


def destinations(binaries, place):
    """Destinations of a workspace receive its calls in their own forms, and a bucket's requests are signed"""
    with Http() as collector, Http() as langfuse, Http() as bucket, House(binaries, place, '[egress]\nallow = "127.0.0.0/8"\n') as house:
        made = [
            {"type": "otel-collector", "name": "collector", "broadcast_generation_cost": True, "config": {"endpoint": collector.url}},
            {"type": "langfuse", "name": "langfuse", "config": {"baseUrl": langfuse.url, "publicKey": "pk-of-the-proof-0001", "secretKey": "sk-of-the-proof-0001"}},
            {"type": "s3", "name": "bucket", "config": {"endpoint": bucket.url, "bucketName": "traces", "region": "eu-central-1", **KEYS}},
        ]
        ids = []
        for destination in made:
            answer = house.desk("POST", "/observability/destinations", destination)
            assert answer.status == 201, answer.body
            ids.append(answer.json()["data"]["id"])
        for number in ids:
            tested = house.desk("POST", f"/observability/destinations/{number}/test").json()["data"]
            assert tested == {"ok": True, "error": None}, tested
        bucket.kept.refusals.append(503)
        call = house.chat(headers={"x-session-id": "a-session"})
        assert call.status == 200, call.body
        record = house.record(call)
        for receiver in (collector, langfuse):
            receiver.kept.wait(lambda kept: kept.trace(call.trace_id))
            spans = receiver.kept.trace(call.trace_id)
            said = attributes(spans[0])
            assert len(spans) == 2 and said["gen_ai.usage.input_tokens"] == record["tokens_prompt"], said
            assert said["session.id"] == "a-session" and "waybill.key.hash" not in said, said
            assert ("waybill.cost_nanodollars" in said) == (receiver is collector), said
        assert langfuse.kept.headers[-1]["authorization"] == "Basic cGstb2YtdGhlLXByb29mLTAwMDE6c2stb2YtdGhlLXByb29mLTAwMDE="
        method, path, headers, body, _ = bucket.kept.wait(lambda kept: [one for one in kept.requests if one[4] == 200 and call.trace_id in one[1]])[0]
        assert method == "PUT" and path.startswith("/traces/openrouter-traces/"), path
        signed(method, path, headers, body)
        assert otlp_json(body).resource_spans, body
        assert "connection-test" in bucket.kept.requests[0][1]
        state = house.desk("GET", f"/observability/destinations/{ids[2]}/deliveries").json()["data"]
        assert state["delivered"] == 1 and state["failed"] == 0 and state["waiting"] == 0, state
        with open(house.log, encoding="utf-8") as log:
            told = log.read() + house.metrics()
        for secret in ("pk-of-the-proof-0001", "sk-of-the-proof-0001", *KEYS.values()):
            assert secret not in told, secret
        with open(f"{place}/data/waybill.db", "rb") as database:
            assert b"a-secret-access-key-for-proofs" not in database.read(), "a secret lies open in the database"
    return "collector, analytics and bucket"


def signed(method, path, headers, body):
    """AWS Signature Version 4, by its own description."""
    headers = {name.lower(): value for name, value in headers.items()}
    algorithm, rest = headers["authorization"].split(" ", 1)
    parts = dict(part.split("=", 1) for part in rest.split(", "))
    key_id, date, region, service, end = parts["Credential"].split("/")
    assert (algorithm, key_id, region, service, end) == ("AWS4-HMAC-SHA256", KEYS["accessKeyId"], "eu-central-1", "s3", "aws4_request")
    names = parts["SignedHeaders"].split(";")
    assert {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names), names
    assert headers["x-amz-content-sha256"] == hashlib.sha256(body).hexdigest()
    canonical = "\n".join([method, path, "", *(f"{name}:{headers[name].strip()}" for name in names), "", ";".join(names), headers["x-amz-content-sha256"]])
    to_sign = "\n".join([algorithm, headers["x-amz-date"], f"{date}/{region}/{service}/{end}", hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + KEYS["secretAccessKey"]).encode()
    for part in (date, region, service, end):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    assert hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest() == parts["Signature"], "the signature is wrong"
