"""What only Metal needs: limits, a policy for MLX's cache, the wired limit, memory figures, device facts.

Everything here waits for one question, whether Metal is there; without it, and before `start`, each function
does nothing and costs nothing. It knows no model and no operation.

None of it has met a GPU yet: the tests run it against recorded calls (test/support/recording_metal.py) and
hold every name that it uses against the wheel for macOS (test/golden/metal-stubs.json).
"""

from __future__ import annotations

from typing import Any

# MLX keeps freed buffers for reuse, by default as many as fit in memory.
CACHE_BYTES = 1 << 30
CACHE_SHARE = 8
# Metal allows 499,000 live buffers, and cached ones count. Bytes do not bound their number: small ones are
# kept at their own size, so they are all let go from time to time, and when the cache is half full.
CLEAR_EVERY_TURNS = 256
CLEAR_SHARE = 2
# The longest of the padded buckets that the encoders run every day (ops/embed.py). A longer pass leaves large
# buffers that fit nothing else.
USUAL_TOKENS = 512


class Metal:
    """This process's share of the GPU; making one sets its limits."""

    def __init__(self, mx: Any) -> None:
        self.mx = mx
        mx.set_default_device(mx.gpu)
        device = mx.device_info(mx.gpu)
        self.name = device["device_name"]
        self.memory_bytes = device["memory_size"]
        # How much the GPU can use without slowing down; MLX would take one and a half times as much.
        self.recommended_bytes = device["max_recommended_working_set_size"]
        if self.recommended_bytes > 0:
            mx.set_memory_limit(self.recommended_bytes)
        self.cache_bytes = min(CACHE_BYTES, self.memory_bytes // CACHE_SHARE)
        mx.set_cache_limit(self.cache_bytes)
        self.turns = 0

    def ran(self, tokens: int) -> None:
        """Counts a turn and clears the cache where it is time; see the function of this name."""
        self.turns += 1
        if (
            tokens > USUAL_TOKENS
            or self.turns >= CLEAR_EVERY_TURNS
            or self.mx.get_cache_memory() > self.cache_bytes // CLEAR_SHARE
        ):
            self.turns = 0
            self.mx.clear_cache()


_metal: Metal | None = None


def start(mx: Any) -> bool:
    """Whether Metal is there; if so it becomes the default device and gets its limits. `mx` is mlx.core.

    Each operation of a process may call it. No wired limit is set: macOS has panicked with one when several
    streams ran and the cache was emptied.
    """
    global _metal
    _metal = Metal(mx) if mx.metal.is_available() else None
    return _metal is not None


def ran(tokens: int = 1) -> None:
    """After a forward, a prefill or a decode step, when its arrays are evaluated: may clear MLX's cache.

    `tokens` is the length that the longest row was padded to, 1 for a decode step.
    """
    if _metal:
        _metal.ran(tokens)


def undo_wired_limit() -> None:
    """After mlx-lm's BatchGenerator was made, which wires as much memory as the GPU can use."""
    if _metal:
        _metal.mx.set_wired_limit(0)


def counted(resident: int, peak: int) -> tuple[int, int]:
    """These two figures of the process in bytes, with the GPU's memory, which macOS does not count in them.

    It is unknown how much of the GPU's memory a page table shows as well, so the larger one is told, not the
    sum: at least so much is really taken.
    """
    if _metal:
        mx = _metal.mx
        resident = max(resident, mx.get_active_memory() + mx.get_cache_memory())
        peak = max(peak, resident, mx.get_peak_memory())
    return resident, peak


def facts() -> dict[str, Any]:
    """What `ready` says about the GPU: its name, the machine's memory and what the GPU can use of it."""
    if not _metal:
        return {}
    return {
        "deviceName": _metal.name,
        "memoryBytes": _metal.memory_bytes,
        "recommendedBytes": _metal.recommended_bytes,
    }
