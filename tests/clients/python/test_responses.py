"""What openai-python's Responses client makes of answers, from providers of its own dialect and of another."""

import json

import openai
import pytest
from pydantic import BaseModel
from views import MODEL, PICTURE, generation, quoted, script

TEXT = "Grüße aus Köln, καλημέρα, こんにちは, 🚚📦 — and plain words as well."
# The bytes travel to the first, and are translated for the second and third.
MODELS = ["simulated/responses", MODEL, "simulated/azure"]

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
}


class City(BaseModel):
    name: str
    people: int


def check_usage(answer):
    usage = answer.usage
    assert usage.input_tokens > 0 and usage.output_tokens > 0
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.input_tokens_details.cached_tokens == 0
    assert usage.cost > 0


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_answer_has_its_text_and_its_cost(client, mark, model):
    answer = client.responses.create(
        model=model, input=mark.messages(), instructions="Be brief.", temperature=0.5,
        extra_headers=script(f"text={quoted(TEXT)}"),
    )
    assert answer.id.startswith("gen-") and answer.status == "completed"
    assert answer.output_text == TEXT
    assert answer.instructions == "Be brief." and answer.temperature == 0.5
    check_usage(answer)
    assert mark.served_once()["status"] == 200
    assert generation(answer.id)["total_cost"] == answer.usage.cost


@pytest.mark.parametrize("model", MODELS)
def test_the_stream_helper_adds_the_events_up(client, mark, model):
    with client.responses.stream(
        model=model, input=mark.messages(), extra_headers=script(f"chunks=10,text={quoted(TEXT)}")
    ) as stream:
        events = list(stream)
        answer = stream.get_final_response()
    assert [event.sequence_number for event in events if event.sequence_number is not None]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == TEXT
    assert answer.output_text == TEXT and answer.id.startswith("gen-")
    check_usage(answer)


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_is_called_and_its_result_taken(client, mark, model):
    question = mark.messages("How is the weather?")
    answer = client.responses.create(
        model=model, input=question, tools=[WEATHER], tool_choice="required",
        extra_headers=script("reasoning=20") if model == MODELS[0] else None,
    )
    calls = [item for item in answer.output if item.type == "function_call"]
    assert calls and set(json.loads(calls[0].arguments)) == {"city", "days"}
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"} for call in calls
    ]
    history = [*question, *(item.model_dump(exclude_none=True) for item in answer.output), *results]
    second = client.responses.create(
        model=model, input=history, tools=[WEATHER], tool_choice="none", extra_headers=script("text=Sunny"),
    )
    assert second.output_text == "Sunny"


@pytest.mark.parametrize("model", MODELS)
def test_structure_is_parsed(client, mark, model):
    city = City(name="Köln", people=1_073_096)
    answer = client.responses.parse(
        model=model, input=mark.messages(), text_format=City,
        extra_headers=script(f"text={quoted(city.model_dump_json())}"),
    )
    assert answer.output_parsed == city


@pytest.mark.parametrize("model", MODELS)
def test_silence_is_bridged_by_events(client, mark, model):
    events = list(client.responses.create(
        model=model, input=mark.messages(), stream=True, extra_headers=script("first-token=4s,text=Late"),
    ))
    kinds = [event.type for event in events]
    assert kinds.count("response.created") == 1 and kinds.count("response.in_progress") >= 3
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.output_text == "Late"


def test_state_that_is_not_kept_is_refused_with_the_way_out(client, mark):
    for more in ({"store": True}, {"previous_response_id": "resp_1"}, {"background": True}):
        with pytest.raises(openai.BadRequestError) as refused:
            client.responses.create(model=MODEL, input=mark.messages(), **more)
        assert refused.value.code == "invalid_prompt"
        assert refused.value.param == next(iter(more))
    assert mark.served() == []


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_that_breaks_off_ends_in_a_failure(client, mark, model):
    events = list(client.responses.create(
        model=model, input=mark.messages(), stream=True,
        extra_headers=script(f"chunks=10,error=3,text={quoted(TEXT)}"),
    ))
    assert events[-1].type == "response.failed"
    assert events[-1].response.status == "failed" and events[-1].response.error.code == "server_error"


@pytest.mark.parametrize("model", [*MODELS, "simulated/messages", "simulated/gemini"])
def test_thoughts_are_told_apart(client, mark, model):
    more = {"reasoning": {"effort": "low", "summary": "auto"}, "extra_headers": script("reasoning=20,text=So")}
    answer = client.responses.create(model=model, input=mark.messages(), **more)
    thoughts = [part.text for item in answer.output if item.type == "reasoning" for part in item.summary]
    assert thoughts and thoughts[0] and answer.output_text == "So"
    with client.responses.stream(model=model, input=mark.messages(), **more) as stream:
        kinds = {event.type for event in stream}
        assert stream.get_final_response().output_text == "So"
    assert "response.reasoning_summary_text.delta" in kinds


@pytest.mark.parametrize("model", MODELS)
def test_a_picture_reaches_the_provider(client, mark, model):
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}", "detail": "auto"}
    client.responses.create(model=model, extra_headers=script("tokens=5"), input=[
        {"role": "user", "content": [{"type": "input_text", "text": mark.word}, picture]},
    ])
    assert PICTURE in mark.served_once()["body"]


@pytest.mark.parametrize("model", MODELS)
def test_the_provider_sees_the_client_leave(client, mark, model):
    with client.responses.create(
        model=model, input=mark.messages(), stream=True, extra_headers=script("chunks=500,gap=20ms")
    ) as stream:
        next(event for event in stream if event.type == "response.output_text.delta")
    entry, _ = mark.wait_until_served(lambda entry: entry["disconnected"], 2.0)
    assert entry["finished"] is False
