"""Streams that say nothing while they are made: the pool is told that they are alive, and of nothing more."""

from streams import BOTH, answer, stream
from worker_process import Worker, call


def test_steps_without_deltas_are_told_a_few_times_within_what_the_pool_allows() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a", parts=20, stepMs=20, silent=True), hangMs=160))
        assert worker.receive() == {"type": "started", "batch": 1}
        signs = 0
        while (message := worker.receive())["type"] == "parts":
            assert message["calls"] == []
            signs += 1
        assert message["calls"] == [answer(worker, 1, "a", 20)]
        # At most 40 ms of silence in 400 ms and more of steps; never more often than there are steps.
        assert 4 <= signs < 20


def test_deltas_are_signs_enough() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(
            stream(1, call(1, "a", parts=10, stepMs=20), call(2, "b", parts=10, silent=True), hangMs=160)
        )
        frames = []
        while sum(len(frame["calls"]) for frame in frames if frame["type"] == "results") < 2:
            frames.append(worker.receive())
        told = [[each["id"] for each in frame["calls"]] for frame in frames if frame["type"] == "parts"]
        assert told == [[1]] * 10
