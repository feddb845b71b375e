"""Streams beside other work: whose turn it is, the end of a worker with streams inside, the watchdog."""

import pytest

# A test that does not read on while such a stream runs gives it a stepMs, or a full pipe stops the worker.
from streams import BOTH, ENDLESS, answer, cancelled, ids, stream, wait_until_inside, without_usage
from worker_process import Worker, batch, call


def test_a_one_step_batch_is_answered_between_two_steps_of_a_stream() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a", parts=ENDLESS)))
        wait_until_inside(worker, 1)
        worker.send(batch(2, call(2, "b")))
        assert worker.wait_for("started")["batch"] == 2
        # Nothing comes between its start and its end, and the stream goes on after it.
        assert worker.receive()["batch"] == 2
        assert ids(worker.receive()) == [1]


def test_a_queue_of_one_step_batches_does_not_hold_a_stream() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a", parts=ENDLESS, stepMs=1)))
        wait_until_inside(worker, 1)
        for number in range(2, 22):
            worker.send(batch(number, call(number, "b", delayMs=2)))
        answered: list[int] = []
        parts_between = 0
        while len(answered) < 20:
            message = worker.receive()
            if message["type"] == "parts":
                parts_between += 1
            elif message["type"] == "results":
                assert parts_between or not answered, f"no step before batch {message['batch']}"
                answered.append(message["batch"])
                parts_between = 0
        assert answered == list(range(2, 22))


def test_a_stream_that_comes_while_batches_wait_does_not_wait_for_them() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        for number in range(1, 11):
            worker.send(batch(number, call(number, "a", delayMs=300 if number == 1 else 0)))
        worker.wait_for("started")
        worker.send(stream(11, call(11, "b", parts=1)))
        ends = [worker.wait_for("results")["batch"] for _ in range(11)]
        assert ends == [1, 2, 11, *range(3, 11)]


def test_two_stepwise_operations_take_turns() -> None:
    code = """
from evidence_runner.ops.stream import Stream
class Other(Stream):
    name = "other"
serve({"stream": Stream(), "other": Other()})
"""
    with Worker(code=code) as worker:
        assert worker.boot()["lanes"] == {"stream": 4, "other": 4}
        worker.send(stream(1, call(1, "a", parts=ENDLESS)))
        worker.send(stream(2, call(2, "b", parts=ENDLESS), op="other"))
        while ids(worker.wait_for("parts")) != [2]:
            pass
        assert [ids(worker.receive()) for _ in range(6)] == [[1], [2]] * 3


# Ends


def test_the_end_of_stdin_ends_a_worker_that_streams() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a", parts=ENDLESS, stepMs=30_000)))
        worker.wait_for("started")
        worker.stdin.close()
        assert worker.exit_code() == 0


def test_shutdown_lets_running_streams_and_all_that_is_queued_finish() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a", parts=20, stepMs=5)))
        wait_until_inside(worker, 1)
        worker.send(batch(2, call(2, "b", delayMs=20)))
        worker.send(batch(3, call(3, "b")))
        worker.send(stream(4, call(4, "c", parts=3)))
        worker.send({"type": "shutdown"})
        worker.send(stream(5, call(5, "too late")))
        ends = [worker.wait_for("results") for _ in range(4)]
        assert {end["batch"] for end in ends} == {1, 2, 3, 4}
        assert answer(worker, 1, "a", 20) in [end["calls"][0] for end in ends]
        assert worker.exit_code() == 0
        assert worker.rest() == b""
        assert worker.said() == ""


def test_a_stream_can_be_cancelled_after_shutdown_so_that_the_worker_can_go() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a", parts=ENDLESS, stepMs=2)))
        wait_until_inside(worker, 1)
        worker.send({"type": "shutdown"})
        worker.send({"type": "cancel", "id": 1})
        assert [without_usage(reply) for reply in worker.wait_for("results")["calls"]] == [cancelled(1)]
        assert worker.exit_code() == 0


HANGING = """
serving.WATCHDOG_GRACE_SECONDS = 0.5
from evidence_runner.ops.stream import Stream
class Hanging(Stream):
    def insert(self, call_id, item, options, seed):
        if item == "hang at once":
            time.sleep(3600)
        super().insert(call_id, item, options, seed)
    def step(self):
        if any(row.text == b"hang" and row.next_part == 2 for row in self._rows.values()):
            time.sleep(3600)
        return super().step()
serve({"stream": Hanging()})
"""


@pytest.mark.parametrize(("text", "where"), [("hang", "in step"), ("hang at once", "in insert")])
def test_the_watchdog_ends_a_step_that_hangs(text: str, where: str) -> None:
    with Worker(code=HANGING) as worker:
        worker.boot()
        worker.send(stream(1, call(1, text), hangMs=10))
        assert worker.receive() == {"type": "started", "batch": 1}
        assert worker.exit_code() == 1
        said = worker.said()
        assert said.startswith("Timeout") and where in said


def test_the_watchdog_lets_a_stream_be_that_is_long_only_as_a_whole() -> None:
    with Worker(code=HANGING) as worker:
        worker.boot()
        # One watch is (0.01 + 0.5) x 2 seconds long.
        worker.send(stream(1, call(1, "a", parts=30, stepMs=50), hangMs=10))
        assert worker.wait_for("results")["calls"] == [answer(worker, 1, "a", 30)]
