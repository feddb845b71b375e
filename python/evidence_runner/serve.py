"""The worker's only loop: reader thread → model thread (main) → writer thread.

    stdin ──frames──▶ reader ──inbox──▶ model ──started, results──────────▶ stdout's old descriptor
                        │ answers pings   │ all else                        ▲
                        └─────────────────┴──────outbox──▶ writer ──────────┘

The model thread writes what starts and ends its batch itself: it has nothing else to do then, and handing a
frame to another thread costs up to 60 µs. It alone touches a model: load, warm-up, forward.

A RunnerError that an operation raises answers the call that it belongs to; any other exception there ends the
process, and the pool heals. The end of stdin ends the process at once, whatever the model thread is doing.
"""

import faulthandler
import os
import queue
import sys
import threading
import time
from typing import Any, BinaryIO

from . import message as wire
from .errors import InputError, RunnerError, WireError
from .frame import read_frame, write_frame
from .log import note, note_error
from .ops.operation import Operation
from .ops.vectors import Vectors
from .runtime import memory
from .stdio import raise_buffers

EXIT_DONE = 0
EXIT_WIRE = 65
EXIT_BOOT = 69
EXIT_CRASH = 70

# The pool kills a hung worker itself; this is for the day when the pool is gone or blocked. Arming starts a
# thread, so one watch serves many batches: it is set for longer than a batch may take, and again when less
# than that is left.
WATCHDOG_GRACE_SECONDS = 5.0
WATCHDOG_SLACK = 2.0
WATCHDOG_IDLE_SECONDS = 1.0
# Memory figures ride on replies; reading them more often than this would cost more than it tells.
MEMORY_EVERY_SECONDS = 0.25

_STOP = object()


class Server:
    """Serves ``operations`` (by name) over a pair of descriptors until told to stop or left alone."""

    def __init__(self, operations: dict[str, Operation], frames_in: BinaryIO, frames_out: int) -> None:
        self._operations = operations
        self._frames_in = frames_in
        self._frames_out = frames_out
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._last_call = 0
        self._writer = threading.Thread(target=self._write, name="writer", daemon=True)
        self._write_lock = threading.Lock()
        self._watched_until = 0.0
        self._began = time.monotonic()
        self._last_step = self._began
        self._in_step = False
        self._memory = memory()
        self._memory_at = 0.0

    def run(self) -> None:
        """Says hello, loads, warms up, says ready and serves. Ends with the process."""
        faulthandler.enable()
        self._writer.start()
        self._send(wire.hello(pid=os.getpid(), python=sys.version.split()[0], versions=_versions()))
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        try:
            load_ms, warm_up_ms = self._boot()
        except Exception as error:
            note_error("the worker can't start", error)
            failure = _boot_failure(error)
            self._send(wire.log("fatal", "loading", failure.code, failure.message))
            self._exit(EXIT_BOOT)
        self._send(
            wire.ready(
                ops=list(self._operations),
                models=[{"op": name, **operation.facts} for name, operation in self._operations.items()],
                lanes=dict.fromkeys(self._operations, 1),
                load_ms=load_ms,
                warm_up_ms=warm_up_ms,
                memory=self._figures(),
                facts=self._facts(),
            )
        )
        self._serve()

    def _boot(self) -> tuple[float, float]:
        """Loads and warms up every operation; returns how long each took, in milliseconds."""
        begin = time.monotonic()
        for operation in self._operations.values():
            operation.load()
        loaded = time.monotonic()
        self._send(wire.log("info", "warming", "", "loaded"))
        for operation in self._operations.values():
            operation.warm_up()
        return (loaded - begin) * 1000, (time.monotonic() - loaded) * 1000

    def _serve(self) -> None:
        try:
            while (item := self._next()) is not _STOP:
                self._run_batch(item)
        except BaseException as error:  # whatever it is, the model's state can't be trusted any more
            note_error("the model thread failed", error)
            self._exit(EXIT_CRASH)
        self._exit(EXIT_DONE)

    def _next(self) -> Any:
        """The next batch, or ``_STOP``. A worker that stays idle is not watched."""
        if self._watched_until:
            try:
                return self._inbox.get(timeout=WATCHDOG_IDLE_SECONDS)
            except queue.Empty:
                faulthandler.cancel_dump_traceback_later()
                self._watched_until = 0.0
        return self._inbox.get()

    def _watch(self, hang_ms: float) -> None:
        """Sees to it that a batch that never ends ends the process, with every thread's stack on stderr."""
        needed = hang_ms / 1000 + WATCHDOG_GRACE_SECONDS
        now = time.monotonic()
        if self._watched_until - now < needed:
            faulthandler.dump_traceback_later(needed * WATCHDOG_SLACK, exit=True)
            self._watched_until = now + needed * WATCHDOG_SLACK

    def _run_batch(self, batch: wire.Batch) -> None:
        self._watch(batch["hangMs"])
        self._write_frame(wire.started(batch["batch"]))
        begin = time.monotonic()
        self._in_step = True
        calls = [call for call in batch["calls"] if call["id"] not in self._cancelled]
        self._last_call = max((call["id"] for call in batch["calls"]), default=self._last_call)
        replies = self._replies(batch["op"], batch["model"], calls)
        self._in_step = False
        self._last_step = time.monotonic()
        for call in batch["calls"]:
            self._cancelled.discard(call["id"])
        self._write_frame(
            wire.results(batch["batch"], replies, (self._last_step - begin) * 1000, self._figures())
        )

    def _replies(self, op: str, model: str, calls: list[wire.WireCall]) -> list[wire.WireReply]:
        operation = self._operations.get(op)
        if operation is None:
            known = ", ".join(self._operations)
            return [
                _failed(call, InputError("ER_UNKNOWN_OP", f"This worker runs {known}, not {op}"))
                for call in calls
            ]
        if operation.facts["name"] != model:
            error = InputError(
                "ER_UNKNOWN_MODEL", f"This worker runs {op} with {operation.facts['name']}, not {model}"
            )
            return [_failed(call, error) for call in calls]
        replies: dict[int, wire.WireReply] = {}
        for group in _by_options(calls):
            replies.update(self._forward(operation, group))
        return [replies[call["id"]] for call in calls]

    def _forward(self, operation: Operation, calls: list[wire.WireCall]) -> dict[int, wire.WireReply]:
        """Runs calls that share their options as one; if that fails, each alone: one can't fail the rest."""
        items = [item for call in calls for item in call["items"]]
        try:
            results, tokens = operation.forward(items, calls[0]["options"])
        except RunnerError as error:
            if len(calls) == 1:
                return {calls[0]["id"]: _failed(calls[0], error)}
            return {key: reply for call in calls for key, reply in self._forward(operation, [call]).items()}
        if len(results) != len(items):
            raise RuntimeError(f"{operation.name} gave {len(results)} results for {len(items)} items")
        replies: dict[int, wire.WireReply] = {}
        start = 0
        for call in calls:
            stop = start + len(call["items"])
            part = results.part(start, stop) if isinstance(results, Vectors) else results[start:stop]
            replies[call["id"]] = {
                "id": call["id"],
                "results": part,
                "usage": {"tokens": sum(tokens[start:stop])},
            }
            start = stop
        return replies

    def _read(self) -> None:
        """The reader thread: frames to messages; the end of stdin is the end of the process."""
        try:
            while (body := read_frame(self._frames_in)) is not None:
                message = wire.decode(body)
                if message["type"] == "batch":
                    self._inbox.put(message)
                elif message["type"] == "cancel":
                    if message["id"] > self._last_call:  # ids rise; what has begun is not stopped
                        self._cancelled.add(message["id"])
                elif message["type"] == "ping":
                    self._send(self._pong(message["id"]))
                else:
                    self._inbox.put(_STOP)
        except WireError as error:
            note(error.message)
            os._exit(EXIT_WIRE)
        except Exception as error:  # a worker that can't hear any more must not live on
            note_error("the reader thread failed", error)
            os._exit(EXIT_CRASH)
        os._exit(EXIT_DONE)

    def _write(self) -> None:
        """The writer thread: what waits in the outbox, in order."""
        raise_buffers(self._frames_out)
        while (message := self._outbox.get()) is not _STOP:
            self._write_frame(message)

    def _write_frame(self, message: dict[str, Any]) -> None:
        """Writes one frame whole. A peer that is gone ends the process."""
        try:
            body = wire.encode(message)
            with self._write_lock:
                write_frame(self._frames_out, body)
        except OSError:
            os._exit(EXIT_DONE)
        except WireError as error:
            note(error.message)
            os._exit(EXIT_WIRE)

    def _send(self, message: dict[str, Any]) -> None:
        self._outbox.put(message)

    def _exit(self, code: int) -> None:
        """Lets the writer finish and leaves without the interpreter's slow way out."""
        self._outbox.put(_STOP)
        self._writer.join(timeout=1.0)
        sys.stderr.flush()
        os._exit(code)

    def _pong(self, identifier: int) -> dict[str, Any]:
        since = (self._last_step - self._began) * 1000
        return wire.pong(identifier, last_step_at=since, in_step=self._in_step, memory=self._figures())

    def _figures(self) -> wire.Memory:
        now = time.monotonic()
        if now - self._memory_at > MEMORY_EVERY_SECONDS:
            self._memory_at = now
            self._memory = memory()
        return self._memory

    def _facts(self) -> dict[str, str]:
        facts: dict[str, str] = {}
        for operation in self._operations.values():
            machine = getattr(operation, "machine", {})
            facts.update({key: str(value) for key, value in machine.items() if value is not None})
        return facts


def _boot_failure(error: Exception) -> RunnerError:
    """What to tell the host about an operation that did not load or warm up."""
    if isinstance(error, RunnerError):
        return error
    if isinstance(error, ModuleNotFoundError):
        what = f"The Python environment lacks {error.name}; run `npx evidence-runner setup`"
        return RunnerError("ER_WORKER_SPAWN", what)
    return RunnerError("ER_MODEL_LOAD", f"The model can't be used: {type(error).__name__}: {error}")


def _failed(call: wire.WireCall, error: RunnerError) -> wire.WireReply:
    return {"id": call["id"], "error": {"code": error.code, "message": error.message}, "usage": {"tokens": 0}}


def _by_options(calls: list[wire.WireCall]) -> list[list[wire.WireCall]]:
    """Calls with equal options together, in order of first appearance."""
    groups: dict[str, list[wire.WireCall]] = {}
    for call in calls:
        groups.setdefault(repr(sorted(call["options"].items())), []).append(call)
    return list(groups.values())


def _versions() -> dict[str, str]:
    import msgpack

    return {"msgpack": ".".join(map(str, msgpack.version))}
