"""What an operation is: load, warm up, then results for items, same length and order.

The serving loop knows operations by this shape alone; adding one is one file beside this one.
"""

from typing import Any, Protocol

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
