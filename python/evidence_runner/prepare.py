"""Fetches one model from the hub into the hub's own cache, for `evidence-runner prepare`.

    python -m evidence_runner.prepare ORG/NAME [REVISION]

Says how it goes as JSON lines on stdout, one event each:

    {"event": "plan", "commit", "files", "bytes", "present", "free", "cache"}
    {"event": "progress", "done", "total"}         bytes, a few times a second
    {"event": "done", "folder", "commit", "asked"} asked: whether the hub was asked, or the cache alone
    {"event": "error", "code", "message"}          a code of src/core/errors.ts; exit code 1

huggingface_hub speaks to the hub and lays out its cache, with its own conventions: HF_HOME, HF_HUB_CACHE,
HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE. What it does not do is done here: a file that was cut off goes on where
it stopped, and what arrived is compared with its SHA-256. Loads no model; never part of a worker.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from .errors import ModelError
from .hub_cache import Cache, RemoteFile, free_bytes, megabytes, refuse_code, sha256_of, wanted
from .hub_failure import explained

# Left free on the disk beyond what is fetched.
SPARE_BYTES = 64 << 20
# So much is lost at most when a download is cut off, and it shows as progress when it has come.
BLOCK_BYTES = 1 << 20
FILES_AT_ONCE = 4
REPORT_SECONDS = 0.25
# How often a broken connection is taken up again while nothing more has come.
ATTEMPTS = 3

_saying = threading.Lock()


def say(**event: Any) -> None:
    """One event. Without a reader there is nobody to work for: the process ends."""
    try:
        with _saying:
            sys.stdout.write(f"{json.dumps(event)}\n")
            sys.stdout.flush()
    except OSError:
        os._exit(1)


def attempt(name: str, revision: str | None) -> bool:
    """Prepares a model, or says why that can't be."""
    try:
        prepare(name, revision)
    except Exception as error:
        failure = explained(error, name)
        say(event="error", code=failure.code, message=failure.message)
        return False
    return True


def prepare(name: str, revision: str | None) -> None:
    """Fetches what is missing of a model and says where it is."""
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    root = Path(constants.HF_HUB_CACHE).expanduser().resolve()
    cache = Cache(root, root / repo_folder_name(repo_id=name, repo_type="model"))
    known = cache.commit_of(revision or constants.DEFAULT_REVISION)
    if constants.is_offline_mode():
        if known is None:
            full_name = name if revision is None else f"{name}@{revision}"
            raise ModelError(
                "ER_MODEL_LOAD",
                f"{full_name} is not in {root}, and HF_HUB_OFFLINE forbids fetching it. Unset it, or copy "
                f"{cache.repository.name} there from a machine that has it",
            )
        say(event="done", folder=str(cache.snapshot(known)), commit=known, asked=False)
        return
    try:
        commit, files = listing(name, revision)
    except httpx2.TransportError:
        if known is None:
            raise
        say(event="done", folder=str(cache.snapshot(known)), commit=known, asked=False)
        return
    refuse_too_large(name, commit, files, cache)
    fetch(name, commit, files, cache)
    cache.remember(revision or constants.DEFAULT_REVISION, commit)
    say(event="done", folder=str(cache.snapshot(commit)), commit=commit, asked=True)


def listing(name: str, revision: str | None) -> tuple[str, list[RemoteFile]]:
    """The commit behind a revision, and the files of it that are needed."""
    from huggingface_hub import HfApi

    info = HfApi().model_info(name, revision=revision, files_metadata=True)
    if info.sha is None:
        raise ModelError("ER_MODEL_LOAD", f"The hub names no commit for {name}; is HF_ENDPOINT a hub's?")
    files = [
        RemoteFile(each.rfilename, each.size or 0, each.lfs.sha256 if each.lfs else None, each.blob_id)
        for each in info.siblings or []
        if wanted(each.rfilename)
    ]
    names = {file.path for file in files}
    weights = any(path.endswith(".safetensors") for path in names)
    if "config.json" not in names or not weights:
        lack = "model*.safetensors" if "config.json" in names else "config.json"
        raise ModelError("ER_MODEL_LOAD", f"{name} can't be run here: it has no {lack}")
    return info.sha, files


def refuse_too_large(name: str, commit: str, files: list[RemoteFile], cache: Cache) -> None:
    """Says what is to come before any of it comes, and refuses what the disk can't hold."""
    total = sum(file.size for file in files)
    present = sum(cache.here(file, commit) for file in files)
    free = free_bytes(cache.root)
    figures = {"files": len(files), "bytes": total, "present": present, "free": free}
    say(event="plan", commit=commit, **figures, cache=str(cache.root))
    if total > present and total - present + SPARE_BYTES > free:
        raise ModelError(
            "ER_MODEL_LOAD",
            f"{name} does not fit: {megabytes(total - present)} are to come, {megabytes(free)} are free in "
            f"{cache.root}, of which {megabytes(SPARE_BYTES)} stay free. Make room, or set HF_HOME to a "
            "folder on another disk",
        )


def fetch(name: str, commit: str, files: list[RemoteFile], cache: Cache) -> None:
    """Fetches what is missing: the configuration first, so that nothing large comes in vain."""
    total = sum(file.size for file in files)
    rest = sorted((file for file in files if file.path != "config.json"), key=lambda file: file.size)
    with reporting(lambda: sum(cache.here(file, commit) for file in files), total):
        for file in files:
            if file.path == "config.json":
                fetch_file(name, commit, file, cache)
        refuse_code(cache.snapshot(commit) / "config.json")
        pool = ThreadPoolExecutor(FILES_AT_ONCE)
        try:
            for each in as_completed([pool.submit(fetch_file, name, commit, file, cache) for file in rest]):
                each.result()
        finally:
            # What still runs after a failure ends with the process; parts are whole at any time.
            pool.shutdown(wait=False, cancel_futures=True)


def fetch_file(name: str, commit: str, file: RemoteFile, cache: Cache) -> None:
    """Puts one file into the cache: its content as a blob, then the hub's own link to it."""
    from huggingface_hub import hf_hub_download

    pointer = cache.snapshot(commit) / file.path
    if file.sha256 is not None and not pointer.exists():
        fetch_large(name, commit, file, cache)
    hf_hub_download(name, file.path, revision=commit)
    size = pointer.stat().st_size
    if file.size not in (0, size):
        raise ModelError(
            "ER_MODEL_MISMATCH",
            f"{pointer} has {size} bytes, the hub says {file.size}. Delete {pointer.resolve()} and prepare "
            "it again",
        )


def fetch_large(name: str, commit: str, file: RemoteFile, cache: Cache) -> None:
    """Fetches a file that lies outside git, goes on where an earlier attempt stopped, and checks its hash."""
    from huggingface_hub.utils import WeakFileLock

    blob, part = cache.blobs / str(file.sha256), cache.part(file)
    locks = cache.root / ".locks" / cache.repository.name
    for folder in (cache.blobs, locks):
        folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(locks / f"{file.sha256}.part.lock"):
        if blob.exists():
            return
        complete(name, commit, file, part)
        found = sha256_of(part)
        if found != file.sha256:
            part.unlink()
            raise ModelError(
                "ER_MODEL_MISMATCH",
                f"{file.path} of {name} came with another content than the hub announced: SHA-256 {found}, "
                f"must be {file.sha256}. It was deleted; prepare it again",
            )
        os.replace(part, blob)


def complete(name: str, commit: str, file: RemoteFile, part: Path) -> None:
    """Fetches what is missing at the end of a part, through as many connections as it takes."""
    import httpx2
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    constants.DOWNLOAD_CHUNK_SIZE = BLOCK_BYTES
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    failures, have = 0, -1
    with open(part, "ab", buffering=0) as out:
        if out.tell() > file.size:
            out.truncate(0)
        while out.seek(0, os.SEEK_END) < file.size:
            failures, have = (failures, have) if out.tell() == have else (0, out.tell())
            try:
                http_get(
                    hf_hub_url(name, file.path, revision=commit),
                    out,
                    resume_size=have,
                    headers=headers,
                    expected_size=file.size,
                    displayed_filename=file.path,
                    tqdm_class=Silent,
                )
            except httpx2.TransportError:  # of those, http_get itself takes up only some again
                failures += 1
                if failures >= ATTEMPTS:
                    raise
                time.sleep(1)
        os.fsync(out.fileno())


class Silent:
    """In place of a progress bar: how far it has come is read from the disk."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def update(self, _: float | None = 1) -> None:
        pass

    def close(self) -> None:
        pass


@contextlib.contextmanager
def reporting(measure: Callable[[], int], total: int) -> Iterator[None]:
    """Says how far it has come while the body runs, and once more at its end."""
    ended = threading.Event()

    def report() -> None:
        while not ended.wait(REPORT_SECONDS):
            say(event="progress", done=measure(), total=total)

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        say(event="progress", done=measure(), total=total)


def main(arguments: list[str]) -> None:
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Of the hub's two ways only plain HTTP can go on in the middle of a file.
    os.environ["HF_HUB_DISABLE_XET"] = "1"
    name, revision = (*arguments, None)[:2]
    if not attempt(name, revision):
        # At once: other files may still be under way in threads, and nobody waits for them.
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
