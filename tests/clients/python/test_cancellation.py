"""A client that leaves takes the upstream request with it, at once, and the record says so."""

import asyncio
import time

import openai
import pytest
from conftest import make_client
from views import DISCONNECT_SECONDS, MODEL, Mark, script, wait_for_generation

# Two seconds to look, one tenth of a second to pass: a failure should say how late it was.
LOOK_SECONDS = 2.0
# A busy machine may delay the looking itself, so one prompt disconnect of three proves the point:
# what is not wired to the caller's socket is late every time.
TRIES = 3

pytestmark = pytest.mark.alone


def leave_in_mid_stream(client, mark):
    """Opens a stream of ten seconds, reads three chunks and hangs up; returns the generation's id."""
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=mark.messages(), stream=True, extra_headers=script("chunks=500,gap=20ms")
    )
    chunks = raw.parse()
    for _ in range(3):
        next(chunks)
    chunks.close()
    return raw.headers["x-generation-id"]


def test_the_provider_sees_the_client_leave_within_a_tenth_of_a_second(client):
    waits = []
    for _ in range(TRIES):
        mark = Mark()
        leave_in_mid_stream(client, mark)
        entry, waited = mark.wait_until_served(lambda entry: entry["disconnected"], LOOK_SECONDS)
        assert entry["finished"] is False
        waits.append(waited)
        if waited < DISCONNECT_SECONDS:
            return
    pytest.fail(f"the simulator saw the client leave only after {waits} s")


def test_a_cancelled_call_is_on_record_with_what_was_delivered(client, mark):
    generation_id = leave_in_mid_stream(client, mark)
    record = wait_for_generation(generation_id)
    entry, _ = mark.wait_until_served(lambda entry: entry["disconnected"], LOOK_SECONDS)
    assert record["cancelled"] is True
    assert record["streamed"] is True
    assert 0 < entry["completion_tokens"] < 500
    assert (record["native_tokens_completion"] or 0) <= 500


def test_a_client_that_leaves_before_the_first_token_is_noticed_too(mark):
    with openai.OpenAI(
        base_url=make_client().base_url, api_key=make_client().api_key, max_retries=0, timeout=0.5
    ) as client, pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(
            model=MODEL, messages=mark.messages(), stream=True, extra_headers=script("delay=20s")
        )
    mark.wait_until_served(lambda entry: entry["disconnected"], LOOK_SECONDS)


def test_a_cancelled_task_closes_its_stream():
    mark = Mark()

    async def cancelled():
        async with make_client(openai.AsyncOpenAI) as client:
            async def listen():
                async for _ in await client.chat.completions.create(
                    model=MODEL, messages=mark.messages(), stream=True, extra_headers=script("chunks=500,gap=20ms")
                ):
                    started.set()

            started = asyncio.Event()
            task = asyncio.create_task(listen())
            await asyncio.wait_for(started.wait(), 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancelled())
    mark.wait_until_served(lambda entry: entry["disconnected"], LOOK_SECONDS)


def test_other_calls_do_not_suffer_when_one_leaves(client):
    stays = Mark()
    chunks = client.chat.completions.create(
        model=MODEL, messages=stays.messages(), stream=True, extra_headers=script("chunks=50,gap=10ms")
    )
    next(chunks)
    started = time.monotonic()
    leave_in_mid_stream(client, Mark())
    rest = list(chunks)
    assert rest[-1].usage.completion_tokens > 0
    assert time.monotonic() - started < 10
    assert stays.served_once()["finished"] is True
