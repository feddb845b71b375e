"""Failures that cross the pipe: a code of the table in src/core/errors.ts and a text, never a traceback.

Twin of src/core/errors.ts, for the codes that Python raises.
"""


class RunnerError(Exception):
    """A failure with a code of the table; answers the row or the call that it belongs to."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class InputError(RunnerError):
    """Fix the request: ER_UNKNOWN_OP, ER_UNKNOWN_MODEL."""


class ModelError(RunnerError):
    """Change the input or the model: ER_MODEL_INPUT, _FAILED, _MEMORY, _LOAD, _MISMATCH."""


class WireError(RunnerError):
    """The peer does not speak the protocol: ER_WIRE. Ends the process."""
