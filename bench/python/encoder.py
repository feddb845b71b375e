"""The encoder by itself, in the workers' own environment: one process, one thread.

Asked ``{texts, arithmetic, passes}``, it answers ``{ms}``, the time from texts to vectors. ``arithmetic``:
``shipped``; ``kernels``, MLX's own fused ones; ``textbook``, the formulas as a textbook has them, with mx.erf
and mx.softmax. ``passes``: ``cut`` as shipped, or ``arrival``: 32 at a time as they came, padded to the
longest.
"""

import math
import sys
import time
from typing import Any

import msgpack

from evidence_runner.frame import read_frame, seal_frame, write_all
from evidence_runner.models.arithmetic import FusedArithmetic, PlainArithmetic
from evidence_runner.models.layout import Layout
from evidence_runner.ops.registry import operations_of
from evidence_runner.stdio import take_stdio

ROWS = 32


class Textbook(FusedArithmetic):
    """Plain MLX operations, none of them fused."""

    def linear(self, x: Any, weights: tuple[Any, Any]) -> Any:
        return x @ weights[0].T + weights[1]

    def layer_norm(self, x: Any, weights: tuple[Any, Any], epsilon: float) -> Any:
        mx = self.mx
        mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
        return (x - mean) * mx.rsqrt(variance + epsilon) * weights[0] + weights[1]

    def gelu(self, x: Any) -> Any:
        return x * 0.5 * (1 + self.mx.erf(x / math.sqrt(2)))

    def attention(self, x: Any, weights: tuple[Any, Any], layout: Layout, heads: int) -> Any:
        mx, features = self.mx, x.shape[1]
        joined = self.linear(x, weights).reshape(layout.texts, layout.length, 3, heads, features // heads)
        queries, keys, values = joined.transpose(2, 0, 3, 1, 4)
        scores = queries @ keys.swapaxes(-1, -2)
        if layout.kept is not None:
            scores = scores + mx.where(layout.kept, 0.0, -1e9)[:, None, None, :]
        mixed = mx.softmax(scores, axis=-1) @ values
        return mixed.transpose(0, 2, 1, 3).reshape(-1, features)


class Padded(PlainArithmetic):
    """The shipped formulas over texts that are padded."""

    layout = FusedArithmetic.layout


def in_arrival_order(embed: Any, texts: list[str]) -> None:
    rows = embed._tokenize(texts)
    shipped = embed.encoder.arithmetic
    if isinstance(shipped, PlainArithmetic):
        embed.encoder.arithmetic = Padded(shipped.mx, shipped.average.shape[0], shipped.small_kernels)
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        embed._encode(some, max(map(len, some)))


def main() -> None:
    frames_in, frames_out = take_stdio()
    embed: Any = operations_of(sys.argv[1:])["embed"]
    embed.load()
    encoder = embed.encoder
    kinds = {
        "shipped": encoder.arithmetic,
        "kernels": FusedArithmetic(encoder.mx),
        "textbook": Textbook(encoder.mx),
    }
    embed.warm_up()
    write_all(
        frames_out, seal_frame(msgpack.packb({"machine": {k: str(v) for k, v in embed.machine.items()}}))
    )
    while (body := read_frame(frames_in)) is not None:
        request = msgpack.unpackb(body)
        encoder.arithmetic = kinds[request["arithmetic"]]
        texts = request["texts"]
        begin = time.perf_counter()
        if request["passes"] == "cut":
            embed.forward(texts, {})
        else:
            in_arrival_order(embed, texts)
        ms = (time.perf_counter() - begin) * 1000
        write_all(frames_out, seal_frame(msgpack.packb({"ms": ms})))


if __name__ == "__main__":
    main()
