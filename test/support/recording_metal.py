"""mlx.core as a Mac would have it, for code that asks for Metal: it writes down each call and answers it.

It has the names that the wheel for macOS has (test/golden/metal-stubs.json) and no other, takes the arguments
that the wheel's signatures take, whole numbers where they say so, and answers with figures that a test sets.
By itself it stands in for `mx`; `install` puts what only Metal knows over the real mlx.core instead, so that
whole operations believe in the GPU while the CPU computes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlx_stubs import parsed

STUBS = json.loads((Path(__file__).parents[1] / "golden" / "metal-stubs.json").read_text())
GIB = 1 << 30
# The operations are the real ones where this is installed over mlx.core.
ANSWERED = (
    *("metal.is_available", "device_info", "set_default_device", "set_memory_limit", "set_cache_limit"),
    *("set_wired_limit", "clear_cache", "get_active_memory", "get_cache_memory", "get_peak_memory"),
)


class RecordingMetal:
    """`calls` is what was called, in order: (name, arguments). Reading a figure is not written down."""

    gpu = "gpu"

    def __init__(
        self, *, memory: int = 16 * GIB, recommended: int = 11 * GIB, available: bool = True
    ) -> None:
        facts = {
            "device_name": "Apple M9",
            "memory_size": memory,
            "max_recommended_working_set_size": recommended,
        }
        self.device = {key: facts[key] for key in STUBS["deviceKeys"]}
        self.available = available
        self.active = self.cached = self.peak = 0
        self.limits = {"memory": 3 * recommended // 2, "cache": 3 * recommended // 2, "wired": 0}
        self.calls: list[tuple[Any, ...]] = []
        self.metal = Part(self, "metal.")

    def __getattr__(self, name: str) -> Any:
        return self.function(name)

    def function(self, name: str) -> Any:
        """The recorded function of this name; AttributeError where the wheel has none."""
        if name not in ANSWERED or name not in STUBS["names"]:
            raise AttributeError(f"mlx.core has no {name} that is known here")
        signature = parsed(STUBS["names"][name][0])

        def recorded(*args: Any, **keywords: Any) -> Any:
            bound = signature.bind(*args, **keywords)
            for key, value in bound.arguments.items():
                if signature.parameters[key].annotation == "int" and type(value) is not int:
                    raise TypeError(f"{name}: {key} must be an int, not {value!r}")
            if not name.startswith("get_"):
                self.calls.append((name, *bound.arguments.values()))
            return self.answer(name, *bound.arguments.values())

        return recorded

    def answer(self, name: str, *args: Any) -> Any:
        if name == "metal.is_available":
            return self.available
        if name == "device_info":
            return dict(self.device)
        if name.endswith("_limit"):
            kind = name.split("_")[1]
            before, self.limits[kind] = self.limits[kind], args[0]
            return before
        if name == "clear_cache":
            self.cached = 0
        figures = {
            "get_active_memory": self.active,
            "get_cache_memory": self.cached,
            "get_peak_memory": self.peak,
        }
        return figures.get(name)

    def install(self, monkeypatch: Any, mx: Any) -> None:
        """Over the real mlx.core, until the test ends."""
        self.gpu = mx.gpu
        for name in ANSWERED:
            place = mx.metal if name.startswith("metal.") else mx
            monkeypatch.setattr(place, name.removeprefix("metal."), self.function(name))
        monkeypatch.setattr(mx, "default_device", lambda: mx.Device(mx.gpu, 0))

    def named(self, *names: str) -> list[tuple[Any, ...]]:
        """The calls of these names alone."""
        return [call for call in self.calls if call[0] in names]


class Part:
    """A module inside mlx.core."""

    def __init__(self, whole: RecordingMetal, prefix: str) -> None:
        self.whole, self.prefix = whole, prefix

    def __getattr__(self, name: str) -> Any:
        return self.whole.function(self.prefix + name)
