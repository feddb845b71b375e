"""Who waits for which lane, who is inside, and what each is answered. Knows no frames, threads or clocks to
hang by; only the model thread touches it.

    batch ──┬─ one-step ──▶ OneStepLane: waiting ──▶ forward, a batch at a time ──▶ one answer a batch
            └─ stepwise ──▶ StepLane:    waiting ──insert──▶ rows, up to `slots` ──step──▶ deltas
                                                               └─ done, failed, removed ──▶ an answer a row

All one-step operations share one lane; each stepwise operation has its own.
"""

import time
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from . import message as wire
from .errors import InputError, RunnerError, WireError
from .ops.operation import Operation, StepOperation, is_stepwise
from .ops.vectors import Vectors


class Answer(NamedTuple):
    """What one `results` frame says: calls of one batch, and how long the model had them."""

    batch: int
    replies: list[wire.WireReply]
    model_ms: float


class _Row:
    def __init__(self, call: int, batch: wire.Batch, began: float) -> None:
        self.call = call
        self.batch = batch["batch"]
        self.hang_ms = batch["hangMs"]
        self.began = began
        self.tokens = 0


class OneStepLane:
    """Batches of operations that finish in one step; an operation that there is not is answered here, too."""

    def __init__(self, operations: dict[str, Operation | StepOperation]) -> None:
        self._operations = operations
        self.waiting: deque[wire.Batch] = deque()

    def run(self, batch: wire.Batch, left_out: set[int]) -> Answer:
        """Runs a batch; the calls in ``left_out`` are not in its answer."""
        begin = time.monotonic()
        calls = [call for call in batch["calls"] if call["id"] not in left_out]
        replies = self._replies(batch, calls)
        return Answer(batch["batch"], replies, _ms_since(begin))

    def _replies(self, batch: wire.Batch, calls: list[wire.WireCall]) -> list[wire.WireReply]:
        operation = self._operations.get(batch["op"])
        if operation is None:
            known = ", ".join(self._operations)
            error = InputError("ER_UNKNOWN_OP", f"This worker runs {known}, not {batch['op']}")
            return [_failed(call["id"], error) for call in calls]
        if error := _wrong_model(operation, batch):
            return [_failed(call["id"], error) for call in calls]
        replies: dict[int, wire.WireReply] = {}
        for group in _by_options(calls):
            replies.update(_forward(operation, group))
        return [replies[call["id"]] for call in calls]


class StepLane:
    """The rows inside one stepwise operation."""

    def __init__(self, operation: StepOperation) -> None:
        if operation.slots < 2:  # `ready.lanes` would say that it finishes in one step
            raise ValueError(f"{operation.name} needs at least 2 slots, not {operation.slots}")
        self._operation = operation
        self._rows: dict[int, _Row] = {}
        self.waiting: deque[wire.Batch] = deque()

    @property
    def busy(self) -> bool:
        return bool(self._rows)

    @property
    def hang_ms(self) -> float:
        """The longest that a row inside allows a step to take; 0 without rows."""
        return max((row.hang_ms for row in self._rows.values()), default=0.0)

    def holds(self, call: int) -> bool:
        return call in self._rows

    def insert(self, batch: wire.Batch, left_out: set[int]) -> Answer | None:
        """Takes a batch's calls in; answers those that can't come in or are ``left_out``, if there are any.

        WireError when there are more calls than free slots.
        """
        calls = batch["calls"]
        name, slots = self._operation.name, self._operation.slots
        free = slots - len(self._rows)
        if len(calls) > free:
            brings = f"Batch {batch['batch']} brings {len(calls)} calls of {name}"
            raise WireError("ER_WIRE", f"{brings}, which has {free} of {slots} slots free")
        begin = time.monotonic()
        replies: list[wire.WireReply] = []
        wrong = _wrong_model(self._operation, batch)
        for call in calls:
            error = wrong or (_cancelled() if call["id"] in left_out else self._take(call))
            if error:
                replies.append(_failed(call["id"], error))
            else:
                self._rows[call["id"]] = _Row(call["id"], batch, begin)
        self._check()
        return Answer(batch["batch"], replies, _ms_since(begin)) if replies or not calls else None

    def step(self) -> tuple[list[dict[str, Any]], list[Answer]]:
        """One step for all rows: their deltas, and an answer for each batch of which calls have ended."""
        deltas: list[dict[str, Any]] = []
        ended: dict[int, Answer] = {}
        for step in self._operation.step():
            row = self._rows[step.call_id]
            row.tokens += step.tokens
            if step.delta is not None:
                deltas.append({"id": step.call_id, "delta": step.delta})
            if step.ended:
                del self._rows[step.call_id]
                answer = ended.setdefault(row.batch, Answer(row.batch, [], _ms_since(row.began)))
                answer.replies.append(_reply(row, step.error, step.result))
        self._check()
        return deltas, list(ended.values())

    def remove(self, call: int) -> Answer:
        """Takes a row out in the middle; its slot is free from now on."""
        row = self._rows.pop(call)
        self._operation.remove(call)
        self._check()
        return Answer(row.batch, [_reply(row, _cancelled(), None)], _ms_since(row.began))

    def _take(self, call: wire.WireCall) -> RunnerError | None:
        if call["id"] in self._rows:
            raise WireError("ER_WIRE", f"Call {call['id']} of {self._operation.name} came twice")
        if len(call["items"]) != 1:
            what = f"A call of {self._operation.name} has one item, not {len(call['items'])}"
            return InputError("ER_INPUT", what)
        try:
            self._operation.insert(call["id"], call["items"][0], call["options"], call["seed"])
        except RunnerError as error:
            return error
        return None

    def _check(self) -> None:
        """A row that only one side knows would hold its slot, or its caller, for ever."""
        if self._operation.busy != len(self._rows):
            what = f"{self._operation.name} has {self._operation.busy} rows inside, not {len(self._rows)}"
            raise RuntimeError(what)


class Lanes:
    """All lanes of a worker."""

    def __init__(self, operations: dict[str, Operation | StepOperation]) -> None:
        self.one_step = OneStepLane(operations)
        self.stepwise = {name: StepLane(each) for name, each in operations.items() if is_stepwise(each)}
        self._turns = deque(self.stepwise.values())
        self._cancelled: set[int] = set()
        self._last_call = 0

    @property
    def idle(self) -> bool:
        lanes = self.stepwise.values()
        return not self.one_step.waiting and not any(lane.busy or lane.waiting for lane in lanes)

    def queue(self, batch: wire.Batch) -> None:
        """Lets a batch wait for its lane."""
        self._last_call = max((self._last_call, *(call["id"] for call in batch["calls"])))
        self.stepwise.get(batch["op"], self.one_step).waiting.append(batch)

    def cancel(self, call: int) -> Answer | None:
        """Takes a row out at once and answers it; a call that waits, or is still to come, is only noted."""
        for lane in self.stepwise.values():
            if lane.holds(call):
                return lane.remove(call)
        # Ids rise: one that is neither above all others nor waiting has been answered already.
        if call > self._last_call or call in self._waiting():
            self._cancelled.add(call)
        return None

    def left_out(self, batch: wire.Batch) -> set[int]:
        """Which calls of a batch that begins now were cancelled; from now on they are forgotten."""
        found = {call["id"] for call in batch["calls"]} & self._cancelled
        self._cancelled -= found
        return found

    def next_busy(self) -> StepLane | None:
        """The lane whose turn it is to make a step: each that has rows, in turn."""
        for _ in range(len(self._turns)):
            lane = self._turns[0]
            self._turns.rotate(-1)
            if lane.busy:
                return lane
        return None

    def _waiting(self) -> Iterable[int]:
        for lane in (self.one_step, *self.stepwise.values()):
            for batch in lane.waiting:
                yield from (call["id"] for call in batch["calls"])


def _forward(operation: Operation, calls: list[wire.WireCall]) -> dict[int, wire.WireReply]:
    """Runs calls that share their options as one; if that fails, each alone: one can't fail the rest."""
    items = [item for call in calls for item in call["items"]]
    try:
        results, tokens = operation.forward(items, calls[0]["options"])
    except RunnerError as error:
        if len(calls) == 1:
            return {calls[0]["id"]: _failed(calls[0]["id"], error)}
        return {key: reply for call in calls for key, reply in _forward(operation, [call]).items()}
    if len(results) != len(items):
        raise RuntimeError(f"{operation.name} gave {len(results)} results for {len(items)} items")
    replies: dict[int, wire.WireReply] = {}
    start = 0
    for call in calls:
        stop = start + len(call["items"])
        part = results.part(start, stop) if isinstance(results, Vectors) else results[start:stop]
        replies[call["id"]] = {
            "id": call["id"],
            "results": part,
            "usage": {"tokens": sum(tokens[start:stop])},
        }
        start = stop
    return replies


def _by_options(calls: list[wire.WireCall]) -> list[list[wire.WireCall]]:
    """Calls with equal options together, in order of first appearance."""
    groups: dict[str, list[wire.WireCall]] = {}
    for call in calls:
        groups.setdefault(repr(sorted(call["options"].items())), []).append(call)
    return list(groups.values())


def _wrong_model(operation: Operation | StepOperation, batch: wire.Batch) -> InputError | None:
    loaded, wanted = operation.facts["name"], batch["model"]
    if loaded == wanted:
        return None
    return InputError("ER_UNKNOWN_MODEL", f"This worker runs {batch['op']} with {loaded}, not {wanted}")


def _reply(row: _Row, error: RunnerError | None, result: Any) -> wire.WireReply:
    if error:
        return _failed(row.call, error, row.tokens)
    return {"id": row.call, "results": [result], "usage": {"tokens": row.tokens}}


def _failed(call: int, error: RunnerError, tokens: int = 0) -> wire.WireReply:
    return {"id": call, "error": {"code": error.code, "message": error.message}, "usage": {"tokens": tokens}}


def _cancelled() -> RunnerError:
    """The host has detached the call anyway and only needs to know that its slot is free."""
    return RunnerError("ER_DEADLINE", "cancelled")


def _ms_since(begin: float) -> float:
    return (time.monotonic() - begin) * 1000
