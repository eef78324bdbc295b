"""Clients and marks for every test; servers and keys come from the environment (see `scripts/test-clients`)."""

import openai
import pytest
import views

# A test that waits longer than this has hung; no retries, so that every test sees the first answer.
TIMEOUT_SECONDS = 30.0


def make_client(kind=openai.OpenAI, key=views.KEY, path="/api/v1"):
    return kind(base_url=views.WAYBILL + path, api_key=key, timeout=TIMEOUT_SECONDS, max_retries=0)


@pytest.fixture
def client():
    with make_client() as client:
        yield client


@pytest.fixture
def mark():
    return views.Mark()
