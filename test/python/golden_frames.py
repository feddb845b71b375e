"""The frames under test/golden/frames, for the Python side; twin of test/support/golden-frames.ts.

As a program it writes the frames from Python to Node; scripts/golden-frames.ts runs it so.
"""

import json
from pathlib import Path
from typing import Any

from evidence_runner import message as wire
from evidence_runner.frame import seal_frame

FOLDER = Path(__file__).resolve().parent.parent / "golden" / "frames"


def _revive(value: dict[str, Any]) -> Any:
    return bytes.fromhex(value["$hex"]) if set(value) == {"$hex"} else value


MESSAGES: dict[str, dict[str, Any]] = json.loads(
    (FOLDER / "messages.json").read_text(encoding="utf-8"), object_hook=_revive
)


def path_of(direction: str, kind: str) -> Path:
    """The file of one message kind; `direction` is "to-worker" or "from-worker"."""
    return FOLDER / f"{direction}-{kind}.bin"


def frame_of(kind: str) -> bytes:
    """The frame of a message to Node, built by the functions that the worker builds it with."""
    values = MESSAGES["fromWorker"][kind]
    return seal_frame(wire.encode(_BUILD[kind](values)))


_BUILD = {
    "hello": lambda v: wire.hello(pid=v["pid"], python=v["python"], versions=v["versions"]),
    "ready": lambda v: wire.ready(
        ops=v["ops"],
        models=v["models"],
        lanes=v["lanes"],
        load_ms=v["loadMs"],
        warm_up_ms=v["warmUpMs"],
        memory=v["memory"],
        facts=v["facts"],
    ),
    "started": lambda v: wire.started(v["batch"]),
    "results": lambda v: wire.results(v["batch"], v["calls"], v["modelMs"], v["memory"]),
    "parts": lambda v: wire.parts(v["calls"]),
    "pong": lambda v: wire.pong(
        v["id"], last_step_at=v["lastStepAt"], in_step=v["inStep"], memory=v["memory"]
    ),
    "log": lambda v: wire.log(v["level"], v["stage"], v["code"], v["message"]),
}


if __name__ == "__main__":
    for message_kind in MESSAGES["fromWorker"]:
        path_of("from-worker", message_kind).write_bytes(frame_of(message_kind))
