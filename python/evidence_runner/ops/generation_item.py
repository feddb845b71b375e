"""What a call of `generate` asks for, checked. Twin of src/models/generation.ts; it knows no model."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors import ModelError


class GenerationItem(NamedTuple):
    """One text to be written, or labels to be weighed where `labels` is given.

    `system`, `shared` and `prompt` are data, in the order in which they are read; `scope` is who may share
    the keys and values of what stands before `prompt`, '' no one.
    """

    system: str
    shared: str
    prompt: str
    maxTokens: int
    temperature: float
    topP: float
    topK: int
    stop: list[str]
    schema: str | None
    labels: list[str] | None
    scope: str
    seed: int | None
    stream: bool


def generation_item(value: Any) -> GenerationItem:
    """The item as it came; ModelError ER_MODEL_INPUT names the key at fault."""
    if not isinstance(value, dict):
        raise refuse(f"is an object, not {type(value).__name__}")
    missing = [field for field in GenerationItem._fields if field not in value]
    unknown = [str(field) for field in value if field not in GenerationItem._fields]
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"has no {', '.join(unknown)}"
        raise refuse(what)
    item = GenerationItem(**value)
    for field in ("system", "shared", "prompt", "scope"):
        _text(field, value[field])
    if item.schema is not None:
        _text("schema", item.schema)
    for field, least in (("maxTokens", 1), ("topK", 0)):
        if type(value[field]) is not int or value[field] < least:
            raise refuse(f"needs a whole {field} of at least {least}, not {value[field]!r}")
    if not _number(item.temperature) or not 0 <= item.temperature < 1e6:
        raise refuse(f"needs a temperature of at least 0, not {item.temperature!r}")
    if not _number(item.topP) or not 0 < item.topP <= 1:
        raise refuse(f"needs a topP above 0 and up to 1, not {item.topP!r}")
    if item.seed is not None and (type(item.seed) is not int or not 0 <= item.seed < 1 << 64):
        raise refuse(f"needs a seed that is a whole number from 0, not {item.seed!r}")
    if type(item.stream) is not bool:
        raise refuse(f"needs stream to be true or false, not {item.stream!r}")
    _texts("stop", item.stop)
    if item.labels is not None:
        _texts("labels", item.labels)
        if not item.labels:
            raise refuse("needs at least one label")
    if item.labels is not None and item.schema is not None:
        raise refuse("has labels or a schema, not both")
    if not (item.system or item.shared or item.prompt):
        raise refuse("has nothing to read: system, shared and prompt are empty")
    return item


def refuse(reason: str) -> ModelError:
    return ModelError("ER_MODEL_INPUT", f"An item of generate {reason}")


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def _texts(field: str, value: Any) -> None:
    if not isinstance(value, list):
        raise refuse(f"needs {field} to be a list, not {type(value).__name__}")
    for each in value:
        _text(field, each)
        if not each:
            raise refuse(f"has an empty text in {field}")


def _text(field: str, value: Any) -> None:
    if not isinstance(value, str):
        raise refuse(f"needs {field} to be a text, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise refuse(f"has {field} that is not valid Unicode: {error}") from None
