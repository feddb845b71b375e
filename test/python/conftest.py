"""Loads a fast BLAS before any test imports MLX: whoever is first decides for the whole process, and with the
reference one these tests take minutes.
"""

import os
import sys
from pathlib import Path

from evidence_runner import runtime

if sys.platform == "linux":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("MLX_DISABLE_COMPILE", "1")
    made = Path(sys.prefix) / "blas" / "libopenblas.so"
    runtime.load_blas(str(made) if made.is_file() else None)
