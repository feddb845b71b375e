"""What the two sides say to each other, field by field. Twin of src/wire/message.ts: the same messages and
fields in the same order; golden frames under test/golden are read and written by both.

What a batch hears depends on its operation's lane, which `ready.lanes` gives. 1: one step; one batch runs at
a time, the others wait. More: so many calls may be inside at once, of any number of batches, beside what else
runs; one call more is a fault of the protocol.

    one step   batch ──▶ started ──▶ results                               one reply a call, all at once
    stepwise   batch ──▶ started ──▶ parts … parts ──▶ results … results   each call's reply at its own end
"""

import threading
from typing import Any, Literal, NotRequired, TypedDict

import msgpack

from .errors import WireError
from .frame import MAX_FRAME_BYTES

PROTOCOL_VERSION = 1


class WireVectors(TypedDict):
    """n rows of d numbers as raw little-endian bytes."""

    dtype: Literal["f32"]
    shape: tuple[int, int]
    data: bytes | memoryview


class WireCall(TypedDict):
    """One slice of a caller's call inside a batch; ``id`` is unique within the worker's generation.

    Ids rise. For a stepwise operation ``items`` holds exactly one.
    """

    id: int
    items: list[Any]
    options: dict[str, Any]
    attempt: int
    seed: int | None
    traceparent: str


class Batch(TypedDict):
    """Node → Python: run this. ``hangMs`` after its start, or its last step, the worker counts as hung."""

    type: Literal["batch"]
    batch: int
    op: str
    model: str
    hangMs: float
    calls: list[WireCall]


class WireFailure(TypedDict):
    code: str
    message: str


class WireUsage(TypedDict):
    tokens: int


class WireReply(TypedDict):
    """Either ``results`` or ``error``."""

    id: int
    results: NotRequired[WireVectors | list[Any]]
    error: NotRequired[WireFailure]
    usage: WireUsage


class Memory(TypedDict):
    """In bytes; MLX's are 0 where MLX is not loaded."""

    rssBytes: int
    peakBytes: int
    mlxActiveBytes: int
    mlxCacheBytes: int


# Node → Python: the fields that each message must have, beside `type`. `cancel` names a call. One that waits,
# or is still to come, is left out of its batch; one of a stepwise operation is removed between two steps and
# answered with ER_DEADLINE, which says that its slot is free. One that is in its only step, or over, goes on
# as if nothing had been said. `shutdown`: finish what came before, rows inside too, and leave.
TO_WORKER: dict[str, tuple[str, ...]] = {
    "batch": ("batch", "op", "model", "hangMs", "calls"),
    "cancel": ("id",),
    "ping": ("id",),
    "shutdown": (),
}
CALL_FIELDS = ("id", "items", "options", "attempt", "seed", "traceparent")


def hello(*, pid: int, python: str, versions: dict[str, str]) -> dict[str, Any]:
    """First words, before any heavy import."""
    return {"type": "hello", "protocol": PROTOCOL_VERSION, "pid": pid, "python": python, "versions": versions}


def ready(
    *,
    ops: list[str],
    models: list[dict[str, Any]],
    lanes: dict[str, int],
    load_ms: float,
    warm_up_ms: float,
    memory: Memory,
    facts: dict[str, str],
) -> dict[str, Any]:
    """Loaded and warm. ``lanes`` gives each operation's capacity: 1 batch, or slots."""
    return {
        "type": "ready",
        "ops": ops,
        "models": models,
        "lanes": lanes,
        "loadMs": load_ms,
        "warmUpMs": warm_up_ms,
        "memory": memory,
        "facts": facts,
    }


def started(batch: int) -> dict[str, Any]:
    """The batch is being run now, or its calls inserted: its hang clock starts."""
    return {"type": "started", "batch": batch}


def results(batch: int, calls: list[WireReply], model_ms: float, memory: Memory) -> dict[str, Any]:
    """One reply a call, in the batch's order. ``model_ms`` counts from the start.

    A batch of a stepwise operation gets as many as it takes: each holds those of its calls that end now.
    """
    return {"type": "results", "batch": batch, "calls": calls, "modelMs": model_ms, "memory": memory}


def parts(calls: list[dict[str, Any]]) -> dict[str, Any]:
    """What one step added to each streaming call, in one frame; the same step's `results` come after it."""
    return {"type": "parts", "calls": calls}


def pong(identifier: int, *, last_step_at: float, in_step: bool, memory: Memory) -> dict[str, Any]:
    """Answer to a ping, from the reader thread. ``last_step_at``: milliseconds since the process began."""
    return {"type": "pong", "id": identifier, "lastStepAt": last_step_at, "inStep": in_step, "memory": memory}


def log(level: str, stage: str, code: str, message: str) -> dict[str, Any]:
    """A line for the host's log; ``fatal`` with a code says why the worker is about to exit."""
    return {"type": "log", "level": level, "stage": stage, "code": code, "message": message}


# Beside a model at work a new packer costs 50 µs, one that is kept 9. Each thread that writes has its own.
_packers = threading.local()
# One that has packed more than this is let go: it would hold that much for good.
_KEPT_BYTES = 1 << 20


def encode(message: dict[str, Any]) -> bytes:
    """A message as a frame's body."""
    packer = _packers.__dict__.pop("own", None) or msgpack.Packer(use_bin_type=True)
    body = packer.pack(message)
    # Only now: one that has failed in the middle is not to be used again.
    if len(body) <= _KEPT_BYTES:
        _packers.own = packer
    return body


def decode(body: bytes) -> dict[str, Any]:
    """The message in a frame's body; WireError for what is not of the protocol."""
    limit = min(len(body), MAX_FRAME_BYTES)
    try:
        message = msgpack.unpackb(
            body,
            raw=False,
            strict_map_key=True,
            max_str_len=limit,
            max_bin_len=limit,
            max_array_len=limit,
            max_map_len=limit,
            max_ext_len=0,
        )
    except ValueError as error:  # msgpack's own errors are ValueErrors
        raise WireError(
            "ER_WIRE", f"A frame is not MessagePack: {error}; it begins {body[:64].hex(' ')}"
        ) from error
    kind = message.get("type") if isinstance(message, dict) else None
    if not isinstance(kind, str) or kind not in TO_WORKER:
        raise WireError("ER_WIRE", f"A message is not of the protocol; it begins {body[:64].hex(' ')}")
    missing = [field for field in TO_WORKER[kind] if field not in message]
    if kind == "batch" and not missing:
        missing = _missing_in_calls(message["calls"])
    if missing:
        raise WireError("ER_WIRE", f"A {kind} message lacks {', '.join(missing)}")
    return message


def _missing_in_calls(calls: Any) -> list[str]:
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        return ["calls that are maps"]
    return [f"calls.{field}" for call in calls for field in CALL_FIELDS if field not in call]
