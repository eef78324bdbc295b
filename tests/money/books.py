"""Compares what the provider served, what the books say, and what the callers saw."""

import collections
import json
import time
from decimal import Decimal

from calls import Desk
from house import ANSWER_TOKENS, PRICE

QUIET_SECONDS = 30
FOLD_SECONDS = 10
MILLION = 1_000_000


def cost_of(prompt_tokens, completion_tokens):
    """In USD, by the price in the configuration: the test's own arithmetic, not the product's."""
    return (prompt_tokens * Decimal(PRICE["input"]) + completion_tokens * Decimal(PRICE["output"])) / MILLION


class Comparison:
    """Counts what agrees, and keeps what does not."""

    def __init__(self):
        self.differences = []
        self.counts = collections.Counter()

    def expect(self, truth, text):
        if not truth:
            self.differences.append(text)
        return truth

    def first_differences(self, most=10):
        more = len(self.differences) - most
        return "\n".join(self.differences[:most] + ([f"… and {more} more"] if more > 0 else []))


def wait_until_quiet(house):
    """Until the provider has no call open."""
    deadline = time.monotonic() + QUIET_SECONDS
    while house.provider.ledger()["totals"]["in_flight"]:
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


def served_by(house):
    """The provider's entries, by the number of the call that stands in the prompt."""
    served = {}
    for entry in house.provider.ledger()["entries"]:
        text = json.loads(entry["body"])["messages"][0]["content"]
        served.setdefault(int(text.removeprefix("call ")), []).append(entry)
    return served


def compare_call(outcome, view, record, entries):
    """One call: the caller's view, the record (or none), and what the provider noted of it."""
    name = f"call {view.number} ({view.id}, {view.life})"
    if record is None:
        outcome.expect(not view.is_done, f"{name}: its last byte came, and it has no record")
        return
    if record["provider_name"] is None:
        outcome.expect(not record["usage"], f"{name}: nobody served it, and it costs {record['usage']}")
        outcome.expect(not view.is_done, f"{name}: its last byte came, and the record says that nobody served it")
        return
    outcome.counts["recorded"] += 1
    prompt, completion = record["native_tokens_prompt"], record["native_tokens_completion"]
    cost = Decimal(record["usage"])
    outcome.expect(cost == cost_of(prompt, completion), f"{name}: {prompt}+{completion} tokens cost {cost}")
    if not outcome.expect(len(entries) == 1, f"{name}: the provider served it {len(entries)} times"):
        return
    served = entries[0]
    outcome.expect(completion <= served["completion_tokens"], f"{name}: {completion} tokens charged, {served['completion_tokens']} served")
    if view.is_done:
        outcome.counts["done"] += 1
        sent, seen = served["usage_sent"] or {}, view.usage or {}
        outcome.expect(
            (sent.get("prompt"), sent.get("completion")) == (prompt, completion),
            f"{name}: the provider says {sent}, the record {prompt}+{completion}")
        outcome.expect(
            (seen.get("prompt_tokens"), seen.get("completion_tokens"), Decimal(seen.get("cost") or 0)) == (prompt, completion, cost),
            f"{name}: the caller saw {seen}, the record has {prompt}+{completion} for {cost}")


def compare(house, caller, killed):
    """All calls of a caller that has ended, with every node up. `killed` are the lives that were killed."""
    outcome = Comparison()
    if problem := wait_until_quiet(house) or wait_until_written(house, caller.key):
        outcome.expect(False, problem)
    records = records_of(house.nodes[0], caller.key, caller.views)
    served = served_by(house)
    for view in caller.views:
        if not view.is_taken:
            outcome.counts["nobody there"] += 1
            continue
        outcome.expect(view.status in (None, 200, 402), f"call {view.number}: status {view.status}: {view.error}")
        outcome.expect(view.status != 200 or not view.error, f"call {view.number} ({view.id}): ended with {view.error}")
        outcome.expect(not view.is_refused or view.number not in served, f"call {view.number}: refused, and served all the same")
        if view.is_cut:
            outcome.counts["cut"] += 1
            outcome.expect(view.life in killed, f"call {view.number} ({view.id}): cut, and nobody killed {view.life}")
        outcome.counts["refused"] += view.is_refused
        compare_call(outcome, view, records.get(view.number), served.get(view.number, []))
    strangers = served.keys() - range(len(caller.views))
    outcome.expect(not strangers, f"the provider served calls that nobody made: {sorted(strangers)[:10]}")
    compare_sums(outcome, house, caller, records)
    return outcome


def compare_sums(outcome, house, caller, records):
    """The statement of the key is the sum of its records; the key's own usage is that of the statement."""
    # Calls that were cut before their id came may be in the books; nobody can ask for them.
    unknown = sum(view.is_taken and view.is_cut and view.id is None for view in caller.views)
    served = [record for record in records.values() if record["provider_name"] is not None]
    cost = sum((Decimal(record["usage"]) for record in served), Decimal(0))
    most = cost_of(1000, ANSWER_TOKENS)
    statement = house.statement(caller.key)
    extra = statement["requests"] - len(served)
    outcome.expect(0 <= extra <= unknown, f"the statement has {extra} calls beyond the {len(served)} records; {unknown} have no known id")
    more = statement["cost"] - cost
    outcome.expect(0 <= more <= extra * most, f"the statement says {statement['cost']}, the records {cost}, with {extra} calls unknown")
    with Desk(house.nodes[0].address, caller.key) as desk:
        usage = Decimal(desk.get("/api/v1/key")[1]["data"]["usage"])
    outcome.expect(usage == statement["cost"], f"the key has used {usage}, the statement says {statement['cost']}")
    outcome.spent = statement["cost"]
