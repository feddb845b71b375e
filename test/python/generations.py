"""What tests of language models share: tiny models made from a seed, items, and runs to their end."""

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evidence_runner import runtime

runtime.prepare()

from evidence_runner.ops.generate import Generate  # noqa: E402  mlx has to find its BLAS first
from evidence_runner.ops.operation import Step  # noqa: E402

SUPPORT = Path(__file__).resolve().parent.parent / "support"
MOST_STEPS = 5000


def _maker() -> Any:
    spec = importlib.util.spec_from_file_location("tiny_language_model", SUPPORT / "tiny_language_model.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


maker = _maker()


def model_folder(folder: Path, **settings: Any) -> Path:
    """A tiny model of one's own, to be changed."""
    maker.make_language_model(str(folder), **settings)
    return folder


def copied(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target))


def loaded(folder: Path, **settings: Any) -> Generate:
    operation = Generate(str(folder), **settings)
    operation.load()
    return operation


def item(**changes: Any) -> dict[str, Any]:
    """An item with all keys."""
    usual = {
        "system": "",
        "shared": "",
        "prompt": "the claim",
        "maxTokens": 12,
        "temperature": 0.0,
        "topP": 1.0,
        "topK": 0,
        "stop": [],
        "schema": None,
        "labels": None,
        "scope": "",
        "seed": 1,
        "stream": False,
    }
    assert not changes.keys() - usual.keys()
    return usual | changes


class Run:
    """Rows of an operation from insert to their end, and what they were told on the way."""

    def __init__(self, operation: Generate) -> None:
        self.operation = operation
        self.results: dict[int, dict[str, Any]] = {}
        self.errors: dict[int, Any] = {}
        self.deltas: dict[int, list[dict[str, Any]]] = {}
        self.tokens: dict[int, int] = {}
        self.steps = 0

    def insert(self, call_id: int, **changes: Any) -> None:
        self.operation.insert(call_id, item(**changes), {}, None)

    def step(self) -> list[Step]:
        made = self.operation.step()
        self.steps += 1
        for each in made:
            assert each.call_id not in self.results and each.call_id not in self.errors, "it had ended"
            self.tokens[each.call_id] = self.tokens.get(each.call_id, 0) + each.tokens
            if each.delta is not None:
                self.deltas.setdefault(each.call_id, []).append(each.delta)
            if each.error is not None:
                self.errors[each.call_id] = each.error
            elif each.done:
                self.results[each.call_id] = each.result
        return made

    def until(self, condition: Callable[[], bool]) -> None:
        before = self.steps
        while not condition():
            assert self.operation.busy, "all rows have ended"
            assert self.steps < before + MOST_STEPS, "it never came to that"
            self.step()

    def finish(self) -> dict[int, dict[str, Any]]:
        self.until(lambda: not self.operation.busy)
        return self.results

    def streamed(self, call_id: int) -> str:
        return "".join(each["text"] for each in self.deltas.get(call_id, []))


def one(operation: Generate, **changes: Any) -> dict[str, Any]:
    """The result of a row that is alone."""
    run = Run(operation)
    run.insert(1, **changes)
    return run.finish()[1]
