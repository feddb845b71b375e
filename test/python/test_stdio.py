"""Taking stdio: frames alone leave on what was stdout, whoever prints."""

import os
import subprocess
import sys

from worker_process import PACKAGE

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGE)}


def run(code: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = f"from evidence_runner.stdio import take_stdio\nimport os, subprocess, sys\n{code}"
    return subprocess.run(
        [sys.executable, "-P", "-c", program], input=given, capture_output=True, env=ENVIRONMENT, timeout=20
    )


def test_take_stdio_keeps_stdout_for_frames_alone() -> None:
    done = run(
        """
frames_in, frames_out = take_stdio()
print("print")
sys.stdout.write("sys.stdout\\n")
os.write(1, b"descriptor 1\\n")
sys.__stdout__.write("the first sys.stdout\\n")
sys.__stdout__.flush()
subprocess.run(["echo", "a child"])
os.write(frames_out, b"frame")
"""
    )
    assert done.returncode == 0
    assert done.stdout == b"frame"
    said = done.stderr.decode().splitlines()
    assert sorted(said) == sorted(["print", "sys.stdout", "descriptor 1", "the first sys.stdout", "a child"])


def test_take_stdio_gives_a_reader_on_stdin_and_leaves_nothing_there() -> None:
    done = run(
        """
frames_in, frames_out = take_stdio()
assert sys.stdin.read() == ""
assert os.read(0, 10) == b""
os.write(frames_out, frames_in.read())
""",
        b"for the reader",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"for the reader", b"")


def test_take_stdio_keeps_the_descriptors_from_children() -> None:
    done = run(
        """
frames_in, frames_out = take_stdio()
assert not os.get_inheritable(frames_out)
assert not os.get_inheritable(frames_in.fileno())
"""
    )
    assert done.returncode == 0, done.stderr
