"""The stream operation with bad manners: some texts make it die. It stands in for ops/stream.py in the
package folder that unruly-package.ts lays out; the real one is beside it there as calm_stream.py.
"""

import os
import signal

from .calm_stream import SLOTS
from .calm_stream import Stream as CalmStream
from .operation import Step

__all__ = ["SLOTS", "Stream"]


class Stream(CalmStream):
    """Looks at the texts inside for a command, then makes its step as ever."""

    def step(self) -> list[Step]:
        if any(row.text == b"poison" and row.next_part == 1 for row in self._rows.values()):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step()
