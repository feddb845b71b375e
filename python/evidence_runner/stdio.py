"""Keeps the real stdout for frames and points fd 1 at stderr, so that no print() can break a frame.

Called once, before any import that might print.
"""

import os
import signal
import stat
import sys
from typing import BinaryIO

# Node's pipes are socket pairs on POSIX; some start them at 8 KiB: there a large reply is fifty writes.
SOCKET_BUFFER_BYTES = 1024 * 1024


def take_stdio() -> tuple[BinaryIO, int]:
    """Takes fd 0 and fd 1 for frames.

    Returns a buffered reader on stdin and a private, close-on-exec descriptor of what was stdout. Afterwards
    fd 1 and ``sys.stdout`` are stderr, and ``input()`` reads nothing.
    """
    frames_in = os.dup(0)
    frames_out = os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return os.fdopen(frames_in, "rb", buffering=64 * 1024), frames_out


def raise_buffers(descriptor: int) -> None:
    """Gives a socket room for a large reply; does nothing for a plain pipe. Called off the way to `hello`."""
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return
    import socket

    with socket.socket(fileno=os.dup(descriptor)) as end:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            if end.getsockopt(socket.SOL_SOCKET, option) < SOCKET_BUFFER_BYTES:
                end.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)


def end_group() -> None:
    """Ends this process and all that its libraries started, where it leads a process group of its own.

    Without a parent to do it, nobody else would end them. Elsewhere it does nothing: the group is another's.
    """
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
