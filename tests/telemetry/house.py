"""A house of real processes: a simulated provider that wants a key, a server, and callers."""

import http.client
import json
import os
import secrets
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
import harness

MODEL = "proof/echo"
CONFIG = """
[server]
listen = "127.0.0.1:0"
data_dir = "{place}/data"
[discovery]
local_engines = false
[timeouts]
first_token_ms = 1500
idle_ms = 1500
[log]
filter = "{filter}"
format = "json"
{more}
[providers.first]
name = "First"
kind = "simulated"
dialects = ["openai-chat"]
base_url = "{upstream}"
credential = "{credential}"
[[providers.first.endpoints]]
model = "proof/echo"
upstream_model = "first-model"
context_length = 100000
price = {{ input = "0.10", output = "0.40" }}
[providers.second]
name = "Second"
kind = "simulated"
dialects = ["anthropic-messages"]
base_url = "{upstream}"
auth = "header:x-api-key"
credential = "{credential}"
[[providers.second.endpoints]]
model = "proof/echo"
upstream_model = "second-model"
context_length = 100000
price = {{ input = "1.00", output = "4.00" }}
"""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.id = headers.get("x-generation-id", "")

    def json(self):
        return json.loads(self.body)

    @property
    def trace_id(self):
        return self.id.removeprefix("gen-")


def ask(base, method, path, body=None, headers=None, leave_after=None):
    """One request; with `leave_after` the connection is closed after so many bytes of the answer."""
    parts = urllib.parse.urlsplit(base)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        text = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        own = {"content-type": "application/json", **(headers or {})}
        connection.request(method, parts.path + path, body=text, headers=own)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read(leave_after) if leave_after else answer.read())
    finally:
        connection.close()


class House:
    """The provider and the server for the length of a `with` block."""

    def __init__(self, binaries, place, more="", filter="info", credential="sk-provider", environment=None):
        self.waybill, simulator = binaries
        self.place, self.more, self.filter, self.credential = place, more, filter, credential
        self.environment = environment or {}
        self.provider = harness.Simulator(simulator, place, "--key", credential)
        self.root_key = "sk-wb-v1-" + secrets.token_hex(32)

    def __enter__(self):
        self.provider.__enter__()
        facts = self.provider.facts()
        self.simulator = facts["url"]
        config = os.path.join(self.place, "waybill.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(place=self.place, upstream=facts["base_url"], more=self.more, filter=self.filter, credential=self.credential))
        self.log = os.path.join(self.place, "waybill.log")
        self.server = harness.Server("waybill", [self.waybill, "serve", "--config", config], self.log,
                                     {"WAYBILL_ROOT_KEY": self.root_key, **self.environment})
        self.server.__enter__()
        self.url = self.server.url()
        made = self.desk("POST", "/keys", {"name": "proof"})
        self.key = made.json()["key"]
        return self

    def __exit__(self, *problem):
        self.server.__exit__(*problem)
        self.provider.__exit__(*problem)

    def desk(self, method, path, body=None):
        return ask(self.url, method, f"/api/v1{path}", body, {"authorization": f"Bearer {self.root_key}"})

    def chat(self, script="", stream=False, headers=None, key=None, leave_after=None, path="/chat/completions", **more):
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Say hello."}], "stream": stream, "provider": {"sort": "price"}, **more}
        own = {"authorization": f"Bearer {key or self.key}", **(headers or {})}
        if script:
            own["x-simulate"] = script
        return ask(self.url, "POST", f"/api/v1{path}", body, own, leave_after)

    def record(self, answer):
        found = ask(self.url, "GET", f"/api/v1/generation?id={answer.id}", headers={"authorization": f"Bearer {self.key}"})
        assert found.status == 200, found.body
        return found.json()["data"]

    def metrics(self):
        return ask(self.url, "GET", "/metrics").body.decode()

    def next(self, model, script, times=1):
        """What the provider does at the next calls of one of its models."""
        done = ask(self.simulator, "POST", "/script", {"model": model, "script": script, "times": times})
        assert done.status < 300, done.body

    def asked(self):
        """What the provider was asked, oldest first."""
        entries = ask(self.simulator, "GET", "/ledger?limit=1000").json()["entries"]
        return sorted(entries, key=lambda entry: entry["seq"])

    def stop(self):
        return self.server.stop()
