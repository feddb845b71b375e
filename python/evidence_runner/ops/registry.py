"""Which operations there are, and how each is made from what the pool says. No heavy import happens here."""

import json
from typing import Any

from .echo import Echo
from .operation import Operation, StepOperation
from .stream import SLOTS, Stream


def operations_of(arguments: list[str]) -> dict[str, Operation | StepOperation]:
    """The operations that the arguments name, by name; each argument is a JSON object with an ``op``."""
    settings = [json.loads(argument) for argument in arguments] or [{"op": "echo"}]
    made = [_make(setting) for setting in settings]
    return {operation.name: operation for operation in made}


def _make(setting: dict[str, Any]) -> Operation | StepOperation:
    if setting["op"] == "echo":
        return Echo()
    if setting["op"] == "stream":
        return Stream(setting.get("slots", SLOTS))
    if setting["op"] == "embed":
        from .embed import Embed

        more = {"dimensions": setting.get("dimensions"), "most_tokens": setting.get("maxTokens")}
        return Embed(setting["folder"], **more, **_known(setting))
    if setting["op"] == "verify":
        from .verify import Verify

        more = {"first": setting.get("first"), "most_tokens": setting.get("maxTokens")}
        return Verify(setting["folder"], **more, **_known(setting))
    if setting["op"] == "generate":
        from .generate import PREFIX_BYTES, Generate
        from .generate import SLOTS as ROWS

        return Generate(
            setting["folder"],
            slots=setting.get("slots", ROWS),
            prefix_bytes=setting.get("prefixBytes", PREFIX_BYTES),
            memory_bytes=setting.get("memoryBytes"),
            **_known(setting),
        )
    raise SystemExit(
        f"There is no operation {setting['op']!r}; there are echo, stream, embed, verify and generate"
    )


def _known(setting: dict[str, Any]) -> dict[str, Any]:
    """What the pool knows of a model, whatever it is for."""
    return {
        "blas": setting.get("blas"),
        "weights_sha256": setting["sha256"],
        "revision": setting["revision"],
        "model_name": setting["name"],
    }
