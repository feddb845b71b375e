"""How many bytes a language model will take, told before it is loaded, and whether this machine has them.

It reads the headers of safetensors files, config.json and the system's own figures; it makes no arrays.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ModelError
from .causal import Causal, of_text
from .checkpoint import REMEDY, refuse

# Rows rarely fill a long context: keys and values are projected for so many tokens a row.
MODERATE_TOKENS = 4096
# Headers beyond this are no headers.
MOST_HEADER_BYTES = 100_000_000


class Footprint(NamedTuple):
    """Projected bytes: of the weights as they will be held, and of the keys and values of all rows."""

    weights: int
    rows: int
    prefixes: int

    @property
    def total(self) -> int:
        return self.weights + self.rows + self.prefixes


def project(causal: Causal, slots: int, prefix_bytes: int, *, widened: bool) -> Footprint:
    """What a model will take. `widened`: its weights and caches will be float32, as on the CPU."""
    return Footprint(
        weights=sum(_weights_of(path, causal.config, widened) for path in _files(causal.folder)),
        rows=slots * min(causal.context, MODERATE_TOKENS) * _token_bytes(causal.config, 4 if widened else 2),
        prefixes=prefix_bytes,
    )


def check(causal: Causal, footprint: Footprint, *, limit: int | None, on_metal: bool) -> None:
    """ModelError ER_MODEL_MEMORY, with both figures, where a model can't fit."""
    free, where = (
        (limit, "it may take") if limit is not None else (machine_bytes(on_metal), "this machine has free")
    )
    if free is None or footprint.total <= free:
        return
    raise ModelError(
        "ER_MODEL_MEMORY",
        f"{causal.folder} would take {_told(footprint.total)} (weights {_told(footprint.weights)}, keys and "
        f"values {_told(footprint.rows)}, shared prefixes {_told(footprint.prefixes)}); {where} {_told(free)}"
        ". Choose a smaller or quantised model, or fewer slots",
    )


def machine_bytes(on_metal: bool) -> int | None:
    """What the machine can still give; on a Mac what the GPU can use. None: it does not say."""
    if on_metal:
        from .. import metal

        return metal.facts().get("recommendedBytes") or None
    known = [each for each in (_free_bytes(), _container_bytes()) if each is not None]
    return min(known, default=None)


def _free_bytes() -> int | None:
    try:
        with open("/proc/meminfo", "rb") as file:
            for line in file:
                if line.startswith(b"MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _container_bytes(path: str = "/sys/fs/cgroup/memory.max") -> int | None:
    """What a container may take in all. What it takes already counts files that would be dropped."""
    try:
        with open(path, "rb") as file:
            return int(file.read())
    except (OSError, ValueError):  # without a limit it says `max`
        return None


def _files(folder: str) -> list[Path]:
    return sorted(Path(folder).glob("model*.safetensors"))


def _weights_of(path: Path, config: dict[str, Any], widened: bool) -> int:
    tensors = _header(path)
    if not widened:
        return sum(end - start for _, _, start, end in tensors.values())
    return sum(4 * _elements(name, tensors, config) for name in tensors)


def _elements(name: str, tensors: dict[str, tuple[str, list[int], int, int]], config: dict[str, Any]) -> int:
    """How many numbers a tensor will be; packed weights unfold, their scales and biases go."""
    kind, shape, start, end = tensors[name]
    layer, _, part = name.rpartition(".")
    scales = tensors.get(f"{layer}.scales")
    if scales is not None:
        if part in ("scales", "biases"):
            return 0
        if part == "weight":
            return math.prod(scales[1]) * _group_size(layer, config)
    return math.prod(shape) if kind in ("F32", "F16", "BF16") else (end - start) // 4


def _group_size(layer: str, config: dict[str, Any]) -> int:
    settings = config.get("quantization") or config.get("quantization_config") or {}
    own = settings.get(layer)
    size = (own if isinstance(own, dict) else settings).get("group_size", 64)
    return size if isinstance(size, int) else 64


def _header(path: Path) -> dict[str, tuple[str, list[int], int, int]]:
    """Each tensor of a safetensors file: kind, shape, and where its bytes begin and end."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MOST_HEADER_BYTES:
                raise ValueError("its header is too long")
            described = json.loads(file.read(length))
            return dict(_tensors(described))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise refuse(f"{path} cannot be read: {error}; {REMEDY}") from None


def _tensors(described: dict[str, Any]) -> Iterator[tuple[str, tuple[str, list[int], int, int]]]:
    for name, tensor in described.items():
        if name != "__metadata__":
            start, end = tensor["data_offsets"]
            yield name, (tensor["dtype"], tensor["shape"], start, end)


def _token_bytes(config: dict[str, Any], each: int) -> int:
    """What keys and values of one token take; 0 where config.json does not say."""
    layers, heads = of_text(config, "num_hidden_layers"), of_text(config, "num_attention_heads")
    hidden = of_text(config, "hidden_size")
    if not all(isinstance(value, int) and value > 0 for value in (layers, heads, hidden)):
        return 0
    keys = of_text(config, "num_key_value_heads") or heads
    width = of_text(config, "head_dim") or hidden // heads
    return 2 * layers * keys * width * each


def _told(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
