"""Coding agents from the registry, each of them through one loop: a tool is asked for, run here, and its result read.

An agent has a home and a project of its own and sees nothing else of this machine's settings. The simulated provider
tells it to print a file; what the file holds must come back to the provider.
"""

import glob
import json
import os
import subprocess
import sys
import uuid

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "python"))
from views import KEY, SIMULATOR, WAYBILL, http, quoted

HERE = os.path.dirname(os.path.abspath(__file__))
# An agent that takes longer hangs: it waits for the internet, or for an answer to a question.
SECONDS = 120


class Project:
    """A directory with one file in it, and a home without settings."""

    def __init__(self, place):
        self.word = f"osprey-{uuid.uuid4().hex}"
        self.root, self.home = place / "project", place / "home"
        self.root.mkdir()
        self.home.mkdir()
        (self.root / "word.txt").write_text(f"The word is {self.word}.\n")

    def run(self, command, **environment):
        done = subprocess.run(
            command, cwd=self.root, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS,
            check=False, env={
                "PATH": os.environ["PATH"], "HOME": str(self.home), "TERM": "dumb", "LANG": "C.UTF-8",
                "NO_PROXY": "127.0.0.1,localhost", **environment,
            },
        )
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    def check_loop(self):
        """The provider was asked twice at least, the last time with what the file holds."""
        _, ledger = http("GET", f"{SIMULATOR}/ledger?limit=10000&holding={self.word}")
        assert [entry["status"] for entry in ledger["entries"]] == [200]


@pytest.fixture
def project(tmp_path):
    yield Project(tmp_path)
    http("DELETE", f"{SIMULATOR}/script")


def program(pattern):
    """A binary among what npm has installed."""
    found = [path for path in glob.glob(os.path.join(HERE, "node_modules", pattern)) if os.access(path, os.X_OK)]
    assert len(found) == 1, f"{pattern}: {found or 'not installed'}"
    return found[0]


def say(upstream_model, tools=1, **arguments):
    """What the simulated model says to the next two requests: call the shell (or the first few tools), then end."""
    for script in (f"tools={tools},arguments={quoted(json.dumps(arguments))}", "no-tools,text=All%20is%20done."):
        body = {"model": upstream_model, "script": script, "times": 1}
        assert http("POST", f"{SIMULATOR}/script", body)[0] < 300


# What Waybill serves, and what the simulated provider calls it. The first of each pair is of the agent's own dialect.
CLAUDE = ("simulated/messages", "claude-sonnet-4-5-simulated")
RESPONSES = ("simulated/responses", "responses")
GEMINI = ("simulated/gemini", "gemini-3-simulated")
ECHO = ("simulated/echo", "echo")


@pytest.mark.parametrize(("model", "upstream"), [CLAUDE, GEMINI, RESPONSES, ECHO])
def test_claude_code(project, model, upstream):
    say(upstream, command="cat word.txt", description="Print the file")
    out = project.run(
        [
            program("@anthropic-ai/claude-code-*/claude"), "-p", "Print word.txt.", "--model", model,
            "--tools", "Bash", "--allowedTools", "Bash(cat:*)", "--output-format", "stream-json",
            "--verbose",
        ],
        ANTHROPIC_BASE_URL=f"{WAYBILL}/api", ANTHROPIC_AUTH_TOKEN=KEY, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        ANTHROPIC_DEFAULT_HAIKU_MODEL="simulated/reasoner",
    )
    events = [json.loads(line) for line in out.splitlines()]
    blocks = [block for event in events if event["type"] == "assistant" for block in event["message"]["content"]]
    assert [block["text"] for block in blocks if block["type"] == "text"] == ["All is done."]
    # What `-p` prints: empty, were the text not the last block.
    assert (events[-1]["type"], events[-1]["is_error"], events[-1]["result"]) == ("result", False, "All is done.")
    assert events[-1]["usage"]["output_tokens"] > 0
    project.check_loop()


def run_codex(project, model, more=""):
    """What Codex says of its work, with all of its tools: a search that runs at the provider, and namespaces."""
    settings = project.home / ".codex"
    settings.mkdir()
    (settings / "config.toml").write_text(
        f'model = "{model}"\nmodel_provider = "waybill"\n{more}[model_providers.waybill]\nname = "Waybill"\n'
        f'base_url = "{WAYBILL}/api/v1"\nenv_key = "WAYBILL_KEY"\nwire_api = "responses"\n'
    )
    out = project.run(
        [
            program("@openai/codex-*/vendor/*/bin/codex"), "exec", "--skip-git-repo-check", "--json",
            "--dangerously-bypass-approvals-and-sandbox", "Print word.txt.",
        ],
        WAYBILL_KEY=KEY,
    )
    events = [json.loads(line) for line in out.splitlines()]
    said = [event["item"]["text"] for event in events if event.get("item", {}).get("type") == "agent_message"]
    assert said == ["All is done."]
    assert events[-1]["type"] == "turn.completed"
    project.check_loop()


@pytest.mark.parametrize(("model", "upstream"), [RESPONSES, CLAUDE, GEMINI, ECHO])
def test_codex(project, model, upstream):
    say(upstream, cmd="cat word.txt")
    run_codex(project, model)


@pytest.mark.parametrize(("model", "upstream"), [CLAUDE, GEMINI, ECHO])
def test_codex_knows_its_tools_again(project, model, upstream):
    """The fifth of its tools is in a namespace, which these models' providers know nothing of."""
    say(upstream, tools=5, cmd="cat word.txt", target="nobody")
    run_codex(project, model)
    _, ledger = http("GET", f"{SIMULATOR}/ledger?limit=10000&holding={project.word}")
    body = ledger["entries"][-1]["body"]
    assert "multi_agent_v1__close_agent" in body and "invalid agent id nobody" in body
    # Every seal came back to the call it belongs to.
    assert "skip_thought_signature_validator" not in body


@pytest.mark.parametrize(("model", "upstream"), [RESPONSES, CLAUDE, GEMINI, ECHO])
def test_codex_applies_a_patch(project, model, upstream):
    """`apply_patch` takes free text. Codex has it for models of which its catalog says so: here, one of ours."""
    catalog = project.home / "models.json"
    catalog.write_text(json.dumps({"models": [{
        "slug": model, "display_name": model, "base_instructions": "You are a coding agent.", "priority": 1,
        "apply_patch_tool_type": "freeform", "shell_type": "shell_command", "visibility": "list",
        "supported_in_api": True, "supported_reasoning_levels": [], "supports_reasoning_summaries": False,
        "support_verbosity": False, "supports_parallel_tool_calls": True, "experimental_supported_tools": [],
        "context_window": 100000, "truncation_policy": {"mode": "tokens", "limit": 10000},
    }]}))
    patch = (
        "*** Begin Patch\n*** Update File: word.txt\n@@\n"
        f"-The word is {project.word}.\n+The word \"is\" {project.word}!\n*** End Patch\n"
    )
    # The free text is the fourth of its tools; the first prints the file.
    say(upstream, tools=4, cmd="cat word.txt", input=patch)
    run_codex(project, model, f'model_catalog_json = "{catalog}"\n')
    assert (project.root / "word.txt").read_text() == f'The word "is" {project.word}!\n'
    _, ledger = http("GET", f"{SIMULATOR}/ledger?limit=10000&holding={project.word}")
    body = ledger["entries"][-1]["body"]
    assert "Success. Updated the following files" in body, body[-3000:]
    if model == RESPONSES[0]:
        assert "custom_tool_call_output" in body


@pytest.mark.parametrize(("model", "upstream"), [ECHO, CLAUDE, GEMINI])
def test_opencode(project, model, upstream):
    small = "simulated/reasoner"  # it names the session, and must not take what the other is to say
    (project.root / "opencode.json").write_text(json.dumps({
        "provider": {"openrouter": {
            "options": {"baseURL": f"{WAYBILL}/api/v1", "apiKey": KEY}, "models": {model: {}, small: {}},
        }},
        "model": f"openrouter/{model}", "small_model": f"openrouter/{small}", "share": "disabled", "autoupdate": False,
    }))
    say(upstream, command="cat word.txt", description="Print the file")
    out = project.run(
        [program("opencode-*/bin/opencode"), "run", "--format", "json", "Print word.txt."],
        OPENCODE_DISABLE_AUTOUPDATE="1", OPENCODE_DISABLE_MODELS_FETCH="1", OPENCODE_DISABLE_DEFAULT_PLUGINS="1",
    )
    events = [json.loads(line) for line in out.splitlines()]
    assert "All is done." in [event["part"]["text"] for event in events if event["type"] == "text"]
    assert [event["part"]["state"]["status"] for event in events if event["type"] == "tool_use"] == ["completed"]
    project.check_loop()
