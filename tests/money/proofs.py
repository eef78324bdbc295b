"""The proofs. Each returns a line that says what was seen; it raises `Failed` with what does not agree."""

import asyncio
import os
import time
from decimal import Decimal

from books import Comparison, cost_of
from calls import Caller, Desk
from house import MODEL, Failed, House

ANSWER_TOKENS = 50
NODES = 3
CALLS = 1000
WORTH = 200  # so many of the calls the limit is worth
ARRIVAL_SECONDS = 4
KILLING_SECONDS = 6
ROUND_CALLS = 40
LONG_CALLS = 60
LONG_TOKENS = 600
PIECE_TOKENS = 20
# One read of a provider's connection brings one piece, or a few if the machine was busy for a while.
READ_TOKENS_MAX = 8 * PIECE_TOKENS
SPENDABLE = Decimal("0.95")
POSTGRES = 'url = "env:TEST_POSTGRES_URL"'
# A prompt of these calls is 8 tokens by the provider's count; see docs/simulator.md.
CALL_COST = cost_of(8, ANSWER_TOKENS)


def need_postgres():
    if not os.environ.get("TEST_POSTGRES_URL"):
        raise Failed("TEST_POSTGRES_URL is not set: start this with scripts/with-services")


def judge(outcome, house, *more):
    """Fails with the first differences; that of `ledger verify` comes first."""
    if difference := house.verify():
        outcome.differences.insert(0, difference)
    for truth, text in more:
        outcome.expect(truth, text)
    if outcome.differences:
        raise Failed(outcome.first_differences())


# === Three nodes, one limit ===


async def crowd(caller, nodes, chance):
    """All calls at once, as far as their arrivals overlap; each asks a node that is up."""
    def choose():
        up = [node for node in nodes if node.address]
        return chance.choice(up) if up else None

    async def arrive(wait):
        await asyncio.sleep(wait)
        await caller.call(choose)

    arrivals = [chance.uniform(0, ARRIVAL_SECONDS) for _ in range(CALLS)]
    await asyncio.gather(*map(arrive, arrivals))


async def kill_at_random(nodes, chance):
    """Kills nodes and starts them again, one after the other, until the time is over."""
    end = time.monotonic() + KILLING_SECONDS
    kills = 0
    while time.monotonic() < end:
        await asyncio.sleep(chance.uniform(0.1, 0.9))
        node = chance.choice(nodes)
        node.kill()
        kills += 1
        await asyncio.sleep(chance.uniform(0, 0.4))
        await asyncio.to_thread(node.start)
    return kills


async def spend_the_rest(caller, nodes):
    """Calls until every node has refused everything three times in a row."""
    refusals = 0
    while refusals < 3:
        views = await asyncio.gather(*(caller.call(lambda node=node: node) for node in nodes for _ in range(4)))
        if all(view.is_refused for view in views):
            refusals += 1
            await asyncio.sleep(0.5)
        else:
            refusals = 0


def three_nodes_hold_one_limit(binaries, place, chance, _rounds):
    """1,000 calls at three nodes on one PostgreSQL, killed at random, spend one key's limit and no more."""
    need_postgres()
    limit = (CALL_COST * WORTH).quantize(Decimal("0.0001"))
    with House(binaries, place, POSTGRES) as house:
        house.provider.answer(ANSWER_TOKENS, 10, "100ms")
        nodes = [house.add_node(f"node-{number}") for number in range(NODES)]
        caller = Caller(house.make_key("proof", limit), MODEL, ANSWER_TOKENS, "reject")
        for node in nodes:
            node.start()

        async def act():
            _, kills = await asyncio.gather(crowd(caller, nodes, chance), kill_at_random(nodes, chance))
            await spend_the_rest(caller, nodes)
            return kills

        kills = asyncio.run(act())
        outcome = Comparison(house, caller)
        outcome.look()
        for node in nodes:
            node.stop()
        share = outcome.spent / limit
        judge(
            outcome, house,
            (outcome.spent <= limit, f"{outcome.spent} of {limit} USD were spent: more than the limit"),
            (not outcome.counts["ran out"], "a call that was held for in full ran out of money"),
            (not outcome.counts["nobody there"], f"{outcome.counts['nobody there']} calls found no node"),
            (share >= SPENDABLE, f"only {outcome.spent} of {limit} USD could be spent"),
        )
        return f"{len(caller.views)} calls, {kills} kills: {facts(outcome)}; {share:.1%} of the limit spent"


def facts(outcome):
    counts = outcome.counts
    return (
        f"{counts['done']} ended whole, {counts['cut']} were cut, {counts['refused']} refused, "
        f"{counts['recorded']} are in the books")


# === Streams that run out ===


def overage(node):
    """What the node's calls have cost above what was held for them, in USD, as it says itself."""
    with Desk(node.address) as desk:
        lines = desk.get_text("/metrics").splitlines()
    found = [line.split()[1] for line in lines if line.startswith("waybill_overage_nanodollars_total")]
    return Decimal(found[0]) / 10**9


def streams_end_where_the_money_ends(binaries, place, chance, _rounds):
    """Streams without a token limit grow past their estimate: all end where the money ends, within the stated bound."""
    need_postgres()
    limit = cost_of(0, LONG_TOKENS * LONG_CALLS // 3).quantize(Decimal("0.0001"))
    with House(binaries, place, POSTGRES) as house:
        nodes = [house.add_node(f"node-{number}") for number in range(NODES)]
        caller = Caller(house.make_key("estimate", limit), MODEL)
        for node in nodes:
            node.start()

        async def act():
            # Short answers are what the estimates are learned from.
            house.provider.answer(ANSWER_TOKENS, 10, "1ms")
            for node in nodes:
                for _ in range(6):
                    await caller.call(lambda node=node: node)
            house.provider.answer(LONG_TOKENS, LONG_TOKENS // PIECE_TOKENS, "40ms")
            await asyncio.gather(*(caller.call(lambda: chance.choice(nodes)) for _ in range(LONG_CALLS)))
            await spend_the_rest(caller, nodes)

        asyncio.run(act())
        outcome = Comparison(house, caller)
        outcome.look()
        over = sum(map(overage, nodes))
        for node in nodes:
            node.stop()
        ran_out = outcome.counts["ran out"]
        bound = cost_of(0, ran_out * READ_TOKENS_MAX)
        judge(
            outcome, house,
            (ran_out > 0, "no stream ran out of money"),
            (outcome.spent <= limit + over, f"{outcome.spent} of {limit} USD were spent: more than the limit and the overage of {over}"),
            (over <= bound, f"{over} USD of overage by {ran_out} streams that ran out: the bound is {bound}"),
            (outcome.spent >= limit * SPENDABLE, f"only {outcome.spent} of {limit} USD could be spent"),
        )
        return f"{len(caller.views)} calls: {facts(outcome)}, {ran_out} ran out; {outcome.spent} of {limit} USD spent, {over} overage"


# === SIGKILL, round after round ===


def no_finished_call_is_lost(binaries, place, chance, rounds, storage):
    with House(binaries, place, storage) as house:
        house.provider.answer(ANSWER_TOKENS, 10, "5ms")
        node = house.add_node("node")
        limit = CALL_COST * ROUND_CALLS * (rounds + 1)
        caller = Caller(house.make_key("proof", limit.quantize(Decimal("0.0001"))), MODEL, ANSWER_TOKENS, "reject")
        each = Comparison(house, caller)
        node.start()
        for number in range(1, rounds + 1):
            asyncio.run(one_round(caller, node, chance))
            node.start()
            each.look()
            try:
                judge(each, house)
            except Failed as difference:
                raise Failed(f"round {number}: {difference}") from None
        # Once more from the beginning: what was there is still there.
        outcome = Comparison(house, caller)
        outcome.look()
        node.stop()
        counts = outcome.counts
        judge(outcome, house, (counts["done"] > 0, "no call ended whole"), (counts["cut"] > 0, "no call was cut"))
        return f"{rounds} rounds, {len(caller.views)} calls: {facts(outcome)}"


async def one_round(caller, node, chance):
    """Calls that begin within a moment, and a kill somewhere among their ends."""
    async def arrive(wait):
        await asyncio.sleep(wait)
        await caller.call(lambda: node, tries=1)

    async def kill(wait):
        await asyncio.sleep(wait)
        node.kill()

    waits = [chance.uniform(0, 0.3) for _ in range(ROUND_CALLS)]
    calls = asyncio.gather(*map(arrive, waits))
    await kill(chance.uniform(0.05, 0.5))
    await calls


def no_finished_call_is_lost_on_sqlite(binaries, place, chance, rounds):
    """SIGKILL at random moments on SQLite: what reached a caller whole is in the books, which agree."""
    return no_finished_call_is_lost(binaries, place, chance, rounds, "")


def no_finished_call_is_lost_on_postgres(binaries, place, chance, rounds):
    """SIGKILL at random moments on PostgreSQL: what reached a caller whole is in the books, which agree."""
    need_postgres()
    return no_finished_call_is_lost(binaries, place, chance, rounds, POSTGRES)
