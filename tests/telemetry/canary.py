"""Secrets and prompts stay where they belong, whatever goes wrong."""

import base64
import json
import os
import urllib.parse

from collector import Grpc, Http, attributes
from house import House, ask

CREDENTIAL = "sk-canary-credential-7f3a9c51e2d84b06"
PROMPT = "canary-prompt-4e1d77b0a95c"
ANSWER = "canary-answer-c05f2b8d6a13"
STRANGER = "sk-wb-v1-" + "ca9a" * 16
HEADER = "canary-header-90be44d1"

# What a provider does, by class of failure; the first are successes.
SCRIPTS = [
    f"text={ANSWER}", f"text={ANSWER},tools=1", f"text={ANSWER},reasoning=20", "refusal", "empty", "finish=length",
    *(f"status={status}" for status in (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)),
    "status=429,retry-after=1", "error-200", "error-200=json", "malformed", "malformed=1", "cut=20", "abort=20", "abort", "reset=20",
    "reset", "error=1", "no-done", "unclosed-tool,tools=1", "hang=headers", "huge=70000", "usage=missing", "finish=missing",
]


def forms(secret):
    """A secret as it is, and as it may hide."""
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, urllib.parse.quote(secret, safe=""), encoded.rstrip("="), secret.encode().hex(), secret[8:]}


def never_told(binaries, place):
    """A canary credential, key, prompt and answer appear in no log, metric, trace, error or URL, whatever fails; prompt and answer only at the destination that is told content"""
    with Grpc() as receiver, Http() as confidant, Http() as stranger:
        more = f'[egress]\nallow = "127.0.0.0/8"\n[telemetry]\nendpoint = "{receiver.url}"\nprotocol = "grpc"\nheaders = "x-proof={HEADER}"\nmetrics_every_ms = 500\n'
        with House(binaries, place, more, filter="debug", credential=CREDENTIAL) as house:
            for place_of, is_private in ((confidant, False), (stranger, True)):
                made = house.desk("POST", "/observability/destinations", {
                    "type": "webhook", "name": "proof", "config": {"url": place_of.url}, "privacy_mode": is_private})
                assert made.status == 201, made.body
            errors = calls(house)
            errors += mistakes(house)
            last = house.chat(f"text={ANSWER}", messages=[{"role": "user", "content": PROMPT}])
            for place_of in (confidant, stranger):
                place_of.kept.wait(lambda kept: kept.trace(last.trace_id))
            told = [house.metrics()]
            plans = [house.chat(path="/plan")]
            assert house.stop() == 0
            with open(house.log, encoding="utf-8") as log:
                told.append(log.read())
            asked = house.asked()
        kept = receiver.kept
        confided = [str(span) for span in confidant.kept.spans]
        # The answer's words are in two of the scripts, whole and streamed; with tools there are none.
        for name, secret, least in (("prompt", PROMPT, 2 * len(SCRIPTS)), ("answer", ANSWER, 4)):
            known = sum(secret in span for span in confided)
            assert known >= least, f"the destination that is told content knows the {name} of {known} calls only"
        told += [str(span) for span in stranger.kept.spans]
        told += spools(os.path.join(place, "data", "broadcast"))
        told += [str(span) for span in kept.spans] + [str(metric) for metric in kept.metrics.values()]
        told += [entry["path"] for entry in asked]
        assert len(kept.spans) > 2 * len(SCRIPTS) and kept.metrics, (len(kept.spans), len(kept.metrics))
        assert any(attributes(span).get("error.type") for span in kept.spans)
        assert len(told[1]) > 10_000, "the log is not as talkative as it was told to be"
        secrets = {"credential": CREDENTIAL, "inference key": house.key, "management key": house.root_key,
                   "stranger's key": STRANGER, "collector's header": HEADER, "prompt": PROMPT, "answer": ANSWER}
        search(secrets, "what was told", told)
        confidential = {name: secret for name, secret in secrets.items() if name not in ("prompt", "answer")}
        search(confidential, "what the destination was told", confided)
        search(secrets, "errors", [error.body.decode(errors="replace") + str(error.headers) for error in errors])
        del secrets["prompt"], secrets["answer"]
        search(secrets, "plans", [plan.body.decode() for plan in plans])
    return f"{len(SCRIPTS)} scripts, {len(errors)} errors, {len(told[1]) // 1000} kB of log, {len(kept.spans)} spans"


def spools(place):
    """Everything that waits for destinations on the disk, as text."""
    found = []
    for folder, _, names in os.walk(place):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                found.append(file.read().decode(errors="replace"))
    assert found, "there is no spool on the disk"
    return found


def calls(house):
    """Every script, whole and streamed, through both dialects; the answers that are errors."""
    errors = []
    prompt = [{"role": "system", "content": PROMPT}, {"role": "user", "content": f"Say {PROMPT}"}]
    tools = [{"type": "function", "function": {"name": "look", "description": PROMPT, "parameters": {"type": "object", "properties": {}}}}]
    for script in SCRIPTS:
        for stream in (False, True):
            answer = house.chat(script, stream=stream, messages=prompt, tools=tools, user="somebody")
            if answer.status != 200:
                errors.append(answer)
    for path, body in [
        ("/messages", {"model": "proof/echo", "max_tokens": 50, "messages": [{"role": "user", "content": PROMPT}]}),
        ("/responses", {"model": "proof/echo", "input": PROMPT}),
        ("/completions", {"model": "proof/echo", "prompt": PROMPT}),
    ]:
        for script in ("", "status=503", "status=400", "malformed"):
            own = {"authorization": f"Bearer {house.key}", "x-simulate": script} if script else {"authorization": f"Bearer {house.key}"}
            answer = ask(house.url, "POST", f"/api/v1{path}", body, own)
            if answer.status != 200:
                errors.append(answer)
    # Providers that repeat what they were sent: the credential must be masked even for the caller.
    echo = urllib.parse.quote(f"Incorrect API key provided: {CREDENTIAL}", safe="")
    for status in (400, 401, 403, 500):
        errors.append(house.chat(f"status={status},message={echo}", messages=prompt))
    # And the prompt, which its own caller may read and nobody else.
    echo = urllib.parse.quote(f"Cannot understand {PROMPT}", safe="")
    for status in (400, 422, 500):
        house.chat(f"status={status},message={echo}", messages=prompt)
    # A caller that leaves in the middle.
    house.chat(f"text={ANSWER},chunks=50,gap=20ms", stream=True, messages=prompt, leave_after=200)
    assert len(errors) > 30, len(errors)
    return errors


def mistakes(house):
    """Requests that are refused at the door."""
    own = {"authorization": f"Bearer {house.key}"}
    broken = [
        ask(house.url, "POST", "/api/v1/chat/completions", f'{{"model": "proof/echo", "messages": [{{"content": "{PROMPT}"'.encode(), own),
        ask(house.url, "POST", "/api/v1/chat/completions", {"model": "no/such", "messages": [{"role": "user", "content": PROMPT}]}, own),
        ask(house.url, "POST", "/api/v1/chat/completions", {"model": "proof/echo", "messages": [{"role": PROMPT[:0] + "nobody", "content": PROMPT}]}, own),
        ask(house.url, "POST", "/api/v1/chat/completions", {"model": "proof/echo", "messages": PROMPT}, own),
        ask(house.url, "POST", "/api/v1/keys", {"name": "x"}, own),
        house.chat(key=STRANGER, messages=[{"role": "user", "content": PROMPT}]),
        house.chat(headers={"x-waybill-hedge": "nonsense"}, messages=[{"role": "user", "content": PROMPT}]),
    ]
    assert all(answer.status >= 400 for answer in broken), [answer.status for answer in broken]
    return broken


def search(secrets, where, texts):
    found = {}
    for text in texts:
        for name, secret in secrets.items():
            for form in forms(secret):
                at = text.find(form)
                if at >= 0:
                    found.setdefault(name, text[max(0, at - 300):at + 120])
    assert not found, f"{where}: {json.dumps(found, indent=1)}"
