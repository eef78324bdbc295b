"""Three views of one call agree: the client's, Waybill's generation record, the simulated provider's ledger."""

import json
from decimal import Decimal

import pytest
from views import KEY, MODEL, WAYBILL, generation, http, price_of, script

NANO = Decimal("0.000000001")  # amounts are rounded up to the nano-dollar, once per generation


def ask(client, mark, stream, text, **more):
    """Makes the call; returns its id, the answer's parts, and the last usage the client saw."""
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=mark.messages(), stream=stream, extra_headers={
            **script(text), "HTTP-Referer": "https://example.test/app", "X-Title": "Client tests",
        }, **more
    )
    generation_id = raw.headers["x-generation-id"]
    if not stream:
        answer = raw.parse()
        return generation_id, answer.provider, answer.choices[0], answer.usage
    chunks = list(raw.parse())
    finish = [chunk.choices[0] for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    return generation_id, chunks[0].provider, finish[-1], chunks[-1].usage


@pytest.mark.parametrize("text", ["tokens=50", "tokens=50,reasoning=30", "chunks=100", "tokens=20,usage=every"])
@pytest.mark.parametrize("stream", [False, True])
def test_client_record_and_ledger_agree(client, mark, stream, text):
    generation_id, provider, choice, usage = ask(client, mark, stream, text)
    record = generation(generation_id)
    served = mark.served_once()

    assert record["id"] == generation_id
    assert record["model"].startswith(MODEL)
    assert record["provider_name"] == provider
    assert record["streamed"] is stream and served["stream"] is stream
    assert record["finish_reason"] == choice.finish_reason == "stop"
    assert record["native_finish_reason"] == choice.native_finish_reason
    assert record["cancelled"] in (False, None)
    assert served["finished"] is True and served["status"] == 200

    assert served["usage_sent"]["prompt"] == usage.prompt_tokens == record["native_tokens_prompt"]
    assert served["usage_sent"]["completion"] == usage.completion_tokens == record["native_tokens_completion"]
    assert served["completion_tokens"] == usage.completion_tokens
    assert served["usage_sent"]["reasoning"] == usage.completion_tokens_details.reasoning_tokens
    assert record["native_tokens_reasoning"] == served["usage_sent"]["reasoning"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_cost_is_the_counted_tokens_times_the_published_prices(client, mark, stream):
    generation_id, provider, _, usage = ask(client, mark, stream, "tokens=1000")
    price = price_of(provider)
    due = usage.prompt_tokens * Decimal(price["prompt"]) + usage.completion_tokens * Decimal(price["completion"])
    seen = Decimal(repr(usage.cost))
    assert due <= seen < due + NANO
    record = generation(generation_id)
    assert Decimal(repr(record["total_cost"])) == Decimal(repr(record["usage"])) == seen


def test_the_record_knows_the_calling_app_and_its_times(client, mark):
    generation_id, *_ = ask(client, mark, True, "first-token=150ms,gap=5ms,chunks=20", extra_body={"session_id": "s-1"})
    record = generation(generation_id)
    assert record["http_referer"] == "https://example.test/app"
    assert record["session_id"] == "s-1"
    assert record["user_agent"].startswith("OpenAI/Python")
    assert record["latency"] >= 150
    assert record["generation_time"] >= 0
    assert record["api_type"] == "completions"
    assert record["upstream_id"]


def test_a_record_is_kept_from_other_eyes(client, mark):
    generation_id, *_ = ask(client, mark, False, "tokens=5")
    assert http("GET", f"{WAYBILL}/api/v1/generation?id={generation_id}")[0] == 401
    assert http("GET", f"{WAYBILL}/api/v1/generation?id=gen-nonesuch", key="sk-wb-v1-" + "0" * 64)[0] == 401


def test_an_unknown_record_is_not_found():
    status, body = http("GET", f"{WAYBILL}/api/v1/generation?id=gen-0000000000-nonesuch", key=KEY)
    assert status == 404 and body["error"]["code"] == 404


def test_the_caller_sends_what_it_wrote_and_the_provider_gets_that(client, mark):
    """Fields that nobody here knows travel on; our own preferences and the caller's key do not."""
    client.chat.completions.create(
        model=MODEL, messages=mark.messages(), seed=7, extra_headers=script("tokens=5"), extra_body={
            "field_of_tomorrow": {"nested": [1, 2.50, "ü"]}, "provider": {"allow_fallbacks": True},
        },
    )
    served = mark.served_once()
    asked = json.loads(served["body"])
    assert asked["field_of_tomorrow"] == {"nested": [1, 2.50, "ü"]}
    assert '"nested":[1,2.5,"ü"]' in served["body"].replace(" ", "")
    assert asked["seed"] == 7
    assert "provider" not in asked
    # The ledger masks secrets but for their last four characters; a script's words are not secret.
    headers = {name: value for name, value in served["headers"].items() if name != "x-simulate"}
    assert not any(value.endswith(KEY[-4:]) for value in headers.values()), headers
