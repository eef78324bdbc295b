"""A house of real processes: a simulated provider, and servers that can be killed and started again."""

import contextlib
import os
import subprocess
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
import harness
from calls import Desk, from_json
from harness import Failed

MODEL = "proof/steady"
# USD per million tokens; answers cost most of it, so that a hold is little more than the cost.
PRICE = {"input": "0.10", "output": "10"}
CONFIG = """
[server]
listen = "127.0.0.1:0"
data_dir = "{place}"
[storage]
{storage}
[discovery]
local_engines = false
[providers.proof]
name = "Proof"
kind = "simulated"
dialects = ["openai-chat"]
base_url = "{upstream}"
auth = "none"
abort_stops_billing = true
[[providers.proof.endpoints]]
model = "{model}"
upstream_model = "gpt-sim"
context_length = 4096
max_completion_tokens = 1024
price = {{ input = "{input}", output = "{output}" }}
"""


def address(url):
    parts = urllib.parse.urlsplit(url)
    return parts.hostname, parts.port


class Provider:
    """The simulated provider, for the length of a `with` block."""

    def __init__(self, binary, place):
        self.server = harness.Simulator(binary, place, "--ledger-entries", "1000000")

    def __enter__(self):
        self.server.__enter__()
        facts = self.server.facts()
        self.base_url = facts["base_url"]
        self.desk = Desk(address(facts["url"]))
        return self

    def __exit__(self, *problem):
        self.desk.connection.close()
        self.server.__exit__(*problem)

    def answer(self, tokens, chunks, gap):
        """From now on every answer is so long, in so many pieces, with so long a wait between them."""
        self.desk.post("/script", {"model": "*", "script": f"tokens={tokens},chunks={chunks},gap={gap}"})

    def ledger(self, after=0, limit=1_000_000):
        """Totals, and the entries with a number above `after`."""
        return self.desk.get(f"/ledger?after={after}&limit={limit}")[1]


class Node:
    """A server with a data directory of its own, which outlives every process on it."""

    def __init__(self, house, name):
        self.house = house
        self.name = name
        self.lives = 0
        self.address = None
        self.killed = set()  # the lives that ended so
        self.server = None
        self.config = house.config(name)

    @property
    def this_life(self):
        return self.name, self.lives

    def start(self):
        self.lives += 1
        log = os.path.join(self.house.place, f"{self.name}-{self.lives}.log")
        self.server = harness.Server(
            f"{self.name} (life {self.lives})", [self.house.binary, "serve", "--config", self.config], log)
        self.server.__enter__()
        self.address = address(self.server.url())

    def kill(self):
        """SIGKILL; the next life finds what this one left on the disk."""
        self.killed.add(self.this_life)
        self.address = None
        self.server.process.kill()
        self.server.__exit__(None, None, None)

    def stop(self):
        """SIGTERM. It must end in order."""
        self.address = None
        code = self.server.stop()
        self.server.__exit__(None, None, None)
        if code != 0:
            raise Failed(f"{self.server.name} did not stop in order (status {code}):\n{self.server.last_words()}")

    def end(self):
        if self.server and self.server.process.poll() is None:
            self.server.process.kill()
            self.server.__exit__(None, None, None)


class House:
    """A database, its nodes and their provider. Everything ends with the `with` block."""

    def __init__(self, binaries, place, storage):
        self.binary, self.simulator = binaries
        self.place = place
        self.storage = storage
        self.nodes = []

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.provider = stack.enter_context(Provider(self.simulator, self.place))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def config(self, name):
        path = os.path.join(self.place, f"{name}.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(
                place=os.path.join(self.place, name), storage=self.storage, upstream=self.provider.base_url,
                model=MODEL, **PRICE))
        return path

    def add_node(self, name):
        node = Node(self, name)
        self.stack.callback(node.end)
        self.nodes.append(node)
        return node

    def run(self, *command):
        """A command of `waybill`: its status, output and complaints."""
        done = subprocess.run(
            [self.binary, *command, "--config", self.nodes[0].config], cwd=self.place, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def make_key(self, name, limit):
        code, key, complaint = self.run("key", "create", "--name", name, "--limit", str(limit))
        if code != 0:
            raise Failed(f"no key could be made: {complaint}")
        return key

    def verify(self):
        """The first difference in the books; None if there is none."""
        code, out, complaint = self.run("ledger", "verify")
        return None if code == 0 else f"ledger verify says ({code}): {out} {complaint}"

    def statement(self, key):
        """Calls, tokens and cost of a key, of our model."""
        code, out, complaint = self.run("ledger", "statement", "--key", key, "--format", "json")
        if code != 0:
            raise Failed(f"no statement could be had: {complaint}")
        rows = [row for row in from_json(out)["data"] if row["model"] == MODEL]
        return {field: sum(row[field] for row in rows) for field in ("requests", "prompt_tokens", "completion_tokens", "cost")}
