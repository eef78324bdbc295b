"""What openai-python raises when a call goes wrong, before the first token and after it."""

import json
import time

import openai
import pytest
from conftest import make_client
from views import KEY, MANAGEMENT_KEY, MODEL, WAYBILL, Mark, fail_next_attempt, generation, http, script


def ask(client, mark, text=None, **more):
    return client.chat.completions.create(
        model=more.pop("model", MODEL), messages=mark.messages(), extra_headers=script(text) if text else None, **more
    )


def listen(client, mark, text):
    """Reads a stream until it raises; returns what had arrived before and the error."""
    arrived = ""
    with pytest.raises(openai.APIError) as caught:
        for chunk in ask(client, mark, text, stream=True):
            arrived += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    return arrived, caught.value


def check_body(error, code, error_type):
    """OpenRouter's envelope: the code repeats the status, the metadata names the kind."""
    assert error.status_code == code
    assert error.body["code"] == code
    assert error.body["message"]
    assert error.body["metadata"]["error_type"] == error_type


# === Refused at the door ===


def test_a_bad_key_is_an_authentication_error():
    with make_client(key="sk-wb-v1-" + "0" * 64) as client, pytest.raises(openai.AuthenticationError) as caught:
        ask(client, Mark())
    check_body(caught.value, 401, "authentication")


def test_no_key_at_all_is_an_authentication_error():
    status, body = http("POST", f"{WAYBILL}/api/v1/chat/completions", {"model": MODEL, "messages": Mark().messages()})
    assert status == 401
    assert body["error"]["code"] == 401


def test_an_unknown_model_is_a_bad_request_that_names_the_near_miss(client, mark):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, mark, model="simulated/ehco")
    check_body(caught.value, 400, "invalid_request")
    assert MODEL in caught.value.body["message"]
    assert mark.served() == []


def test_a_wrong_type_is_a_bad_request_that_names_the_field(client, mark):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, mark, extra_body={"temperature": "warm"})
    check_body(caught.value, 400, "invalid_request")
    assert "temperature" in caught.value.body["message"]
    assert mark.served() == []


# === Refused by the provider ===


@pytest.mark.parametrize("stream", [False, True])
def test_a_rate_limit_everywhere_is_a_rate_limit_error(client, mark, stream):
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client, mark, "status=429,retry-after=7", stream=stream)
    check_body(caught.value, 429, "rate_limit_exceeded")
    assert caught.value.response.headers["retry-after"] == "7"
    asked = mark.served()
    assert len(asked) > 1, "another endpoint should have been asked"
    assert {entry["status"] for entry in asked} == {429}


@pytest.mark.parametrize("stream", [False, True])
def test_a_broken_provider_is_an_internal_server_error(client, mark, stream):
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client, mark, "status=503", stream=stream)
    assert caught.value.status_code in (502, 503)
    assert len(mark.served()) > 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_that_the_provider_calls_bad_is_tried_nowhere_else(client, mark, stream):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, mark, "status=400,message=The%20provider%20says%20no", stream=stream)
    assert caught.value.body["metadata"]["provider_name"]
    assert mark.served_once()["status"] == 400


@pytest.mark.parametrize("stream", [False, True])
def test_a_200_that_holds_an_error_is_no_success(client, mark, stream):
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, mark, "error-200", stream=stream)
    assert caught.value.status_code >= 400
    assert {entry["status"] for entry in mark.served()} == {200}


@pytest.mark.alone
@pytest.mark.parametrize("trouble", ["status=500", "status=429", "abort", "error-200"])
def test_the_next_provider_answers_when_the_first_fails(client, mark, trouble):
    fail_next_attempt(trouble)
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=mark.messages())
    answer = raw.parse()
    assert answer.choices[0].finish_reason == "stop"
    served = mark.served()  # more than two when the second provider happens to be a flaky one
    assert len(served) > 1
    assert len({entry["persona"] for entry in served}) == len(served), "no provider is asked twice"
    attempts = generation(raw.headers["x-generation-id"])["provider_responses"]
    assert len(attempts) == len(served)
    assert attempts[-1]["status"] == 200
    assert attempts[-1]["provider_name"] == answer.provider


# === After the first token ===


@pytest.mark.parametrize("text", [
    "error=3,chunks=20,gap=5ms",  # the provider says so itself
    "abort=1500,chunks=40,gap=5ms",  # the connection closes
    "reset=1500,chunks=40,gap=5ms",  # the connection is reset
    "cut=1500,chunks=40,gap=5ms",  # a clean end, but far too early
    "finish=missing,no-done,chunks=5",  # everything but an ending
    "malformed,chunks=5",  # an event that is not JSON
])
def test_trouble_in_mid_stream_raises_after_what_had_arrived(client, mark, text):
    arrived, error = listen(client, mark, text)
    assert arrived
    assert type(error) is openai.APIError, "an error inside the stream, not a broken connection"
    assert error.body["code"] >= 500
    assert mark.served_once()["status"] == 200


def test_a_half_written_tool_call_is_an_error_and_never_a_clean_end(client, mark):
    tool = {"type": "function", "function": {"name": "store", "parameters": {
        "type": "object", "properties": {"note": {"type": "string"}}, "required": ["note"]}}}
    with pytest.raises(openai.APIError):
        for _ in ask(client, mark, "unclosed-tool,tools", stream=True, tools=[tool]):
            pass


def test_the_last_event_of_a_broken_stream_has_openrouters_shape(client, mark):
    with client.chat.completions.with_streaming_response.create(
        model=MODEL, messages=mark.messages(), stream=True, extra_headers=script("error=3,chunks=20")
    ) as raw:
        generation_id = raw.headers["x-generation-id"]
        events = [json.loads(line.removeprefix("data: ")) for line in raw.iter_lines()
                  if line.startswith("data: {")]
    last = events[-1]
    assert last["id"] == generation_id and last["object"] == "chat.completion.chunk"
    assert last["error"]["code"] >= 500 and last["error"]["message"]
    assert last["choices"][0]["finish_reason"] == "error"
    assert last["choices"][0]["delta"]["content"] == ""
    record = generation(generation_id)
    assert record["finish_reason"] == "error"
    assert record["cancelled"] is not True


def test_a_key_stops_working_within_a_second_of_being_disabled():
    keys = f"{WAYBILL}/api/v1/keys"
    status, made = http("POST", keys, {"name": "to be disabled"}, key=MANAGEMENT_KEY)
    assert status in (200, 201), made
    with make_client(key=made["key"]) as client:
        assert ask(client, Mark()).id.startswith("gen-")
        status, body = http("PATCH", f"{keys}/{made['data']['hash']}", {"disabled": True}, key=MANAGEMENT_KEY)
        assert status == 200 and body["data"]["disabled"] is True
        time.sleep(1.0)
        with pytest.raises(openai.AuthenticationError):
            ask(client, Mark())
    assert http("DELETE", f"{keys}/{made['data']['hash']}", key=MANAGEMENT_KEY)[0] == 200


def test_an_inference_key_may_not_manage_keys():
    status, body = http("POST", f"{WAYBILL}/api/v1/keys", {"name": "mine"}, key=KEY)
    assert status in (401, 403), body
