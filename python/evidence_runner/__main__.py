"""Entry: takes stdio, then loads and serves the operations that it is told to.

    python -m evidence_runner '{"op": "echo"}' '{"op": "embed", "folder": "…", "name": "…"}'

Each argument is one operation as JSON; without any, `echo` alone. Frames come in on stdin and leave on what
was stdout; everything else that is printed goes to stderr.
"""

import signal
import sys

EXIT_ENVIRONMENT = 69


def main(arguments: list[str]) -> None:
    from .stdio import take_stdio

    frames_in, frames_out = take_stdio()
    # Ctrl-C goes to the whole process group; the parent decides what it means. SIGTERM keeps its default: a
    # handler in Python would wait for the native call that is running.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        from .serve import Server
    except ModuleNotFoundError as error:
        print(f"The Python environment lacks {error.name}; run `npx evidence-runner setup`", file=sys.stderr)
        raise SystemExit(EXIT_ENVIRONMENT) from None
    from .ops.registry import operations_of

    Server(operations_of(arguments), frames_in, frames_out).run()


if __name__ == "__main__":
    main(sys.argv[1:])
