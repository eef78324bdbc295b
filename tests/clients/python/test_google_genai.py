"""What google-genai makes of Waybill's `generateContent`: whole, streamed, with functions, with structure, refused; whatever speaks behind."""

import asyncio
import json

import pytest
from google import genai
from google.genai import errors, types
from views import KEY, MODEL, WAYBILL, Mark, generation, script

# A provider of another dialect, one of this one, and one behind Google's cloud.
MODELS = [MODEL, "simulated/gemini", "simulated/vertex"]


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


@pytest.fixture
def google():
    return genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=WAYBILL))


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_answer_has_text_usage_and_our_id(google, model):
    answer = google.models.generate_content(model=model, contents=Mark().word)
    assert answer.text
    assert answer.model_version == model
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    recorded = generation(answer.response_id)
    assert recorded["tokens_prompt"] == answer.usage_metadata.prompt_token_count


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_says_the_same_and_ends_with_its_usage(google, model):
    word = Mark().word
    # Left alone, each provider of a model says another thing, its own name among it.
    same = {"http_options": {"headers": script("chunks=5,text=The%20same%20from%20everybody.")}}
    whole = google.models.generate_content(model=model, contents=word, config=same).text
    chunks = list(google.models.generate_content_stream(model=model, contents=word, config=same))
    assert "".join(chunk.text or "" for chunk in chunks) == whole
    assert len(chunks) > 1
    assert chunks[-1].usage_metadata.total_token_count > 0
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


def test_the_asynchronous_client_streams_as_well(google):
    async def run():
        stream = await google.aio.models.generate_content_stream(model=MODEL, contents=Mark().word)
        return "".join([chunk.text or "" async for chunk in stream])

    assert asyncio.run(run())


@pytest.mark.parametrize("model", MODELS)
def test_a_function_is_called_and_its_result_is_taken(google, model):
    config = types.GenerateContentConfig(
        tools=[get_weather],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        tool_config=types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY")),
    )
    asked = types.Content(role="user", parts=[types.Part(text=Mark().word)])
    first = google.models.generate_content(model=model, contents=[asked], config=config)
    call = first.function_calls[0]
    assert call.name == "get_weather"
    assert isinstance(call.args["city"], str)
    result = types.Part(function_response=types.FunctionResponse(
        id=call.id, name=call.name, response={"output": get_weather(**call.args)}))
    config.tool_config = None
    contents = [asked, first.candidates[0].content, types.Content(role="user", parts=[result])]
    second = google.models.generate_content(model=model, contents=contents, config=config)
    assert second.text


@pytest.mark.parametrize("model", MODELS)
def test_structure_is_followed(google, model):
    config = types.GenerateContentConfig(
        response_mime_type="application/json",
        response_schema={"type": "OBJECT", "properties": {"name": {"type": "STRING"}}, "required": ["name"]},
    )
    answer = google.models.generate_content(model=model, contents=Mark().word, config=config)
    assert isinstance(json.loads(answer.text)["name"], str)


@pytest.mark.parametrize("model", MODELS)
def test_tokens_are_counted(google, model):
    assert google.models.count_tokens(model=model, contents="one two three").total_tokens > 0


def test_models_are_listed(google):
    names = [model.name for model in google.models.list()]
    assert f"models/{MODEL}" in names


def test_refusals_are_errors_of_the_client():
    stranger = genai.Client(api_key="sk-wb-v1-unknown", http_options=types.HttpOptions(base_url=WAYBILL))
    with pytest.raises(errors.ClientError) as refused:
        stranger.models.generate_content(model=MODEL, contents="x")
    assert refused.value.code == 401
    assert refused.value.status == "UNAUTHENTICATED"
