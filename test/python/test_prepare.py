"""A model's way from a hub onto the disk: a real process, a real server on this machine, a tiny model."""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer, commit_of, files_of

from evidence_runner.hub_cache import wanted
from evidence_runner.hub_failure import explained
from evidence_runner.prepare import attempt

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 60
NAME = "mlx-community/Tiny-4bit"
# Settings of the host's that would lead somewhere else.
HUB_WORDS = ("hf_", "hugging", "transformers_", "xdg_cache_home", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository: a tiny model of some megabytes beside what must never come."""
    folder = tmp_path_factory.mktemp("model")
    script = ROOT / "test" / "support" / "tiny_language_model.py"
    subprocess.run([sys.executable, script, folder, "--dim", "128", "--layers", "6"], check=True)
    for name in ("modeling_tiny.py", "pytorch_model.bin", "tiny.gguf", "consolidated.safetensors"):
        (folder / name).write_bytes(b"never")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text("{}")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"never")
    return folder


class Hub:
    """The server, its repository and the cache that is filled from it."""

    def __init__(self, server: HubServer, folder: Path, cache: Path) -> None:
        self.server, self.cache = server, cache
        self.repository = folder / NAME
        self.commit = commit_of(files_of(self.repository))
        self.stored = cache / "hub" / "models--mlx-community--Tiny-4bit"
        self.snapshot = self.stored / "snapshots" / self.commit

    def behave(self, **behaviour: Any) -> None:
        (self.repository / "behaviour.json").write_text(json.dumps(behaviour))

    def start(self) -> subprocess.Popen[str]:
        """A process of its own, with the environment that a person has."""
        kept = {name: value for name, value in os.environ.items() if not name.lower().startswith(HUB_WORDS)}
        return subprocess.Popen(
            [sys.executable, "-m", "evidence_runner.prepare", NAME],
            cwd=ROOT / "python",
            env={**kept, "HF_ENDPOINT": self.server.address, "HF_HOME": str(self.cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self) -> list[dict[str, Any]]:
        with self.start() as process:
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
        events = [json.loads(line) for line in out.splitlines()]
        assert process.returncode == (1 if events[-1]["event"] == "error" else 0), err
        return events

    def prepare(self, name: str = NAME, revision: str | None = None) -> list[dict[str, Any]]:
        """The same in this process, which has loaded the hub's library already.

        Not for what fails while several files are on their way: only the end of a process ends those.
        """
        with contextlib.redirect_stdout(io.StringIO()) as out:
            succeeded = attempt(name, revision)
        events = [json.loads(line) for line in out.getvalue().splitlines()]
        assert events[-1]["event"] == ("done" if succeeded else "error")
        return events

    def fetched(self) -> list[tuple[str, str, str | None]]:
        return [each for each in self.server.requests if each[0] == "GET" and each[1].startswith("/large/")]

    def ranges(self) -> list[str | None]:
        """Which part of the weights each request wanted."""
        return [asked for _, path, asked in self.fetched() if path.endswith("model.safetensors")]


def point_to(monkeypatch: pytest.MonkeyPatch, address: str, **more: Any) -> None:
    """What HF_ENDPOINT and its like say, for the library as it is loaded here."""
    from huggingface_hub import constants

    template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    for name, value in {"ENDPOINT": address, "HUGGINGFACE_CO_URL_TEMPLATE": template, **more}.items():
        monkeypatch.setattr(constants, name, value)


@pytest.fixture
def hub(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    shutil.copytree(model, tmp_path / "served" / NAME)
    cache = tmp_path / "cache"
    for name in [name for name in os.environ if name.lower().startswith(HUB_WORDS)]:
        monkeypatch.delenv(name)
    with HubServer(tmp_path / "served") as server:
        places = {"HF_HUB_CACHE": str(cache / "hub"), "HF_HUB_OFFLINE": False, "HF_HUB_DISABLE_XET": True}
        own = {"AGENT_HARNESSES_PATH": str(cache / "agents.json"), "HF_TOKEN_PATH": str(cache / "token")}
        point_to(monkeypatch, server.address, **places, **own)
        yield Hub(server, tmp_path / "served", cache)


def test_all_that_is_needed_comes_and_nothing_else(hub: Hub) -> None:
    events = hub.run()
    plan, done = events[0], events[-1]
    files = files_of(hub.snapshot)
    assert sorted(files) == [
        "1_Pooling/config.json",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert all(content == (hub.repository / name).read_bytes() for name, content in files.items())
    total = sum(map(len, files.values()))
    assert plan == {
        **{"event": "plan", "commit": hub.commit, "files": 6, "bytes": total, "present": 0},
        **{"free": plan["free"], "cache": str(hub.cache / "hub")},
    }
    assert plan["free"] > total
    assert done == {"event": "done", "folder": str(hub.snapshot), "commit": hub.commit, "asked": True}
    assert {event["event"] for event in events[1:-1]} == {"progress"}
    assert events[-2] == {"event": "progress", "done": total, "total": total}
    assert (hub.stored / "refs" / "main").read_text() == hub.commit

    hub.server.requests.clear()
    again = hub.prepare()
    assert again[0]["present"] == total
    assert hub.fetched() == []


def test_a_pinned_commit_is_taken_by_its_name_and_makes_no_branch(hub: Hub) -> None:
    assert hub.prepare(NAME, hub.commit)[-1]["folder"] == str(hub.snapshot)
    assert not (hub.stored / "refs").exists()


def test_a_connection_that_breaks_is_taken_up_where_it_broke(hub: Hub) -> None:
    hub.behave(cut=3_500_000)
    assert hub.prepare()[-1]["event"] == "done"
    assert hub.ranges() == [None, "bytes=3145728-"]
    assert (hub.snapshot / "model.safetensors").read_bytes() == files_of(hub.repository)["model.safetensors"]


def test_what_was_killed_goes_on_where_it_stopped(hub: Hub) -> None:
    hub.behave(stall=2_500_000)
    with hub.start() as process:
        assert process.stdout
        for line in process.stdout:
            if json.loads(line).get("done", 0) > 2_000_000:
                break
        process.send_signal(signal.SIGKILL)
    assert not (hub.stored / "refs").exists()
    hub.behave()
    hub.server.requests.clear()
    events = hub.prepare()
    assert events[0]["present"] > 2_000_000
    assert hub.ranges() == ["bytes=2097152-"]
    assert (hub.snapshot / "model.safetensors").read_bytes() == files_of(hub.repository)["model.safetensors"]


def test_a_download_ends_when_nobody_reads_of_it_any_more(hub: Hub) -> None:
    hub.behave(stall=2_500_000)
    with hub.start() as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(PATIENCE_SECONDS) == 1


def test_two_at_a_time_fetch_it_once(hub: Hub) -> None:
    with hub.start() as first, hub.start() as second:
        outs = [process.communicate(timeout=PATIENCE_SECONDS)[0] for process in (first, second)]
    assert [json.loads(out.splitlines()[-1])["event"] for out in outs] == ["done", "done"]
    assert hub.ranges() == [None]
    assert (hub.snapshot / "model.safetensors").read_bytes() == files_of(hub.repository)["model.safetensors"]


def test_another_content_than_was_announced_is_not_kept(hub: Hub) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    hub.behave(announce={"model.safetensors": {"sha256": other}})
    error = hub.run()[-1]
    assert error["code"] == "ER_MODEL_MISMATCH"
    assert other in error["message"]
    assert not list(hub.stored.glob("blobs/*.part"))
    assert not (hub.snapshot / "model.safetensors").exists()
    assert not (hub.stored / "refs").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "generation_config.json"])
def test_another_size_than_was_announced_is_refused(hub: Hub, name: str) -> None:
    hub.behave(announce={name: {"size": (hub.repository / name).stat().st_size + 1}})
    error = hub.run()[-1]
    assert error["event"] == "error"
    assert error["code"] in ("ER_MODEL_MISMATCH", "ER_MODEL_LOAD")
    assert name in error["message"]


def test_what_the_disk_cannot_hold_is_refused_with_figures_before_it_comes(hub: Hub) -> None:
    hub.behave(announce={"model.safetensors": {"size": 1 << 60}})
    plan, error = hub.prepare()
    assert plan["bytes"] > 1 << 60
    assert error["code"] == "ER_MODEL_LOAD"
    assert "1,099,511,627,77" in error["message"] and "are free in" in error["message"]
    assert "HF_HOME" in error["message"]
    assert hub.fetched() == []


def test_foreign_code_is_refused_before_the_weights_come(hub: Hub) -> None:
    config = json.loads((hub.repository / "config.json").read_text())
    (hub.repository / "config.json").write_text(json.dumps({**config, "model_file": "model.py"}))
    error = hub.prepare()[-1]
    assert error["code"] == "ER_MODEL_LOAD"
    assert "names model_file" in error["message"]
    assert hub.fetched() == []


def test_a_repository_without_fitting_weights_is_refused(hub: Hub) -> None:
    (hub.repository / "model.safetensors").unlink()
    error = hub.prepare()[-1]
    assert (error["code"], "it has no model*.safetensors" in error["message"]) == ("ER_MODEL_LOAD", True)


def test_a_gated_model_says_how_to_get_in_and_comes_with_a_token(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.behave(gated=True)
    error = hub.run()[-1]
    assert error["code"] == "ER_MODEL_LOAD"
    assert "accepted its terms" in error["message"] and "HF_TOKEN=" in error["message"]
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    assert hub.prepare()[-1]["event"] == "done"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["mlx-community/Nowhere"], "ER_UNKNOWN_MODEL", "has no model mlx-community/Nowhere"),
        ([NAME, "dev"], "ER_UNKNOWN_MODEL", "that revision of it is not"),
        (["a/b/c"], "ER_INPUT", "can't be a model of the hub"),
    ],
)
def test_what_is_not_there_is_named(hub: Hub, arguments: list[str], code: str, words: str) -> None:
    error = hub.prepare(*arguments)[-1]
    assert (error["event"], error["code"]) == ("error", code)
    assert words in error["message"]


@pytest.mark.parametrize(("status", "words"), [(403, "HF_TOKEN="), (418, "HTTP 418")])
def test_other_answers_are_told(hub: Hub, status: int, words: str) -> None:
    hub.behave(status=status)
    error = hub.prepare()[-1]
    assert error["code"] == "ER_MODEL_LOAD"
    assert words in error["message"]


def test_offline_only_the_cache_counts(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    with monkeypatch.context() as offline:
        offline.setattr(constants, "HF_HUB_OFFLINE", True)
        (absent,) = hub.prepare()
    assert (absent["event"], absent["code"]) == ("error", "ER_MODEL_LOAD")
    assert "HF_HUB_OFFLINE" in absent["message"]
    assert hub.server.requests == []
    hub.prepare()
    hub.server.requests.clear()
    found = {"event": "done", "folder": str(hub.snapshot), "commit": hub.commit, "asked": False}
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub.prepare() == [found]
    assert hub.prepare(NAME, hub.commit) == [found]
    assert hub.server.requests == []


def test_without_a_network_the_cache_will_do_and_else_it_says_so(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = "http://127.0.0.1:9"
    with monkeypatch.context() as unplugged:
        point_to(unplugged, nobody)
        error = hub.prepare()[-1]
    assert error["code"] == "ER_MODEL_LOAD"
    assert "could not be reached" in error["message"]
    hub.prepare()
    point_to(monkeypatch, nobody)
    assert hub.prepare()[-1]["asked"] is False


def test_a_folder_that_cannot_be_written_is_named(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    point_to(monkeypatch, hub.server.address, HF_HUB_CACHE=str(tmp_path / "file" / "hub"))
    error = hub.prepare()[-1]
    assert error["code"] == "ER_MODEL_LOAD"
    assert str(tmp_path / "file") in error["message"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "disk is full.*goes on with a/b where it stopped",
        ),
        (OSError(errno.EROFS, "Read-only", "/models"), r"Can't write to /models \(EROFS\); set HF_HOME"),
        (OSError("Consistency check failed"), "a/b could not be fetched: Consistency check failed"),
    ],
)
def test_a_disk_that_refuses_is_told(error: OSError, words: str) -> None:
    failure = explained(error, "a/b")
    assert failure.code == "ER_MODEL_LOAD"
    assert re.search(words, failure.message)


def test_a_mistake_of_our_own_is_not_explained_away() -> None:
    with pytest.raises(ZeroDivisionError):
        explained(ZeroDivisionError(), "a/b")


def test_wanted_takes_what_a_model_runs_on() -> None:
    names = ["model-00001-of-00002.safetensors", "vocab.json", "merges.txt", "chat_template.jinja"]
    assert all(map(wanted, [*names, "tokenizer.model", "1_Pooling/config.json"]))
    others = ["adapter.safetensors", "x/model.safetensors", "a/b/config.json", "README.md", ".gitattributes"]
    assert not any(map(wanted, [*others, "a.py", "a.bin", "a.pth", "a.gguf"]))
