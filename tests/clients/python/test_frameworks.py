"""LangChain's ChatOpenAI and ChatAnthropic, and litellm as a client."""

import os

import pytest
from conftest import TIMEOUT_SECONDS
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel
from views import KEY, MODEL, PICTURE, TEXT, WAYBILL, WEATHER_SCHEMA, quoted, script

# It looks for prices on the internet otherwise.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm

MODELS = [MODEL, "simulated/responses", "simulated/messages", "simulated/gemini"]
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
