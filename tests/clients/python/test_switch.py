"""A tool loop of twenty turns whose model changes family in the middle: never refused, and what is lost is said.

The simulated providers judge what comes back to them: thinking whose seal they did not issue is a 400 there, as it is
at the providers that they stand for.
"""

import itertools
import json

import pytest
from conftest import make_anthropic
from views import WEATHER_SCHEMA, script

TURNS = 20
# These seal nothing.
UNSEALED = ["simulated/echo", "simulated/cohere"]
FAMILIES = ["simulated/messages", "simulated/gemini", "simulated/responses", "simulated/echo"]
SWITCHES = [
    *itertools.permutations(FAMILIES, 2),
    ("simulated/bedrock", "simulated/gemini"), ("simulated/responses", "simulated/bedrock"),
    ("simulated/cohere", "simulated/messages"), ("simulated/gemini", "simulated/cohere"),
]
THINK_AND_CALL = "reasoning=20,tools"
DROPPED = "x-waybill-dropped"


def models(switch):
    """The model of each turn: the first family for ten, the second for ten."""
    return [switch[turn * 2 // TURNS] for turn in range(TURNS)]


def check_drops(dropped, switch):
    """What the first family sealed is dropped and named, from the switch on. (That nothing of it was dropped before,
    the simulated providers see to.)"""
    if switch[0] not in UNSEALED:
        assert all("messages[" in (names or "") for names in dropped[TURNS // 2:]), dropped


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("switch", SWITCHES, ids=" to ".join)
def test_openais_client_changes_family(client, mark, switch, stream):
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER_SCHEMA}}
    messages, dropped = mark.messages(), []
    for turn, model in enumerate(models(switch)):
        more = {
            "model": model, "messages": messages, "tools": [tool], "extra_headers": script(THINK_AND_CALL),
            "extra_body": {"reasoning": {"effort": "low"}},
        }
        raw = client.chat.completions.with_raw_response.create(stream=stream, **more)
        dropped.append(raw.headers.get(DROPPED))
        message = added_up(raw.parse()) if stream else raw.parse().choices[0].message.model_dump(exclude_none=True)
        assert message["reasoning_details"], f"no reasoning in turn {turn}"
        (call,) = message["tool_calls"]
        assert set(json.loads(call["function"]["arguments"])) == {"city", "days"}
        messages += [message, {"role": "tool", "tool_call_id": call["id"], "content": f"sunny, turn {turn}"}]
    if switch[1] != FAMILIES[-1]:  # the dialect of the door itself: what the caller holds travels byte for byte
        check_drops(dropped, switch)
    assert [entry["status"] for entry in mark.served()] == [200] * TURNS


def added_up(chunks):
    """The message of a stream, as an agent adds it up."""
    message, details = {"role": "assistant", "content": ""}, []
    for chunk in chunks:
        if not chunk.choices:
            continue
        delta = chunk.choices[0].delta
        message["content"] += delta.content or ""
        for part in (delta.model_extra or {}).get("reasoning_details") or []:
            if details and part["type"] == details[-1]["type"] and part.get("index") == details[-1].get("index"):
                for name in ("text", "summary", "data"):
                    if part.get(name) is not None:
                        details[-1][name] = (details[-1].get(name) or "") + part[name]
                details[-1].update({k: v for k, v in part.items() if k in ("signature", "id", "format") and v})
            else:
                details.append(dict(part))
        for part in delta.tool_calls or []:
            calls = message.setdefault("tool_calls", [])
            if part.index == len(calls):
                calls.append({"id": part.id, "type": "function", "function": {"name": part.function.name, "arguments": ""}})
            calls[part.index]["function"]["arguments"] += part.function.arguments or ""
    return {**message, "reasoning_details": details}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("switch", SWITCHES, ids=" to ".join)
def test_anthropics_client_changes_family(mark, switch, stream):
    tool = {"name": "get_weather", "input_schema": WEATHER_SCHEMA}
    messages, dropped = mark.messages(), []
    with make_anthropic() as client:
        for turn, model in enumerate(models(switch)):
            more = {
                "model": model, "messages": messages, "tools": [tool], "max_tokens": 3000,
                "thinking": {"type": "enabled", "budget_tokens": 1024}, "extra_headers": script(THINK_AND_CALL),
            }
            if stream:
                with client.messages.stream(**more) as events:
                    answer = events.get_final_message()
                    dropped.append(events.response.headers.get(DROPPED))
            else:
                raw = client.messages.with_raw_response.create(**more)
                dropped.append(raw.headers.get(DROPPED))
                answer = raw.parse()
            (call,) = [block for block in answer.content if block.type == "tool_use"]
            assert answer.stop_reason == "tool_use" and set(call.input) == {"city", "days"}
            result = {"type": "tool_result", "tool_use_id": call.id, "content": f"sunny, turn {turn}"}
            messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    check_drops(dropped, switch)
    assert [entry["status"] for entry in mark.served()] == [200] * TURNS
