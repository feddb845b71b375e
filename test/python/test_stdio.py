"""Taking stdio: frames alone leave on what was stdout, whoever prints."""

import os
import struct
import subprocess
import sys

import pytest
from evidence_runner.stdio import write_all
from worker_process import PACKAGE

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGE)}


def run(code: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = f"from evidence_runner.stdio import take_stdio, write_all\nimport os, subprocess, sys\n{code}"
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
write_all(frames_out, b"frame")
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
write_all(frames_out, frames_in.read())
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


def test_write_all_writes_every_byte_of_every_chunk() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    numbers = memoryview(struct.pack("<3f", 1, 2, 3)).cast("f")
    write_all(write_end, b"head", numbers, b"", b"tail")
    assert os.read(read_end, 100) == b"head" + numbers.tobytes() + b"tail"
    os.close(read_end)
    os.close(write_end)


def test_write_all_goes_on_where_a_pipe_took_only_a_part() -> None:
    megabytes = 3
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            f"from evidence_runner.stdio import write_all; write_all(1, b'x' * ({megabytes} << 20))",
        ],
        capture_output=True,
        env=ENVIRONMENT,
        timeout=20,
    )
    assert done.stdout == b"x" * (megabytes << 20)


def test_write_all_tells_that_the_peer_is_gone() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with pytest.raises(OSError):
        write_all(write_end, b"x")
    os.close(write_end)
