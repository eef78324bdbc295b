"""The three views of one call: what the client saw, what Waybill recorded, what the simulated provider served.

A test marks its call with a word of its own inside the prompt; the simulator's ledger is searched for that word.
"""

import contextlib
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

WAYBILL = os.environ["WAYBILL_URL"].rstrip("/")
KEY = os.environ["WAYBILL_KEY"]
MANAGEMENT_KEY = os.environ["WAYBILL_MANAGEMENT_KEY"]
SIMULATOR = os.environ["SIMULATOR_URL"].rstrip("/")

MODEL = "simulated/echo"
# One simulated provider for each dialect that providers speak.
EVERY_DIALECT = [
    MODEL, "simulated/responses", "simulated/azure", "simulated/messages", "simulated/gemini", "simulated/vertex",
    "simulated/bedrock", "simulated/cohere",
]
TEXT = "Grüße aus Köln, καλημέρα, こんにちは, 🚚📦 — and plain words as well."
# A picture of one red point.
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
# What the weather tool of these tests takes.
WEATHER_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
# Every way in which a stream can go wrong after its beginning.
TROUBLE = [
    "error=3,chunks=20,gap=5ms",  # the provider says so itself
    "abort=5000,chunks=100,gap=2ms",  # the connection closes
    "cut=5000,chunks=100,gap=2ms",  # a clean end, but far too early
    "finish=missing,no-done,chunks=5",  # everything but an ending
]
# How soon a provider must see that the client has left.
DISCONNECT_SECONDS = 0.100


def http(method, url, body=None, key=None, headers=None):
    """One plain HTTP request: status and JSON. No SDK in between."""
    request = urllib.request.Request(url, method=method, headers=dict(headers or {}))
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            status, content = response.status, response.read()
    except urllib.error.HTTPError as refused:
        with contextlib.closing(refused):
            status, content = refused.code, refused.read()
    return status, json.loads(content) if content else None


def script(text):
    """Request headers that tell the simulated providers how to answer."""
    return {"x-simulate": text}


def quoted(text):
    """Text as a script's value."""
    return urllib.parse.quote(text, safe="")


class Mark:
    """A word that only this test's prompt contains."""

    def __init__(self):
        self.word = f"mark-{uuid.uuid4().hex}"

    def messages(self, text="Say something."):
        return [{"role": "user", "content": f"{text} {self.word}"}]

    def served(self):
        """What the simulator was asked for this mark, oldest first."""
        status, ledger = http("GET", f"{SIMULATOR}/ledger?limit=10000&holding={self.word}")
        assert status == 200 and ledger["simulated"] is True
        return ledger["entries"]

    def served_once(self):
        entries = self.served()
        assert len(entries) == 1, f"expected one upstream request, found {len(entries)}"
        return entries[0]

    def wait_until_served(self, satisfies, seconds):
        """The first entry that satisfies the test within the time, and how long it took."""
        start = time.monotonic()
        while True:
            found = [entry for entry in self.served() if satisfies(entry)]
            waited = time.monotonic() - start
            if found:
                return found[0], waited
            if waited > seconds:
                raise AssertionError(f"not seen by the simulator within {seconds} s: {self.served()}")
            time.sleep(0.002)


def generation(generation_id):
    """Waybill's record of a call, asked for once and at once: it has to be there when the answer has ended."""
    status, body = http("GET", f"{WAYBILL}/api/v1/generation?id={generation_id}", key=KEY)
    assert status == 200, f"no generation {generation_id}: {status} {body}"
    return body["data"]


def wait_for_generation(generation_id, seconds=5.0):
    """The record of a call whose end the client did not see, because it left."""
    deadline = time.monotonic() + seconds
    while True:
        status, body = http("GET", f"{WAYBILL}/api/v1/generation?id={generation_id}", key=KEY)
        if status == 200:
            return body["data"]
        assert time.monotonic() < deadline, f"no generation {generation_id} within {seconds} s: {status} {body}"
        time.sleep(0.02)


def price_of(provider_name, model=MODEL):
    """The prices of one endpoint, as decimal strings in USD per token."""
    status, body = http("GET", f"{WAYBILL}/api/v1/models/{model}/endpoints", key=KEY)
    assert status == 200, body
    found = [endpoint for endpoint in body["data"]["endpoints"] if endpoint["provider_name"] == provider_name]
    assert len(found) == 1, f"{provider_name} is not one endpoint of {model}: {body}"
    return found[0]["pricing"]


def fail_next_attempt(text):
    """Puts down a script for the very next upstream request, whichever simulated provider gets it."""
    status, body = http("POST", f"{SIMULATOR}/script", {"model": "*", "script": text, "times": 1})
    assert status in (200, 201, 204), body
