"""A worker process on pipes, as the pool would start it, for tests that speak to it frame by frame.

`Worker()` runs the package as it is; `Worker(code=…)` runs a program of the test's own with `-c`, for
operations that misbehave. Messages come as dicts, in order; every wait is bounded, and so is the time in
which a worker is listened to: one that hangs, or talks for ever, fails its test.
"""

import os
import select
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgpack

PACKAGE = Path(__file__).resolve().parent.parent.parent / "python"
PATIENCE_SECONDS = 10.0
LIFE_SECONDS = 60.0

# The start of a program that serves operations of its own: `serve({"echo": Mine()})` is the end of it.
PRELUDE = """
import os, sys, time
from evidence_runner.stdio import take_stdio
frames_in, frames_out = take_stdio()
from evidence_runner import serve as serving
from evidence_runner.errors import ModelError
from evidence_runner.ops.echo import Echo
def serve(operations):
    serving.Server(operations, frames_in, frames_out).run()
"""


class Worker:
    """The process and its pipes; ends it, however it is, at the end of the `with`."""

    def __init__(self, *arguments: str, code: str | None = None) -> None:
        what = ["-m", "evidence_runner"] if code is None else ["-c", PRELUDE + code]
        self.process = subprocess.Popen(
            [sys.executable, "-P", *what, *(arguments or ('{"op":"echo"}',))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        )
        self.born = time.monotonic()
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.stdin, self.stdout, self.stderr = self.process.stdin, self.process.stdout, self.process.stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.stdin, self.stdout, self.stderr):
            pipe.close()

    def send(self, message: dict[str, Any]) -> None:
        body = msgpack.packb(message)
        self.write(struct.pack("<I", len(body)) + body)

    def write(self, data: bytes) -> None:
        self.stdin.write(data)

    def receive(self) -> dict[str, Any]:
        """The next message."""
        assert time.monotonic() < self.born + LIFE_SECONDS, "the worker never said what the test waits for"
        (length,) = struct.unpack("<I", self._take(4))
        return msgpack.unpackb(self._take(length))

    def wait_for(self, kind: str) -> dict[str, Any]:
        """The next message of this kind; those before it are dropped."""
        while (message := self.receive())["type"] != kind:
            pass
        return message

    def boot(self) -> dict[str, Any]:
        """Waits until it is ready."""
        return self.wait_for("ready")

    def exit_code(self) -> int:
        """Waits for its end."""
        return self.process.wait(PATIENCE_SECONDS)

    def said(self) -> str:
        """What it wrote to stderr in its life; only after its end."""
        return self.stderr.read().decode()

    def rest(self) -> bytes:
        """What else it wrote to stdout in its life; only after its end."""
        return self.stdout.read()

    def _take(self, count: int) -> bytes:
        data = b""
        end = time.monotonic() + PATIENCE_SECONDS
        while len(data) < count:
            ready, _, _ = select.select([self.stdout], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the worker says nothing"
            chunk = self.stdout.read(count - len(data))
            assert chunk, f"the worker is gone: {self.said()}"
            data += chunk
        return data


def batch(number: int, *calls: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A batch of echo calls."""
    fields = {"op": "echo", "model": "echo", "hangMs": 20_000, **changes}
    return {"type": "batch", "batch": number, **fields, "calls": list(calls)}


def call(number: int, *items: Any, **options: Any) -> dict[str, Any]:
    """A call of a batch."""
    return {
        "id": number,
        "items": list(items),
        "options": options,
        "attempt": 1,
        "seed": None,
        "traceparent": "",
    }


def echoes(reply: dict[str, Any]) -> list[tuple[float, ...]]:
    results = reply["results"]
    rows, dimensions = results["shape"]
    numbers = struct.unpack(f"<{rows * dimensions}f", results["data"])
    return [numbers[row * dimensions : (row + 1) * dimensions] for row in range(rows)]


def echo_of(text: str, pid: int) -> tuple[float, ...]:
    checksum = zlib.crc32(text.encode())
    return (checksum >> 16, checksum & 0xFFFF, len(text.encode()), pid)
