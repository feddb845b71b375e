"""What one process needs around MLX: a fast BLAS, the device, memory limits and memory figures.

`prepare` must run before anything imports mlx.core. It knows no model and no operation.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from typing import Any

from . import metal

# First found wins. The wheel of MLX for Linux carries reference BLAS (7 GFLOPS on one core); a library opened
# with RTLD_GLOBAL before mlx.core is imported answers its cblas calls instead (100 GFLOPS and more).
SYSTEM_LIBRARIES = (
    "libopenblas.so.0",
    "libopenblasp.so.0",
    "libopenblaso.so.0",
    "libflexiblas.so.3",
    "libblis.so.4",
    "libmkl_rt.so.3",
    "libmkl_rt.so.2",
)
CPU_CACHE_BYTES = 32 << 20


def prepare(blas: str | None = None) -> dict[str, Any]:
    """Sets the environment, loads a BLAS, imports MLX and chooses its device.

    Returns `{blas, core, device}`: the library's name (None: the wheel's own or Apple's), the kernels it
    chose for this processor (None where it does not say), and "cpu" or "metal"; with Metal its facts too.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    library, core = None, None
    if sys.platform == "linux":
        # Compiling needs g++ at run time, costs seconds and gains nothing on the CPU.
        os.environ.setdefault("MLX_DISABLE_COMPILE", "1")
        # Workers are one per core: two BLAS threads each make all of them wait for each other.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        library, core = load_blas(blas)
        if library is None:
            print(
                "evidence-runner: no fast BLAS found, MLX will be 10 to 20 times slower; "
                "run `npx evidence-runner doctor`",
                file=sys.stderr,
            )
    import mlx.core as mx

    on_metal = metal.start(mx)
    if not on_metal:
        mx.set_default_device(mx.cpu)
        mx.set_cache_limit(CPU_CACHE_BYTES)
    return {"blas": library, "core": core, "device": "metal" if on_metal else "cpu", **metal.facts()}


def load_blas(explicit: str | None) -> tuple[str | None, str | None]:
    """Opens the first BLAS that works, for the whole process; returns its name and its kernels' name."""
    # Once MLX is there it has found its BLAS: then a library only counts if the process already holds it.
    mode = ctypes.RTLD_GLOBAL | (os.RTLD_NOLOAD if "mlx.core" in sys.modules else 0)
    for name in ((explicit,) if explicit else ()) + SYSTEM_LIBRARIES:
        try:
            library = ctypes.CDLL(name, mode=mode)
            library.cblas_sgemm  # noqa: B018  AttributeError: the symbols have another name
        except (OSError, AttributeError) as error:
            if name == explicit:
                print(f"evidence-runner: BLAS {name} cannot be used: {error}", file=sys.stderr)
            continue
        core = None
        if hasattr(library, "openblas_get_corename"):
            library.openblas_get_corename.restype = ctypes.c_char_p
            core = library.openblas_get_corename().decode()
        return os.path.basename(name), core
    return None, None


def memory() -> dict[str, int]:
    """This process's memory in bytes: `rssBytes`, `peakBytes`, and what MLX holds and keeps for reuse.

    macOS has no cheap current figure without another package: there `rssBytes` is the peak as well. With
    Metal it is at least what MLX holds and keeps, since the pool recycles workers by `rssBytes` alone.
    """
    if sys.platform == "linux":
        # Not getrusage: its peak survives exec, so a child would report its parent's.
        with open("/proc/self/status", "rb") as file:
            lines = dict(line.split(b":", 1) for line in file.read().splitlines())
        peak, resident = (int(lines[name].split()[0]) * 1024 for name in (b"VmHWM", b"VmRSS"))
    else:
        peak = resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resident, peak = metal.counted(resident, peak)
    mx = sys.modules.get("mlx.core")
    return {
        "rssBytes": resident,
        "peakBytes": max(peak, resident),
        "mlxActiveBytes": mx.get_active_memory() if mx else 0,
        "mlxCacheBytes": mx.get_cache_memory() if mx else 0,
    }
