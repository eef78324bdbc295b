"""Compares what the provider served, what the books say, and what the callers saw."""

import collections
import json
import time
from decimal import Decimal

from calls import Desk
from house import PRICE

QUIET_SECONDS = 30
FOLD_SECONDS = 10
MILLION = 1_000_000


def cost_of(prompt_tokens, completion_tokens):
    """In USD, by the price in the configuration: the test's own arithmetic, not the product's."""
    return (prompt_tokens * Decimal(PRICE["input"]) + completion_tokens * Decimal(PRICE["output"])) / MILLION


def wait_until_quiet(house):
    """Until the provider has no call open."""
    deadline = time.monotonic() + QUIET_SECONDS
    while house.provider.ledger(limit=0)["totals"]["in_flight"]:
        if time.monotonic() > deadline:
            return f"the provider still has open calls after {QUIET_SECONDS} s"
        time.sleep(0.05)
    return None


def wait_until_written(house, key):
    """Until nothing more comes from the journals: the statement has stood still for half a second."""
    deadline = time.monotonic() + QUIET_SECONDS
    before = None
    while (statement := house.statement(key)) != before:
        if time.monotonic() > deadline:
            return f"the statement still changes after {QUIET_SECONDS} s"
        before = statement
        time.sleep(0.5)
    return None


def records_of(node, key, views):
    """The records of the calls whose id their caller knows, by the number of the call."""
    found = {}
    deadline = time.monotonic() + FOLD_SECONDS
    with Desk(node.address, key) as desk:
        for view in views:
            while view.id and view.number not in found:
                status, answer = desk.get(f"/api/v1/generation?id={view.id}")
                if status == 200:
                    found[view.number] = answer["data"]
                # Other nodes' last calls are in their journals only, for a moment.
                elif not view.is_done or time.monotonic() > deadline:
                    break
                else:
                    time.sleep(0.05)
    return found


class Comparison:
    """Compares the calls of a caller; each look takes those since the last one, and the sums of all."""

    def __init__(self, house, caller):
        self.house = house
        self.caller = caller
        self.differences = []
        self.counts = collections.Counter()
        self.views_seen = 0
        self.entries_seen = 0
        self.cost = Decimal(0)  # of all records that were found
        self.unknown = 0  # calls that were cut before their id came: nobody can ask for their records
        self.spent = None

    def expect(self, truth, text):
        if not truth:
            self.differences.append(text)
        return truth

    def first_differences(self, most=10):
        more = len(self.differences) - most
        return "\n".join(self.differences[:most] + ([f"… and {more} more"] if more > 0 else []))

    def look(self):
        """With every node up and no caller waiting."""
        problem = wait_until_quiet(self.house) or wait_until_written(self.house, self.caller.key)
        self.expect(not problem, problem)
        killed = set().union(*(node.killed for node in self.house.nodes))
        views = self.caller.views[self.views_seen:]
        self.views_seen = len(self.caller.views)
        records = records_of(self.house.nodes[0], self.caller.key, views)
        served = self.served_since()
        strangers = served.keys() - {view.number for view in views}
        self.expect(not strangers, f"the provider served calls that nobody made: {sorted(strangers)[:10]}")
        for view in views:
            if view.is_taken:
                self.look_at(view, killed, records.get(view.number), served.get(view.number, []))
            else:
                self.counts["nobody there"] += 1
        self.look_at_sums()

    def served_since(self):
        """The provider's new entries, by the number of the call that stands in the prompt."""
        served = {}
        for entry in self.house.provider.ledger(after=self.entries_seen)["entries"]:
            self.entries_seen = max(self.entries_seen, entry["seq"])
            text = json.loads(entry["body"])["messages"][0]["content"]
            served.setdefault(int(text.removeprefix("call ")), []).append(entry)
        return served

    def look_at(self, view, killed, record, entries):
        """One call: what its caller saw, its record (or none), and what the provider noted."""
        name = f"call {view.number} ({view.id}, {view.life})"
        self.expect(view.status in (None, 200, 402), f"{name}: status {view.status}: {view.error}")
        self.expect(view.status != 200 or not view.error or view.has_run_out, f"{name}: ended with {view.error}")
        self.counts["ran out"] += view.has_run_out
        if view.is_refused:
            self.counts["refused"] += 1
            self.expect(not entries, f"{name}: refused, and served all the same")
        if view.is_cut:
            self.counts["cut"] += 1
            self.unknown += view.id is None
            self.expect(view.life in killed, f"{name}: cut, and nobody killed its node")
        if view.is_whole:
            self.counts["done"] += 1
        if record is None or record["provider_name"] is None:
            self.expect(not view.is_done and not view.has_run_out, f"{name}: its last byte came, and no record says that it was served")
            self.expect(record is None or not record["usage"], f"{name}: nobody served it, and it has a cost")
        else:
            self.look_at_record(name, view, record, entries)

    def look_at_record(self, name, view, record, entries):
        self.counts["recorded"] += 1
        prompt, completion = record["tokens_prompt"], record["tokens_completion"]
        cost = Decimal(record["usage"])
        self.cost += cost
        self.expect(cost == cost_of(prompt, completion), f"{name}: {prompt}+{completion} tokens cost {cost}")
        if not self.expect(len(entries) == 1, f"{name}: in the books once, served {len(entries)} times"):
            return
        served = entries[0]
        text = f"{name}: {completion} tokens charged, {served['completion_tokens']} served"
        self.expect(completion <= served["completion_tokens"], text)
        if view.is_whole:
            sent, seen = served["usage_sent"] or {}, view.usage or {}
            sent = sent.get("prompt"), sent.get("completion")
            seen = seen.get("prompt_tokens"), seen.get("completion_tokens"), seen.get("cost")
            self.expect(sent == (prompt, completion), f"{name}: the provider sent {sent}, the record has {prompt}+{completion}")
            text = f"{name}: the caller saw {seen}, the record has {prompt}+{completion} for {cost}"
            self.expect(seen == (prompt, completion, cost), text)

    def look_at_sums(self):
        """The statement of the key is the sum of its records; the key's own usage is that of the statement."""
        statement = self.house.statement(self.caller.key)
        recorded = self.counts["recorded"]
        extra, more = statement["requests"] - recorded, statement["cost"] - self.cost
        self.expect(
            0 <= extra <= self.unknown,
            f"the statement has {statement['requests']} calls, {recorded} have records, of {self.unknown} no id is known")
        self.expect(
            0 <= more <= extra * cost_of(1000, 1000),
            f"the statement says {statement['cost']}, the records {self.cost}, of {extra} calls no id is known")
        with Desk(self.house.nodes[0].address, self.caller.key) as desk:
            usage = desk.get("/api/v1/key")[1]["data"]["usage"]
        self.expect(usage == statement["cost"], f"the key has used {usage}, the statement says {statement['cost']}")
        self.spent = statement["cost"]
