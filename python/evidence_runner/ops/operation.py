"""What an operation is: load, warm up, then either results for items in one step, same length and order, or
rows that come in, take many steps together and end one by one.

The serving loop knows operations by these two shapes alone; adding one is one file beside this one.
"""

from typing import Any, NamedTuple, Protocol, TypeGuard

from ..errors import RunnerError
from .vectors import Vectors


class Operation(Protocol):
    """An operation that finishes in one step."""

    name: str

    @property
    def facts(self) -> dict[str, Any]:
        """name, revision, sha256, dimensions and maxTokens of what it has loaded."""

    def load(self) -> None:
        """Reads the model. ModelError ER_MODEL_LOAD when that can't be done."""

    def warm_up(self) -> None:
        """Runs the real path over the shapes that requests will have."""

    def forward(self, items: list[Any], options: dict[str, Any]) -> tuple[Vectors | list[Any], list[int]]:
        """Results and token counts, one an item, in order. A ModelError answers the items, not the worker."""


class Step(NamedTuple):  # no dataclass: its import costs 6 ms before `hello`
    """What one step did to one row.

    With ``done`` or ``error`` the row has ended and the operation has let go of it: no ``remove`` follows. A
    last ``delta`` may come along. ``tokens`` is what this step alone adds to the row's usage.
    """

    call_id: int
    delta: Any | None = None
    done: bool = False
    result: Any = None
    tokens: int = 0
    error: RunnerError | None = None

    @property
    def ended(self) -> bool:
        return self.done or self.error is not None


class StepOperation(Protocol):
    """An operation that takes many steps, for up to ``slots`` rows at once; one call is one row.

    ``slots`` is at least 2: in `ready.lanes`, 1 stands for an operation that finishes in one step.
    """

    name: str
    slots: int

    @property
    def facts(self) -> dict[str, Any]:
        """As an Operation's."""

    @property
    def busy(self) -> int:
        """How many rows are inside."""

    def load(self) -> None:
        """As an Operation's."""

    def warm_up(self) -> None:
        """As an Operation's; leaves no row behind."""

    def insert(self, call_id: int, item: Any, options: dict[str, Any], seed: int | None) -> None:
        """Takes a row in. A RunnerError answers that call, and nothing of it may stay inside."""

    def step(self) -> list[Step]:
        """One step for all rows; says nothing of a row to which it did nothing. A row's failure is its Step's
        ``error``; whatever this raises, a RunnerError too, ends the process."""

    def remove(self, call_id: int) -> None:
        """Drops a row that has not ended; its slot is free at once and the others go on unharmed."""


def is_stepwise(operation: Operation | StepOperation) -> TypeGuard[StepOperation]:
    """Whether it takes many steps."""
    return hasattr(operation, "slots")
