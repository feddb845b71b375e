"""One call inside `generate`: where it stands, what a new token does to it, and what it is answered.

It knows no model and no batch; tokens come one by one.
"""

from __future__ import annotations

import time
from typing import Any

from ..models.spelling import Spelling, Writer
from .generation_item import GenerationItem
from .operation import Step
from .prefixes import Prefixes


class Row:
    """A call inside. It waits for a `reading`, or is in the batch under `uid`, or is to be weighed."""

    __slots__ = (
        "began",
        "cache",
        "call_id",
        "computed",
        "ends",
        "first_at",
        "ids",
        "item",
        "labels",
        "mask",
        "own",
        "prefixes",
        "prompt_tokens",
        "read",
        "reading",
        "sampler",
        "shared",
        "spelling",
        "text",
        "uid",
        "writer",
    )

    def __init__(
        self,
        call_id: int,
        item: GenerationItem,
        prompt_tokens: int,
        began: float,
        ends: frozenset[int],
        spelling: Spelling,
        prefixes: Prefixes,
    ) -> None:
        self.call_id = call_id
        self.item = item
        self.prompt_tokens = prompt_tokens
        self.began = began
        self.ends = ends
        self.spelling = spelling
        self.prefixes = prefixes
        self.first_at: float | None = None
        # Tokens that follow the shared beginning, and how many of them the batch has read.
        self.own: list[int] = []
        self.read = 0
        # Tokens of the beginning that were read for this row, and those that were there already.
        self.computed = 0
        self.shared = 0
        self.ids: list[int] = []
        self.text: list[str] = []
        self.uid: int | None = None
        self.reading: Reading | None = None
        self.cache: list[Any] | None = None
        self.sampler: Any = None
        self.mask: Any = None
        # Of rows that stream or that a string may end; the text of others is made at their end.
        self.writer: Writer | None = None
        self.labels: list[list[int]] | None = None

    def take(self, token: int) -> Step:
        """What a new token does to the row; a step that has ended is its answer."""
        if self.first_at is None:
            self.first_at = time.monotonic()
        mask, writer, ids = self.mask, self.writer, self.ids
        if mask is not None and mask.error is not None:
            return Step(self.call_id, error=mask.error)
        if token in self.ends:
            return self._end("stop", "", 0)
        ids.append(token)
        new = "" if writer is None else writer.write(token)
        if (mask is not None and mask.done) or (writer is not None and writer.ended):
            return self._end("stop", new, 1)
        if len(ids) >= self.item.maxTokens:
            return self._end("length", new, 1)
        if not new:
            return Step(self.call_id, None, False, None, 1)
        self.text.append(new)
        delta = {"text": new, "tokens": len(ids)} if self.item.stream else None
        return Step(self.call_id, delta, False, None, 1)

    def weighed(self, scores: list[float], mass: float) -> Step:
        """The answer of a row with labels, whose own tokens have been read for it."""
        self.first_at = time.monotonic()
        result = {"labels": scores, "mass": mass, **self._figures()}
        return Step(self.call_id, done=True, result=result, tokens=len(self.own))

    def _end(self, reason: str, new: str, tokens: int) -> Step:
        if self.writer is not None:
            new += self.writer.rest()
            self.text.append(new)
            text = "".join(self.text)
        else:
            text = self.spelling.text_of(self.ids)
        count = len(self.ids)
        seconds = time.monotonic() - (self.first_at or 0.0)
        result = {
            "text": text,
            "reason": reason,
            "tokens": count,
            # The first one's time is the prompt's.
            "tokensPerSecond": (count - 1) / seconds if count > 1 and seconds > 0 else 0.0,
            **self._figures(),
        }
        delta = {"text": new, "tokens": count} if self.item.stream and new else None
        return Step(self.call_id, delta, True, result, tokens)

    def _figures(self) -> dict[str, Any]:
        return {
            "promptTokens": self.prompt_tokens,
            "sharedTokens": self.shared,
            "firstTokenMs": ((self.first_at or self.began) - self.began) * 1000,
            "prefixBytes": self.prefixes.bytes,
        }


class Reading:
    """Tokens that are read a chunk at a time, for the rows that wait for them; the first one is charged."""

    __slots__ = ("cache", "done", "ids", "key", "rows")

    def __init__(self, ids: list[int], cache: list[Any], key: tuple[str, bytes] | None, row: Row) -> None:
        self.ids = ids
        self.cache = cache
        self.key = key
        self.rows = [row]
        self.done = 0
