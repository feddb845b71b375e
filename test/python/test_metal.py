"""What is told to Metal and when, by recorded calls on machines without it, and every name that guarded code
uses against the wheels for macOS. Nothing here says that a GPU does what is hoped.
"""

import ast
import importlib.metadata
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import guarded_lines
from mlx_stubs import fits, signatures_of
from recording_metal import GIB, STUBS, RecordingMetal

from evidence_runner import metal
from evidence_runner.ops.embed import BUCKETS

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


@pytest.fixture
def mac(monkeypatch):
    """A recorded GPU, started; what it was told so far is forgotten."""
    monkeypatch.setattr(metal, "_metal", None)
    made = RecordingMetal()
    assert metal.start(made)
    made.calls.clear()
    return made


def test_starting_sets_both_limits_and_wires_nothing(monkeypatch):
    monkeypatch.setattr(metal, "_metal", None)
    made = RecordingMetal(memory=16 * GIB, recommended=11 * GIB)
    assert metal.start(made)
    assert made.calls == [
        ("metal.is_available",),
        ("set_default_device", "gpu"),
        ("device_info", "gpu"),
        ("set_memory_limit", 11 * GIB),
        ("set_cache_limit", GIB),
    ]
    assert metal.facts() == {
        "deviceName": "Apple M9",
        "memoryBytes": 16 * GIB,
        "recommendedBytes": 11 * GIB,
    }


def test_the_cache_gets_an_eighth_of_a_small_memory(monkeypatch):
    monkeypatch.setattr(metal, "_metal", None)
    made = RecordingMetal(memory=4 * GIB, recommended=3 * GIB)
    metal.start(made)
    assert made.limits["cache"] == 512 * MIB


def test_without_metal_one_question_is_asked_and_nothing_done(monkeypatch):
    monkeypatch.setattr(metal, "_metal", None)
    made = RecordingMetal(available=False)
    made.active = made.peak = GIB
    assert not metal.start(made)
    metal.ran(100_000)
    metal.undo_wired_limit()
    assert metal.counted(3, 5) == (3, 5)
    assert metal.facts() == {}
    assert made.calls == [("metal.is_available",)]


def test_the_wired_limit_is_set_to_nothing(mac):
    metal.undo_wired_limit()
    assert mac.calls == [("set_wired_limit", 0)]


def test_usual_passes_keep_the_cache_until_their_number_is_reached(mac):
    turns = metal.CLEAR_EVERY_TURNS
    cleared = []
    for turn in range(1, 3 * turns):
        metal.ran(512 if turn % 2 else 1)
        if mac.calls:
            cleared.append(turn)
            mac.calls.clear()
    assert cleared == [turns, 2 * turns]


def test_a_pass_beyond_the_buckets_clears_the_cache_and_counting_begins_again(mac):
    for _ in range(metal.CLEAR_EVERY_TURNS - 1):
        metal.ran()
    metal.ran(BUCKETS[-1] + 1)
    assert mac.calls == [("clear_cache",)]
    for _ in range(metal.CLEAR_EVERY_TURNS - 1):
        metal.ran()
    assert mac.calls == [("clear_cache",)]
    metal.ran()
    assert mac.calls == [("clear_cache",)] * 2


def test_more_cached_than_half_of_the_limit_is_let_go(mac):
    mac.cached = 512 * MIB
    metal.ran()
    assert mac.calls == []
    mac.cached += 1
    metal.ran()
    assert mac.calls == [("clear_cache",)]
    assert mac.cached == 0


def test_usual_lengths_are_the_buckets_of_the_encoders():
    assert BUCKETS[-1] == metal.USUAL_TOKENS


def test_memory_of_the_process_is_at_least_what_the_gpu_holds_and_keeps(mac):
    mac.active, mac.cached, mac.peak = 3 * GIB, GIB, 5 * GIB
    assert metal.counted(1 * GIB, 2 * GIB) == (4 * GIB, 5 * GIB)
    assert metal.counted(6 * GIB, 7 * GIB) == (6 * GIB, 7 * GIB)
    mac.peak = 0
    assert metal.counted(1, 2) == (4 * GIB, 4 * GIB)


def test_the_recorded_calls_refuse_what_the_wheel_would_refuse(mac):
    for wrong in (
        lambda: mac.set_cache_limit(0.5),
        lambda: mac.set_cache_limit(),
        lambda: mac.set_wired_limit(1, 2),
        lambda: mac.set_memory_limit(bytes=1),
    ):
        with pytest.raises(TypeError):
            wrong()
    for unknown in ("set_cache_limits", "get_wired_limit"):
        with pytest.raises(AttributeError):
            getattr(mac, unknown)


# Names of mlx.core against the wheels


def installed(path: str) -> str:
    (found,) = (file for file in importlib.metadata.files("mlx") if str(file) == path)
    return found.read_text()


def test_every_name_in_guarded_code_is_in_both_wheels_and_takes_the_arguments():
    used = guarded_lines.calls()
    assert {"set_wired_limit", "metal.is_available", "fast.layer_norm"} <= {call.name for call in used}
    for name in sorted({call.name for call in used}):
        assert STUBS["names"].get(name), f"{name}: run scripts/metal-stubs.py"
        assert signatures_of(name, installed) == STUBS["names"][name]
    for call in used:
        if call.positional is not None:
            assert fits(STUBS["names"][call.name], call.positional, call.keywords, call.starred), call


def test_the_noted_wheels_are_of_the_pinned_version():
    lock = (ROOT / "python" / "locks" / "worker.txt").read_text()
    assert STUBS["version"] == importlib.metadata.version("mlx")
    assert len(STUBS["wheels"]) == 2
    for name, sha256 in STUBS["wheels"].items():
        assert f"-{STUBS['version']}-" in name and "macosx" in name
        assert f"--hash=sha256:{sha256}" in lock


def test_the_gpus_memory_is_managed_in_one_file():
    own = {"set_wired_limit", "set_memory_limit", "clear_cache", "device_info", "get_peak_memory"}
    for path in guarded_lines.files():
        used = {call.name for call in guarded_lines.calls_in(ast.parse(path.read_text()))}
        assert path.name == "metal.py" or used.isdisjoint(own), path


def test_a_wrong_name_or_argument_would_be_noticed():
    signatures = STUBS["names"]
    assert signatures_of("set_cache_limits", installed) == []
    assert signatures_of("fast.no_such", installed) == []
    assert not fits(signatures["set_cache_limit"], 0, ())
    assert not fits(signatures["set_cache_limit"], 1, ("stream",))
    assert not fits(signatures["fast.scaled_dot_product_attention"], 3, ("mask",)), "scale has no default"
    assert not fits(signatures["fast.layer_norm"], 3, ())
    assert fits(signatures["fast.layer_norm"], 2, (), True)
    assert not fits(signatures["gpu"], 0, ())
