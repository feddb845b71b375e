"""Golden frames: what Python writes is byte for byte what it wrote before, and what Node writes it reads."""

import pytest
from golden_frames import FOLDER, MESSAGES, frame_of, path_of

from evidence_runner import message as wire
from evidence_runner.frame import read_frame


@pytest.mark.parametrize("kind", MESSAGES["fromWorker"])
def test_python_writes_the_golden_frame(kind: str) -> None:
    assert frame_of(kind) == path_of("from-worker", kind).read_bytes()


@pytest.mark.parametrize("kind", MESSAGES["toWorker"])
def test_python_reads_the_golden_frame(kind: str) -> None:
    with path_of("to-worker", kind).open("rb") as stream:
        body = read_frame(stream)
        assert read_frame(stream) is None
    assert body is not None
    message = wire.decode(body)
    assert message == MESSAGES["toWorker"][kind]
    assert _types(message) == _types(MESSAGES["toWorker"][kind])


def test_every_kind_of_message_has_its_frame() -> None:
    assert set(MESSAGES["toWorker"]) == set(wire.TO_WORKER)
    kinds = {f"to-worker-{kind}" for kind in MESSAGES["toWorker"]}
    kinds |= {f"from-worker-{kind}" for kind in MESSAGES["fromWorker"]}
    assert {path.stem for path in FOLDER.glob("*.bin")} == kinds


def _types(value: object) -> object:
    """The shape of a value by its types: Python holds 1 and 1.0 for equal."""
    if isinstance(value, dict):
        return {key: _types(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_types(item) for item in value]
    return type(value)
