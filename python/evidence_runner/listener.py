"""Who reads stdin: the model thread itself while it is idle, the reader thread while a model is at work.

    idle   model thread ── listen ──▶ frames          reader thread waits for its turn
             │ let_go                                                      ▲ take_back: rings the bell, waits
             ▼                                                             │
    busy   model thread runs the model                reader thread ── watch ──▶ frames

Handing each frame from one thread to the other would cost two wake-ups on the way of every call; so the turn
is handed over when the call is under way, and taken back when it is answered.
"""

import os
import select
import threading
from collections.abc import Callable
from typing import NoReturn

from .frame import FrameReader


class Listener:
    """Reads frames from a descriptor: ``on_body`` gets each, and ``on_end`` hears of the stream's end, in
    whichever thread reads. ``on_duty`` is the first that the reader thread does in each of its turns."""

    def __init__(
        self,
        descriptor: int,
        on_body: Callable[[bytes | bytearray], None],
        on_end: Callable[[], NoReturn],
        on_duty: Callable[[], None],
    ) -> None:
        self._frames = FrameReader(descriptor)
        self._on_body = on_body
        self._on_end = on_end
        self._on_duty = on_duty
        # Invariant: the turn is free (`_turn`), the reader thread's, or the model thread's (`_mine`).
        self._mine = False
        self._turn = threading.Lock()
        self._returned = threading.Lock()
        self._returned.acquire()
        self._bell_heard, self._bell = os.pipe()
        self._alone = select.poll()
        self._alone.register(descriptor, select.POLLIN)
        self._both = select.poll()
        self._both.register(descriptor, select.POLLIN)
        self._both.register(self._bell_heard, select.POLLIN)

    def listen(self, timeout: float | None) -> bool:
        """The model thread reads once, in its turn; False when nothing came within so many seconds."""
        came = bool(self._alone.poll(None if timeout is None else timeout * 1000))
        if came:
            self._read()
        return came

    def let_go(self) -> bool:
        """The model thread has other things to do; False where it did not have the turn."""
        had, self._mine = self._mine, False
        if had:
            self._turn.release()
        return had

    def watch(self) -> None:
        """The reader thread: reads whenever it is its turn, for ever."""
        while True:
            self._turn.acquire()
            self._on_duty()
            while self._bell_heard not in [descriptor for descriptor, _ in self._both.poll()]:
                self._read()
            os.read(self._bell_heard, 1)
            self._returned.release()

    def take_back(self) -> None:
        """The model thread has nothing to do. Afterwards all is delivered that the reader thread read."""
        if self._mine:
            return
        if not self._turn.acquire(blocking=False):
            os.write(self._bell, b"!")
            self._returned.acquire()
        self._mine = True

    def _read(self) -> None:
        bodies = self._frames.read()
        if bodies is None:
            self._on_end()
        for body in bodies:
            self._on_body(body)
