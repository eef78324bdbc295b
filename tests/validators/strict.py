"""Judges JSON by the types of a provider's own SDK, and takes no member that they do not name.

SDKs are lenient towards members that they do not know and towards lists that they read later; a
provider is not. So the schema that pydantic made of a type is copied with both made strict.
"""

import pydantic
import pydantic_core

# What describes a value otherwise than by a schema.
OPAQUE = ("metadata", "serialization", "cls", "default", "config")


def closed(schema):
    """The same schema, in which every object is closed and every list is looked into."""
    if isinstance(schema, (list, tuple)):
        return type(schema)(closed(part) for part in schema)
    if not isinstance(schema, dict):
        return schema
    copy = {name: part if name in OPAQUE else closed(part) for name, part in schema.items()}
    kind = copy.get("type")
    if kind == "generator":
        copy["type"] = "list"
    if kind in ("typed-dict", "model-fields"):
        copy["extra_behavior"] = "forbid"
        copy.pop("extras_schema", None)
    if kind in ("typed-dict", "model") and copy.get("config"):
        copy["config"] = {**copy["config"], "extra_fields_behavior": "forbid"}
    return copy


class Judge:
    """Judges values by one type."""

    def __init__(self, kind):
        adapter = pydantic.TypeAdapter(kind)
        adapter.rebuild(force=False, raise_errors=False)
        self.validator = pydantic_core.SchemaValidator(closed(adapter.core_schema), _use_prebuilt=False)

    def faults(self, value):
        """What is wrong: where it stands, and what the SDK says. Branches of unions are told apart by
        their names, so the shortest list of them is not known; the caller compares places alone."""
        try:
            self.validator.validate_python(value)
        except pydantic.ValidationError as error:
            return [(tuple(fault["loc"]), fault["msg"]) for fault in error.errors(include_url=False)]
        except (TypeError, AttributeError, ValueError) as error:
            return [((), f"the SDK's own type fails: {error!r}")]
        return []
