"""What tests of streaming operations share: batches of streams and what is to come back."""

import zlib
from typing import Any

from worker_process import Worker, batch

ENDLESS = 1_000_000
BOTH = ('{"op":"stream"}', '{"op":"echo"}')


def stream(number: int, *calls: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A batch of stream calls."""
    return batch(number, *calls, **{"op": "stream", "model": "stream", **changes})


def delta(call_id: int, part: int, text: str) -> dict[str, Any]:
    return {"id": call_id, "delta": {"part": part, "crc": zlib.crc32(text.encode())}}


def answer(worker: Worker, call_id: int, text: str, parts: int) -> dict[str, Any]:
    data = text.encode()
    result = {"crc": zlib.crc32(data), "bytes": len(data), "pid": worker.process.pid, "parts": parts}
    return {"id": call_id, "results": [result], "usage": {"tokens": parts}}


def cancelled(call_id: int) -> dict[str, Any]:
    return {"id": call_id, "error": {"code": "ER_DEADLINE", "message": "cancelled"}}


def without_usage(reply: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in reply.items() if key != "usage"}


def ids(parts: dict[str, Any]) -> list[int]:
    assert parts["type"] == "parts"
    return [each["id"] for each in parts["calls"]]


def wait_until_inside(worker: Worker, *call_ids: int) -> None:
    """Waits for a step in which exactly these calls take part."""
    while ids(worker.wait_for("parts")) != list(call_ids):
        pass


# What is said
