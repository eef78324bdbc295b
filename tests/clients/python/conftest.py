"""Clients and marks for every test; servers and keys come from the environment (see `scripts/test-clients`)."""

import anthropic
import openai
import pytest
import views
from google import genai

# A test that waits longer than this has hung; no retries, so that every test sees the first answer.
TIMEOUT_SECONDS = 30.0


def make_client(kind=openai.OpenAI, key=views.KEY, path="/api/v1"):
    return kind(base_url=views.WAYBILL + path, api_key=key, timeout=TIMEOUT_SECONDS, max_retries=0)


def make_anthropic(kind=anthropic.Anthropic, **more):
    more = {"api_key": views.KEY, **more}
    return kind(base_url=f"{views.WAYBILL}/api", timeout=TIMEOUT_SECONDS, max_retries=0, **more)


def make_google(key=views.KEY):
    options = {"base_url": f"{views.WAYBILL}/api", "api_version": "v1beta", "timeout": int(TIMEOUT_SECONDS * 1000)}
    return genai.Client(api_key=key, http_options=options)


@pytest.fixture
def client():
    with make_client() as client:
        yield client


@pytest.fixture
def mark():
    return views.Mark()
