"""The serving loop as a process on pipes: what it says, in which order, and with which code it ends."""

import os
import signal
import time

import pytest
from worker_process import Worker, batch, call, echo_of, echoes


def test_a_worker_says_hello_first_then_ready() -> None:
    with Worker() as worker:
        hello = worker.receive()
        assert list(hello) == ["type", "protocol", "pid", "python", "versions"]
        assert (hello["type"], hello["protocol"], hello["pid"]) == ("hello", 1, worker.process.pid)
        assert set(hello["versions"]) == {"msgpack"}
        log = worker.receive()
        assert (log["type"], log["level"], log["stage"]) == ("log", "info", "warming")
        ready = worker.receive()
        assert (ready["type"], ready["ops"], ready["lanes"]) == ("ready", ["echo"], {"echo": 1})
        assert [model["name"] for model in ready["models"]] == ["echo"]
        assert ready["memory"]["rssBytes"] > 1_000_000


def test_echo_answers_each_item_with_checksum_length_and_process() -> None:
    texts = ["", "a", "Grüße, 世界 🎉", "x" * 100_000]
    with Worker() as worker:
        worker.boot()
        worker.send(batch(7, call(1, *texts[:3]), call(2, texts[3], dimensions=6)))
        assert worker.receive() == {"type": "started", "batch": 7}
        results = worker.receive()
        assert list(results) == ["type", "batch", "calls", "modelMs", "memory"]
        assert results["batch"] == 7
        first, second = results["calls"]
        pid = worker.process.pid
        assert (first["id"], echoes(first)) == (1, [echo_of(text, pid) for text in texts[:3]])
        assert (second["id"], echoes(second)) == (2, [(*echo_of(texts[3], pid), 0, 0)])
        assert first["usage"] == {"tokens": 0}


def test_batches_are_answered_in_the_order_in_which_they_came() -> None:
    with Worker() as worker:
        worker.boot()
        for number in range(1, 6):
            worker.send(batch(number, call(number * 10, f"text {number}", delayMs=5 - number)))
        heard = [worker.receive() for _ in range(10)]
        assert [message["type"] for message in heard] == ["started", "results"] * 5
        assert [message["batch"] for message in heard] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
        for number, message in enumerate(heard[1::2], start=1):
            (reply,) = message["calls"]
            assert reply["id"] == number * 10
            assert echoes(reply) == [echo_of(f"text {number}", worker.process.pid)]


def test_a_batch_is_heard_whoever_reads_when_it_comes() -> None:
    # Each comes while the one before it ends, when the two threads take turns at reading; one that was not
    # heard then would wait for the next, and none comes.
    with Worker(code="serving.WATCHDOG_IDLE_SECONDS = 3600\nserve({'echo': Echo()})") as worker:
        worker.boot()
        for number in range(1, 2001, 2):
            worker.send(batch(number, call(number, "a", delayMs=0.1)))
            assert worker.wait_for("started")["batch"] == number
            worker.send(batch(number + 1, call(number + 1, "b")))
            assert [worker.wait_for("results")["batch"] for _ in range(2)] == [number, number + 1]


def test_started_is_told_while_the_batch_runs_and_once() -> None:
    with Worker('{"op":"stream"}', '{"op":"echo"}') as worker:
        worker.boot()
        for number in range(1, 4):
            worker.send(batch(number, call(number, "a", delayMs=100)))
            assert worker.receive() == {"type": "started", "batch": number}
            worker.send({"type": "ping", "id": number})
            assert worker.receive()["inStep"] is True
            assert worker.receive()["type"] == "results"


def test_calls_of_a_batch_keep_their_order_whatever_their_options() -> None:
    with Worker() as worker:
        worker.boot()
        worker.send(
            batch(1, call(1, "a"), call(2, "b", dimensions=5), call(3, "c", "d"), call(4, "e", dimensions=5))
        )
        replies = worker.wait_for("results")["calls"]
        assert [reply["id"] for reply in replies] == [1, 2, 3, 4]
        assert [reply["results"]["shape"] for reply in replies] == [[1, 4], [1, 5], [2, 4], [1, 5]]
        assert echoes(replies[2]) == [echo_of(text, worker.process.pid) for text in "cd"]


def test_a_model_error_answers_its_own_call_and_no_other() -> None:
    with Worker() as worker:
        worker.boot()
        worker.send(batch(1, call(1, "a"), call(2, "fine", 5), call(3, "b"), call(4, "c", dimensions=1)))
        replies = worker.wait_for("results")["calls"]
        assert [reply["id"] for reply in replies] == [1, 2, 3, 4]
        assert replies[1]["error"] == {"code": "ER_MODEL_INPUT", "message": "echo takes texts, not int"}
        assert "results" not in replies[1]
        assert replies[3]["error"]["code"] == "ER_MODEL_INPUT"
        assert echoes(replies[0]) == [echo_of("a", worker.process.pid)]
        assert echoes(replies[2]) == [echo_of("b", worker.process.pid)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"op": "embed"}, "ER_UNKNOWN_OP"), ({"model": "no such model"}, "ER_UNKNOWN_MODEL")],
)
def test_an_unknown_operation_or_model_answers_every_call_and_the_worker_lives(
    changes: dict[str, str], code: str
) -> None:
    with Worker() as worker:
        worker.boot()
        worker.send(batch(1, call(1, "a"), call(2, "b"), **changes))
        replies = worker.wait_for("results")["calls"]
        assert [(reply["id"], reply["error"]["code"]) for reply in replies] == [(1, code), (2, code)]
        worker.send(batch(2, call(3, "c")))
        assert "results" in worker.wait_for("results")["calls"][0]


def test_a_cancelled_call_is_left_out_of_a_batch_that_waits() -> None:
    with Worker() as worker:
        worker.boot()
        worker.send(batch(1, call(1, "a", delayMs=300)))
        worker.wait_for("started")
        worker.send(batch(2, call(2, "b"), call(3, "c")))
        worker.send({"type": "cancel", "id": 2})
        assert [reply["id"] for reply in worker.wait_for("results")["calls"]] == [1]
        assert [reply["id"] for reply in worker.wait_for("results")["calls"]] == [3]


def test_a_cancelled_call_that_has_begun_is_answered_as_ever() -> None:
    with Worker() as worker:
        worker.boot()
        worker.send(batch(1, call(1, "a", delayMs=300), call(2, "b")))
        worker.wait_for("started")
        worker.send({"type": "cancel", "id": 2})
        assert [reply["id"] for reply in worker.wait_for("results")["calls"]] == [1, 2]
        worker.send(batch(2, call(3, "c")))
        assert [reply["id"] for reply in worker.wait_for("results")["calls"]] == [3]


def test_a_cancel_that_overtakes_its_batch_is_remembered() -> None:
    with Worker() as worker:
        worker.boot()
        worker.send({"type": "cancel", "id": 2})
        worker.send(batch(1, call(1, "a"), call(2, "b")))
        assert [reply["id"] for reply in worker.wait_for("results")["calls"]] == [1]


def test_a_batch_that_comes_after_shutdown_is_not_run() -> None:
    with Worker() as worker:
        worker.boot()
        worker.send(batch(1, call(1, "a", delayMs=200)))
        worker.wait_for("started")
        worker.send({"type": "shutdown"})
        worker.send(batch(2, call(2, "b")))
        assert worker.wait_for("results")["batch"] == 1
        assert worker.exit_code() == 0
        assert worker.rest() == b""


def test_nothing_that_an_operation_prints_can_break_a_frame() -> None:
    code = """
class Loud(Echo):
    def load(self):
        print("loading")
    def forward(self, items, options):
        print("x" * 10_000)
        os.write(1, b"straight to descriptor 1\\n")
        return super().forward(items, options)
serve({"echo": Loud()})
"""
    with Worker(code=code) as worker:
        worker.boot()
        worker.send(batch(1, call(1, "a")))
        assert echoes(worker.wait_for("results")["calls"][0]) == [echo_of("a", worker.process.pid)]
        worker.send({"type": "shutdown"})
        assert worker.exit_code() == 0
        assert worker.rest() == b""
        said = worker.said()
        assert "loading" in said and "straight to descriptor 1" in said


def test_any_other_exception_ends_the_process_with_70_and_a_traceback_on_stderr_alone() -> None:
    code = """
class Broken(Echo):
    def forward(self, items, options):
        if "break" in items:
            raise RuntimeError("the model broke")
        return super().forward(items, options)
serve({"echo": Broken()})
"""
    with Worker(code=code) as worker:
        worker.boot()
        worker.send(batch(1, call(1, "a")))
        worker.wait_for("results")
        worker.send(batch(2, call(2, "break"), call(3, "b")))
        assert worker.wait_for("started")["batch"] == 2
        assert worker.exit_code() == 70
        assert worker.rest() == b""
        said = worker.said()
        assert "Traceback" in said and said.rstrip().endswith("RuntimeError: the model broke")


def test_too_few_results_of_an_operation_end_the_process() -> None:
    code = """
class Short(Echo):
    def forward(self, items, options):
        return super().forward(items[1:], options)
serve({"echo": Short()})
"""
    with Worker(code=code) as worker:
        worker.boot()
        worker.send(batch(1, call(1, "a", "b")))
        assert worker.exit_code() == 70
        assert "echo gave 1 results for 2 items" in worker.said()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ('ModelError("ER_MODEL_LOAD", "no weights there")', "ER_MODEL_LOAD", "no weights there"),
        ('ModuleNotFoundError("No module named x", name="x")', "ER_WORKER_SPAWN", "lacks x"),
        ('ValueError("half a file")', "ER_MODEL_LOAD", "ValueError: half a file"),
    ],
)
@pytest.mark.parametrize("stage", ["load", "warm_up"])
def test_a_failed_start_is_told_before_the_process_ends_with_69(
    stage: str, error: str, code: str, words: str
) -> None:
    program = f"""
class Unready(Echo):
    def {stage}(self):
        raise {error}
serve({{"echo": Unready()}})
"""
    with Worker(code=program) as worker:
        while (message := worker.receive()).get("level") != "fatal":
            pass
        assert message["code"] == code
        assert words in message["message"]
        assert worker.exit_code() == 69
        assert "Traceback" in worker.said()


def test_the_end_of_stdin_ends_the_process_at_once_whatever_it_does() -> None:
    with Worker() as worker:
        worker.boot()
        worker.send(batch(1, call(1, "a", delayMs=30_000)))
        worker.wait_for("started")
        begin = time.monotonic()
        worker.stdin.close()
        assert worker.exit_code() == 0
        assert time.monotonic() - begin < 10


def test_the_end_of_stdin_inside_a_frame_is_an_end_too() -> None:
    with Worker() as worker:
        worker.boot()
        worker.write(b"\x10\x00\x00\x00half")
        worker.stdin.close()
        assert worker.exit_code() == 0


def test_the_end_of_stdin_ends_a_worker_that_is_still_loading() -> None:
    code = """
class Slow(Echo):
    def load(self):
        time.sleep(30)
serve({"echo": Slow()})
"""
    with Worker(code=code) as worker:
        worker.wait_for("hello")
        worker.stdin.close()
        assert worker.exit_code() == 0


def test_a_reader_that_is_gone_ends_the_process() -> None:
    with Worker() as worker:
        worker.boot()
        worker.stdout.close()
        worker.send(batch(1, call(1, "a")))
        assert worker.exit_code() == 0


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xffx",
        b"\x00\x00\x00\x00",
        b"GET / HTTP/1.1\r\n",
        b"\x01\x00\x00\x00\xc1",
        b"\x08\x00\x00\x00\x81\xa4type\xa1x",
        b"\x07\x00\x00\x00\x81\xa4type\x90",
    ],
    ids=["too long", "empty", "no frame", "no MessagePack", "unknown message", "a type that is a list"],
)
def test_what_is_not_of_the_protocol_ends_the_process_with_65(data: bytes) -> None:
    with Worker() as worker:
        worker.boot()
        worker.write(data)
        assert worker.exit_code() == 65
        assert worker.said().startswith("evidence_runner: A ")


def test_calls_that_are_no_calls_end_the_process_with_65() -> None:
    with Worker() as worker:
        worker.boot()
        worker.send({**batch(1), "calls": [5]})
        assert worker.exit_code() == 65


def test_sigint_is_ignored_and_sigterm_is_not() -> None:
    with Worker() as worker:
        worker.boot()
        os.kill(worker.process.pid, signal.SIGINT)
        worker.send(batch(1, call(1, "a", delayMs=20)))
        worker.wait_for("started")
        os.kill(worker.process.pid, signal.SIGINT)
        assert "results" in worker.wait_for("results")["calls"][0]
        worker.send(batch(2, call(2, "a", delayMs=30_000)))
        worker.wait_for("started")
        os.kill(worker.process.pid, signal.SIGTERM)
        assert worker.exit_code() == -signal.SIGTERM


def test_shutdown_lets_what_is_queued_finish_first() -> None:
    with Worker() as worker:
        worker.boot()
        for number in (1, 2, 3):
            worker.send(batch(number, call(number, "a", delayMs=20)))
        worker.send({"type": "shutdown"})
        assert [worker.wait_for("results")["batch"] for _ in range(3)] == [1, 2, 3]
        assert worker.exit_code() == 0
        assert worker.rest() == b""
        assert worker.said() == ""


def test_a_ping_is_answered_while_a_batch_runs() -> None:
    with Worker() as worker:
        worker.boot()
        worker.send({"type": "ping", "id": 1})
        idle = worker.receive()
        assert (idle["type"], idle["id"], idle["inStep"]) == ("pong", 1, False)
        worker.send(batch(1, call(1, "a", delayMs=500)))
        worker.wait_for("started")
        worker.send({"type": "ping", "id": 2})
        # Before the results, or it would be no answer to "are you still there?".
        busy = worker.receive()
        assert (busy["type"], busy["id"]) == ("pong", 2)
        assert worker.receive()["type"] == "results"
        worker.send({"type": "ping", "id": 3})
        after = worker.receive()
        assert (after["id"], after["inStep"]) == (3, False)
        assert after["lastStepAt"] > idle["lastStepAt"]
        assert after["memory"]["peakBytes"] >= after["memory"]["rssBytes"] > 0


def test_the_watchdog_ends_a_batch_that_hangs_when_nobody_else_does() -> None:
    code = """
serving.WATCHDOG_GRACE_SECONDS = 0.2
serving.WATCHDOG_IDLE_SECONDS = 0.05
class Hanging(Echo):
    def forward(self, items, options):
        if items == ["hang"]:
            time.sleep(3600)
        return super().forward(items, options)
serve({"echo": Hanging()})
"""
    with Worker(code=code) as worker:
        worker.boot()
        # A batch in time, or a time without any, does not wake the dog.
        worker.send(batch(1, call(1, "a"), hangMs=1))
        worker.wait_for("results")
        worker.send(batch(2, call(2, "b", delayMs=450), hangMs=500))
        worker.wait_for("results")
        time.sleep(1.1)
        worker.send(batch(3, call(3, "hang"), hangMs=10))
        assert worker.wait_for("started")["batch"] == 3
        assert worker.exit_code() == 1
        said = worker.said()
        assert said.startswith("Timeout") and "in forward" in said


def test_an_operation_that_there_is_not_is_told() -> None:
    with Worker('{"op":"dance"}') as worker:
        assert worker.exit_code() == 1
        assert "There is no operation 'dance'" in worker.said()
