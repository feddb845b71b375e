"""Lines on stderr for people; the pool keeps their tail and attaches it to errors."""

import sys


def note(text: str) -> None:
    """One line."""
    print(f"evidence_runner: {text}", file=sys.stderr, flush=True)


def note_error(what: str, error: BaseException) -> None:
    """A failure with its traceback, which never crosses the pipe."""
    import traceback  # only when there is one: it takes 2 ms of a cold start

    lines = "".join(traceback.format_exception(error))
    print(f"evidence_runner: {what}\n{lines}", file=sys.stderr, end="", flush=True)
