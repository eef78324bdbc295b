"""LangChain's ChatOpenAI and ChatAnthropic, and litellm as a client."""

import os

import pytest
from conftest import TIMEOUT_SECONDS
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel
from views import KEY, MODEL, PICTURE, TEXT, WAYBILL, WEATHER_SCHEMA, quoted, script

# It looks for prices on the internet otherwise.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm

MODELS = [MODEL, "simulated/responses", "simulated/messages", "simulated/gemini"]
# How long a test looks whether a client that left was seen to leave.
LOOK_SECONDS = 2.0
WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather in a city", "parameters": WEATHER_SCHEMA,
}}


class City(BaseModel):
    """A city."""

    name: str
    people: int


def chat_openai(model, text=None, **more):
    return ChatOpenAI(
        base_url=f"{WAYBILL}/api/v1", api_key=KEY, model=model, max_retries=0, timeout=TIMEOUT_SECONDS,
        default_headers=script(text) if text else None, **more,
    )


def chat_anthropic(model, text=None, **more):
    return ChatAnthropic(
        base_url=f"{WAYBILL}/api", api_key=KEY, model=model, max_retries=0, timeout=TIMEOUT_SECONDS, max_tokens=2000,
        default_headers=script(text) if text else None, **more,
    )


def chat_responses(model, text=None, **more):
    return chat_openai(model, text, use_responses_api=True, **more)


@pytest.mark.parametrize("make", [chat_openai, chat_responses, chat_anthropic])
@pytest.mark.parametrize("model", MODELS)
class TestLangChain:
    def test_invoke_and_stream_say_the_same(self, make, model, mark):
        chat = make(model, f"chunks=10,text={quoted(TEXT)}")
        answer = chat.invoke(mark.word)
        assert answer.text == TEXT
        assert answer.usage_metadata["input_tokens"] > 0 and answer.usage_metadata["output_tokens"] > 0
        chunks = list(chat.stream(mark.word))
        assert "".join(chunk.text for chunk in chunks) == TEXT

    def test_a_tool_is_called_and_its_result_taken(self, make, model, mark):
        question = HumanMessage(mark.word)
        call = make(model, "tools").bind_tools([WEATHER]).invoke([question])
        assert [(made["name"], set(made["args"])) for made in call.tool_calls] == [("get_weather", {"city", "days"})]
        result = ToolMessage("sunny", tool_call_id=call.tool_calls[0]["id"])
        answer = make(model, "no-tools,text=Sunny").bind_tools([WEATHER]).invoke([question, call, result])
        assert answer.text == "Sunny"

    def test_streamed_tool_calls_add_up(self, make, model, mark):
        whole = None
        for chunk in make(model, "tools=2").bind_tools([WEATHER]).stream(mark.word):
            whole = chunk if whole is None else whole + chunk
        assert [(made["name"], set(made["args"])) for made in whole.tool_calls] == [("get_weather", {"city", "days"})] * 2

    def test_thoughts_are_told_apart(self, make, model, mark):
        thinking = {
            chat_openai: {"reasoning_effort": "low"},
            chat_responses: {"reasoning": {"effort": "low", "summary": "auto"}},
            chat_anthropic: {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        }
        chat = make(model, "reasoning=20,text=So", **thinking[make])
        answer, whole = chat.invoke(mark.word), None
        for chunk in chat.stream(mark.word):
            whole = chunk if whole is None else whole + chunk
        for said in (answer, whole):
            thoughts = [block for block in said.content_blocks if block["type"] == "reasoning" and block.get("reasoning")]
            assert bool(thoughts) is (make is not chat_openai)  # it reads none from Chat Completions
            assert said.text == "So"

    def test_a_silent_provider_is_waited_for(self, make, model, mark):
        chunks = list(make(model, "first-token=2500ms,text=Late").stream(mark.word))
        assert "".join(chunk.text for chunk in chunks) == "Late"

    def test_the_provider_sees_the_client_leave(self, make, model, mark):
        stream = make(model, "chunks=500,gap=20ms").stream(mark.word)
        next(chunk for chunk in stream if chunk.text)
        stream.close()
        entry, _ = mark.wait_until_served(lambda entry: entry["disconnected"], LOOK_SECONDS)
        assert entry["finished"] is False

    def test_trouble_in_mid_stream_is_raised(self, make, model, mark):
        with pytest.raises(Exception, match=r"(?i)simulated|provider|error"):
            list(make(model, "error=3,chunks=20,gap=5ms").stream(mark.word))

    def test_a_picture_reaches_the_provider(self, make, model, mark):
        picture = {"type": "image", "base64": PICTURE, "mime_type": "image/png"}
        make(model, "tokens=5").invoke([HumanMessage([{"type": "text", "text": mark.word}, picture])])
        assert PICTURE in mark.served_once()["body"]


@pytest.mark.parametrize("model", MODELS)
def test_langchain_parses_structure(model, mark):
    city = City(name="Köln", people=1_073_096)
    chat = chat_openai(model, f"text={quoted(city.model_dump_json())}")
    assert chat.with_structured_output(City, method="json_schema").invoke(mark.word) == city


# === litellm ===


def routes(model):
    """The ways in which litellm may be told of a Waybill: as OpenAI, as OpenRouter and as Anthropic."""
    return [
        {"model": f"openai/{model}", "api_base": f"{WAYBILL}/api/v1"},
        {"model": f"openrouter/{model}", "api_base": f"{WAYBILL}/api/v1"},
        {"model": f"anthropic/{model}", "api_base": f"{WAYBILL}/api"},
    ]


ROUTES = [route for model in MODELS for route in routes(model)]


def ask(route, mark, text, **more):
    return litellm.completion(
        messages=mark.messages(), api_key=KEY, extra_headers=script(text), num_retries=0, max_retries=0,
        timeout=TIMEOUT_SECONDS, max_tokens=2000, **route, **more,
    )


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route["model"])
def test_litellm_asks_whole_and_streamed(route, mark):
    answer = ask(route, mark, f"text={quoted(TEXT)}")
    assert answer.choices[0].message.content == TEXT
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0
    chunks = list(ask(route, mark, f"chunks=10,text={quoted(TEXT)}", stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route["model"])
def test_litellm_calls_tools(route, mark):
    answer = ask(route, mark, "tools=2", tools=[WEATHER])
    assert answer.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == ["get_weather"] * 2


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route["model"])
def test_litellm_raises_what_goes_wrong(route, mark):
    with pytest.raises(litellm.RateLimitError):
        ask(route, mark, "status=429")
    with pytest.raises((litellm.APIError, litellm.InternalServerError, litellm.exceptions.MidStreamFallbackError)):
        list(ask(route, mark, "error=3,chunks=20,gap=5ms", stream=True))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route["model"])
def test_litellm_tells_thoughts_apart(route, mark):
    # It knows no models but its own, and must be told that this one can think.
    more = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "allowed_openai_params": ["thinking"]}
    if not route["model"].startswith("anthropic/"):
        more = {"extra_body": {"reasoning": {"effort": "low"}}}
    message = ask(route, mark, "reasoning=20,text=So", **more).choices[0].message
    assert (bool(message.reasoning_content), message.content) == (True, "So")
    deltas = [chunk.choices[0].delta for chunk in ask(route, mark, "reasoning=20,text=So", stream=True, **more)]
    assert any(getattr(delta, "reasoning_content", None) for delta in deltas)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route["model"])
def test_litellm_waits_for_a_silent_provider(route, mark):
    chunks = list(ask(route, mark, "first-token=2500ms,text=Late", stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Late"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route["model"])
def test_the_provider_sees_litellm_leave(route, mark):
    stream = ask(route, mark, "chunks=500,gap=20ms", stream=True)
    next(chunk for chunk in stream if chunk.choices[0].delta.content)
    stream.close()
    entry, _ = mark.wait_until_served(lambda entry: entry["disconnected"], LOOK_SECONDS)
    assert entry["finished"] is False
