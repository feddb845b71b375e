"""The worker's only loop: reader thread → model thread (main) → writer thread.

    stdin ──frames──▶ listener ──inbox──▶ model ──started, parts, results──▶ stdout's old descriptor
                        │ answers pings    │ all else                       ▲
                        └──────────────────┴──────outbox──▶ writer ─────────┘

The model thread listens itself while it is idle, the reader thread while a model is at work: see listener.py.
The model thread alone touches a model: load, warm-up, forward, insert, step, remove. It goes round like this,
so that neither many steps nor a flood of batches can hold up the other:

    ┌─▶ hear all that came ──▶ insert new rows ──▶ run one one-step batch ──▶ make one step for all rows ─┐
    └───────────── waits here only when nothing is queued and no row is inside ◀──────────────────────────┘

It writes what ends its work itself: it has nothing else to do then, and handing a frame to another thread
costs up to 60 µs. What begins it the reader thread tells, off the model's way, or the answer's own write.

A RunnerError that belongs to a call answers that call; any other exception there ends the process, and the
pool heals. The end of stdin ends the process at once, whatever the model thread is doing.
"""

import faulthandler
import os
import queue
import sys
import threading
import time
from collections import deque
from typing import Any, BinaryIO, NoReturn

from . import message as wire
from .errors import RunnerError, WireError
from .frame import write_frames
from .lanes import Answer, Lanes, StepLane
from .listener import Listener
from .log import note, note_error
from .ops.operation import Operation, StepOperation, is_stepwise
from .runtime import memory
from .stdio import end_group, raise_buffers

EXIT_DONE = 0
EXIT_WIRE = 65
EXIT_BOOT = 69
EXIT_CRASH = 70

# The pool kills a hung worker itself; this is for the day when the pool is gone or blocked. Arming starts a
# thread, so one watch serves many batches and steps: it is set for longer than one may take, and again when
# less than that is left.
WATCHDOG_GRACE_SECONDS = 5.0
WATCHDOG_SLACK = 2.0
WATCHDOG_IDLE_SECONDS = 1.0
# Rows that say nothing of their own for this long, or for a quarter of what the pool allows, are told to be
# alive by a `parts` frame without calls: the pool's clock for hung workers runs from frame to frame.
SIGN_OF_LIFE_SECONDS = 1.0
# Memory figures ride on replies; reading them more often than this would cost more than it tells.
MEMORY_EVERY_SECONDS = 0.25

_STOP = object()


class Server:
    """Serves ``operations`` (by name) over a pair of descriptors until told to stop or left alone."""

    def __init__(
        self, operations: dict[str, Operation | StepOperation], frames_in: BinaryIO, frames_out: int
    ) -> None:
        self._operations = operations
        self._lanes = Lanes(operations)
        self._stopping = False
        self._frames_in = frames_in
        self._frames_out = frames_out
        self._inbox: deque[dict[str, Any]] = deque()
        # Its buffer stays empty: the listener reads the descriptor itself.
        self._listener = Listener(frames_in.fileno(), self._hear, self._left_alone, self._say_started)
        self._outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="writer", daemon=True)
        self._write_lock = threading.Lock()
        # Batches that have begun and are still to be told of; whoever writes next tells of them first.
        self._begun: deque[int] = deque()
        self._watched_until = 0.0
        self._began = time.monotonic()
        self._last_step = self._began
        self._in_step = False
        self._parts_at = self._began
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
                lanes={
                    name: each.slots if is_stepwise(each) else 1 for name, each in self._operations.items()
                },
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
            while self._take_in():
                for lane in self._lanes.stepwise.values():
                    while lane.waiting:
                        self._insert(lane, lane.waiting.popleft())
                if self._lanes.one_step.waiting:
                    self._run_batch(self._lanes.one_step.waiting.popleft())
                if lane := self._lanes.next_busy():
                    self._step(lane)
        except WireError as error:
            note(error.message)
            self._exit(EXIT_WIRE)
        except BaseException as error:  # whatever it is, the model's state can't be trusted any more
            note_error("the model thread failed", error)
            self._exit(EXIT_CRASH)
        self._exit(EXIT_DONE)

    def _take_in(self) -> bool:
        """Takes in all that has come, and waits if there is nothing to do; False when the work is over."""
        if self._lanes.idle:
            if self._stopping:
                return False
            self._listener.take_back()
            while not self._inbox:
                self._wait()
        while self._inbox:
            self._take(self._inbox.popleft())
        return True

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "shutdown":
            self._stopping = True
        elif message["type"] == "cancel":
            if answer := self._lanes.cancel(message["id"]):
                self._answer(answer)
        elif not self._stopping:
            self._lanes.queue(message)

    def _wait(self) -> None:
        """Waits for frames, however long it takes. A worker that stays idle is not watched."""
        if not self._watched_until:
            self._listener.listen(None)
        elif not self._listener.listen(WATCHDOG_IDLE_SECONDS):
            faulthandler.cancel_dump_traceback_later()
            self._watched_until = 0.0

    def _watch(self, hang_ms: float) -> None:
        """Sees to it that a batch or a step that never ends ends the process, with all stacks on stderr."""
        needed = hang_ms / 1000 + WATCHDOG_GRACE_SECONDS
        now = time.monotonic()
        if self._watched_until - now < needed:
            faulthandler.dump_traceback_later(needed * WATCHDOG_SLACK, exit=True)
            self._watched_until = now + needed * WATCHDOG_SLACK

    def _run_batch(self, batch: wire.Batch) -> None:
        self._begin(batch["hangMs"], batch["batch"])
        answer = self._lanes.one_step.run(batch, self._lanes.left_out(batch))
        self._end()
        self._answer(answer)

    def _insert(self, lane: StepLane, batch: wire.Batch) -> None:
        self._begin(max(batch["hangMs"], lane.hang_ms), batch["batch"])
        answer = lane.insert(batch, self._lanes.left_out(batch))
        self._end()
        if answer:
            self._answer(answer)

    def _step(self, lane: StepLane) -> None:
        hang_ms = lane.hang_ms
        self._begin(hang_ms)
        deltas, answers = lane.step()
        self._end()
        silent_seconds = min(SIGN_OF_LIFE_SECONDS, hang_ms / 4000)
        if deltas or self._last_step - self._parts_at > silent_seconds:
            self._parts_at = self._last_step
            self._write_frames(wire.parts(deltas))
        for answer in answers:
            self._answer(answer)

    def _begin(self, hang_ms: float, batch: int | None = None) -> None:
        """Before whatever the model does: watched, and told to pings. An exception in it ends the process."""
        self._watch(hang_ms)
        self._in_step = True
        if batch is not None:
            self._begun.append(batch)
        # The reader thread tells of the batch, if it comes to that before the answer: off the model's way.
        if not self._listener.let_go():
            self._say_started()

    def _end(self) -> None:
        self._in_step = False
        self._last_step = time.monotonic()

    def _answer(self, answer: Answer) -> None:
        self._write_frames(wire.results(answer.batch, answer.replies, answer.model_ms, self._figures()))

    def _read(self) -> None:
        """The reader thread, while the model thread is at work."""
        try:
            self._listener.watch()
        except WireError as error:
            note(error.message)
            os._exit(EXIT_WIRE)
        except Exception as error:  # a worker that can't hear any more must not live on
            note_error("the reader thread failed", error)
            os._exit(EXIT_CRASH)

    def _hear(self, body: bytes | bytearray) -> None:
        """A frame has come, in whichever thread reads."""
        message = wire.decode(body)
        if message["type"] == "ping":
            self._send(self._pong(message["id"]))
        else:
            self._inbox.append(message)

    def _left_alone(self) -> NoReturn:
        """The end of stdin is the end of the process."""
        end_group()
        os._exit(EXIT_DONE)

    def _write(self) -> None:
        """The writer thread: what waits in the outbox, in order."""
        raise_buffers(self._frames_out)
        while (message := self._outbox.get()) is not _STOP:
            self._write_frames(message)

    def _say_started(self) -> None:
        if self._begun:
            self._write_frames()

    def _write_frames(self, *messages: dict[str, Any]) -> None:
        """Writes frames whole, a batch's `started` before all else. A peer that is gone ends the process."""
        try:
            bodies = [wire.encode(message) for message in messages]
            with self._write_lock:
                begun = [wire.encode(wire.started(self._begun.popleft())) for _ in range(len(self._begun))]
                write_frames(self._frames_out, *begun, *bodies)
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


def _versions() -> dict[str, str]:
    import msgpack

    return {"msgpack": ".".join(map(str, msgpack.version))}
