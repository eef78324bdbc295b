"""One judge per provider: what its own SDK says of a request."""

import inspect
import typing

import pydantic

from strict import Judge


def openai_chat(stream):
    from openai.types.chat import completion_create_params as params
    return params.CompletionCreateParamsStreaming if stream else params.CompletionCreateParamsNonStreaming


def openai_responses(stream):
    from openai.types.responses import response_create_params as params
    return params.ResponseCreateParamsStreaming if stream else params.ResponseCreateParamsNonStreaming


def anthropic(stream):
    from anthropic.types import message_create_params as params
    return params.MessageCreateParamsStreaming if stream else params.MessageCreateParamsNonStreaming


def anthropic_beta(stream):
    from anthropic.types.beta import message_create_params as params
    return params.MessageCreateParamsStreaming if stream else params.MessageCreateParamsNonStreaming


def mistral(stream):
    from mistralai.client import models
    return models.ChatCompletionStreamRequest if stream else models.ChatCompletionRequest


def cohere(stream):
    """The SDK has no type for the body: its client's method takes the members one by one."""
    from cohere.v2.client import V2Client
    method = V2Client.chat_stream if stream else V2Client.chat
    members = {
        name: (argument.annotation, ... if argument.default is inspect.Parameter.empty else None)
        for name, argument in inspect.signature(method).parameters.items()
        if name not in ("self", "request_options")
    }
    members["stream"] = (bool, False)
    config = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    return pydantic.create_model("Chat", __config__=config, **members)


def google(_stream):
    """The SDK puts the body together from these parts."""
    from google.genai import types
    parts = {
        "contents": (list[types.Content], ...),
        "systemInstruction": (typing.Optional[types.Content], None),
        "tools": (typing.Optional[list[types.Tool]], None),
        "toolConfig": (typing.Optional[types.ToolConfig], None),
        "generationConfig": (typing.Optional[types.GenerationConfig], None),
        "safetySettings": (typing.Optional[list[types.SafetySetting]], None),
        "cachedContent": (typing.Optional[str], None),
        "labels": (typing.Optional[dict[str, str]], None),
        "serviceTier": (typing.Optional[str], None),
    }
    config = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    return pydantic.create_model("GenerateContent", __config__=config, **parts)


class Bedrock:
    """The SDK checks by the description of the service, without pydantic."""

    def __init__(self):
        import botocore.session
        import botocore.validate
        service = botocore.session.get_session().get_service_model("bedrock-runtime")
        self.shapes = {
            stream: service.operation_model("ConverseStream" if stream else "Converse").input_shape
            for stream in (False, True)
        }
        self.validator = botocore.validate.ParamValidator()

    def faults(self, body, stream):
        report = self.validator.validate({**body, "modelId": "m"}, self.shapes[stream]).generate_report()
        return [((), line) for line in report.splitlines()]


# One of them must fit: what is new has betas first, and what is old loses them first.
TYPES = {
    ("openai-chat", "openai"): [openai_chat],
    ("openai-chat", "mistral"): [mistral],
    ("openai-responses", "openai"): [openai_responses],
    ("anthropic-messages", "anthropic"): [anthropic, anthropic_beta],
    ("gemini", "google-ai-studio"): [google],
    ("cohere", "cohere"): [cohere],
}


class Judges:
    """All of them, made when they are needed."""

    def __init__(self):
        self.made = {}

    def faults(self, dialect, provider, stream, body):
        if dialect == "bedrock-converse":
            return self.made.setdefault(dialect, Bedrock()).faults(body, stream)
        key = (dialect, provider, stream)
        if key not in self.made:
            self.made[key] = [Judge(kind(stream)) for kind in TYPES[dialect, provider]]
        faults = [judge.faults(body) for judge in self.made[key]]
        return min(faults, key=len)
