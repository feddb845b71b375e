"""What MLX's own description says of its functions: the .pyi files that every wheel of it carries.

Signatures are read from text, so those of a wheel for another machine can be read as well, and whether a call
fits one is answered without MLX.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable

Read = Callable[[str], str]
"""The text of a file of the wheel, by its name, as `mlx/core/metal.pyi`."""


def signatures_of(name: str, read: Read) -> list[str]:
    """Of `fast.rope` each way to call it, `(a: array, …) -> array`; of a value `: DeviceType`.

    Nothing where the wheel has no such name.
    """
    *modules, last = name.split(".")
    path = "/".join(["mlx/core", *modules]) + ".pyi" if modules else "mlx/core/__init__.pyi"
    found = []
    for node in ast.parse(read(path)).body:
        if isinstance(node, ast.FunctionDef) and node.name == last:
            found.append(f"({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}")
        elif isinstance(node, ast.AnnAssign) and getattr(node.target, "id", None) == last:
            found.append(f": {ast.unparse(node.annotation)}")
    return found


def parsed(signature: str) -> inspect.Signature:
    function = ast.parse(f"def f{signature}: ...").body[0]
    kinds, given = inspect.Parameter, function.args
    places = [(argument, kinds.POSITIONAL_ONLY) for argument in given.posonlyargs]
    places += [(argument, kinds.POSITIONAL_OR_KEYWORD) for argument in given.args]
    required = len(places) - len(given.defaults)
    parameters = [
        kinds(argument.arg, kind, annotation=noted(argument), default=kinds.empty if at < required else ...)
        for at, (argument, kind) in enumerate(places)
    ]
    if given.vararg:
        parameters.append(kinds(given.vararg.arg, kinds.VAR_POSITIONAL))
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        none = kinds.empty if default is None else ...
        parameters.append(kinds(argument.arg, kinds.KEYWORD_ONLY, annotation=noted(argument), default=none))
    return inspect.Signature(parameters)


def noted(argument: ast.arg) -> str:
    return ast.unparse(argument.annotation) if argument.annotation else ""


def fits(signatures: list[str], positional: int, keywords: tuple[str, ...], starred: bool = False) -> bool:
    """Whether one of them takes so many arguments and these names. `starred`: some more, unknown how many."""
    for signature in signatures:
        if signature.startswith(":"):
            continue
        for count in range(positional, positional + (8 if starred else 1)):
            try:
                parsed(signature).bind(*[None] * count, **dict.fromkeys(keywords))
                return True
            except TypeError:
                continue
    return False
