"""One real engine, one real client, Waybill between them (or not: `--direct`, where its own checks are left out).

mlx-lm has no JSON grammar (it takes no `response_format`), so what is proven here is that the field travels
through unharmed; the engine itself ignores it.
"""

import json
import os
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

WAYBILL = os.environ["WAYBILL_URL"]
ENGINE = os.environ["ENGINE_URL"]
MODEL = os.environ["WAYBILL_MODEL"] if WAYBILL else os.environ["ENGINE_MODEL"]
END_TOKEN = "0"  # of the model that make_model.py makes
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

through_waybill = pytest.mark.skipif(not WAYBILL, reason="a fact of Waybill's, and it is not in between")


def http(method, path, key, body=None):
    request = urllib.request.Request(WAYBILL + path, method=method, headers={"Authorization": f"Bearer {key}"})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


@pytest.fixture(scope="session")
def key():
    if not WAYBILL:
        return "none"
    return http("POST", "/api/v1/keys", os.environ["WAYBILL_MANAGEMENT_KEY"], {"name": "engine tests"})["key"]


@pytest.fixture(scope="session")
def client(key):
    base_url = f"{WAYBILL}/api/v1" if WAYBILL else f"{ENGINE}/v1"
    with openai.OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=120) as client:
        # The first call compiles the engine's kernels; the tests should not wait for that.
        ask(client, "Warm up.", max_tokens=4)
        yield client


def ask(client, prompt, **more):
    """Greedy and without an early end, so that the same question has the same answer of a known length."""
    return client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": prompt}], temperature=0,
        logit_bias={END_TOKEN: -100}, **more
    )


def processor_seconds():
    """What the engine has used of the processor so far (user and system)."""
    with open(f"/proc/{os.environ['ENGINE_PID']}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def test_a_whole_answer_has_the_length_that_was_asked_for(client):
    answer = ask(client, "Grüße aus Köln", max_tokens=40)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 40
    assert answer.usage.prompt_tokens > 0


def test_a_stream_says_what_the_whole_answer_says(client):
    whole = ask(client, "Say it twice.", max_tokens=60)
    chunks = list(ask(client, "Say it twice.", max_tokens=60, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["length"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens == 60
    assert len(chunks) > 10, "it did arrive in pieces"


def test_a_stop_word_ends_the_answer(client):
    # The engine compares tokens, so the word has to be one: a piece of the same answer's stream is.
    chunks = ask(client, "Stop me.", max_tokens=200, stream=True)
    pieces = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    word = next(piece for piece in pieces[20:] if piece.isascii() and piece.isalpha())
    stopped = ask(client, "Stop me.", max_tokens=200, stop=[word])
    assert stopped.choices[0].finish_reason == "stop"
    assert stopped.usage.completion_tokens < 200


def test_the_engine_goes_quiet_when_the_client_leaves(client):
    # Some 20,000 tokens: minutes of work, if nobody told the engine to stop.
    chunks = ask(client, "Never stop.", max_tokens=20_000, stream=True)
    for _ in range(5):
        next(chunks)
    chunks.close()
    time.sleep(1.0)  # it may finish the token in hand and write into the closed connection
    before = processor_seconds()
    time.sleep(2.0)
    used = processor_seconds() - before
    assert used < 0.5, f"the engine still computes: {used:.2f} s of processor time in two seconds"


def test_an_engines_refusal_is_a_bad_request(client):
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, "Too odd.", extra_body={"top_logprobs": 99, "logprobs": True})
    assert caught.value.status_code == 400


def test_a_json_schema_travels_through_unharmed(client):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    answer = ask(client, "As JSON, please.", max_tokens=8, response_format={
        "type": "json_schema", "json_schema": {"name": "city", "schema": schema, "strict": True}})
    assert answer.choices[0].finish_reason == "length"


def test_four_streams_at_once_keep_apart(client):
    prompts = [f"Question {number}" for number in range(4)]
    alone = [ask(client, prompt, max_tokens=30).usage.prompt_tokens for prompt in prompts]

    def listen(prompt):
        chunks = list(ask(client, prompt, max_tokens=30, stream=True, stream_options={"include_usage": True}))
        return chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens

    with ThreadPoolExecutor(len(prompts)) as pool:
        assert list(pool.map(listen, prompts)) == [(count, 30) for count in alone]


# === What Waybill adds ===


@through_waybill
@pytest.mark.parametrize("stream", [False, True])
def test_the_record_has_the_engines_count_and_its_price(client, key, stream):
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=[{"role": "user", "content": "Count me."}], max_tokens=25, temperature=0,
        logit_bias={END_TOKEN: -100}, stream=stream,
    )
    answer = raw.parse()
    usage = list(answer)[-1].usage if stream else answer.usage
    record = http("GET", f"/api/v1/generation?id={raw.headers['x-generation-id']}", key)["data"]
    assert record["provider_name"] == "Tiny engine"
    assert record["model"] == MODEL
    assert record["native_tokens_completion"] == usage.completion_tokens == 25
    assert record["native_tokens_prompt"] == usage.prompt_tokens
    assert record["finish_reason"] == record["native_finish_reason"] == "length"
    assert record["total_cost"] == usage.cost > 0


@through_waybill
def test_a_cancelled_call_is_on_record_as_cancelled(client, key):
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=[{"role": "user", "content": "Leave."}], max_tokens=20_000, temperature=0,
        logit_bias={END_TOKEN: -100}, stream=True,
    )
    chunks = raw.parse()
    next(chunks)
    chunks.close()
    deadline = time.monotonic() + 5
    while True:
        try:
            record = http("GET", f"/api/v1/generation?id={raw.headers['x-generation-id']}", key)["data"]
            break
        except urllib.error.HTTPError:
            assert time.monotonic() < deadline, "no record of the cancelled call"
            time.sleep(0.05)
    assert record["cancelled"] is True


@through_waybill
def test_the_engine_shows_up_in_the_catalogue(key):
    endpoints = http("GET", f"/api/v1/models/{MODEL}/endpoints", key)["data"]["endpoints"]
    assert [endpoint["provider_name"] for endpoint in endpoints] == ["Tiny engine"]
    assert endpoints[0]["context_length"] == 65536
