"""What every operation over a model folder is told of it, and what it says of it in `ready`."""

from __future__ import annotations

import os
from typing import Any


class ModelFolder:
    """The base of operations that load a model from a folder: where it is, and what the pool knows it as."""

    def __init__(
        self,
        model_dir: str,
        *,
        blas: str | None = None,
        weights_sha256: str | None = None,
        revision: str | None = None,
        model_name: str | None = None,
    ) -> None:
        self._model_dir = model_dir
        self._blas = blas
        self._sha256 = weights_sha256
        self._revision = revision
        self._model_name = model_name

    def _facts(self, dimensions: int, max_tokens: int) -> dict[str, Any]:
        return {
            "name": self._model_name or os.path.basename(os.path.normpath(self._model_dir)),
            "revision": self._revision,
            "sha256": self._sha256,
            "dimensions": dimensions,
            "maxTokens": max_tokens,
        }
