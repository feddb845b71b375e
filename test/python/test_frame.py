"""Frames on a stream: twins of the cases in test/wire/frame.test.ts."""

import io
import os
import random
import struct
import threading

import pytest

from evidence_runner.errors import WireError
from evidence_runner.frame import (
    MAX_FRAME_BYTES,
    FrameReader,
    read_frame,
    seal_frame,
    write_all,
    write_frames,
)


def test_seal_frame_puts_the_length_before_the_body_little_endian() -> None:
    assert seal_frame(b"x" * 258) == b"\x02\x01\x00\x00" + b"x" * 258


@pytest.mark.parametrize("length", [0, MAX_FRAME_BYTES + 1])
def test_seal_frame_refuses_a_length_that_cannot_be(length: int) -> None:
    with pytest.raises(WireError, match=f"A frame of {length} bytes can't be sent") as raised:
        seal_frame(bytes(length))
    assert raised.value.code == "ER_WIRE"


def test_read_frame_gives_bodies_in_order_and_none_at_the_end() -> None:
    bodies = [b"a", b"bc" * 40_000, b"\x00"]
    stream = io.BytesIO(b"".join(map(seal_frame, bodies)))
    assert [read_frame(stream) for _ in range(4)] == [*bodies, None]


def test_read_frame_gives_the_same_bodies_however_the_stream_comes() -> None:
    dice = random.Random(7)
    for _ in range(20):
        bodies = [dice.randbytes(dice.randint(1, 300)) for _ in range(dice.randint(0, 6))]
        data = b"".join(map(seal_frame, bodies))
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb", buffering=16) as stream:
            # A pipe holds all of this, in the pieces in which it was written or any others.
            while data:
                size = dice.randint(1, 50)
                os.write(write_end, data[:size])
                data = data[size:]
            os.close(write_end)
            assert [read_frame(stream) for _ in range(len(bodies) + 1)] == [*bodies, None]


@pytest.mark.parametrize(
    "stump", [b"", b"\x05", b"\x05\x00\x00", b"\x05\x00\x00\x00", b"\x05\x00\x00\x00abcd"]
)
def test_read_frame_takes_a_stream_that_stops_inside_a_frame_as_ended(stump: bytes) -> None:
    assert read_frame(io.BytesIO(stump)) is None


@pytest.mark.parametrize("header", [b"\x00\x00\x00\x00", b"\x01\x00\x00\x04", b"\xff\xff\xff\xff", b"HTTP"])
def test_read_frame_refuses_a_length_that_cannot_be_before_it_reads_on(header: bytes) -> None:
    stream = io.BytesIO(header + b"rest")
    with pytest.raises(WireError, match="A frame says it is"):
        read_frame(stream)
    assert stream.read() == b"rest"


def test_read_frame_accepts_the_longest_frame() -> None:
    body = read_frame(io.BytesIO(seal_frame(bytes(MAX_FRAME_BYTES))))
    assert body is not None and len(body) == MAX_FRAME_BYTES


def test_a_frame_reader_gives_the_same_bodies_however_the_stream_comes() -> None:
    dice = random.Random(8)
    bodies = [dice.randbytes(dice.choice([1, 50, 65_531, 65_532, 65_533, 200_000])) for _ in range(60)]
    data = b"".join(map(seal_frame, bodies))
    read_end, write_end = os.pipe()

    def write() -> None:
        start = 0
        while start < len(data):
            stop = start + dice.randint(1, 30_000)
            write_all(write_end, data[start:stop])
            start = stop
        os.close(write_end)

    writer = threading.Thread(target=write)
    writer.start()
    reader = FrameReader(read_end)
    heard = []
    while (some := reader.read()) is not None:
        heard.extend(some)
    writer.join()
    os.close(read_end)
    assert heard == bodies


def test_a_frame_reader_waits_for_no_more_than_one_piece() -> None:
    read_end, write_end = os.pipe()
    reader = FrameReader(read_end)
    large = bytes(100_000)
    pieces = [seal_frame(b"a")[:3], seal_frame(b"a")[3:] + seal_frame(large)[:9], large[5:], b"\x09\x00"]
    heard = []
    for piece in pieces[:2]:
        os.write(write_end, piece)
        heard.append(reader.read())
    assert heard == [[], [b"a"]]
    for start in range(0, len(pieces[2]), 9_999):
        os.write(write_end, pieces[2][start : start + 9_999])
        heard.append(reader.read())
    assert heard[2:] == [[]] * 10 + [[large]]
    os.write(write_end, pieces[3])
    os.close(write_end)
    assert [reader.read(), reader.read()] == [[], None]
    os.close(read_end)


@pytest.mark.parametrize("header", [b"\x00\x00\x00\x00", b"\x01\x00\x00\x04", b"\xff\xff\xff\xff", b"HTTP"])
def test_a_frame_reader_refuses_a_length_that_cannot_be(header: bytes) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, seal_frame(b"fine") + header)
    with pytest.raises(WireError, match="A frame says it is"):
        FrameReader(read_end).read()
    os.close(write_end)
    os.close(read_end)


@pytest.mark.parametrize("length", [1, 65_536, 65_537, 3 << 20])
def test_write_frames_writes_it_whole_though_a_pipe_takes_it_in_pieces(length: int) -> None:
    body = random.Random(length).randbytes(length)
    read_end, write_end = os.pipe()

    def write() -> None:
        write_frames(write_end, b"before", body)
        os.close(write_end)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(read_end, "rb") as stream:
        assert stream.read() == seal_frame(b"before") + seal_frame(body)
    writer.join()


@pytest.mark.parametrize("length", [0, MAX_FRAME_BYTES + 1])
def test_write_frames_refuses_a_length_that_cannot_be_and_writes_nothing(length: int) -> None:
    read_end, write_end = os.pipe()
    with pytest.raises(WireError):
        write_frames(write_end, b"fine", bytes(length))
    os.close(write_end)
    assert os.read(read_end, 1) == b""
    os.close(read_end)


def test_write_all_writes_every_byte_of_every_chunk() -> None:
    read_end, write_end = os.pipe()
    numbers = memoryview(struct.pack("<3f", 1, 2, 3)).cast("f")
    write_all(write_end, b"head", numbers, b"", b"tail")
    assert os.read(read_end, 100) == b"head" + numbers.tobytes() + b"tail"
    os.close(read_end)
    os.close(write_end)


def test_write_all_tells_that_the_peer_is_gone() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with pytest.raises(OSError):
        write_all(write_end, b"x")
    os.close(write_end)
