"""Which lines of the workers only run on a Mac or with its GPU, and what they use of mlx.core.

    python test/support/guarded_lines.py

prints them as a Markdown table. No test machine has Metal, so these are the lines that have never met a GPU;
the tests run each of them once against recorded calls (test/python/test_metal.py).

Guarded are: the functions of metal.py; a branch whose condition names Metal, the GPU or macOS; what is left
for them when the condition names the CPU or Linux; classes whose name begins with Fused. Sources are read,
not run.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import NamedTuple

PACKAGE = Path(__file__).parents[2] / "python" / "evidence_runner"
WHOLE = "metal.py"
OURS = ("metal", "gpu", "darwin")
OTHERS = ("cpu", "linux")


class Call(NamedTuple):
    """A use of mlx.core: its name after `mx.`, and with which arguments; None where it is not called."""

    name: str
    positional: int | None = None
    keywords: tuple[str, ...] = ()
    starred: bool = False


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def side(test: ast.expr) -> bool | None:
    """Whether the condition holds on Metal; None where it asks something else."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = side(test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        return next((found for found in map(side, test.values) if found is not None), None)
    words = set()
    for node in ast.walk(test):
        name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "value", None)
        if isinstance(name, str):
            words.update(name.lower().split("_"))
    ours = None if words.isdisjoint(OURS + OTHERS) else not words.isdisjoint(OURS)
    unequal = isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.NotEq | ast.IsNot)
    return ours if ours is None or not unequal else not ours


class Guards(ast.NodeVisitor):
    """Collects the guarded statements and expressions of a module in `found`."""

    def __init__(self, whole: bool) -> None:
        self.whole = whole
        self.found: list[ast.AST] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if self.whole:
            self.found += node.body
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        whole, self.whole = self.whole, self.whole or node.name.startswith("Fused")
        self.generic_visit(node)
        self.whole = whole

    def visit_IfExp(self, node: ast.IfExp) -> None:
        on_metal = side(node.test)
        if on_metal is not None:
            self.found.append(node.body if on_metal else node.orelse)
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        for block in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
            for place, statement in enumerate(block if isinstance(block, list) else []):
                if isinstance(statement, ast.If):
                    self.branch(statement, block[place + 1 :])
        super().generic_visit(node)

    def branch(self, node: ast.If, after: list[ast.stmt]) -> None:
        on_metal = side(node.test)
        if on_metal:
            self.found += node.body
        elif on_metal is False:
            self.found += node.orelse
            if isinstance(node.body[-1], ast.Return | ast.Raise | ast.Continue):
                self.found += after


def guarded_in(path: Path) -> list[ast.AST]:
    guards = Guards(path.name == WHOLE)
    guards.visit(ast.parse(path.read_text(encoding="utf-8")))
    return guards.found


def lines_of(path: Path) -> set[int]:
    """The guarded lines that have code, so neither comments nor descriptions."""
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    coded = set(coded_lines(code))
    return {
        line for node in guarded_in(path) for line in range(node.lineno, node.end_lineno + 1) if line in coded
    }


def coded_lines(code: CodeType) -> Iterator[int]:
    yield from (line for _, _, line in code.co_lines() if line)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from coded_lines(constant)


def guarded_lines() -> dict[Path, set[int]]:
    """Every file that has guarded lines, and which."""
    return {path: lines for path in files() if (lines := lines_of(path))}


def calls() -> set[Call]:
    """What the guarded code uses of mlx.core, which it calls `mx`."""
    return {call for path in files() for node in guarded_in(path) for call in calls_in(node)}


def calls_in(tree: ast.AST) -> Iterator[Call]:
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or id(node) in inner or not (name := name_in_mx(node)):
            continue
        call = called.get(id(node))
        if call is None:
            yield Call(name)
            continue
        given = [argument for argument in call.args if not isinstance(argument, ast.Starred)]
        keywords = tuple(sorted(keyword.arg for keyword in call.keywords if keyword.arg))
        open_end = len(given) < len(call.args) or len(keywords) < len(call.keywords)
        yield Call(name, len(given), keywords, open_end)


def name_in_mx(node: ast.expr) -> str | None:
    """`fast.layer_norm` of `self.mx.fast.layer_norm`; None where no mx is in it."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and node.attr != "mx":
        parts.append(node.attr)
        node = node.value
    root = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)
    return ".".join(reversed(parts)) if root == "mx" and parts else None


@contextmanager
def watched(paths: set[Path]) -> Iterator[dict[Path, set[int]]]:
    """Notes which lines of these files this thread runs inside the block."""
    by_name = {str(path): path for path in paths}
    ran: dict[Path, set[int]] = {path: set() for path in paths}

    def in_file(frame, event, argument):
        path = by_name.get(frame.f_code.co_filename)
        if path is None:
            return None
        if event == "line":
            ran[path].add(frame.f_lineno)
        return in_file

    before = sys.gettrace()
    sys.settrace(in_file)
    try:
        yield ran
    finally:
        sys.settrace(before)


def spans(lines: set[int]) -> str:
    """`3 to 5, 9` of {3, 4, 5, 9}."""
    groups: list[list[int]] = []
    for line in sorted(lines):
        if groups and line == groups[-1][-1] + 1:
            groups[-1].append(line)
        else:
            groups.append([line])
    return ", ".join(f"{group[0]} to {group[-1]}" if len(group) > 1 else str(group[0]) for group in groups)


def table() -> str:
    rows = [
        f"| `{path.relative_to(PACKAGE.parents[1]).as_posix()}` | {spans(lines)} |"
        for path, lines in guarded_lines().items()
    ]
    return "\n".join(["| File | Lines |", "|---|---|", *rows])


if __name__ == "__main__":
    print(table())
