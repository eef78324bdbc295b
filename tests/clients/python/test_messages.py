"""What the anthropic SDK makes of answers at `/messages`, from providers of its own dialect and of others."""

import anthropic
import pytest
from conftest import make_anthropic
from pydantic import BaseModel
from views import (
    DISCONNECT_SECONDS, EVERY_DIALECT, MODEL, PICTURE, TEXT, TROUBLE, WEATHER_SCHEMA, Mark, generation, quoted, script,
)

OWN = "simulated/messages"
WEATHER = {"name": "get_weather", "description": "The weather in a city", "input_schema": WEATHER_SCHEMA}
THINKING = {"type": "enabled", "budget_tokens": 1024}


class City(BaseModel):
    name: str
    people: int


@pytest.fixture
def client():
    with make_anthropic() as client:
        yield client


def ask(client, mark, text=None, model=OWN, **more):
    more = {"messages": mark.messages(), "max_tokens": 2000, **more}
    return client.messages.create(model=model, extra_headers=script(text) if text else None, **more)


def listen(client, mark, text=None, model=OWN, **more):
    more = {"messages": mark.messages(), "max_tokens": 2000, **more}
    return client.messages.stream(model=model, extra_headers=script(text) if text else None, **more)


@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_a_whole_answer_has_its_text_and_its_cost(client, mark, model):
    raw = client.messages.with_raw_response.create(
        model=model, max_tokens=200, messages=mark.messages(), system="Be brief.",
        extra_headers=script(f"text={quoted(TEXT)}"),
    )
    answer = raw.parse()
    assert answer.type == "message" and answer.role == "assistant"
    assert [(block.type, block.text) for block in answer.content] == [("text", TEXT)]
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0
    record = generation(raw.headers["x-generation-id"])
    assert record["total_cost"] == answer.usage.cost > 0
    assert record["native_tokens_prompt"] == answer.usage.input_tokens
    assert record["native_tokens_completion"] == answer.usage.output_tokens
    assert mark.served_once()["status"] == 200


@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_the_stream_helper_adds_the_events_up(client, mark, model):
    with listen(client, mark, f"chunks=10,text={quoted(TEXT)}", model) as stream:
        assert "".join(stream.text_stream) == TEXT
        answer = stream.get_final_message()
    assert answer.content[0].text == TEXT
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_tools_are_called_with_thought_and_their_results_taken(client, mark, model, stream):
    """The whole answer goes back, signatures and all: the provider checks them."""
    more = {"tools": [WEATHER], "thinking": THINKING, "model": model}
    if stream:
        with listen(client, mark, "reasoning=20,tools=2", **more) as events:
            answer = events.get_final_message()
    else:
        answer = ask(client, mark, "reasoning=20,tools=2", **more)
    assert answer.stop_reason == "tool_use"
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert len({call.id for call in calls}) == 2
    assert all(isinstance(call.input["city"], str) and isinstance(call.input["days"], int) for call in calls)
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"} for call in calls]
    second = ask(client, mark, "no-tools,text=Sunny", messages=[
        *mark.messages(), {"role": "assistant", "content": answer.content}, {"role": "user", "content": results},
    ], **more)
    assert [block.text for block in second.content if block.type == "text"] == ["Sunny"]
    assert second.stop_reason == "end_turn"


def test_thinking_is_signed_and_streamed(client, mark):
    with listen(client, mark, "reasoning=20", thinking=THINKING) as stream:
        kinds = {event.type for event in stream}
        thought = stream.get_final_message().content[0]
    assert {"thinking", "signature", "text"} <= kinds
    assert thought.type == "thinking" and thought.thinking and thought.signature


def test_redacted_thinking_comes_through_and_goes_back(client, mark):
    answer = ask(client, mark, "redacted,reasoning=20", thinking=THINKING)
    assert "redacted_thinking" in [block.type for block in answer.content]
    again = ask(client, mark, "tokens=5", thinking=THINKING, messages=[
        *mark.messages(), {"role": "assistant", "content": answer.content}, {"role": "user", "content": "And?"},
    ])
    assert again.stop_reason == "end_turn"


@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_a_picture_reaches_the_provider(client, mark, model):
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
    ask(client, mark, "tokens=5", model, messages=[
        {"role": "user", "content": [picture, {"type": "text", "text": mark.word}]},
    ])
    assert PICTURE in mark.served_once()["body"]


@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_structure_is_parsed(client, mark, model):
    city = City(name="Köln", people=1_073_096)
    answer = client.messages.parse(
        model=model, max_tokens=200, messages=mark.messages(), output_format=City,
        extra_headers=script(f"text={quoted(city.model_dump_json())}"),
    )
    assert answer.parsed_output == city


@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_tokens_are_counted(client, mark, model):
    raw = client.messages.with_raw_response.count_tokens(model=model, messages=mark.messages("word " * 100))
    assert 100 <= raw.parse().input_tokens < 1000
    assert raw.headers["x-waybill-token-count"] in ("provider", "estimate")


def test_cached_tokens_are_told_apart(client, mark):
    system = [{"type": "text", "text": f"{mark.word} " + "word " * 2000, "cache_control": {"type": "ephemeral"}}]
    first = ask(client, mark, system=system)
    second = ask(client, mark, system=system)
    assert first.usage.cache_creation_input_tokens > 1000
    assert second.usage.cache_read_input_tokens == first.usage.cache_creation_input_tokens
    assert second.usage.cost < first.usage.cost


# === Trouble ===


@pytest.mark.parametrize("model", [OWN, MODEL, "simulated/gemini"])
def test_a_silent_provider_is_bridged_by_pings(client, mark, model):
    with client.messages.with_streaming_response.create(
        model=model, max_tokens=200, messages=mark.messages(), stream=True,
        extra_headers=script("first-token=4s,text=Late"),
    ) as raw:
        lines = list(raw.iter_lines())
    assert lines.count("event: ping") >= 3
    with listen(client, Mark(), "first-token=2500ms,text=Late", model) as stream:
        assert "".join(stream.text_stream) == "Late"


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("model", [OWN, MODEL, "simulated/gemini"])
def test_trouble_in_mid_stream_raises_after_what_had_arrived(client, mark, model, trouble):
    arrived = ""
    with pytest.raises(anthropic.APIStatusError) as caught, listen(client, mark, trouble, model) as stream:
        for text in stream.text_stream:
            arrived += text
    assert arrived
    assert caught.value.body["type"] == "error"
    assert caught.value.body["error"]["type"] in ("api_error", "overloaded_error", "timeout_error")


@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_half_a_tool_call_is_never_a_clean_end(client, mark, model):
    with pytest.raises(anthropic.APIStatusError), listen(
        client, mark, "unclosed-tool,tools", model, tools=[WEATHER]
    ) as stream:
        stream.get_final_message()


@pytest.mark.parametrize("model", [OWN, MODEL])
def test_errors_have_the_sdks_own_types(client, model):
    with make_anthropic(api_key="sk-wb-v1-" + "0" * 64) as stranger, pytest.raises(anthropic.AuthenticationError):
        ask(stranger, Mark(), model=model)
    with pytest.raises(anthropic.RateLimitError) as limited:
        ask(client, Mark(), "status=429,retry-after=7", model)
    assert limited.value.response.headers["retry-after"] == "7"
    assert limited.value.body["error"]["type"] == "rate_limit_error"
    with pytest.raises(anthropic.BadRequestError) as refused:
        ask(client, Mark(), model="simulated/mesages")
    assert refused.value.body["error"]["type"] == "invalid_request_error"
    with pytest.raises(anthropic.APIStatusError) as broken:
        ask(client, Mark(), "status=503", model)
    assert broken.value.status_code in (502, 503, 529)


@pytest.mark.alone
@pytest.mark.parametrize("model", [OWN, "simulated/responses"])
def test_the_provider_sees_the_client_leave(client, model):
    waits = []
    for _ in range(3):  # a busy machine may delay the looking: one prompt disconnect of three proves the point
        mark = Mark()
        with listen(client, mark, "chunks=500,gap=20ms", model) as stream:
            next(stream.text_stream)
        entry, waited = mark.wait_until_served(lambda entry: entry["disconnected"], 2.0)
        assert entry["finished"] is False
        waits.append(waited)
        if waited < DISCONNECT_SECONDS:
            return
    pytest.fail(f"the simulator saw the client leave only after {waits} s")


def test_models_are_listed_and_retrieved(client):
    assert MODEL in [model.id for model in client.models.list(limit=5)]  # the SDK turns the pages
    model = client.models.retrieve(MODEL)
    assert (model.id, model.type) == (MODEL, "model") and model.display_name and model.created_at
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("simulated/nobody")
