"""What openai-python makes of answers: whole, streamed, with tools, with structure, through both paths and both clients."""

import asyncio
import json

import openai
import pytest
from conftest import make_client
from pydantic import BaseModel
from views import KEY, MODEL, WAYBILL, Mark, http, quoted, script

TEXT = "Grüße aus Köln, καλημέρα, こんにちは, 🚚📦 — and plain words as well."

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}


class City(BaseModel):
    name: str
    people: int
    rivers: list[str]


CITY = City(name="Köln", people=1_073_096, rivers=["Rhein", "Strunde"])


def stream(client, mark, headers=None, **more):
    return client.chat.completions.create(
        model=MODEL, messages=mark.messages(), stream=True, extra_headers=headers, **more
    )


def check_openrouter_fields(answer):
    """The fields that OpenRouter adds to OpenAI's shape, on a whole answer."""
    assert answer.id.startswith("gen-")
    assert answer.model.startswith(MODEL)
    assert answer.provider
    assert answer.choices[0].native_finish_reason
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details.cached_tokens == 0
    assert usage.completion_tokens_details.reasoning_tokens == 0
    assert usage.cost > 0
    assert set(usage.cost_details) >= {"upstream_inference_prompt_cost", "upstream_inference_completions_cost"}


def test_a_whole_answer_carries_openrouters_fields(client, mark):
    answer = client.chat.completions.create(
        model=MODEL, messages=mark.messages(), extra_headers=script(f"text={quoted(TEXT)}")
    )
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].finish_reason == "stop"
    check_openrouter_fields(answer)
    assert mark.served_once()["status"] == 200


def test_the_short_path_serves_the_same(mark):
    with make_client(path="/v1") as client:
        answer = client.chat.completions.create(
            model=MODEL, messages=mark.messages(), extra_headers=script(f"text={quoted(TEXT)}")
        )
    assert answer.choices[0].message.content == TEXT
    check_openrouter_fields(answer)


def test_a_stream_says_the_same_as_a_whole_answer(client, mark):
    chunks = list(stream(client, mark, script(f"chunks=10,text={quoted(TEXT)}")))
    assert len({chunk.id for chunk in chunks}) == 1 and chunks[0].id.startswith("gen-")
    assert all(chunk.object == "chat.completion.chunk" for chunk in chunks)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == TEXT
    finished = [c.choices[0] for c in chunks if c.choices and c.choices[0].finish_reason]
    assert [choice.finish_reason for choice in finished] == ["stop"]
    assert finished[0].native_finish_reason


def test_usage_comes_once_in_the_last_chunk_without_being_asked_for(client, mark):
    chunks = list(stream(client, mark, script("chunks=5")))
    assert [index for index, chunk in enumerate(chunks) if chunk.usage] == [len(chunks) - 1]
    last = chunks[-1]
    assert last.choices == []
    assert last.usage.prompt_tokens > 0 and last.usage.completion_tokens > 0
    assert last.usage.cost > 0
    assert last.usage.prompt_tokens_details.cached_tokens == 0


def test_usage_comes_even_when_the_provider_reports_none(client, mark):
    chunks = list(stream(client, mark, script("chunks=5,usage=missing")))
    assert chunks[-1].usage is not None and chunks[-1].choices == []
    assert mark.served_once()["usage_sent"] is None


def test_characters_split_between_packets_arrive_whole(client, mark):
    chunks = list(stream(client, mark, script(f"split-utf8,write-gap=1ms,text={quoted(TEXT)}")))
    assert TEXT in "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def test_bytes_that_drip_in_one_by_one_make_the_same_stream(client, mark):
    chunks = list(stream(client, mark, script(f"drip=100us,crlf,chunks=3,text={quoted(TEXT)}")))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == TEXT
    assert chunks[-1].usage.cost > 0


def test_reasoning_arrives_under_openrouters_name(client, mark):
    answer = client.chat.completions.create(
        model=MODEL, messages=mark.messages(), extra_headers=script("reasoning=20")
    )
    assert answer.choices[0].message.reasoning
    assert answer.usage.completion_tokens_details.reasoning_tokens == 20
    streamed = list(stream(client, Mark(), script("reasoning=20")))
    assert "".join(c.choices[0].delta.model_extra.get("reasoning") or "" for c in streamed if c.choices)
    assert streamed[-1].usage.completion_tokens_details.reasoning_tokens == 20


def test_cached_prompt_tokens_are_told_apart(client, mark):
    answer = client.chat.completions.create(
        model=MODEL, messages=mark.messages("word " * 400), extra_headers=script("cached=64")
    )
    assert answer.usage.prompt_tokens_details.cached_tokens == 64
    assert answer.usage.prompt_tokens > 64


# === Tools ===


def check_weather_call(call):
    assert call.type == "function"
    assert call.id
    assert call.function.name == "get_weather"
    arguments = json.loads(call.function.arguments)
    assert isinstance(arguments["city"], str) and isinstance(arguments["days"], int)


def test_a_whole_answer_calls_a_tool(client, mark):
    answer = client.chat.completions.create(
        model=MODEL, messages=mark.messages(), tools=[WEATHER], tool_choice="required"
    )
    assert answer.choices[0].finish_reason == "tool_calls"
    (call,) = answer.choices[0].message.tool_calls
    check_weather_call(call)


def test_streamed_tool_calls_add_up(client, mark):
    with client.chat.completions.stream(
        model=MODEL, messages=mark.messages(), tools=[WEATHER], extra_headers=script("tools=2")
    ) as events:
        done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
        answer = events.get_final_completion()
    calls = answer.choices[0].message.tool_calls
    assert len(calls) == 2 and len(done) == 2
    assert len({call.id for call in calls}) == 2
    for call in calls:
        check_weather_call(call)
    assert answer.choices[0].finish_reason == "tool_calls"


def test_a_tools_result_goes_back_and_reaches_the_provider(client, mark):
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Köln","days":1}'}}
    answer = client.chat.completions.create(model=MODEL, tools=[WEATHER], messages=[
        *mark.messages(),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Sunny, 21 °C"},
    ], extra_headers=script("no-tools"))
    assert answer.choices[0].finish_reason == "stop"
    asked = json.loads(mark.served_once()["body"])
    assert asked["messages"][1]["tool_calls"] == [call]
    assert asked["messages"][2] == {"role": "tool", "tool_call_id": "call_1", "content": "Sunny, 21 °C"}


# === Structure ===


def test_parse_returns_the_callers_own_type(client, mark):
    answer = client.chat.completions.parse(
        model=MODEL, messages=mark.messages(), response_format=City,
        extra_headers=script(f"text={quoted(CITY.model_dump_json())}"),
    )
    assert answer.choices[0].message.parsed == CITY
    asked = json.loads(mark.served_once()["body"])["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["schema"]["required"] == ["name", "people", "rivers"]


def test_a_streamed_structure_is_parsed_at_its_end(client, mark):
    with client.chat.completions.stream(
        model=MODEL, messages=mark.messages(), response_format=City,
        extra_headers=script(f"chunks=8,text={quoted(CITY.model_dump_json())}"),
    ) as events:
        for _ in events:
            pass
        assert events.get_final_completion().choices[0].message.parsed == CITY


# === What the client can see of the wire ===


def test_the_generation_id_is_in_a_header_of_the_raw_response(client, mark):
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=mark.messages())
    assert raw.headers["x-generation-id"] == raw.parse().id
    assert raw.headers["content-type"].startswith("application/json")


def test_a_raw_stream_is_made_of_data_lines_and_ends_with_done(client, mark):
    with client.chat.completions.with_streaming_response.create(
        model=MODEL, messages=mark.messages(), stream=True, extra_headers=script("chunks=4")
    ) as raw:
        assert raw.headers["content-type"].startswith("text/event-stream")
        generation_id = raw.headers["x-generation-id"]
        lines = [line for line in raw.iter_lines() if line and not line.startswith(":")]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert {chunk["id"] for chunk in chunks} == {generation_id}
    assert [("usage" in chunk) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


def test_a_silent_provider_is_bridged_by_comments_that_the_client_skips(client, mark):
    silent = script(f"first-token=4s,text={quoted(TEXT)}")
    with client.chat.completions.with_streaming_response.create(
        model=MODEL, messages=mark.messages(), stream=True, extra_headers=silent
    ) as raw:
        before = []
        for line in raw.iter_lines():
            if line.startswith("data:"):
                break
            before.append(line)
    assert any(line.startswith(":") for line in before), "no keep-alive comment in four seconds of silence"
    chunks = list(stream(client, Mark(), silent))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == TEXT


def test_a_model_is_retrieved(client):
    model = client.models.retrieve(MODEL)
    assert (model.id, model.object, model.owned_by) == (MODEL, "model", "simulated")


def test_the_model_list_has_the_simulated_model(client):
    models = {model.id: model for model in client.models.list()}
    assert MODEL in models
    assert models[MODEL].context_length > 0


# === The asynchronous client ===


async def ask(client, number):
    text = f"Answer number {number} and no other."
    answer = await client.chat.completions.create(
        model=MODEL, messages=Mark().messages(), extra_headers=script(f"delay=50ms,text={quoted(text)}")
    )
    return answer.choices[0].message.content == text


async def listen(client, number):
    text = f"Stream number {number} and no other."
    chunks = await client.chat.completions.create(
        model=MODEL, messages=Mark().messages(), stream=True,
        extra_headers=script(f"gap=2ms,chunks=12,text={quoted(text)}"),
    )
    return "".join([c.choices[0].delta.content or "" async for c in chunks if c.choices]) == text


@pytest.mark.parametrize("call", [ask, listen])
def test_forty_calls_at_once_keep_their_answers_apart(call):
    async def all_of_them():
        async with make_client(openai.AsyncOpenAI) as client:
            return await asyncio.gather(*(call(client, number) for number in range(40)))

    assert asyncio.run(all_of_them()) == [True] * 40


def test_the_x_api_key_header_is_accepted_as_well():
    status, body = http("POST", f"{WAYBILL}/api/v1/chat/completions", {
        "model": MODEL, "messages": Mark().messages(),
    }, headers={"x-api-key": KEY})
    assert status == 200 and body["id"].startswith("gen-")
