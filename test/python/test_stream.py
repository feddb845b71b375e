"""Operations that take many steps: who is inside when, what each step and each end says, and that neither
they nor one-step batches can hold up the other.
"""

import time

import pytest

# A test that does not read on while such a stream runs gives it a stepMs, or a full pipe stops the worker.
from streams import BOTH, ENDLESS, answer, cancelled, delta, ids, stream, wait_until_inside, without_usage
from worker_process import Worker, batch, call

from evidence_runner.lanes import Lanes
from evidence_runner.ops.echo import Echo


def test_ready_gives_slots_as_the_lane_of_a_stepwise_operation_and_1_for_others() -> None:
    with Worker('{"op":"echo"}', '{"op":"stream"}') as worker:
        assert worker.boot()["lanes"] == {"echo": 1, "stream": 4}
    with Worker('{"op":"stream","slots":8}') as worker:
        assert worker.boot()["lanes"] == {"stream": 8}


def test_fewer_than_two_slots_are_refused_since_lanes_could_not_tell_them_from_one_step() -> None:
    with Worker('{"op":"stream","slots":1}') as worker:
        assert worker.exit_code() == 1
        assert "stream needs at least 2 slots, not 1" in worker.said()


def test_a_call_streams_its_parts_and_ends_with_its_result() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(7, call(1, "Grüße", parts=2, stepMs=20)))
        heard = [worker.receive() for _ in range(4)]
        assert heard[0] == {"type": "started", "batch": 7}
        assert heard[1] == {"type": "parts", "calls": [delta(1, 0, "Grüße")]}
        assert heard[2] == {"type": "parts", "calls": [delta(1, 1, "Grüße")]}
        assert list(heard[3]) == ["type", "batch", "calls", "modelMs", "memory"]
        assert heard[3]["batch"] == 7
        assert heard[3]["calls"] == [answer(worker, 1, "Grüße", 2)]
        assert heard[3]["modelMs"] >= 40
        assert heard[3]["memory"]["rssBytes"] > 1_000_000


def test_parts_come_once_a_step_for_all_rows_and_results_at_each_calls_own_end() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a", parts=1), call(2, "b", parts=3), call(3, "c", parts=3)))
        heard = [worker.receive() for _ in range(6)]
        assert [message["type"] for message in heard] == [
            "started",
            "parts",
            "results",
            "parts",
            "parts",
            "results",
        ]
        assert heard[1]["calls"] == [delta(1, 0, "a"), delta(2, 0, "b"), delta(3, 0, "c")]
        assert heard[2]["calls"] == [answer(worker, 1, "a", 1)]
        assert heard[3]["calls"] == [delta(2, 1, "b"), delta(3, 1, "c")]
        assert heard[5]["calls"] == [answer(worker, 2, "b", 3), answer(worker, 3, "c", 3)]
        assert {heard[2]["batch"], heard[5]["batch"]} == {1}


def test_calls_of_two_batches_that_end_in_one_step_are_answered_by_batch() -> None:
    code = """
from evidence_runner.ops.stream import Stream
class Together(Stream):
    def warm_up(self):
        pass
    def step(self):
        return super().step() if self.busy == 2 else []
serve({"stream": Together()})
"""
    with Worker(code=code) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a", parts=1)))
        worker.send(stream(2, call(2, "b", parts=1)))
        heard = [worker.receive() for _ in range(5)]
        assert [message["type"] for message in heard] == ["started", "started", "parts", "results", "results"]
        assert ids(heard[2]) == [1, 2]
        assert [(each["batch"], each["calls"][0]["id"]) for each in heard[3:]] == [(1, 1), (2, 2)]


def test_a_batch_joins_in_mid_stream_and_each_is_timed_from_its_own_insertion() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "long", parts=40, stepMs=10)))
        wait_until_inside(worker, 1)
        sent = time.monotonic()
        worker.send(stream(2, call(2, "short", parts=2)))
        assert worker.wait_for("started")["batch"] == 2
        joined = [worker.receive() for _ in range(3)]
        since_sent_ms = (time.monotonic() - sent) * 1000
        assert [ids(message) for message in joined[:2]] == [[1, 2], [1, 2]]
        assert [message["calls"][1] for message in joined[:2]] == [delta(2, 0, "short"), delta(2, 1, "short")]
        assert (joined[2]["batch"], joined[2]["calls"]) == (2, [answer(worker, 2, "short", 2)])
        end = worker.wait_for("results")
        assert (end["batch"], end["calls"]) == (1, [answer(worker, 1, "long", 40)])
        assert 20 <= joined[2]["modelMs"] <= since_sent_ms
        assert end["modelMs"] >= 400


def test_an_operation_without_a_part_in_a_step_says_nothing_of_that_row() -> None:
    code = """
from evidence_runner.ops.stream import Stream
class Shy(Stream):
    def step(self):
        return [each._replace(delta=None) if each.call_id == 2 else each for each in super().step()]
serve({"stream": Shy()})
"""
    with Worker(code=code) as worker:
        worker.boot()
        worker.send(stream(1, call(2, "quiet", parts=2)))
        assert [worker.receive()["type"] for _ in range(2)] == ["started", "results"]
        worker.send(stream(2, call(3, "a", parts=1)))
        assert [worker.receive()["type"] for _ in range(3)] == ["started", "parts", "results"]


# What fails


def test_a_row_that_fails_is_answered_alone_while_the_others_go_on() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a", parts=3), call(2, "b", failAt=1), call(3, "c", parts=3)))
        heard = [worker.receive() for _ in range(6)]
        assert [message["type"] for message in heard] == [
            "started",
            "parts",
            "parts",
            "results",
            "parts",
            "results",
        ]
        assert [ids(heard[index]) for index in (1, 2, 4)] == [[1, 2, 3], [1, 3], [1, 3]]
        assert heard[3]["calls"] == [
            {
                "id": 2,
                "error": {"code": "ER_MODEL_FAILED", "message": "stream failed at part 1, as it was told"},
                "usage": {"tokens": 1},
            }
        ]
        assert heard[5]["calls"] == [answer(worker, 1, "a", 3), answer(worker, 3, "c", 3)]


def test_a_call_that_cannot_come_in_is_answered_at_once_and_takes_no_slot() -> None:
    with Worker('{"op":"stream","slots":2}') as worker:
        worker.boot()
        worker.send(stream(1, call(1, 5), call(2, "a", "b")))
        assert worker.receive() == {"type": "started", "batch": 1}
        assert [(reply["id"], reply["error"]) for reply in worker.receive()["calls"]] == [
            (1, {"code": "ER_MODEL_INPUT", "message": "stream takes texts, not int"}),
            (2, {"code": "ER_INPUT", "message": "A call of stream has one item, not 2"}),
        ]
        worker.send(stream(2, call(3, "a", parts=1), call(4, None)))
        assert [reply["id"] for reply in worker.wait_for("results")["calls"]] == [4]
        assert worker.wait_for("results")["calls"] == [answer(worker, 3, "a", 1)]


def test_a_model_that_is_not_loaded_is_told_for_each_call() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a"), call(2, "b"), model="another"))
        assert worker.receive()["type"] == "started"
        codes = [(reply["id"], reply["error"]["code"]) for reply in worker.receive()["calls"]]
        assert codes == [(1, "ER_UNKNOWN_MODEL"), (2, "ER_UNKNOWN_MODEL")]


@pytest.mark.parametrize("inside", [0, 1])
def test_more_calls_than_free_slots_end_the_process_with_65(inside: int) -> None:
    with Worker('{"op":"stream","slots":2}') as worker:
        worker.boot()
        if inside:
            worker.send(stream(1, call(1, "a", parts=ENDLESS, stepMs=5)))
            wait_until_inside(worker, 1)
        worker.send(stream(2, *[call(number, "b", parts=ENDLESS) for number in range(2, 5 - inside)]))
        assert worker.exit_code() == 65
        count, free = 3 - inside, 2 - inside
        assert worker.said() == (
            f"evidence_runner: Batch 2 brings {count} calls of stream, which has {free} of 2 slots free\n"
        )


def test_a_call_that_comes_twice_ends_the_process_with_65() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a", parts=ENDLESS, stepMs=5)))
        worker.send(stream(2, call(1, "a")))
        assert worker.exit_code() == 65
        assert "Call 1 of stream came twice" in worker.said()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('raise RuntimeError("the model broke")', "RuntimeError: the model broke"),
        ('raise ModelError("ER_MODEL_FAILED", "of no row")', "ModelError: of no row"),
        ("self._rows.clear(); return []", "RuntimeError: stream has 0 rows inside, not 1"),
        ("return [*super().step(), Step(99)]", "KeyError: 99"),
    ],
    ids=["another exception", "an error of no row", "a lost row", "an unknown row"],
)
def test_a_step_that_can_be_blamed_on_no_row_ends_the_process_with_70(body: str, words: str) -> None:
    code = f"""
from evidence_runner.ops.operation import Step
from evidence_runner.ops.stream import Stream
class Broken(Stream):
    def warm_up(self): pass
    def step(self): {body}
serve({{"stream": Broken()}})
"""
    with Worker(code=code) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a")))
        assert worker.exit_code() == 70
        assert worker.said().rstrip().endswith(words)


# Cancel


def test_cancel_frees_the_slot_within_one_step_while_the_other_rows_go_on_unharmed() -> None:
    with Worker('{"op":"stream","slots":2}') as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a", parts=ENDLESS, stepMs=5), call(2, "b", parts=60, stepMs=5)))
        heard = [worker.receive() for _ in range(3)]
        worker.send({"type": "cancel", "id": 1})
        worker.send({"type": "ping", "id": 1})
        while (message := worker.receive())["type"] != "results":
            heard.append(message)
        assert [without_usage(reply) for reply in message["calls"]] == [cancelled(1)]
        assert message["batch"] == 1
        # The reader answers the ping after it has handed the cancel on: only a step under way may follow.
        # (Another thread writes the pong, so it may even come after the answer.)
        since = next((at for at, each in enumerate(heard) if each["type"] == "pong"), len(heard))
        with_it = [each for each in heard if each["type"] == "parts" and 1 in ids(each)]
        assert len([each for each in heard[since:] if each["type"] == "parts"]) <= 1
        assert message["calls"][0]["usage"] == {"tokens": len(with_it)}
        worker.send(stream(2, call(3, "c", parts=1)))
        while (message := worker.receive())["type"] != "results" or message["batch"] != 1:
            heard.append(message)
        assert message["calls"] == [answer(worker, 2, "b", 60)]
        (third,) = [each for each in heard if each["type"] == "results"]
        assert third["calls"] == [answer(worker, 3, "c", 1)]
        of_second = [
            row["delta"]["part"]
            for each in heard
            if each["type"] == "parts"
            for row in each["calls"]
            if row["id"] == 2
        ]
        assert of_second == list(range(60))


def test_cancel_that_overtakes_its_batch_is_remembered() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send({"type": "cancel", "id": 5})
        worker.send(stream(1, call(4, "a", parts=1), call(5, "b", parts=ENDLESS)))
        heard = [worker.receive() for _ in range(4)]
        assert [message["type"] for message in heard] == ["started", "results", "parts", "results"]
        assert heard[1]["calls"] == [{**cancelled(5), "usage": {"tokens": 0}}]
        assert heard[3]["calls"] == [answer(worker, 4, "a", 1)]


def test_cancel_of_a_call_that_is_over_changes_nothing() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(1, "a", parts=1)))
        worker.wait_for("results")
        worker.send({"type": "cancel", "id": 1})
        worker.send(stream(2, call(2, "b", parts=1)))
        assert [worker.receive()["type"] for _ in range(3)] == ["started", "parts", "results"]


def test_a_cancel_is_kept_only_until_its_call_has_begun() -> None:
    lanes = Lanes({"echo": Echo()})
    waiting = batch(1, call(1, "a"), call(2, "b"))
    lanes.queue(waiting)
    lanes.cancel(2)
    lanes.one_step.waiting.popleft()
    assert lanes.left_out(waiting) == {2}
    lanes.cancel(1)
    lanes.cancel(2)
    assert lanes.left_out(waiting) == set()


def test_cancel_of_a_one_step_call_that_waits_counts_though_a_later_call_streams_already() -> None:
    with Worker(*BOTH) as worker:
        worker.boot()
        worker.send(stream(1, call(10, "a", parts=ENDLESS, stepMs=2)))
        wait_until_inside(worker, 10)
        worker.send(batch(2, call(1, "a", delayMs=200)))
        assert worker.wait_for("started")["batch"] == 2
        worker.send(batch(3, call(2, "b"), call(3, "c")))
        worker.send({"type": "cancel", "id": 2})
        assert [reply["id"] for reply in worker.wait_for("results")["calls"]] == [1]
        assert [reply["id"] for reply in worker.wait_for("results")["calls"]] == [3]


# Fairness
