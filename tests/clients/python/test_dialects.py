"""What openai-python makes of Chat Completions from providers of every dialect."""

import json

import openai
import pytest
from pydantic import BaseModel
from views import EVERY_DIALECT, MODEL, PICTURE, TEXT, TROUBLE, WEATHER_SCHEMA, generation, quoted, script

# The dialect of the door itself has tests of its own.
OTHERS = [model for model in EVERY_DIALECT if model != MODEL]
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER_SCHEMA}}


class City(BaseModel):
    name: str
    people: int


def ask(client, mark, model, text, **more):
    more = {"messages": mark.messages(), **more}
    return client.chat.completions.create(model=model, extra_headers=script(text), **more)


@pytest.mark.parametrize("model", OTHERS)
def test_a_whole_answer_carries_openrouters_fields(client, mark, model):
    answer = ask(client, mark, model, f"text={quoted(TEXT)}", temperature=0.5, max_tokens=200)
    choice, usage = answer.choices[0], answer.usage
    assert (choice.message.content, choice.finish_reason) == (TEXT, "stop")
    assert choice.native_finish_reason and answer.provider and answer.id.startswith("gen-")
    served = mark.served_once()
    record = generation(answer.id)
    assert served["usage_sent"]["prompt"] == usage.prompt_tokens == record["native_tokens_prompt"]
    assert served["usage_sent"]["completion"] == usage.completion_tokens == record["native_tokens_completion"]
    assert record["total_cost"] == usage.cost > 0


@pytest.mark.parametrize("model", OTHERS)
def test_a_stream_says_the_same_and_ends_with_usage(client, mark, model):
    chunks = list(ask(client, mark, model, f"chunks=10,split-utf8,text={quoted(TEXT)}", stream=True))
    assert TEXT in "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert [index for index, chunk in enumerate(chunks) if chunk.usage] == [len(chunks) - 1]
    assert chunks[-1].usage.cost > 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", OTHERS)
def test_tools_are_called_with_thought_and_their_results_taken(client, mark, model, stream):
    """The message goes back as it came, reasoning details and all: the provider checks its seals."""
    more = {"tools": [WEATHER], "extra_body": {"reasoning": {"effort": "low"}}}
    if stream:
        with client.chat.completions.stream(
            model=model, messages=mark.messages(), extra_headers=script("reasoning=20,tools=2"), **more
        ) as events:
            message = events.get_final_completion().choices[0].message
    else:
        message = ask(client, mark, model, "reasoning=20,tools=2", **more).choices[0].message
    calls = message.tool_calls
    assert len({call.id for call in calls}) == 2
    assert all(set(json.loads(call.function.arguments)) == {"city", "days"} for call in calls)
    # What the stream helper adds for itself is no part of the message.
    said = message.model_dump(exclude_none=True, exclude={"parsed"})
    for call in said["tool_calls"]:
        call["function"].pop("parsed_arguments", None)
    second = ask(client, mark, model, "no-tools,text=Sunny", messages=[
        *mark.messages(), said,
        *({"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in calls),
    ], **more)
    assert (second.choices[0].message.content, second.choices[0].finish_reason) == ("Sunny", "stop")


@pytest.mark.parametrize("model", OTHERS)
def test_reasoning_arrives_under_openrouters_names(client, mark, model):
    answer = ask(client, mark, model, "reasoning=20", extra_body={"reasoning": {"effort": "high", "summary": "auto"}})
    assert answer.choices[0].message.reasoning
    assert answer.choices[0].message.reasoning_details
    # The counts of some do not tell reasoning from the rest.
    tells = model not in ("simulated/messages", "simulated/bedrock", "simulated/cohere")
    assert answer.usage.completion_tokens_details.reasoning_tokens == (20 if tells else 0)


@pytest.mark.parametrize("model", OTHERS)
def test_a_picture_reaches_the_provider(client, mark, model):
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}
    ask(client, mark, model, "tokens=5", messages=[
        {"role": "user", "content": [{"type": "text", "text": mark.word}, picture]},
    ])
    assert PICTURE in mark.served_once()["body"]


@pytest.mark.parametrize("model", OTHERS)
def test_parse_returns_the_callers_own_type(client, mark, model):
    city = City(name="Köln", people=1_073_096)
    answer = client.chat.completions.parse(
        model=model, messages=mark.messages(), response_format=City,
        extra_headers=script(f"text={quoted(city.model_dump_json())}"),
    )
    assert answer.choices[0].message.parsed == city


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("model", OTHERS)
def test_trouble_in_mid_stream_raises_after_what_had_arrived(client, mark, model, trouble):
    arrived = ""
    with pytest.raises(openai.APIError) as caught:
        for chunk in ask(client, mark, model, trouble, stream=True):
            arrived += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    assert arrived
    assert type(caught.value) is openai.APIError and caught.value.body["code"] >= 500


@pytest.mark.parametrize("model", OTHERS)
def test_half_a_tool_call_is_never_a_clean_end(client, mark, model):
    finish = None
    try:
        for chunk in ask(client, mark, model, "unclosed-tool,tools", stream=True, tools=[WEATHER]):
            if chunk.choices:
                finish = chunk.choices[0].finish_reason or finish
    except openai.APIError:
        finish = "error"
    assert finish == "error"  # Gemini itself says so, in its own word; the others' streams break off


@pytest.mark.parametrize("model", OTHERS)
def test_a_refusal_of_the_provider_has_its_own_status(client, mark, model):
    with pytest.raises(openai.RateLimitError) as limited:
        ask(client, mark, model, "status=429")
    assert limited.value.body["metadata"]["error_type"] == "rate_limit_exceeded"
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, mark, model, "status=400,message=The%20provider%20says%20no")
    assert refused.value.body["metadata"]["provider_name"]


@pytest.mark.parametrize("model", OTHERS)
def test_a_silent_provider_is_bridged(client, mark, model):
    chunks = list(ask(client, mark, model, "first-token=2500ms,text=Late", stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Late"
