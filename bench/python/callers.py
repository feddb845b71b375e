"""Perfect batch-while-busy inside one Python process: what waits is the next batch; no pipe.

Asked ``{callers, texts, options, most}`` it is a closed loop: each caller has its next text waiting as soon
as it has its answer. Asked ``{due, texts, options, most}`` it is an open loop: text n comes ``due[n]`` ms
after the start. Answers ``{ms: […], totalMs}``, each call's time and the whole. Its first frame tells that it
is warm.
"""

import sys
import time
from collections import deque
from typing import Any

import msgpack

from evidence_runner.frame import read_frame, seal_frame, write_all
from evidence_runner.ops.operation import Operation
from evidence_runner.ops.registry import operations_of
from evidence_runner.stdio import take_stdio


def closed(operation: Operation, request: dict[str, Any]) -> list[float]:
    texts, callers = request["texts"], request["callers"]
    times: list[float] = []
    asked_at = deque([time.perf_counter()] * min(callers, len(texts)))
    done = 0
    while done < len(texts):
        batch = texts[done : done + min(len(asked_at), request["most"])]
        operation.forward(batch, request["options"])
        end = time.perf_counter()
        times.extend((end - asked_at.popleft()) * 1000 for _ in batch)
        done += len(batch)
        asked_at.extend([end] * min(len(batch), len(texts) - done - len(asked_at)))
    return times


def opened(operation: Operation, request: dict[str, Any]) -> list[float]:
    texts, due = request["texts"], request["due"]
    times: list[float] = []
    begin = time.perf_counter()
    done = 0
    while done < len(due):
        now = (time.perf_counter() - begin) * 1000
        if due[done] > now:
            time.sleep((due[done] - now) / 1000)
            continue
        end = done + 1
        while end < len(due) and end - done < request["most"] and due[end] <= now:
            end += 1
        operation.forward([texts[index % len(texts)] for index in range(done, end)], request["options"])
        now = (time.perf_counter() - begin) * 1000
        times.extend(now - at for at in due[done:end])
        done = end
    return times


def main() -> None:
    frames_in, frames_out = take_stdio()
    (operation,) = operations_of(sys.argv[1:]).values()
    operation.load()
    operation.warm_up()
    write_all(frames_out, seal_frame(msgpack.packb({"ready": True})))
    while (body := read_frame(frames_in)) is not None:
        request = msgpack.unpackb(body)
        begin = time.perf_counter()
        times = opened(operation, request) if "due" in request else closed(operation, request)
        total = (time.perf_counter() - begin) * 1000
        write_all(frames_out, seal_frame(msgpack.packb({"ms": times, "totalMs": total})))


if __name__ == "__main__":
    main()
