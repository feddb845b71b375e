"""An operation without a model that streams, for tests and benchmarks: echo in many steps.

Standard library only. One step takes the longest ``stepMs`` of the rows inside, however many there are, as a
device would; the wait does not use the processor.
"""

import os
import time
import zlib
from typing import Any

from ..errors import ModelError
from .operation import Step

SLOTS = 4
PARTS = 4


class _Row:
    def __init__(self, text: bytes, parts: int, options: dict[str, Any]) -> None:
        self.text = text
        self.parts = parts
        self.step_ms = float(options.get("stepMs", 0))
        self.fail_at: int | None = options.get("failAt")
        self.silent = options.get("silent") is True
        self.next_part = 0


class Stream:
    """Answers a text with `{crc, bytes, pid, parts}`, after ``parts`` deltas `{part, crc}`, one a step, from
    part 0. The step that gives the last part ends the row. A part counts as one token.

    Options: ``parts`` (4), ``stepMs`` (0), ``failAt`` (none): the part in whose place the row fails,
    ``silent`` (False): steps without deltas.
    """

    name = "stream"

    def __init__(self, slots: int = SLOTS) -> None:
        if not isinstance(slots, int) or slots < 2:
            raise SystemExit(f"stream needs at least 2 slots, not {slots!r}")
        self.slots = slots
        self._rows: dict[int, _Row] = {}

    @property
    def facts(self) -> dict[str, Any]:
        return {"name": "stream", "revision": "1", "sha256": "", "dimensions": 0, "maxTokens": 0}

    @property
    def busy(self) -> int:
        return len(self._rows)

    def load(self) -> None:
        pass

    def warm_up(self) -> None:
        self.insert(0, "warm up", {}, None)
        while self.busy:
            self.step()

    def insert(self, call_id: int, item: Any, options: dict[str, Any], seed: int | None) -> None:
        if not isinstance(item, str):
            raise ModelError("ER_MODEL_INPUT", f"stream takes texts, not {type(item).__name__}")
        parts = int(options.get("parts", PARTS))
        if parts < 1:
            raise ModelError("ER_MODEL_INPUT", f"stream gives at least 1 part, not {parts}")
        self._rows[call_id] = _Row(item.encode(), parts, options)

    def step(self) -> list[Step]:
        wait_ms = max(row.step_ms for row in self._rows.values())
        if wait_ms > 0:
            time.sleep(wait_ms / 1000)
        steps = [_advance(call_id, row) for call_id, row in self._rows.items()]
        for step in steps:
            if step.ended:
                del self._rows[step.call_id]
        return steps

    def remove(self, call_id: int) -> None:
        del self._rows[call_id]


def _advance(call_id: int, row: _Row) -> Step:
    part = row.next_part
    if part == row.fail_at:
        return Step(
            call_id, error=ModelError("ER_MODEL_FAILED", f"stream failed at part {part}, as it was told")
        )
    checksum = zlib.crc32(row.text)
    row.next_part += 1
    done = row.next_part == row.parts
    result = {"crc": checksum, "bytes": len(row.text), "pid": os.getpid(), "parts": row.parts}
    delta = None if row.silent else {"part": part, "crc": checksum}
    return Step(call_id, delta=delta, done=done, result=result if done else None, tokens=1)
