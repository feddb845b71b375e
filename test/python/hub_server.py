"""A small model hub over HTTP: as much of the real one's API as a download asks for, and its bad days.

    python hub_server.py FOLDER      serves FOLDER/org/name; prints its address, ends with its standard input

A repository may hold `behaviour.json`, which is never served and is read at each request:

    {"gated": true}              files only with a token
    {"cut": 2500000}             each answer with a large file breaks off after so many bytes
    {"stall": 2500000}           … or stops there and waits
    {"announce": {"file": {"size": 1, "sha256": "…"}}}   what the listing says of a file, whatever it is
    {"status": 503}              all that is answered
"""

import hashlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

# What is larger lies outside git: it is known by its SHA-256 and comes from another address.
LARGE_BYTES = 100_000


class HubServer(ThreadingHTTPServer):
    """Serves the repositories in a folder until the end of the `with`; `requests` is what was asked."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.folder = folder
        self.requests: list[tuple[str, str, str | None]] = []
        self.ended = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"
        # By another name, as large files come from elsewhere than the hub itself.
        self.elsewhere = f"http://localhost:{self.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: Any) -> None:
        """A reader that has gone is what some tests are about."""


def files_of(repository: Path) -> dict[str, bytes]:
    paths = sorted(path for path in repository.rglob("*") if path.is_file() and path.name != "behaviour.json")
    return {str(path.relative_to(repository)): path.read_bytes() for path in paths}


def commit_of(files: dict[str, bytes]) -> str:
    hashed = hashlib.sha1()
    for name, content in files.items():
        hashed.update(f"{name}\0{len(content)}\0".encode() + content)
    return hashed.hexdigest()


def git_hash(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


class Answers(BaseHTTPRequestHandler):
    """GET /api/models/ID[/revision/REV], HEAD and GET /ID/resolve/REV/FILE, GET /large/ID/FILE."""

    protocol_version = "HTTP/1.1"
    server: HubServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.requests.append((self.command, path, self.headers.get("Range")))
        match path.strip("/").split("/"):
            case ["api", "models", owner, name, *rest]:
                self.listing(f"{owner}/{name}", "/".join(rest[1:]) if rest[:1] == ["revision"] else "main")
            case [owner, name, "resolve", revision, *rest]:
                self.file(f"{owner}/{name}", revision, "/".join(rest))
            case ["large", owner, name, *rest]:
                self.large(self.server.folder / owner / name, "/".join(rest))
            case _:
                self.answer(404)

    def behaviour(self, repository: Path) -> dict[str, Any]:
        path = repository / "behaviour.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def known(self, name: str, revision: str) -> dict[str, bytes] | None:
        """The files of a repository; None when the refusal was answered."""
        repository = self.server.folder / name
        if not repository.is_dir():
            self.answer(404, {"X-Error-Code": "RepoNotFound"})
            return None
        status = self.behaviour(repository).get("status")
        if status is not None:
            self.answer(status)
            return None
        files = files_of(repository)
        if revision not in ("main", commit_of(files)):
            self.answer(404, {"X-Error-Code": "RevisionNotFound"})
            return None
        return files

    def listing(self, name: str, revision: str) -> None:
        files = self.known(name, revision)
        if files is None:
            return
        announced = self.behaviour(self.server.folder / name).get("announce", {})
        siblings = []
        for path, content in files.items():
            size, sha256 = len(content), hashlib.sha256(content).hexdigest()
            said = {"size": size, "sha256": sha256, **announced.get(path, {})}
            entry: dict[str, Any] = {"rfilename": path, "size": said["size"], "blobId": git_hash(content)}
            if size > LARGE_BYTES:
                entry["lfs"] = {"size": said["size"], "sha256": said["sha256"], "pointerSize": 100}
            siblings.append(entry)
        body = {"id": name, "modelId": name, "sha": commit_of(files), "siblings": siblings, "tags": []}
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def file(self, name: str, revision: str, path: str) -> None:
        files = self.known(name, revision)
        if files is None:
            return
        if self.behaviour(self.server.folder / name).get("gated") and "Authorization" not in self.headers:
            self.answer(401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
            return
        commit = {"X-Repo-Commit": commit_of(files)}
        content = files.get(path)
        if content is None:
            self.answer(404, {**commit, "X-Error-Code": "EntryNotFound"})
        elif len(content) > LARGE_BYTES:
            linked = {
                "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
                "X-Linked-Size": str(len(content)),
            }
            self.answer(302, {**commit, **linked, "Location": f"{self.server.elsewhere}/large/{name}/{path}"})
        else:
            self.answer(200, {**commit, "ETag": f'"{git_hash(content)}"'}, content)

    def large(self, repository: Path, path: str) -> None:
        content = files_of(repository)[path]
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        behaviour = self.behaviour(repository)
        end = len(content)
        for name in ("cut", "stall"):
            end = min(end, start + behaviour.get(name, end))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[start:end])
        self.wfile.flush()
        if end < len(content):
            self.close_connection = True
            if "stall" in behaviour:
                self.server.ended.wait(30)

    def answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


if __name__ == "__main__":
    with HubServer(Path(sys.argv[1])) as hub:
        print(hub.address, flush=True)
        sys.stdin.read()
