"""The echo operation with bad manners: some texts make it die, hang or talk. It stands in for ops/echo.py
in the package folder that unruly-package.ts lays out; the real one is beside it there as calm_echo.py.
"""

import os
import signal
import sys
import time
from typing import Any

from ..errors import ModelError
from .calm_echo import Echo as CalmEcho


class Echo(CalmEcho):
    """Looks at each text for a command, then echoes as ever."""

    def forward(self, items: list[Any], options: dict[str, Any]) -> Any:
        for item in items:
            if item == "poison":
                os.kill(os.getpid(), signal.SIGKILL)
            elif item == "crash":
                raise RuntimeError("the operation crashed, as it was told to")
            elif item == "refuse":
                raise ModelError("ER_MODEL_INPUT", "the operation refuses this text")
            elif item == "hang":
                time.sleep(3600)
            elif item == "talk":
                print("a line that belongs to nobody" * 1000)
                os.write(1, b"and one past Python's buffers\n")
                print("said before it died", file=sys.stderr)
        return super().forward(items, options)
