"""The least that can answer `echo` over a pipe: one thread, blocking reads and writes, no protocol.

What the bridge costs is measured against this. `{items, options}` in, `{data}` out, MessagePack in frames.
"""

import msgpack

from evidence_runner.frame import read_frame, seal_frame, write_all
from evidence_runner.ops.echo import Echo
from evidence_runner.stdio import take_stdio


def main() -> None:
    frames_in, frames_out = take_stdio()
    echo = Echo()
    while (body := read_frame(frames_in)) is not None:
        request = msgpack.unpackb(body)
        vectors, _ = echo.forward(request["items"], request["options"])
        write_all(frames_out, seal_frame(msgpack.packb({"data": vectors.data})))


if __name__ == "__main__":
    main()
