"""A perfect plain Python loop: the workers' own encoder over a whole list, timed inside the process, no pipe.

Asked `{texts, each}`, it answers `{ms: […]}`: the time of one forward over all texts, or of one a text. Its
first frame tells that it is warm. BENCH_MODE=cold leaves the warm-up out, for a process per call.
"""

import os
import sys
import time

import msgpack

from evidence_runner.frame import read_frame, seal_frame, write_all
from evidence_runner.ops.registry import operations_of
from evidence_runner.runtime import memory
from evidence_runner.stdio import take_stdio


def main() -> None:
    frames_in, frames_out = take_stdio()
    embed = operations_of(sys.argv[1:])["embed"]
    embed.load()
    if os.environ.get("BENCH_MODE") != "cold":
        embed.warm_up()
    write_all(frames_out, seal_frame(msgpack.packb({"memory": memory()})))
    while (body := read_frame(frames_in)) is not None:
        request = msgpack.unpackb(body)
        lists = [[text] for text in request["texts"]] if request["each"] else [request["texts"]]
        times = []
        for texts in lists:
            begin = time.perf_counter()
            embed.forward(texts, {})
            times.append((time.perf_counter() - begin) * 1000)
        write_all(frames_out, seal_frame(msgpack.packb({"ms": times, "memory": memory()})))


if __name__ == "__main__":
    main()
