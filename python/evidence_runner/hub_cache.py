"""Which files of a hub repository are wanted, where the hub's cache keeps them, and how much of it is there.

For prepare.py. Knows the disk and no network.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from .errors import ModelError

# What mlx-lm and our encoders read. Never code, never pickles, never another format's weights.
AT_TOP = ("model*.safetensors", "*.json", "*.txt", "*.jinja", "tokenizer.model", "*.tiktoken")
BELOW = ("*/config.json",)


class RemoteFile(NamedTuple):
    """A file that is wanted; `sha256` where the hub keeps it outside git, as all large ones are."""

    path: str
    size: int
    sha256: str | None
    blob: str | None


class Cache(NamedTuple):
    """Where one repository lies in the hub's cache: blobs by their hash, links to them by commit and path."""

    root: Path
    repository: Path

    @property
    def blobs(self) -> Path:
        return self.repository / "blobs"

    def snapshot(self, commit: str) -> Path:
        return self.repository / "snapshots" / commit

    def part(self, file: RemoteFile) -> Path:
        """What has come of a file. The name says what it will be, so that a later attempt can go on."""
        return self.blobs / f"{file.sha256}.part"

    def here(self, file: RemoteFile, commit: str) -> int:
        """How many bytes of a file are on this disk."""
        places = [self.snapshot(commit) / file.path]
        if file.sha256 is not None:
            places += [self.blobs / file.sha256, self.part(file)]
        elif file.blob is not None:
            places += [self.blobs / file.blob]
        for place in places:
            with contextlib.suppress(OSError):
                return min(place.stat().st_size, file.size)
        return 0

    def commit_of(self, revision: str) -> str | None:
        """The commit that a revision was when it was fetched, if its configuration is here."""
        commit = revision
        with contextlib.suppress(OSError):
            commit = (self.repository / "refs" / revision).read_text("utf-8").strip()
        there = len(commit) == 40 and (self.snapshot(commit) / "config.json").exists()
        return commit if there else None

    def remember(self, revision: str, commit: str) -> None:
        """Notes which commit a branch or tag is, once that is whole; so it is found without the network."""
        if revision == commit:
            return
        path = self.repository / "refs" / revision
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        draft.write_text(commit, "utf-8")
        os.replace(draft, path)


def wanted(path: str) -> bool:
    """Whether a file of a repository is needed to run its model."""
    depth = path.count("/")
    patterns = AT_TOP if depth == 0 else BELOW if depth == 1 else ()
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def refuse_code(path: Path) -> None:
    """Refuses a config.json that would run Python of its own, before its weights are fetched."""
    try:
        config = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelError("ER_MODEL_LOAD", f"{path} is not JSON") from error
    for key in ("model_file", "auto_map"):
        if isinstance(config, dict) and config.get(key) is not None:
            raise ModelError(
                "ER_MODEL_LOAD",
                f"{path} names {key}: it would run Python code that came with the model, which is never done "
                "here. Use a model whose architecture mlx-lm knows by itself",
            )


def sha256_of(path: Path) -> str:
    """In hexadecimal; a gigabyte takes about a second."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def free_bytes(folder: Path) -> int:
    """Free room on the disk of a folder that need not be there yet."""
    while not folder.exists() and folder.parent != folder:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def megabytes(count: int) -> str:
    """A size for people."""
    return f"{count / 2**20:,.1f} MB"
