"""A worker that misbehaves on command: the standard library and msgpack, nothing of evidence_runner. It
stands in for __main__.py in the package folder that chaos-package.ts lays out, and speaks the same protocol.

Its argument is one JSON object:
    role    calm: behaves; struck: obeys the trigger; late: the successor of a struck one, for faults at boot
    fault   what to do: a name of FAULTS, or one of the faults at boot, see Worker.run
    held    whether the fault waits until a batch with the option `hold` is running
    within  whether a duplicate id comes inside an answer, as against an answer that comes twice
    folder  where the FIFO `trigger` is, and where a grandchild's process id goes

A byte in the FIFO strikes. Echo answers as the real one does; tokens are the text's bytes.
"""

import json
import os
import queue
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

import msgpack

FOR_EVER = 3600
HOLD_SECONDS = 20
GROWTH_BYTES = 48 * 1024 * 1024
GROWTH_STEPS = 3
MEGABYTE = 1024 * 1024
SLOWER_THAN_ALLOWED_SECONDS = 5.0
CRASH_ON_BATCH = 2

# What a library might print from C: as a length it is far too much.
GARBAGE = b"WARNING: the compiler cache is cold, this may take a while\n"


class Worker:
    """One misbehaving worker; `run` never returns."""

    def __init__(self, role: dict[str, Any]) -> None:
        self._fault: str = role["fault"]
        self._role: str = role["role"]
        self._held: bool = role["held"]
        self._within: bool = role["within"]
        self._folder: str = role["folder"]
        self._frames_in = os.dup(0)
        self._frames_out = os.dup(1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)
        self._inbox: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._write_lock = threading.Lock()
        self._in_batch = threading.Event()
        self._released = threading.Event()
        self._deaf = False
        self._hangs = False
        self._grows = False
        self._spoils: str = ""
        self._batches_left: int | None = None
        self._hoard: list[bytes] = []
        self._last_results: dict[str, Any] = {"type": "results", "batch": 0, "calls": [], "modelMs": 0}

    def run(self) -> None:
        """Says hello, gets ready and serves, with the faults of boot where it has them."""
        at_boot = self._fault if self._role == "late" else ""
        self._send(
            {
                "type": "hello",
                "protocol": 99 if at_boot == "wrong protocol" else 1,
                "pid": os.getpid(),
                "python": sys.version.split()[0],
                "versions": {},
            }
        )
        threading.Thread(target=self._read, daemon=True).start()
        if at_boot == "slow start":
            time.sleep(SLOWER_THAN_ALLOWED_SECONDS)
        self._send({"type": "log", "level": "info", "stage": "warming", "code": "", "message": "loaded"})
        if at_boot == "crash in warm-up":
            os.write(2, b"the warm-up crashed, as it was told to\n")
            os._exit(3)
        if at_boot == "crash on the Nth request":
            self._batches_left = CRASH_ON_BATCH
        if self._role == "struck":
            threading.Thread(target=self._await_trigger, daemon=True).start()
        self._send(
            {
                "type": "ready",
                "ops": ["echo"],
                "models": [],
                "lanes": {"echo": 1},
                "loadMs": 0,
                "warmUpMs": 0,
                "memory": memory(),
                "facts": {},
            }
        )
        while (batch := self._inbox.get()) is not None:
            self._run_batch(batch)
        os._exit(0)

    def _run_batch(self, batch: dict[str, Any]) -> None:
        self._send({"type": "started", "batch": batch["batch"]})
        begin = time.monotonic()
        if self._batches_left is not None:
            self._batches_left -= 1
            if self._batches_left <= 0:
                os._exit(70)
        options = [call["options"] for call in batch["calls"]]
        if self._role == "struck" and any(each.get("hold") for each in options):
            self._in_batch.set()
            self._released.wait(HOLD_SECONDS)
        delay_ms = max((each.get("delayMs", 0) for each in options), default=0)
        if delay_ms:
            time.sleep(delay_ms / 1000)
        if self._hangs:
            time.sleep(FOR_EVER)
        if self._grows and len(self._hoard) < GROWTH_STEPS:
            self._hoard.append(b"x" * GROWTH_BYTES)
        calls = [answer(call["id"], call["items"]) for call in batch["calls"]]
        results = {
            "type": "results",
            "batch": batch["batch"],
            "calls": self._spoilt(calls),
            "modelMs": (time.monotonic() - begin) * 1000,
            "memory": memory(),
        }
        self._last_results = {**results, "calls": calls}
        self._send(results)

    def _spoilt(self, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The answers, once with a mistake in them where the fault is one."""
        spoils, self._spoils = self._spoils, ""
        if spoils == "duplicate id":
            first = calls[0]
            other = answer(first["id"], ["somebody else's text"] * first["results"]["shape"][0])
            return [*calls, other]
        if spoils == "unknown id":
            return [{**calls[0], "id": 4_000_000_000}, *calls[1:]]
        return calls

    def _await_trigger(self) -> None:
        with open(os.path.join(self._folder, "trigger"), "rb", buffering=0) as trigger:
            if not trigger.read(1):
                return
        if self._held:
            self._in_batch.wait(HOLD_SECONDS)
        strike = FAULTS.get(self._fault)
        if strike is None:  # faults at boot: the struck one only makes place
            os._exit(0)
        strike(self)

    def go_on(self) -> None:
        """Lets the batch that is held finish."""
        self._released.set()

    def hang(self) -> None:
        """The model thread hangs in native code that has let go of the GIL."""
        self._hangs = True
        self.go_on()

    def stop_reading(self) -> None:
        """Never reads stdin again."""
        self._deaf = True
        self.go_on()

    def say_again(self) -> None:
        """Sends the last answer a second time."""
        self._send(self._last_results)

    def reply_late(self) -> None:
        """Answers a call whose caller has gone, in its batch or, when there is none, once again."""
        if self._held:
            self.go_on()
        else:
            self.say_again()

    def repeat(self) -> None:
        """An id comes twice: inside one answer, or as an answer that is sent again."""
        if self._within:
            self._spoils = "duplicate id"
            self.go_on()
        else:
            self.say_again()

    def invent(self) -> None:
        """An id that nobody gave: inside an answer where a batch is running, else as an answer of its own."""
        if self._held:
            self._spoils = "unknown id"
            self.go_on()
        else:
            self._send({**self._last_results, "batch": 4_000_000_000, "memory": memory()})

    def crash_soon(self) -> None:
        """Dies on the second batch from now, the held one not counted."""
        self._batches_left = CRASH_ON_BATCH
        self.go_on()

    def grow(self) -> None:
        """Takes more memory with every batch."""
        self._grows = True
        self._hoard.append(b"x" * GROWTH_BYTES)
        self.go_on()

    def shout(self) -> None:
        """10 MB on stderr."""
        line = b"a line that nobody wants to read, again and again and again\n" * 16384
        for _ in range(10):
            write_all(2, line[:MEGABYTE])
        self.go_on()

    def garble(self) -> None:
        """From C, past Python's buffers: to fd 1, which does no harm, then to where the frames go."""
        import ctypes

        library = ctypes.CDLL(None)
        library.write(1, GARBAGE, len(GARBAGE))
        library.write(self._frames_out, GARBAGE, len(GARBAGE))

    def break_off(self) -> None:
        """The beginning of a frame, then the end."""
        self.write(struct.pack("<I", 1000) + b"half")
        os._exit(0)

    def exaggerate(self) -> None:
        """A frame that says it is longer than frames may be."""
        self.write(struct.pack("<I", 0xFFFFFFF0) + b"x" * 100)

    def leave_child(self) -> None:
        """Exits, and leaves a process behind that holds every pipe."""
        frames_in, frames_out = self._frames_in, self._frames_out
        child = subprocess.Popen(["sleep", "60"], stdin=frames_in, stdout=frames_out)
        with open(os.path.join(self._folder, "grandchild"), "w") as file:
            file.write(str(child.pid))
        os._exit(0)

    def write(self, data: bytes) -> None:
        """Raw bytes where the frames go."""
        with self._write_lock:
            write_all(self._frames_out, data)

    def _send(self, message: dict[str, Any]) -> None:
        body = msgpack.packb({"memory": memory(), **message} if message["type"] == "results" else message)
        try:
            self.write(struct.pack("<I", len(body)) + body)
        except OSError:
            os._exit(0)

    def _read(self) -> None:
        while True:
            (length,) = struct.unpack("<I", self._take(4))
            message = msgpack.unpackb(self._take(length))
            if message["type"] == "batch":
                self._inbox.put(message)
            elif message["type"] == "shutdown":
                self._inbox.put(None)
            elif message["type"] == "ping":
                pong = {"type": "pong", "id": message["id"], "lastStepAt": 0.0, "inStep": False}
                self._send({**pong, "memory": memory()})

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            select.select([self._frames_in], [], [])
            if self._deaf:
                threading.Event().wait()
            chunk = os.read(self._frames_in, min(count - len(data), MEGABYTE))
            if not chunk:
                os._exit(0)
            data += chunk
        return data


def hold_the_gil(_: Worker) -> None:
    """Hangs in native code that keeps the GIL: no thread of the process runs any more."""
    import ctypes

    ctypes.PyDLL(None).sleep(FOR_EVER)


def by_signal(number: int) -> Callable[[Worker], None]:
    """Sends the process a signal."""
    return lambda _: os.kill(os.getpid(), number)


def by_exit(code: int) -> Callable[[Worker], None]:
    """Ends the process at once."""
    return lambda _: os._exit(code)


FAULTS: dict[str, Callable[[Worker], None]] = {
    "exit 0": by_exit(0),
    "exit 1": by_exit(1),
    "SIGKILL": by_signal(signal.SIGKILL),
    "SIGSEGV": by_signal(signal.SIGSEGV),
    "SIGSTOP": by_signal(signal.SIGSTOP),
    "native hang with the GIL": hold_the_gil,
    "native hang without the GIL": Worker.hang,
    "garbage on fd 1": Worker.garble,
    "half a frame": Worker.break_off,
    "oversize length": Worker.exaggerate,
    "duplicate id": Worker.repeat,
    "unknown id": Worker.invent,
    "reply after cancel": Worker.reply_late,
    "late reply": Worker.reply_late,
    "stdin not read": Worker.stop_reading,
    "10 MB of stderr": Worker.shout,
    "grandchild": Worker.leave_child,
    "crash on the Nth request": Worker.crash_soon,
    "memory growth": Worker.grow,
}


def answer(identifier: int, items: list[str]) -> dict[str, Any]:
    """What echo answers: CRC-32 (high and low half), bytes, process id."""
    texts = [item.encode() for item in items]
    data = bytearray()
    for text in texts:
        checksum = zlib.crc32(text)
        data += struct.pack("<4f", checksum >> 16, checksum & 0xFFFF, len(text), os.getpid())
    results = {"dtype": "f32", "shape": [len(texts), 4], "data": bytes(data)}
    return {"id": identifier, "results": results, "usage": {"tokens": sum(map(len, texts))}}


def memory() -> dict[str, int]:
    """Resident bytes, as the real worker tells them."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"rssBytes": peak, "peakBytes": peak, "mlxActiveBytes": 0, "mlxCacheBytes": 0}


def write_all(descriptor: int, data: bytes) -> None:
    """Writes every byte."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Worker(json.loads(sys.argv[1])).run()
