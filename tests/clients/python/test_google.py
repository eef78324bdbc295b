"""What google-genai makes of answers at `/v1beta/models`, from providers of its own dialect and of others."""

import base64

import pytest
from conftest import make_google
from google.genai import errors, types
from pydantic import BaseModel
from views import EVERY_DIALECT, MODEL, PICTURE, TEXT, TROUBLE, WEATHER_SCHEMA, Mark, quoted, script

OWN = "simulated/gemini"
WEATHER = types.Tool(function_declarations=[
    types.FunctionDeclaration(
        name="get_weather", description="The weather in a city", parameters_json_schema=WEATHER_SCHEMA,
    ),
])


class City(BaseModel):
    name: str
    people: int


@pytest.fixture
def client():
    with make_google() as client:
        yield client


def settings(text=None, **more):
    """A request's settings, with the script for the simulated provider among its headers."""
    options = types.HttpOptions(headers=script(text) if text else {})
    manual = types.AutomaticFunctionCallingConfig(disable=True)
    return types.GenerateContentConfig(http_options=options, automatic_function_calling=manual, **more)


def ask(client, mark, text=None, model=OWN, contents=None, **more):
    return client.models.generate_content(model=model, contents=contents or mark.word, config=settings(text, **more))


def listen(client, mark, text=None, model=OWN, contents=None, **more):
    return client.models.generate_content_stream(
        model=model, contents=contents or mark.word, config=settings(text, **more)
    )


def check_usage(usage):
    assert usage.prompt_token_count > 0 and usage.candidates_token_count > 0
    assert usage.total_token_count >= usage.prompt_token_count + usage.candidates_token_count


@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_a_whole_answer_has_its_text_and_its_usage(client, mark, model):
    answer = ask(client, mark, f"text={quoted(TEXT)}", model, system_instruction="Be brief.", temperature=0.5)
    assert answer.text == TEXT
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    check_usage(answer.usage_metadata)
    assert mark.served_once()["status"] == 200


@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_a_stream_says_the_same(client, mark, model):
    chunks = list(listen(client, mark, f"chunks=10,text={quoted(TEXT)}", model))
    assert "".join(chunk.text or "" for chunk in chunks) == TEXT
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    check_usage(chunks[-1].usage_metadata)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_tools_are_called_with_thought_and_their_results_taken(client, mark, model, stream):
    """The whole content goes back, thought signatures and all: the provider checks them."""
    more = {"tools": [WEATHER], "thinking_config": types.ThinkingConfig(include_thoughts=True)}
    if stream:
        parts = [
            part for chunk in listen(client, mark, "reasoning=20,tools=2", model, **more)
            for part in (chunk.candidates[0].content.parts or [] if chunk.candidates[0].content else [])
        ]
    else:
        parts = ask(client, mark, "reasoning=20,tools=2", model, **more).candidates[0].content.parts
    calls = [part.function_call for part in parts if part.function_call]
    assert [call.name for call in calls] == ["get_weather"] * 2
    assert all(isinstance(call.args["city"], str) and isinstance(call.args["days"], int) for call in calls)
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"sky": "clear"}))
        for call in calls
    ]
    second = ask(client, mark, "no-tools,text=Sunny", model, contents=[
        types.UserContent(mark.word), types.Content(role="model", parts=parts), types.UserContent(results),
    ], **more)
    assert second.text == "Sunny"


def test_a_function_is_called_by_the_sdk_itself(client, mark):
    def get_weather(city: str, days: int) -> str:
        """The weather in a city."""
        asked.append((city, days))
        return "sunny"

    asked = []
    answer = client.models.generate_content(model="simulated/gemini-reasoner", contents=mark.word, config={
        "tools": [get_weather],
        "tool_config": {"function_calling_config": {"mode": "ANY"}},
        "automatic_function_calling": {"maximum_remote_calls": 2},
    })
    assert asked and answer.candidates
    assert all(isinstance(city, str) and isinstance(days, int) for city, days in asked)


@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_thoughts_are_told_apart(client, mark, model):
    answer = ask(
        client, mark, "reasoning=20", model, thinking_config=types.ThinkingConfig(include_thoughts=True),
    )
    assert any(part.thought for part in answer.candidates[0].content.parts)
    # Anthropic's counts do not tell thoughts from the rest.
    assert answer.text and (answer.usage_metadata.thoughts_token_count or 20) == 20


@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_a_picture_reaches_the_provider(client, mark, model):
    picture = types.Part.from_bytes(data=base64.b64decode(PICTURE), mime_type="image/png")
    ask(client, mark, "tokens=5", model, contents=[picture, mark.word])
    assert PICTURE in mark.served_once()["body"]


@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_structure_is_parsed(client, mark, model):
    city = City(name="Köln", people=1_073_096)
    answer = ask(
        client, mark, f"text={quoted(city.model_dump_json())}", model,
        response_mime_type="application/json", response_schema=City,
    )
    assert answer.parsed == city


@pytest.mark.parametrize("model", EVERY_DIALECT)
def test_tokens_are_counted(client, mark, model):
    assert 100 <= client.models.count_tokens(model=model, contents="word " * 100).total_tokens < 1000


# === Trouble ===


@pytest.mark.parametrize("model", [OWN, MODEL])
def test_a_silent_provider_is_waited_for(client, mark, model):
    chunks = list(listen(client, mark, "first-token=4s,text=Late", model))
    assert "".join(chunk.text or "" for chunk in chunks) == "Late"


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("model", [OWN, MODEL, "simulated/messages"])
def test_trouble_in_mid_stream_raises_after_what_had_arrived(client, mark, model, trouble):
    arrived = ""
    with pytest.raises(errors.APIError) as caught:
        for chunk in listen(client, mark, trouble, model):
            arrived += chunk.text or ""
    assert arrived
    assert caught.value.code >= 500


@pytest.mark.parametrize("model", [OWN, MODEL])
def test_errors_have_the_sdks_own_types(client, model):
    with make_google("sk-wb-v1-" + "0" * 64) as stranger, pytest.raises(errors.ClientError) as unknown:
        ask(stranger, Mark(), model=model)
    assert unknown.value.code == 401 and unknown.value.status == "UNAUTHENTICATED"
    with pytest.raises(errors.ClientError) as limited:
        ask(client, Mark(), "status=429", model)
    assert limited.value.code == 429 and limited.value.status == "RESOURCE_EXHAUSTED"
    with pytest.raises(errors.ClientError) as refused:
        ask(client, Mark(), model="simulated/gemni")
    assert refused.value.code == 400 and refused.value.status == "INVALID_ARGUMENT"
    with pytest.raises(errors.ServerError):
        ask(client, Mark(), "status=503", model)


def test_contents_are_embedded(client):
    answer = client.models.embed_content(model="simulated/vectors", contents=["one", "two"])
    assert len(answer.embeddings) == 2 and all(len(one.values) > 0 for one in answer.embeddings)


def test_a_model_is_retrieved(client):
    assert client.models.get(model=MODEL).name == f"models/{MODEL}"


def test_the_models_are_listed(client):
    assert any(model.name.endswith(OWN) or model.name.endswith("/gemini") for model in client.models.list())


@pytest.mark.alone
def test_the_provider_sees_the_client_leave(client, mark):
    chunks = listen(client, mark, "chunks=500,gap=20ms")
    next(chunks)
    chunks.close()
    entry, _ = mark.wait_until_served(lambda entry: entry["disconnected"], 2.0)
    assert entry["finished"] is False
