"""Whose turn it is to read: the model thread's while it is idle, the reader thread's while it is not."""

import os
import queue
import threading
from contextlib import suppress
from types import TracebackType
from typing import NoReturn, Self

import pytest

from evidence_runner.frame import seal_frame
from evidence_runner.listener import Listener

PATIENCE_SECONDS = 10.0


class Ears:
    """A listener on a pipe, with its reader thread; what is heard is kept with the name of who heard it."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self.heard: queue.Queue[tuple[str, bytes | None]] = queue.Queue()
        self.listener = Listener(
            self.read_end, self._note, on_end=self._end, on_duty=lambda: self._note(b"on duty")
        )
        self.reader = threading.Thread(target=self._watch, name="reader")

    def __enter__(self) -> Self:
        self.reader.start()
        assert self.next() == ("reader", b"on duty")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listener.let_go()
        os.close(self.write_end)
        self.reader.join(PATIENCE_SECONDS)
        os.close(self.read_end)
        assert not self.reader.is_alive()

    def send(self, *bodies: bytes) -> None:
        os.write(self.write_end, b"".join(map(seal_frame, bodies)))

    def next(self) -> tuple[str, bytes | None]:
        return self.heard.get(timeout=PATIENCE_SECONDS)

    def _note(self, body: bytes | bytearray | None) -> None:
        self.heard.put((threading.current_thread().name, body if body is None else bytes(body)))

    def _watch(self) -> None:
        with suppress(SystemExit):
            self.listener.watch()

    def _end(self) -> NoReturn:
        self._note(None)
        raise SystemExit


def test_the_reader_thread_reads_until_the_turn_is_taken_back_and_again_when_it_is_let_go() -> None:
    with Ears() as ears:
        ears.send(b"one")
        assert ears.next() == ("reader", b"one")
        for _ in range(100):
            ears.listener.take_back()
            ears.send(b"two", b"three")
            assert ears.listener.listen(None)
            assert [ears.next(), ears.next()] == [("MainThread", b"two"), ("MainThread", b"three")]
            assert ears.listener.let_go()
            ears.send(b"four")
            assert [ears.next(), ears.next()] == [("reader", b"on duty"), ("reader", b"four")]
            assert not ears.listener.let_go()


def test_take_back_comes_after_all_that_the_reader_thread_hears() -> None:
    with Ears() as ears:
        sent = [b"%d" % number for number in range(300)]
        for body in sent:
            ears.send(body)
            ears.listener.take_back()
            before = ears.heard.qsize()
            # It was heard already, or it is still to be read here: nobody reads in between.
            assert ears.listener.listen(0) or before
            while not ears.heard.empty():
                assert ears.heard.get()[1] in (body, b"on duty")
            ears.listener.let_go()


def test_listen_tells_that_nothing_came_in_time() -> None:
    with Ears() as ears:
        ears.listener.take_back()
        assert not ears.listener.listen(0.01)
        ears.send(b"one")
        assert ears.listener.listen(PATIENCE_SECONDS)
        assert ears.next() == ("MainThread", b"one")


def test_a_frame_that_began_in_one_turn_is_whole_in_the_next() -> None:
    with Ears() as ears:
        frame = seal_frame(b"x" * 100_000)
        ears.listener.take_back()
        os.write(ears.write_end, frame[:40_000])
        assert ears.listener.listen(None)
        ears.listener.let_go()
        assert ears.next() == ("reader", b"on duty")
        os.write(ears.write_end, frame[40_000:])
        assert ears.next() == ("reader", b"x" * 100_000)


def test_the_end_of_the_stream_is_told_in_the_thread_that_reads() -> None:
    with Ears() as ears:
        pass
    assert ears.next() == ("reader", None)
    with Ears() as ears:
        ears.listener.take_back()
        nothing, ears.write_end = ears.write_end, os.open(os.devnull, os.O_WRONLY)
        os.close(nothing)
        with pytest.raises(SystemExit):
            ears.listener.listen(None)
        assert ears.next() == ("MainThread", None)
